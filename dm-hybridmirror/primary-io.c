// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's write path: copy, tag, queue, issue locally, complete.
 *
 * Nothing here waits for the peer. map() takes the memory that is there;
 * what finds none, or no room in the backlog, is deferred to a worker.
 */
#include <linux/blk-cgroup.h>
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "primary.h"
#include "trace.h"

struct kmem_cache *hm_write_cache;

/* What of the application's flags the local disk sees. */
#define HM_LOCAL_FLAGS	(REQ_FUA | REQ_SYNC | REQ_META | REQ_PRIO | REQ_IDLE | \
			 REQ_BACKGROUND | REQ_SWAP)

/**
 * hm_write_cache_init() - the slab cache of updates
 *
 * Return: 0 or -ENOMEM.
 */
int hm_write_cache_init(void)
{
	hm_write_cache = kmem_cache_create("hm_write", sizeof(struct hm_write),
					   0, SLAB_HWCACHE_ALIGN, NULL);
	return hm_write_cache ? 0 : -ENOMEM;
}

/**
 * hm_write_cache_exit() - free the slab cache; it is empty
 */
void hm_write_cache_exit(void)
{
	kmem_cache_destroy(hm_write_cache);
}

/**
 * hm_write_free() - an update, or copy, that the stream does not hold
 * @w: the update
 *
 * Context: any.
 */
void hm_write_free(struct hm_write *w)
{
	struct hm_pool *pool = &w->set->pool;

	hm_payload_free(pool, &w->payload);
	mempool_free(w, &pool->updates);
}

/**
 * hm_write_put() - give up a reference
 * @w: the update; see hm_write.refs
 *
 * Context: any; no lock of ours held.
 */
void hm_write_put(struct hm_write *w)
{
	struct hm_primary *p = w->set;
	bool copy = !w->app;
	unsigned int cost;
	unsigned long flags;
	bool stored;
	u64 log;

	if (!atomic_dec_and_test(&w->refs))
		return;
	cost = w->cost;
	log = w->u.log;
	stored = w->u.state & HM_P_STORED;
	hm_write_free(w);
	/* Whoever frees the set waits for live to be zero, under the lock. */
	spin_lock_irqsave(&p->set.lock, flags);
	p->used -= cost;
	hm_pool_allow(&p->pool, p->used, p->limit);
	if (copy)
		p->copy.backlog -= cost;
	if (log || stored)
		hm_primary_store_released(p, log, stored);
	/* The copier waits for room; when all is copied, only for its end. */
	if (p->sync == HM_SYNC_COPYING && wq_has_sleeper(&p->copy_wait))
		wake_up(&p->copy_wait);
	p->progress = jiffies;
	if (p->waiting)
		mod_delayed_work(hm_io_wq, &p->deferred_work, 0);
	if (!--p->live)
		wake_up_all(&p->drain_wait);
	spin_unlock_irqrestore(&p->set.lock, flags);
}

static u8 hm_write_kind(const struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_DISCARD:
		return HM_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return HM_WRITE_ZEROES;
	default:
		return bio_sectors(bio) ? HM_WRITE : HM_FLUSH;
	}
}

static struct hm_write *hm_write_alloc(struct hm_primary *p, u8 kind,
				       unsigned int bytes, enum hm_alloc from)
{
	struct hm_write *w = hm_pool_update(&p->pool, from);

	if (!w)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->set = p;
	w->u.kind = kind;
	w->cost = sizeof(*w) + hm_payload_cost(bytes);
	if (!hm_payload_alloc(&p->pool, &w->payload, bytes, from)) {
		mempool_free(w, &p->pool.updates);
		return NULL;
	}
	return w;
}

/**
 * hm_copy_alloc() - memory for the copy of a range
 * @p: the primary
 * @range: volume, sector and sectors are used
 *
 * The reserve is for what the application writes.
 *
 * Return: the copy, or NULL if there is no memory now.
 *
 * Context: may sleep.
 */
