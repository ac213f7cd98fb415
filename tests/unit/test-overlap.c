// SPDX-License-Identifier: GPL-2.0-only
/* Updates on the same sectors, one after the other. */
#include "hm-flow-test.h"
#include "overlap.h"

struct flow {
	struct hm_overlap index;
	struct list_head ready;
};

static struct flow empty;

static struct flow *flow_init(void)
{
	hm_overlap_init(&empty.index);
	INIT_LIST_HEAD(&empty.ready);
	return &empty;
}

static bool flow_is_empty(const struct flow *f)
{
	unsigned int i;

	for (i = 0; i < HM_OVERLAP_BUCKETS; i++) {
		if (!list_empty(&f->index.bucket[i]))
			return false;
	}
	return list_empty(&f->ready);
}

static void test_apart(void **state)
{
	struct flow *f = flow_init();
	struct hm_update u[] = { sample_write(0), sample_write(8),
				 sample_write(16) };
	unsigned int i;

	/* Side by side is not an overlap. */
	for (i = 0; i < ARRAY_SIZE(u); i++)
		assert_true(hm_overlap_add(&f->index, &u[i]));
	hm_overlap_remove(&f->index, &u[1], &f->ready);
	hm_overlap_remove(&f->index, &u[0], &f->ready);
	hm_overlap_remove(&f->index, &u[2], &f->ready);
	assert_true(flow_is_empty(f));
}

static void overlaps(u64 sector, u32 sectors, bool want)
{
	struct flow *f = flow_init();
	struct hm_update a = sample_update(HM_WRITE, 100, 10);
	struct hm_update b = sample_update(HM_WRITE, sector, sectors);

	assert_true(hm_overlap_add(&f->index, &a));
	assert_int_equal(hm_overlap_add(&f->index, &b), !want);
	hm_overlap_remove(&f->index, &a, &f->ready);
	if (want)
		assert_list(&f->ready, ready, &b);
	hm_overlap_remove(&f->index, &b, &f->ready);
	assert_true(flow_is_empty(f));
}

static void test_ranges(void **state)
{
	overlaps(100, 10, true);
	overlaps(90, 10, false);
	overlaps(90, 11, true);
	overlaps(109, 1, true);
	overlaps(110, 1, false);
	overlaps(104, 2, true);
	overlaps(0, HM_CHUNK_SECTORS, true);
}

static void test_chain(void **state)
{
	struct flow *f = flow_init();
	struct hm_update a = sample_write(0), b = sample_write(0),
			 c = sample_write(0);

	assert_true(hm_overlap_add(&f->index, &a));
	assert_false(hm_overlap_add(&f->index, &b));
	assert_false(hm_overlap_add(&f->index, &c));
	hm_overlap_remove(&f->index, &a, &f->ready);
	assert_list(&f->ready, ready, &b);
	hm_overlap_remove(&f->index, &b, &f->ready);
	assert_list(&f->ready, ready, &c);
	hm_overlap_remove(&f->index, &c, &f->ready);
	assert_true(flow_is_empty(f));
}

/* One waits for two, in whichever order the disk answers. */
static void wait_for_two(bool second_first)
{
	struct flow *f = flow_init();
	struct hm_update a = sample_write(0), b = sample_write(8);
	struct hm_update both = sample_update(HM_WRITE_ZEROES, 0, 16);

	assert_true(hm_overlap_add(&f->index, &a));
	assert_true(hm_overlap_add(&f->index, &b));
	assert_false(hm_overlap_add(&f->index, &both));
	hm_overlap_remove(&f->index, second_first ? &b : &a, &f->ready);
	assert_true(list_empty(&f->ready));
	hm_overlap_remove(&f->index, second_first ? &a : &b, &f->ready);
	assert_list(&f->ready, ready, &both);
	hm_overlap_remove(&f->index, &both, &f->ready);
	assert_true(flow_is_empty(f));
}

static void test_two_blockers(void **state)
{
	wait_for_two(false);
	wait_for_two(true);
}

static void test_releases_in_order(void **state)
{
	struct flow *f = flow_init();
	struct hm_update both = sample_update(HM_DISCARD, 0, 16);
	struct hm_update a = sample_write(8), b = sample_write(0);

	hm_overlap_add(&f->index, &both);
	assert_false(hm_overlap_add(&f->index, &a));
	assert_false(hm_overlap_add(&f->index, &b));
	hm_overlap_remove(&f->index, &both, &f->ready);
	assert_list(&f->ready, ready, &a, &b);
}

static void test_volumes(void **state)
{
	struct flow *f = flow_init();
	struct hm_update u[HM_MAX_VOLUMES];
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		u[i] = sample_write(0);
		u[i].volume = (u16)i;
		assert_true(hm_overlap_add(&f->index, &u[i]));
	}
}

