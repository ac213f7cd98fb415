/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walking through the log ring: which updates it holds, from the tail up to the
 * first hole. Behind that a few more blocks are looked at: a batch that lies there
 * was appended later, so that what is missing was acknowledged and is damaged. The
 * caller reads the blocks:
 *
 *	hm_walk_begin(w, super, size, size of a block);
 *	while a block is to be looked at (hm_walk_where(w, &position))
 *		read the block at position
 *		if hm_walk_batch(w, block, position)
 *			read the w->batch.payload bytes behind it
 *			while hm_walk_record(w, block, payloads, &record)
 *				perform the record
 *	w->damaged?
 */
#ifndef HM_CORE_WALK_H
#define HM_CORE_WALK_H

#include "ring.h"

/**
 * struct hm_walk - a walk
 * @ring: the ring; @ring.tail is where the walk began
 * @limits: what a record may say
 * @batch: the one that was found last
 * @position: where the next one is looked for
 * @again: it was not there: it is looked for at the next lap
 * @holed: there was a hole: what comes after it was never acknowledged
 * @probe: behind the hole: the block that is looked at next
 * @damaged: it was no hole: an update is missing
 * @begun: a record was found
 * @next: of the batch: number of the next record
 * @offset: of the batch: of the next record's payload, bytes
 * @seq: the last update that was found; up to it the disk has all before
 * @group: its group
 * @updates: how many were found
 *
 * Owned by whoever walks.
 */
struct hm_walk {
	struct hm_ring ring;
	struct hm_record_limits limits;
	struct hm_ring_batch batch;
	u64 position;
	bool again;
	bool holed;
	u64 probe;
	bool damaged;
	bool begun;
	unsigned int next;
	u32 offset;
	u64 seq;
	u64 group;
	u64 updates;
};

void hm_walk_begin(struct hm_walk *w, const struct hm_super *s, u64 sectors,
		   u32 logical_block);
bool hm_walk_where(const struct hm_walk *w, u64 *position);
bool hm_walk_batch(struct hm_walk *w, const struct hm_disk_batch *d);
bool hm_walk_record(struct hm_walk *w, const struct hm_disk_batch *d,
		    const u8 *payloads, struct hm_record *r);

#endif