struct hm_write *hm_copy_alloc(struct hm_primary *p,
			       const struct hm_update *range)
{
	struct hm_write *w = hm_write_alloc(p, HM_WRITE, range->sectors <<
						SECTOR_SHIFT, HM_ALLOC_SPARE);

	if (!w)
		return NULL;
	w->u.volume = range->volume;
	w->u.sector = range->sector;
	w->u.sectors = range->sectors;
	atomic_set(&w->refs, 1);
	return w;
}

static void hm_write_fill(struct hm_write *w, struct hm_volume *v,
			  struct bio *bio)
{
	w->u.volume = v->info.number;
	w->u.ack = v->args.ack;
	w->u.sector = bio_sectors(bio) ? bio->bi_iter.bi_sector : 0;
	w->u.sectors = bio_sectors(bio);
	if (w->u.kind != HM_FLUSH && (bio->bi_opf & REQ_FUA))
		w->u.flags |= HM_FUA;
	if (w->u.kind == HM_WRITE_ZEROES && (bio->bi_opf & REQ_NOUNMAP))
		w->u.flags |= HM_NOUNMAP;
	w->app = bio;
	atomic_set(&w->refs, 3);
}

static void hm_write_zero_work(struct work_struct *work);

static blk_opf_t hm_write_opf(const struct hm_write *w, const struct bio *bio)
{
	switch (w->u.kind) {
	case HM_FLUSH:
		return REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC;
	case HM_WRITE:
		return REQ_OP_WRITE | (bio->bi_opf & HM_LOCAL_FLAGS);
	default:
		/* A discard too: both sides must read the same afterwards. */
		return REQ_OP_WRITE_ZEROES | (bio->bi_opf & REQ_SYNC) |
		       (w->u.flags & HM_NOUNMAP ? REQ_NOUNMAP : 0);
	}
}

static void hm_write_endio(struct bio *bio);

/* The copy is taken here; everything later uses the copy alone. */
static void hm_write_copy(struct hm_write *w, struct block_device *bdev)
{
	hm_payload_bio(&w->payload, &w->bio, bdev, w->u.sector,
		       hm_write_opf(w, w->app));
	if (w->u.kind == HM_WRITE) {
		bio_copy_data(&w->bio, w->app);
		w->payload_crc = hm_payload_crc(&w->payload);
	} else {
		w->bio.bi_iter.bi_size = w->u.sectors << SECTOR_SHIFT;
	}
	w->bio.bi_ioprio = w->app->bi_ioprio;
	w->bio.bi_private = w;
	w->bio.bi_end_io = hm_write_endio;
	bio_clone_blkg_association(&w->bio, w->app);
}

/*
 * Some disks have no write zeroes, or say so only when they are asked; the
 * block layer then writes zeroes by hand, which needs a context that may sleep.
 */
static void hm_write_submit(struct hm_write *w)
{
	if (w->bio.bi_opf & REQ_PREFLUSH || w->u.kind == HM_WRITE ||
	    bdev_write_zeroes_sectors(w->bio.bi_bdev)) {
		submit_bio_noacct(&w->bio);
		return;
	}
	INIT_WORK(&w->zero_work, hm_write_zero_work);
	queue_work(hm_zero_wq, &w->zero_work);
}

/**
 * hm_primary_unblocked_work() - issue what an overlap had held back
 * @work: hm_primary.unblocked_work
 */
void hm_primary_unblocked_work(struct work_struct *work)
{
	struct hm_primary *p = container_of(work, struct hm_primary,
					    unblocked_work);
	struct hm_update *u, *next;
	LIST_HEAD(unblocked);

	spin_lock_irq(&p->set.lock);
	list_splice_init(&p->unblocked, &unblocked);
	spin_unlock_irq(&p->set.lock);
	list_for_each_entry_safe(u, next, &unblocked, ready) {
		list_del_init(&u->ready);
		hm_write_submit(to_write(u));
	}
}

