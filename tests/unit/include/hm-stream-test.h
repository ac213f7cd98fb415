/* SPDX-License-Identifier: GPL-2.0-only */
/* A primary's stream under test, and what comes out of it. */
#ifndef HM_STREAM_TEST_H
#define HM_STREAM_TEST_H

#include "hm-flow-test.h"
#include "stream.h"

/* A stream in a session, updates of sectors apart, and what comes out. */
static struct flow {
	struct hm_stream s;
	struct hm_update u[5];
	struct list_head ready;
	struct list_head completed;
	struct list_head released;
} flow;

static inline struct flow *flow_init(enum hm_ordering ordering)
{
	struct hm_acks none = { 0 };
	unsigned int i;

	INIT_LIST_HEAD(&flow.ready);
	INIT_LIST_HEAD(&flow.completed);
	INIT_LIST_HEAD(&flow.released);
	hm_stream_init(&flow.s, ordering);
	assert_true(flow.s.alone);
	for (i = 0; i < ARRAY_SIZE(flow.u); i++)
		flow.u[i] = sample_write(8 * i);
	assert_true(hm_stream_resume(&flow.s, &none, &flow.completed,
				     &flow.released));
	hm_stream_set_alone(&flow.s, false, &flow.completed);
	return &flow;
}

static inline void add(struct flow *f, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		assert_true(hm_stream_add(&f->s, &f->u[i]));
}

static inline void local(struct flow *f, unsigned int i)
{
	hm_stream_local_done(&f->s, &f->u[i], &f->ready, &f->completed);
}

static inline void send_to(struct flow *f, u64 seq)
{
	while (f->s.taken < seq)
		assert_non_null(hm_stream_take(&f->s));
	hm_stream_sent(&f->s, seq, &f->completed, &f->released);
}

static inline bool ack(struct flow *f, u64 received, u64 applied, u64 durable)
{
	struct hm_acks a = { received, applied, durable };

	return hm_stream_ack(&f->s, &a, &f->completed, &f->released);
}

static inline bool resume(struct flow *f, u64 received, u64 applied, u64 durable)
{
	struct hm_acks a = { received, applied, durable };

	return hm_stream_resume(&f->s, &a, &f->completed, &f->released);
}

#define assert_completed(f, ...) \
	assert_list(&(f)->completed, ready, __VA_ARGS__)
#define assert_released(f, ...) \
	assert_list(&(f)->released, stream, __VA_ARGS__)
#define assert_nothing(f) do {						\
	assert_true(list_empty(&(f)->ready));				\
	assert_true(list_empty(&(f)->completed));			\
	assert_true(list_empty(&(f)->released));			\
} while (0)

#endif
