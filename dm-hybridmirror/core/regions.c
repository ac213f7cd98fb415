// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which regions may differ from the backup's. A region is durably dirty before
 * the first write to it is issued locally, and is cleaned only when the backup
 * has made every write to it durable.
 *
 * All goes through the arrays by words, since a range may be a whole volume.
 */
#include "regions.h"

/* A block's part of each array; the last block may have less. */
#define HM_BLOCK_WORDS	(HM_BLOCK_REGIONS / BITS_PER_LONG)

static u32 hm_regions_words(const struct hm_regions *r)
{
	return BITS_TO_LONGS(r->count);
}

/* The words of a block: from the result to before *@end. */
static u32 hm_block_words(const struct hm_regions *r, u32 block, u32 *end)
{
	u32 words = hm_regions_words(r), first = block * HM_BLOCK_WORDS;

	*end = words - first < HM_BLOCK_WORDS ? words : first + HM_BLOCK_WORDS;
	return first;
}

static void hm_block_changed(struct hm_regions *r, u32 region)
{
	__set_bit(region / HM_BLOCK_REGIONS, r->changed);
}

/* How many regions a range touches, and the first of them. */
static u32 hm_regions_touched(const struct hm_regions *r, u64 sector,
			      u64 sectors, u32 *first)
{
	*first = sector >> r->shift;
	if (!sectors)
		return 0;
	return (u32)((sector + sectors - 1) >> r->shift) - *first + 1;
}

/* The bits of word @w that are regions from @first to before @end. */
static unsigned long hm_word_mask(u32 w, u32 first, u32 end)
{
	u32 start = w * BITS_PER_LONG;
	unsigned long mask = ~0UL;

	if (first > start)
		mask <<= first - start;
	if (end - start < BITS_PER_LONG)
		mask &= ~(~0UL << (end - start));
	return mask;
}

/**
 * hm_regions_default_shift() - the size of a region if nobody asks for one
 * @sectors: size of the volume, sectors of 512 bytes
 *
 * Return: log2 of the sectors in a region: HM_REGION_SHIFT_DEFAULT, or more for
 * a volume that would have more than HM_REGIONS_DEFAULT_MAX regions.
 *
 * Context: any.
 */
u8 hm_regions_default_shift(u64 sectors)
{
	u8 shift = HM_REGION_SHIFT_DEFAULT;

	while (shift < HM_REGION_SHIFT_MAX &&
	       hm_regions_count(sectors, shift) > HM_REGIONS_DEFAULT_MAX)
		shift++;
	return shift;
}

/**
 * hm_regions_count() - how many regions a volume has
 * @sectors: size of the volume, sectors of 512 bytes
 * @shift: log2 of the sectors in a region
 *
 * Return: regions, the last of which may be short. More than HM_REGIONS_MAX
 * are too many for all of the functions below.
 *
 * Context: any.
 */
u64 hm_regions_count(u64 sectors, u8 shift)
{
	return (sectors >> shift) + !!(sectors & (BIT(shift) - 1));
}

static u32 hm_regions_blocks(u32 count)
{
	return DIV_ROUND_UP(count, HM_BLOCK_REGIONS);
}

/**
 * hm_regions_bytes() - memory for all arrays
 * @sectors: size of the volume, sectors of 512 bytes
 * @shift: log2 of the sectors in a region
 *
 * Return: bytes, for hm_regions_init().
 *
 * Context: any.
 */
size_t hm_regions_bytes(u64 sectors, u8 shift)
{
	u32 count = hm_regions_count(sectors, shift);
	size_t words = BITS_TO_LONGS(count);

	words = 5 * words + BITS_TO_LONGS(hm_regions_blocks(count));
	return words * sizeof(unsigned long);
}

static unsigned long *hm_regions_carve(unsigned long **memory, u32 bits)
{
	unsigned long *map = *memory;

	*memory += BITS_TO_LONGS(bits);
	return map;
}

/**
 * hm_regions_init() - no region is anything
 * @r: the regions
 * @sectors: size of the volume, sectors of 512 bytes
 * @shift: log2 of the sectors in a region
 * @memory: hm_regions_bytes() of zeroes, aligned for unsigned long; @r uses it
 *	for as long as it lives
 *
 * Context: any.
 */
