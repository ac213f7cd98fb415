// SPDX-License-Identifier: GPL-2.0-only
/*
 * Performing the log again, when a volume is loaded in either role: all batches
 * from the tail to the first hole, in their order. It does no harm to perform what
 * was performed already, as long as all that comes after it is performed, too.
 */
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/vmalloc.h>

#include "core/walk.h"
#include "set.h"

/**
 * struct hm_replay - what is being performed
 * @v: the volume
 * @m: its metadata
 * @super: what the superblock says of the log
 * @until: sequence number of the last update to perform
 * @walk: where it is in the log
 * @head: the head of a batch; its payloads follow
 * @record: the records of the batch that were performed, decoded
 * @writing: writes that have not ended, and one for the starter
 * @failed: one of them failed
 * @done: all have ended
 */
struct hm_replay {
	struct hm_volume *v;
	const struct hm_meta *m;
	const struct hm_super *super;
	u64 until;
	struct hm_walk walk;
	struct hm_disk_batch *head;
	struct hm_record record[HM_BATCH_RECORDS];
	atomic_t writing;
	bool failed;
	struct completion done;
};

static struct bio *hm_replay_bio(struct block_device *bdev, blk_opf_t opf,
				 sector_t sector, void **at,
				 unsigned int *bytes)
{
	unsigned int vecs = min_t(unsigned int, *bytes / PAGE_SIZE + 2,
				  BIO_MAX_VECS);
	struct bio *bio = bio_alloc(bdev, vecs, opf, GFP_NOIO);
	unsigned int n;

	bio->bi_iter.bi_sector = sector;
	while (*bytes && vecs--) {
		n = min_t(unsigned int, *bytes,
			  PAGE_SIZE - offset_in_page(*at));
		if (!bio_add_page(bio, vmalloc_to_page(*at), n,
				  offset_in_page(*at)))
			break;
		*at += n;
		*bytes -= n;
	}
	return bio;
}

static int hm_replay_read(struct hm_replay *r, u64 position, void *at,
			  unsigned int bytes)
{
	sector_t sector = hm_ring_sector(r->super->bitmap_blocks,
					 &r->walk.ring, position);
	unsigned int left = bytes, before;
	void *from = at;
	struct bio *bio;
	int err = 0;

	while (left && !err) {
		before = left;
		bio = hm_replay_bio(r->m->bdev, REQ_OP_READ, sector, &at,
				    &left);
		err = submit_bio_wait(bio);
		bio_put(bio);
		sector += (before - left) >> SECTOR_SHIFT;
	}
	invalidate_kernel_vmap_range(from, bytes);
	return err;
}

/* 1: the next batch is here, 0: the log has ended, or a negative errno. */
static int hm_replay_find(struct hm_replay *r)
{
	u64 position;
	int err;

	while (r->walk.seq < r->until && hm_walk_where(&r->walk, &position)) {
		err = hm_replay_read(r, position, r->head, HM_META_BLOCK);
		if (!err && !hm_walk_batch(&r->walk, r->head))
			continue;
		if (!err)
			err = hm_replay_read(r, position + 1, r->head + 1,
					     (hm_batch_blocks(r->walk.batch.payload) -
					      1) * HM_META_BLOCK);
		if (err)
			hm_err(r->v->set, "volume %u: its log cannot be read near sector %llu: mend the metadata device, and load the table again",
			       r->v->info.number,
			       hm_ring_sector(r->super->bitmap_blocks,
					      &r->walk.ring, position));
		return err ?: 1;
	}
	if (!r->walk.damaged)
		return 0;
	hm_err(r->v->set, "volume %u, metadata device %s: after update %llu %s",
	       r->v->info.number, r->v->meta_dev->name, r->walk.seq,
	       hm_format_text(HM_FORMAT_LOG));
	return -EIO;
}

static void hm_replay_put(struct hm_replay *r)
{
	if (atomic_dec_and_test(&r->writing))
		complete(&r->done);
}

static void hm_replay_endio(struct bio *bio)
{
	struct hm_replay *r = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(r->failed, true);
	bio_put(bio);
	hm_replay_put(r);
}

static int hm_replay_wait(struct hm_replay *r)
{
	hm_replay_put(r);
	wait_for_completion(&r->done);
	reinit_completion(&r->done);
	atomic_set(&r->writing, 1);
	return r->failed ? -EIO : 0;
}

