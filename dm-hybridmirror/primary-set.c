// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's ordering domain: its life, its states, its patience.
 */
#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "primary.h"

/* A suspend waits this long without progress of the backup, milliseconds. */
#define HM_SUSPEND_PATIENCE_MS	3000

/* And no longer than this with progress: the log may hold very much. */
#define HM_SUSPEND_MOST_MS	60000

/* Regions are copied at this rate while the application writes, KiB/s. */
#define HM_COPY_FLOOR_KIB	8192

/* Nobody waits for the backup any more. */
static void hm_primary_drop_backlog(struct hm_primary *p)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);
	bool more;

	do {
		spin_lock_irq(&p->set.lock);
		hm_stream_set_alone(&p->stream, true, &completed);
		more = hm_stream_abandon(&p->stream, &released);
		spin_unlock_irq(&p->set.lock);
		hm_primary_deliver(&completed, &released);
		cond_resched();
	} while (more);
}

/**
 * hm_primary_give_up_backlog() - let go of updates that will not be sent
 * @p: the primary; no sender is active, and the regions are lost
 *
 * Context: process; no lock of ours but volumes_lock held.
 */
void hm_primary_give_up_backlog(struct hm_primary *p)
{
	hm_primary_be_alone(p);
	hm_primary_drop_backlog(p);
}

/*
 * The superblock of a primary's volume. The stream that it followed as a backup
 * stays: should it follow again, what it got of it then must not come twice.
 */
static void hm_primary_fill_super(struct hm_set *set, struct hm_super *s)
{
	s->role = HM_SUPER_PRIMARY;
	s->position = false;
	s->forced = false;
	s->seq = 0;
	s->group = 0;
	s->since = 0;
}

static bool hm_primary_empty(struct hm_primary *p)
{
	bool empty;

	spin_lock_irq(&p->set.lock);
	empty = !p->live;
	spin_unlock_irq(&p->set.lock);
	return empty;
}

static void hm_primary_free(struct hm_set *set)
{
	struct hm_primary *p = to_primary(set);
	u64 lost = p->stream.last_seq - p->stream.acked.received;

	if (p->sync == HM_SYNC_STREAMING && lost)
		hm_warn(set, "removed with %llu updates that the backup does not have; it is consistent, but older",
			lost);
	hm_primary_drop_backlog(p);
	wait_event(p->drain_wait, hm_primary_empty(p));
	cancel_delayed_work_sync(&p->deferred_work);
	cancel_work_sync(&p->unblocked_work);
	cancel_delayed_work_sync(&p->tick_work);
	hm_primary_store_destroy(p);
	hrtimer_cancel(&p->defer_timer);
	hm_pool_exit(&p->pool);
	kfree(p);
}

/**
 * hm_primary_create() - a new ordering domain
 *
 * Return: the set, or NULL if there is no memory.
 *
 * Context: may sleep.
 */
