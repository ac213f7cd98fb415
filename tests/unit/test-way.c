// SPDX-License-Identifier: GPL-2.0-only
/* How two sides that welcome each other go on. */
#include "hm-test.h"
#include "handshake.h"

/* What two sides say that has a bearing on the way. */
struct pair {
	const char *words;
	u16 primary;		/* HM_HELLO_* */
	u64 last_seq;
	u64 durable;		/* what the primary knows of */
	bool follows;
	u16 backup;		/* HM_HELLO_* */
	struct hm_lineage lineage;	/* the backup's */
};

static enum hm_way judge(const struct pair *pair)
{
	struct hm_hello primary = sample_hello(), backup = sample_hello();

	primary.flags = pair->primary;
	primary.last_seq = pair->last_seq;
	primary.acks.durable = pair->durable;
	backup.flags = pair->backup;
	backup.lineage = pair->lineage;
	backup.acks.durable = 80;
	if (!pair->follows)
		memset(backup.stream, 0, sizeof(backup.stream));
	return hm_judge_way(&primary, &backup);
}

static void assert_ways(const struct pair *pairs, unsigned int count,
			enum hm_way want)
{
	enum hm_way way;
	unsigned int i;

	for (i = 0; i < count; i++) {
		way = judge(&pairs[i]);
		if (way != want)
			fail_msg("%s: got %u, want %u", pairs[i].words, way,
				 want);
	}
}

#define FIRST		HM_HELLO_FIRST
#define UNSYNCED	HM_HELLO_UNSYNCED
#define COPYING		HM_HELLO_COPYING
#define DIRTY		HM_HELLO_DIRTY
#define GIVES_UP	HM_HELLO_GIVES_UP
#define LOST		HM_HELLO_LOST
#define STAGING		HM_HELLO_STAGING

/* What the backup holds; the primary's bitmap covers the two newest. */
#define SAME		LINEAGE(1, NEWEST, OLDER, OLDEST)
#define COVERED		LINEAGE(1, OLDER, OLDEST)
#define NOT_COVERED	LINEAGE(1, OLDEST)
#define FRESH		LINEAGE(0, 0)
#define BEGUN		{ .generation = { OLDER }, .covered = 1, \
			  .inconsistent = true }

static void test_resumes_in_order(void **state)
{
	static const struct pair pairs[] = {
		{ "a cut", 0, 100, 80, true, 0, SAME },
		{ "a cut of a stream that holds all", FIRST, 100, 80, true, 0,
		  SAME },
		{ "a cut after which the primary went on alone", 0, 100, 80,
		  true, 0, COVERED },
		{ "a cut in the middle of a copy", COPYING | UNSYNCED, 100, 80,
		  true, 0, BEGUN },
		{ "a cut after a copy, before it was adopted", COPYING, 100,
		  80, true, 0, BEGUN },
	};

	assert_ways(pairs, ARRAY_SIZE(pairs), HM_WAY_RESUME);
}

/* The backup has staged what was copied, or some of it; or has lost that. */
static void test_staged(void **state)
{
	static const struct pair resumes[] = {
		{ "a cut in the middle of a copy", COPYING | UNSYNCED, 100, 80,
		  true, STAGING, COVERED },
		{ "a cut after a copy, before it was adopted", COPYING, 100,
		  80, true, STAGING, COVERED },
		{ "a cut in the middle of a copy of everything",
		  COPYING | UNSYNCED, 100, 80, true, STAGING, NOT_COVERED },
	};
	static const struct pair copies[] = {
		{ "the primary has fallen behind since", UNSYNCED, 100, 80,
		  true, STAGING, COVERED },
		{ "the primary was loaded again", UNSYNCED, 0, 0, false,
		  STAGING, COVERED },
		{ "the backup was loaded again", COPYING, 100, 0, true, LOST,
		  COVERED },
	};

	assert_ways(resumes, ARRAY_SIZE(resumes), HM_WAY_RESUME);
	assert_ways(copies, ARRAY_SIZE(copies), HM_WAY_COPY);
}

