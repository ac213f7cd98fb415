// SPDX-License-Identifier: GPL-2.0-only
/* A fresh peer counts as covered after the first pairing, too. */
#include "../generations.h"

const char *const control = "fresh";

enum hm_pairing hm_lineage_judge_real(const struct hm_lineage *primary,
				      const struct hm_lineage *backup,
				      bool gives_up);

enum hm_pairing hm_lineage_judge(const struct hm_lineage *primary,
				 const struct hm_lineage *backup, bool gives_up)
{
	if (hm_lineage_fresh(backup))
		return HM_PAIR_SAME;
	return hm_lineage_judge_real(primary, backup, gives_up);
}