struct hm_set *hm_primary_create(void)
{
	struct hm_primary *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	if (hm_pool_init(&p->pool, hm_write_cache)) {
		kfree(p);
		return NULL;
	}
	if (hm_primary_store_create(p)) {
		hm_pool_exit(&p->pool);
		kfree(p);
		return NULL;
	}
	p->set.free = hm_primary_free;
	p->set.fill_super = hm_primary_fill_super;
	p->copy.floor_kib = HM_COPY_FLOOR_KIB;
	spin_lock_init(&p->set.lock);
	hm_stream_init(&p->stream, HM_ORDER_COMPLETION);
	get_random_bytes(p->stream_id, sizeof(p->stream_id));
	p->reason = "";
	INIT_LIST_HEAD(&p->unblocked);
	INIT_LIST_HEAD(&p->deferring);
	bio_list_init(&p->deferred);
	INIT_WORK(&p->unblocked_work, hm_primary_unblocked_work);
	INIT_DELAYED_WORK(&p->deferred_work, hm_primary_deferred_work);
	INIT_DELAYED_WORK(&p->tick_work, hm_primary_tick_work);
	hrtimer_init(&p->defer_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	p->defer_timer.function = hm_primary_defer_timer;
	init_waitqueue_head(&p->conn_wait);
	init_waitqueue_head(&p->tx_wait);
	init_waitqueue_head(&p->drain_wait);
	init_waitqueue_head(&p->copy_wait);
	mutex_init(&p->conn_lock);
	p->progress = jiffies;
	return &p->set;
}

/**
 * hm_primary_set_link() - the one place that changes the link's state
 * @p: the primary
 * @link: the new state
 * @reason: why, in words; "" if all is well
 *
 * Context: under @p->set.lock.
 */
void hm_primary_set_link(struct hm_primary *p, enum hm_link link,
			 const char *reason)
{
	lockdep_assert_held(&p->set.lock);
	if (p->sync == HM_SYNC_STREAMING || p->sync == HM_SYNC_COPYING)
		p->reason = reason;
	if (p->link == link || WARN_ON_ONCE(!hm_link_allowed(p->link, link)))
		return;
	if (link == HM_LINK_CONNECTED)
		p->counters.connects++;
	if (p->link == HM_LINK_CONNECTED)
		p->counters.disconnects++;
	/* Attempts that come to nothing are no events. */
	if (link == HM_LINK_CONNECTED || p->link == HM_LINK_CONNECTED)
		hm_set_event(&p->set);
	p->link = link;
}

/**
 * hm_primary_set_sync() - the one place that changes what the copy is worth
 * @p: the primary
 * @sync: the new state
 * @reason: why, in words; "" if all is well
 *
 * Context: under @p->set.lock.
 */
void hm_primary_set_sync(struct hm_primary *p, enum hm_sync sync,
			 const char *reason)
{
	lockdep_assert_held(&p->set.lock);
	if (p->sync == sync || WARN_ON_ONCE(!hm_sync_allowed(p->sync, sync)))
		return;
	p->sync = sync;
	p->reason = reason;
	if (sync == HM_SYNC_BEHIND) {
		p->behind_since = ktime_get();
		p->behind_jiffies = jiffies;
		p->copying = false;
		p->adopt = false;
		hm_warn(&p->set, "fell behind (%s); what is written from now on is remembered by region, and copied when the backup can take it",
			reason);
	}
	/* What deferred writes wait for may be different now. */
	if (p->waiting)
		mod_delayed_work(hm_io_wq, &p->deferred_work, 0);
	if (wq_has_sleeper(&p->copy_wait))
		wake_up(&p->copy_wait);
	if (wq_has_sleeper(&p->drain_wait))
		wake_up_all(&p->drain_wait);
	hm_set_event(&p->set);
}

/**
 * hm_primary_lag() - by how much the backup's disk trails the application
 * @p: the primary
 *
 * Return: age of the oldest update that is not applied, milliseconds.
 *
 * Context: under @p->set.lock.
 */
u64 hm_primary_lag(struct hm_primary *p)
{
	ktime_t now = ktime_get();

	lockdep_assert_held(&p->set.lock);
	if (p->stream.unapplied)
		return ktime_ms_delta(now, to_write(p->stream.unapplied)->issued);
	if (p->sync == HM_SYNC_BEHIND)
		return ktime_ms_delta(now, p->behind_since);
	return 0;
}

/**
 * hm_primary_is_close() - is the backup so close behind that one can wait for it?
 * @p: the primary
 *
 * It is a second behind, or has all that there was before; what came since is no
 * more than what memory holds. Under a load that is more than it can take the
 * latter comes about, too.
 *
 * Context: under @p->set.lock.
 */
bool hm_primary_is_close(struct hm_primary *p)
{
	return !p->store.held && (hm_primary_lag(p) <= HM_HEARTBEAT_MS ||
				  p->stream.acked.applied >= p->catch_seq);
}

/* Is there an update that would complete without the backup? */
static bool hm_primary_would_complete(struct hm_primary *p)
{
	return p->stream.undelivered || p->stream.unapplied;
}

/**
 * hm_primary_be_alone() - completions do not wait for the backup
 * @p: the primary
 *
 * What completes like that belongs to a generation of our own. If the metadata
 * cannot say so, the application goes on nevertheless: its writes are done.
 *
 * Context: process, may sleep for the metadata; no lock of ours but volumes_lock
 * held.
 */
void hm_primary_be_alone(struct hm_primary *p)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);
	bool done, failed = false;

	do {
		spin_lock_irq(&p->set.lock);
		done = p->apart || failed || !hm_primary_would_complete(p);
		if (done)
			hm_stream_set_alone(&p->stream, true, &completed);
		spin_unlock_irq(&p->set.lock);
		if (!done)
			failed = hm_primary_write_apart(p);
	} while (!done);
	hm_primary_deliver(&completed, &released);
}

