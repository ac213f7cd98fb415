// SPDX-License-Identifier: GPL-2.0-only
/* Both sides were written apart, and nobody minds. */
#include "../generations.h"

const char *const control = "diverged";

enum hm_pairing hm_lineage_judge_real(const struct hm_lineage *primary,
				      const struct hm_lineage *backup,
				      bool gives_up);

enum hm_pairing hm_lineage_judge(const struct hm_lineage *primary,
				 const struct hm_lineage *backup, bool gives_up)
{
	enum hm_pairing pairing = hm_lineage_judge_real(primary, backup,
							gives_up);

	return pairing == HM_PAIR_DIVERGED ? HM_PAIR_SAME : pairing;
}
