// SPDX-License-Identifier: GPL-2.0-only
/*
 * A resync that fits the backup's log is one atomic batch. Copies arrive out of
 * order; until the last one is there they are appended to the log and not
 * performed, and no superblock says that the log counts. So the disk stays the
 * last consistent state, and the backup can be promoted with it at any instant.
 *
 * One write of the superblock makes the batch count, together with the primary's
 * generation: from then on a crash leaves a log that is performed at the next
 * load. If it does not fit, it is made to count earlier, together with the word that
 * the copy is inconsistent, and what comes after it goes the usual way.
 *
 * What was appended is not in memory any more, so it is performed as after a
 * crash, from the log.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/sched/mm.h>

#include "backup.h"

/* Without memory to read the log into it is tried again so often, milliseconds. */
#define HM_STAGE_TRIES		20
#define HM_STAGE_RETRY_MS	100

/* log2 of the sectors in a block of the log */
#define HM_BLOCK_SHIFT	ilog2(HM_META_BLOCK >> SECTOR_SHIFT)

/* Blocks of the log for so many sectors of copies, and for what comes with them. */
static u64 hm_stage_blocks(u64 sectors)
{
	u64 blocks = sectors >> HM_BLOCK_SHIFT;

	return blocks + blocks / 16 + HM_RING_MIN_BLOCKS;
}

/**
 * hm_stage_may_begin() - shall what is about to be copied be staged?
 * @b: the backup; hm_log_begin() has been called
 * @sectors: what is to be copied, sectors of 512 bytes
 *
 * Only if the disk is worth keeping as it is: consistent, and not given up. And
 * regions that we have changed by ourselves are forgotten when a copy begins,
 * which could not be undone.
 *
 * Context: under @b->set.meta_lock and lock.
 */
bool hm_stage_may_begin(struct hm_backup *b, u64 sectors)
{
	const struct hm_lineage *l = &b->set.lineage;

	return b->log.state == HM_LOG_ON && hm_apply_drained(&b->apply) &&
	       !l->inconsistent && !hm_lineage_fresh(l) && !b->gives_up &&
	       !hm_backup_is_dirty(b) &&
	       sectors >> HM_BLOCK_SHIFT < b->log.ring.blocks &&
	       hm_stage_blocks(sectors) <= b->log.ring.blocks;
}

/**
 * hm_stage_begin() - what comes from now on is staged
 * @b: the backup; hm_stage_may_begin() said yes. The superblock is to be written,
 *	then
 * @primary: the primary's lineage
 *
 * Context: under @b->set.meta_lock and lock.
 */
void hm_stage_begin(struct hm_backup *b, const struct hm_lineage *primary)
{
	b->log.state = HM_LOG_STAGING;
	b->log.piecemeal = b->set.lineage;
	hm_lineage_copy_begins(&b->log.piecemeal, primary);
	hm_apply_stage(&b->apply);
	hm_info(&b->set, "copies are staged in the log: the disk stays as it is, and consistent, until all are there");
	hm_set_event(&b->set);
}

/**
 * hm_stage_commit() - what is staged counts
 * @b: the backup; staging, no append is in flight
 * @lineage: the set's lineage from now on
 *
 * Return: 0 or a negative errno; then it does not, or the next load will say.
 *
 * Context: may sleep, for the metadata device; under @b->set.meta_lock.
 */
int hm_stage_commit(struct hm_backup *b, const struct hm_lineage *lineage)
{
	int err;

	b->log.committing = true;
	err = hm_set_write_supers(&b->set, lineage);
	b->log.committing = false;
	if (err)
		return err;
	spin_lock_irq(&b->set.lock);
	b->log.state = HM_LOG_ON;
	if (!b->apply.unstaging)
		hm_apply_unstage(&b->apply, b->log.ring.head);
	hm_backup_progress(b);
	spin_unlock_irq(&b->set.lock);
	return 0;
}

/**
 * hm_stage_drop() - halting: what is staged and does not count goes
 * @b: the backup; halting, nothing is in flight
 *
 * The primary still remembers its regions.
 *
 * Context: process; no spinlock held.
 */
