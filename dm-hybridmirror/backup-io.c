// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backup's disks: performs what core/apply.c lets through.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "backup.h"
#include "trace.h"

/* Make durable what is applied at least so often, milliseconds. */
#define HM_FLUSH_INTERVAL_MS	500

/* So much the receiver does at a time: each may wait for room in a queue. */
#define HM_RX_ACTIONS	64

/*
 * Both flags: throttling of writeback would hold these writes back behind others,
 * while all that is behind them in the stream waits.
 */
#define HM_OP_WRITE	(REQ_OP_WRITE | REQ_SYNC | REQ_IDLE)

struct kmem_cache *hm_arrival_cache;

/**
 * hm_arrival_cache_init() - the slab cache of updates
 *
 * Return: 0 or -ENOMEM.
 */
int hm_arrival_cache_init(void)
{
	hm_arrival_cache = kmem_cache_create("hm_arrival",
					     sizeof(struct hm_arrival), 0,
					     SLAB_HWCACHE_ALIGN, NULL);
	return hm_arrival_cache ? 0 : -ENOMEM;
}

/**
 * hm_arrival_cache_exit() - free the slab cache; it is empty
 */
void hm_arrival_cache_exit(void)
{
	kmem_cache_destroy(hm_arrival_cache);
}

static void hm_arrival_uncharge(struct hm_backup *b, unsigned int cost)
{
	unsigned long flags;

	spin_lock_irqsave(&b->set.lock, flags);
	b->used -= cost;
	hm_pool_allow(&b->pool, b->used, b->limit);
	if (wq_has_sleeper(&b->room_wait))
		wake_up(&b->room_wait);
	spin_unlock_irqrestore(&b->set.lock, flags);
}

/* The payload is most of an update's memory; the disk has it now. */
static void hm_arrival_free_payload(struct hm_arrival *a)
{
	unsigned int cost = a->cost - sizeof(*a);

	hm_payload_free(&a->set->pool, &a->payload);
	a->cost = sizeof(*a);
	hm_arrival_uncharge(a->set, cost);
}

/**
 * hm_arrival_alloc() - memory for an update that is about to be received
 * @b: the backup
 * @r: its header, checked
 * @cost: bytes of memory that it will count for
 *
 * Return: the update, or an error pointer: -ENOSPC if the receive limit is used
 * up, -ENOMEM if there is no memory now.
 *
 * Context: may sleep.
 */
struct hm_arrival *hm_arrival_alloc(struct hm_backup *b,
				    const struct hm_record *r,
				    unsigned int cost)
{
	struct hm_arrival *a;
	bool room;

	spin_lock_irq(&b->set.lock);
	room = b->used + cost <= b->limit || !b->used;
	if (room) {
		b->used += cost;
		hm_pool_allow(&b->pool, b->used, b->limit);
		b->live++;
	}
	spin_unlock_irq(&b->set.lock);
	if (!room)
		return ERR_PTR(-ENOSPC);

	a = hm_pool_update(&b->pool, HM_ALLOC_RECLAIM);
	if (a) {
		memset(a, 0, sizeof(*a));
		a->u = r->update;
		a->set = b;
		a->cost = cost;
		a->crc = r->payload_crc;
		if (hm_payload_alloc(&b->pool, &a->payload, r->payload,
				     HM_ALLOC_RECLAIM))
			return a;
		mempool_free(a, &b->pool.updates);
	}
	spin_lock_irq(&b->set.lock);
	b->used -= cost;
	b->live--;
	spin_unlock_irq(&b->set.lock);
	return ERR_PTR(-ENOMEM);
}

/**
 * hm_arrival_free() - an update that is not, or no longer, in hm_backup.apply
 * @a: the update
 *
 * Context: any.
 */
void hm_arrival_free(struct hm_arrival *a)
{
	struct hm_backup *b = a->set;
	unsigned int cost = a->cost;
	unsigned long flags;

	hm_payload_free(&b->pool, &a->payload);
	mempool_free(a, &b->pool.updates);
	/* Whoever frees the set waits for live to be zero, under the lock. */
	spin_lock_irqsave(&b->set.lock, flags);
	b->used -= cost;
	hm_pool_allow(&b->pool, b->used, b->limit);
	b->live--;
	if (wq_has_sleeper(&b->room_wait))
		wake_up(&b->room_wait);
	if (wq_has_sleeper(&b->drain_wait))
		wake_up_all(&b->drain_wait);
	spin_unlock_irqrestore(&b->set.lock, flags);
}