/**
 * hm_primary_deliver() - return completions, let go of what was released
 * @completed: updates whose groups have been closed, by hm_update.ready
 * @released: updates that have left the backlog, by hm_update.stream
 *
 * Context: any; no lock of ours held.
 */
void hm_primary_deliver(struct list_head *completed,
			struct list_head *released)
{
	struct hm_update *u, *next;
	struct hm_write *w;

	list_for_each_entry_safe(u, next, completed, ready) {
		list_del_init(&u->ready);
		w = to_write(u);
		trace_hm_completed(u);
		w->app->bi_status = w->status;
		bio_endio(w->app);
		hm_write_put(w);
	}
	list_for_each_entry_safe(u, next, released, stream) {
		list_del_init(&u->stream);
		trace_hm_durable(u);
		hm_write_put(to_write(u));
	}
}

/* The local disk has answered and nothing holds the completion any more. */
static void hm_write_local_done(struct hm_write *w)
{
	struct hm_primary *p = w->set;
	LIST_HEAD(completed);
	LIST_HEAD(released);
	unsigned long flags;
	bool unblocked;

	spin_lock_irqsave(&p->set.lock, flags);
	p->local[w->cycle]--;
	hm_stream_local_done(&p->stream, &w->u, &p->unblocked, &completed);
	/* The copier may wait for the range. */
	if (p->copy.active && wq_has_sleeper(&p->copy_wait))
		wake_up(&p->copy_wait);
	hm_primary_store_unstick(p);
	hm_primary_store_kick(p);
	unblocked = !list_empty(&p->unblocked);
	spin_unlock_irqrestore(&p->set.lock, flags);
	if (unblocked)
		queue_work(hm_io_wq, &p->unblocked_work);
	hm_primary_deliver(&completed, &released);
	hm_write_put(w);
}

/**
 * hm_primary_defer_timer() - completions were held for defer_us
 * @timer: hm_primary.defer_timer
 *
 * Return: whether the timer runs on.
 *
 * Context: softirq.
 */
enum hrtimer_restart hm_primary_defer_timer(struct hrtimer *timer)
{
	struct hm_primary *p = container_of(timer, struct hm_primary,
					    defer_timer);
	ktime_t now = ktime_get();
	struct hm_write *w, *next;
	unsigned long flags;
	LIST_HEAD(due);
	bool more;

	spin_lock_irqsave(&p->set.lock, flags);
	list_for_each_entry_safe(w, next, &p->deferring, defer) {
		if (ktime_after(w->defer_until, now))
			break;
		list_move_tail(&w->defer, &due);
	}
	more = !list_empty(&p->deferring);
	if (more) {
		w = list_first_entry(&p->deferring, struct hm_write, defer);
		hrtimer_set_expires(timer, w->defer_until);
	}
	spin_unlock_irqrestore(&p->set.lock, flags);

	list_for_each_entry_safe(w, next, &due, defer) {
		list_del_init(&w->defer);
		hm_write_local_done(w);
	}
	return more ? HRTIMER_RESTART : HRTIMER_NORESTART;
}

static void hm_write_hold_completion(struct hm_write *w)
{
	struct hm_primary *p = w->set;
	unsigned long flags;
	bool first;

	w->defer_until = ktime_add_us(ktime_get(), p->set.args.defer_us);
	spin_lock_irqsave(&p->set.lock, flags);
	first = list_empty(&p->deferring);
	list_add_tail(&w->defer, &p->deferring);
	if (first)
		hrtimer_start(&p->defer_timer, w->defer_until,
			      HRTIMER_MODE_ABS_SOFT);
	spin_unlock_irqrestore(&p->set.lock, flags);
}

static void hm_write_local_error(struct hm_write *w)
{
	struct hm_primary *p = w->set;
	unsigned long flags;

	spin_lock_irqsave(&p->set.lock, flags);
	p->counters.local_errors++;
	p->set.volume[w->u.volume]->meta->stay_dirty = true;
	spin_unlock_irqrestore(&p->set.lock, flags);
	hm_err(&p->set, "volume %u: the local disk refused update %llu, sectors %llu+%u; the application gets the error, the backup may have the data",
	       w->u.volume, w->u.seq, w->u.sector, w->u.sectors);
	hm_set_event(&p->set);
}

