/* SPDX-License-Identifier: GPL-2.0-only */
/* A backup under test: what it is told, and what it wants to be done. */
#ifndef HM_APPLY_TEST_H
#define HM_APPLY_TEST_H

#include "hm-flow-test.h"
#include "apply.h"

/* A backup, and updates of sectors apart, each with its seq. */
static struct flow {
	struct hm_apply a;
	struct hm_update u[6];
	struct list_head retired;
} flow;

static inline struct flow *flow_init(bool volatile_cache)
{
	unsigned int i;

	INIT_LIST_HEAD(&flow.retired);
	hm_apply_init(&flow.a);
	flow.a.volatile_cache = volatile_cache;
	for (i = 0; i < ARRAY_SIZE(flow.u); i++) {
		flow.u[i] = sample_write(8 * i);
		flow.u[i].seq = i + 1;
	}
	return &flow;
}

static inline void receive(struct flow *f, unsigned int i, u64 group)
{
	f->u[i].group = group;
	assert_true(hm_apply_receive(&f->a, &f->u[i]));
}

static inline void receive_flush(struct flow *f, unsigned int i, u64 group)
{
	f->u[i] = sample_flush();
	f->u[i].seq = i + 1;
	receive(f, i, group);
}

static inline void done(struct flow *f, unsigned int i, bool ok)
{
	hm_apply_done(&f->a, &f->u[i], ok, &f->retired);
}

static inline void flush_done(struct flow *f, bool ok)
{
	hm_apply_flush_done(&f->a, ok, &f->retired);
}

#define assert_issues(f, i) do {					\
	struct hm_update *_got = NULL;					\
	assert_int_equal(hm_apply_next(&(f)->a, &_got), HM_APPLY_ISSUE);	\
	assert_ptr_equal(_got, &(f)->u[i]);				\
	assert_int_equal(_got->state, HM_B_ISSUED);			\
} while (0)
#define assert_next(f, what) do {					\
	struct hm_update *_got = NULL;					\
	assert_int_equal(hm_apply_next(&(f)->a, &_got), what);		\
	assert_null(_got);						\
} while (0)
#define assert_flushes(f)	assert_next(f, HM_APPLY_FLUSH)
#define assert_waits(f)		assert_next(f, HM_APPLY_NOTHING)
#define assert_at(f, r, p, d)	assert_acks(&(f)->a.at, r, p, d)
#define assert_retired(f, ...) \
	assert_list(&(f)->retired, stream, __VA_ARGS__)

#endif
