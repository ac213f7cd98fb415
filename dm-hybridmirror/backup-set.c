// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backup's ordering domain: its life and its states.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "backup.h"

static bool hm_backup_empty(struct hm_backup *b)
{
	bool empty;

	spin_lock_irq(&b->set.lock);
	empty = !b->live;
	spin_unlock_irq(&b->set.lock);
	return empty;
}

/* Nothing goes on: all is done, or a disk refuses. */
static bool hm_backup_is_idle(struct hm_backup *b)
{
	lockdep_assert_held(&b->set.lock);
	return hm_apply_drained(&b->apply) ||
	       (b->apply.suspended && hm_apply_quiet(&b->apply) &&
		!b->log.unstaging);
}

/**
 * hm_backup_drop_pending() - give up what was received and cannot be applied
 * @b: the backup
 *
 * The primary still remembers their regions; what is in the log is performed when
 * the volume is loaded again.
 *
 * Return: false if something may still be applied; then nothing has changed.
 *
 * Context: may sleep.
 */
bool hm_backup_drop_pending(struct hm_backup *b)
{
	struct hm_update *u, *next;
	LIST_HEAD(dropped);
	unsigned int count = 0;
	const char *worth;
	bool idle;

	spin_lock_irq(&b->set.lock);
	worth = hm_backup_worth(b);
	idle = hm_backup_is_idle(b);
	if (idle) {
		/* Until a session begins the superblock speaks of the old stream. */
		hm_log_leave(b, HM_LOG_LEFT);
		list_splice_init(&b->apply.pending, &dropped);
		hm_apply_jump(&b->apply, 0, 0);
		b->lost = true;
	}
	spin_unlock_irq(&b->set.lock);
	if (!idle)
		return false;
	list_for_each_entry_safe(u, next, &dropped, stream) {
		list_del_init(&u->stream);
		hm_arrival_free(to_arrival(u));
		count++;
	}
	if (count)
		hm_warn(&b->set, "gave up %u updates that were received and could not be applied; the disk is %s without them",
			count, worth);
	return true;
}

/**
 * hm_backup_forget_stream() - the position in the stream is given up
 * @b: the backup; halted
 *
 * Context: may sleep.
 */
void hm_backup_forget_stream(struct hm_backup *b)
{
	hm_backup_drop_pending(b);
	spin_lock_irq(&b->set.lock);
	memset(b->stream_id, 0, sizeof(b->stream_id));
	b->position = false;
	spin_unlock_irq(&b->set.lock);
}

static void hm_backup_free(struct hm_set *set)
{
	struct hm_backup *b = to_backup(set);

	hm_backup_forget_stream(b);
	wait_event(b->drain_wait, hm_backup_empty(b));
	cancel_work_sync(&b->apply_work);
	hm_log_destroy(&b->log);
	hm_pool_exit(&b->pool);
	kfree(b);
}

/**
 * hm_backup_create() - a new ordering domain
 *
 * Return: the set, or NULL if there is no memory.
 *
 * Context: may sleep.
 */
struct hm_set *hm_backup_create(void)
{
	struct hm_backup *b = kzalloc(sizeof(*b), GFP_KERNEL);
	unsigned int i;

	if (!b)
		return NULL;
	if (hm_pool_init(&b->pool, hm_arrival_cache)) {
		kfree(b);
		return NULL;
	}
	if (hm_log_create(&b->log)) {
		hm_pool_exit(&b->pool);
		kfree(b);
		return NULL;
	}
	b->set.free = hm_backup_free;
	b->set.fill_super = hm_backup_fill_super;
	spin_lock_init(&b->set.lock);
	hm_apply_init(&b->apply);
	b->reason = "";
	b->last_flush = jiffies;
	INIT_WORK(&b->apply_work, hm_backup_apply_work);
	init_waitqueue_head(&b->room_wait);
	init_waitqueue_head(&b->ack_wait);
	init_waitqueue_head(&b->drain_wait);
	mutex_init(&b->listen_lock);
	mutex_init(&b->guest_lock);
	mutex_init(&b->session_lock);
	for (i = 0; i < HM_GUESTS; i++) {
		b->guest[i].backup = b;
		INIT_WORK(&b->guest[i].work, hm_guest_work);
	}
	return &b->set;
}

