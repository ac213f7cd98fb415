// SPDX-License-Identifier: GPL-2.0-only
/* Generations: each rule, and each row of the table of hm_lineage_judge(). */
#include "hm-test.h"
#include "lineage.h"

#define LINE(c, ...)	((struct hm_lineage){ .generation = { __VA_ARGS__ }, .covered = (c) })
#define FULL(c)		LINE(c, 8, 7, 6, 5, 4, 3, 2, 1)

static const struct hm_lineage fresh;

static void assert_line(const struct hm_lineage *got, struct hm_lineage want)
{
	assert_memory_equal(got->generation, want.generation,
			    sizeof(want.generation));
	assert_int_equal(got->covered, want.covered);
	assert_int_equal(got->covers_fresh, want.covers_fresh);
	assert_int_equal(got->inconsistent, want.inconsistent);
	assert_true(hm_lineage_valid(got));
}

static void assert_judge(struct hm_lineage primary, struct hm_lineage backup,
			 enum hm_pairing want, enum hm_pairing given_up)
{
	assert_int_equal(hm_lineage_judge(&primary, &backup, false), want);
	assert_int_equal(hm_lineage_judge(&primary, &backup, true), given_up);
}

static void test_judge_fresh(void **state)
{
	struct hm_lineage p = LINE(1, 5);

	assert_judge(p, fresh, HM_PAIR_ALL, HM_PAIR_ALL);
	p.covers_fresh = true;
	assert_judge(p, fresh, HM_PAIR_SAME, HM_PAIR_SAME);
	assert_judge(fresh, p, HM_PAIR_UNRELATED, HM_PAIR_ALL);
	assert_judge(fresh, fresh, HM_PAIR_ALL, HM_PAIR_ALL);
}

static void test_judge_same(void **state)
{
	assert_judge(LINE(1, 5), LINE(1, 5), HM_PAIR_SAME, HM_PAIR_SAME);
	assert_judge(LINE(2, 6, 5), LINE(1, 5), HM_PAIR_SAME, HM_PAIR_SAME);
	assert_judge(LINE(1, 6, 5), LINE(1, 6, 5), HM_PAIR_SAME, HM_PAIR_SAME);
	assert_judge(FULL(8), LINE(1, 1), HM_PAIR_SAME, HM_PAIR_SAME);
	/* What the backup's list says beyond its newest is of no interest. */
	assert_judge(LINE(2, 6, 5), LINE(2, 5, 9), HM_PAIR_SAME, HM_PAIR_SAME);
}

static void test_judge_not_covered(void **state)
{
	assert_judge(LINE(1, 6, 5), LINE(1, 5), HM_PAIR_ALL, HM_PAIR_ALL);
	assert_judge(LINE(2, 7, 6, 5), LINE(1, 5), HM_PAIR_ALL, HM_PAIR_ALL);
	assert_judge(FULL(7), LINE(1, 1), HM_PAIR_ALL, HM_PAIR_ALL);
}

static void test_judge_outdated(void **state)
{
	assert_judge(LINE(1, 5), LINE(2, 6, 5), HM_PAIR_OUTDATED, HM_PAIR_SAME);
	assert_judge(LINE(1, 5), LINE(1, 6, 5), HM_PAIR_OUTDATED, HM_PAIR_ALL);
	assert_judge(LINE(1, 1), FULL(8), HM_PAIR_OUTDATED, HM_PAIR_SAME);
}

static void test_judge_diverged(void **state)
{
	assert_judge(LINE(2, 6, 5), LINE(2, 7, 5), HM_PAIR_DIVERGED,
		     HM_PAIR_SAME);
	assert_judge(LINE(1, 6, 5), LINE(2, 7, 5), HM_PAIR_DIVERGED,
		     HM_PAIR_ALL);
	assert_judge(LINE(2, 6, 5), LINE(1, 7, 5), HM_PAIR_DIVERGED,
		     HM_PAIR_ALL);
	/* The newest in common decides. */
	assert_judge(LINE(3, 9, 8, 5, 4), LINE(2, 7, 5, 4), HM_PAIR_DIVERGED,
		     HM_PAIR_SAME);
}

static void test_judge_unrelated(void **state)
{
	assert_judge(LINE(1, 5), LINE(1, 6), HM_PAIR_UNRELATED, HM_PAIR_ALL);
	/* Each within the other's past cannot be. */
	assert_judge(LINE(2, 6, 5), LINE(2, 5, 6), HM_PAIR_UNRELATED,
		     HM_PAIR_ALL);
}