void hm_stage_drop(struct hm_backup *b)
{
	bool staged;

	spin_lock_irq(&b->set.lock);
	staged = b->log.state == HM_LOG_STAGING;
	spin_unlock_irq(&b->set.lock);
	if (!staged)
		return;
	hm_backup_drop_pending(b);
	hm_info(&b->set, "gave up what was staged; the disk is as consistent as it was before the copying began");
}

/**
 * hm_stage_tend() - see to it that what is no longer to be staged is performed
 * @b: the backup
 *
 * Return: true if there is no log to tend meanwhile.
 *
 * Context: under @b->set.lock.
 */
bool hm_stage_tend(struct hm_backup *b)
{
	struct hm_log *log = &b->log;

	if (b->apply.unstaging && !log->unstaging) {
		log->unstaging = true;
		queue_work(hm_misc_wq, &log->unstage_work);
	}
	return b->apply.staging;
}

/**
 * hm_stage_holds() - is something kept apart from the disk that need not get there?
 * @b: the backup
 *
 * Or, if it did not fit, that has not got there yet: nothing is appended as long as
 * the log is full, so nobody should wait for that.
 *
 * Context: under @b->set.lock.
 */
bool hm_stage_holds(const struct hm_backup *b)
{
	return b->log.state == HM_LOG_STAGING ||
	       (b->apply.unstaging && b->set.lineage.inconsistent);
}

/* It does not fit: say so, before the first of it reaches the disk. */
static int hm_stage_give_up(struct hm_backup *b)
{
	int err;

	b->set.forced = false;
	err = hm_stage_commit(b, &b->log.piecemeal);
	if (err) {
		b->meta_failed = true;
		return err;
	}
	hm_warn(&b->set, "what is copied does not fit the log: inconsistent from here on, until the copying has ended");
	hm_set_event(&b->set);
	return 0;
}

/* Return: 0 if @super says what the log holds, all of which counts, up to @until. */
static int hm_stage_settle(struct hm_backup *b, struct hm_volume *v,
			   struct hm_super *super, u64 *until)
{
	int err = 0;

	mutex_lock(&b->set.meta_lock);
	if (b->log.state == HM_LOG_STAGING)
		err = hm_stage_give_up(b);
	*super = v->meta->super;
	spin_lock_irq(&b->set.lock);
	*until = b->apply.staged.seq;
	spin_unlock_irq(&b->set.lock);
	mutex_unlock(&b->set.meta_lock);
	return err;
}

static int hm_stage_perform(struct hm_backup *b)
{
	struct hm_volume *v = b->set.volume[b->log.volume];
	struct hm_super super;
	u64 until;
	int err;

	err = hm_stage_settle(b, v, &super, &until);
	if (err)
		return -EIO;
	err = hm_log_replay(v, v->meta, &super, until);
	if (!err && super.seq != until) {
		hm_err(&b->set, "volume %u: the log ends at update %llu, but %llu was appended: mend the metadata device",
		       v->info.number, super.seq, until);
		err = -EIO;
	}
	return err;
}

/**
 * hm_stage_work() - perform what was staged
 * @work: hm_log.unstage_work
 */
void hm_stage_work(struct work_struct *work)
{
	struct hm_backup *b = container_of(work, struct hm_backup,
					   log.unstage_work);
	unsigned int flags = memalloc_noio_save();
	unsigned int tries = 0;
	LIST_HEAD(retired);
	int err;

	while ((err = hm_stage_perform(b)) == -ENOMEM && tries++ < HM_STAGE_TRIES)
		msleep(HM_STAGE_RETRY_MS);
	spin_lock_irq(&b->set.lock);
	b->log.unstaging = false;
	if (!err) {
		hm_apply_unstaged(&b->apply, &retired);
	} else {
		hm_backup_disk_failed(b, b->log.volume,
				      "what was copied cannot be performed from the log: mend the disk or the metadata device, then send the message resume");
		hm_apply_log_stuck(&b->apply);
	}
	b->ack_due = true;
	hm_backup_progress(b);
	spin_unlock_irq(&b->set.lock);
	hm_backup_free_retired(&retired);
	memalloc_noio_restore(flags);
}