static void test_begins_with_equals(void **state)
{
	static const struct pair pairs[] = {
		{ "roles exchanged", FIRST, 0, 0, false, 0, SAME },
		{ "roles exchanged, some written", FIRST, 100, 0, false, 0,
		  COVERED },
		{ "no position where none is needed", FIRST, 0, 0, false, LOST,
		  SAME },
	};

	assert_ways(pairs, ARRAY_SIZE(pairs), HM_WAY_BEGIN);
}

/* A fresh backup is equal only if the primary's bitmap says so. */
static void test_declared_equal(void **state)
{
	struct hm_hello primary = sample_hello();
	struct hm_hello fresh = { .version = HM_PROTOCOL_VERSION };

	primary.flags = FIRST;
	assert_int_equal(hm_judge_way(&primary, &fresh), HM_WAY_COPY_ALL);
	primary.lineage.covers_fresh = true;
	assert_int_equal(hm_judge_way(&primary, &fresh), HM_WAY_BEGIN);
	primary.last_seq = 0;
	assert_int_equal(hm_judge_way(&primary, &fresh), HM_WAY_BEGIN);
	/* All regions are dirty: nothing was declared. */
	primary.flags |= UNSYNCED;
	assert_int_equal(hm_judge_way(&primary, &fresh), HM_WAY_COPY);
}

/* The copy has ended, and only the backup's answer to that was lost. */
static void test_adopted(void **state)
{
	struct hm_hello primary = sample_hello(), backup = sample_hello();
	const u64 told = backup.lineage.generation[0];

	assert_true(hm_hello_adopted(&primary, &backup, told));
	assert_false(hm_hello_adopted(&primary, &backup, told + 1));
	backup.lineage.inconsistent = true;
	assert_false(hm_hello_adopted(&primary, &backup, told));
	backup.lineage.inconsistent = false;
	memset(backup.stream, 0, sizeof(backup.stream));
	assert_false(hm_hello_adopted(&primary, &backup, told));
	backup = sample_hello();
	memset(&backup.lineage, 0, sizeof(backup.lineage));
	assert_false(hm_hello_adopted(&primary, &backup, 0));
}

static void test_copies_what_differs(void **state)
{
	static const struct pair pairs[] = {
		{ "the primary fell behind", UNSYNCED, 100, 80, true, 0,
		  COVERED },
		{ "the backup lost its position", 0, 100, 80, true, LOST,
		  SAME },
		{ "likewise, in the middle of a copy", COPYING | UNSYNCED, 100,
		  80, true, LOST, BEGUN },
		{ "the backup was written", 0, 100, 80, true, DIRTY, SAME },
		{ "the backup was written, a stream begins", FIRST, 0, 0,
		  false, DIRTY, SAME },
		{ "what the backup had goes", FIRST, 0, 0, false, GIVES_UP,
		  LINEAGE(2, APART, NEWEST, OLDER) },
		{ "what both had since they were one", FIRST, 0, 0, false,
		  GIVES_UP | DIRTY, LINEAGE(2, APART, OLDER) },
		{ "a copy began of which the primary knows nothing", 0, 100,
		  80, true, 0, BEGUN },
		{ "a copy began in another stream", FIRST, 0, 0, false, 0,
		  BEGUN },
		{ "a copy began of which the backup knows nothing", COPYING,
		  100, 80, true, 0, COVERED },
		{ "the stream does not hold all, nobody followed it", 0, 100,
		  0, false, 0, SAME },
		{ "behind from the beginning", FIRST | UNSYNCED, 100, 0, false,
		  0, SAME },
	};

	assert_ways(pairs, ARRAY_SIZE(pairs), HM_WAY_COPY);
}

