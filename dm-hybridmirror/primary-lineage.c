// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's metadata as a whole: what it finds there when it starts, and
 * the generations that it begins. See core/lineage.c for the rules.
 */
#include <linux/random.h>
#include <linux/sched/mm.h>

#include "primary.h"

static u64 hm_new_generation(void)
{
	u64 generation;

	do {
		generation = get_random_u64();
	} while (!generation);
	return generation;
}

/* Nothing is remembered: the first pairing is ahead. */
static int hm_primary_format(struct hm_volume *v, bool replaced,
			     struct hm_lineage *l)
{
	bool distrusted = to_primary(v->set)->distrust & BIT(v->info.number);
	struct hm_regions *r = &v->meta->regions;

	if (hm_lineage_fresh(l)) {
		hm_lineage_found(l, hm_new_generation());
	} else if (v->meta->bdev && !l->covers_fresh) {
		hm_err(v->set, "volume %u: its metadata device is empty, but the set has been paired: to begin anew with a full copy, zero the metadata of all its volumes",
		       v->info.number);
		return -EINVAL;
	}
	spin_lock_irq(&v->set->lock);
	if (!v->args.sync_clean || replaced || distrusted)
		hm_regions_lose_all(r);
	/* Each block has to be valid, also if no region is dirty. */
	bitmap_fill(r->changed, r->blocks);
	spin_unlock_irq(&v->set->lock);
	return 0;
}

/* The backup becomes the primary: only with a copy that is worth it. */
static int hm_primary_may_promote(struct hm_volume *v,
				  const struct hm_lineage *l, bool forced)
{
	if (hm_lineage_fresh(l)) {
		hm_err(v->set, "volume %u: this backup never received anything; zero the first 8 KiB of its metadata device to begin anew with what the disk holds",
		       v->info.number);
		return -EINVAL;
	}
	if (!hm_lineage_may_promote(l, forced)) {
		hm_err(v->set, "volume %u: the copy is inconsistent, a copy into it was cut short: let the primary finish it, or load it as hybrid-backup again and send the message force",
		       v->info.number);
		return -EINVAL;
	}
	return 0;
}

/* The stream that knew what the dirty regions need is gone. */
static int hm_primary_recalled(struct hm_volume *v)
{
	spin_lock_irq(&v->set->lock);
	hm_regions_lose_dirty(&v->meta->regions);
	spin_unlock_irq(&v->set->lock);
	return 0;
}

static int hm_primary_recall(struct hm_volume *v, struct hm_lineage *l)
{
	const struct hm_super *s = &v->meta->super;
	bool promote = s->role == HM_SUPER_BACKUP;
	struct hm_lineage own = s->lineage;
	int err = 0;

	if (promote)
		err = hm_primary_may_promote(v, &s->lineage, s->forced);
	if (err)
		return err;
	if (hm_lineage_fresh(l)) {
		*l = s->lineage;
		if (promote) {
			hm_lineage_promote(l, hm_new_generation());
			hm_info(v->set, "was the backup, is the primary now");
		}
		return hm_primary_recalled(v);
	}
	/* What the set was promoted in spite of. */
	if (promote)
		own.inconsistent = false;
	if (!hm_lineage_join(l, &own)) {
		hm_err(v->set, "volume %u: its metadata does not belong with that of the set's other volumes",
		       v->info.number);
		return -EINVAL;
	}
	return hm_primary_recalled(v);
}

/*
 * It was known, but its last start failed; what the backlog then held of it may
 * have been given up since.
 */
static void hm_primary_trust_again(struct hm_volume *v, bool known)
{
	struct hm_primary *p = to_primary(v->set);

	if (known && (p->distrust & BIT(v->info.number)))
		hm_primary_recalled(v);
	p->distrust &= ~BIT(v->info.number);
}

/* A generation that a backup was told of is no longer ours alone. */
static void hm_primary_set_told(struct hm_primary *p, const struct hm_lineage *l)
{
	spin_lock_irq(&p->set.lock);
	if (!l->untold)
		p->apart = false;
	spin_unlock_irq(&p->set.lock);
}

/*
 * A generation that was begun for what completes alone goes on in this stream:
 * nobody holds it at the beginning of that.
 */
static void hm_primary_set_origin(struct hm_primary *p,
				  const struct hm_lineage *l)
{
	spin_lock_irq(&p->set.lock);
	if (!p->stream.last_seq && !p->apart)
		p->origin = l->untold ? 0 : l->generation[0];
	spin_unlock_irq(&p->set.lock);
}

/**
 * hm_primary_remember() - preresume: what is known of the volume
 * @v: the volume; becomes a member of its set
 * @old: the instance whose place it takes, or NULL
 *
 * Return: 0 or a negative errno; then the log says why, and the volume is no
 * member.
 *
 * Context: may sleep; under volumes_lock, the link is stopped.
 */