/**
 * hm_primary_go_alone() - the application has waited long enough
 * @p: the primary
 *
 * Context: process, may sleep for the metadata; no lock of ours but volumes_lock
 * held.
 */
void hm_primary_go_alone(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	p->stall_over = true;
	p->catch_seq = p->stream.last_seq;
	spin_unlock_irq(&p->set.lock);
	hm_primary_be_alone(p);
	hm_primary_kick_deferred(p);
}

/* Is a write held, or done locally and not completed? */
static bool hm_primary_somebody_waits(struct hm_primary *p)
{
	return p->waiting || p->stream.undelivered;
}

/*
 * Has somebody waited for the backup for too long? Suspending has less patience
 * than the application, and none for a link that is down. A link that comes and
 * goes does not start the clock again, only progress does.
 */
static bool hm_primary_patience_over(struct hm_primary *p)
{
	bool connected = p->link == HM_LINK_CONNECTED;
	unsigned int patience = READ_ONCE(hm_stall_timeout_ms);

	lockdep_assert_held(&p->set.lock);
	if (!hm_primary_somebody_waits(p)) {
		p->progress = jiffies;
		return false;
	}
	if (p->stall_over || (!connected && !p->set.args.disconnect_stall))
		return false;
	if (p->suspending)
		patience = connected ? HM_SUSPEND_PATIENCE_MS : 0;
	return time_after_eq(jiffies,
			     p->progress + msecs_to_jiffies(patience));
}

/* End waits that last too long. */
static void hm_primary_tick(struct hm_primary *p)
{
	bool over;

	spin_lock_irq(&p->set.lock);
	over = hm_primary_patience_over(p);
	spin_unlock_irq(&p->set.lock);
	if (!over)
		return;
	hm_warn(&p->set, "writes have waited too long for the backup; the application goes on alone");
	hm_primary_go_alone(p);
}

/**
 * hm_primary_tick_work() - what is due about once a second: waits that have
 * lasted too long end, and memory that nobody needs goes
 * @work: hm_primary.tick_work
 *
 * Not the connection's thread: that may itself wait, for the network, or for
 * memory that only those who wait would set free.
 */
void hm_primary_tick_work(struct work_struct *work)
{
	struct hm_primary *p = container_of(to_delayed_work(work),
					    struct hm_primary, tick_work);

	hm_primary_tick(p);
	hm_primary_store_tick(p);
	hm_pool_trim(&p->pool, false);
	queue_delayed_work(hm_meta_wq, &p->tick_work,
			   msecs_to_jiffies(HM_HEARTBEAT_MS));
}

/**
 * hm_primary_suspending() - a volume is being suspended, or no longer
 * @v: the volume
 * @suspending: which
 *
 * Context: process; no lock of ours held.
 */
void hm_primary_suspending(struct hm_volume *v, bool suspending)
{
	struct hm_primary *p = to_primary(v->set);

	spin_lock_irq(&p->set.lock);
	if (suspending)
		p->suspending++;
	else if (p->suspending)
		p->suspending--;
	p->progress = jiffies;
	spin_unlock_irq(&p->set.lock);
	if (!suspending)
		return;
	hm_primary_tick(p);
	hm_primary_store_tick(p);
}

static u32 hm_primary_block(struct hm_primary *p, const struct hm_volume *v)
{
	return max(queue_logical_block_size(dm_disk(dm_table_get_md(v->ti->table))->queue),
		   v->info.logical_block);
}

