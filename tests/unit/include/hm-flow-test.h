/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests of group, overlap, stream and apply share. */
#ifndef HM_FLOW_TEST_H
#define HM_FLOW_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "update.h"

/* As the glue fills it in: neither seq nor group, and no list initialised. */
static inline struct hm_update sample_update(u8 kind, u64 sector, u32 sectors)
{
	struct hm_update u;

	memset(&u, 0xa5, sizeof(u));
	u.kind = kind;
	u.flags = 0;
	u.volume = 0;
	u.sector = sector;
	u.sectors = sectors;
	u.ack = HM_ACK_RECEIVED;
	return u;
}

static inline struct hm_update sample_write(u64 sector)
{
	return sample_update(HM_WRITE, sector, 8);
}

static inline struct hm_update sample_flush(void)
{
	return sample_update(HM_FLUSH, 0, 0);
}

#define list_pop(list, member)						\
	({								\
		struct hm_update *_u = list_first_entry_or_null(	\
			list, struct hm_update, member);		\
		if (_u)							\
			list_del_init(&_u->member);			\
		_u;							\
	})

/* The list holds just these, in this order; it is empty afterwards. */
#define assert_list(list, member, ...) do {				\
	struct hm_update *_want[] = { __VA_ARGS__ };			\
	unsigned int _i;						\
	for (_i = 0; _i < ARRAY_SIZE(_want); _i++)			\
		assert_ptr_equal(list_pop(list, member), _want[_i]);	\
	assert_null(list_pop(list, member));				\
} while (0)

#define assert_acks(a, r, p, d) do {					\
	assert_int_equal((a)->received, r);				\
	assert_int_equal((a)->applied, p);				\
	assert_int_equal((a)->durable, d);				\
} while (0)

#endif