/**
 * hm_backup_free_retired() - free what core/apply.c has retired
 * @retired: by hm_update.stream
 *
 * Context: any.
 */
void hm_backup_free_retired(struct list_head *retired)
{
	struct hm_update *u, *next;

	list_for_each_entry_safe(u, next, retired, stream) {
		list_del_init(&u->stream);
		if (u->kind == HM_FLUSH)
			trace_hm_applied(u);
		hm_arrival_free(to_arrival(u));
	}
}

/**
 * hm_backup_kick() - have what may be done now be done
 * @b: the backup
 *
 * Context: under @b->set.lock; does not wait for a disk.
 */
void hm_backup_kick(struct hm_backup *b)
{
	lockdep_assert_held(&b->set.lock);
	/* Whoever is pumping looks again before it ends. */
	if (!b->pumping && hm_apply_more(&b->apply))
		queue_work(hm_io_wq, &b->apply_work);
}

/**
 * hm_backup_progress() - disks or the log have answered
 * @b: the backup
 *
 * Wake those who wait for it, and go on with what it has let through.
 *
 * Context: under @b->set.lock.
 */
void hm_backup_progress(struct hm_backup *b)
{
	lockdep_assert_held(&b->set.lock);
	hm_log_tend(b);
	hm_backup_kick(b);
	if (b->ack_applied && b->apply.at.applied != b->told_applied)
		WRITE_ONCE(b->ack_now, true);
	if (b->ack_now || !b->ack_soon) {
		WRITE_ONCE(b->ack_look, true);
		if (wq_has_sleeper(&b->ack_wait))
			wake_up(&b->ack_wait);
	}
	if (wq_has_sleeper(&b->drain_wait))
		wake_up_all(&b->drain_wait);
}

/**
 * hm_backup_disk_failed() - a disk has refused; the caller suspends
 * @b: the backup
 * @volume: whose
 * @reason: what to do, in words
 *
 * Context: under @b->set.lock.
 */
void hm_backup_disk_failed(struct hm_backup *b, u16 volume, const char *reason)
{
	lockdep_assert_held(&b->set.lock);
	b->counters.write_errors++;
	b->failed_volume = volume;
	b->reason = reason;
	b->ack_now = true;
	hm_set_event(&b->set);
}

static void hm_arrival_refused(struct hm_arrival *a)
{
	struct hm_backup *b = a->set;

	hm_backup_disk_failed(b, a->u.volume,
			      "the disk refused an update: mend it, then send the message resume");
	hm_err(&b->set, "volume %u: the disk refused update %llu of group %llu, sectors %llu+%u; mirroring is suspended, the copy stays %s",
	       a->u.volume, a->u.seq, a->u.group, a->u.sector, a->u.sectors,
	       hm_backup_worth(b));
}

static void hm_arrival_done(struct hm_arrival *a, blk_status_t status)
{
	struct hm_backup *b = a->set;
	LIST_HEAD(retired);
	unsigned long flags;

	if (!status)
		hm_arrival_free_payload(a);

	spin_lock_irqsave(&b->set.lock, flags);
	if (status) {
		hm_arrival_refused(a);
	} else {
		b->written[a->u.volume] = true;
		b->undurable += a->u.sectors << SECTOR_SHIFT;
		trace_hm_applied(&a->u);
	}
	b->ack_due = true;
	hm_apply_done(&b->apply, &a->u, !status, &retired);
	/* Under the lock: whoever drains may free the set once this is over. */
	hm_backup_progress(b);
	spin_unlock_irqrestore(&b->set.lock, flags);
	hm_backup_free_retired(&retired);
}

static void hm_arrival_zero_work(struct work_struct *work);

static void hm_arrival_zero_by_hand(struct hm_arrival *a)
{
	INIT_WORK(&a->zero_work, hm_arrival_zero_work);
	queue_work(hm_zero_wq, &a->zero_work);
}

/* Some disks find out only when they are asked, and say so by their limit. */
static bool hm_arrival_cannot_zero(struct hm_arrival *a, blk_status_t status)
{
	struct block_device *bdev = a->set->set.volume[a->u.volume]->dev->bdev;

	return status && a->u.kind != HM_WRITE &&
	       (status == BLK_STS_NOTSUPP || !bdev_write_zeroes_sectors(bdev));
}

static void hm_arrival_endio(struct bio *bio)
{
	struct hm_arrival *a = bio->bi_private;
	blk_status_t status = bio->bi_status;

	bio_uninit(bio);
	if (hm_arrival_cannot_zero(a, status))
		hm_arrival_zero_by_hand(a);
	else
		hm_arrival_done(a, status);
}

