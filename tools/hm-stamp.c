// SPDX-License-Identifier: GPL-2.0-only
/*
 * hm-stamp: prove on real disks that a mirror keeps the order of updates.
 */
#include <string.h>

#include "stamp.h"

static const char usage_text[] =
"usage: hm-stamp write [options] DEV...      stamp updates into volumes\n"
"       hm-stamp check [options] IMG...      is this a good cut of them?\n"
"       hm-stamp show [--seed S] IMG [BLOCK] what is in a block, or in all\n"
"       hm-stamp show LOG                    what a log says was acknowledged\n"
"       hm-stamp replay [options] JOURNAL IMG...\n"
"\n"
"Name the volumes of one ordering domain in the same order each time.\n"
"write DESTROYS what is on them.\n"
"\n"
"write:  --writers N        writers, one update outstanding each (16)\n"
"        --block-size B     bytes of an update (4096)\n"
"        --blocks N         blocks used on each volume (16384, or all)\n"
"        --seed S           names the run (random)\n"
"        --seconds S        stop after S seconds\n"
"        --updates N        stop after N updates in all\n"
"        --ordering completion   a completed update is acknowledged (default)\n"
"        --ordering flush   an update that a flush covered is acknowledged\n"
"        --flush-every N    each N-th update of a writer is followed by a\n"
"                           flush of its volume (8 with flush ordering, or 0)\n"
"        --dsync-every N    each N-th update of a writer is a FUA write (0)\n"
"        --think US         wait 0 to US microseconds between updates (0)\n"
"        --log FILE         keep what is acknowledged in FILE, always current\n"
"        --progress         print it every second as an ACKED line\n"
"        --progress-ms MS   print it every MS milliseconds\n"
"        --journal FILE     append each update to FILE as it is issued\n"
"\n"
"check:  --seed S           the run that counts; other runs' stamps do not\n"
"        --acked FILE|LINE  nothing acknowledged by this log, recorded\n"
"                           console or ACKED line may be missing\n"
"        --reference IMG    once for each volume: how far behind it?\n"
"        --min-updates N    fail if fewer updates are visible\n"
"        --foreign-ok       the disk was not blank before the run\n"
"        --limit BYTES      look for runs only in the first BYTES bytes\n"
"        --expect-violations     succeed only if there are violations\n"
"\n"
"replay: --first N          write only the first N updates of the journal\n"
"        --without I        but not the I-th of them (repeat for more)\n"
"\n"
"exit status: 0 good, 1 violations, 2 wrong usage or an I/O error\n";

void usage(FILE *out)
{
	fputs(usage_text, out);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "write", cmd_write },
	{ "check", cmd_check },
	{ "show", cmd_show },
	{ "replay", cmd_replay },
};

int main(int argc, char **argv)
{
	size_t i;
	int ret;

	if (argc < 2) {
		usage(stderr);
		return EXIT_ERROR;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return EXIT_GOOD;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		ret = commands[i].run(argc - 1, argv + 1);
		/* A report that was not delivered is not a good one. */
		if (fflush(stdout) || ferror(stdout))
			fail("cannot write the report to the standard output");
		return ret;
	}
	fail("there is no subcommand \"%s\"; hm-stamp --help lists them",
	     argv[1]);
}
