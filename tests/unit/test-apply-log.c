// SPDX-License-Identifier: GPL-2.0-only
/* The backup's half of the stream, when a log keeps the order. */
#include "hm-apply-test.h"

static struct flow *log_init(bool volatile_cache)
{
	struct flow *f = flow_init(volatile_cache);

	hm_apply_use_log(&f->a, true, 100);
	return f;
}

/* The core wants an append that begins with update i; it goes on to last. */
static void begin(struct flow *f, unsigned int i, unsigned int last)
{
	struct hm_update *got = NULL;

	assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_LOG);
	assert_ptr_equal(got, &f->u[i]);
	assert_int_equal(got->state, HM_B_HELD);
	hm_apply_log_begin(&f->a, &f->u[last]);
}

static void logged(struct flow *f, bool ok, u64 start, u64 end)
{
	hm_apply_log_done(&f->a, ok, start, end, &f->retired);
}

static void append(struct flow *f, unsigned int i, unsigned int last,
		   u64 start, u64 end)
{
	begin(f, i, last);
	logged(f, true, start, end);
}

#define assert_place(p, s, g, l) do {				\
	assert_true((p).seq == (s));				\
	assert_true((p).group == (g));				\
	assert_true((p).log == (l));				\
} while (0)

static void test_logged_first(void **state)
{
	struct flow *f = log_init(false);

	receive(f, 0, 3);
	assert_at(f, 1, 0, 0);
	begin(f, 0, 0);
	assert_waits(f);
	assert_false(hm_apply_quiet(&f->a));
	logged(f, true, 100, 102);
	/* It need not be performed to be applied and durable. */
	assert_at(f, 1, 1, 1);
	assert_int_equal(f->a.applied_group, 3);
	assert_int_equal(f->a.durable_group, 3);
	assert_place(f->a.clean, 0, 0, 100);
	assert_false(hm_apply_drained(&f->a));
	assert_issues(f, 0);
	assert_waits(f);
	done(f, 0, true);
	assert_place(f->a.placed, 1, 3, 102);
	assert_place(f->a.clean, 1, 3, 102);
	assert_retired(f, &f->u[0]);
	assert_true(hm_apply_drained(&f->a));
}

static void test_one_append_while_the_next_gathers(void **state)
{
	struct flow *f = log_init(false);

	receive(f, 0, 1);
	begin(f, 0, 0);
	receive(f, 1, 2);
	receive(f, 2, 3);
	receive(f, 3, 4);
	assert_waits(f);
	logged(f, true, 100, 102);
	assert_at(f, 4, 1, 1);
	begin(f, 1, 2);
	/* What is in the log is performed meanwhile. */
	assert_issues(f, 0);
	assert_waits(f);
	logged(f, true, 102, 105);
	assert_at(f, 4, 3, 3);
	begin(f, 3, 3);
	/* Groups are no matter. */
	assert_issues(f, 1);
	assert_issues(f, 2);
	assert_waits(f);
}

/* While more arrive, an append waits until it is worth it. */
static void test_worth_it(void **state)
{
	static struct hm_update many[40];
	struct flow *f = log_init(false);
	struct hm_update *got;
	unsigned int i;

	hm_apply_log_wait(&f->a, true);
	receive(f, 0, 1);
	assert_waits(f);
	assert_false(hm_apply_more(&f->a));
	/* Nothing more for now. */
	hm_apply_log_wait(&f->a, false);
	assert_true(hm_apply_more(&f->a));
	append(f, 0, 0, 100, 102);
	assert_int_equal(f->a.unlogged, 0);
	assert_issues(f, 0);
	/* Many */
	hm_apply_log_wait(&f->a, true);
	for (i = 0; i < 32; i++) {
		assert_waits(f);
		many[i] = sample_write(1000 + 8 * i);
		many[i].seq = 2 + i;
		many[i].group = 2;
		assert_true(hm_apply_receive(&f->a, &many[i]));
	}
	assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_LOG);
	hm_apply_log_begin(&f->a, &many[31]);
	logged(f, true, 102, 140);
	assert_int_equal(f->a.unlogged, 0);
	for (i = 0; i < 32; i++)
		assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_ISSUE);
	/* Large ones */
	many[32] = sample_write(4096);
	many[32].sectors = 512;
	many[32].seq = 34;
	many[32].group = 2;
	assert_true(hm_apply_receive(&f->a, &many[32]));
	assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_LOG);
}

