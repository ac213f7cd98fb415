// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty regions on the primary: durable before the first write to a region is
 * issued, clean again lazily, once all its writes are durable on the backup.
 * Writes that have to wait for the metadata wait here, never in map(); all that
 * have gathered share one write of the bitmap.
 */
#include <linux/blkdev.h>
#include <linux/sched.h>

#include "primary.h"

/* A cycle of cleaning lasts at least so long: what is hot stays dirty. */
#define HM_CLEAN_MS	5000

/* Updates whose regions are lost in one hold of the lock. */
#define HM_LOSE_AT_ONCE	256

/**
 * hm_primary_park() - queue a bio until its regions are dirty
 * @v: the volume
 * @bio: from map(), untouched
 * @apart: it waits for a generation of our own instead
 *
 * Return: false if there is nothing to wait for, after all.
 *
 * Context: any; no lock of ours held.
 */
bool hm_primary_park(struct hm_volume *v, struct bio *bio, bool apart)
{
	struct hm_primary *p = to_primary(v->set);
	struct hm_meta *m = v->meta;
	unsigned long flags;
	bool park;

	spin_lock_irqsave(&p->set.lock, flags);
	park = apart ? !p->apart :
		       !hm_regions_are_dirty(&m->regions, bio->bi_iter.bi_sector,
					     bio_sectors(bio));
	if (park) {
		hm_regions_want(&m->regions, bio->bi_iter.bi_sector,
				bio_sectors(bio));
		bio_list_add(&m->waiting, bio);
		m->waited++;
		p->counters.dirtied++;
	}
	spin_unlock_irqrestore(&p->set.lock, flags);
	if (park)
		queue_work(hm_meta_wq, &m->work);
	return park;
}

/*
 * What the backup has is to be on the local disk, past its cache, before the
 * bitmap says so.
 */
static void hm_regions_flush_and_clean(struct hm_meta *m)
{
	bool changed = false;
	int err;

	err = blkdev_issue_flush(m->data);
	spin_lock_irq(&m->set->lock);
	m->clean = false;
	if (!err && !m->stay_dirty)
		changed = hm_regions_clean(&m->regions);
	spin_unlock_irq(&m->set->lock);
	if (changed)
		hm_meta_write_regions(m);
}

/* Will writes complete that the backup need not have? */
static bool hm_regions_alone(struct hm_primary *p)
{
	return p->stream.alone || p->sync == HM_SYNC_BEHIND;
}

/**
 * hm_regions_work() - make regions dirty, let their writes go on
 * @work: hm_meta.work of a primary's volume
 *
 * A metadata device that refuses a write leaves no way to do what was asked:
 * after a crash nobody would know of the region.
 */
void hm_regions_work(struct work_struct *work)
{
	struct hm_meta *m = container_of(work, struct hm_meta, work);
	struct hm_primary *p = to_primary(m->set);
	struct bio_list bios = BIO_EMPTY_LIST;
	struct hm_volume *v;
	struct bio *bio;
	int err = 0;
	bool apart, clean;

	spin_lock_irq(&p->set.lock);
	clean = m->clean;
	bio_list_merge(&bios, &m->waiting);
	bio_list_init(&m->waiting);
	apart = hm_regions_alone(p) && !p->apart;
	spin_unlock_irq(&p->set.lock);

	if (apart && !bio_list_empty(&bios))
		err = hm_primary_write_apart(p);
	if (!err)
		err = hm_meta_write_regions(m);
	while ((bio = bio_list_pop(&bios))) {
		v = ((struct hm_pbd *)dm_per_bio_data(bio, sizeof(struct hm_pbd)))->v;
		if (err)
			bio_io_error(bio);
		else
			hm_primary_again(v, bio);
	}
	if (clean)
		hm_regions_flush_and_clean(m);
}

/**
 * hm_primary_unsynced() - what is to be copied
 * @p: the primary
 *
 * Return: bytes, in whole regions.
 *
 * Context: under @p->set.lock.
 */
u64 hm_primary_unsynced(struct hm_primary *p)
{
	const struct hm_volume *v;
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = p->set.volume[i];
		if (v && v->meta)
			bytes += (u64)v->meta->regions.unsynced_count <<
				 (v->meta->regions.shift + SECTOR_SHIFT);
	}
	return bytes;
}

