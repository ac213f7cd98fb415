// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions against a model that has a bool for each, and a medium that has what
 * each metadata write left on it. Whatever happens, a write that may be issued
 * is named by the medium.
 */
#include "hm-regions-test.h"

#include "format.h"

#define MAX_BLOCKS	3
#define MAX_REGIONS	(MAX_BLOCKS * HM_BLOCK_REGIONS)

struct model {
	struct hm_regions r;
	u32 random;
	u8 *block[MAX_BLOCKS];		/* being written */
	struct hm_regions medium;	/* what a crash would surely find */
	bool dirty[MAX_REGIONS];
	bool wanted[MAX_REGIONS];
	bool writing[MAX_REGIONS];
	bool recent[MAX_REGIONS];
	bool unsynced[MAX_REGIONS];
	bool changed[MAX_BLOCKS];
};

static u32 random_below(struct model *m, u32 limit)
{
	m->random = m->random * 1664525 + 1013904223;
	return (u32)(((u64)m->random * limit) >> 32);
}

/* Few places, so that they meet; the ends of words, blocks and the volume. */
static u32 random_region(struct model *m)
{
	u32 last = m->r.count - 1, at;

	switch (random_below(m, 4)) {
	case 0:
		at = random_below(m, 6);
		break;
	case 1:
		at = 61 + random_below(m, 6);
		break;
	case 2:
		at = HM_BLOCK_REGIONS - 3 + random_below(m, 6);
		break;
	default:
		at = last - random_below(m, 6);
		break;
	}
	return at % m->r.count;
}

static void random_range(struct model *m, u64 *sector, u32 *sectors, u32 *first,
			 u32 *last)
{
	u64 left;

	*sector = (u64)random_region(m) * REGION;
	left = m->r.sectors - *sector;
	*sector += random_below(m, left < REGION ? left : REGION);
	left = m->r.sectors - *sector;
	/* Sometimes over many words, and now and then to the end. */
	if (random_below(m, 8))
		left = min(left, 3 * REGION);
	*sectors = random_below(m, 64) ? 1 + random_below(m, left) : left;
	*first = *sector / REGION;
	*last = (*sector + *sectors - 1) / REGION;
}

static bool model_dirty(const struct model *m, u32 first, u32 last)
{
	for (; first <= last; first++) {
		if (!m->dirty[first])
			return false;
	}
	return true;
}

static void model_want(struct model *m, u32 first, u32 last)
{
	for (; first <= last; first++) {
		if (m->dirty[first] || m->writing[first])
			continue;
		m->wanted[first] = true;
		m->changed[first / HM_BLOCK_REGIONS] = true;
	}
}

static void do_write(struct model *m)
{
	u32 sectors, first, last, i;
	bool may;
	u64 sector;

	random_range(m, &sector, &sectors, &first, &last);
	may = model_dirty(m, first, last);
	assert_int_equal(hm_regions_are_dirty(&m->r, sector, sectors), may);
	assert_int_equal(hm_regions_touch(&m->r, sector, sectors), may);
	if (!may) {
		hm_regions_want(&m->r, sector, sectors);
		model_want(m, first, last);
		return;
	}
	for (i = first; i <= last; i++) {
		m->recent[i] = true;
		assert_true(test_bit(i, m->medium.dirty));
	}
}

static void do_lose(struct model *m)
{
	u32 sectors, first, last, i;
	u64 sector;

	random_range(m, &sector, &sectors, &first, &last);
	hm_regions_lose(&m->r, sector, sectors);
	for (i = first; i <= last; i++)
		m->unsynced[i] = true;
	model_want(m, first, last);
}

static void do_write_begins(struct model *m)
{
	u32 block, i, end;
	bool found;

	found = hm_regions_next_changed(&m->r, &block);
	for (i = 0; i < m->r.blocks && !m->changed[i]; i++)
		;
	assert_int_equal(found, i < m->r.blocks);
	if (!found || m->block[block])
		return;
	assert_int_equal(block, i);
	hm_regions_write_begins(&m->r, block);
	m->block[block] = malloc(HM_META_BLOCK);
	hm_encode_bitmap(m->block[block], block, &m->r);
	m->changed[block] = false;
	end = (block + 1) * HM_BLOCK_REGIONS;
	for (i = block * HM_BLOCK_REGIONS; i < m->r.count && i < end; i++) {
		m->writing[i] = m->wanted[i];
		m->wanted[i] = false;
	}
}

