// SPDX-License-Identifier: GPL-2.0-only
/* The backup's half of the stream: flushes, and what is durable when. */
#include "hm-apply-test.h"

static void test_volatile(void **state)
{
	struct flow *f = flow_init(true);

	receive(f, 0, 1);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_at(f, 1, 1, 0);
	assert_false(hm_apply_drained(&f->a));
	/* A plain group boundary flushes nothing. */
	receive(f, 1, 2);
	assert_issues(f, 1);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	assert_waits(f);
	/* It covers what was applied when it was begun. */
	done(f, 1, true);
	flush_done(f, true);
	assert_at(f, 2, 2, 1);
	assert_int_equal(f->a.durable_group, 1);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	flush_done(f, true);
	assert_at(f, 2, 2, 2);
	assert_true(hm_apply_drained(&f->a));
	hm_apply_want_flush(&f->a);
	assert_waits(f);
}

static void flush_waits(bool volatile_cache)
{
	struct flow *f = flow_init(volatile_cache);

	receive(f, 0, 1);
	receive_flush(f, 1, 1);
	receive(f, 2, 1);
	receive(f, 3, 2);
	assert_issues(f, 0);
	/* Members of the group need not wait for its flush. */
	assert_issues(f, 2);
	assert_waits(f);
	done(f, 2, true);
	assert_waits(f);
	done(f, 0, true);
	assert_flushes(f);
	assert_waits(f);
	assert_false(hm_apply_quiet(&f->a));
	flush_done(f, true);
	assert_int_equal(f->a.at.applied, 3);
}

static void test_flush(void **state)
{
	struct flow *f = &flow;

	flush_waits(false);
	assert_at(f, 4, 3, 3);
	assert_issues(f, 3);
	/* With a cache the flush covers what was done before it began. */
	flush_waits(true);
	assert_at(f, 4, 3, 3);
	assert_issues(f, 3);
}

/* One flush serves all flushes that have only done updates before them. */
static void test_flushes_merge(void **state)
{
	struct flow *f = flow_init(true);

	receive(f, 0, 1);
	receive_flush(f, 1, 1);
	receive(f, 2, 1);
	receive_flush(f, 3, 1);
	assert_issues(f, 0);
	assert_issues(f, 2);
	done(f, 2, true);
	done(f, 0, true);
	assert_flushes(f);
	flush_done(f, true);
	assert_at(f, 4, 4, 4);
	assert_waits(f);
}

static void test_flush_alone(void **state)
{
	struct flow *f = flow_init(true);

	receive_flush(f, 0, 1);
	receive(f, 1, 2);
	assert_flushes(f);
	assert_waits(f);
	flush_done(f, true);
	/* It leaves nothing that the boundary would have to flush. */
	assert_at(f, 2, 1, 1);
	assert_int_equal(f->a.durable_group, 1);
	assert_issues(f, 1);
}

/* Flushes of several volumes side by side are one. */
static void test_flush_volumes(void **state)
{
	struct flow *f = flow_init(true);

	f->u[1].volume = 1;
	receive(f, 0, 1);
	receive(f, 1, 1);
	receive_flush(f, 2, 2);
	f->u[3] = sample_flush();
	f->u[3].seq = 4;
	f->u[3].volume = 1;
	receive(f, 3, 2);
	assert_issues(f, 0);
	assert_issues(f, 1);
	assert_waits(f);
	done(f, 0, true);
	done(f, 1, true);
	assert_flushes(f);
	assert_retired(f, &f->u[0], &f->u[1]);
	flush_done(f, true);
	assert_retired(f, &f->u[2], &f->u[3]);
	assert_at(f, 4, 4, 4);
	assert_waits(f);
	assert_true(hm_apply_drained(&f->a));
}

/* A flush that arrives while one is running needs another one. */
static void test_flush_later(void **state)
{
	struct flow *f = flow_init(true);

	receive_flush(f, 0, 1);
	assert_flushes(f);
	receive_flush(f, 1, 1);
	assert_waits(f);
	flush_done(f, true);
	assert_at(f, 2, 1, 1);
	assert_flushes(f);
	flush_done(f, true);
	assert_at(f, 2, 2, 2);
}

static void test_flush_during_wanted(void **state)
{
	struct flow *f = flow_init(true);

	receive(f, 0, 1);
	assert_issues(f, 0);
	done(f, 0, true);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	receive_flush(f, 1, 2);
	assert_waits(f);
	flush_done(f, true);
	assert_at(f, 2, 1, 1);
	assert_flushes(f);
	flush_done(f, true);
	assert_at(f, 2, 2, 2);
	assert_waits(f);
}