/* What the handshake will say; the link is stopped. */
static void hm_primary_describe(struct hm_primary *p)
{
	unsigned int i;

	hm_set_describe(&p->set, &p->hello);
	memcpy(p->hello.stream, p->stream_id, sizeof(p->hello.stream));
	for (i = 0; i < p->hello.volumes; i++) {
		struct hm_volume_info *info = &p->hello.volume[i];
		struct hm_volume *v = p->set.volume[info->number];

		info->logical_block = hm_primary_block(p, v);
		if (v->args.ack == HM_ACK_APPLIED)
			p->hello.flags |= HM_HELLO_WANT_APPLIED;
		else if (v->args.ack == HM_ACK_RECEIVED)
			p->hello.flags |= HM_HELLO_WANT_RECEIVED;
	}
}

static void hm_primary_configure(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	p->stream.ordering = p->set.args.ordering;
	p->limit = (u64)p->set.args.backlog_mib << 20;
	p->stall_over = false;
	if (!p->set.args.disconnect_stall || p->sync == HM_SYNC_SUSPENDED)
		p->stream.alone = true;
	else if (hm_primary_is_close(p) &&
		 !(p->stream.staged && hm_primary_unsynced(p)))
		hm_stream_wait(&p->stream);
	p->progress = jiffies;
	/* No I/O is in flight: nothing depends on an open group. */
	p->stream.grouping.open = false;
	spin_unlock_irq(&p->set.lock);
}

/* Regions of the new volume may be what the stream does not hold. */
static void hm_primary_look_at_regions(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	if (p->sync == HM_SYNC_STREAMING && hm_primary_unsynced(p))
		hm_primary_set_sync(p, HM_SYNC_COPYING, "");
	spin_unlock_irq(&p->set.lock);
}

static bool hm_primary_backlog_names(struct hm_primary *p, u16 volume)
{
	bool found;

	spin_lock_irq(&p->set.lock);
	found = p->stream.queued[volume];
	spin_unlock_irq(&p->set.lock);
	return found;
}

/**
 * hm_primary_backlog_strays() - does the backlog name a volume that left the set?
 * @p: the primary; its volumes do not change
 *
 * One whose start failed leaves the backlog as it is, since it may come back.
 *
 * Return: true if it does.
 *
 * Context: process; under volumes_lock, or the connection's thread.
 */
bool hm_primary_backlog_strays(struct hm_primary *p)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (!p->set.volume[i] && hm_primary_backlog_names(p, i))
			return true;
	}
	return false;
}

/**
 * hm_primary_miss() - what the backlog holds can no longer be sent
 * @p: the primary; no sender is active
 * @reason: why, in words
 *
 * Context: process, may sleep for the metadata; no lock of ours but volumes_lock
 * held.
 */
void hm_primary_miss(struct hm_primary *p, const char *reason)
{
	spin_lock_irq(&p->set.lock);
	hm_primary_set_sync(p, HM_SYNC_BEHIND, reason);
	spin_unlock_irq(&p->set.lock);
	hm_primary_lose_backlog(p);
	hm_primary_give_up_backlog(p);
}

/*
 * The table was loaded again and adopts the larger blocks of the backup's disk,
 * which could not take what was recorded before.
 */
static bool hm_primary_block_grew(struct hm_primary *p,
				  const struct hm_volume *v)
{
	const struct hm_volume_info *info;
	unsigned int i;

	for (i = 0; i < p->hello.volumes; i++) {
		info = &p->hello.volume[i];
		if (info->number == v->info.number)
			return info->logical_block < hm_primary_block(p, v);
	}
	return false;
}

static void hm_primary_attach(struct hm_volume *v, struct hm_volume **old)
{
	mutex_lock(&v->set->meta_lock);
	hm_set_attach(v, old);
	mutex_unlock(&v->set->meta_lock);
}

/**
 * hm_primary_start() - preresume: the volume joins, the link starts
 * @v: the volume
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep.
 */
