// SPDX-License-Identifier: GPL-2.0-only
/* No update ever waits for another one on the same sectors. */
#include "../model.h"

const char *const control = "overlap";

bool hm_overlap_add(struct hm_overlap *o, struct hm_update *u)
{
	(void)o;
	u->blockers = 0;
	INIT_LIST_HEAD(&u->overlap);
	return true;
}

void hm_overlap_remove(struct hm_overlap *o, struct hm_update *u,
		       struct list_head *ready)
{
	(void)o;
	(void)u;
	(void)ready;
}