/* What is ready may have no end: a flush does not wait for it. */
static void test_flush_before_ready(void **state)
{
	struct flow *f = flow_init(true);

	receive(f, 0, 1);
	receive(f, 1, 1);
	assert_issues(f, 0);
	done(f, 0, true);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	assert_issues(f, 1);
	flush_done(f, true);
	assert_at(f, 2, 1, 1);
}

static void test_fua_boundary(void **state)
{
	struct flow *f = flow_init(true);

	f->u[0].flags = HM_FUA;
	receive(f, 0, 1);
	receive(f, 1, 2);
	receive(f, 2, 3);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_flushes(f);
	assert_waits(f);
	flush_done(f, true);
	assert_at(f, 3, 1, 1);
	assert_issues(f, 1);
	/* The next group holds neither. */
	done(f, 1, true);
	assert_issues(f, 2);
}

static void test_every_group(void **state)
{
	struct flow *f = flow_init(true);

	f->a.every_group_durable = true;
	receive(f, 0, 1);
	assert_issues(f, 0);
	done(f, 0, true);
	/* No need as long as nothing follows. */
	assert_waits(f);
	receive(f, 1, 1);
	assert_issues(f, 1);
	receive(f, 2, 2);
	assert_waits(f);
	done(f, 1, true);
	assert_flushes(f);
	assert_waits(f);
	flush_done(f, true);
	assert_at(f, 3, 2, 2);
	assert_issues(f, 2);
}

/* The running flush does not cover all that the boundary needs. */
static void test_boundary_needs_another(void **state)
{
	struct flow *f = flow_init(true);

	f->a.every_group_durable = true;
	receive(f, 0, 1);
	receive(f, 1, 1);
	receive(f, 2, 2);
	assert_issues(f, 0);
	assert_issues(f, 1);
	done(f, 0, true);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	done(f, 1, true);
	assert_waits(f);
	flush_done(f, true);
	assert_at(f, 3, 2, 1);
	assert_flushes(f);
	flush_done(f, true);
	assert_at(f, 3, 2, 2);
	assert_issues(f, 2);
}

static void test_no_boundary_without_cache(void **state)
{
	struct flow *f = flow_init(false);

	f->a.every_group_durable = true;
	f->u[0].flags = HM_FUA;
	receive(f, 0, 1);
	receive(f, 1, 2);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_issues(f, 1);
}

static void test_flush_failed(void **state)
{
	struct flow *f = flow_init(true);

	receive(f, 0, 1);
	receive_flush(f, 1, 2);
	receive(f, 2, 3);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_flushes(f);
	flush_done(f, false);
	assert_true(f->a.suspended);
	assert_at(f, 3, 1, 0);
	assert_waits(f);
	hm_apply_retry(&f->a);
	assert_flushes(f);
	flush_done(f, true);
	assert_at(f, 3, 2, 2);
	assert_issues(f, 2);
}

static void test_boundary_flush_failed(void **state)
{
	struct flow *f = flow_init(true);

	f->a.every_group_durable = true;
	receive(f, 0, 1);
	receive(f, 1, 2);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_flushes(f);
	flush_done(f, false);
	assert_waits(f);
	hm_apply_retry(&f->a);
	assert_flushes(f);
	flush_done(f, true);
	assert_issues(f, 1);
}

/* A flush runs on while a write fails: what it did counts. */
static void test_flush_survives_failure(void **state)
{
	struct flow *f = flow_init(true);

	receive(f, 0, 1);
	receive(f, 1, 1);
	receive_flush(f, 2, 1);
	assert_issues(f, 0);
	assert_issues(f, 1);
	done(f, 0, true);
	hm_apply_want_flush(&f->a);
	assert_flushes(f);
	done(f, 1, false);
	flush_done(f, true);
	assert_at(f, 3, 1, 1);
	assert_waits(f);
	hm_apply_retry(&f->a);
	assert_issues(f, 1);
	done(f, 1, true);
	assert_flushes(f);
	flush_done(f, true);
	assert_at(f, 3, 3, 3);
	assert_true(hm_apply_drained(&f->a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volatile),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_flushes_merge),
		cmocka_unit_test(test_flush_alone),
		cmocka_unit_test(test_flush_volumes),
		cmocka_unit_test(test_flush_later),
		cmocka_unit_test(test_flush_during_wanted),
		cmocka_unit_test(test_flush_before_ready),
		cmocka_unit_test(test_fua_boundary),
		cmocka_unit_test(test_every_group),
		cmocka_unit_test(test_boundary_needs_another),
		cmocka_unit_test(test_no_boundary_without_cache),
		cmocka_unit_test(test_flush_failed),
		cmocka_unit_test(test_boundary_flush_failed),
		cmocka_unit_test(test_flush_survives_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
