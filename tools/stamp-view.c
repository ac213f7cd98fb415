// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a set of images shows of one run: which update is in each block, and
 * which updates those that are visible demand.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "stamp.h"

#define MAX_REPORTED	10

enum content {
	CONTENT_BLANK,		/* zeros, or a whole stamp of another run */
	CONTENT_OURS,
	CONTENT_MISPLACED,
	CONTENT_TORN,
	CONTENT_FOREIGN,
};

void view_violation(struct view *view, const char *fmt, ...)
{
	va_list args;

	if (view->violations++ >= MAX_REPORTED || view->quiet)
		return;
	va_start(args, fmt);
	fputs("violation: ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
}

uint64_t view_number(const struct view *view, uint32_t volume, uint64_t block)
{
	return view->number[volume * view->geo->blocks + block];
}

/* All up to the last visible one of each writer, overwritten ones as well. */
uint64_t view_updates(const struct view *view)
{
	uint64_t sum = 0;
	uint32_t w;

	for (w = 0; w < MAX_WRITERS; w++)
		sum += view->top[w];
	return sum;
}

static bool all_zero(const void *buf, size_t len)
{
	const char *byte = buf;

	return !*byte && !memcmp(byte, byte + 1, len - 1);
}

static enum content classify(const struct geometry *geo,
			     const struct stamp *stamp, uint32_t volume,
			     uint64_t block)
{
	if (stamp_valid(stamp, geo->block_size)) {
		if (!same_run(&stamp->geo, geo))
			return CONTENT_BLANK;
		if (stamp->volume == volume && stamp->block == block)
			return CONTENT_OURS;
		return CONTENT_MISPLACED;
	}
	if (stamp->magic == STAMP_MAGIC)
		return CONTENT_TORN;
	return all_zero(stamp, geo->block_size) ? CONTENT_BLANK :
						  CONTENT_FOREIGN;
}

static void add_stamp(struct view *view, const struct stamp *stamp)
{
	struct witness self = {
		.writer = stamp->writer,
		.volume = stamp->volume,
		.update = stamp->update,
		.block = stamp->block,
	};
	uint32_t w;

	view->stamped++;
	view->number[stamp->volume * view->geo->blocks + stamp->block] =
		stamp->update;
	if (view->top[stamp->writer] < stamp->update)
		view->top[stamp->writer] = stamp->update;
	if (view->newest_ns <= stamp->issued_ns) {
		view->newest_ns = stamp->issued_ns;
		view->newest = self;
	}
	for (w = 0; w < view->geo->writers; w++) {
		if (view->needed[w] >= stamp->acked[w])
			continue;
		view->needed[w] = stamp->acked[w];
		view->witness[w] = self;
	}
}

static void view_block(struct view *view, const struct stamp *stamp,
		       uint32_t volume, uint64_t block)
{
	const char *path = view->path[volume];

	switch (classify(view->geo, stamp, volume, block)) {
	case CONTENT_BLANK:
		return;
	case CONTENT_OURS:
		add_stamp(view, stamp);
		return;
	case CONTENT_MISPLACED:
		view_violation(view,
			       "%s block %" PRIu64 " holds what belongs into volume %u block %" PRIu64 " (update %" PRIu64 " of writer %u); are the images in the order of the write?",
			       path, block, stamp->volume, stamp->block,
			       stamp->update, stamp->writer);
		return;
	case CONTENT_TORN:
		view_violation(view,
			       "%s block %" PRIu64 " is torn: it begins like update %" PRIu64 " of writer %u, but its checksum is wrong",
			       path, block, stamp->update, stamp->writer);
		return;
	case CONTENT_FOREIGN:
		if (!view->foreign_ok)
			view_violation(view,
				       "%s block %" PRIu64 " is torn or foreign: it is neither blank nor stamped (if the disk was not blank before the run, say --foreign-ok)",
				       path, block);
		return;
	}
}

static void view_volume(struct view *view, uint32_t volume, void *buf)
{
	const struct geometry *geo = view->geo;
	uint64_t size = geo->blocks * geo->block_size;
	uint64_t offset, at;
	struct volume vol;
	size_t len;

	volume_open(&vol, view->path[volume], false);
	if (vol.size < size)
		fail("%s is too short to be volume %u of the run: it has %" PRIu64 " bytes, the run used %" PRIu64,
		     vol.path, volume, vol.size, size);
	for (offset = 0; offset < size; offset += len) {
		len = size - offset < CHUNK ? (size_t)(size - offset) : CHUNK;
		if (volume_read(&vol, buf, len, offset) != len)
			fail("%s ends early, at byte %" PRIu64 " or after",
			     vol.path, offset);
		for (at = 0; at < len; at += geo->block_size)
			view_block(view, (struct stamp *)((char *)buf + at),
				   volume, (offset + at) / geo->block_size);
	}
	volume_close(&vol);
}

/* Reads the images once, from the first block of the run to its last. */
void view_load(struct view *view)
{
	const struct geometry *geo = view->geo;
	void *buf = alloc_aligned(CHUNK);
	uint32_t volume;

	view->number = calloc(geo->volumes * geo->blocks,
			      sizeof(*view->number));
	if (!view->number)
		fail("out of memory for %u volumes of %" PRIu64 " blocks",
		     geo->volumes, geo->blocks);
	for (volume = 0; volume < geo->volumes; volume++)
		view_volume(view, volume, buf);
	free(buf);
}

void view_free(struct view *view)
{
	free(view->number);
	view->number = NULL;
}
