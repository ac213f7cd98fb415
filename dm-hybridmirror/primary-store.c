// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backlog that is longer than memory: payloads that will not be sent soon are
 * appended to a log on a metadata device, and read back for the sender. So order
 * survives an outage that is longer than what memory holds. It need not survive a
 * crash of the primary, after which dirty regions are copied anyway: nothing is
 * flushed, and what lies there is of no use to the next start.
 */
#include <linux/blkdev.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "core/codec.h"
#include "core/store.h"
#include "primary.h"

/* An update waits so long for the log to make room, or while suspending. */
#define HM_STORE_PATIENCE_MS	10000
#define HM_STORE_SUSPEND_MS	3000

static void hm_store_work(struct work_struct *work);
static void hm_store_answered(struct hm_append *append, bool ok);

/**
 * hm_primary_store_create() - no log yet
 * @p: the primary, being created
 *
 * Return: 0 or -ENOMEM.
 *
 * Context: may sleep.
 */
int hm_primary_store_create(struct hm_primary *p)
{
	INIT_WORK(&p->store.work, hm_store_work);
	return hm_append_create(&p->store.append, hm_store_answered);
}

static void hm_store_free_pages(struct hm_store *st)
{
	unsigned int i;

	if (!st->page)
		return;
	for (i = 0; i < HM_FETCH_PAGES; i++) {
		if (st->page[i].bv_page)
			__free_page(st->page[i].bv_page);
	}
	kvfree(st->page);
	st->page = NULL;
	bioset_exit(&st->reads);
}

/**
 * hm_primary_store_destroy() - free what the log needed
 * @p: the primary; it has no updates
 *
 * Context: may sleep.
 */
void hm_primary_store_destroy(struct hm_primary *p)
{
	cancel_work_sync(&p->store.work);
	hm_store_free_pages(&p->store);
	hm_append_destroy(&p->store.append);
}

static int hm_store_alloc_pages(struct hm_store *st)
{
	unsigned int i;

	if (st->page)
		return 0;
	if (bioset_init(&st->reads, 1, 0, BIOSET_NEED_BVECS))
		return -ENOMEM;
	st->page = kvcalloc(HM_FETCH_PAGES, sizeof(*st->page), GFP_NOIO);
	if (!st->page) {
		bioset_exit(&st->reads);
		return -ENOMEM;
	}
	for (i = 0; i < HM_FETCH_PAGES; i++) {
		st->page[i].bv_page = alloc_page(GFP_NOIO);
		if (!st->page[i].bv_page) {
			hm_store_free_pages(st);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Without a log a longer outage is a resync; what lies in one is not sent. */
static void hm_store_off(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	p->store.bdev = NULL;
	spin_unlock_irq(&p->set.lock);
}

static void hm_store_on(struct hm_primary *p, const struct hm_volume *v,
			u64 blocks)
{
	struct hm_store *st = &p->store;

	spin_lock_irq(&p->set.lock);
	st->volume = v->info.number;
	st->ring.blocks = blocks;
	/* Positions never return: some of an earlier log may still be named. */
	st->ring.tail = st->ring.head;
	st->life = get_random_u64();
	st->failed = false;
	st->stuck = false;
	st->full = false;
	st->bdev = v->meta->bdev;
	spin_unlock_irq(&p->set.lock);
}

/* Payloads are whole blocks of their volume; those of the device are no larger. */
static bool hm_store_fits(const struct hm_primary *p,
			  struct block_device *bdev)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (p->set.volume[i] && bdev_logical_block_size(bdev) >
					p->set.volume[i]->info.logical_block)
			return false;
	}
	return true;
}

/* Blocks that the metadata device of a volume has for a log. */
static u64 hm_store_room(const struct hm_primary *p, const struct hm_volume *v)
{
	if (!v->meta || !v->meta->bdev || !hm_store_fits(p, v->meta->bdev))
		return 0;
	return hm_ring_blocks_of(bdev_nr_bytes(v->meta->bdev),
				 v->meta->super.sectors,
				 v->meta->super.region_shift);
}

/* The first volume whose metadata device has room for one. */
static void hm_store_choose(struct hm_primary *p)
{
	const struct hm_volume *v;
	unsigned int i;
	u64 blocks;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = p->set.volume[i];
		blocks = v && v->active ? hm_store_room(p, v) : 0;
		if (!blocks)
			continue;
		if (hm_store_alloc_pages(&p->store))
			hm_warn(&p->set, "no memory for a log of the backlog");
		else
			hm_store_on(p, v, blocks);
		return;
	}
}

