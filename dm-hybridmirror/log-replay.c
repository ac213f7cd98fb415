// SPDX-License-Identifier: GPL-2.0-only
/*
 * Performing the log again, when a volume is loaded in either role: all batches
 * from the tail to the first hole, in their order. It does no harm to perform what
 * was performed already, as long as all that comes after it is performed, too.
 */
#include <linux/blkdev.h>
#include <linux/ktime.h>
#include <linux/vmalloc.h>

#include "set.h"

/**
 * struct hm_replay - what is being performed
 * @v: the volume
 * @m: its metadata
 * @ring: the log
 * @limits: what a record may say
 * @batch: the batch at @position
 * @position: where it lies
 * @head: its head; its payloads follow
 * @record: its records, decoded
 * @begun: the first update has come
 * @seq: the last update that was performed
 * @group: its group
 * @updates: how many
 * @writing: writes that have not ended, and one for the starter
 * @failed: one of them failed
 * @done: all have ended
 */
struct hm_replay {
	struct hm_volume *v;
	struct hm_meta *m;
	struct hm_ring ring;
	struct hm_record_limits limits;
	struct hm_ring_batch batch;
	u64 position;
	struct hm_disk_batch *head;
	struct hm_record record[HM_BATCH_RECORDS];
	bool begun;
	u64 seq;
	u64 group;
	u64 updates;
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
	sector_t sector = hm_ring_sector(r->m->super.bitmap_blocks, &r->ring,
					 position);
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

/* 1: the batch is here, 0: the log ends, or a negative errno. */
static int hm_replay_batch_at(struct hm_replay *r, u64 position)
{
	int err = hm_replay_read(r, position, r->head, HM_META_BLOCK);

	if (err)
		return err;
	if (!hm_decode_batch(r->head, r->m->super.ring_life, position,
			     r->ring.blocks, &r->batch))
		return 0;
	r->position = position;
	if (r->batch.payload)
		err = hm_replay_read(r, position + 1, r->head + 1,
				     (hm_batch_blocks(r->batch.payload) - 1) *
				     HM_META_BLOCK);
	return err ?: 1;
}

static int hm_replay_next_batch(struct hm_replay *r)
{
	int what = hm_replay_batch_at(r, r->position);

	if (!what && r->position % r->ring.blocks)
		what = hm_replay_batch_at(r, hm_ring_next_lap(&r->ring,
							      r->position));
	return what;
}

/* Is a record whole, and the next one? Its payload lies at @at. */
static bool hm_replay_takes(struct hm_replay *r, unsigned int i, u32 offset)
{
	const u8 *payload = (u8 *)(r->head + 1) + offset;
	struct hm_record *rec = &r->record[i];

	if (hm_decode_record(&r->head->record[i], &r->limits, rec) !=
	    HM_DECODE_OK || rec->update.kind > HM_FLUSH)
		return false;
	if (r->begun ? rec->update.seq != r->seq + 1 :
		       rec->update.seq > r->seq + 1)
		return false;
	if (offset + rec->payload > r->batch.payload)
		return false;
	return !rec->payload || crc32c(HM_CRC_SEED, payload, rec->payload) ==
				rec->payload_crc;
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

/* 1: all of the batch, 0: the log ends in it, or a negative errno. */
static int hm_replay_batch(struct hm_replay *r)
{
	u8 *payload = (u8 *)(r->head + 1);
	u32 offset = 0;
	unsigned int i;
	int err = 0;

	for (i = 0; i < r->batch.records && !err; i++) {
		if (!hm_replay_takes(r, i, offset))
			break;
		if (hm_replay_conflict(r, i))
			err = hm_replay_wait(r);
		if (!err)
			err = hm_replay_write(r, &r->record[i],
					      payload + offset);
		offset += r->record[i].payload;
		r->begun = true;
		r->seq = r->record[i].update.seq;
		r->group = r->record[i].update.group;
		r->updates++;
	}
	/* Its memory is that of the next one. */
	err = hm_replay_wait(r) ?: err;
	r->position += hm_batch_blocks(r->batch.payload);
	return err ?: i == r->batch.records;
}

static int hm_replay_all(struct hm_replay *r)
{
	int what;

	do {
		what = hm_replay_next_batch(r);
		if (what < 0)
			hm_err(r->v->set, "volume %u: its log cannot be read: mend the metadata device, and load the table again",
			       r->v->info.number);
		if (what <= 0)
			break;
		what = hm_replay_batch(r);
		if (what < 0)
			hm_err(r->v->set, "volume %u: the disk refused an update of the log: mend it, and load the table again",
			       r->v->info.number);
		cond_resched();
	} while (what > 0);
	if (!what)
		what = blkdev_issue_flush(r->v->dev->bdev);
	return what;
}

static void hm_replay_begin(struct hm_replay *r, struct hm_volume *v,
			    struct hm_meta *m)
{
	r->v = v;
	r->m = m;
	r->ring.blocks = m->super.ring_blocks;
	r->position = m->super.ring_tail;
	r->seq = m->super.seq;
	r->group = m->super.group;
	r->limits.session = m->super.ring_life;
	r->limits.sectors[v->info.number] = v->info.sectors;
	r->limits.logical_block[v->info.number] = v->info.logical_block;
	atomic_set(&r->writing, 1);
	init_completion(&r->done);
}

/**
 * hm_log_replay() - perform what the log of a volume holds
 * @v: the volume; nothing else uses its devices
 * @m: its metadata; HM_SUPER_LOGGED. The superblock is changed in memory: the log
 *	is empty, and the disk is where the log ended. The caller writes it
 *
 * Return: 0 or a negative errno; then the log says why, and nothing is lost.
 *
 * Context: may sleep; under hm_set.volumes_lock and meta_lock.
 */
int hm_log_replay(struct hm_volume *v, struct hm_meta *m)
{
	struct hm_replay *r = vzalloc(sizeof(*r));
	ktime_t begun = ktime_get();
	int err = -ENOMEM;

	if (r)
		r->head = vmalloc(HM_META_BLOCK + HM_BATCH_PAYLOAD);
	if (r && r->head) {
		hm_replay_begin(r, v, m);
		err = hm_replay_all(r);
	}
	if (!err) {
		m->super.seq = max(m->super.seq, r->seq);
		m->super.group = max(m->super.group, r->group);
		m->super.logged = false;
		m->super.ring_life = 0;
		m->super.ring_tail = 0;
		hm_info(v->set, "volume %u: performed %llu updates of the log in %lld ms; the disk is at update %llu of group %llu",
			v->info.number, r->updates,
			ktime_ms_delta(ktime_get(), begun), m->super.seq,
			m->super.group);
	}
	if (r)
		vfree(r->head);
	vfree(r);
	return err;
}
