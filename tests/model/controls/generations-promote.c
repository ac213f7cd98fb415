// SPDX-License-Identifier: GPL-2.0-only
/* An inconsistent backup may be promoted. */
#include "../generations.h"

const char *const control = "promote";

bool hm_lineage_may_promote(const struct hm_lineage *l, bool forced)
{
	(void)forced;
	return !hm_lineage_fresh(l);
}
