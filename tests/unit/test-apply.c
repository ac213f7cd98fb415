// SPDX-License-Identifier: GPL-2.0-only
/* The backup's half of the stream: groups, overlaps, refusals, failures. */
#include "hm-apply-test.h"

static void test_one(void **state)
{
	struct flow *f = flow_init(false);

	assert_true(hm_apply_quiet(&f->a));
	assert_true(hm_apply_drained(&f->a));
	receive(f, 0, 1);
	assert_at(f, 1, 0, 0);
	assert_false(hm_apply_drained(&f->a));
	assert_issues(f, 0);
	assert_waits(f);
	assert_false(hm_apply_quiet(&f->a));
	done(f, 0, true);
	assert_at(f, 1, 1, 1);
	assert_retired(f, &f->u[0]);
	assert_true(hm_apply_drained(&f->a));
	assert_waits(f);
}

static void test_group_concurrent(void **state)
{
	struct flow *f = flow_init(false);

	receive(f, 0, 1);
	receive(f, 1, 1);
	receive(f, 2, 1);
	assert_issues(f, 0);
	assert_issues(f, 1);
	assert_issues(f, 2);
	/* Applied in sequence only. */
	done(f, 2, true);
	done(f, 1, true);
	assert_at(f, 3, 0, 0);
	assert_true(list_empty(&f->retired));
	done(f, 0, true);
	assert_at(f, 3, 3, 3);
	assert_retired(f, &f->u[0], &f->u[1], &f->u[2]);
	assert_int_equal(f->a.applied_group, 1);
	assert_int_equal(f->a.durable_group, 1);
}

static void test_groups_in_turn(void **state)
{
	struct flow *f = flow_init(false);

	receive(f, 0, 1);
	receive(f, 1, 1);
	receive(f, 2, 2);
	receive(f, 3, 4);
	assert_int_equal(f->u[2].state, HM_B_HELD);
	assert_issues(f, 0);
	assert_issues(f, 1);
	assert_waits(f);
	done(f, 1, true);
	assert_waits(f);
	done(f, 0, true);
	assert_issues(f, 2);
	assert_waits(f);
	done(f, 2, true);
	assert_issues(f, 3);
	done(f, 3, true);
	assert_int_equal(f->a.applied_group, 4);
	assert_true(hm_apply_drained(&f->a));
}

/* A member of the current group behind held ones does not overtake them. */
static void test_held_keep_order(void **state)
{
	struct flow *f = flow_init(false);

	receive(f, 0, 1);
	receive(f, 1, 2);
	receive(f, 2, 2);
	assert_issues(f, 0);
	assert_waits(f);
	done(f, 0, true);
	assert_issues(f, 1);
	assert_issues(f, 2);
	receive(f, 3, 2);
	assert_issues(f, 3);
}

static void test_overlap(void **state)
{
	struct flow *f = flow_init(false);

	f->u[2].sector = f->u[0].sector;
	receive(f, 0, 1);
	receive(f, 1, 1);
	receive(f, 2, 1);
	assert_int_equal(f->u[2].state, HM_B_ADMITTED);
	assert_issues(f, 0);
	assert_issues(f, 1);
	assert_waits(f);
	done(f, 1, true);
	assert_waits(f);
	done(f, 0, true);
	assert_issues(f, 2);
	done(f, 2, true);
	assert_at(f, 3, 3, 3);
}

static void refuses(struct flow *f, u64 seq, u64 group)
{
	struct hm_acks at = f->a.at;
	struct hm_update u = sample_write(0);

	u.seq = seq;
	u.group = group;
	assert_false(hm_apply_receive(&f->a, &u));
	assert_memory_equal(&at, &f->a.at, sizeof(at));
}

static void test_refuses(void **state)
{
	struct flow *f = flow_init(false);

	refuses(f, 1, 0);	/* no group */
	refuses(f, 0, 1);
	refuses(f, 2, 1);	/* a gap */
	receive(f, 0, 5);
	receive(f, 1, 7);
	refuses(f, 1, 7);	/* again */
	refuses(f, 4, 7);
	refuses(f, 3, 6);	/* a group that is over, though not performed */
	refuses(f, 3, 0);
	assert_int_equal(f->a.received_group, 7);
	receive(f, 2, 7);
}

static void test_failed(void **state)
{
	struct flow *f = flow_init(false);

	f->u[2].sector = f->u[0].sector;
	receive(f, 0, 1);
	receive(f, 1, 1);
	receive(f, 2, 1);
	assert_issues(f, 0);
	assert_issues(f, 1);
	done(f, 0, false);
	assert_true(f->a.suspended);
	assert_int_equal(f->u[0].state, HM_B_FAILED);
	done(f, 1, true);
	assert_true(hm_apply_quiet(&f->a));
	/* Records are still received; nothing is performed. */
	receive(f, 3, 1);
	receive(f, 4, 2);
	assert_int_equal(f->u[3].state, HM_B_HELD);
	assert_waits(f);
	assert_at(f, 5, 0, 0);
	hm_apply_retry(&f->a);
	assert_issues(f, 0);
	assert_issues(f, 3);
	assert_waits(f);
	done(f, 3, true);
	done(f, 0, true);
	assert_issues(f, 2);
	done(f, 2, true);
	assert_at(f, 5, 4, 4);
	assert_issues(f, 4);
}

