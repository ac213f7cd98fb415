/* SPDX-License-Identifier: GPL-2.0-only */
/* Regions with memory of their own, and what they are, one by one. */
#ifndef HM_REGIONS_TEST_H
#define HM_REGIONS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "regions.h"

/* The smallest region, so that many need few sectors. */
#define SHIFT	HM_REGION_SHIFT_MIN
#define REGION	(1U << SHIFT)

/* So many regions, the last of them @short_by sectors short. */
static inline void regions_create(struct hm_regions *r, u32 count, u32 short_by)
{
	u64 sectors = (u64)count * REGION - short_by;
	void *memory = calloc(1, hm_regions_bytes(sectors, SHIFT));

	assert_non_null(memory);
	memset(r, 0xa5, sizeof(*r));
	hm_regions_init(r, sectors, SHIFT, memory);
	assert_int_equal(r->count, count);
}

static inline void regions_destroy(struct hm_regions *r)
{
	/* The first array is where the memory begins. */
	free(r->dirty);
}

/* All that is changed is written. */
static inline void regions_write(struct hm_regions *r)
{
	u32 block;

	while (hm_regions_next_changed(r, &block)) {
		hm_regions_write_begins(r, block);
		hm_regions_write_ends(r, block, true);
	}
}

/* Regions @first to @last become durably dirty. */
static inline void regions_dirty(struct hm_regions *r, u32 first, u32 last)
{
	u32 i;

	for (i = first; i <= last; i++)
		hm_regions_want(r, (u64)i * REGION, 1);
	regions_write(r);
}

#endif
