// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backup's log: what was received is appended to a ring on the metadata
 * device, one batch in flight while the next gathers, and is durable then. The
 * disk is written in any order afterwards, without a barrier. Should the power
 * fail, log-replay.c performs the log again.
 *
 * For a set of one volume: order across several would need one log for all.
 */
#include <linux/blkdev.h>
#include <linux/random.h>

#include "backup.h"

static void hm_log_tail_work(struct work_struct *work);
static void hm_log_answered(struct hm_append *append, bool ok);

/**
 * hm_log_create() - what a log needs, in memory
 * @log: the log
 *
 * Return: 0 or -ENOMEM.
 *
 * Context: may sleep.
 */
int hm_log_create(struct hm_log *log)
{
	if (hm_append_create(&log->append, hm_log_answered))
		return -ENOMEM;
	INIT_WORK(&log->tail_work, hm_log_tail_work);
	INIT_WORK(&log->unstage_work, hm_stage_work);
	return 0;
}

/**
 * hm_log_destroy() - free it
 * @log: the log; nothing uses it any more
 *
 * Context: may sleep.
 */
void hm_log_destroy(struct hm_log *log)
{
	cancel_work_sync(&log->unstage_work);
	cancel_work_sync(&log->tail_work);
	hm_append_destroy(&log->append);
}

/* The one volume, if its table asks for a log and its metadata has room. */
static struct hm_volume *hm_log_volume(struct hm_backup *b)
{
	struct hm_volume *found = NULL, *v;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = b->set.volume[i];
		if (!v)
			continue;
		if (found || v->args.apply == HM_APPLY_BY_GROUP ||
		    !v->meta->super.ring_blocks)
			return NULL;
		found = v;
	}
	return found;
}

/**
 * hm_log_stays() - will a session go on as the superblock says?
 * @b: the backup
 *
 * Return: false if hm_log_begin() would change whether there is a log.
 *
 * Context: under @b->set.meta_lock and lock.
 */
bool hm_log_stays(struct hm_backup *b)
{
	return (b->log.state == HM_LOG_ON ||
		b->log.state == HM_LOG_STAGING) == !!hm_log_volume(b);
}

/**
 * hm_log_begin() - a session begins: empty, or by groups
 * @b: the backup; all is applied. The superblock is to be written, then
 *
 * Context: under @b->set.meta_lock and lock.
 */
void hm_log_begin(struct hm_backup *b)
{
	const struct hm_volume *v = hm_log_volume(b);
	struct hm_log *log = &b->log;

	log->state = v ? HM_LOG_ON : HM_LOG_OFF;
	if (v) {
		log->volume = v->info.number;
		log->ring.blocks = v->meta->super.ring_blocks;
		log->ring.head = 0;
		log->ring.tail = 0;
		/* What lies there is of another life. */
		do {
			log->life = get_random_u64();
		} while (!log->life);
	}
	hm_apply_use_log(&b->apply, v, 0);
}

/**
 * hm_log_leave() - it is needed no more, or is left to the next load
 * @b: the backup; nothing is pending, or what is will be dropped
 * @state: HM_LOG_OFF or HM_LOG_LEFT
 *
 * Context: under @b->set.lock.
 */
void hm_log_leave(struct hm_backup *b, enum hm_log_state state)
{
	if (b->log.state == HM_LOG_OFF)
		return;
	/* Nobody was told of what is staged: nothing will perform it. */
	b->log.state = b->log.state == HM_LOG_STAGING ? HM_LOG_OFF : state;
	if (b->apply.logged)
		hm_apply_use_log(&b->apply, false, 0);
}

/**
 * hm_log_fill_super() - what the superblock says of the log
 * @b: the backup
 * @s: as it was; the stream is filled in
 *
 * Context: under @b->set.meta_lock and lock.
 */
void hm_log_fill_super(struct hm_backup *b, struct hm_super *s)
{
	struct hm_log *log = &b->log;
	bool on_disk;

	if (log->state == HM_LOG_LEFT)
		return;
	/* What is staged is not on the disk. */
	on_disk = log->state == HM_LOG_ON || log->state == HM_LOG_STAGING;
	s->logged = log->state == HM_LOG_ON || log->committing;
	s->position = s->logged || b->position;
	s->seq = on_disk ? b->apply.clean.seq : b->apply.at.durable;
	s->group = on_disk ? b->apply.clean.group : b->apply.durable_group;
	s->ring_life = s->logged ? log->life : 0;
	s->ring_tail = s->logged ? b->apply.clean.log : 0;
	log->told = s->ring_tail;
}

/* The caller suspends. */
static void hm_log_refused(struct hm_backup *b)
{
	hm_backup_disk_failed(b, b->log.volume,
			      "the metadata device refused the log: mend it, then send the message resume");
	hm_err(&b->set, "the metadata device refused the log; mirroring is suspended, the copy stays %s",
	       hm_backup_worth(b));
}

