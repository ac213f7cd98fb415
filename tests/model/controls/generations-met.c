// SPDX-License-Identifier: GPL-2.0-only
/* Meeting the backup makes the primary forget where it came from. */
#include "../generations.h"

const char *const control = "met";

void hm_lineage_met(struct hm_lineage *primary, const struct hm_lineage *backup)
{
	(void)backup;
	memset(primary->generation + 1, 0,
	       sizeof(primary->generation) - sizeof(primary->generation[0]));
	primary->covered = 1;
}
