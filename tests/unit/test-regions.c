// SPDX-License-Identifier: GPL-2.0-only
/* Dirty before local, clean after durable, copied when lost. */
#include "hm-regions-test.h"

static void test_default_shift(void **state)
{
	u64 most = (u64)HM_REGIONS_DEFAULT_MAX << HM_REGION_SHIFT_DEFAULT;

	assert_int_equal(hm_regions_default_shift(1), HM_REGION_SHIFT_DEFAULT);
	assert_int_equal(hm_regions_default_shift(most),
			 HM_REGION_SHIFT_DEFAULT);
	assert_int_equal(hm_regions_default_shift(most + 1),
			 HM_REGION_SHIFT_DEFAULT + 1);
	assert_int_equal(hm_regions_default_shift(4 * most),
			 HM_REGION_SHIFT_DEFAULT + 2);
	assert_int_equal(hm_regions_default_shift(~0ULL), HM_REGION_SHIFT_MAX);
}

static void test_count(void **state)
{
	assert_int_equal(hm_regions_count(0, 7), 0);
	assert_int_equal(hm_regions_count(1, 7), 1);
	assert_int_equal(hm_regions_count(128, 7), 1);
	assert_int_equal(hm_regions_count(129, 7), 2);
	assert_true(hm_regions_count(~0ULL, 7) == 1ULL << 57);
}

static void test_bytes(void **state)
{
	size_t word = sizeof(unsigned long);

	assert_int_equal(hm_regions_bytes(1, SHIFT), 6 * word);
	assert_int_equal(hm_regions_bytes(BITS_PER_LONG * REGION, SHIFT),
			 6 * word);
	assert_int_equal(hm_regions_bytes(BITS_PER_LONG * REGION + 1, SHIFT),
			 11 * word);
	/* One block more than a word of blocks. */
	assert_int_equal(hm_regions_bytes((u64)HM_BLOCK_REGIONS *
					  BITS_PER_LONG * REGION + 1, SHIFT),
			 5 * (HM_BLOCK_REGIONS + 1) * word + 2 * word);
}

static void test_init(void **state)
{
	struct hm_regions r;
	u64 sector, sectors;
	u32 n;

	regions_create(&r, HM_BLOCK_REGIONS + 1, REGION - 1);
	assert_int_equal(r.blocks, 2);
	assert_int_equal(r.shift, SHIFT);
	assert_int_equal(r.dirty_count, 0);
	assert_int_equal(r.unsynced_count, 0);
	assert_false(hm_regions_next_changed(&r, &n));
	assert_false(hm_regions_next_unsynced(&r, 0, &n));
	assert_false(hm_regions_next_dirty(&r, 0, &sector, &sectors));
	assert_int_equal(hm_regions_clean(&r), 0);
	regions_destroy(&r);
}

static void test_dirty_before_local(void **state)
{
	struct hm_regions r;
	u32 block;

	regions_create(&r, 10, 0);
	assert_false(hm_regions_touch(&r, 3 * REGION, 8));
	hm_regions_want(&r, 3 * REGION, 8);
	assert_false(hm_regions_are_dirty(&r, 3 * REGION, 8));
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 0);
	hm_regions_write_begins(&r, 0);
	assert_false(hm_regions_next_changed(&r, &block));
	assert_false(hm_regions_touch(&r, 3 * REGION, 8));
	hm_regions_write_ends(&r, 0, true);
	assert_true(hm_regions_touch(&r, 3 * REGION, 8));
	assert_int_equal(r.dirty_count, 1);
	regions_destroy(&r);
}

static void test_range_needs_every_region(void **state)
{
	struct hm_regions r;

	regions_create(&r, 10, 0);
	regions_dirty(&r, 3, 4);
	assert_true(hm_regions_are_dirty(&r, 3 * REGION, 2 * REGION));
	assert_true(hm_regions_are_dirty(&r, 5 * REGION - 1, 1));
	assert_false(hm_regions_are_dirty(&r, 5 * REGION - 1, 2));
	assert_false(hm_regions_are_dirty(&r, 3 * REGION - 1, 2));
	assert_false(hm_regions_are_dirty(&r, 2 * REGION, 4 * REGION));
	/* A flush touches nothing. */
	assert_true(hm_regions_touch(&r, 0, 0));
	regions_destroy(&r);
}

