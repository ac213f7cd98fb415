// SPDX-License-Identifier: GPL-2.0-only
/*
 * hm-stamp show and hm-stamp replay: look into a block or a log, and put the
 * updates of a journal onto disks again, some of them left out on purpose.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stamp.h"

#define MAX_WITHOUT	1024

static void show_stamp(const struct stamp *stamp, uint64_t block, bool vector)
{
	char when[64];
	uint64_t acked[MAX_WRITERS];
	uint32_t w;

	if (stamp->magic != STAMP_MAGIC) {
		if (vector)
			printf("block %" PRIu64 ": no stamp\n", block);
		return;
	}
	if (!stamp_valid(stamp, MAX_BLOCK)) {
		printf("block %" PRIu64 ": torn\n", block);
		return;
	}
	format_time(stamp->issued_ns, when, sizeof(when));
	printf("block %" PRIu64 ": writer %u update %" PRIu64 " volume %u seed %" PRIu64 " %s ordering, issued %s\n",
	       block, stamp->writer, stamp->update, stamp->volume,
	       stamp->geo.seed, ordering_name(stamp->geo.ordering), when);
	if (!vector)
		return;
	for (w = 0; w < stamp->geo.writers; w++)
		acked[w] = stamp->acked[w];
	acked_print(stdout, acked, stamp->geo.writers);
}

static bool show_log(const char *path)
{
	uint64_t acked[MAX_WRITERS];
	struct stamp_log log;
	uint32_t w;

	if (!log_read(path, &log))
		return false;
	printf("RUN seed %" PRIu64 " writers %u ordering %s\n", log.seed,
	       log.writers, ordering_name(log.ordering));
	for (w = 0; w < log.writers; w++)
		acked[w] = log.acked[w];
	acked_print(stdout, acked, log.writers);
	return true;
}

static void show_image(const char *path, const struct geometry *geo,
		       uint64_t first, uint64_t end, bool vector)
{
	void *buf = alloc_aligned(MAX_BLOCK);
	struct volume vol;
	uint64_t block;

	volume_open(&vol, path, false);
	for (block = first; block < end; block++) {
		if (volume_read(&vol, buf, geo->block_size,
				block * geo->block_size) != geo->block_size)
			fail("%s ends before block %" PRIu64, path, block);
		show_stamp(buf, block, vector);
	}
	volume_close(&vol);
	free(buf);
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	const uint64_t *want = NULL;
	struct survey survey = { 0 };
	struct geometry *geo = survey.run;
	uint64_t seed, block;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 's') {
			usage(stderr);
			return EXIT_ERROR;
		}
		seed = parse_number("--seed", optarg, 0, UINT64_MAX);
		want = &seed;
	}
	if (argc - optind < 1 || argc - optind > 2)
		fail("show wants an image and perhaps the number of a block");
	if (show_log(argv[optind]))
		return EXIT_GOOD;
	survey_image(&survey, argv[optind], want, 0);
	if (!survey.nr) {
		printf("%s holds no stamp%s\n", argv[optind],
		       want ? " of the run" : "");
		return EXIT_GOOD;
	}
	if (argc - optind == 1) {
		show_image(argv[optind], geo, 0, geo->blocks, false);
		return EXIT_GOOD;
	}
	block = parse_number("the block", argv[optind + 1], 0,
			     geo->blocks - 1);
	show_image(argv[optind], geo, block, block + 1, true);
	return EXIT_GOOD;
}

struct replay {
	uint64_t first;
	uint64_t without[MAX_WITHOUT];
	unsigned int nr_without;
	struct volume vol[MAX_VOLUMES];
	unsigned int volumes;
};

static void replay_parse(struct replay *replay, int argc, char **argv)
{
	static const struct option options[] = {
		{ "first", required_argument, NULL, 'f' },
		{ "without", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	replay->first = UINT64_MAX;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'f') {
			replay->first = parse_number("--first", optarg, 0,
						     UINT64_MAX);
		} else if (opt == 'w') {
			if (replay->nr_without == MAX_WITHOUT)
				fail("--without is given more than %d times",
				     MAX_WITHOUT);
			replay->without[replay->nr_without++] =
				parse_number("--without", optarg, 1,
					     UINT64_MAX);
		} else {
			usage(stderr);
			exit(EXIT_ERROR);
		}
	}
	if (argc - optind < 2 || argc - optind > MAX_VOLUMES + 1)
		fail("replay wants a journal and the images of 1 to %d volumes",
		     MAX_VOLUMES);
}

static bool left_out(const struct replay *replay, uint64_t i)
{
	unsigned int n;

	for (n = 0; n < replay->nr_without; n++)
		if (replay->without[n] == i)
			return true;
	return false;
}

static void replay_one(struct volume *vol, const struct stamp *stamp,
		       void *scratch)
{
	uint32_t size = stamp->geo.block_size;
	int ret;

	/* Reading it first settles whether O_DIRECT works for this size. */
	volume_read(vol, scratch, size, stamp->block * size);
	ret = volume_write(vol, stamp, size, stamp->block * size, false);
	if (ret)
		fail("cannot write block %" PRIu64 " of %s: %s", stamp->block,
		     vol->path, strerror(-ret));
}

/* A journal is nothing but the blocks, one after the other as issued. */
static uint64_t replay_journal(struct replay *replay, struct volume *journal)
{
	struct stamp *stamp = alloc_aligned(MAX_BLOCK);
	void *scratch = alloc_aligned(MAX_BLOCK);
	uint64_t i = 0, offset = 0, written = 0;
	size_t len;

	while (i < replay->first && offset < journal->size) {
		len = volume_read(journal, stamp, MAX_BLOCK, offset);
		if (!stamp_valid(stamp, len))
			fail("%s holds no whole stamp at byte %" PRIu64 "; is it a journal of hm-stamp write?",
			     journal->path, offset);
		if (stamp->geo.volumes != replay->volumes)
			fail("the journal is of %u volumes, but %u are given",
			     stamp->geo.volumes, replay->volumes);
		offset += stamp->geo.block_size;
		if (left_out(replay, ++i))
			continue;
		replay_one(&replay->vol[stamp->volume], stamp, scratch);
		written++;
	}
	free(stamp);
	free(scratch);
	return written;
}

int cmd_replay(int argc, char **argv)
{
	struct replay replay = { 0 };
	struct volume journal;
	uint64_t written;
	unsigned int v;

	replay_parse(&replay, argc, argv);
	volume_open(&journal, argv[optind], false);
	replay.volumes = (unsigned int)(argc - optind - 1);
	for (v = 0; v < replay.volumes; v++)
		volume_open(&replay.vol[v], argv[optind + 1 + (int)v], true);
	written = replay_journal(&replay, &journal);
	for (v = 0; v < replay.volumes; v++) {
		if (fdatasync(replay.vol[v].fd))
			fail("cannot flush %s: %s", replay.vol[v].path,
			     strerror(errno));
		volume_close(&replay.vol[v]);
	}
	volume_close(&journal);
	printf("replayed %" PRIu64 " updates\n", written);
	return EXIT_GOOD;
}