static void hm_write_ended(struct hm_write *w, blk_status_t status)
{
	w->status = status;
	if (status)
		hm_write_local_error(w);
	if (w->set->set.args.defer_us)
		hm_write_hold_completion(w);
	else
		hm_write_local_done(w);
}

/* Not the bio's, which whoever it was passed on to may have changed. */
static struct block_device *hm_write_bdev(const struct hm_write *w)
{
	return w->set->set.volume[w->u.volume]->dev->bdev;
}

static void hm_write_endio(struct bio *bio)
{
	struct hm_write *w = bio->bi_private;
	blk_status_t status = bio->bi_status;

	/* A disk that finds out only now says so in one way or the other. */
	if (status && bio_op(bio) == REQ_OP_WRITE_ZEROES &&
	    (status == BLK_STS_NOTSUPP ||
	     !bdev_write_zeroes_sectors(hm_write_bdev(w)))) {
		INIT_WORK(&w->zero_work, hm_write_zero_work);
		queue_work(hm_zero_wq, &w->zero_work);
		return;
	}
	bio_uninit(bio);
	hm_write_ended(w, status);
}

static void hm_write_zero_work(struct work_struct *work)
{
	struct hm_write *w = container_of(work, struct hm_write, zero_work);
	unsigned int flags = w->u.flags & HM_NOUNMAP ? BLKDEV_ZERO_NOUNMAP : 0;
	int err;

	err = blkdev_issue_zeroout(hm_write_bdev(w), w->u.sector, w->u.sectors,
				   GFP_NOIO, flags);
	bio_uninit(&w->bio);
	hm_write_ended(w, errno_to_blk_status(err));
}

/**
 * enum hm_room - whether an update may join the backlog now
 * @HM_ROOM_YES: it may
 * @HM_ROOM_ALONE: the set is behind: write locally, without a record
 * @HM_ROOM_WAIT: not yet
 * @HM_ROOM_DIRTY: its regions have to be dirty first
 * @HM_ROOM_APART: a generation of our own has to be begun first
 */
enum hm_room {
	HM_ROOM_YES,
	HM_ROOM_ALONE,
	HM_ROOM_WAIT,
	HM_ROOM_DIRTY,
	HM_ROOM_APART,
};

static bool hm_primary_being_copied(struct hm_primary *p,
				    const struct hm_update *u)
{
	const struct hm_update *range = &p->copy.range;

	return p->copy.active && range->volume == u->volume &&
	       u->sector < range->sector + range->sectors &&
	       range->sector < u->sector + u->sectors;
}

/* Falling behind is never undone by more room: what was missed is missed. */
static enum hm_room hm_primary_room(struct hm_primary *p,
				    const struct hm_update *u,
				    unsigned int cost)
{
	bool connected = p->link == HM_LINK_CONNECTED &&
			 p->sync != HM_SYNC_SUSPENDED;

	lockdep_assert_held(&p->set.lock);
	if (p->sync == HM_SYNC_BEHIND)
		return HM_ROOM_ALONE;
	if (p->stream.alone && !p->apart && u->sectors)
		return HM_ROOM_APART;
	if (hm_primary_being_copied(p, u))
		return HM_ROOM_WAIT;
	if (!connected && p->sync != HM_SYNC_SUSPENDED &&
	    p->set.args.disconnect_stall && !p->stall_over)
		return HM_ROOM_WAIT;
	if (p->used + cost <= p->limit || !p->used)
		return HM_ROOM_YES;
	/* That ends with the local disk; to fall behind again might never. */
	if (p->preparing)
		return HM_ROOM_WAIT;
	if (hm_primary_store_helps(p))
		return HM_ROOM_WAIT;
	if (connected && !p->set.args.full_behind && !p->stall_over)
		return HM_ROOM_WAIT;
	hm_primary_set_sync(p, HM_SYNC_BEHIND, "backlog-full");
	return HM_ROOM_ALONE;
}