void hm_regions_init(struct hm_regions *r, u64 sectors, u8 shift, void *memory)
{
	unsigned long *at = memory;

	r->sectors = sectors;
	r->shift = shift;
	r->count = hm_regions_count(sectors, shift);
	r->blocks = hm_regions_blocks(r->count);
	r->dirty = hm_regions_carve(&at, r->count);
	r->wanted = hm_regions_carve(&at, r->count);
	r->writing = hm_regions_carve(&at, r->count);
	r->recent = hm_regions_carve(&at, r->count);
	r->unsynced = hm_regions_carve(&at, r->count);
	r->changed = hm_regions_carve(&at, r->blocks);
	r->dirty_count = 0;
	r->unsynced_count = 0;
}

/**
 * hm_regions_are_dirty() - may this range be written?
 * @r: the regions
 * @sector: first sector of 512 bytes
 * @sectors: length in sectors of 512 bytes; the range is inside of the volume
 *
 * Return: true if each region that it touches is durably dirty.
 *
 * Context: under the lock that protects @r.
 */
bool hm_regions_are_dirty(const struct hm_regions *r, u64 sector, u32 sectors)
{
	u32 first, n = hm_regions_touched(r, sector, sectors, &first);

	return find_next_zero_bit(r->dirty, first + n, first) >= first + n;
}

/**
 * hm_regions_touch() - a write is about to be issued
 * @r: the regions
 * @sector: first sector of 512 bytes
 * @sectors: length in sectors of 512 bytes; the range is inside of the volume
 *
 * Regions that are touched are not cleaned in this cycle.
 *
 * Return: true if each region that it touches is durably dirty: issue it. Else
 * nothing has changed, and it has to wait; see hm_regions_want().
 *
 * Context: under the lock that protects @r, in the same step that gives the
 * write its place in the stream.
 */
bool hm_regions_touch(struct hm_regions *r, u64 sector, u32 sectors)
{
	u32 first, n = hm_regions_touched(r, sector, sectors, &first);

	if (!hm_regions_are_dirty(r, sector, sectors))
		return false;
	bitmap_set(r->recent, first, n);
	return true;
}

static void hm_word_want(struct hm_regions *r, u32 w, unsigned long mask)
{
	mask &= ~(r->dirty[w] | r->writing[w]);
	if (!mask)
		return;
	r->wanted[w] |= mask;
	hm_block_changed(r, w * BITS_PER_LONG);
}

static void hm_word_lose(struct hm_regions *r, u32 w, unsigned long mask)
{
	r->unsynced_count += hweight_long(mask & ~r->unsynced[w]);
	r->unsynced[w] |= mask;
}

/**
 * hm_regions_want() - a write waits until its regions are dirty
 * @r: the regions
 * @sector: first sector of 512 bytes
 * @sectors: length in sectors of 512 bytes; the range is inside of the volume
 *
 * Regions that a metadata write under way makes dirty need no second one.
 *
 * Context: under the lock that protects @r.
 */
void hm_regions_want(struct hm_regions *r, u64 sector, u64 sectors)
{
	u32 first, n = hm_regions_touched(r, sector, sectors, &first);
	u32 w, end = first + n;

	for (w = first / BITS_PER_LONG; w * BITS_PER_LONG < end; w++)
		hm_word_want(r, w, hm_word_mask(w, first, end));
}

/**
 * hm_regions_next_changed() - which block of the bitmap is to be written?
 * @r: the regions
 * @block: filled in with the lowest one, if there is any
 *
 * Return: true if there is one.
 *
 * Context: under the lock that protects @r.
 */
bool hm_regions_next_changed(const struct hm_regions *r, u32 *block)
{
	*block = find_next_bit(r->changed, r->blocks, 0);
	return *block < r->blocks;
}

/**
 * hm_regions_write_begins() - a block of the bitmap is about to be written
 * @r: the regions
 * @block: number of the block; no write of it is under way
 *
 * To be followed by hm_encode_bitmap(), before the lock is released.
 *
 * Context: under the lock that protects @r.
 */