static void medium_clear(struct model *m, u32 region)
{
	m->medium.dirty_count -= test_bit(region, m->medium.dirty);
	__clear_bit(region, m->medium.dirty);
}

/*
 * The medium's block has become what was written. If the write failed it may
 * as well be what it was: only what both name is sure.
 */
static void medium_becomes(struct model *m, u32 block, bool ok)
{
	u32 i, first = block * HM_BLOCK_REGIONS;
	u32 end = min(first + HM_BLOCK_REGIONS, m->r.count);
	bool old[HM_BLOCK_REGIONS];

	for (i = first; i < end; i++) {
		old[i - first] = test_bit(i, m->medium.dirty);
		medium_clear(m, i);
	}
	assert_int_equal(hm_decode_bitmap(m->block[block], block, &m->medium),
			 HM_FORMAT_OK);
	for (i = first; i < end && !ok; i++) {
		if (!old[i - first])
			medium_clear(m, i);
	}
}

static void do_write_ends(struct model *m)
{
	u32 block = random_below(m, m->r.blocks), i, end;
	bool ok = random_below(m, 4);

	if (!m->block[block])
		return;
	medium_becomes(m, block, ok);
	free(m->block[block]);
	m->block[block] = NULL;
	hm_regions_write_ends(&m->r, block, ok);
	end = (block + 1) * HM_BLOCK_REGIONS;
	for (i = block * HM_BLOCK_REGIONS; i < m->r.count && i < end; i++) {
		if (ok)
			m->dirty[i] |= m->writing[i];
		else
			m->wanted[i] |= m->writing[i];
		m->writing[i] = false;
	}
	m->changed[block] |= !ok;
}

static void do_clean(struct model *m)
{
	u32 i, cleaned = 0;

	for (i = 0; i < m->r.count; i++) {
		if (!m->dirty[i] || m->recent[i] || m->unsynced[i] ||
		    m->wanted[i] || m->writing[i])
			continue;
		m->dirty[i] = false;
		m->changed[i / HM_BLOCK_REGIONS] = true;
		cleaned++;
	}
	assert_int_equal(hm_regions_clean(&m->r), cleaned);
}

static void do_synced(struct model *m)
{
	u32 from = random_region(m), want, region;
	bool found = hm_regions_next_unsynced(&m->r, from, &region);

	for (want = from; want < m->r.count && !m->unsynced[want]; want++)
		;
	assert_int_equal(found, want < m->r.count);
	if (!found)
		return;
	assert_int_equal(region, want);
	hm_regions_synced(&m->r, region);
	m->unsynced[region] = false;
	m->recent[region] = true;
}

static void do_lose_many(struct model *m, bool all)
{
	u32 i;

	for (i = 0; i < m->r.count; i++)
		m->unsynced[i] |= all || m->dirty[i] || m->wanted[i] ||
				  m->writing[i];
	if (!all) {
		hm_regions_lose_dirty(&m->r);
		return;
	}
	model_want(m, 0, m->r.count - 1);
	for (i = 0; i < m->r.blocks; i++)
		m->changed[i] = true;
	hm_regions_lose_all(&m->r);
}

static void do_forget(struct model *m)
{
	u32 i;

	for (i = 0; i < m->r.blocks; i++) {
		if (m->block[i])
			return;
	}
	for (i = 0; i < m->r.count; i++) {
		if (m->dirty[i] || m->wanted[i] || m->writing[i] ||
		    m->recent[i] || m->unsynced[i])
			m->changed[i / HM_BLOCK_REGIONS] = true;
		m->dirty[i] = false;
		m->wanted[i] = false;
		m->recent[i] = false;
		m->unsynced[i] = false;
	}
	hm_regions_forget(&m->r);
}