/* Does the volume that has the log still have it, and is there memory for it? */
static bool hm_store_there(const struct hm_primary *p, u64 memory)
{
	const struct hm_volume *v = p->set.volume[p->store.volume];

	return v && v->meta && v->meta->bdev == p->store.bdev &&
	       hm_store_room(p, v) >= p->store.ring.blocks &&
	       memory >= 2 * HM_FETCH_BYTES;
}

static bool hm_store_is_idle(struct hm_primary *p)
{
	bool idle;

	spin_lock_irq(&p->set.lock);
	idle = !p->store.running;
	spin_unlock_irq(&p->set.lock);
	return idle;
}

/* Nothing is appended from here on. */
static void hm_store_quiet(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	p->store.paused = true;
	spin_unlock_irq(&p->set.lock);
	hm_primary_kick_deferred(p);
	wait_event(p->drain_wait, hm_store_is_idle(p));
}

/**
 * hm_primary_store_attach() - look which log there is, after a change of volumes
 * @p: the primary; the link is stopped
 *
 * Context: may sleep; under volumes_lock.
 */
void hm_primary_store_attach(struct hm_primary *p)
{
	u64 memory = (u64)p->set.args.backlog_mib << 20;
	unsigned int noio = memalloc_noio_save();
	struct hm_store *st = &p->store;
	const struct hm_volume *v;

	spin_lock_irq(&p->set.lock);
	st->changing = st->bdev;
	spin_unlock_irq(&p->set.lock);
	/* What is appended belongs to the log as it was. */
	hm_store_quiet(p);
	if (st->bdev && !hm_store_there(p, memory)) {
		if (st->held)
			hm_primary_miss(p, "the log of the backlog is gone with its metadata device, or the table leaves too little memory for it");
		hm_store_off(p);
	}
	if (!st->bdev && memory >= 2 * HM_FETCH_BYTES)
		hm_store_choose(p);
	v = st->bdev ? p->set.volume[st->volume] : NULL;
	spin_lock_irq(&p->set.lock);
	/* What is read back takes memory, too. */
	p->limit = memory - (st->bdev ? HM_FETCH_BYTES : 0);
	hm_pool_allow(&p->pool, p->used, p->limit);
	st->paused = !v || !v->active;
	st->changing = false;
	/* What updates wait for may be different now. */
	hm_primary_store_kick(p);
	spin_unlock_irq(&p->set.lock);
	hm_primary_kick_deferred(p);
	memalloc_noio_restore(noio);
}

/**
 * hm_primary_store_pause() - a volume is suspended: write nothing to its device
 * @v: the volume, still active
 *
 * Context: may sleep, for the device; under volumes_lock.
 */
void hm_primary_store_pause(struct hm_volume *v)
{
	struct hm_primary *p = to_primary(v->set);

	if (p->store.bdev && p->store.volume == v->info.number)
		hm_store_quiet(p);
}

/*
 * While the backup takes what there is, and the table says to wait for it, the
 * application waits: to write and read all of it once more helps nobody.
 */
static bool hm_store_may(const struct hm_primary *p)
{
	const struct hm_store *st = &p->store;

	if (!st->bdev || st->paused || st->failed || st->stuck || st->full ||
	    p->sync == HM_SYNC_BEHIND)
		return false;
	return p->link != HM_LINK_CONNECTED || p->sync == HM_SYNC_SUSPENDED ||
	       p->set.args.full_behind || p->stall_over;
}

static bool hm_store_due(const struct hm_primary *p)
{
	u64 enough = p->link == HM_LINK_CONNECTED ? p->limit - p->limit / 8 :
						    p->limit / 2;

	return hm_store_may(p) && p->stream.resident && !p->store.running &&
	       (p->store.wanted || p->used > enough);
}

/**
 * hm_primary_store_unstick() - what the log waited for may be over
 * @p: the primary
 *
 * Context: under @p->set.lock.
 */