static void test_found(void **state)
{
	struct hm_lineage l = FULL(3), want = LINE(1, 9);

	l.inconsistent = true;
	hm_lineage_found(&l, 9);
	want.covers_fresh = true;
	assert_line(&l, want);
	assert_false(hm_lineage_fresh(&l));
	assert_true(hm_lineage_fresh(&fresh));
}

static void test_write_apart(void **state)
{
	struct hm_lineage l = LINE(1, 1);
	u64 generation;

	for (generation = 2; generation <= 8; generation++) {
		hm_lineage_write_apart(&l, generation);
		assert_int_equal(l.covered, generation);
	}
	assert_line(&l, FULL(8));
	/* The list is full: the oldest goes, and with it what covered it. */
	hm_lineage_write_apart(&l, 9);
	assert_line(&l, LINE(8, 9, 8, 7, 6, 5, 4, 3, 2));
	assert_judge(l, LINE(1, 1), HM_PAIR_UNRELATED, HM_PAIR_ALL);
	assert_judge(l, LINE(1, 2), HM_PAIR_SAME, HM_PAIR_SAME);
	l = FULL(1);
	hm_lineage_write_apart(&l, 9);
	assert_line(&l, LINE(2, 9, 8, 7, 6, 5, 4, 3, 2));
}

static void test_met(void **state)
{
	struct hm_lineage l = LINE(4, 7, 6, 5, 4, 3), same = l;
	struct hm_lineage backup = LINE(1, 4);

	hm_lineage_met(&l, &backup);
	assert_line(&l, LINE(2, 7, 4, 3));
	assert_judge(l, backup, HM_PAIR_SAME, HM_PAIR_SAME);
	/* Nothing between the two; not covered; not known; fresh. */
	for (l = same, backup = LINE(1, 6); ; backup.generation[0]--) {
		if (backup.generation[0] == 5 || backup.generation[0] == 4)
			continue;
		hm_lineage_met(&l, &backup);
		assert_line(&l, same);
		if (!backup.generation[0])
			break;
	}
}

static void test_confirmed(void **state)
{
	struct hm_lineage l = LINE(3, 7, 6, 5);

	l.covers_fresh = true;
	hm_lineage_confirmed(&l);
	assert_line(&l, LINE(1, 7, 6, 5));
	assert_judge(l, LINE(1, 6), HM_PAIR_ALL, HM_PAIR_ALL);
}

static void test_copy_begins(void **state)
{
	struct hm_lineage p = LINE(2, 7, 6, 5), b = FULL(8);
	struct hm_lineage want = LINE(1, 6, 5);

	hm_lineage_copy_begins(&b, &p);
	want.inconsistent = true;
	assert_line(&b, want);
	/* Cut short, the primary's dirty regions still do. */
	assert_judge(p, b, HM_PAIR_SAME, HM_PAIR_SAME);
	hm_lineage_write_apart(&p, 8);
	assert_judge(p, b, HM_PAIR_SAME, HM_PAIR_SAME);
}

/* A long copy is cut short again and again, and the list is full. */
static void test_copy_begins_full(void **state)
{
	struct hm_lineage p = FULL(8), b = fresh;
	u64 generation;

	hm_lineage_copy_begins(&b, &p);
	for (generation = 9; generation < 15; generation++) {
		hm_lineage_write_apart(&p, generation);
		assert_judge(p, b, HM_PAIR_SAME, HM_PAIR_SAME);
	}
	/* What it was at stays: the primary has dropped all in between. */
	p = FULL(8);
	b = LINE(1, 4);
	hm_lineage_copy_begins(&b, &p);
	assert_int_equal(b.generation[0], 4);
	hm_lineage_met(&p, &b);
	assert_judge(p, b, HM_PAIR_SAME, HM_PAIR_SAME);
}

/* Promoted by force, it must not pass for what the primary became. */
static void test_copy_begins_forced(void **state)
{
	struct hm_lineage p = LINE(2, 6, 5), b = LINE(1, 6);

	hm_lineage_copy_begins(&b, &p);
	hm_lineage_promote(&b, 9);
	assert_judge(b, p, HM_PAIR_DIVERGED, HM_PAIR_SAME);
	assert_judge(p, b, HM_PAIR_DIVERGED, HM_PAIR_SAME);
}

static void test_adopt(void **state)
{
	struct hm_lineage p = LINE(3, 7, 6, 5), b = LINE(1, 5);

	p.covers_fresh = true;
	b.inconsistent = true;
	hm_lineage_adopt(&b, &p, 0);
	assert_line(&b, LINE(1, 7, 6, 5));
	assert_judge(p, b, HM_PAIR_SAME, HM_PAIR_SAME);
}