/* Room is given back once the superblock says so: replay begins there. */
static void hm_log_tail_work(struct work_struct *work)
{
	struct hm_backup *b = container_of(work, struct hm_backup,
					   log.tail_work);
	struct hm_volume *v;
	int err = -EBUSY;

	mutex_lock(&b->set.meta_lock);
	v = b->set.volume[b->log.volume];
	if (b->log.state == HM_LOG_ON && v && v->active)
		err = hm_volume_write_super(v, &b->set.lineage);
	if (err && err != -EBUSY)
		b->meta_failed = true;
	spin_lock_irq(&b->set.lock);
	b->log.telling = false;
	if (!err) {
		b->log.ring.tail = b->log.told;
		hm_apply_log_room(&b->apply);
		hm_backup_progress(b);
	} else if (err != -EBUSY && b->apply.log_full) {
		hm_log_refused(b);
		hm_apply_log_stuck(&b->apply);
		hm_backup_progress(b);
	}
	/* Otherwise the next answer of a disk, or the heartbeat, tries again. */
	spin_unlock_irq(&b->set.lock);
	mutex_unlock(&b->set.meta_lock);
}

/**
 * hm_log_tend() - see to it that there is room
 * @b: the backup
 *
 * Context: under @b->set.lock; after each answer of the disks, and now and then.
 */
void hm_log_tend(struct hm_backup *b)
{
	const struct hm_apply *a = &b->apply;
	struct hm_log *log = &b->log;
	u64 room;

	/* One that refuses is tried again when it is told to be. */
	if (a->suspended || hm_stage_tend(b) || log->state != HM_LOG_ON)
		return;
	if (a->log_full || log->ring.head - log->ring.tail > log->ring.blocks / 2)
		hm_apply_want_flush(&b->apply);
	room = a->clean.log - log->ring.tail;
	if (!room || log->telling ||
	    (!a->log_full && room < log->ring.blocks / 8))
		return;
	log->telling = true;
	queue_work(hm_meta_wq, &log->tail_work);
}

/**
 * hm_log_settle() - the tail is told no more
 * @b: the backup; halting: nothing is appended any more
 *
 * Context: may sleep; not under meta_lock.
 */
void hm_log_settle(struct hm_backup *b)
{
	cancel_work_sync(&b->log.unstage_work);
	cancel_work_sync(&b->log.tail_work);
	spin_lock_irq(&b->set.lock);
	b->log.telling = false;
	spin_unlock_irq(&b->set.lock);
}

static void hm_log_answered(struct hm_append *append, bool ok)
{
	struct hm_backup *b = container_of(append, struct hm_backup,
					   log.append);
	u64 end = hm_append_behind(append);
	LIST_HEAD(retired);
	unsigned long flags;

	spin_lock_irqsave(&b->set.lock, flags);
	if (ok) {
		b->log.ring.head = end;
		b->counters.appends++;
	} else {
		hm_log_refused(b);
	}
	b->ack_due = true;
	hm_apply_log_done(&b->apply, ok, append->batch.position, end,
			  &retired);
	/* Under the lock: whoever drains may free the set once this is over. */
	hm_backup_progress(b);
	spin_unlock_irqrestore(&b->set.lock, flags);
	hm_backup_free_retired(&retired);
}

static void hm_log_write(struct hm_backup *b, struct hm_update *first)
{
	struct hm_log *log = &b->log;
	struct hm_append *append = &log->append;
	struct hm_update *u;
	unsigned int i;

	/*
	 * They stay where they are: nothing but the log's answer moves them. What
	 * comes behind the last one is not ours to look at.
	 */
	for (i = 0; i < append->batch.records; i++) {
		u = i ? list_next_entry(u, stream) : first;
		hm_encode_record(&append->head->record[i], u, log->life,
				 to_arrival(u)->crc);
	}
	hm_append_begin(append, b->set.volume[log->volume]->meta, &log->ring,
			log->life, REQ_FUA);
	for (i = 0; i < append->batch.records; i++) {
		u = i ? list_next_entry(u, stream) : first;
		hm_append_payload(append, &to_arrival(u)->payload);
	}
	hm_append_end(append);
}

/* As many as one batch holds; returns the last one. */
static struct hm_update *hm_log_gather(struct hm_backup *b,
				       struct hm_update *first)
{
	struct hm_ring_batch *batch = &b->log.append.batch;
	struct hm_update *u = first, *last = first;
	unsigned int bytes;

	memset(batch, 0, sizeof(*batch));
	list_for_each_entry_from(u, &b->apply.pending, stream) {
		bytes = to_arrival(u)->payload.bytes;
		if (batch->records == HM_BATCH_RECORDS ||
		    !hm_apply_log_takes(&b->apply, u) ||
		    batch->payload + bytes > HM_BATCH_PAYLOAD)
			break;
		batch->records++;
		batch->payload += bytes;
		last = u;
	}
	return last;
}

/**
 * hm_log_append() - append what is waiting for the log
 * @b: the backup
 * @first: the first of them, as hm_apply_next() gave it
 *
 * Context: process; by whoever pumps, one at a time.
 */
void hm_log_append(struct hm_backup *b, struct hm_update *first)
{
	struct hm_ring_batch *batch = &b->log.append.batch;
	struct hm_update *last;

	spin_lock_irq(&b->set.lock);
	last = hm_log_gather(b, first);
	batch->position = hm_ring_place(&b->log.ring,
					hm_batch_blocks(batch->payload));
	if (batch->position == HM_RING_NOWHERE) {
		hm_apply_log_full(&b->apply);
		/* If it is performed already, that will make room. */
		if (b->apply.staging && !b->apply.unstaging)
			hm_apply_unstage(&b->apply, b->log.ring.head);
		hm_log_tend(b);
		spin_unlock_irq(&b->set.lock);
		return;
	}
	hm_apply_log_begin(&b->apply, last);
	spin_unlock_irq(&b->set.lock);
	hm_log_write(b, first);
}