static void test_place_is_in_sequence(void **state)
{
	struct flow *f = log_init(false);

	receive(f, 0, 1);
	receive(f, 1, 1);
	receive(f, 2, 1);
	append(f, 0, 1, 100, 103);
	append(f, 2, 2, 103, 105);
	assert_issues(f, 0);
	assert_issues(f, 1);
	assert_issues(f, 2);
	done(f, 2, true);
	assert_place(f->a.placed, 0, 0, 100);
	done(f, 0, true);
	/* Half of an append: all of it has to stay in the log. */
	assert_place(f->a.placed, 1, 1, 100);
	assert_place(f->a.clean, 1, 1, 100);
	done(f, 1, true);
	assert_place(f->a.clean, 3, 1, 105);
	assert_retired(f, &f->u[0], &f->u[1], &f->u[2]);
}

static void test_clean_after_a_flush(void **state)
{
	struct flow *f = log_init(true);

	receive(f, 0, 1);
	receive(f, 1, 2);
	append(f, 0, 0, 100, 102);
	append(f, 1, 1, 102, 104);
	assert_issues(f, 0);
	assert_issues(f, 1);
	done(f, 0, true);
	assert_at(f, 2, 2, 2);
	assert_place(f->a.placed, 1, 1, 102);
	assert_place(f->a.clean, 0, 0, 100);
	/* Nothing but the log's room asks for one. */
	assert_waits(f);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	done(f, 1, true);
	flush_done(f, true);
	/* It covers what had been performed when it began. */
	assert_place(f->a.placed, 2, 2, 104);
	assert_place(f->a.clean, 1, 1, 102);
	assert_false(hm_apply_drained(&f->a));
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	flush_done(f, true);
	assert_place(f->a.clean, 2, 2, 104);
	assert_true(hm_apply_drained(&f->a));
	hm_apply_want_flush(&f->a);
	assert_waits(f);
}

static void test_flush_that_fails(void **state)
{
	struct flow *f = log_init(true);

	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	assert_issues(f, 0);
	done(f, 0, true);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	flush_done(f, false);
	assert_true(f->a.suspended);
	assert_place(f->a.clean, 0, 0, 100);
	assert_waits(f);
	hm_apply_retry(&f->a);
	assert_flushes(f);
	flush_done(f, true);
	assert_place(f->a.clean, 1, 1, 102);
}

/* A flush of the application is done once it is in the log. */
static void test_flush_record(void **state)
{
	struct flow *f = log_init(true);

	receive(f, 0, 1);
	receive_flush(f, 1, 2);
	receive_flush(f, 2, 2);
	append(f, 0, 2, 100, 102);
	assert_at(f, 3, 3, 3);
	assert_issues(f, 0);
	assert_waits(f);
	done(f, 0, true);
	assert_place(f->a.placed, 3, 2, 102);
	assert_retired(f, &f->u[0], &f->u[1], &f->u[2]);
	/* Alone it is not even performed. */
	receive_flush(f, 3, 2);
	append(f, 3, 3, 102, 103);
	assert_place(f->a.placed, 4, 2, 103);
}

static void test_overlaps_in_order(void **state)
{
	struct flow *f = log_init(false);

	f->u[1].sector = 4;
	receive(f, 0, 1);
	receive(f, 1, 2);
	append(f, 0, 1, 100, 103);
	assert_issues(f, 0);
	assert_waits(f);
	done(f, 0, true);
	assert_issues(f, 1);
}