/* The generation that a stream began with, though others came since. */
static void test_adopt_origin(void **state)
{
	struct hm_lineage p = LINE(3, 7, 6, 5), b = fresh;

	hm_lineage_adopt(&b, &p, hm_lineage_find(&p, 6));
	assert_line(&b, LINE(1, 6, 5));
	assert_judge(p, b, HM_PAIR_SAME, HM_PAIR_SAME);
	/* Written there: it never had what the primary completed in 7. */
	hm_lineage_write_apart(&b, 9);
	assert_judge(p, b, HM_PAIR_DIVERGED, HM_PAIR_SAME);
	assert_int_equal(hm_lineage_find(&p, 4), HM_GENERATIONS);
	assert_int_equal(hm_lineage_find(&fresh, 5), HM_GENERATIONS);
}

/* A crash between the volumes while a backup is about to be told. */
static void test_untold(void **state)
{
	struct hm_lineage before = LINE(1, 5), told, l;

	hm_lineage_write_apart(&before, 6);
	assert_true(before.untold);
	told = before;
	hm_lineage_tell(&told);
	assert_false(told.untold);
	l = before;
	assert_true(hm_lineage_join(&l, &told) && !l.untold);
	l = told;
	assert_true(hm_lineage_join(&l, &before) && !l.untold);
	/* Begun on one volume only: nobody can have been told. */
	l = LINE(1, 5);
	assert_true(hm_lineage_join(&l, &before) && l.untold);
	l = before;
	assert_true(hm_lineage_join(&l, &LINE(1, 5)) && l.untold);
	hm_lineage_adopt(&l, &before, 0);
	assert_false(l.untold);
	/* One came late and was written alone meanwhile, under another name. */
	told = LINE(1, 5);
	hm_lineage_write_apart(&told, 7);
	l = before;
	assert_true(hm_lineage_join(&l, &told) && l.untold && l.covered == 2);
	/* What it is called by then the others adopted, and it with them. */
	hm_lineage_tell(&told);
	l = before;
	assert_true(hm_lineage_join(&l, &told) && l.untold);
	assert_line(&l, LINE(3, 6, 7, 5));
	l = told;
	assert_true(hm_lineage_join(&l, &before) && l.untold);
	assert_line(&l, LINE(3, 6, 7, 5));
	/* Both were told. */
	hm_lineage_tell(&before);
	l = before;
	assert_false(hm_lineage_join(&l, &told));
	assert_line(&l, before);
}

/* A blank disk in the place of the one that regions were copied to */
static void test_paired(void **state)
{
	struct hm_lineage p;

	hm_lineage_found(&p, 7);
	assert_judge(p, fresh, HM_PAIR_SAME, HM_PAIR_SAME);
	hm_lineage_paired(&p);
	assert_line(&p, LINE(1, 7));
	assert_judge(p, fresh, HM_PAIR_ALL, HM_PAIR_ALL);
}

static void test_promote(void **state)
{
	struct hm_lineage l = LINE(1, 5, 4);

	assert_false(hm_lineage_may_promote(&fresh, false));
	assert_false(hm_lineage_may_promote(&fresh, true));
	assert_true(hm_lineage_may_promote(&l, false));
	hm_lineage_promote(&l, 9);
	assert_line(&l, LINE(1, 5, 4));
	l.inconsistent = true;
	assert_false(hm_lineage_may_promote(&l, false));
	assert_true(hm_lineage_may_promote(&l, true));
	hm_lineage_promote(&l, 9);
	assert_line(&l, LINE(2, 9, 5, 4));
}

/* A crash between the writes of two volumes, seen from either. */
static void assert_join(struct hm_lineage before, struct hm_lineage after,
			struct hm_lineage want)
{
	struct hm_lineage l = before;

	assert_true(hm_lineage_join(&l, &after));
	assert_line(&l, want);
	l = after;
	assert_true(hm_lineage_join(&l, &before));
	assert_line(&l, want);
}

static void test_join(void **state)
{
	struct hm_lineage before = LINE(1, 5, 4), after = before, want;

	assert_join(before, before, before);
	hm_lineage_write_apart(&after, 6);
	assert_join(before, after, after);
	/* Confirmed on one volume only: its bitmap reaches back no more. */
	before = after;
	hm_lineage_confirmed(&after);
	assert_join(before, after, after);
	/* The list was full. */
	before = FULL(8);
	after = before;
	hm_lineage_write_apart(&after, 9);
	assert_join(before, after, after);
	/* Adopted on one volume only: the set is still inconsistent. */
	before = LINE(1, 5);
	before.inconsistent = true;
	after = before;
	want = LINE(2, 6, 5);
	hm_lineage_adopt(&after, &want, 0);
	want.inconsistent = true;
	want.covered = 1;
	assert_join(before, after, want);
	/* First paired on one volume only. */
	hm_lineage_found(&before, 7);
	after = before;
	hm_lineage_confirmed(&after);
	assert_join(before, after, after);
}

