// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which runs have left stamps on a disk.
 */
#include <stdlib.h>

#include "stamp.h"

static void survey_add(struct survey *survey, const struct geometry *geo)
{
	unsigned int i;

	for (i = 0; i < survey->nr; i++)
		if (same_run(&survey->run[i], geo))
			return;
	if (survey->nr == MAX_RUNS)
		fail("the disk holds stamps of more than %d runs; say which one counts with --seed",
		     MAX_RUNS);
	survey->run[survey->nr++] = *geo;
}

static bool sector_blank(const void *sector)
{
	const uint64_t *word = sector;
	size_t i;

	for (i = 0; i < MIN_BLOCK / sizeof(*word); i++)
		if (word[i])
			return false;
	return true;
}

static void survey_chunk(struct survey *survey, const char *buf, size_t len,
			 uint64_t offset, const uint64_t *seed)
{
	const struct stamp *stamp;
	size_t at, step;

	for (at = 0; at + MIN_BLOCK <= len; at += step) {
		stamp = (const struct stamp *)(buf + at);
		step = MIN_BLOCK;
		if (sector_blank(stamp))
			continue;
		if (!stamp_valid(stamp, len - at) ||
		    stamp->block * stamp->geo.block_size != offset + at) {
			survey->unknown++;
			continue;
		}
		step = stamp->geo.block_size;
		if (!seed || stamp->geo.seed == *seed)
			survey_add(survey, &stamp->geo);
	}
}

/*
 * Finds the runs on @path in its first @limit bytes (0: all of it). Once a
 * run is known, nothing beyond the blocks it uses is looked at: runs on one
 * disk overlap, and disks are large.
 */
void survey_image(struct survey *survey, const char *path,
		  const uint64_t *seed, uint64_t limit)
{
	struct volume vol;
	uint64_t offset, end;
	unsigned int i;
	size_t len;
	char *buf = alloc_aligned(CHUNK);

	volume_open(&vol, path, false);
	if (!limit || limit > vol.size)
		limit = vol.size;
	for (offset = 0; offset < limit; offset += CHUNK) {
		for (i = 0, end = 0; i < survey->nr; i++)
			if (end < survey->run[i].blocks *
				  survey->run[i].block_size)
				end = survey->run[i].blocks *
				      survey->run[i].block_size;
		if (survey->nr && (seed || offset >= end))
			break;
		len = volume_read(&vol, buf, CHUNK, offset);
		survey_chunk(survey, buf, len, offset, seed);
	}
	volume_close(&vol);
	free(buf);
}
