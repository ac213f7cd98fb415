/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generations: names for what a volume's data has become. A host that writes
 * while its peer does not follow begins a new generation; the list of those it
 * has been through is its lineage. Two lineages say which side is newer, and
 * whether both were written apart.
 */
#ifndef HM_CORE_LINEAGE_H
#define HM_CORE_LINEAGE_H

#include "env.h"

/* Generations that are remembered. */
#define HM_GENERATIONS	8

/**
 * struct hm_lineage - the generations that a side's data has been through
 * @generation: newest first; 0: none. [0] is zero if the side is fresh: it has
 *	never held anything of this mirror
 * @covered: the region bitmap names every region that may differ from a peer
 *	whose newest generation is one of the first so many; 0 if fresh
 * @covers_fresh: likewise for a fresh peer: the sides were declared equal, or
 *	all regions are dirty, and no peer has been paired since
 * @inconsistent: a copy has begun and has not ended: the data is no state that
 *	a crash could have left
 * @untold: no backup was ever told of the newest generation
 */
struct hm_lineage {
	u64 generation[HM_GENERATIONS];
	u8 covered;
	bool covers_fresh;
	bool inconsistent;
	bool untold;
};

/**
 * enum hm_pairing - what two lineages ask for
 * @HM_PAIR_SAME: the backup holds nothing that the primary's bitmap does not
 *	name: go on with the stream if it can be, else copy the dirty regions of
 *	both sides
 * @HM_PAIR_ALL: the backup's data is older than the bitmap reaches, or of
 *	another origin: copy everything
 * @HM_PAIR_OUTDATED: the backup's data is newer: the primary must not go on
 * @HM_PAIR_DIVERGED: both sides were written apart
 * @HM_PAIR_UNRELATED: the two have no generation in common
 */
enum hm_pairing {
	HM_PAIR_SAME,
	HM_PAIR_ALL,
	HM_PAIR_OUTDATED,
	HM_PAIR_DIVERGED,
	HM_PAIR_UNRELATED,
};

/**
 * enum hm_joining - a volume of a backup comes to its set's others
 * @HM_JOINED: the set's lineage stands for all of them
 * @HM_JOINED_WHOLE: nothing is known of the volume: its bitmap has to name all of
 *	it before the set's lineage may stand for it
 * @HM_JOINED_OTHERS_WHOLE: likewise of all that were there before
 * @HM_JOIN_REFUSED: they do not belong together
 */
enum hm_joining {
	HM_JOINED,
	HM_JOINED_WHOLE,
	HM_JOINED_OTHERS_WHOLE,
	HM_JOIN_REFUSED,
};

bool hm_lineage_valid(const struct hm_lineage *l);
bool hm_lineage_fresh(const struct hm_lineage *l);
unsigned int hm_lineage_find(const struct hm_lineage *l, u64 generation);
void hm_lineage_found(struct hm_lineage *l, u64 generation);
void hm_lineage_write_apart(struct hm_lineage *l, u64 generation);
void hm_lineage_tell(struct hm_lineage *l);
void hm_lineage_met(struct hm_lineage *primary,
		    const struct hm_lineage *backup);
void hm_lineage_paired(struct hm_lineage *l);
void hm_lineage_confirmed(struct hm_lineage *l);
void hm_lineage_copy_begins(struct hm_lineage *backup,
			    const struct hm_lineage *primary);
void hm_lineage_adopt(struct hm_lineage *backup,
		      const struct hm_lineage *primary, unsigned int from);
bool hm_lineage_may_promote(const struct hm_lineage *l, bool forced);
void hm_lineage_promote(struct hm_lineage *l, u64 generation);
bool hm_lineage_join(struct hm_lineage *l, const struct hm_lineage *other);
enum hm_joining hm_lineage_join_backup(struct hm_lineage *l,
				       const struct hm_lineage *other);
enum hm_pairing hm_lineage_judge(const struct hm_lineage *primary,
				 const struct hm_lineage *backup, bool gives_up);

#endif