static void step(struct model *m)
{
	u32 what = random_below(m, 1000);

	if (what < 400) {
		do_write(m);
	} else if (what < 550) {
		do_write_begins(m);
	} else if (what < 750) {
		do_write_ends(m);
	} else if (what < 800) {
		do_lose(m);
	} else if (what < 880) {
		do_synced(m);
	} else if (what < 930) {
		hm_regions_cycle(&m->r);
		memset(m->recent, 0, sizeof(m->recent));
	} else if (what < 980) {
		do_clean(m);
	} else if (what < 990) {
		do_lose_many(m, false);
	} else if (what < 992) {
		do_lose_many(m, true);
	} else if (what < 997) {
		do_forget(m);
	}
}

static bool differing(const struct model *m, u32 i)
{
	return m->dirty[i] || m->wanted[i] || m->writing[i] || m->unsynced[i];
}

static void compare_runs(struct model *m)
{
	u64 sector, sectors, at = 0;
	u32 i = 0, end;

	for (;;) {
		while (i < m->r.count && !differing(m, i))
			i++;
		if (i == m->r.count)
			break;
		for (end = i; end < m->r.count && differing(m, end);)
			end++;
		assert_true(hm_regions_next_dirty(&m->r, at, &sector,
						  &sectors));
		assert_true(sector == (u64)i * REGION);
		at = sector + sectors;
		assert_true(at == min((u64)end * REGION, m->r.sectors));
		i = end;
	}
	assert_false(hm_regions_next_dirty(&m->r, at, &sector, &sectors));
}

static void compare(struct model *m)
{
	u32 i, dirty = 0, unsynced = 0;

	for (i = 0; i < m->r.count; i++) {
		dirty += m->dirty[i];
		unsynced += m->unsynced[i];
		assert_int_equal(test_bit(i, m->r.dirty), m->dirty[i]);
		assert_int_equal(test_bit(i, m->r.wanted), m->wanted[i]);
		assert_int_equal(test_bit(i, m->r.writing), m->writing[i]);
		assert_int_equal(test_bit(i, m->r.recent), m->recent[i]);
		assert_int_equal(test_bit(i, m->r.unsynced), m->unsynced[i]);
	}
	for (; i < BITS_TO_LONGS(m->r.count) * BITS_PER_LONG; i++)
		assert_false(test_bit(i, m->r.dirty) ||
			     test_bit(i, m->r.wanted) ||
			     test_bit(i, m->r.unsynced));
	for (i = 0; i < m->r.blocks; i++)
		assert_int_equal(test_bit(i, m->r.changed), m->changed[i]);
	assert_int_equal(m->r.dirty_count, dirty);
	assert_int_equal(m->r.unsynced_count, unsynced);
	compare_runs(m);
}

static void run(u32 seed, u32 count, u32 short_by, u32 steps, u32 every)
{
	struct model *m = calloc(1, sizeof(*m));
	u32 i;

	assert_non_null(m);
	m->random = seed;
	regions_create(&m->r, count, short_by);
	regions_create(&m->medium, count, short_by);
	for (i = 0; i < steps; i++) {
		step(m);
		if (i % every == 0)
			compare(m);
	}
	compare(m);
	for (i = 0; i < MAX_BLOCKS; i++)
		free(m->block[i]);
	regions_destroy(&m->r);
	regions_destroy(&m->medium);
	free(m);
}

static void test_one_word(void **state)
{
	u32 seed;

	for (seed = 0; seed < 50; seed++)
		run(seed, 1 + seed, seed, 2000, 1);
}

static void test_some_words(void **state)
{
	u32 seed;

	for (seed = 0; seed < 10; seed++)
		run(seed, 60 + 17 * seed, 7 * seed, 5000, 1);
}

static void test_some_blocks(void **state)
{
	run(1, HM_BLOCK_REGIONS, 0, 10000, 200);
	run(2, HM_BLOCK_REGIONS + 1, REGION - 1, 10000, 200);
	run(3, 2 * HM_BLOCK_REGIONS + 1000, 9, 10000, 200);
	run(4, 3 * HM_BLOCK_REGIONS, 1, 10000, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_word),
		cmocka_unit_test(test_some_words),
		cmocka_unit_test(test_some_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