/**
 * hm_backup_set_link() - the one place that changes the link's state
 * @b: the backup
 * @link: the new state
 * @reason: why, in words; "" if all is well
 *
 * Context: under @b->set.lock.
 */
void hm_backup_set_link(struct hm_backup *b, enum hm_link link,
			const char *reason)
{
	lockdep_assert_held(&b->set.lock);
	if (!b->apply.suspended)
		b->reason = reason;
	if (b->link == link || WARN_ON_ONCE(!hm_link_allowed(b->link, link)))
		return;
	if (link == HM_LINK_CONNECTED)
		b->counters.connects++;
	if (b->link == HM_LINK_CONNECTED)
		b->counters.disconnects++;
	b->link = link;
	hm_set_event(&b->set);
}

/**
 * hm_backup_retry() - try again what a disk refused
 * @b: the backup
 *
 * Context: process; under volumes_lock or session_lock, the set is not halted.
 */
void hm_backup_retry(struct hm_backup *b)
{
	spin_lock_irq(&b->set.lock);
	if (b->apply.suspended) {
		b->reason = "";
		b->ack_now = true;
		hm_apply_retry(&b->apply);
		hm_log_tend(b);
		hm_set_event(&b->set);
	}
	hm_backup_kick(b);
	spin_unlock_irq(&b->set.lock);
	wake_up(&b->ack_wait);
}

/**
 * hm_backup_resume() - the message "resume"
 * @b: the backup
 *
 * Return: 0, or -EBUSY while the set is suspended: its disks are not ours then.
 *
 * Context: may sleep.
 */
int hm_backup_resume(struct hm_backup *b)
{
	int err = -EBUSY;

	mutex_lock(&b->set.volumes_lock);
	if (b->listen) {
		hm_backup_retry(b);
		err = 0;
	}
	mutex_unlock(&b->set.volumes_lock);
	return err;
}

static bool hm_backup_idle(struct hm_backup *b)
{
	bool idle;

	spin_lock_irq(&b->set.lock);
	idle = hm_backup_is_idle(b);
	spin_unlock_irq(&b->set.lock);
	return idle;
}

/**
 * hm_backup_durable() - is all that was received durable on the disks?
 * @b: the backup
 *
 * Context: not under @b->set.lock.
 */
bool hm_backup_durable(struct hm_backup *b)
{
	bool durable;

	spin_lock_irq(&b->set.lock);
	durable = hm_apply_drained(&b->apply);
	spin_unlock_irq(&b->set.lock);
	return durable;
}

/**
 * hm_backup_settle() - go on towards the state that all received is durable
 * @b: the backup
 * @all: nothing less will do; otherwise it is enough that a disk refuses
 *
 * Return: true if it is reached; false after some 100 ms: call again.
 *
 * Context: may sleep.
 */
bool hm_backup_settle(struct hm_backup *b, bool all)
{
	if (all ? hm_backup_durable(b) : hm_backup_idle(b))
		return true;
	spin_lock_irq(&b->set.lock);
	hm_apply_want_flush(&b->apply);
	hm_log_tend(b);
	hm_backup_kick(b);
	spin_unlock_irq(&b->set.lock);
	wait_event_timeout(b->drain_wait, all ? hm_backup_durable(b) :
						hm_backup_idle(b),
			   msecs_to_jiffies(100));
	return false;
}

/* Everything that was received reaches the disks, unless one refuses it. */
static void hm_backup_drain(struct hm_backup *b)
{
	while (!hm_backup_settle(b, false))
		;
	hm_log_settle(b);
	hm_stage_drop(b);
	/* The last completion may still be leaving the pump. */
	cancel_work_sync(&b->apply_work);
	spin_lock_irq(&b->set.lock);
	if (b->link != HM_LINK_DOWN && b->apply.at.received)
		hm_info(&b->set, "stopped; the disk is %s at group %llu, update %llu of %llu received",
			hm_backup_worth(b), b->apply.applied_group,
			b->apply.at.applied, b->apply.at.received);
	spin_unlock_irq(&b->set.lock);
}

/* Under volumes_lock. */
static void hm_backup_halt(struct hm_backup *b)
{
	hm_backup_listen_stop(b);
	mutex_lock(&b->session_lock);
	if (b->session)
		hm_session_stop(b->session);
	b->session = NULL;
	mutex_unlock(&b->session_lock);
	hm_backup_drain(b);
	hm_pool_trim(&b->pool, true);
	spin_lock_irq(&b->set.lock);
	hm_backup_set_link(b, HM_LINK_DOWN, "");
	spin_unlock_irq(&b->set.lock);
}

