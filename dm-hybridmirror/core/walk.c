// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which updates the log ring holds. One append is in flight at a time, so that
 * all before a hole was acknowledged or could have been, and nothing behind it
 * was: the walk ends there. A refused append is done again with the same updates
 * in the same place, so it leaves no trace that could be taken for another one.
 */
#include "walk.h"

/* The one that is missing is no larger, so the next one begins within so many. */
#define HM_PROBE_BLOCKS		(1 + HM_BATCH_PAYLOAD / HM_META_BLOCK)

/**
 * hm_walk_begin() - from the tail
 * @w: the walk
 * @s: the superblock, decoded: HM_SUPER_LOGGED
 * @sectors: size of the volume, sectors of 512 bytes
 * @logical_block: of its disk, bytes
 */
void hm_walk_begin(struct hm_walk *w, const struct hm_super *s, u64 sectors,
		   u32 logical_block)
{
	memset(w, 0, sizeof(*w));
	w->ring.blocks = s->ring_blocks;
	w->ring.tail = s->ring_tail;
	w->position = s->ring_tail;
	w->seq = s->seq;
	w->group = s->group;
	w->limits.session = s->ring_life;
	w->limits.sectors[s->volume] = sectors;
	w->limits.logical_block[s->volume] = logical_block;
}

/* Is there a block left where the batch behind the hole may begin? */
static bool hm_walk_probes(const struct hm_walk *w, u64 *position)
{
	u64 lap = hm_ring_next_lap(&w->ring, w->position);

	*position = w->probe;
	if (*position > w->position + HM_PROBE_BLOCKS && *position < lap)
		*position = lap;
	return !w->damaged && *position <= lap + HM_PROBE_BLOCKS;
}

/**
 * hm_walk_where() - which block is to be looked at next?
 * @w: the walk; the records of the last batch were taken
 * @position: of the block; hm_ring_sector() says where that lies
 *
 * Return: false: the walk is over.
 */
bool hm_walk_where(const struct hm_walk *w, u64 *position)
{
	bool more = true;

	if (w->holed)
		more = hm_walk_probes(w, position);
	else
		*position = w->again ? hm_ring_next_lap(&w->ring, w->position) :
				       w->position;
	/* Round once: nothing that is kept lies further away. */
	return more && *position - w->ring.tail < w->ring.blocks;
}

static void hm_walk_hole(struct hm_walk *w, u64 position)
{
	w->holed = true;
	w->position = position;
	w->probe = position + 1;
}

/**
 * hm_walk_batch() - look at a block
 * @w: the walk
 * @d: the block where hm_walk_where() said
 *
 * Return: true: it is the next batch. False: go on with hm_walk_where().
 */
bool hm_walk_batch(struct hm_walk *w, const struct hm_disk_batch *d)
{
	u64 position;
	bool found;

	if (!hm_walk_where(w, &position))
		return false;
	found = hm_decode_batch(d, w->limits.session, position, w->ring.blocks,
				&w->batch);
	if (w->holed) {
		w->damaged = found;
		w->probe = position + 1;
		return false;
	}
	if (!found) {
		/* It may have been too large for the rest of this lap. */
		w->again = !w->again &&
			   hm_ring_block(w->ring.blocks, w->position);
		if (!w->again || !hm_walk_where(w, &position))
			hm_walk_hole(w, w->position);
		return false;
	}
	w->again = false;
	w->next = 0;
	w->offset = 0;
	w->position = position;
	return true;
}

/* The head of a batch is whole, and so are the records in it: they must fit. */
static bool hm_walk_fits(const struct hm_walk *w, const struct hm_disk_batch *d,
			 struct hm_record *r)
{
	if (hm_decode_record(&d->record[w->next], &w->limits, r) !=
	    HM_DECODE_OK || r->update.kind > HM_FLUSH)
		return false;
	/* The first may be one that the disk has; none is left out after it. */
	if (w->begun ? r->update.seq != w->seq + 1 :
		       r->update.seq > w->seq + 1)
		return false;
	return r->payload <= w->batch.payload - w->offset;
}

/**
 * hm_walk_record() - the next update of the batch
 * @w: the walk; hm_walk_batch() was true
 * @d: the head of the batch
 * @payloads: all its payloads; this one's begins at what @w->offset was before
 * @r: filled in
 *
 * Return: false: there is no other one in this batch.
 */
bool hm_walk_record(struct hm_walk *w, const struct hm_disk_batch *d,
		    const u8 *payloads, struct hm_record *r)
{
	if (w->holed)
		return false;
	if (w->next == w->batch.records) {
		w->position += hm_batch_blocks(w->batch.payload);
		return false;
	}
	if (!hm_walk_fits(w, d, r)) {
		hm_walk_hole(w, w->position);
		w->damaged = true;
		return false;
	}
	/* Torn: the power failed while it was written. */
	if (r->payload && crc32c(HM_CRC_SEED, payloads + w->offset,
				 r->payload) != r->payload_crc) {
		hm_walk_hole(w, w->position);
		return false;
	}
	w->next++;
	w->offset += r->payload;
	w->begun = true;
	w->seq = r->update.seq;
	w->group = r->update.group;
	w->updates++;
	return true;
}
