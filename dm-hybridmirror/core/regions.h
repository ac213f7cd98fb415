/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_REGIONS_H
#define HM_CORE_REGIONS_H

#include "env.h"

/* log2 of the sectors in a region: 64 KiB to 64 MiB */
#define HM_REGION_SHIFT_MIN	7
#define HM_REGION_SHIFT_MAX	17
/* By default a region is 1 MiB, or more, so that there are no more than this. */
#define HM_REGION_SHIFT_DEFAULT	11
#define HM_REGIONS_DEFAULT_MAX	(1U << 20)
/* A bitmap larger than this is refused. */
#define HM_REGIONS_MAX		(1U << 24)

/*
 * Regions that a sector and a block of the bitmap on the metadata device hold:
 * whole words, so that a block's part of the arrays is some words of each.
 */
#define HM_SECTOR_REGIONS	(496U * 8)
#define HM_BLOCK_REGIONS	(8U * HM_SECTOR_REGIONS)

/**
 * struct hm_regions - which regions of a volume may differ from the backup's
 * @sectors: size of the volume, sectors of 512 bytes
 * @count: regions
 * @shift: log2 of the sectors in a region
 * @dirty: the metadata says so, durably: the region may be written
 * @wanted: to be made dirty: somebody waits
 * @writing: part of a metadata write that is under way
 * @recent: written since the current cycle began
 * @unsynced: no record of the stream brings it to the backup: it is to be copied
 * @changed: by block of the bitmap: it differs from the metadata device
 * @blocks: blocks of the bitmap
 * @dirty_count: bits of @dirty
 * @unsynced_count: bits of @unsynced
 *
 * Protected by the set's lock. The arrays belong to the caller.
 */
struct hm_regions {
	u64 sectors;
	u32 count;
	u8 shift;
	unsigned long *dirty;
	unsigned long *wanted;
	unsigned long *writing;
	unsigned long *recent;
	unsigned long *unsynced;
	unsigned long *changed;
	u32 blocks;
	u32 dirty_count;
	u32 unsynced_count;
};

u8 hm_regions_default_shift(u64 sectors);
u64 hm_regions_count(u64 sectors, u8 shift);
size_t hm_regions_bytes(u64 sectors, u8 shift);
void hm_regions_init(struct hm_regions *r, u64 sectors, u8 shift, void *memory);

bool hm_regions_are_dirty(const struct hm_regions *r, u64 sector, u32 sectors);
bool hm_regions_touch(struct hm_regions *r, u64 sector, u32 sectors);
void hm_regions_want(struct hm_regions *r, u64 sector, u64 sectors);
bool hm_regions_next_changed(const struct hm_regions *r, u32 *block);
void hm_regions_write_begins(struct hm_regions *r, u32 block);
void hm_regions_write_ends(struct hm_regions *r, u32 block, bool ok);

void hm_regions_cycle(struct hm_regions *r);
u32 hm_regions_clean(struct hm_regions *r);

void hm_regions_lose(struct hm_regions *r, u64 sector, u64 sectors);
void hm_regions_lose_dirty(struct hm_regions *r);
void hm_regions_lose_all(struct hm_regions *r);
void hm_regions_forget(struct hm_regions *r);
bool hm_regions_next_unsynced(const struct hm_regions *r, u32 from, u32 *region);
void hm_regions_synced(struct hm_regions *r, u32 region);
void hm_regions_range(const struct hm_regions *r, u32 region, u64 *sector,
		      u32 *sectors);
bool hm_regions_next_dirty(const struct hm_regions *r, u64 from, u64 *sector,
			   u64 *sectors);

#endif