int hm_primary_start(struct hm_volume *v)
{
	struct hm_primary *p = to_primary(v->set);
	struct task_struct *conn;
	struct hm_volume *old;
	bool others;
	int err;

	mutex_lock(&p->set.volumes_lock);
	/* Whatever can fail comes first: the others go on undisturbed. */
	err = hm_set_may_attach(v);
	if (err)
		goto out;
	conn = hm_primary_conn_create(p);
	if (IS_ERR(conn)) {
		err = PTR_ERR(conn);
		goto out;
	}
	others = hm_set_any_active(&p->set);
	if (others)
		hm_primary_conn_stop(p);
	hm_primary_attach(v, &old);
	if (!others)
		hm_primary_configure(p);
	hm_volume_set_active(v, true);
	err = hm_primary_remember(v, old);
	if (err) {
		p->distrust |= BIT(v->info.number);
		hm_volume_set_active(v, false);
		hm_set_detach(v);
	} else {
		hm_primary_look_at_regions(p);
		if (hm_primary_block_grew(p, v) &&
		    hm_primary_backlog_names(p, v->info.number))
			hm_primary_miss(p, "the backup's blocks are larger than what was recorded");
	}
	if (hm_set_any_active(&p->set)) {
		hm_primary_store_attach(p);
		hm_primary_describe(p);
		hm_primary_conn_start(p, conn);
	} else {
		kthread_stop(conn);
	}
out:
	mutex_unlock(&p->set.volumes_lock);
	return err;
}

/*
 * Will the backup soon hold our generation, so that it can be the primary? One
 * that it has not been told of takes another handshake.
 */
static bool hm_primary_adopting(struct hm_primary *p)
{
	bool told = p->set.lineage.generation[0] == p->hello_generation;

	return !p->copy.active && !hm_primary_unsynced(p) &&
	       (p->sync == HM_SYNC_STREAMING || p->sync == HM_SYNC_COPYING) &&
	       (!told || p->adopt);
}

/**
 * struct hm_drain - a suspend that waits for the backup
 * @seq: up to this everything is to be durable
 * @acked: the backup's numbers, as far as @seq, when last looked at: what it
 *	receives beyond that is another volume's and no progress
 * @link: likewise the link
 * @adopt_sent: likewise what the backup was told
 * @began: jiffies when it began
 * @acked_at: jiffies when @acked last changed
 * @changed_at: jiffies when anything last changed
 */
struct hm_drain {
	u64 seq;
	struct hm_acks acked;
	enum hm_link link;
	bool adopt_sent;
	unsigned long began;
	unsigned long acked_at;
	unsigned long changed_at;
};

static void hm_drain_look(struct hm_drain *d, const struct hm_primary *p)
{
	const struct hm_acks acked = {
		.received = min(p->stream.acked.received, d->seq),
		.applied = min(p->stream.acked.applied, d->seq),
		.durable = min(p->stream.acked.durable, d->seq),
	};

	if (memcmp(&d->acked, &acked, sizeof(acked))) {
		d->acked = acked;
		d->acked_at = jiffies;
		d->changed_at = jiffies;
	}
	if (d->link != p->link || d->adopt_sent != p->adopt_sent) {
		d->link = p->link;
		d->adopt_sent = p->adopt_sent;
		d->changed_at = jiffies;
	}
}

/* A link that comes and goes is progress only for a while, and so is a long log. */
static bool hm_drain_patience_over(const struct hm_drain *d)
{
	unsigned long patience = msecs_to_jiffies(HM_SUSPEND_PATIENCE_MS);

	return time_after(jiffies, d->changed_at + patience) ||
	       time_after(jiffies, d->acked_at + 4 * patience) ||
	       time_after(jiffies, d->began +
				   msecs_to_jiffies(HM_SUSPEND_MOST_MS));
}

static bool hm_primary_drained(struct hm_primary *p, struct hm_drain *d)
{
	bool all;

	spin_lock_irq(&p->set.lock);
	hm_drain_look(d, p);
	if (p->link == HM_LINK_CONNECTED)
		all = p->sync == HM_SYNC_SUSPENDED ||
		      (p->stream.acked.durable >= d->seq &&
		       !hm_primary_adopting(p));
	else
		all = !p->settling;
	spin_unlock_irq(&p->set.lock);
	return all;
}

/*
 * What was completed becomes durable on the backup, unless the link is stuck:
 * the roles can be exchanged then without a copy.
 *
 * Return: the sequence number up to which it should be.
 */
