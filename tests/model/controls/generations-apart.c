// SPDX-License-Identifier: GPL-2.0-only
/* What completes alone begins no generation. */
#include "../generations.h"

const char *const control = "apart";

void hm_lineage_write_apart(struct hm_lineage *l, u64 generation)
{
	(void)l;
	(void)generation;
}
