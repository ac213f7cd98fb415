/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_APPEND_H
#define HM_APPEND_H

#include <linux/bio.h>

#include "core/ring.h"
#include "payload.h"

struct hm_meta;

/**
 * struct hm_append - one batch on its way to a log; one at a time
 * @head: a page: the head of the batch; the owner encodes the records in it
 * @batch: what it says; filled in by the owner
 * @done: called when all of it has ended; any context
 *
 * The rest is append.c's:
 *
 * @bios: for writing
 * @writing: bios that have not ended, and one for the starter
 * @failed: one of them failed
 * @bdev: where to
 * @opf: how
 * @sector: behind what was added
 * @left: bytes to come
 * @bio: not submitted yet, or NULL
 */
struct hm_append {
	struct hm_disk_batch *head;
	struct hm_ring_batch batch;
	void (*done)(struct hm_append *a, bool ok);

	struct bio_set bios;
	atomic_t writing;
	bool failed;
	struct block_device *bdev;
	blk_opf_t opf;
	sector_t sector;
	unsigned int left;
	struct bio *bio;
};

int hm_append_create(struct hm_append *a,
		     void (*done)(struct hm_append *a, bool ok));
void hm_append_destroy(struct hm_append *a);
void hm_append_begin(struct hm_append *a, const struct hm_meta *m,
		     const struct hm_ring *r, u64 life, blk_opf_t flags);
void hm_append_payload(struct hm_append *a, const struct hm_payload *p);
void hm_append_end(struct hm_append *a);

/* Position behind the batch. */
static inline u64 hm_append_behind(const struct hm_append *a)
{
	return a->batch.position + hm_batch_blocks(a->batch.payload);
}

#endif