/* Tag and queue in one step, then issue locally. */
static enum hm_room hm_write_issue(struct hm_volume *v, struct hm_write *w)
{
	struct hm_primary *p = w->set;
	enum hm_room room;
	unsigned long flags;
	bool direct = false;
	bool free = false;
	bool idle;

	w->issued = ktime_get();
	spin_lock_irqsave(&p->set.lock, flags);
	room = hm_primary_room(p, &w->u, w->cost);
	if (room == HM_ROOM_YES && w->u.sectors &&
	    !hm_regions_touch(&v->meta->regions, w->u.sector, w->u.sectors))
		room = HM_ROOM_DIRTY;
	if (room == HM_ROOM_YES) {
		p->copy.busy = jiffies;
		/* Filling up: let the backup flush, so that we may forget. */
		if (p->used < p->limit / 2 && p->used + w->cost >= p->limit / 2)
			WRITE_ONCE(p->ping, true);
		p->used += w->cost;
		hm_pool_allow(&p->pool, p->used, p->limit);
		p->live++;
		/* Whoever sends looks at the stream again when it is through. */
		idle = !p->stream.unsent && !p->tx_busy;
		w->cycle = p->cycle;
		p->local[w->cycle]++;
		free = hm_stream_add(&p->stream, &w->u);
		trace_hm_issued(&w->u);
		direct = hm_tx_claim_direct(p, w);
	}
	spin_unlock_irqrestore(&p->set.lock, flags);
	if (room != HM_ROOM_YES)
		return room;
	/* First: somebody waits for the backup, which takes longer. */
	if (direct)
		hm_tx_direct(p, w);
	else if (idle)
		wake_up(&p->tx_wait);
	if (free)
		hm_write_submit(w);
	return room;
}

/* Remember the region instead of the write. */
static enum hm_room hm_primary_unrecorded(struct hm_volume *v, struct bio *bio)
{
	struct hm_primary *p = to_primary(v->set);
	struct hm_pbd *pbd = dm_per_bio_data(bio, sizeof(*pbd));
	u64 sector = bio->bi_iter.bi_sector;
	u32 sectors = bio_sectors(bio);
	enum hm_room room = HM_ROOM_ALONE;
	unsigned long flags;

	spin_lock_irqsave(&p->set.lock, flags);
	if (p->sync != HM_SYNC_BEHIND) {
		room = HM_ROOM_WAIT;
	} else if (sectors && !p->apart) {
		room = HM_ROOM_APART;
	} else if (sectors && !hm_regions_touch(&v->meta->regions, sector,
						sectors)) {
		room = HM_ROOM_DIRTY;
	} else {
		if (sectors)
			hm_regions_lose(&v->meta->regions, sector, sectors);
		p->unrecorded++;
		p->counters.unrecorded++;
		pbd->unrecorded = true;
	}
	spin_unlock_irqrestore(&p->set.lock, flags);
	return room;
}

/**
 * hm_primary_end_io() - a bio that dm gave us is complete
 * @ti: the dm target
 * @bio: the bio
 * @error: how it ended
 *
 * Return: DM_ENDIO_DONE.
 *
 * Context: any.
 */
int hm_primary_end_io(struct dm_target *ti, struct bio *bio,
		      blk_status_t *error)
{
	struct hm_pbd *pbd = dm_per_bio_data(bio, sizeof(*pbd));
	struct hm_volume *v = ti->private;
	struct hm_primary *p = to_primary(v->set);
	unsigned long flags;

	if (!pbd->unrecorded)
		return DM_ENDIO_DONE;
	spin_lock_irqsave(&p->set.lock, flags);
	if (!--p->unrecorded)
		wake_up_all(&p->drain_wait);
	spin_unlock_irqrestore(&p->set.lock, flags);
	return DM_ENDIO_DONE;
}