void hm_regions_write_begins(struct hm_regions *r, u32 block)
{
	u32 end, w = hm_block_words(r, block, &end);

	for (; w < end; w++) {
		r->writing[w] |= r->wanted[w];
		r->wanted[w] = 0;
	}
	__clear_bit(block, r->changed);
}

/**
 * hm_regions_write_ends() - a block of the bitmap has been written
 * @r: the regions
 * @block: number of the block, as with hm_regions_write_begins()
 * @ok: it is durable; if not, what it holds is unknown and it is to be written
 *	again
 *
 * Context: under the lock that protects @r.
 */
void hm_regions_write_ends(struct hm_regions *r, u32 block, bool ok)
{
	u32 end, w = hm_block_words(r, block, &end);

	for (; w < end; w++) {
		if (ok) {
			r->dirty_count += hweight_long(r->writing[w] &
						       ~r->dirty[w]);
			r->dirty[w] |= r->writing[w];
		} else {
			r->wanted[w] |= r->writing[w];
		}
		r->writing[w] = 0;
	}
	if (!ok)
		__set_bit(block, r->changed);
}

/**
 * hm_regions_cycle() - a cleaning cycle begins
 * @r: the regions
 *
 * Once the backup has made durable all that is in the stream now, what was not
 * touched since can be cleaned: see hm_regions_clean().
 *
 * Context: under the lock that protects @r; the newest sequence number is noted
 * in the same step, or later.
 */
void hm_regions_cycle(struct hm_regions *r)
{
	bitmap_zero(r->recent, r->count);
}

/**
 * hm_regions_clean() - a cleaning cycle ends
 * @r: the regions
 *
 * All updates that were in the stream at hm_regions_cycle() are durable on the
 * backup. Regions that nobody touched since and nobody waits for are dirty no
 * more.
 *
 * Return: how many were cleaned.
 *
 * Context: under the lock that protects @r.
 */
u32 hm_regions_clean(struct hm_regions *r)
{
	u32 w, words = hm_regions_words(r), before = r->dirty_count;
	unsigned long done;

	if (!before)
		return 0;
	for (w = 0; w < words; w++) {
		if (!r->dirty[w])
			continue;
		done = r->dirty[w] & ~(r->recent[w] | r->unsynced[w] |
				       r->wanted[w] | r->writing[w]);
		if (!done)
			continue;
		r->dirty[w] &= ~done;
		r->dirty_count -= hweight_long(done);
		hm_block_changed(r, w * BITS_PER_LONG);
	}
	return before - r->dirty_count;
}

/**
 * hm_regions_lose() - a range has left the stream before it was durable
 * @r: the regions
 * @sector: first sector of 512 bytes
 * @sectors: length in sectors of 512 bytes; the range is inside of the volume
 *
 * Context: under the lock that protects @r.
 */
void hm_regions_lose(struct hm_regions *r, u64 sector, u64 sectors)
{
	u32 first, n = hm_regions_touched(r, sector, sectors, &first);
	u32 w, end = first + n;
	unsigned long mask;

	for (w = first / BITS_PER_LONG; w * BITS_PER_LONG < end; w++) {
		mask = hm_word_mask(w, first, end);
		hm_word_lose(r, w, mask);
		hm_word_want(r, w, mask);
	}
}

/**
 * hm_regions_lose_dirty() - the stream is gone, and with it what was in it
 * @r: the regions
 *
 * After a crash of the primary all that is dirty has to be copied.
 *
 * Context: under the lock that protects @r.
 */
void hm_regions_lose_dirty(struct hm_regions *r)
{
	u32 w, words = hm_regions_words(r);

	for (w = 0; w < words; w++)
		hm_word_lose(r, w, r->dirty[w] | r->wanted[w] | r->writing[w]);
}

/**
 * hm_regions_lose_all() - everything has to be copied
 * @r: the regions
 *
 * Context: under the lock that protects @r.
 */
void hm_regions_lose_all(struct hm_regions *r)
{
	u32 w, words = hm_regions_words(r);

	bitmap_set(r->unsynced, 0, r->count);
	r->unsynced_count = r->count;
	/* No bit beyond the last region is ever set, so none is wanted here. */
	for (w = 0; w < words; w++)
		r->wanted[w] |= r->unsynced[w] & ~(r->dirty[w] | r->writing[w]);
	bitmap_set(r->changed, 0, r->blocks);
}

