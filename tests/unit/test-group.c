// SPDX-License-Identifier: GPL-2.0-only
/* The group counter of the primary, and the gate of the backup. */
#include "hm-flow-test.h"
#include "group.h"

static void test_issue_opens(void **state)
{
	struct hm_grouping g = { 0 };

	assert_int_equal(hm_group_issue(&g), 1);
	assert_true(g.open);
	assert_int_equal(hm_group_issue(&g), 1);
	assert_int_equal(hm_group_issue(&g), 1);
}

static void test_close(void **state)
{
	struct hm_grouping g = { 0 };

	hm_group_issue(&g);
	hm_group_close(&g, 1);
	assert_false(g.open);
	assert_int_equal(g.number, 1);
	/* Further completions of that group, before and after the next one. */
	hm_group_close(&g, 1);
	assert_int_equal(hm_group_issue(&g), 2);
	hm_group_close(&g, 1);
	assert_true(g.open);
	assert_int_equal(hm_group_issue(&g), 2);
	hm_group_close(&g, 2);
	assert_int_equal(hm_group_issue(&g), 3);
}

static void test_gate_first(void **state)
{
	struct hm_gate gate = { 0 };

	/* Whatever number the stream is at. */
	assert_int_equal(hm_gate_arrival(&gate, 41), HM_GATE_ISSUE);
	assert_int_equal(gate.current_group, 41);
	assert_int_equal(gate.outstanding, 1);
}

static void test_gate_same(void **state)
{
	struct hm_gate gate = { 0 };

	assert_int_equal(hm_gate_arrival(&gate, 1), HM_GATE_ISSUE);
	assert_int_equal(hm_gate_arrival(&gate, 1), HM_GATE_ISSUE);
	assert_false(hm_gate_completion(&gate));
	assert_int_equal(hm_gate_arrival(&gate, 1), HM_GATE_ISSUE);
	assert_false(hm_gate_completion(&gate));
	assert_true(hm_gate_completion(&gate));
	/* The count was at zero, but the group goes on. */
	assert_int_equal(hm_gate_arrival(&gate, 1), HM_GATE_ISSUE);
	assert_int_equal(gate.outstanding, 1);
}

static void test_gate_higher(void **state)
{
	struct hm_gate gate = { 0 };

	hm_gate_arrival(&gate, 1);
	hm_gate_arrival(&gate, 1);
	assert_int_equal(hm_gate_arrival(&gate, 2), HM_GATE_HOLD);
	assert_int_equal(gate.current_group, 1);
	assert_int_equal(gate.outstanding, 2);
	hm_gate_completion(&gate);
	assert_int_equal(hm_gate_arrival(&gate, 2), HM_GATE_HOLD);
	assert_true(hm_gate_completion(&gate));
	assert_int_equal(hm_gate_arrival(&gate, 2), HM_GATE_ISSUE);
	assert_int_equal(gate.current_group, 2);
	assert_int_equal(gate.outstanding, 1);
}

static void test_gate_gap(void **state)
{
	struct hm_gate gate = { 0 };

	hm_gate_arrival(&gate, 1);
	hm_gate_completion(&gate);
	assert_int_equal(hm_gate_arrival(&gate, 7), HM_GATE_ISSUE);
	assert_int_equal(gate.current_group, 7);
}

static void test_gate_lower(void **state)
{
	struct hm_gate gate = { 0 };

	hm_gate_arrival(&gate, 5);
	assert_int_equal(hm_gate_arrival(&gate, 4), HM_GATE_ERROR);
	hm_gate_completion(&gate);
	assert_int_equal(hm_gate_arrival(&gate, 4), HM_GATE_ERROR);
	assert_int_equal(gate.current_group, 5);
	assert_int_equal(gate.outstanding, 0);
}

static void test_gate_largest(void **state)
{
	struct hm_gate gate = { .current_group = UINT64_MAX - 1 };

	assert_int_equal(hm_gate_arrival(&gate, UINT64_MAX), HM_GATE_ISSUE);
	assert_int_equal(hm_gate_arrival(&gate, 0), HM_GATE_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issue_opens),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_gate_first),
		cmocka_unit_test(test_gate_same),
		cmocka_unit_test(test_gate_higher),
		cmocka_unit_test(test_gate_gap),
		cmocka_unit_test(test_gate_lower),
		cmocka_unit_test(test_gate_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
