/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of hm-meta share. */
#ifndef META_H
#define META_H

#include "format.h"

#define EXIT_GOOD	0
#define EXIT_UNREADABLE	1
#define EXIT_BAD	2

/*
 * What was found on a metadata device. @s is valid if @counts is a copy, and
 * then so are the regions; those of a damaged block of the bitmap count as
 * dirty, since any of them may be.
 */
struct meta {
	enum hm_format verdict;
	enum hm_format copy[HM_SUPER_COPIES];
	u64 sequence[HM_SUPER_COPIES];
	int counts;			/* the copy that counts, or -1 */
	struct hm_super s;
	struct hm_regions r;
	u64 dirty_sectors;
	u32 damaged_blocks;
};

void fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

void meta_read(struct meta *m, const char *path);
void meta_free(struct meta *m);
void print_text(const struct meta *m, const char *path, bool ranges);
void print_json(const struct meta *m, bool ranges);

#endif