/* What is in the log is durable there. */
static bool hm_arrival_fua(const struct hm_arrival *a)
{
	return (a->u.flags & HM_FUA) && !a->set->apply.logged;
}

/* The block layer zeroes by hand where the disk cannot. */
static void hm_arrival_zero_work(struct work_struct *work)
{
	struct hm_arrival *a = container_of(work, struct hm_arrival, zero_work);
	struct block_device *bdev = a->set->set.volume[a->u.volume]->dev->bdev;
	unsigned int flags = a->u.flags & HM_NOUNMAP ? BLKDEV_ZERO_NOUNMAP : 0;
	int err;

	err = blkdev_issue_zeroout(bdev, a->u.sector, a->u.sectors, GFP_NOIO,
				   flags);
	if (!err && hm_arrival_fua(a))
		err = blkdev_issue_flush(bdev);
	hm_arrival_done(a, errno_to_blk_status(err));
}

static void hm_arrival_issue(struct hm_arrival *a)
{
	struct block_device *bdev = a->set->set.volume[a->u.volume]->dev->bdev;
	blk_opf_t opf = HM_OP_WRITE;

	trace_hm_started(&a->u);
	if (a->u.kind != HM_WRITE) {
		/* Zeroing has no FUA; by hand it is followed by a flush. */
		if (!bdev_write_zeroes_sectors(bdev) || hm_arrival_fua(a)) {
			hm_arrival_zero_by_hand(a);
			return;
		}
		opf = REQ_OP_WRITE_ZEROES |
		      (a->u.flags & HM_NOUNMAP ? REQ_NOUNMAP : 0);
	} else if (hm_arrival_fua(a)) {
		opf |= REQ_FUA;
	}
	hm_payload_bio(&a->payload, &a->bio, bdev, a->u.sector, opf);
	if (a->u.kind != HM_WRITE)
		a->bio.bi_iter.bi_size = a->u.sectors << SECTOR_SHIFT;
	a->bio.bi_private = a;
	a->bio.bi_end_io = hm_arrival_endio;
	submit_bio_noacct(&a->bio);
}

static void hm_backup_flush_put(struct hm_backup *b)
{
	LIST_HEAD(retired);
	unsigned long flags;
	bool failed;

	if (!atomic_dec_and_test(&b->flushing))
		return;
	spin_lock_irqsave(&b->set.lock, flags);
	failed = b->flush_failed;
	if (failed) {
		memset(b->written, true, sizeof(b->written));
		hm_backup_disk_failed(b, b->failed_volume,
				      "the disk refused a flush: mend it, then send the message resume");
		hm_err(&b->set, "a disk refused a flush; mirroring is suspended, the copy stays %s",
		       hm_backup_worth(b));
	}
	b->ack_due = true;
	hm_apply_flush_done(&b->apply, !failed, &retired);
	hm_backup_progress(b);
	spin_unlock_irqrestore(&b->set.lock, flags);
	hm_backup_free_retired(&retired);
}

static void hm_backup_flush_endio(struct bio *bio)
{
	struct hm_volume *v = container_of(bio, struct hm_volume, flush);
	struct hm_backup *b = to_backup(v->set);
	unsigned long flags;

	if (bio->bi_status) {
		spin_lock_irqsave(&b->set.lock, flags);
		b->failed_volume = v->info.number;
		b->flush_failed = true;
		spin_unlock_irqrestore(&b->set.lock, flags);
	}
	bio_uninit(bio);
	hm_backup_flush_put(b);
}

/* All volumes written since the last flush; one flush of the set at a time. */
static void hm_backup_flush(struct hm_backup *b)
{
	bool written[HM_MAX_VOLUMES];
	struct bio *bio;
	unsigned int i;

	spin_lock_irq(&b->set.lock);
	memcpy(written, b->written, sizeof(written));
	memset(b->written, 0, sizeof(b->written));
	b->undurable = 0;
	b->last_flush = jiffies;
	b->counters.flushes++;
	b->flush_failed = false;
	spin_unlock_irq(&b->set.lock);

	atomic_set(&b->flushing, 1);
	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (!written[i] || !b->set.volume[i])
			continue;
		bio = &b->set.volume[i]->flush;
		bio_init(bio, b->set.volume[i]->dev->bdev, NULL, 0,
			 HM_OP_WRITE | REQ_PREFLUSH);
		bio->bi_end_io = hm_backup_flush_endio;
		atomic_inc(&b->flushing);
		submit_bio_noacct(bio);
	}
	hm_backup_flush_put(b);
}

