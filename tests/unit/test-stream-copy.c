// SPDX-License-Identifier: GPL-2.0-only
/* Copies of ranges in the stream, and sessions that begin anew. */
#include "hm-stream-test.h"

static void add_copy(struct flow *f, unsigned int i)
{
	hm_stream_add_copy(&f->s, &f->u[i]);
}

static u64 restart(struct flow *f)
{
	return hm_stream_restart(&f->s, &f->completed, &f->released);
}

/* A copy has its place among the updates, by number and on the wire. */
static void test_copy_in_order(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);
	unsigned int i;

	assert_true(hm_stream_add(&f->s, &f->u[0]));
	add_copy(f, 1);
	assert_true(hm_stream_add(&f->s, &f->u[2]));
	add_copy(f, 3);
	for (i = 0; i < 4; i++) {
		assert_int_equal(f->u[i].seq, i + 1);
		assert_int_equal(f->u[i].group, 1);
		assert_ptr_equal(hm_stream_take(&f->s), &f->u[i]);
	}
	assert_int_equal(f->s.last_seq, 4);
	assert_null(hm_stream_take(&f->s));
	assert_nothing(f);
}

/* Nobody waits for a copy: it is only ever released. */
static void test_copy_is_not_completed(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add_copy(f, 0);
	add_copy(f, 1);
	assert_int_equal(f->s.undelivered, 0);
	send_to(f, 2);
	assert_true(ack(f, 2, 2, 1));
	assert_released(f, &f->u[0]);
	assert_int_equal(f->u[0].state, HM_P_COPY | HM_P_FINISHED);
	assert_nothing(f);
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_nothing(f);
	assert_true(ack(f, 2, 2, 2));
	assert_released(f, &f->u[1]);
	assert_int_equal(f->s.undelivered, 0);
	assert_nothing(f);
}

static void test_copy_never_closes(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add_copy(f, 0);
	send_to(f, 1);
	assert_true(ack(f, 1, 1, 1));
	assert_true(f->s.grouping.open);
	assert_true(hm_stream_add(&f->s, &f->u[1]));
	assert_int_equal(f->u[1].group, 1);
	/* The update in the same group does. */
	local(f, 1);
	send_to(f, 2);
	assert_true(ack(f, 2, 1, 1));
	assert_completed(f, &f->u[1]);
	add_copy(f, 2);
	assert_int_equal(f->u[2].group, 2);
}

/* It is no I/O of the local disk: an update of the range need not wait. */
static void test_copy_is_not_live(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[1].sector = f->u[0].sector;
	add_copy(f, 0);
	assert_false(hm_overlap_busy(&f->s.overlap, &f->u[0]));
	assert_true(hm_stream_add(&f->s, &f->u[1]));
	assert_true(hm_overlap_busy(&f->s.overlap, &f->u[0]));
	local(f, 1);
	assert_true(list_empty(&f->ready));
	assert_false(hm_overlap_busy(&f->s.overlap, &f->u[0]));
}

static void test_copy_sent_again(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add_copy(f, 0);
	assert_true(hm_stream_add(&f->s, &f->u[1]));
	add_copy(f, 2);
	send_to(f, 3);
	assert_true(ack(f, 1, 1, 0));
	assert_true(resume(f, 1, 1, 0));
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
	assert_nothing(f);
}

static void test_copy_abandoned(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add_copy(f, 0);
	add_copy(f, 1);
	send_to(f, 1);
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_false(hm_stream_abandon(&f->s, &f->released));
	assert_released(f, &f->u[0], &f->u[1]);
	assert_int_equal(f->u[1].state, HM_P_COPY | HM_P_FINISHED);
	assert_nothing(f);
}

static void test_restart_empty(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	assert_int_equal(restart(f), 1);
	assert_null(hm_stream_take(&f->s));
	assert_acks(&f->s.acked, 0, 0, 0);
	add(f, 1);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[0]);
}