/* A later update that covers one which waits makes it void. */
static void test_fold(void **state)
{
	struct flow *f = log_init(false);
	unsigned int i;

	for (i = 1; i < 4; i++)
		f->u[i].sector = 0;
	for (i = 0; i < 4; i++)
		receive(f, i, i + 1);
	append(f, 0, 0, 100, 102);
	begin(f, 1, 3);
	assert_issues(f, 0);
	logged(f, true, 102, 106);
	assert_int_equal(f->u[1].state, HM_B_DONE);
	assert_int_equal(f->u[2].state, HM_B_DONE);
	assert_waits(f);
	done(f, 0, true);
	assert_place(f->a.placed, 3, 3, 102);
	assert_issues(f, 3);
	done(f, 3, true);
	assert_place(f->a.placed, 4, 4, 106);
	assert_retired(f, &f->u[0], &f->u[1], &f->u[2], &f->u[3]);
	assert_true(hm_apply_drained(&f->a));
}

/* One that is ready and was not given out yet is void as well. */
static void test_fold_what_is_ready(void **state)
{
	struct flow *f = log_init(false);

	f->u[1].sector = 0;
	f->u[1].sectors = 16;
	receive(f, 0, 1);
	receive(f, 1, 2);
	append(f, 0, 1, 100, 104);
	assert_issues(f, 1);
	assert_waits(f);
	done(f, 1, true);
	assert_place(f->a.placed, 2, 2, 104);
}

static void test_no_fold_of_more(void **state)
{
	struct flow *f = log_init(false);

	f->u[0].sectors = 16;
	f->u[1].sector = 0;
	f->u[2].volume = 1;
	f->u[2].sector = 0;
	receive(f, 0, 1);
	receive(f, 1, 2);
	receive(f, 2, 3);
	append(f, 0, 2, 100, 104);
	assert_issues(f, 0);
	assert_issues(f, 2);
	assert_waits(f);
	done(f, 0, true);
	assert_issues(f, 1);
}

static void test_append_that_fails(void **state)
{
	struct flow *f = log_init(false);

	receive(f, 0, 1);
	receive(f, 1, 1);
	begin(f, 0, 1);
	receive(f, 2, 1);
	logged(f, false, 100, 104);
	assert_true(f->a.suspended);
	assert_at(f, 3, 0, 0);
	assert_waits(f);
	assert_true(hm_apply_quiet(&f->a));
	hm_apply_retry(&f->a);
	append(f, 0, 2, 100, 104);
	assert_at(f, 3, 3, 3);
}

static void test_update_that_fails(void **state)
{
	struct flow *f = log_init(false);

	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	assert_issues(f, 0);
	receive(f, 1, 2);
	done(f, 0, false);
	assert_true(f->a.suspended);
	/* Nothing more is appended, either. */
	assert_waits(f);
	assert_place(f->a.placed, 0, 0, 100);
	hm_apply_retry(&f->a);
	begin(f, 1, 1);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_place(f->a.clean, 1, 1, 102);
}

static void test_full(void **state)
{
	struct flow *f = log_init(false);
	struct hm_update *got = NULL;

	receive(f, 0, 1);
	assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_LOG);
	hm_apply_log_full(&f->a);
	assert_waits(f);
	assert_false(hm_apply_drained(&f->a));
	receive(f, 1, 1);
	assert_waits(f);
	hm_apply_log_room(&f->a);
	append(f, 0, 1, 100, 103);
	assert_at(f, 2, 2, 2);
}

static void test_jump_keeps_the_log(void **state)
{
	struct flow *f = log_init(false);

	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	assert_issues(f, 0);
	done(f, 0, true);
	hm_apply_jump(&f->a, 40, 9);
	assert_true(f->a.logged);
	assert_place(f->a.clean, 40, 9, 102);
	assert_true(hm_apply_drained(&f->a));
	f->u[1].seq = 41;
	receive(f, 1, 10);
	append(f, 1, 1, 102, 104);
	assert_at(f, 41, 41, 41);
}

/* From groups to a log and back, each when all is done. */
static void test_change(void **state)
{
	struct flow *f = flow_init(false);

	receive(f, 0, 1);
	assert_issues(f, 0);
	done(f, 0, true);
	hm_apply_use_log(&f->a, true, 7);
	assert_place(f->a.clean, 1, 1, 7);
	receive(f, 1, 2);
	append(f, 1, 1, 7, 9);
	assert_issues(f, 1);
	done(f, 1, true);
	assert_true(hm_apply_drained(&f->a));
	hm_apply_use_log(&f->a, false, 0);
	receive(f, 2, 2);
	receive(f, 3, 3);
	assert_issues(f, 2);
	assert_waits(f);
	done(f, 2, true);
	assert_at(f, 4, 3, 3);
	assert_issues(f, 3);
}