void hm_primary_store_unstick(struct hm_primary *p)
{
	struct hm_store *st = &p->store;

	lockdep_assert_held(&p->set.lock);
	/* An append that does not come back is another matter. */
	if (!st->stuck || st->running)
		return;
	st->stuck = false;
	st->since = jiffies;
}

/**
 * hm_primary_store_kick() - the backlog may be too large for memory
 * @p: the primary
 *
 * Context: under @p->set.lock.
 */
void hm_primary_store_kick(struct hm_primary *p)
{
	lockdep_assert_held(&p->set.lock);
	if (hm_store_due(p))
		queue_work(hm_meta_wq, &p->store.work);
}

/**
 * hm_primary_store_helps() - there is no room: will the log make some?
 * @p: the primary
 *
 * Return: true if an update that waits will have room, in a time that does not
 * depend on the network.
 *
 * Context: under @p->set.lock.
 */
bool hm_primary_store_helps(struct hm_primary *p)
{
	/* Nobody falls behind for that: the end of it asks again. */
	if (p->store.changing)
		return true;
	if (!hm_store_may(p) || !(p->store.running || p->stream.resident))
		return false;
	if (!p->store.wanted)
		p->store.since = jiffies;
	p->store.wanted = true;
	hm_primary_store_kick(p);
	return true;
}

/**
 * hm_primary_store_tick() - nobody waits for the log for too long
 * @p: the primary
 *
 * Whoever waits goes on as without a log.
 *
 * Context: process; about once a second.
 */
void hm_primary_store_tick(struct hm_primary *p)
{
	struct hm_store *st = &p->store;
	unsigned int patience = HM_STORE_PATIENCE_MS;
	bool stuck;

	spin_lock_irq(&p->set.lock);
	if (p->suspending)
		patience = HM_STORE_SUSPEND_MS;
	/* Nobody waits for it, or it has nothing to do. */
	if (!st->wanted || !hm_store_may(p) ||
	    !(st->running || p->stream.resident))
		st->since = jiffies;
	stuck = time_after(jiffies, st->since + msecs_to_jiffies(patience));
	st->stuck |= stuck;
	spin_unlock_irq(&p->set.lock);
	if (!stuck)
		return;
	hm_warn(&p->set, "the log of the backlog makes no room: a disk does not answer");
	hm_primary_kick_deferred(p);
}

/* Place in the ring for a batch of any size. */
static bool hm_store_place(struct hm_store *st)
{
	u64 place = hm_ring_place(&st->ring, hm_batch_blocks(HM_BATCH_PAYLOAD));

	st->full = place == HM_RING_NOWHERE;
	st->append.batch.position = place;
	return !st->full;
}

/* Each is ours until the log has answered. */
static void hm_store_take(struct hm_primary *p, struct hm_update *u)
{
	struct hm_store *st = &p->store;
	struct hm_ring_batch *batch = &st->append.batch;
	struct hm_write *w = to_write(u);

	atomic_inc(&w->refs);
	hm_store_begin(&p->stream, u);
	u->log = batch->position;
	w->stored_at = batch->payload;
	st->update[batch->records++] = w;
	batch->payload += w->payload.bytes;
}

/* Under the set's lock. Return: whether there is something to append. */
static bool hm_store_gather(struct hm_primary *p)
{
	struct hm_store *st = &p->store;
	struct hm_ring_batch *batch = &st->append.batch;
	unsigned int steps = HM_STORE_STEPS, i;
	struct hm_update *u;
	u64 sector;

	memset(batch, 0, sizeof(*batch));
	if (!hm_store_place(st))
		return false;
	while (batch->records < HM_BATCH_RECORDS &&
	       (u = hm_store_next(&p->stream, &steps)) &&
	       batch->payload + to_write(u)->payload.bytes <= HM_BATCH_PAYLOAD)
		hm_store_take(p, u);
	if (!batch->records)
		return false;
	sector = hm_ring_sector(p->set.volume[st->volume]->meta->super.bitmap_blocks,
				&st->ring, batch->position + 1);
	for (i = 0; i < batch->records; i++)
		st->update[i]->stored_at = sector + (st->update[i]->stored_at >>
						     SECTOR_SHIFT);
	st->update[batch->records - 1]->u.log = hm_append_behind(&st->append);
	return true;
}