/* Whatever was acknowledged but is not durable is taken again, in order. */
static void test_restart_takes_all_again(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 4);
	send_to(f, 3);
	local(f, 0);
	local(f, 1);
	assert_true(ack(f, 3, 2, 1));
	assert_completed(f, &f->u[0], &f->u[1]);
	assert_released(f, &f->u[0]);
	assert_int_equal(restart(f), 2);
	assert_nothing(f);
	assert_acks(&f->s.acked, 1, 1, 1);
	assert_acks(&f->s.claimed, 1, 1, 1);
	assert_int_equal(f->s.taken, 1);
	assert_int_equal(f->s.sent, 1);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[3]);
	assert_null(hm_stream_take(&f->s));
	/* Neither numbers nor groups change. */
	assert_int_equal(f->u[1].seq, 2);
	assert_int_equal(f->u[1].group, 1);
}

/* What was received before counts only when it is received again. */
static void test_restart_forgets_acks(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[1].ack = HM_ACK_APPLIED;
	add(f, 2);
	send_to(f, 2);
	assert_true(ack(f, 2, 2, 0));
	assert_int_equal(restart(f), 1);
	local(f, 0);
	local(f, 1);
	assert_nothing(f);
	assert_false(ack(f, 1, 0, 0));	/* not sent in this session */
	send_to(f, 2);
	assert_true(ack(f, 1, 0, 0));
	assert_completed(f, &f->u[0]);
	assert_true(ack(f, 2, 2, 2));
	assert_completed(f, &f->u[1]);
	assert_released(f, &f->u[0], &f->u[1]);
}

/* After what was not recorded the stream goes on with the next number. */
static void test_restart_after_abandon(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 3);
	send_to(f, 1);
	assert_true(ack(f, 1, 1, 1));
	assert_released(f, &f->u[0]);
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_false(hm_stream_abandon(&f->s, &f->released));
	assert_released(f, &f->u[1], &f->u[2]);
	assert_int_equal(restart(f), 4);
	hm_stream_set_alone(&f->s, false, &f->completed);
	assert_acks(&f->s.acked, 3, 3, 3);
	/* The application still waits for the local disk, and only for that. */
	local(f, 0);
	local(f, 2);
	assert_completed(f, &f->u[0], &f->u[2]);
	add_copy(f, 3);
	assert_int_equal(f->u[3].seq, 4);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[3]);
	assert_null(hm_stream_take(&f->s));
	assert_false(ack(f, 3, 3, 2));	/* back */
	assert_false(ack(f, 5, 3, 3));
	hm_stream_sent(&f->s, 4, &f->completed, &f->released);
	assert_true(ack(f, 4, 4, 4));
	assert_released(f, &f->u[3]);
	assert_nothing(f);
}

/* The same with updates that were recorded since: none of them is lost. */
static void test_restart_after_abandon_and_more(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 2);
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_false(hm_stream_abandon(&f->s, &f->released));
	assert_released(f, &f->u[0], &f->u[1]);
	assert_true(hm_stream_add(&f->s, &f->u[2]));
	add_copy(f, 3);
	assert_int_equal(restart(f), 3);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[3]);
	assert_null(hm_stream_take(&f->s));
	assert_false(resume(f, 1, 1, 1));
	assert_true(resume(f, 2, 2, 2));
}

/* A session that is lost before the backup has begun is begun once more. */
static void test_restart_twice(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 2);
	send_to(f, 2);
	assert_true(ack(f, 2, 1, 1));
	assert_released(f, &f->u[0]);
	assert_int_equal(restart(f), 2);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	assert_int_equal(restart(f), 2);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	assert_nothing(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_in_order),
		cmocka_unit_test(test_copy_is_not_completed),
		cmocka_unit_test(test_copy_never_closes),
		cmocka_unit_test(test_copy_is_not_live),
		cmocka_unit_test(test_copy_sent_again),
		cmocka_unit_test(test_copy_abandoned),
		cmocka_unit_test(test_restart_empty),
		cmocka_unit_test(test_restart_takes_all_again),
		cmocka_unit_test(test_restart_forgets_acks),
		cmocka_unit_test(test_restart_after_abandon),
		cmocka_unit_test(test_restart_after_abandon_and_more),
		cmocka_unit_test(test_restart_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