static void test_join_strangers(void **state)
{
	struct hm_lineage l = LINE(1, 5), other = LINE(1, 6), none = fresh;

	assert_false(hm_lineage_join(&l, &other));
	assert_line(&l, LINE(1, 5));
	assert_false(hm_lineage_join(&l, &fresh));
	assert_false(hm_lineage_join(&none, &l));
	/* Written apart from each other. */
	l = LINE(2, 6, 5);
	other = LINE(2, 7, 5);
	assert_false(hm_lineage_join(&l, &other));
}

/* One volume, written alone, had not been told what the others adopted. */
static void test_join_late(void **state)
{
	struct hm_lineage alone = LINE(2, 6, 5, 4), adopted = LINE(1, 7, 5, 4);
	struct hm_lineage want = LINE(2, 6, 7, 5, 4);

	alone.untold = true;
	/* Its bitmap names what changed since 5, theirs since 7. */
	assert_join(alone, adopted, want);
	adopted.inconsistent = true;
	want.inconsistent = true;
	assert_join(alone, adopted, want);
	alone = LINE(1, 6, 5, 4);
	alone.untold = true;
	adopted = LINE(3, 7, 5, 4);
	assert_join(alone, adopted, LINE(2, 6, 7, 5, 4));
	/* Written alone on top of what nobody else has been. */
	alone = LINE(2, 6, 8);
	alone.untold = true;
	assert_false(hm_lineage_join(&alone, &adopted));
	assert_line(&alone, LINE(2, 6, 8));
}

static void assert_join_backup(struct hm_lineage l, struct hm_lineage other,
			       enum hm_joining want, struct hm_lineage after)
{
	assert_int_equal(hm_lineage_join_backup(&l, &other), want);
	assert_line(&l, after);
}

static void test_join_backup(void **state)
{
	struct hm_lineage known = LINE(1, 5), unsure = known;
	struct hm_lineage other = LINE(1, 8, 7), copying = other;
	struct hm_lineage apart = known;

	unsure.inconsistent = true;
	copying.inconsistent = true;
	hm_lineage_write_apart(&apart, 6);
	assert_join_backup(fresh, fresh, HM_JOINED, fresh);
	assert_join_backup(known, known, HM_JOINED, known);
	assert_join_backup(known, fresh, HM_JOINED_WHOLE, unsure);
	assert_join_backup(fresh, known, HM_JOINED_OTHERS_WHOLE, unsure);
	assert_join_backup(known, other, HM_JOIN_REFUSED, known);
	/* A copy from elsewhere had begun on some. */
	assert_join_backup(known, copying, HM_JOINED, fresh);
	assert_join_backup(copying, known, HM_JOINED, fresh);
	/* Unless one holds what nobody was told of. */
	assert_join_backup(apart, copying, HM_JOIN_REFUSED, apart);
	assert_join_backup(copying, apart, HM_JOIN_REFUSED, copying);
}

static void test_valid(void **state)
{
	struct hm_lineage l = fresh;

	assert_true(hm_lineage_valid(&l));
	l.covered = 1;
	assert_false(hm_lineage_valid(&l));
	l = FULL(8);
	assert_true(hm_lineage_valid(&l));
	l.covered = 9;
	assert_false(hm_lineage_valid(&l));
	l.covered = 0;
	assert_false(hm_lineage_valid(&l));
	l.covered = 8;
	l.generation[7] = 0;
	assert_false(hm_lineage_valid(&l));
	l.covered = 7;
	assert_true(hm_lineage_valid(&l));
	/* A gap */
	l.generation[2] = 0;
	l.covered = 2;
	assert_false(hm_lineage_valid(&l));
	l = fresh;
	l.generation[7] = 1;
	assert_false(hm_lineage_valid(&l));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_fresh),
		cmocka_unit_test(test_judge_same),
		cmocka_unit_test(test_judge_not_covered),
		cmocka_unit_test(test_judge_outdated),
		cmocka_unit_test(test_judge_diverged),
		cmocka_unit_test(test_judge_unrelated),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_write_apart),
		cmocka_unit_test(test_met),
		cmocka_unit_test(test_confirmed),
		cmocka_unit_test(test_copy_begins),
		cmocka_unit_test(test_copy_begins_full),
		cmocka_unit_test(test_copy_begins_forced),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_adopt_origin),
		cmocka_unit_test(test_paired),
		cmocka_unit_test(test_untold),
		cmocka_unit_test(test_promote),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_join_strangers),
		cmocka_unit_test(test_join_late),
		cmocka_unit_test(test_join_backup),
		cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