/* Return: DM_MAPIO_SUBMITTED; or -ERESTART: it need not wait, after all. */
static int hm_primary_wait_meta(struct hm_volume *v, struct bio *bio,
				enum hm_room room)
{
	return hm_primary_park(v, bio, room == HM_ROOM_APART) ?
		       DM_MAPIO_SUBMITTED : -ERESTART;
}

/*
 * The set is behind: the write is the local disk's alone. A discard stays one;
 * the copy that follows reads what the disk then gives.
 */
static int hm_primary_write_alone(struct hm_volume *v, struct bio *bio)
{
	enum hm_room room = hm_primary_unrecorded(v, bio);

	if (room == HM_ROOM_WAIT)
		return -ERESTART;
	if (room != HM_ROOM_ALONE)
		return hm_primary_wait_meta(v, bio, room);
	bio_set_dev(bio, v->dev->bdev);
	if (bio_op(bio) == REQ_OP_DISCARD &&
	    !bdev_max_discard_sectors(v->dev->bdev)) {
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	return DM_MAPIO_REMAPPED;
}

/* As hm_primary_write(), but -ERESTART if things have changed meanwhile. */
static int hm_primary_try(struct hm_volume *v, struct bio *bio, bool reclaim)
{
	struct hm_primary *p = to_primary(v->set);
	u8 kind = hm_write_kind(bio);
	enum hm_room room;
	struct hm_write *w;

	if (READ_ONCE(p->sync) == HM_SYNC_BEHIND)
		return hm_primary_write_alone(v, bio);
	/* Only to save the copying of data: it is looked at again below. */
	if (!data_race(hm_regions_are_dirty(&v->meta->regions,
					    bio->bi_iter.bi_sector,
					    bio_sectors(bio))) &&
	    hm_primary_park(v, bio, false))
		return DM_MAPIO_SUBMITTED;
	w = hm_write_alloc(p, kind, kind == HM_WRITE ? bio->bi_iter.bi_size : 0,
			   reclaim ? HM_ALLOC_RECLAIM : HM_ALLOC_NOWAIT);
	if (!w)
		return -ENOMEM;
	hm_write_fill(w, v, bio);
	hm_write_copy(w, v->dev->bdev);
	room = hm_write_issue(v, w);
	if (room == HM_ROOM_YES)
		return DM_MAPIO_SUBMITTED;
	bio_uninit(&w->bio);
	hm_write_free(w);
	if (room == HM_ROOM_ALONE)
		return hm_primary_write_alone(v, bio);
	if (room == HM_ROOM_WAIT)
		return -EAGAIN;
	return hm_primary_wait_meta(v, bio, room);
}

/**
 * hm_primary_write() - mirror a write, discard, write zeroes or flush
 * @v: the volume
 * @bio: from dm; its sector is the data device's
 * @reclaim: memory may be reclaimed to get some; not in map()
 *
 * Return: DM_MAPIO_SUBMITTED, DM_MAPIO_REMAPPED (the caller's to submit), or
 * -EAGAIN if there is no room and -ENOMEM if there is no memory; the bio is
 * untouched then.
 *
 * Context: process; may sleep for the socket's lock, for memory only with @reclaim.
 */
int hm_primary_write(struct hm_volume *v, struct bio *bio, bool reclaim)
{
	int ret;

	do {
		ret = hm_primary_try(v, bio, reclaim);
	} while (ret == -ERESTART);
	return ret;
}

/**
 * hm_primary_again() - a bio that had to wait
 * @v: the volume
 * @bio: from dm, untouched
 *
 * Context: may sleep.
 */
void hm_primary_again(struct hm_volume *v, struct bio *bio)
{
	int ret = hm_primary_write(v, bio, true);

	if (ret == DM_MAPIO_REMAPPED)
		submit_bio_noacct(bio);
	else if (ret < 0)
		hm_primary_defer(to_primary(v->set), bio);
}