/*
 * Do what may be done now, but no more than @budget of it: apply_work does the
 * rest. One pumps at a time; whoever comes meanwhile returns at once.
 *
 * No wake-up is lost. What there is to do, and pumping, change under the lock
 * only. Whoever adds to it kicks in the same hold of the lock, or pumps later. If
 * pumping is set then, the pumper has yet to look again: it clears pumping in the
 * same hold in which it found nothing more, or queued apply_work. A queued work
 * pumps, or finds a pumper for whom the same is true.
 */
static void hm_backup_pump(struct hm_backup *b, unsigned int budget)
{
	enum hm_apply_action action;
	struct hm_update *u;

	spin_lock_irq(&b->set.lock);
	if (b->pumping)
		goto out;
	b->pumping = true;
	while (budget-- &&
	       (action = hm_apply_next(&b->apply, &u)) != HM_APPLY_NOTHING) {
		spin_unlock_irq(&b->set.lock);
		if (action == HM_APPLY_ISSUE)
			hm_arrival_issue(to_arrival(u));
		else if (action == HM_APPLY_LOG)
			hm_log_append(b, u);
		else
			hm_backup_flush(b);
		cond_resched();
		spin_lock_irq(&b->set.lock);
	}
	b->pumping = false;
	hm_backup_kick(b);
out:
	spin_unlock_irq(&b->set.lock);
}

/**
 * hm_backup_apply_work() - go on with what completions have let through
 * @work: hm_backup.apply_work
 */
void hm_backup_apply_work(struct work_struct *work)
{
	struct hm_backup *b = container_of(work, struct hm_backup, apply_work);
	struct blk_plug plug;

	blk_start_plug(&plug);
	hm_backup_pump(b, UINT_MAX);
	blk_finish_plug(&plug);
}

/**
 * hm_backup_receive() - an update is here, whole and checked
 * @b: the backup
 * @a: the update; hm_backup.apply owns it if this succeeds
 *
 * Return: false if it breaks the protocol.
 *
 * Context: process.
 */
bool hm_backup_receive(struct hm_backup *b, struct hm_arrival *a)
{
	bool ok;

	spin_lock_irq(&b->set.lock);
	trace_hm_received(&a->u);
	ok = hm_apply_receive(&b->apply, &a->u);
	if (ok) {
		/* Until the receiver has to wait: see hm_backup_hurry(). */
		hm_apply_log_wait(&b->apply, true);
		b->ack_due = true;
		if (a->u.state == HM_B_HELD && !b->apply.logged) {
			b->counters.held++;
			trace_hm_held(&a->u);
		}
	}
	spin_unlock_irq(&b->set.lock);
	if (ok)
		hm_backup_pump(b, HM_RX_ACTIONS);
	return ok;
}

/**
 * hm_backup_hurry() - nothing more arrives for now
 * @b: the backup
 *
 * Context: process; the receiver, before it waits and when it ends.
 */
void hm_backup_hurry(struct hm_backup *b)
{
	bool more;

	spin_lock_irq(&b->set.lock);
	hm_apply_log_wait(&b->apply, false);
	more = hm_apply_more(&b->apply);
	spin_unlock_irq(&b->set.lock);
	if (more)
		hm_backup_pump(b, HM_RX_ACTIONS);
}

/* With a cache that was switched on, applied is no longer durable. */
static void hm_backup_heed_caches(struct hm_backup *b)
{
	const struct hm_volume *v;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES && !b->apply.volatile_cache; i++) {
		v = b->set.volume[i];
		b->apply.volatile_cache = v && bdev_write_cache(v->dev->bdev);
	}
}

/**
 * hm_backup_tend_flush() - flush if nobody has for a while
 * @b: the backup
 *
 * The primary keeps what is not durable here.
 *
 * Context: process.
 */
void hm_backup_tend_flush(struct hm_backup *b)
{
	spin_lock_irq(&b->set.lock);
	hm_backup_heed_caches(b);
	if (b->undurable > b->limit / 4 ||
	    time_after(jiffies, b->last_flush +
				msecs_to_jiffies(HM_FLUSH_INTERVAL_MS)))
		hm_apply_want_flush(&b->apply);
	/* The receiver may itself wait, for an acknowledgment to leave. */
	hm_apply_log_wait(&b->apply, false);
	hm_log_tend(b);
	hm_backup_kick(b);
	spin_unlock_irq(&b->set.lock);
}