/* What may differ from the backup's, or is about to. */
static unsigned long hm_regions_differing(const struct hm_regions *r, u32 w)
{
	return r->dirty[w] | r->wanted[w] | r->writing[w] | r->unsynced[w];
}

/**
 * hm_regions_forget() - the sides are equal, whatever was known before
 * @r: the regions; no metadata write is under way
 *
 * Context: under the lock that protects @r.
 */
void hm_regions_forget(struct hm_regions *r)
{
	u32 w, words = hm_regions_words(r);

	for (w = 0; w < words; w++) {
		if (!hm_regions_differing(r, w) && !r->recent[w])
			continue;
		r->dirty[w] = 0;
		r->wanted[w] = 0;
		r->writing[w] = 0;
		r->recent[w] = 0;
		r->unsynced[w] = 0;
		hm_block_changed(r, w * BITS_PER_LONG);
	}
	r->dirty_count = 0;
	r->unsynced_count = 0;
}

/**
 * hm_regions_next_unsynced() - which region is to be copied?
 * @r: the regions
 * @from: number of the first region to look at
 * @region: filled in with the lowest one, if there is any
 *
 * Return: true if there is one.
 *
 * Context: under the lock that protects @r.
 */
bool hm_regions_next_unsynced(const struct hm_regions *r, u32 from, u32 *region)
{
	if (!r->unsynced_count || from >= r->count)
		return false;
	*region = find_next_bit(r->unsynced, r->count, from);
	return *region < r->count;
}

/**
 * hm_regions_synced() - a region's copy has its place in the stream
 * @r: the regions
 * @region: number of the region
 *
 * It is as if it had been written now: it is not cleaned before the copy is
 * durable on the backup.
 *
 * Context: under the lock that protects @r, in the same step that gives the
 * copy its place in the stream.
 */
void hm_regions_synced(struct hm_regions *r, u32 region)
{
	if (test_bit(region, r->unsynced)) {
		__clear_bit(region, r->unsynced);
		r->unsynced_count--;
	}
	__set_bit(region, r->recent);
}

/**
 * hm_regions_range() - where a region lies
 * @r: the regions
 * @region: number of the region
 * @sector: filled in with its first sector of 512 bytes
 * @sectors: filled in with its length in sectors of 512 bytes
 *
 * Context: any.
 */
void hm_regions_range(const struct hm_regions *r, u32 region, u64 *sector,
		      u32 *sectors)
{
	u64 left;

	*sector = (u64)region << r->shift;
	left = r->sectors - *sector;
	*sectors = left < BIT(r->shift) ? left : BIT(r->shift);
}

/* The first region from @from on that may differ, or not; @r->count if none. */
static u32 hm_regions_find(const struct hm_regions *r, u32 from, bool differing)
{
	unsigned long bits;

	while (from < r->count) {
		bits = hm_regions_differing(r, from / BITS_PER_LONG);
		if (!differing)
			bits = ~bits;
		bits >>= from % BITS_PER_LONG;
		if (bits) {
			from += __ffs(bits);
			break;
		}
		from += BITS_PER_LONG - from % BITS_PER_LONG;
	}
	return from < r->count ? from : r->count;
}

/**
 * hm_regions_next_dirty() - the next range that may differ from the backup's
 * @r: the regions
 * @from: first sector of 512 bytes to look at
 * @sector: filled in with the first sector of 512 bytes, not below @from
 * @sectors: filled in with the length in sectors of 512 bytes
 *
 * Regions that are dirty, about to be, or to be copied count, and neighbours
 * are one range.
 *
 * Return: true if there is one.
 *
 * Context: under the lock that protects @r.
 */
bool hm_regions_next_dirty(const struct hm_regions *r, u64 from, u64 *sector,
			   u64 *sectors)
{
	u64 end;
	u32 first;

	if (from >= r->sectors)
		return false;
	first = hm_regions_find(r, from >> r->shift, true);
	if (first == r->count)
		return false;
	end = (u64)hm_regions_find(r, first, false) << r->shift;
	*sector = max(from, (u64)first << r->shift);
	*sectors = min(end, r->sectors) - *sector;
	return true;
}