static void test_failed_again(void **state)
{
	struct flow *f = flow_init(false);

	receive(f, 0, 1);
	receive(f, 1, 1);
	assert_issues(f, 0);
	assert_issues(f, 1);
	done(f, 1, false);
	done(f, 0, false);
	assert_waits(f);
	hm_apply_retry(&f->a);
	assert_issues(f, 1);
	assert_issues(f, 0);
	done(f, 0, false);
	/* The other one was in flight and does well. */
	done(f, 1, true);
	assert_waits(f);
	hm_apply_retry(&f->a);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_at(f, 2, 2, 2);
	assert_retired(f, &f->u[0], &f->u[1]);
}

/* What was ready, but not issued, when another one failed. */
static void test_failed_before_issue(void **state)
{
	struct flow *f = flow_init(false);

	receive(f, 0, 1);
	assert_issues(f, 0);
	receive(f, 1, 1);
	done(f, 0, false);
	assert_waits(f);
	hm_apply_retry(&f->a);
	assert_issues(f, 0);
	assert_issues(f, 1);
}

static void test_retry_for_nothing(void **state)
{
	struct flow *f = flow_init(false);

	hm_apply_retry(&f->a);
	receive(f, 0, 1);
	hm_apply_retry(&f->a);
	assert_issues(f, 0);
	hm_apply_retry(&f->a);
	assert_waits(f);
	done(f, 0, true);
	assert_true(hm_apply_drained(&f->a));
}

static void receive_at(struct flow *f, unsigned int i, u64 seq, u64 group)
{
	f->u[i].seq = seq;
	receive(f, i, group);
}

/* All before the place is durable, and the next number follows. */
static void test_jump(void **state)
{
	struct flow *f = flow_init(true);

	hm_apply_jump(&f->a, 100, 0);
	assert_at(f, 100, 100, 100);
	assert_true(hm_apply_drained(&f->a));
	assert_waits(f);
	refuses(f, 1, 1);
	refuses(f, 100, 1);
	refuses(f, 102, 1);
	refuses(f, 101, 0);
	/* Of which group the place was is not known: any goes. */
	receive_at(f, 0, 101, 7);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_at(f, 101, 101, 100);
	assert_int_equal(f->a.applied_group, 7);
	assert_int_equal(f->a.durable_group, 0);
	refuses(f, 102, 6);
}

static void test_jump_into_a_group(void **state)
{
	struct flow *f = flow_init(false);

	hm_apply_jump(&f->a, 100, 7);
	assert_int_equal(f->a.received_group, 7);
	assert_int_equal(f->a.applied_group, 7);
	assert_int_equal(f->a.durable_group, 7);
	assert_int_equal(f->a.gate.current_group, 7);
	refuses(f, 101, 6);
	/* The group may go on; the next one waits for it, as always. */
	receive_at(f, 0, 101, 7);
	receive_at(f, 1, 102, 8);
	assert_issues(f, 0);
	assert_waits(f);
	done(f, 0, true);
	assert_issues(f, 1);
}

/* Back to the beginning, for another stream: numbers and groups anew. */
static void test_jump_back(void **state)
{
	struct flow *f = flow_init(false);

	receive(f, 0, 5);
	receive(f, 1, 9);
	assert_issues(f, 0);
	done(f, 0, true);
	assert_issues(f, 1);
	done(f, 1, true);
	assert_retired(f, &f->u[0], &f->u[1]);
	hm_apply_jump(&f->a, 0, 0);
	assert_at(f, 0, 0, 0);
	receive_at(f, 2, 1, 1);
	assert_issues(f, 2);
	done(f, 2, true);
	assert_at(f, 1, 1, 1);
}

/* What the disks are stays; what was of the old place does not. */
static void test_jump_keeps_the_disks(void **state)
{
	struct flow *f = flow_init(true);

	f->a.every_group_durable = true;
	receive(f, 0, 1);
	assert_issues(f, 0);
	done(f, 0, false);
	assert_true(f->a.suspended);
	/* The glue drops what is pending first. */
	hm_apply_jump(&f->a, 50, 0);
	assert_false(f->a.suspended);
	assert_true(f->a.volatile_cache);
	assert_true(f->a.every_group_durable);
	hm_apply_retry(&f->a);
	assert_waits(f);
	receive_at(f, 1, 51, 3);
	assert_issues(f, 1);
	receive_at(f, 2, 52, 4);
	done(f, 1, true);
	assert_flushes(f);
	hm_apply_flush_done(&f->a, true, &f->retired);
	assert_at(f, 52, 51, 51);
	assert_issues(f, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_group_concurrent),
		cmocka_unit_test(test_groups_in_turn),
		cmocka_unit_test(test_held_keep_order),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_failed_again),
		cmocka_unit_test(test_failed_before_issue),
		cmocka_unit_test(test_retry_for_nothing),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_jump_into_a_group),
		cmocka_unit_test(test_jump_back),
		cmocka_unit_test(test_jump_keeps_the_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