/* Part of it may be on the medium: nothing else may come in its place. */
static void test_refused_append_is_done_again(void **state)
{
	struct flow *f = log_init(false);

	receive(f, 0, 1);
	receive(f, 1, 1);
	begin(f, 0, 1);
	receive(f, 2, 1);
	logged(f, false, 100, 102);
	assert_at(f, 3, 0, 0);
	assert_waits(f);
	assert_false(hm_apply_more(&f->a));
	hm_apply_retry(&f->a);
	assert_true(hm_apply_more(&f->a));
	assert_true(hm_apply_log_takes(&f->a, &f->u[1]));
	assert_false(hm_apply_log_takes(&f->a, &f->u[2]));
	append(f, 0, 1, 100, 102);
	assert_at(f, 3, 2, 2);
	assert_true(hm_apply_log_takes(&f->a, &f->u[2]));
	/* Another log knows nothing of it. */
	begin(f, 2, 2);
	logged(f, false, 102, 104);
	hm_apply_jump(&f->a, 3, 1);
	assert_false(f->a.log_refused);
}

/* With a disk that does not get on, what is in memory has a bound. */
static void test_not_too_far_ahead(void **state)
{
	struct hm_update far = { .seq = 1 + 8192 };
	struct flow *f = log_init(false);

	assert_false(hm_apply_log_takes(&f->a, &far));
	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	assert_false(hm_apply_log_takes(&f->a, &far));
	assert_issues(f, 0);
	done(f, 0, true);
	assert_true(hm_apply_log_takes(&f->a, &far));
}

/* What was performed cannot be told: it suspends, and goes on when it can. */
static void test_stuck(void **state)
{
	struct flow *f = log_init(false);
	struct hm_update *got;

	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	assert_issues(f, 0);
	done(f, 0, true);
	receive(f, 1, 1);
	assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_LOG);
	hm_apply_log_full(&f->a);
	hm_apply_log_stuck(&f->a);
	assert_waits(f);
	assert_true(hm_apply_quiet(&f->a));
	hm_apply_retry(&f->a);
	assert_waits(f);
	hm_apply_log_room(&f->a);
	append(f, 1, 1, 102, 104);
	assert_at(f, 2, 2, 2);
}

/* Nothing of it is performed, however much it is. */
static void test_stage(void **state)
{
	struct flow *f = log_init(true);

	hm_apply_stage(&f->a);
	receive(f, 0, 3);
	/* It overlaps the first one, and holds a flush. */
	f->u[1].sector = f->u[0].sector;
	receive(f, 1, 3);
	f->u[2].kind = HM_FLUSH;
	f->u[2].sectors = 0;
	receive(f, 2, 4);
	append(f, 0, 2, 100, 104);
	assert_at(f, 3, 3, 3);
	assert_retired(f, &f->u[0], &f->u[1], &f->u[2]);
	assert_waits(f);
	hm_apply_want_flush(&f->a);
	assert_waits(f);
	assert_place(f->a.placed, 0, 0, 100);
	assert_place(f->a.clean, 0, 0, 100);
	assert_true(hm_apply_drained(&f->a));
	/* What comes before it is performed waits. */
	hm_apply_unstage(&f->a, 104);
	assert_false(hm_apply_drained(&f->a));
	receive(f, 3, 5);
	append(f, 3, 3, 104, 106);
	assert_at(f, 4, 4, 4);
	assert_waits(f);
	receive(f, 4, 5);
	assert_true(hm_apply_more(&f->a));
	hm_apply_unstaged(&f->a, &f->retired);
	assert_place(f->a.placed, 3, 4, 104);
	assert_place(f->a.clean, 3, 4, 104);
	append(f, 4, 4, 106, 108);
	assert_issues(f, 3);
	assert_issues(f, 4);
	done(f, 3, true);
	assert_place(f->a.placed, 4, 5, 106);
	done(f, 4, true);
	assert_place(f->a.placed, 5, 5, 108);
	assert_retired(f, &f->u[3], &f->u[4]);
}

