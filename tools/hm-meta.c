// SPDX-License-Identifier: GPL-2.0-only
/*
 * hm-meta: what a metadata device says of its volume. It only reads, so it can
 * be asked with the peer dead, the module not loaded, or the mirror running:
 * then it says what a crash at this moment would leave.
 */
#include <stdio.h>
#include <string.h>

#include "meta.h"

static const char usage_text[] =
"usage: hm-meta dump [--json] [--ranges] [--log] DEVICE\n"
"\n"
"Shows what a metadata device, or an image of one, says of its volume: role,\n"
"set, generations, whether the data is consistent, and how much of it may\n"
"differ from the peer's. Nothing is written.\n"
"\n"
"  --json      for programs\n"
"  --ranges    list the ranges that may differ as well\n"
"  --log       list the updates that wait in the log as well\n"
"\n"
"exit status: 0 good, 1 wrong usage or it cannot be read, 2 not to be used as\n"
"it is: empty, foreign, damaged, or of a newer version\n";

static int dump(int argc, char **argv)
{
	struct meta_wishes wishes = { 0 };
	bool json = false;
	const char *path = NULL;
	struct meta m;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--ranges"))
			wishes.ranges = true;
		else if (!strcmp(argv[i], "--log"))
			wishes.log = true;
		else if (argv[i][0] == '-')
			fail("no option \"%s\"; hm-meta --help lists them",
			     argv[i]);
		else if (path)
			fail("more than one device is given");
		else
			path = argv[i];
	}
	if (!path)
		fail("which device? See hm-meta --help");
	meta_read(&m, path);
	if (json)
		print_json(&m, &wishes);
	else
		print_text(&m, path, &wishes);
	i = m.verdict == HM_FORMAT_OK ? EXIT_GOOD : EXIT_BAD;
	meta_free(&m);
	return i;
}

int main(int argc, char **argv)
{
	int ret;

	if (argc < 2) {
		fputs(usage_text, stderr);
		return EXIT_UNREADABLE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fputs(usage_text, stdout);
		return EXIT_GOOD;
	}
	if (strcmp(argv[1], "dump"))
		fail("there is no subcommand \"%s\"; see hm-meta --help",
		     argv[1]);
	ret = dump(argc - 1, argv + 1);
	/* A report that was not delivered is not a good one. */
	if (fflush(stdout) || ferror(stdout))
		fail("cannot write the report to the standard output");
	return ret;
}