/* Does it overlap one of the batch that may be under way? */
static bool hm_replay_conflict(const struct hm_replay *r, unsigned int i)
{
	const struct hm_update *u = &r->record[i].update, *other;

	while (i--) {
		other = &r->record[i].update;
		if (other->sector < u->sector + u->sectors &&
		    u->sector < other->sector + other->sectors)
			return true;
	}
	return false;
}

static int hm_replay_write(struct hm_replay *r, const struct hm_record *rec,
			   void *payload)
{
	struct block_device *bdev = r->v->dev->bdev;
	const struct hm_update *u = &rec->update;
	sector_t sector = u->sector;
	unsigned int left = rec->payload, before;
	struct bio *bio;

	if (u->kind == HM_FLUSH)
		return 0;
	if (u->kind != HM_WRITE)
		return blkdev_issue_zeroout(bdev, u->sector, u->sectors,
					    GFP_NOIO, u->flags & HM_NOUNMAP ?
					    BLKDEV_ZERO_NOUNMAP : 0);
	while (left) {
		before = left;
		bio = hm_replay_bio(bdev, REQ_OP_WRITE, sector, &payload,
				    &left);
		bio->bi_private = r;
		bio->bi_end_io = hm_replay_endio;
		sector += (before - left) >> SECTOR_SHIFT;
		atomic_inc(&r->writing);
		submit_bio(bio);
	}
	return 0;
}

static int hm_replay_batch(struct hm_replay *r)
{
	u8 *payloads = (u8 *)(r->head + 1);
	u32 offset = 0;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && hm_walk_record(&r->walk, r->head, payloads,
					   &r->record[i]); i++) {
		if (hm_replay_conflict(r, i))
			err = hm_replay_wait(r);
		if (!err)
			err = hm_replay_write(r, &r->record[i],
					      payloads + offset);
		offset = r->walk.offset;
	}
	/* Its memory is that of the next one. */
	return hm_replay_wait(r) ?: err;
}

static int hm_replay_all(struct hm_replay *r)
{
	int what, err = 0;

	while ((what = hm_replay_find(r)) > 0) {
		err = hm_replay_batch(r);
		if (err)
			break;
		cond_resched();
	}
	if (!what)
		err = blkdev_issue_flush(r->v->dev->bdev);
	if (err)
		hm_err(r->v->set, "volume %u: the disk refused an update of the log: mend it, and load the table again",
		       r->v->info.number);
	err = what < 0 ? what : err;
	/* A device may say so, too. */
	return err == -ENOMEM ? -EIO : err;
}

/**
 * hm_log_replay() - perform what the log of a volume holds
 * @v: the volume; nothing else writes to its devices
 * @m: its metadata
 * @super: what its superblock says; HM_SUPER_LOGGED. It is changed in memory: the
 *	log is empty, and the disk is where the log ended
 * @until: sequence number of the last update to perform; ~0: all there are
 *
 * Return: 0 or a negative errno; then the log says why, and nothing is lost.
 * -ENOMEM: nothing was performed.
 *
 * Context: may sleep; the volume stays in its set, and is not resumed or suspended
 * meanwhile.
 */
int hm_log_replay(struct hm_volume *v, const struct hm_meta *m,
		  struct hm_super *super, u64 until)
{
	struct hm_replay *r = vzalloc(sizeof(*r));
	ktime_t begun = ktime_get();
	int err = -ENOMEM;

	if (r)
		r->head = vmalloc(HM_META_BLOCK + HM_BATCH_PAYLOAD);
	if (r && r->head) {
		r->v = v;
		r->m = m;
		r->super = super;
		r->until = until;
		hm_walk_begin(&r->walk, super, v->info.sectors,
			      v->info.logical_block);
		atomic_set(&r->writing, 1);
		init_completion(&r->done);
		err = hm_replay_all(r);
	}
	if (!err) {
		super->seq = max(super->seq, r->walk.seq);
		super->group = max(super->group, r->walk.group);
		super->logged = false;
		super->ring_life = 0;
		super->ring_tail = 0;
		hm_info(v->set, "volume %u: performed %llu updates of the log in %lld ms; the disk is at update %llu of group %llu",
			v->info.number, r->walk.updates,
			ktime_ms_delta(ktime_get(), begun), super->seq,
			super->group);
	}
	if (r)
		vfree(r->head);
	vfree(r);
	return err;
}
