/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_OVERLAP_H
#define HM_CORE_OVERLAP_H

#include "update.h"

#define HM_OVERLAP_BITS		7
#define HM_OVERLAP_BUCKETS	(1U << HM_OVERLAP_BITS)

/**
 * struct hm_overlap - live updates by the chunk that they lie in
 * @bucket: updates in the order in which they were added
 *
 * An update is live from the moment it may be issued to one disk until that
 * disk has answered. No update crosses a chunk, so two that overlap are always
 * in one bucket.
 */
struct hm_overlap {
	struct list_head bucket[HM_OVERLAP_BUCKETS];
};

void hm_overlap_init(struct hm_overlap *o);
bool hm_overlap_add(struct hm_overlap *o, struct hm_update *u);
bool hm_overlap_busy(struct hm_overlap *o, const struct hm_update *range);
struct hm_update *hm_overlap_covered(struct hm_overlap *o,
				     const struct hm_update *u);
void hm_overlap_remove(struct hm_overlap *o, struct hm_update *u,
		       struct list_head *ready);

#endif
