// SPDX-License-Identifier: GPL-2.0-only
/* The primary's half of the stream. */
#include "hm-stream-test.h"

static void test_tags(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);
	unsigned int i;

	add(f, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(f->u[i].seq, i + 1);
		assert_int_equal(f->u[i].group, 1);
		assert_int_equal(f->u[i].state, 0);
	}
	assert_int_equal(f->s.last_seq, 3);
	assert_nothing(f);
}

static void test_received(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 2);
	send_to(f, 2);
	/* Locally done first. */
	local(f, 0);
	assert_nothing(f);
	assert_true(ack(f, 2, 0, 0));
	assert_completed(f, &f->u[0]);
	/* Received first. */
	local(f, 1);
	assert_completed(f, &f->u[1]);
	assert_nothing(f);
}

static void test_local(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[0].ack = HM_ACK_LOCAL;
	add(f, 1);
	local(f, 0);
	assert_completed(f, &f->u[0]);
	send_to(f, 1);
	assert_true(ack(f, 1, 1, 1));
	assert_released(f, &f->u[0]);
	assert_int_equal(f->u[0].state, HM_P_FINISHED);
	assert_nothing(f);
}

static void test_applied(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[0].ack = HM_ACK_APPLIED;
	f->u[1].ack = HM_ACK_APPLIED;
	add(f, 2);
	send_to(f, 2);
	local(f, 0);
	assert_true(ack(f, 2, 0, 0));
	assert_nothing(f);
	assert_true(ack(f, 2, 1, 0));
	assert_completed(f, &f->u[0]);
	assert_true(ack(f, 2, 2, 0));
	assert_nothing(f);
	local(f, 1);
	assert_completed(f, &f->u[1]);
}

/* Released before the local disk has answered. */
static void test_slow_local(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[0].ack = HM_ACK_APPLIED;
	add(f, 1);
	send_to(f, 1);
	assert_true(ack(f, 1, 1, 1));
	assert_released(f, &f->u[0]);
	assert_nothing(f);
	local(f, 0);
	assert_completed(f, &f->u[0]);
	assert_int_equal(f->u[0].state, HM_P_FINISHED);
}

static void test_order_completion(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 2);
	send_to(f, 2);
	/* Only what is returned to the application closes. */
	local(f, 0);
	assert_true(f->s.grouping.open);
	ack(f, 1, 0, 0);
	assert_false(f->s.grouping.open);
	hm_stream_add(&f->s, &f->u[2]);
	assert_int_equal(f->u[2].group, 2);
	/* A late member of the old group. */
	ack(f, 2, 0, 0);
	local(f, 1);
	hm_stream_add(&f->s, &f->u[3]);
	assert_int_equal(f->u[3].group, 2);
}

static void order_flush(u8 kind, u8 flags, u64 group)
{
	struct flow *f = flow_init(HM_ORDER_FLUSH);

	f->u[0].kind = kind;
	f->u[0].flags = flags;
	f->u[0].ack = HM_ACK_LOCAL;
	add(f, 1);
	local(f, 0);
	assert_completed(f, &f->u[0]);
	hm_stream_add(&f->s, &f->u[1]);
	assert_int_equal(f->u[1].group, group);
}

static void test_order_flush(void **state)
{
	order_flush(HM_WRITE, 0, 1);
	order_flush(HM_WRITE_ZEROES, HM_NOUNMAP, 1);
	order_flush(HM_DISCARD, 0, 1);
	order_flush(HM_WRITE, HM_FUA, 2);
	order_flush(HM_WRITE_ZEROES, HM_FUA | HM_NOUNMAP, 2);
}

static void test_order_flush_flush(void **state)
{
	struct flow *f = flow_init(HM_ORDER_FLUSH);

	f->u[0] = sample_flush();
	add(f, 1);
	local(f, 0);
	send_to(f, 1);
	ack(f, 1, 0, 0);
	assert_completed(f, &f->u[0]);
	hm_stream_add(&f->s, &f->u[1]);
	assert_int_equal(f->u[1].group, 2);
}

static void test_order_none(void **state)
{
	struct flow *f = flow_init(HM_ORDER_NONE);

	f->u[0] = sample_flush();
	f->u[0].ack = HM_ACK_LOCAL;
	add(f, 1);
	local(f, 0);
	assert_completed(f, &f->u[0]);
	hm_stream_add(&f->s, &f->u[1]);
	assert_int_equal(f->u[1].group, 1);
}

