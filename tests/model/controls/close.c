// SPDX-License-Identifier: GPL-2.0-only
/* The primary closes a group some time after it delivered the completion. */
#include "../model.h"

const char *const control = "close";

void hm_group_close(struct hm_grouping *g, u64 member)
{
	(void)g;
	w.late_close = member;
}