static void test_copies_everything(void **state)
{
	static const struct pair pairs[] = {
		{ "nothing of this mirror yet", 0, 100, 0, false, 0, FRESH },
		{ "likewise, from the first update on", FIRST, 0, 0, false, 0,
		  FRESH },
		{ "older than the bitmap reaches", 0, 100, 80, true, 0,
		  NOT_COVERED },
		{ "likewise, from the first update on", FIRST, 0, 0, false, 0,
		  NOT_COVERED },
		{ "another origin, given up", FIRST, 0, 0, false, GIVES_UP,
		  LINEAGE(1, APART) },
		{ "written apart for too long, given up", FIRST, 0, 0, false,
		  GIVES_UP, LINEAGE(1, APART, OLDER) },
		{ "put back to an older state of itself", 0, 100, 81, true, 0,
		  SAME },
		{ "likewise, in the middle of a copy", COPYING, 100, 81, true,
		  0, BEGUN },
		{ "likewise, to before the copy", COPYING, 100, 81, true, 0,
		  COVERED },
		{ "likewise, to the middle of a copy that has ended", 0, 100,
		  81, true, 0, BEGUN },
		{ "likewise, and it was written", 0, 100, 81, true, DIRTY,
		  SAME },
		{ "another backup has followed the stream", 0, 100, 80, false,
		  0, SAME },
		{ "another backup has, from the first update on", FIRST, 100,
		  80, false, 0, SAME },
		{ "likewise, and only the end is to be copied",
		  FIRST | UNSYNCED, 100, 80, false, 0, SAME },
		{ "another backup has, in the middle of a copy", COPYING, 100,
		  80, false, 0, BEGUN },
	};

	assert_ways(pairs, ARRAY_SIZE(pairs), HM_WAY_COPY_ALL);
}

static const struct hm_lineage lineages[] = {
	SAME, COVERED, NOT_COVERED, FRESH, BEGUN,
};

/* Everything that the two may say, but what no primary says at one time. */
static bool every_pair(struct pair *pair, unsigned int i)
{
	pair->primary = (i & 1 ? FIRST : 0) | (i & 2 ? UNSYNCED : 0) |
			(i & 4 ? COPYING : 0);
	pair->backup = (i & 8 ? DIRTY : 0) | (i & 16 ? GIVES_UP : 0) |
		       (i & 32 ? LOST : 0);
	pair->follows = i & 64;
	pair->last_seq = i & 128 ? 100 : 0;
	pair->durable = i & 256 ? 80 : 0;
	pair->lineage = lineages[(i >> 9) % ARRAY_SIZE(lineages)];
	return !(pair->primary & FIRST) || !(pair->primary & COPYING);
}

#define EVERY_PAIR	(ARRAY_SIZE(lineages) << 9)

/* Nothing is left out that only a copy could bring. */
static void test_order_is_enough(void **state)
{
	struct pair pair = { .words = "" };
	unsigned int i;
	enum hm_way way;
	bool copying;

	for (i = 0; i < EVERY_PAIR; i++) {
		if (!every_pair(&pair, i))
			continue;
		way = judge(&pair);
		if (way != HM_WAY_RESUME && way != HM_WAY_BEGIN)
			continue;
		copying = pair.primary & COPYING;
		assert_false(pair.backup & (DIRTY | GIVES_UP));
		assert_int_equal(pair.lineage.inconsistent, copying);
		assert_int_equal(pair.follows, way == HM_WAY_RESUME);
		assert_true(copying || !(pair.primary & UNSYNCED));
		if (way == HM_WAY_RESUME)
			assert_false(pair.backup & LOST);
		else
			assert_true((pair.primary & FIRST) && !pair.durable);
	}
}

/* Whatever a flag tells that is amiss never makes the way shorter. */
static void test_flags_never_shorten(void **state)
{
	static const u16 amiss[] = { DIRTY, LOST };
	struct pair pair = { .words = "" };
	enum hm_way way;
	unsigned int i, k;

	for (i = 0; i < EVERY_PAIR; i++) {
		if (!every_pair(&pair, i))
			continue;
		way = judge(&pair);
		for (k = 0; k < ARRAY_SIZE(amiss); k++) {
			every_pair(&pair, i);
			pair.backup |= amiss[k];
			assert_true(judge(&pair) >= way);
		}
		every_pair(&pair, i);
		pair.primary |= UNSYNCED;
		assert_true(judge(&pair) >= way);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resumes_in_order),
		cmocka_unit_test(test_staged),
		cmocka_unit_test(test_begins_with_equals),
		cmocka_unit_test(test_declared_equal),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_copies_what_differs),
		cmocka_unit_test(test_copies_everything),
		cmocka_unit_test(test_order_is_enough),
		cmocka_unit_test(test_flags_never_shorten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