static u64 hm_primary_drain(struct hm_primary *p)
{
	struct hm_drain d = {
		.began = jiffies, .acked_at = jiffies, .changed_at = jiffies,
	};

	spin_lock_irq(&p->set.lock);
	d.seq = p->stream.last_seq;
	spin_unlock_irq(&p->set.lock);
	while (!hm_primary_drained(p, &d)) {
		if (hm_drain_patience_over(&d)) {
			hm_warn(&p->set, "suspended before the backup had everything; it is sent after resume");
			break;
		}
		WRITE_ONCE(p->ping, true);
		wake_up(&p->tx_wait);
		wait_event_timeout(p->drain_wait,
				   hm_primary_drained(p, &d),
				   msecs_to_jiffies(100));
	}
	return d.seq;
}

/*
 * What the backup need not have any more, should it crash, counts as written
 * apart, should it then take over.
 */
static void hm_primary_own_up(struct hm_primary *p, u64 seq)
{
	bool apart;

	spin_lock_irq(&p->set.lock);
	apart = p->stream.acked.durable < seq && !p->apart;
	spin_unlock_irq(&p->set.lock);
	if (apart && hm_primary_write_apart(p))
		hm_err(&p->set, "cannot remember that the backup lacks updates: do not exchange the roles before the metadata is mended");
}

/**
 * hm_primary_stop() - postsuspend: no I/O is in flight on the volume
 * @v: the volume
 *
 * The last active volume of a set takes the link down.
 *
 * Context: may sleep, for a bounded time.
 */
void hm_primary_stop(struct hm_volume *v)
{
	struct hm_primary *p = to_primary(v->set);

	mutex_lock(&p->set.volumes_lock);
	if (v->active) {
		hm_primary_own_up(p, hm_primary_drain(p));
		/* From here on nobody else writes to its metadata device. */
		hm_primary_store_pause(v);
		hm_volume_set_active(v, false);
		hm_primary_clean_stopped(v);
		if (!hm_set_any_active(&p->set))
			hm_primary_conn_stop(p);
	}
	mutex_unlock(&p->set.volumes_lock);
}

/**
 * hm_primary_drop_volume() - the message "drop_volume"
 * @p: the primary
 * @number: the volume's number, as words
 *
 * Return: 0 or a negative errno; then the log says why.
 *
 * Context: may sleep, for the metadata devices.
 */
int hm_primary_drop_volume(struct hm_primary *p, const char *number)
{
	int err;

	mutex_lock(&p->set.volumes_lock);
	err = hm_set_drop_member(&p->set, number);
	mutex_unlock(&p->set.volumes_lock);
	if (!err)
		hm_primary_retry(p);
	return err;
}

/* The backup makes durable what it has of the volume, if it is there. */
static void hm_primary_let_go(struct hm_primary *p, u16 volume)
{
	unsigned long end = jiffies + msecs_to_jiffies(HM_SUSPEND_PATIENCE_MS);

	while (hm_primary_backlog_names(p, volume) && time_before(jiffies, end))
		wait_event_timeout(p->drain_wait,
				   !hm_primary_backlog_names(p, volume),
				   msecs_to_jiffies(100));
}

static bool hm_primary_has_volumes(struct hm_primary *p)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (p->set.volume[i])
			return true;
	}
	return false;
}

/**
 * hm_primary_forget() - dtr: the volume leaves its set
 * @v: the volume; suspended
 *
 * Context: may sleep.
 */
void hm_primary_forget(struct hm_volume *v)
{
	struct hm_primary *p = to_primary(v->set);
	u16 number = v->args.volume;
	struct task_struct *conn;
	bool active;

	mutex_lock(&p->set.volumes_lock);
	if (p->set.volume[number] != v)
		goto out;
	active = hm_set_any_active(&p->set);
	if (active)
		hm_primary_let_go(p, number);
	conn = active ? hm_primary_conn_create(p) : NULL;
	hm_primary_conn_stop(p);
	hm_set_detach(v);
	if (IS_ERR(conn)) {
		hm_err(&p->set, "no memory for a thread: not connected; suspend and resume a volume to try again");
		/* Nobody would end their waits. */
		hm_primary_go_alone(p);
		goto out;
	}
	if (hm_primary_backlog_names(p, number) && hm_primary_has_volumes(p))
		hm_primary_miss(p, "a volume was removed before the backup had all of it");
	if (conn) {
		hm_primary_store_attach(p);
		hm_primary_describe(p);
		hm_primary_conn_start(p, conn);
	}
out:
	mutex_unlock(&p->set.volumes_lock);
}