/* A disk's cache may have been switched on or off since the table was loaded. */
static void hm_backup_look_at_caches(struct hm_backup *b)
{
	struct hm_volume *v;
	unsigned int i;
	bool cache;

	b->apply.volatile_cache = false;
	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = b->set.volume[i];
		if (!v)
			continue;
		cache = bdev_write_cache(v->dev->bdev);
		v->info.flags = cache ? HM_VOLUME_VOLATILE_CACHE : 0;
		b->apply.volatile_cache |= cache;
	}
}

/* Under volumes_lock, halted. */
static int hm_backup_run(struct hm_backup *b)
{
	if (!hm_set_all_active(&b->set))
		return 0;
	if (!hm_set_complete(&b->set)) {
		spin_lock_irq(&b->set.lock);
		b->reason =
			"waiting for the set's other volumes: create them, or send drop_volume";
		spin_unlock_irq(&b->set.lock);
		return 0;
	}
	spin_lock_irq(&b->set.lock);
	b->limit = (u64)b->set.args.backlog_mib << 20;
	hm_backup_look_at_caches(b);
	spin_unlock_irq(&b->set.lock);
	hm_set_describe(&b->set, &b->hello);
	return hm_backup_listen_start(b);
}

/**
 * hm_backup_drop_volume() - the message "drop_volume"
 * @b: the backup
 * @number: the volume's number, as words
 *
 * Return: 0 or a negative errno; then the log says why.
 *
 * Context: may sleep, for the metadata devices.
 */
int hm_backup_drop_volume(struct hm_backup *b, const char *number)
{
	int err;

	mutex_lock(&b->set.volumes_lock);
	err = hm_set_drop_member(&b->set, number);
	if (!err && !b->listen)
		err = hm_backup_run(b);
	mutex_unlock(&b->set.volumes_lock);
	return err;
}

/**
 * hm_backup_start() - preresume: the volume joins; with all, listening starts
 * @v: the volume
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep.
 */
int hm_backup_start(struct hm_volume *v)
{
	struct hm_backup *b = to_backup(v->set);
	struct hm_volume *old;
	int err;

	mutex_lock(&b->set.volumes_lock);
	/* A volume that may not join does not disturb the others. */
	err = hm_set_may_attach(v);
	if (!err) {
		hm_backup_halt(b);
		mutex_lock(&b->set.meta_lock);
		hm_set_attach(v, &old);
		mutex_unlock(&b->set.meta_lock);
		hm_volume_set_active(v, true);
		err = hm_backup_remember(v, old);
		if (err) {
			hm_volume_set_active(v, false);
			hm_set_detach(v);
		}
		/* The others go on without it. */
		if (hm_backup_run(b) && !err) {
			hm_volume_set_active(v, false);
			err = -ENOMEM;
		}
	}
	mutex_unlock(&b->set.volumes_lock);
	return err;
}

/**
 * hm_backup_stop() - postsuspend: all that was received is applied
 * @v: the volume
 *
 * Context: may sleep, for the disks.
 */
void hm_backup_stop(struct hm_volume *v)
{
	struct hm_backup *b = to_backup(v->set);

	mutex_lock(&b->set.volumes_lock);
	if (v->active) {
		hm_backup_halt(b);
		hm_backup_note_position(b);
		hm_volume_set_active(v, false);
	}
	mutex_unlock(&b->set.volumes_lock);
}

/**
 * hm_backup_forget() - dtr: the volume leaves its set
 * @v: the volume; suspended
 *
 * Context: may sleep.
 */
void hm_backup_forget(struct hm_volume *v)
{
	struct hm_backup *b = to_backup(v->set);
	bool member;

	mutex_lock(&b->set.volumes_lock);
	member = b->set.volume[v->args.volume] == v;
	if (member) {
		hm_backup_halt(b);
		/* What a disk refused may name this volume. */
		if (!hm_backup_durable(b))
			hm_backup_drop_pending(b);
		hm_set_detach(v);
		if (hm_backup_run(b))
			hm_err(&b->set, "cannot listen; suspend and resume a volume to try again");
	}
	mutex_unlock(&b->set.volumes_lock);
}