static void hm_store_write(struct hm_primary *p)
{
	struct hm_store *st = &p->store;
	struct hm_append *append = &st->append;
	unsigned int i;

	for (i = 0; i < append->batch.records; i++)
		hm_encode_record(&append->head->record[i], &st->update[i]->u,
				 st->life, st->update[i]->payload_crc);
	hm_append_begin(append, p->set.volume[st->volume]->meta, &st->ring,
			st->life, 0);
	for (i = 0; i < append->batch.records; i++)
		hm_append_payload(append, &st->update[i]->payload);
	hm_append_end(append);
}

static void hm_store_work(struct work_struct *work)
{
	struct hm_primary *p = container_of(work, struct hm_primary,
					    store.work);
	struct hm_store *st = &p->store;
	struct hm_update *before;
	bool write;

	spin_lock_irq(&p->set.lock);
	before = p->stream.resident;
	write = hm_store_due(p) && hm_store_gather(p);
	if (write) {
		st->running = true;
	} else if (p->waiting && (!hm_store_may(p) || !p->stream.resident)) {
		/* It does not help. */
		mod_delayed_work(hm_io_wq, &p->deferred_work, 0);
	} else if (before != p->stream.resident) {
		/* Some were passed; else the local disk's answer asks again. */
		hm_primary_store_kick(p);
	}
	spin_unlock_irq(&p->set.lock);
	if (write)
		hm_store_write(p);
}

/* Memory first: what the set counts for is never less than what it has. */
static u64 hm_store_free_payloads(struct hm_primary *p, unsigned int records,
				  u64 freed)
{
	struct hm_write *w;
	unsigned int i;
	u64 bytes = 0;

	for (i = 0; i < records; i++) {
		w = p->store.update[i];
		if (!(freed & BIT_ULL(i)))
			continue;
		bytes += hm_payload_cost(w->payload.bytes);
		w->cost -= hm_payload_cost(w->payload.bytes);
		hm_payload_free(&p->pool, &w->payload);
	}
	return bytes;
}

static void hm_store_answered(struct hm_append *append, bool ok)
{
	struct hm_primary *p = container_of(append, struct hm_primary,
					    store.append);
	struct hm_store *st = &p->store;
	unsigned int records = append->batch.records, i;
	struct hm_write *done[HM_BATCH_RECORDS];
	unsigned long flags;
	u64 freed = 0, bytes;

	static_assert(HM_BATCH_RECORDS <= 64);

	spin_lock_irqsave(&p->set.lock, flags);
	for (i = 0; i < records; i++) {
		if (hm_store_done(&p->stream, &st->update[i]->u, ok))
			freed |= BIT_ULL(i);
		/* Its place goes to the next append. */
		if (!ok)
			st->update[i]->u.log = 0;
	}
	st->held += hweight64(freed);
	spin_unlock_irqrestore(&p->set.lock, flags);
	bytes = hm_store_free_payloads(p, records, freed);
	memcpy(done, st->update, records * sizeof(done[0]));

	spin_lock_irqsave(&p->set.lock, flags);
	p->used -= bytes;
	hm_pool_allow(&p->pool, p->used, p->limit);
	p->counters.stored += hweight64(freed);
	if (ok)
		st->ring.head = hm_append_behind(append);
	else
		st->failed = true;
	st->running = false;
	st->stuck = false;
	st->since = jiffies;
	/* Who waits for room does not wait for the backup. */
	if (!p->stream.undelivered)
		p->progress = jiffies;
	hm_primary_store_kick(p);
	if (p->waiting)
		mod_delayed_work(hm_io_wq, &p->deferred_work, 0);
	wake_up_all(&p->drain_wait);
	spin_unlock_irqrestore(&p->set.lock, flags);
	if (!ok)
		hm_err(&p->set, "volume %u: the metadata device refused the log; the backlog is what memory holds until the next connection: mend it",
		       st->volume);
	for (i = 0; i < records; i++)
		hm_write_put(done[i]);
}

/**
 * hm_primary_store_released() - an update is gone: there is room in the log
 * @p: the primary
 * @log: where the log may begin now, as far as this one knows
 * @stored: its payload was in the log
 *
 * Context: under @p->set.lock.
 */