/**
 * hm_primary_lose_backlog() - what the backlog holds will not be sent
 * @p: the primary; it is behind, and no sender is active: nothing joins or
 *	leaves the backlog
 *
 * Context: process; no spinlock held. The lock is not held for all of it, since
 * the backlog may be long.
 */
void hm_primary_lose_backlog(struct hm_primary *p)
{
	const struct hm_update *u;
	unsigned int n = 0;
	struct hm_volume *v;

	spin_lock_irq(&p->set.lock);
	list_for_each_entry(u, &p->stream.backlog, stream) {
		v = p->set.volume[u->volume];
		if (u->sectors && v && v->meta)
			hm_regions_lose(&v->meta->regions, u->sector,
					u->sectors);
		if (++n % HM_LOSE_AT_ONCE)
			continue;
		spin_unlock_irq(&p->set.lock);
		cond_resched();
		spin_lock_irq(&p->set.lock);
	}
	spin_unlock_irq(&p->set.lock);
}

/*
 * One volume for each hold of the lock. What is written between the first and
 * the last stays dirty for longer than it need.
 */
static void hm_primary_clean_begin(struct hm_primary *p)
{
	struct hm_volume *v;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		spin_lock_irq(&p->set.lock);
		v = p->set.volume[i];
		/* What is being cleaned goes by the last cycle still. */
		if (v && v->active && !v->meta->clean)
			hm_regions_cycle(&v->meta->regions);
		spin_unlock_irq(&p->set.lock);
	}
	spin_lock_irq(&p->set.lock);
	p->cleaning = true;
	p->cycle = !p->cycle;
	p->clean_after = p->stream.last_seq;
	p->clean_since = jiffies;
	spin_unlock_irq(&p->set.lock);
}

static void hm_primary_clean_end(struct hm_primary *p)
{
	struct hm_volume *v;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = p->set.volume[i];
		if (v && v->active && !v->meta->stay_dirty) {
			v->meta->clean = true;
			queue_work(hm_meta_wq, &v->meta->work);
		}
	}
	p->cleaning = false;
}

/**
 * hm_primary_clean() - let regions be clean that the backup has
 * @p: the primary
 *
 * A region is clean if nothing was written to it since a cycle began, and all
 * that was issued before that is durable on the backup and done locally: should
 * we crash, the backup must not be ahead where we are clean. What the local disk
 * has refused is never done, so such a volume is not cleaned. What the backup has
 * staged it can still lose.
 *
 * Context: the connection's thread, about once a second.
 */
void hm_primary_clean(struct hm_primary *p)
{
	bool begin;

	spin_lock_irq(&p->set.lock);
	/* See hm_primary_paired(). */
	begin = !p->cleaning && !p->set.lineage.covers_fresh &&
		!p->stream.staged;
	if (p->cleaning && !p->stream.staged &&
	    p->stream.acked.durable >= p->clean_after &&
	    !p->local[!p->cycle] &&
	    time_after(jiffies, p->clean_since + msecs_to_jiffies(HM_CLEAN_MS)))
		hm_primary_clean_end(p);
	spin_unlock_irq(&p->set.lock);
	if (begin)
		hm_primary_clean_begin(p);
}

/**
 * hm_primary_clean_stopped() - a volume is suspended: what the backup has is
 * clean at once
 * @v: the volume; no I/O of the application is in flight on it
 *
 * Context: may sleep; under volumes_lock.
 */
void hm_primary_clean_stopped(struct hm_volume *v)
{
	struct hm_primary *p = to_primary(v->set);
	struct hm_regions *r = &v->meta->regions;
	int err;

	flush_work(&v->meta->work);
	err = blkdev_issue_flush(v->dev->bdev);
	spin_lock_irq(&p->set.lock);
	if (!err && !v->meta->stay_dirty && !p->set.lineage.covers_fresh &&
	    !p->stream.staged &&
	    p->stream.acked.durable == p->stream.last_seq) {
		hm_regions_cycle(r);
		hm_regions_clean(r);
	}
	spin_unlock_irq(&p->set.lock);
	hm_meta_write_regions(v->meta);
}
