// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates in flight on the same sectors are issued one after the other, in
 * order of seq; otherwise each disk could keep a different one.
 */
#include "overlap.h"

static struct list_head *hm_overlap_bucket(struct hm_overlap *o,
					   const struct hm_update *u)
{
	/* Neighbouring chunks, and one chunk of several volumes, fall apart. */
	u32 chunk = (u32)(u->sector >> HM_CHUNK_SHIFT) + u->volume * 37U;

	return &o->bucket[(chunk * 0x9e3779b1U) >> (32 - HM_OVERLAP_BITS)];
}

static bool hm_overlap_conflict(const struct hm_update *a,
				const struct hm_update *b)
{
	return a->volume == b->volume &&
	       a->sector < b->sector + b->sectors &&
	       b->sector < a->sector + a->sectors;
}

/**
 * hm_overlap_init() - an empty index
 * @o: the index
 */
void hm_overlap_init(struct hm_overlap *o)
{
	unsigned int i;

	for (i = 0; i < HM_OVERLAP_BUCKETS; i++)
		INIT_LIST_HEAD(&o->bucket[i]);
}

/**
 * hm_overlap_add() - an update becomes live
 * @o: the index
 * @u: the update; it has the highest seq of all that are live
 *
 * A flush has no range and never conflicts.
 *
 * Return: true if it may be issued now; false if it waits until
 * hm_overlap_remove() of another one puts it on the ready list.
 *
 * Context: under the lock that protects @o.
 */
bool hm_overlap_add(struct hm_overlap *o, struct hm_update *u)
{
	struct list_head *bucket = hm_overlap_bucket(o, u);
	const struct hm_update *other;

	u->blockers = 0;
	list_for_each_entry(other, bucket, overlap) {
		if (hm_overlap_conflict(other, u))
			u->blockers++;
	}
	list_add_tail(&u->overlap, bucket);
	return !u->blockers;
}

/**
 * hm_overlap_busy() - is an update of this range live?
 * @o: the index
 * @range: volume, sector and sectors are used; within one chunk
 *
 * Context: under the lock that protects @o.
 */
bool hm_overlap_busy(struct hm_overlap *o, const struct hm_update *range)
{
	const struct hm_update *other;

	list_for_each_entry(other, hm_overlap_bucket(o, range), overlap) {
		if (hm_overlap_conflict(other, range))
			return true;
	}
	return false;
}

/**
 * hm_overlap_covered() - a live update that need not be issued any more
 * @o: the index
 * @u: a live update, the newest; it will be issued
 *
 * Return: an earlier one that has not been issued and changes nothing outside of
 * @u's range, or NULL. The caller takes it off the ready list and removes it.
 *
 * Context: under the lock that protects @o.
 */
struct hm_update *hm_overlap_covered(struct hm_overlap *o,
				     const struct hm_update *u)
{
	struct hm_update *other;

	list_for_each_entry(other, hm_overlap_bucket(o, u), overlap) {
		if (other != u && other->state == HM_B_ADMITTED &&
		    other->volume == u->volume && other->sector >= u->sector &&
		    other->sector + other->sectors <= u->sector + u->sectors)
			return other;
	}
	return NULL;
}

/**
 * hm_overlap_remove() - the disk has answered, or is not asked
 * @o: the index
 * @u: a live update; nothing else will remove it
 * @ready: updates that waited for @u alone are added to the tail, by
 *	hm_update.ready, in order of seq
 *
 * Context: under the lock that protects @o.
 */
void hm_overlap_remove(struct hm_overlap *o, struct hm_update *u,
		       struct list_head *ready)
{
	struct list_head *bucket = hm_overlap_bucket(o, u);
	struct hm_update *later = u;

	list_for_each_entry_continue(later, bucket, overlap) {
		if (hm_overlap_conflict(u, later) && !--later->blockers)
			list_add_tail(&later->ready, ready);
	}
	list_del_init(&u->overlap);
}