static void test_overlap(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[1].sector = f->u[0].sector;
	f->u[1].ack = HM_ACK_LOCAL;
	assert_true(hm_stream_add(&f->s, &f->u[0]));
	assert_false(hm_stream_add(&f->s, &f->u[1]));
	/* It waits for the local disk, not for its turn on the wire. */
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[0]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	local(f, 0);
	assert_list(&f->ready, ready, &f->u[1]);
	local(f, 1);
	assert_completed(f, &f->u[1]);
}

static void test_take(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	assert_null(hm_stream_take(&f->s));
	add(f, 2);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[0]);
	assert_int_equal(f->s.taken, 1);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	assert_null(hm_stream_take(&f->s));
	assert_int_equal(f->s.taken, 2);
	hm_stream_add(&f->s, &f->u[2]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
}

/* Acknowledged while the sender still holds it. */
static void test_late_sender(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[1].ack = HM_ACK_APPLIED;
	add(f, 2);
	local(f, 0);
	local(f, 1);
	hm_stream_take(&f->s);
	hm_stream_take(&f->s);
	assert_true(ack(f, 2, 2, 2));
	assert_acks(&f->s.claimed, 2, 2, 2);
	assert_acks(&f->s.acked, 0, 0, 0);
	assert_nothing(f);
	hm_stream_sent(&f->s, 1, &f->completed, &f->released);
	assert_acks(&f->s.acked, 1, 1, 1);
	assert_completed(f, &f->u[0]);
	assert_released(f, &f->u[0]);
	hm_stream_sent(&f->s, 2, &f->completed, &f->released);
	assert_completed(f, &f->u[1]);
	assert_released(f, &f->u[1]);
	assert_true(list_empty(&f->s.backlog));
}

static void test_ack_impossible(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 4);
	send_to(f, 3);
	assert_true(ack(f, 2, 1, 1));
	assert_released(f, &f->u[0]);
	assert_false(ack(f, 2, 2, 3));	/* durable, not applied */
	assert_false(ack(f, 2, 3, 1));	/* applied, not received */
	assert_false(ack(f, 4, 1, 1));	/* never sent */
	assert_false(ack(f, UINT64_MAX, 1, 1));
	assert_false(ack(f, 1, 1, 1));	/* back */
	assert_false(ack(f, 2, 0, 0));
	assert_false(ack(f, 2, 1, 0));
	assert_acks(&f->s.acked, 2, 1, 1);
	assert_acks(&f->s.claimed, 2, 1, 1);
	assert_nothing(f);
	assert_true(ack(f, 2, 1, 1));	/* nothing new */
	assert_true(ack(f, 3, 3, 3));
	assert_released(f, &f->u[1], &f->u[2]);
}

static void test_alone(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[1].ack = HM_ACK_APPLIED;
	add(f, 3);
	local(f, 0);
	local(f, 1);
	assert_nothing(f);
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_completed(f, &f->u[0], &f->u[1]);
	assert_false(f->s.grouping.open);
	/* What the local disk has not answered comes with that. */
	local(f, 2);
	assert_completed(f, &f->u[2]);
	/* None of it a second time, and from now on they wait again. */
	hm_stream_set_alone(&f->s, false, &f->completed);
	hm_stream_add(&f->s, &f->u[3]);
	local(f, 3);
	send_to(f, 4);
	assert_nothing(f);
	assert_true(ack(f, 4, 4, 0));
	assert_completed(f, &f->u[3]);
}

static void test_resume(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 4);
	send_to(f, 3);
	assert_true(ack(f, 1, 1, 1));
	assert_released(f, &f->u[0]);
	local(f, 1);
	/* The connection broke: the third was lost, two acks were too. */
	assert_true(resume(f, 2, 2, 1));
	assert_acks(&f->s.acked, 2, 2, 1);
	assert_completed(f, &f->u[1]);
	/* What the old session took does not count in the new one. */
	assert_int_equal(f->s.taken, 2);
	assert_int_equal(f->s.sent, 2);
	assert_false(ack(f, 3, 2, 1));
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[3]);
	assert_null(hm_stream_take(&f->s));
	hm_stream_sent(&f->s, 4, &f->completed, &f->released);
	assert_true(ack(f, 4, 4, 4));
	assert_released(f, &f->u[1], &f->u[2], &f->u[3]);
}

static void test_resume_all(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 2);
	send_to(f, 2);
	assert_true(resume(f, 2, 2, 2));
	assert_released(f, &f->u[0], &f->u[1]);
	assert_null(hm_stream_take(&f->s));
	hm_stream_add(&f->s, &f->u[2]);
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
}