static void test_failed_touch_changes_nothing(void **state)
{
	struct hm_regions r;

	regions_create(&r, 10, 0);
	regions_dirty(&r, 3, 3);
	hm_regions_cycle(&r);
	assert_false(hm_regions_touch(&r, 3 * REGION, 2 * REGION));
	assert_int_equal(hm_regions_clean(&r), 1);
	regions_destroy(&r);
}

static void test_want_only_what_is_clean(void **state)
{
	struct hm_regions r;
	u32 block;

	regions_create(&r, 10, 0);
	regions_dirty(&r, 3, 4);
	hm_regions_want(&r, 3 * REGION, 2 * REGION);
	assert_false(hm_regions_next_changed(&r, &block));
	hm_regions_want(&r, 3 * REGION, 3 * REGION);
	assert_true(hm_regions_next_changed(&r, &block));
	hm_regions_write_begins(&r, block);
	/* One write that is under way is enough. */
	hm_regions_want(&r, 5 * REGION, 1);
	assert_false(hm_regions_next_changed(&r, &block));
	hm_regions_want(&r, 6 * REGION, 1);
	assert_true(hm_regions_next_changed(&r, &block));
	hm_regions_write_ends(&r, 0, true);
	assert_int_equal(r.dirty_count, 3);
	assert_false(hm_regions_are_dirty(&r, 6 * REGION, 1));
	assert_true(hm_regions_next_changed(&r, &block));
	regions_destroy(&r);
}

static void test_failed_write(void **state)
{
	struct hm_regions r;
	u32 block;

	regions_create(&r, 10, 0);
	hm_regions_want(&r, REGION, 1);
	hm_regions_write_begins(&r, 0);
	hm_regions_write_ends(&r, 0, false);
	assert_false(hm_regions_are_dirty(&r, REGION, 1));
	assert_true(hm_regions_next_changed(&r, &block));
	regions_write(&r);
	assert_true(hm_regions_are_dirty(&r, REGION, 1));
	regions_destroy(&r);
}

static void test_failed_write_of_cleaning(void **state)
{
	struct hm_regions r;
	u32 block;

	regions_create(&r, 10, 0);
	regions_dirty(&r, 1, 1);
	assert_int_equal(hm_regions_clean(&r), 1);
	hm_regions_write_begins(&r, 0);
	hm_regions_write_ends(&r, 0, false);
	assert_true(hm_regions_next_changed(&r, &block));
	regions_destroy(&r);
}

static void test_blocks(void **state)
{
	struct hm_regions r;
	u32 block;

	regions_create(&r, 2 * HM_BLOCK_REGIONS + 5, 0);
	assert_int_equal(r.blocks, 3);
	/* The last region of one block and the first of the next. */
	hm_regions_want(&r, ((u64)2 * HM_BLOCK_REGIONS - 1) * REGION,
			2 * REGION);
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 1);
	hm_regions_write_begins(&r, 1);
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 2);
	hm_regions_write_begins(&r, 2);
	hm_regions_write_ends(&r, 2, true);
	assert_int_equal(r.dirty_count, 1);
	assert_true(hm_regions_are_dirty(&r, (u64)2 * HM_BLOCK_REGIONS *
					 REGION, 1));
	hm_regions_write_ends(&r, 1, true);
	assert_int_equal(r.dirty_count, 2);
	assert_int_equal(hm_regions_clean(&r), 2);
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 1);
	regions_destroy(&r);
}

