// SPDX-License-Identifier: GPL-2.0-only
/* The backup's gate is always open. */
#include "../model.h"

const char *const control = "gate";

enum hm_gate_verdict hm_gate_arrival(struct hm_gate *gate, u64 group)
{
	if (group > gate->current_group)
		gate->current_group = group;
	gate->outstanding++;
	return HM_GATE_ISSUE;
}
