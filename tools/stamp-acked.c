// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a writer said was acknowledged: its log, or its ACKED lines as a
 * console recorded them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stamp.h"

void acked_print(FILE *out, const uint64_t *acked, uint32_t writers)
{
	uint32_t w;

	flockfile(out);
	fputs("ACKED", out);
	for (w = 0; w < writers; w++)
		fprintf(out, " w%u:%llu", w, (unsigned long long)acked[w]);
	fputc('\n', out);
	fflush(out);
	funlockfile(out);
}

/*
 * Takes "w0:17 w1:20 ..." up to the first thing that is something else. A
 * line that was cut short is still a lower bound, and so is its last number;
 * what a console has put into the middle of the line ends it.
 */
static unsigned int parse_entries(const char *text,
				  uint64_t acked[MAX_WRITERS])
{
	unsigned int entries = 0;
	unsigned long long update;
	unsigned long writer;
	char *end;

	for (;;) {
		while (isspace((unsigned char)*text))
			text++;
		if (*text == 'w')
			text++;
		if (!isdigit((unsigned char)*text))
			return entries;
		errno = 0;
		writer = strtoul(text, &end, 10);
		if (*end != ':' || !isdigit((unsigned char)end[1]))
			return entries;
		update = strtoull(end + 1, &end, 10);
		if (errno || (*end && !isspace((unsigned char)*end)))
			return entries;
		if (writer >= MAX_WRITERS || update > MAX_UPDATES)
			fail("\"%lu:%llu\" cannot be an acknowledged update: there are at most %d writers and %llu updates of each",
			     writer, update, MAX_WRITERS,
			     (unsigned long long)MAX_UPDATES);
		if (acked[writer] < update)
			acked[writer] = update;
		entries++;
		text = end;
	}
}

/* One console may have seen several runs; each says which it is. */
static bool line_starts_run(const char *line, uint64_t *seed)
{
	const char *at = strstr(line, "RUN seed ");

	if (!at || !isdigit((unsigned char)at[9]))
		return false;
	*seed = strtoull(at + 9, NULL, 10);
	return true;
}

static unsigned int read_console(const char *path, FILE *file,
				 const uint64_t *seed,
				 uint64_t acked[MAX_WRITERS])
{
	unsigned int entries = 0;
	bool ours = true, known = false;
	uint64_t run, previous = 0;
	char *line = NULL, *at;
	size_t room = 0;

	while (getline(&line, &room, file) >= 0) {
		if (line_starts_run(line, &run)) {
			if (!seed && known && run != previous)
				fail("%s tells of several runs; say which one counts with --seed",
				     path);
			known = true;
			previous = run;
			ours = !seed || run == *seed;
			continue;
		}
		at = strstr(line, "ACKED ");
		if (at && ours)
			entries += parse_entries(at + 6, acked);
	}
	free(line);
	return entries;
}

/* Is @path a log of hm-stamp write --log? */
bool log_read(const char *path, struct stamp_log *log)
{
	FILE *file = fopen(path, "r");
	bool found;

	if (!file)
		return false;
	found = fread(log, sizeof(*log), 1, file) == 1 &&
		log->magic == LOG_MAGIC && log->writers &&
		log->writers <= MAX_WRITERS;
	fclose(file);
	return found;
}

static void use_log(const char *path, struct stamp_log *log,
		    const uint64_t *seed, uint64_t acked[MAX_WRITERS])
{
	uint32_t w;

	if (seed && *seed != log->seed)
		fail("%s is the log of the run with seed %llu, not of the one with seed %llu",
		     path, (unsigned long long)log->seed,
		     (unsigned long long)*seed);
	for (w = 0; w < log->writers; w++) {
		acked[w] = log->acked[w];
		if (acked[w] > MAX_UPDATES)
			fail("%s is damaged: it has writer %u at update %llu",
			     path, w, (unsigned long long)acked[w]);
	}
}

/* @arg is a log, a file with ACKED lines, or such a line itself. */
void acked_read(const char *arg, const uint64_t *seed,
		uint64_t acked[MAX_WRITERS])
{
	struct stamp_log log;
	const char *line;
	FILE *file;

	if (access(arg, F_OK) && strchr(arg, ':')) {
		line = strstr(arg, "ACKED ");
		if (!parse_entries(line ? line + 6 : arg, acked))
			fail("\"%s\" is neither a file nor an ACKED line", arg);
		return;
	}
	if (log_read(arg, &log)) {
		use_log(arg, &log, seed, acked);
		return;
	}
	file = fopen(arg, "r");
	if (!file)
		fail("cannot read %s: %s", arg, strerror(errno));
	if (!read_console(arg, file, seed, acked))
		fail("%s holds no ACKED line of the run; was hm-stamp write started with --progress?",
		     arg);
	fclose(file);
}