static void test_resume_from_durable(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 3);
	send_to(f, 3);
	local(f, 1);
	assert_true(ack(f, 3, 2, 1));
	assert_completed(f, &f->u[1]);
	assert_released(f, &f->u[0]);
	/* All that was not durable is taken again, and completed once. */
	assert_true(resume(f, 1, 1, 1));
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[1]);
	send_to(f, 3);
	assert_true(ack(f, 3, 3, 3));
	assert_released(f, &f->u[1], &f->u[2]);
	assert_nothing(f);
}

static void test_resume_impossible(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 3);
	send_to(f, 3);
	assert_true(ack(f, 2, 2, 2));
	assert_released(f, &f->u[0], &f->u[1]);
	assert_false(resume(f, 1, 1, 1));	/* no longer in the backlog */
	assert_false(resume(f, 0, 0, 0));
	assert_false(resume(f, 2, 2, 1));	/* was durable, is not */
	assert_false(resume(f, 4, 2, 2));	/* never issued */
	assert_false(resume(f, 3, 2, 3));
	assert_false(resume(f, 2, 3, 2));
	assert_acks(&f->s.acked, 2, 2, 2);
	assert_int_equal(f->s.taken, 3);
	assert_nothing(f);
	assert_true(resume(f, 2, 2, 2));
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[2]);
}

/* What was never sent cannot have been received, though the stream has it. */
static void test_resume_never_sent(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	assert_true(resume(f, 0, 0, 0));
	add(f, 1);
	local(f, 0);
	assert_false(resume(f, 1, 1, 1));
	assert_true(resume(f, 0, 0, 0));
	assert_ptr_equal(hm_stream_take(&f->s), &f->u[0]);
}

static void test_abandon(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	add(f, 3);
	send_to(f, 1);
	local(f, 0);
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_completed(f, &f->u[0]);
	assert_false(hm_stream_abandon(&f->s, &f->released));
	assert_released(f, &f->u[0], &f->u[1], &f->u[2]);
	assert_null(hm_stream_take(&f->s));
	assert_int_equal(f->u[0].state, HM_P_FINISHED);
	/* The local disk still answers, and the application is told. */
	local(f, 1);
	local(f, 2);
	assert_completed(f, &f->u[1], &f->u[2]);
	assert_nothing(f);
	/* Nobody can go on: the rest was never sent, and is gone. */
	assert_false(resume(f, 0, 0, 0));
	assert_false(resume(f, 1, 1, 1));
	assert_false(resume(f, 2, 2, 2));
	assert_false(resume(f, 3, 3, 3));
	assert_nothing(f);
}

/* A long backlog goes in pieces, oldest first, whoever answers in between. */
static void test_abandon_many(void **state)
{
	static struct hm_update u[1000];
	struct list_head ready, completed, released;
	unsigned int i, gone = 0, holds = 0;
	struct hm_update *first;
	struct hm_stream s;
	bool more;

	INIT_LIST_HEAD(&ready);
	INIT_LIST_HEAD(&completed);
	INIT_LIST_HEAD(&released);
	hm_stream_init(&s, HM_ORDER_COMPLETION);
	memset(u, 0, sizeof(u));
	for (i = 0; i < ARRAY_SIZE(u); i++) {
		INIT_LIST_HEAD(&u[i].ready);
		u[i].kind = HM_WRITE;
		u[i].volume = i % 2;
		u[i].sector = 8 * i;
		u[i].sectors = 8;
		hm_stream_add(&s, &u[i]);
	}
	assert_int_equal(s.queued[0] + s.queued[1], ARRAY_SIZE(u));
	do {
		more = hm_stream_abandon(&s, &released);
		holds++;
		while ((first = list_first_entry_or_null(&released,
							 struct hm_update,
							 stream))) {
			assert_ptr_equal(first, &u[gone]);
			list_del_init(&first->stream);
			gone++;
		}
		hm_stream_local_done(&s, &u[1000 - holds], &ready, &completed);
		assert_int_equal(s.queued[0] + s.queued[1],
				 ARRAY_SIZE(u) - gone);
	} while (more);
	assert_int_equal(gone, ARRAY_SIZE(u));
	assert_true(holds > 1);
	assert_null(hm_stream_take(&s));
}

static unsigned int take_all(struct list_head *from, bool by_ready)
{
	struct hm_update *u, *next;
	unsigned int n = 0;

	if (by_ready) {
		list_for_each_entry_safe(u, next, from, ready) {
			list_del_init(&u->ready);
			n++;
		}
		return n;
	}
	list_for_each_entry_safe(u, next, from, stream) {
		assert_true(u->state & HM_P_COMPLETED);
		list_del_init(&u->stream);
		n++;
	}
	return n;
}