static void test_cycle(void **state)
{
	struct hm_regions r;
	u32 block;

	regions_create(&r, 100, 0);
	regions_dirty(&r, 60, 70);
	assert_true(hm_regions_touch(&r, 60 * REGION, REGION));
	hm_regions_cycle(&r);
	assert_true(hm_regions_touch(&r, 61 * REGION, REGION));
	assert_int_equal(hm_regions_clean(&r), 10);
	assert_int_equal(r.dirty_count, 1);
	assert_false(hm_regions_touch(&r, 60 * REGION, 1));
	assert_true(hm_regions_touch(&r, 61 * REGION, 1));
	assert_true(hm_regions_next_changed(&r, &block));
	regions_write(&r);
	assert_int_equal(hm_regions_clean(&r), 0);
	assert_false(hm_regions_next_changed(&r, &block));
	hm_regions_cycle(&r);
	assert_int_equal(hm_regions_clean(&r), 1);
	assert_int_equal(r.dirty_count, 0);
	regions_destroy(&r);
}

/* Cleaned in memory, not yet on the medium, and then written to again. */
static void test_cleaned_is_wanted_again(void **state)
{
	struct hm_regions r;

	regions_create(&r, 10, 0);
	regions_dirty(&r, 1, 1);
	assert_int_equal(hm_regions_clean(&r), 1);
	hm_regions_write_begins(&r, 0);
	assert_false(hm_regions_touch(&r, REGION, 1));
	hm_regions_want(&r, REGION, 1);
	/* That write does not name the region. */
	hm_regions_write_ends(&r, 0, true);
	assert_false(hm_regions_touch(&r, REGION, 1));
	regions_write(&r);
	assert_true(hm_regions_touch(&r, REGION, 1));
	regions_destroy(&r);
}

static void test_lose(void **state)
{
	struct hm_regions r;
	u32 region;

	regions_create(&r, 100, 0);
	regions_dirty(&r, 63, 63);
	hm_regions_lose(&r, 63 * REGION + 5, REGION);
	hm_regions_lose(&r, 63 * REGION + 5, REGION);
	assert_int_equal(r.unsynced_count, 2);
	hm_regions_cycle(&r);
	assert_int_equal(hm_regions_clean(&r), 0);
	regions_write(&r);
	assert_int_equal(r.dirty_count, 2);
	assert_true(hm_regions_next_unsynced(&r, 0, &region));
	assert_int_equal(region, 63);
	assert_true(hm_regions_next_unsynced(&r, 64, &region));
	assert_int_equal(region, 64);
	assert_false(hm_regions_next_unsynced(&r, 65, &region));
	assert_false(hm_regions_next_unsynced(&r, ~0U, &region));
	regions_destroy(&r);
}

static void test_synced(void **state)
{
	struct hm_regions r;

	regions_create(&r, 10, 0);
	regions_dirty(&r, 4, 5);
	hm_regions_lose(&r, 4 * REGION, 2 * REGION);
	hm_regions_cycle(&r);
	hm_regions_synced(&r, 4);
	hm_regions_synced(&r, 4);
	assert_int_equal(r.unsynced_count, 1);
	assert_int_equal(hm_regions_clean(&r), 0);
	hm_regions_cycle(&r);
	assert_int_equal(hm_regions_clean(&r), 1);
	assert_false(hm_regions_are_dirty(&r, 4 * REGION, 1));
	assert_true(hm_regions_are_dirty(&r, 5 * REGION, 1));
	regions_destroy(&r);
}

static void test_lose_dirty(void **state)
{
	struct hm_regions r;

	regions_create(&r, 200, 0);
	regions_dirty(&r, 10, 11);
	hm_regions_lose(&r, 11 * REGION, 1);
	hm_regions_want(&r, 70 * REGION, 1);
	hm_regions_write_begins(&r, 0);
	hm_regions_want(&r, 199 * REGION, 1);
	hm_regions_lose_dirty(&r);
	assert_int_equal(r.unsynced_count, 4);
	assert_true(test_bit(10, r.unsynced) && test_bit(11, r.unsynced));
	assert_true(test_bit(70, r.unsynced) && test_bit(199, r.unsynced));
	assert_int_equal(r.dirty_count, 2);
	regions_destroy(&r);
}

static void test_lose_all(void **state)
{
	u32 count = HM_BLOCK_REGIONS + 7, block;
	struct hm_regions r;

	regions_create(&r, count, 1);
	regions_dirty(&r, 0, 1);
	hm_regions_lose_all(&r);
	assert_int_equal(r.unsynced_count, count);
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 0);
	hm_regions_write_begins(&r, 0);
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 1);
	hm_regions_write_ends(&r, 0, true);
	regions_write(&r);
	assert_int_equal(r.dirty_count, count);
	assert_true(hm_regions_are_dirty(&r, 0, r.sectors));
	hm_regions_cycle(&r);
	assert_int_equal(hm_regions_clean(&r), 0);
	regions_destroy(&r);
}

