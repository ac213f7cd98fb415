// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing a batch to a log ring, for both roles: the heads of its records, then
 * their payloads, then zeroes up to the end of a block.
 */
#include <linux/blkdev.h>

#include "append.h"
#include "meta.h"

/* Bios of one append that may wait for memory; each is submitted at once. */
#define HM_APPEND_BIOS	4

/**
 * hm_append_create() - what appending needs, in memory
 * @a: the append
 * @done: see struct hm_append
 *
 * Return: 0 or -ENOMEM.
 *
 * Context: may sleep.
 */
int hm_append_create(struct hm_append *a,
		     void (*done)(struct hm_append *a, bool ok))
{
	a->done = done;
	a->head = (void *)__get_free_page(GFP_KERNEL);
	if (!a->head)
		return -ENOMEM;
	if (bioset_init(&a->bios, HM_APPEND_BIOS, 0, BIOSET_NEED_BVECS)) {
		free_page((unsigned long)a->head);
		a->head = NULL;
		return -ENOMEM;
	}
	return 0;
}

/**
 * hm_append_destroy() - free it
 * @a: the append; none is under way. One that was not created is all zero
 *
 * Context: may sleep.
 */
void hm_append_destroy(struct hm_append *a)
{
	bioset_exit(&a->bios);
	free_page((unsigned long)a->head);
	a->head = NULL;
}

static void hm_append_put(struct hm_append *a)
{
	if (atomic_dec_and_test(&a->writing))
		a->done(a, !READ_ONCE(a->failed));
}

static void hm_append_endio(struct bio *bio)
{
	struct hm_append *a = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(a->failed, true);
	bio_put(bio);
	hm_append_put(a);
}

static void hm_append_submit(struct hm_append *a)
{
	if (!a->bio)
		return;
	atomic_inc(&a->writing);
	submit_bio_noacct(a->bio);
	a->bio = NULL;
}

static void hm_append_add(struct hm_append *a, struct page *page,
			  unsigned int bytes, unsigned int offset)
{
	unsigned int pages = min(a->left / 512, (unsigned int)BIO_MAX_VECS);

	if (a->bio && !bio_add_page(a->bio, page, bytes, offset))
		hm_append_submit(a);
	if (!a->bio) {
		a->bio = bio_alloc_bioset(a->bdev, pages, a->opf, GFP_NOIO,
					  &a->bios);
		a->bio->bi_iter.bi_sector = a->sector;
		a->bio->bi_private = a;
		a->bio->bi_end_io = hm_append_endio;
		__bio_add_page(a->bio, page, bytes, offset);
	}
	a->sector += bytes >> SECTOR_SHIFT;
	a->left -= bytes;
}

/**
 * hm_append_begin() - a batch: its head
 * @a: the append; @a->batch and the records in @a->head are filled in
 * @m: whose metadata device the log lies on
 * @r: the ring
 * @life: number that its batches bear
 * @flags: REQ_FUA if it is to be durable, or 0
 *
 * All payloads follow with hm_append_payload(), in order, then hm_append_end().
 *
 * Context: may sleep.
 */
void hm_append_begin(struct hm_append *a, const struct hm_meta *m,
		     const struct hm_ring *r, u64 life, blk_opf_t flags)
{
	hm_encode_batch(a->head, &a->batch, life);
	atomic_set(&a->writing, 1);
	a->failed = false;
	a->bdev = m->bdev;
	a->opf = REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | flags;
	a->sector = hm_ring_sector(m->super.bitmap_blocks, r,
				   a->batch.position);
	a->left = hm_batch_blocks(a->batch.payload) * HM_META_BLOCK;
	hm_append_add(a, virt_to_page(a->head), HM_META_BLOCK, 0);
}

/**
 * hm_append_payload() - the next payload of the batch
 * @a: the append
 * @p: the payload; stays as it is until the append has ended
 *
 * Context: may sleep.
 */
void hm_append_payload(struct hm_append *a, const struct hm_payload *p)
{
	unsigned int i;

	for (i = 0; i < p->count; i++)
		hm_append_add(a, p->bvec[i].bv_page, p->bvec[i].bv_len,
			      p->bvec[i].bv_offset);
}

/**
 * hm_append_end() - that was all
 * @a: the append; hm_append.done() may have been called when this returns
 *
 * Context: may sleep.
 */
void hm_append_end(struct hm_append *a)
{
	if (a->left)
		hm_append_add(a, ZERO_PAGE(0), a->left, 0);
	hm_append_submit(a);
	hm_append_put(a);
}
