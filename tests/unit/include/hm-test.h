/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests of codec, handshake, link and args share. */
#ifndef HM_TEST_H
#define HM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "codec.h"

#define assert_decode(got, want) do {					\
	enum hm_decode _got = (got), _want = (want);			\
	if (_got != _want)						\
		fail_msg("got \"%s\", want \"%s\"",			\
			 hm_decode_text(_got), hm_decode_text(_want));	\
} while (0)

/*
 * A table of words: each there, none twice, no trailing period, and something
 * for numbers outside of it.
 */
#define assert_words(text, count) do {					\
	unsigned int _i, _j;						\
	for (_i = 0; _i < (count); _i++) {				\
		const char *_s = text(_i);				\
		assert_non_null(_s);					\
		assert_true(strlen(_s) > 0);				\
		assert_int_not_equal(_s[strlen(_s) - 1], '.');		\
		for (_j = 0; _j < _i; _j++)				\
			assert_string_not_equal(_s, text(_j));		\
		assert_string_not_equal(_s, text(count));		\
	}								\
	assert_string_equal(text(count), text(~0U));			\
} while (0)

static inline void flip(void *bytes, unsigned int bit)
{
	((u8 *)bytes)[bit / 8] ^= 1U << (bit % 8);
}

/* The generations of the sample, and one that only its peer has been through. */
#define NEWEST	0x3132333435363738ULL
#define OLDER	0x4142434445464748ULL
#define OLDEST	0x5152535455565758ULL
#define APART	0x6162636465666768ULL

/* The generations given, newest first, of which the bitmap covers so many. */
#define LINEAGE(covers, ...) \
	{ .generation = { __VA_ARGS__ }, .covered = covers }

/* A hello as a primary sends it: two volumes, nothing out of the ordinary. */
static inline struct hm_hello sample_hello(void)
{
	struct hm_hello h = {
		.version = HM_PROTOCOL_VERSION,
		.oldest = HM_PROTOCOL_OLDEST,
		.stream = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
			    16 },
		.last_seq = 100,
		.set = "orders",
		.lineage = LINEAGE(2, NEWEST, OLDER, OLDEST),
		.volumes = 2,
		.volume = {
			{ .number = 2, .sectors = 8192, .logical_block = 4096,
			  .physical_block = 4096,
			  .flags = HM_VOLUME_VOLATILE_CACHE },
			{ .number = 7, .sectors = 1000, .logical_block = 512,
			  .physical_block = 4096 },
		},
	};

	return h;
}

#endif