void hm_primary_store_released(struct hm_primary *p, u64 log, bool stored)
{
	struct hm_store *st = &p->store;

	lockdep_assert_held(&p->set.lock);
	st->held -= stored;
	/* Of a log that was given up, the numbers mean nothing. */
	if (!st->bdev || log <= st->ring.tail || log > st->ring.head)
		return;
	st->ring.tail = log;
	st->full = false;
	hm_primary_store_kick(p);
}

/**
 * struct hm_fetch - payloads that are being read back
 * @st: the log
 * @bio: not submitted yet, or NULL
 * @used: pages that are in use
 */
struct hm_fetch {
	struct hm_store *st;
	struct bio *bio;
	unsigned int used;
};

static int hm_fetch_submit(struct hm_fetch *f)
{
	int err = 0;

	if (f->bio) {
		err = submit_bio_wait(f->bio);
		bio_put(f->bio);
	}
	f->bio = NULL;
	return err;
}

static int hm_fetch_read(struct hm_fetch *f, const struct hm_write *w)
{
	unsigned int left = w->u.sectors << SECTOR_SHIFT;
	sector_t sector = w->stored_at;
	struct bio_vec *bvec;
	int err = 0;

	for (; left && !err; left -= bvec->bv_len) {
		bvec = &f->st->page[f->used++];
		bvec->bv_len = min_t(unsigned int, left, PAGE_SIZE);
		bvec->bv_offset = 0;
		if (f->bio && (bio_end_sector(f->bio) != sector ||
			       !bio_add_page(f->bio, bvec->bv_page,
					     bvec->bv_len, 0)))
			err = hm_fetch_submit(f);
		if (!f->bio) {
			f->bio = bio_alloc_bioset(f->st->bdev, BIO_MAX_VECS,
						  REQ_OP_READ | REQ_SYNC,
						  GFP_NOIO, &f->st->reads);
			f->bio->bi_iter.bi_sector = sector;
			__bio_add_page(f->bio, bvec->bv_page, bvec->bv_len, 0);
		}
		sector += bvec->bv_len >> SECTOR_SHIFT;
	}
	return err;
}

/* What another user of the device wrote is not what we stored. */
static bool hm_fetch_is_whole(const struct hm_write *w, struct bio_vec *bvec)
{
	struct hm_payload found = {
		.bvec = bvec, .bytes = w->u.sectors << SECTOR_SHIFT,
		.count = DIV_ROUND_UP(w->u.sectors << SECTOR_SHIFT, PAGE_SIZE),
	};

	return hm_payload_crc(&found) == w->payload_crc;
}

/**
 * hm_primary_fetch() - read back what the sender is to send
 * @p: the primary
 * @update: the updates, taken from the stream
 * @stored: those whose payload is in the log, as they were taken: bit by index
 * @updates: how many
 *
 * Return: the payloads, one behind the other, each from the beginning of a page;
 * valid until the next call. Or NULL: the log says why, and they cannot be sent.
 *
 * Context: may sleep, for the device; the sender.
 */
struct bio_vec *hm_primary_fetch(struct hm_primary *p,
				 struct hm_update *const *update, u64 stored,
				 unsigned int updates)
{
	struct hm_fetch f = { .st = &p->store };
	const struct hm_write *w;
	unsigned int i, at = 0;
	int err = p->store.bdev ? 0 : -ENODEV;

	for (i = 0; i < updates && !err; i++) {
		if (stored & BIT_ULL(i))
			err = hm_fetch_read(&f, to_write(update[i]));
	}
	err = hm_fetch_submit(&f) ?: err;
	for (i = 0; i < updates && !err; i++) {
		if (!(stored & BIT_ULL(i)))
			continue;
		w = to_write(update[i]);
		if (!hm_fetch_is_whole(w, &p->store.page[at]))
			err = -EILSEQ;
		at += DIV_ROUND_UP(w->u.sectors << SECTOR_SHIFT, PAGE_SIZE);
	}
	if (!err)
		return p->store.page;
	p->store.lost = true;
	hm_err(&p->set, "volume %u: %s; the updates from there on are copied by region",
	       p->store.volume, err == -EILSEQ ?
		       "what the log of the backlog holds was overwritten" :
		       "the metadata device cannot read the log of the backlog");
	return NULL;
}