static void test_flush(void **state)
{
	struct flow *f = flow_init();
	struct hm_update w = sample_write(0), flush = sample_flush(),
			 w2 = sample_write(0);

	assert_true(hm_overlap_add(&f->index, &w));
	assert_true(hm_overlap_add(&f->index, &flush));
	assert_false(hm_overlap_add(&f->index, &w2));
	hm_overlap_remove(&f->index, &flush, &f->ready);
	assert_true(list_empty(&f->ready));
	hm_overlap_remove(&f->index, &w, &f->ready);
	assert_list(&f->ready, ready, &w2);
}

/* More chunks than buckets: sharing a bucket is not an overlap. */
static void test_many_chunks(void **state)
{
	static struct hm_update u[4 * HM_OVERLAP_BUCKETS];
	struct flow *f = flow_init();
	struct hm_update again;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(u); i++) {
		u[i] = sample_write((u64)i << HM_CHUNK_SHIFT);
		assert_true(hm_overlap_add(&f->index, &u[i]));
	}
	again = u[77];
	assert_false(hm_overlap_add(&f->index, &again));
	assert_int_equal(again.blockers, 1);
	for (i = 0; i < ARRAY_SIZE(u); i++)
		hm_overlap_remove(&f->index, &u[i], &f->ready);
	assert_list(&f->ready, ready, &again);
	hm_overlap_remove(&f->index, &again, &f->ready);
	assert_true(flow_is_empty(f));
}

static void test_far_sectors(void **state)
{
	struct flow *f = flow_init();
	struct hm_update low = sample_write(8), high = sample_write(8);

	/* The same but for what does not fit into 32 bits. */
	high.sector += 1ULL << (32 + HM_CHUNK_SHIFT);
	assert_true(hm_overlap_add(&f->index, &low));
	assert_true(hm_overlap_add(&f->index, &high));
}

static bool busy(struct flow *f, u16 volume, u64 sector, u32 sectors)
{
	struct hm_update range;

	/* Nothing else of it is looked at. */
	memset(&range, 0xa5, sizeof(range));
	range.volume = volume;
	range.sector = sector;
	range.sectors = sectors;
	return hm_overlap_busy(&f->index, &range);
}

static void test_busy_ranges(void **state)
{
	struct flow *f = flow_init();
	struct hm_update u = sample_update(HM_WRITE, 100, 10);

	assert_false(busy(f, 0, 0, HM_CHUNK_SECTORS));
	assert_true(hm_overlap_add(&f->index, &u));
	assert_true(busy(f, 0, 0, HM_CHUNK_SECTORS));
	assert_true(busy(f, 0, 100, 10));
	assert_true(busy(f, 0, 109, 1));
	assert_true(busy(f, 0, 90, 11));
	assert_false(busy(f, 0, 90, 10));
	assert_false(busy(f, 0, 110, 1));
	assert_false(busy(f, 1, 100, 10));
	assert_false(busy(f, 0, 100 + HM_CHUNK_SECTORS, 10));
	assert_false(busy(f, 0, 100 + (1ULL << (32 + HM_CHUNK_SHIFT)), 10));
	hm_overlap_remove(&f->index, &u, &f->ready);
	assert_false(busy(f, 0, 0, HM_CHUNK_SECTORS));
	assert_true(flow_is_empty(f));
}

/* Also while an update waits for another one; a flush makes nothing busy. */
static void test_busy_until_the_last(void **state)
{
	struct flow *f = flow_init();
	struct hm_update a = sample_write(0), b = sample_write(0);
	struct hm_update flush = sample_flush();

	assert_true(hm_overlap_add(&f->index, &flush));
	assert_false(busy(f, 0, 0, 8));
	assert_true(hm_overlap_add(&f->index, &a));
	assert_false(hm_overlap_add(&f->index, &b));
	hm_overlap_remove(&f->index, &a, &f->ready);
	assert_true(busy(f, 0, 0, 8));
	assert_list(&f->ready, ready, &b);
	hm_overlap_remove(&f->index, &b, &f->ready);
	assert_false(busy(f, 0, 0, 8));
}

/* To ask changes nothing: nobody waits for a range that was only asked for. */
static void test_busy_leaves_no_trace(void **state)
{
	struct flow *f = flow_init();
	struct hm_update a = sample_write(0), b = sample_write(0);

	assert_false(busy(f, 0, 0, 8));
	assert_true(hm_overlap_add(&f->index, &a));
	assert_true(busy(f, 0, 0, 8));
	assert_false(hm_overlap_add(&f->index, &b));
	assert_int_equal(a.blockers, 0);
	assert_int_equal(b.blockers, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_two_blockers),
		cmocka_unit_test(test_releases_in_order),
		cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_many_chunks),
		cmocka_unit_test(test_far_sectors),
		cmocka_unit_test(test_busy_ranges),
		cmocka_unit_test(test_busy_until_the_last),
		cmocka_unit_test(test_busy_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