static void test_forget(void **state)
{
	struct hm_regions r;
	u64 sector, sectors;
	u32 block;

	regions_create(&r, 4 * HM_BLOCK_REGIONS, 0);
	regions_dirty(&r, 3, 3);
	hm_regions_lose(&r, (u64)2 * HM_BLOCK_REGIONS * REGION, 1);
	hm_regions_forget(&r);
	assert_int_equal(r.dirty_count, 0);
	assert_int_equal(r.unsynced_count, 0);
	assert_false(hm_regions_next_dirty(&r, 0, &sector, &sectors));
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 0);
	hm_regions_write_begins(&r, 0);
	hm_regions_write_ends(&r, 0, true);
	assert_true(hm_regions_next_changed(&r, &block));
	assert_int_equal(block, 2);
	hm_regions_write_begins(&r, 2);
	hm_regions_write_ends(&r, 2, true);
	assert_false(hm_regions_next_changed(&r, &block));
	assert_int_equal(r.dirty_count, 0);
	regions_destroy(&r);
}

static void test_range(void **state)
{
	struct hm_regions r;
	u32 sectors;
	u64 sector;

	regions_create(&r, 3, REGION - 1);
	hm_regions_range(&r, 1, &sector, &sectors);
	assert_int_equal(sector, REGION);
	assert_int_equal(sectors, REGION);
	hm_regions_range(&r, 2, &sector, &sectors);
	assert_int_equal(sector, 2 * REGION);
	assert_int_equal(sectors, 1);
	regions_destroy(&r);
	regions_create(&r, 3, 0);
	hm_regions_range(&r, 2, &sector, &sectors);
	assert_int_equal(sectors, REGION);
	regions_destroy(&r);
}

#define assert_next(r, from, first, count) do {				\
	u64 _sector, _sectors;						\
	assert_true(hm_regions_next_dirty(r, from, &_sector, &_sectors)); \
	assert_int_equal(_sector, first);				\
	assert_int_equal(_sectors, count);				\
} while (0)

static void test_next_dirty(void **state)
{
	struct hm_regions r;
	u64 sector, sectors;

	regions_create(&r, 200, 5);
	regions_dirty(&r, 2, 2);
	hm_regions_lose(&r, 60 * REGION, REGION);
	hm_regions_write_begins(&r, 0);
	hm_regions_want(&r, 61 * REGION, 4 * REGION);
	regions_dirty(&r, 199, 199);
	assert_next(&r, 0, 2 * REGION, REGION);
	assert_next(&r, 2 * REGION + 1, 2 * REGION + 1, REGION - 1);
	assert_next(&r, 3 * REGION, 60 * REGION, 5 * REGION);
	assert_next(&r, 64 * REGION, 64 * REGION, REGION);
	assert_next(&r, 65 * REGION, 199 * REGION, REGION - 5);
	assert_false(hm_regions_next_dirty(&r, 200 * REGION - 5, &sector,
					   &sectors));
	assert_false(hm_regions_next_dirty(&r, ~0ULL, &sector, &sectors));
	hm_regions_lose_all(&r);
	assert_next(&r, 0, 0, 200 * REGION - 5);
	regions_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_shift),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_dirty_before_local),
		cmocka_unit_test(test_range_needs_every_region),
		cmocka_unit_test(test_failed_touch_changes_nothing),
		cmocka_unit_test(test_want_only_what_is_clean),
		cmocka_unit_test(test_failed_write),
		cmocka_unit_test(test_failed_write_of_cleaning),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_cycle),
		cmocka_unit_test(test_cleaned_is_wanted_again),
		cmocka_unit_test(test_lose),
		cmocka_unit_test(test_synced),
		cmocka_unit_test(test_lose_dirty),
		cmocka_unit_test(test_lose_all),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_next_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
