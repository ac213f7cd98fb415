/* SPDX-License-Identifier: GPL-2.0-only */
/* A primary and a backup that judge each other. */
#ifndef HM_HANDSHAKE_TEST_H
#define HM_HANDSHAKE_TEST_H

#include "hm-test.h"
#include "handshake.h"

#define SESSION		0x1122334455667788ULL

#define assert_refusal(got, want) do {					\
	enum hm_refusal _got = (got), _want = (want);			\
	if (_got != _want)						\
		fail_msg("got \"%s\", want \"%s\"",			\
			 hm_refusal_text(_got), hm_refusal_text(_want)); \
} while (0)

/* A backup that follows the sample's stream, holds the same, and is well. */
static inline struct hm_backup_self sample_self(void)
{
	struct hm_backup_self self = { .hello = sample_hello(), .ready = true };

	self.hello.last_seq = 0;
	self.hello.acks = (struct hm_acks) { 100, 90, 80 };
	return self;
}

/* The answer of that backup. */
static inline struct hm_hello sample_answer(void)
{
	struct hm_hello h = sample_self().hello;

	h.session = SESSION;
	return h;
}

static inline enum hm_refusal judge(const struct hm_backup_self *self,
				    const struct hm_hello *primary, u16 volume)
{
	enum hm_refusal why;
	u16 got = 4711;

	why = hm_judge_primary(self, primary, &got);
	assert_int_equal(got, volume);
	return why;
}

static inline enum hm_refusal judge_back(const struct hm_hello *backup,
					 u16 volume)
{
	struct hm_hello self = sample_hello();
	enum hm_refusal why;
	u16 got = 4711;

	why = hm_judge_backup(&self, backup, &got);
	assert_int_equal(got, volume);
	return why;
}

#endif
