// SPDX-License-Identifier: GPL-2.0-only
/* Which payloads of the backlog may leave memory for the log, and when. */
#include "hm-stream-test.h"
#include "store.h"

static struct hm_update *next(struct flow *f)
{
	unsigned int steps = HM_STORE_STEPS;

	return hm_store_next(&f->s, &steps);
}

static void stored(struct flow *f, unsigned int i)
{
	assert_ptr_equal(next(f), &f->u[i]);
	hm_store_begin(&f->s, &f->u[i]);
	assert_int_equal(f->u[i].state & HM_P_STORING, HM_P_STORING);
	assert_true(hm_store_done(&f->s, &f->u[i], true));
	assert_int_equal(f->u[i].state & (HM_P_STORING | HM_P_STORED),
			 HM_P_STORED);
}

/* Of an empty backlog, and one whose updates the local disk has not answered. */
static void test_local_disk_first(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	assert_null(next(f));
	assert_null(f->s.resident);
	add(f, 3);
	local(f, 1);
	/* In the order of the stream. */
	assert_null(next(f));
	assert_ptr_equal(f->s.resident, &f->u[0]);
	local(f, 0);
	stored(f, 0);
	stored(f, 1);
	assert_null(next(f));
	local(f, 2);
	stored(f, 2);
	assert_null(f->s.resident);
	/* What comes later is looked at. */
	assert_true(hm_stream_add(&f->s, &f->u[3]));
	assert_ptr_equal(f->s.resident, &f->u[3]);
}

static void test_not_worth_it(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[0].kind = HM_FLUSH;
	f->u[0].sectors = 0;
	f->u[1].kind = HM_DISCARD;
	add(f, 2);
	hm_stream_add_copy(&f->s, &f->u[2]);
	assert_true(hm_stream_add(&f->s, &f->u[3]));
	local(f, 3);
	/* They need not even be done. */
	stored(f, 3);
	assert_null(f->s.resident);
}

/* The sender uses the payload between take and sent. */
static void test_under_the_hands(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);
	unsigned int i;

	add(f, 5);
	for (i = 0; i < 5; i++)
		local(f, i);
	send_to(f, 1);
	/* Sent, but it may have to be sent again. */
	assert_ptr_equal(next(f), &f->u[0]);
	hm_store_begin(&f->s, &f->u[0]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	assert_ptr_equal(next(f), &f->u[2]);
	hm_store_begin(&f->s, &f->u[2]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
	assert_true(hm_store_done(&f->s, &f->u[0], true));
	/* Taken meanwhile */
	assert_false(hm_store_done(&f->s, &f->u[2], true));
	assert_int_equal(f->u[2].state & (HM_P_STORING | HM_P_STORED), 0);
	hm_stream_sent(&f->s, 3, &f->completed, &f->released);
	stored(f, 3);
}

/* A backup that comes back gets them in the same order as ever. */
static void test_sent_again(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);
	unsigned int i;

	add(f, 4);
	for (i = 0; i < 4; i++)
		local(f, i);
	send_to(f, 3);
	assert_true(ack(f, 3, 1, 1));
	stored(f, 1);
	stored(f, 2);
	stored(f, 3);
	assert_true(resume(f, 1, 1, 1));
	for (i = 1; i < 4; i++)
		assert_ptr_equal(hm_stream_take(&f->s), &f->u[i]);
	assert_null(hm_stream_take(&f->s));
}

static void test_released_meanwhile(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);
	unsigned int i;

	add(f, 4);
	for (i = 0; i < 4; i++)
		local(f, i);
	send_to(f, 4);
	assert_ptr_equal(next(f), &f->u[0]);
	hm_store_begin(&f->s, &f->u[0]);
	assert_true(ack(f, 2, 2, 2));
	assert_false(hm_store_done(&f->s, &f->u[0], true));
	/* The next one left with them. */
	assert_ptr_equal(f->s.resident, &f->u[2]);
	assert_true(ack(f, 4, 4, 4));
	assert_null(f->s.resident);
	assert_null(next(f));
}

static void test_abandoned(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 3);
	local(f, 0);
	stored(f, 0);
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_false(hm_stream_abandon(&f->s, &f->released));
	assert_null(f->s.resident);
}

/* A log that refuses: the payload stays, and is not tried again. */
static void test_refused(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 2);
	local(f, 0);
	local(f, 1);
	assert_ptr_equal(next(f), &f->u[0]);
	hm_store_begin(&f->s, &f->u[0]);
	assert_false(hm_store_done(&f->s, &f->u[0], false));
	assert_int_equal(f->u[0].state & (HM_P_STORING | HM_P_STORED), 0);
	stored(f, 1);
}

/* What is done in one hold of the lock has a bound. */
static void test_bound(void **state)
{
	static struct hm_update flush[1000];
	struct flow *f = flow_init(HM_ORDER_COMPLETION);
	unsigned int i, holds = 0;

	for (i = 0; i < ARRAY_SIZE(flush); i++) {
		flush[i].kind = HM_FLUSH;
		assert_true(hm_stream_add(&f->s, &flush[i]));
	}
	add(f, 1);
	local(f, 0);
	while (!next(f)) {
		assert_non_null(f->s.resident);
		holds++;
	}
	assert_in_range(holds, 2, 10);
	stored(f, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local_disk_first),
		cmocka_unit_test(test_not_worth_it),
		cmocka_unit_test(test_under_the_hands),
		cmocka_unit_test(test_sent_again),
		cmocka_unit_test(test_released_meanwhile),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
