/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_GROUP_H
#define HM_CORE_GROUP_H

#include "env.h"

/**
 * struct hm_grouping - the primary's group counter
 * @number: number of the newest group; 0 before the first
 * @open: further updates join that group
 */
struct hm_grouping {
	u64 number;
	bool open;
};

u64 hm_group_issue(struct hm_grouping *g);
void hm_group_close(struct hm_grouping *g, u64 member);

/**
 * struct hm_gate - the backup's gate between groups
 * @current_group: the group whose updates may be performed now; 0 at first
 * @outstanding: its updates that were issued and have not completed
 */
struct hm_gate {
	u64 current_group;
	u32 outstanding;
};

/**
 * enum hm_gate_verdict - what to do with an update that arrives at the gate
 * @HM_GATE_ISSUE: it is counted; issue it at once
 * @HM_GATE_HOLD: hold it until the current group's count is zero
 * @HM_GATE_ERROR: of a group that is over: the peer broke the protocol
 */
enum hm_gate_verdict {
	HM_GATE_ISSUE,
	HM_GATE_HOLD,
	HM_GATE_ERROR,
};

enum hm_gate_verdict hm_gate_arrival(struct hm_gate *gate, u64 group);
bool hm_gate_completion(struct hm_gate *gate);

#endif