/* One acknowledgment of very many is looked at in pieces. */
static void test_ack_many(void **state)
{
	static struct hm_update u[1000];
	struct list_head ready, completed, released;
	const struct hm_acks none = { 0 }, all = { 1000, 1000, 1000 };
	unsigned int i, done = 0, gone = 0, holds = 0;
	struct hm_stream s;

	INIT_LIST_HEAD(&ready);
	INIT_LIST_HEAD(&completed);
	INIT_LIST_HEAD(&released);
	hm_stream_init(&s, HM_ORDER_COMPLETION);
	hm_stream_resume(&s, &none, &completed, &released);
	hm_stream_set_alone(&s, false, &completed);
	memset(u, 0, sizeof(u));
	for (i = 0; i < ARRAY_SIZE(u); i++) {
		INIT_LIST_HEAD(&u[i].ready);
		u[i].kind = HM_WRITE;
		u[i].ack = HM_ACK_RECEIVED;
		u[i].sector = 8 * i;
		u[i].sectors = 8;
		hm_stream_add(&s, &u[i]);
		assert_ptr_equal(hm_stream_take(&s), &u[i]);
		hm_stream_local_done(&s, &u[i], &ready, &completed);
	}
	hm_stream_sent(&s, ARRAY_SIZE(u), &completed, &released);
	assert_false(s.unsettled);
	assert_true(hm_stream_ack(&s, &all, &completed, &released));
	for (;;) {
		unsigned int now = take_all(&completed, true);

		assert_true(now < ARRAY_SIZE(u) / 2);
		done += now;
		gone += take_all(&released, false);
		holds++;
		if (!s.unsettled)
			break;
		hm_stream_settle(&s, &completed, &released);
	}
	assert_int_equal(done, ARRAY_SIZE(u));
	assert_int_equal(gone, ARRAY_SIZE(u));
	assert_true(holds > 3);
	assert_true(list_empty(&s.backlog));
}

/* The backup can lose all that it has: its word counts for nobody. */
static void test_staged(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	/* Alone, as long as regions are copied. */
	f->s.alone = true;
	hm_stream_set_staged(&f->s, true, &f->completed, &f->released);
	add(f, 2);
	send_to(f, 2);
	local(f, 0);
	assert_completed(f, &f->u[0]);
	assert_true(ack(f, 2, 2, 2));
	assert_released(f, &f->u[0], &f->u[1]);
	assert_true(f->s.told == 0);
	/* The last moments: the second one began before, and is in no list. */
	hm_stream_wait(&f->s);
	local(f, 1);
	assert_completed(f, &f->u[1]);
	hm_stream_add(&f->s, &f->u[2]);
	hm_stream_add(&f->s, &f->u[3]);
	send_to(f, 4);
	local(f, 2);
	assert_true(ack(f, 4, 4, 4));
	assert_nothing(f);
	/* It has adopted our generation. */
	hm_stream_set_staged(&f->s, false, &f->completed, &f->released);
	assert_completed(f, &f->u[2]);
	assert_released(f, &f->u[2], &f->u[3]);
	assert_true(f->s.told == 4);
	local(f, 3);
	assert_completed(f, &f->u[3]);
	assert_nothing(f);
}

/* Whoever asks for the local disk only waits for nothing else. */
static void test_staged_local(void **state)
{
	struct flow *f = flow_init(HM_ORDER_COMPLETION);

	f->u[0].ack = HM_ACK_LOCAL;
	hm_stream_set_staged(&f->s, true, &f->completed, &f->released);
	add(f, 2);
	local(f, 0);
	assert_completed(f, &f->u[0]);
	local(f, 1);
	send_to(f, 2);
	assert_true(ack(f, 2, 2, 2));
	assert_nothing(f);
	/* The application has waited long enough, or the link is gone. */
	hm_stream_set_alone(&f->s, true, &f->completed);
	assert_completed(f, &f->u[1]);
	hm_stream_settle(&f->s, &f->completed, &f->released);
	assert_released(f, &f->u[0], &f->u[1]);
	assert_nothing(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_applied),
		cmocka_unit_test(test_slow_local),
		cmocka_unit_test(test_order_completion),
		cmocka_unit_test(test_order_flush),
		cmocka_unit_test(test_order_flush_flush),
		cmocka_unit_test(test_order_none),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_late_sender),
		cmocka_unit_test(test_ack_impossible),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_resume_all),
		cmocka_unit_test(test_resume_from_durable),
		cmocka_unit_test(test_resume_impossible),
		cmocka_unit_test(test_resume_never_sent),
		cmocka_unit_test(test_staged),
		cmocka_unit_test(test_staged_local),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_abandon_many),
		cmocka_unit_test(test_ack_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