int hm_primary_remember(struct hm_volume *v, struct hm_volume *old)
{
	struct hm_set *set = v->set;
	bool known = v->meta;
	u16 members = set->members;
	struct hm_lineage l;
	unsigned int noio;
	int err = 0;

	if (!known && hm_set_same_devices(v, old)) {
		err = hm_meta_take_over(v, old);
		if (err)
			return err;
		known = true;
	}
	/*
	 * Until the volume has been judged, nothing may be written to its
	 * metadata, and no generation begun. Writes to the other volumes may
	 * wait for that: no memory may be reclaimed through them.
	 */
	mutex_lock(&set->meta_lock);
	noio = memalloc_noio_save();
	l = set->lineage;
	if (!known)
		err = hm_meta_load(v);
	if (!err && !known)
		err = hm_set_add_member(v);
	if (!err && !known)
		err = v->meta->super.sequence ? hm_primary_recall(v, &l) :
						hm_primary_format(v, old, &l);
	if (!err && !known)
		err = hm_meta_write_regions(v->meta);
	if (!err && set->lineage.untold)
		hm_primary_set_told(to_primary(set), &l);
	/* Also if it is known: the set's lineage may have gone on without it. */
	if (!err)
		err = hm_set_write_supers(set, &l);
	if (!err) {
		hm_primary_set_origin(to_primary(set), &l);
		hm_primary_trust_again(v, known);
	}
	if (err && !known) {
		hm_set_restore_members(set, members);
		hm_meta_drop(v);
	}
	memalloc_noio_restore(noio);
	mutex_unlock(&set->meta_lock);
	return err;
}

/**
 * hm_primary_write_apart() - begin a generation of our own
 * @p: the primary
 *
 * Needed before anything completes that the backup need not have: if it is
 * promoted then, the two sides know that they were written apart.
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep, for the metadata devices.
 */
int hm_primary_write_apart(struct hm_primary *p)
{
	struct hm_lineage l;
	int err = 0;

	mutex_lock(&p->set.meta_lock);
	if (!READ_ONCE(p->apart)) {
		l = p->set.lineage;
		if (!l.untold) {
			hm_lineage_write_apart(&l, hm_new_generation());
			err = hm_set_write_supers(&p->set, &l);
		}
		spin_lock_irq(&p->set.lock);
		p->apart = !err;
		spin_unlock_irq(&p->set.lock);
	}
	mutex_unlock(&p->set.meta_lock);
	return err;
}

/**
 * hm_primary_tell() - the backup is about to learn of our newest generation
 * @p: the primary
 *
 * All volumes say so, or none: one that is suspended, and whose metadata cannot
 * be written, would go on in a generation that the backup may hold.
 *
 * Return: 0 or a negative errno: it must not.
 *
 * Context: may sleep, for the metadata devices; the connection's thread.
 */
int hm_primary_tell(struct hm_primary *p)
{
	struct hm_lineage l;
	int err = 0;

	mutex_lock(&p->set.meta_lock);
	l = p->set.lineage;
	if (l.untold && !hm_set_all_active(&p->set)) {
		err = -EBUSY;
	} else if (l.untold) {
		hm_lineage_tell(&l);
		err = hm_set_write_supers(&p->set, &l);
	}
	mutex_unlock(&p->set.meta_lock);
	return err;
}

/**
 * hm_primary_met() - what the backup is at is known
 * @p: the primary
 * @backup: its hello; it is welcome
 *
 * Not written: the metadata says more than needed until the next change.
 *
 * Context: may sleep; the connection's thread.
 */
void hm_primary_met(struct hm_primary *p, const struct hm_hello *backup)
{
	mutex_lock(&p->set.meta_lock);
	spin_lock_irq(&p->set.lock);
	hm_lineage_met(&p->set.lineage, &backup->lineage);
	spin_unlock_irq(&p->set.lock);
	mutex_unlock(&p->set.meta_lock);
}

/**
 * hm_primary_paired() - the backup has begun to follow
 * @p: the primary
 *
 * Regions are not cleaned before this is durable. If it cannot be, the next
 * acknowledgment tries again.
 *
 * Context: may sleep, for the metadata devices; the connection's thread.
 */
void hm_primary_paired(struct hm_primary *p)
{
	struct hm_lineage l;

	mutex_lock(&p->set.meta_lock);
	l = p->set.lineage;
	hm_lineage_paired(&l);
	hm_set_write_supers(&p->set, &l);
	mutex_unlock(&p->set.meta_lock);
}

/**
 * hm_primary_confirmed() - the backup holds our generation, durably
 * @p: the primary; the link is up
 *
 * Context: may sleep, for the metadata devices; the connection's thread.
 */
void hm_primary_confirmed(struct hm_primary *p)
{
	struct hm_lineage l;
	int err = 0;

	mutex_lock(&p->set.meta_lock);
	l = p->set.lineage;
	/* Something has completed alone meanwhile: the next session tells. */
	if (l.generation[0] != p->hello_generation) {
		spin_lock_irq(&p->set.lock);
		p->copying = false;
		spin_unlock_irq(&p->set.lock);
		goto out;
	}
	hm_lineage_confirmed(&l);
	err = hm_set_write_supers(&p->set, &l);
	if (err)
		goto out;
	spin_lock_irq(&p->set.lock);
	p->adopt = false;
	p->copying = false;
	p->adopted = true;
	if (p->sync == HM_SYNC_COPYING && !hm_primary_unsynced(p))
		hm_primary_set_sync(p, HM_SYNC_STREAMING, "");
	spin_unlock_irq(&p->set.lock);
	hm_info(&p->set, "the backup is consistent and holds everything up to here");
out:
	mutex_unlock(&p->set.meta_lock);
}
