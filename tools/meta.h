/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of hm-meta share. */
#ifndef META_H
#define META_H

#include "codec.h"
#include "format.h"

#define EXIT_GOOD	0
#define EXIT_UNREADABLE	1
#define EXIT_BAD	2

/* An update that waits in the log. */
struct meta_update {
	struct hm_update update;
	u64 byte;			/* of the device: where its data begins */
	u32 bytes;
};

/*
 * What was found on a metadata device. @s is valid if @counts is a copy, and
 * then so are the regions; those of a damaged block of the bitmap count as
 * dirty, since any of them may be. @log and what follows it are valid if @s has
 * a log that is in use.
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
	struct meta_update *log;	/* what is to be performed, in order */
	u64 updates;			/* how many */
	u64 log_seq;			/* the last of them, */
	u64 log_group;			/* and its group */
	bool log_damaged;		/* there were more */
};

/* What is shown beyond the usual. */
struct meta_wishes {
	bool ranges;
	bool log;
};

void fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

void meta_read(struct meta *m, const char *path);
void meta_free(struct meta *m);
u8 *blocks_of_memory(unsigned int blocks);
bool read_block(int fd, const char *path, u64 block, u8 *to);
bool read_log(struct meta *m, int fd, const char *path);
void print_text(const struct meta *m, const char *path,
		const struct meta_wishes *wishes);
void print_json(const struct meta *m, const struct meta_wishes *wishes);

#endif