/* A flush that came meanwhile is done with that. */
static void test_flush_while_unstaging(void **state)
{
	struct flow *f = log_init(false);

	hm_apply_stage(&f->a);
	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	assert_retired(f, &f->u[0]);
	hm_apply_unstage(&f->a, 102);
	f->u[1].kind = HM_FLUSH;
	f->u[1].sectors = 0;
	receive(f, 1, 2);
	append(f, 1, 1, 102, 103);
	assert_at(f, 2, 2, 2);
	assert_waits(f);
	hm_apply_unstaged(&f->a, &f->retired);
	assert_retired(f, &f->u[1]);
	assert_place(f->a.placed, 2, 2, 103);
	assert_true(hm_apply_drained(&f->a));
}

/* More than may be between what is performed and what is appended otherwise */
static void test_stage_very_much(void **state)
{
	static struct hm_update many[8200];
	struct flow *f = log_init(false);
	struct hm_update *got;
	unsigned int i;

	hm_apply_stage(&f->a);
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = sample_write(8 * i);
		many[i].seq = 1 + i;
		many[i].group = 1 + i;
		assert_true(hm_apply_receive(&f->a, &many[i]));
		assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_LOG);
		assert_ptr_equal(got, &many[i]);
		hm_apply_log_begin(&f->a, &many[i]);
		logged(f, true, 100 + 2 * i, 102 + 2 * i);
	}
	assert_waits(f);
	/* But what comes while it is performed is not very much. */
	hm_apply_unstage(&f->a, 100 + 2 * i);
	f->u[0].seq = 1 + i;
	assert_true(hm_apply_log_takes(&f->a, &f->u[0]));
	f->u[0].seq = 1 + i + 1024;
	assert_false(hm_apply_log_takes(&f->a, &f->u[0]));
	INIT_LIST_HEAD(&f->retired);
}

/* It does not fit: what is there is performed, the rest goes the usual way. */
static void test_stage_full(void **state)
{
	struct flow *f = log_init(false);
	struct hm_update *got;

	hm_apply_stage(&f->a);
	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	receive(f, 1, 2);
	assert_int_equal(hm_apply_next(&f->a, &got), HM_APPLY_LOG);
	hm_apply_log_full(&f->a);
	hm_apply_unstage(&f->a, 102);
	assert_true(hm_apply_quiet(&f->a));
	assert_waits(f);
	hm_apply_unstaged(&f->a, &f->retired);
	assert_waits(f);
	hm_apply_log_room(&f->a);
	append(f, 1, 1, 102, 104);
	assert_issues(f, 1);
}

/* A jump, or another log, and what was staged is forgotten. */
static void test_stage_dropped(void **state)
{
	struct flow *f = log_init(false);

	hm_apply_stage(&f->a);
	receive(f, 0, 1);
	append(f, 0, 0, 100, 102);
	hm_apply_jump(&f->a, 10, 0);
	assert_false(f->a.staging);
	hm_apply_stage(&f->a);
	hm_apply_unstage(&f->a, 100);
	hm_apply_use_log(&f->a, true, 100);
	assert_false(f->a.staging);
	assert_false(f->a.unstaging);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logged_first),
		cmocka_unit_test(test_one_append_while_the_next_gathers),
		cmocka_unit_test(test_worth_it),
		cmocka_unit_test(test_place_is_in_sequence),
		cmocka_unit_test(test_clean_after_a_flush),
		cmocka_unit_test(test_flush_that_fails),
		cmocka_unit_test(test_flush_record),
		cmocka_unit_test(test_overlaps_in_order),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_what_is_ready),
		cmocka_unit_test(test_no_fold_of_more),
		cmocka_unit_test(test_append_that_fails),
		cmocka_unit_test(test_update_that_fails),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_jump_keeps_the_log),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_refused_append_is_done_again),
		cmocka_unit_test(test_not_too_far_ahead),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_stage),
		cmocka_unit_test(test_flush_while_unstaging),
		cmocka_unit_test(test_stage_very_much),
		cmocka_unit_test(test_stage_full),
		cmocka_unit_test(test_stage_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
