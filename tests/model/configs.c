// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is explored. Each is complete for its bounds: every sequence of updates
 * from the menu, in every interleaving of all that the flags allow.
 */
#include "model.h"

#define R	HM_ACK_RECEIVED
#define L	HM_ACK_LOCAL
#define A	HM_ACK_APPLIED

/* kind, flags, volume, first block, blocks, ack */
#define W_A(a)	{ "write 0:0, ack " #a, HM_WRITE, 0, 0, 0, 1, a }
#define W_B(a)	{ "write 0:1, ack " #a, HM_WRITE, 0, 0, 1, 1, a }
#define W_AB(a)	{ "write 0:0-1, ack " #a, HM_WRITE, 0, 0, 0, 2, a }
#define W_C(a)	{ "write 1:0, ack " #a, HM_WRITE, 0, 1, 0, 1, a }
#define Z_AB(a)	{ "write zeroes 0:0-1, ack " #a, HM_WRITE_ZEROES, 0, 0, 0, 2, a }
#define FUA_A(a) { "FUA write 0:0, ack " #a, HM_WRITE, HM_FUA, 0, 0, 1, a }
#define FUA_C(a) { "FUA write 1:0, ack " #a, HM_WRITE, HM_FUA, 1, 0, 1, a }
#define FLUSH(a) { "flush 0, ack " #a, HM_FLUSH, 0, 0, 0, 0, a }
#define FLUSH1(a) { "flush 1, ack " #a, HM_FLUSH, 0, 1, 0, 0, a }

#define COMPLETION	.ordering = HM_ORDER_COMPLETION
#define FLUSHES		.ordering = HM_ORDER_FLUSH
#define NEVER		.ordering = HM_ORDER_NONE
#define DEEP		.when = WHEN_DEEP
#define F_FINE		(F_LATE_SENT | F_LAND | F_LAZY | F_LATE_DELIVERY)

const struct config configs[] = {
	/* The order of completions, and overlaps */
	{ "completion", 4, COMPLETION, .acks = 1,
	  .menu = { W_A(R), W_C(A) } },
	{ "completion-late", 3, COMPLETION, .acks = 1,
	  .flags = F_LAND | F_LATE_DELIVERY,
	  .menu = { W_A(R), W_C(L), Z_AB(A) } },
	{ "completion-lazy", 3, COMPLETION, .acks = 2,
	  .flags = F_LATE_SENT | F_LAZY,
	  .menu = { W_A(R), W_AB(A) } },
	{ "overlaps-3", 3, COMPLETION, .acks = 1, .flags = F_LATE_SENT,
	  .menu = { W_A(R), W_AB(L), W_B(A), Z_AB(R) } },
	{ "overlaps-4", 4, COMPLETION, .acks = 1,
	  .menu = { W_A(R), W_AB(L) } },
	{ "completion-cuts", 3, COMPLETION, .acks = 1, .cuts = 2,
	  .flags = F_CRASH,
	  .menu = { W_A(R), W_C(L), W_AB(A) } },
	{ "completion-stalls", 3, COMPLETION, .acks = 1, .cuts = 2,
	  .flags = F_STALL | F_LATE_SENT,
	  .menu = { W_A(R), W_C(A) } },
	{ "completion-fails", 3, COMPLETION, .acks = 1, .fails = 2,
	  .flags = F_CRASH,
	  .menu = { W_A(R), W_AB(A) } },

	/* The same before a disk with a volatile cache */
	{ "cached", 3, COMPLETION, .acks = 1, .flags = F_CACHE,
	  .menu = { W_A(R), W_C(L), FUA_A(R), FLUSH(A), FLUSH1(L) } },
	{ "cached-late", 3, COMPLETION, .acks = 1,
	  .flags = F_CACHE | F_LAND | F_LATE_DELIVERY | F_WANT_ANYTIME,
	  .menu = { W_A(R), FLUSH(A) } },
	{ "cached-cuts", 3, COMPLETION, .acks = 1, .cuts = 1,
	  .flags = F_CACHE | F_CRASH,
	  .menu = { W_A(R), FUA_C(L), FLUSH(A) } },
	{ "cached-fails", 3, COMPLETION, .acks = 1, .fails = 1,
	  .flags = F_CACHE | F_LAZY,
	  .menu = { W_A(R), FLUSH(A) } },
	{ "every-group", 3, COMPLETION, .acks = 1,
	  .flags = F_CACHE | F_EVERY,
	  .menu = { W_A(R), W_C(L), FUA_A(A), FLUSH(R) } },
	{ "every-group-fails", 3, COMPLETION, .acks = 1, .fails = 1,
	  .flags = F_CACHE | F_EVERY | F_LAND,
	  .menu = { W_A(R), W_C(L) } },

	/* The order of flushes alone */
	{ "flushes-4", 4, FLUSHES, .acks = 1, .flags = F_CACHE,
	  .menu = { W_A(R), FLUSH(R) } },
	{ "flushes", 3, FLUSHES, .acks = 1, .flags = F_CACHE,
	  .menu = { W_A(R), W_C(L), FUA_A(R), FLUSH(A), FLUSH1(L) } },
	{ "flushes-late", 3, FLUSHES, .acks = 1,
	  .flags = F_CACHE | F_LAND | F_LATE_DELIVERY,
	  .menu = { W_A(R), FUA_C(L), FLUSH(A) } },
	{ "flushes-cuts", 3, FLUSHES, .acks = 1, .cuts = 1,
	  .flags = F_CACHE | F_CRASH,
	  .menu = { W_A(R), FUA_C(L), FLUSH(A) } },
	{ "flushes-fails", 3, FLUSHES, .acks = 1, .fails = 1,
	  .flags = F_CACHE,
	  .menu = { W_A(R), FUA_C(L), FLUSH(A) } },

	/* With a log */
	{ "log", 4, COMPLETION, .acks = 1, .flags = F_LOG,
	  .menu = { W_A(R), W_C(A) } },
	{ "log-overlaps-3", 3, COMPLETION, .acks = 1, .flags = F_LOG | F_LAND,
	  .menu = { W_A(R), W_AB(L), W_B(A), Z_AB(R) } },
	{ "log-overlaps-4", 4, COMPLETION, .acks = 1, .flags = F_LOG,
	  .menu = { W_A(R), W_AB(L) } },
	{ "log-cached", 3, COMPLETION, .acks = 1, .flags = F_LOG | F_CACHE,
	  .menu = { W_A(R), W_AB(L), FUA_A(R), FLUSH(A) } },
	{ "log-cached-late", 3, FLUSHES, .acks = 1,
	  .flags = F_LOG | F_CACHE | F_LAND | F_LAZY | F_WANT_ANYTIME,
	  .menu = { W_A(R), W_AB(A) } },
	{ "log-fails", 3, COMPLETION, .acks = 1, .fails = 2,
	  .flags = F_LOG | F_CRASH, .menu = { W_A(R), W_AB(A) } },
	{ "log-cuts", 3, COMPLETION, .acks = 1, .cuts = 2,
	  .flags = F_LOG | F_CACHE | F_CRASH,
	  .menu = { W_A(R), W_C(L), FLUSH(A) } },
	{ "keys-log", 2, COMPLETION, .acks = 1, .cuts = 1, .fails = 1,
	  .flags = F_LOG | F_CACHE | F_WANT_ANYTIME | F_CRASH,
	  .when = WHEN_RAW, .menu = { W_A(R), W_AB(L), FLUSH(A) } },
	{ "deep-log-4", 4, COMPLETION, .acks = 1, DEEP,
	  .flags = F_LOG | F_CACHE, .menu = { W_A(R), W_AB(A), FLUSH(A) } },

	/* Everything at once */
	{ "everything-2", 2, COMPLETION, .acks = 2, .cuts = 1, .fails = 1,
	  .flags = F_CACHE | F_FINE,
	  .menu = { W_A(R), FLUSH(A) } },
	{ "keys", 2, COMPLETION, .acks = 1, .cuts = 1, .fails = 1,
	  .flags = F_CACHE | F_WANT_ANYTIME | F_CRASH, .when = WHEN_RAW,
	  .menu = { W_A(R), W_AB(L), FLUSH(A) } },

	{ "deep-completion-4", 4, COMPLETION, .acks = 1, DEEP,
	  .flags = F_LAND | F_CRASH, .cuts = 1,
	  .menu = { W_A(R), W_C(L) } },
	{ "deep-completion-5", 5, COMPLETION, .acks = 1, DEEP,
	  .menu = { W_A(R), W_C(L) } },
	{ "deep-cached-4", 4, COMPLETION, .acks = 1, DEEP, .flags = F_CACHE,
	  .menu = { W_A(R), W_C(A), FUA_C(L), FLUSH(R) } },
	{ "deep-flushes-4", 4, FLUSHES, .acks = 1, DEEP, .flags = F_CACHE,
	  .menu = { W_A(R), W_C(A), FUA_C(L), FLUSH(R) } },
	{ "deep-everything-2", 2, COMPLETION, .acks = 2, DEEP, .cuts = 1,
	  .fails = 1, .flags = F_CACHE | F_FINE | F_WANT_ANYTIME | F_CRASH,
	  .menu = { W_A(R), W_AB(L), FUA_C(A), FLUSH(A) } },
	{ "deep-everything-3", 3, FLUSHES, .acks = 1, DEEP, .cuts = 1,
	  .fails = 1, .flags = F_CACHE | F_CRASH,
	  .menu = { W_A(R), W_C(L), FUA_C(A), FLUSH(A) } },
	{ "deep-every-3", 3, COMPLETION, .acks = 1, DEEP, .cuts = 1,
	  .fails = 1, .flags = F_CACHE | F_EVERY | F_CRASH,
	  .menu = { W_A(R), W_C(L), FUA_C(A), FLUSH(A) } },

	/* Wrong on purpose: each claim must be able to fail. */
	{ "control-no-groups", 2, NEVER, .acks = 1, .expect = 'a',
	  .menu = { W_A(R), W_C(R) } },
	{ "control-early-ack", 2, COMPLETION, .acks = 1, .expect = 'b',
	  .flags = F_LIE_ACK, .menu = { W_A(R), W_C(R) } },
	{ "control-empty-flush", 3, FLUSHES, .acks = 1, .expect = 'd',
	  .flags = F_CACHE | F_LIE_FLUSH,
	  .menu = { W_A(R), W_C(R), FLUSH(R) } },
	{ "control-empty-flush-ack", 3, FLUSHES, .acks = 1, .expect = 'e',
	  .flags = F_CACHE | F_LIE_FLUSH, .menu = { W_A(R), FLUSH(R) } },
	{ "control-cache-untold", 2, COMPLETION, .acks = 1, .expect = 'e',
	  .flags = F_CACHE | F_LIE_CACHE, .menu = { W_A(R), FLUSH(R) } },
	{ "control-every-untold", 2, COMPLETION, .acks = 1, .expect = 'd',
	  .flags = F_CACHE | F_EVERY | F_LIE_EVERY,
	  .menu = { W_A(R), W_C(R) } },
	{ "control-lost-flush", 2, COMPLETION, .acks = 1, .expect = 'f',
	  .flags = F_CACHE | F_LIE_LOST, .menu = { W_A(R), FLUSH(R) } },
	{ "control-log-forgets", 2, COMPLETION, .acks = 1, .expect = 'e',
	  .flags = F_LOG | F_LIE_LOG, .menu = { W_A(R), W_C(R) } },
	{ "control-log-empty-flush", 2, COMPLETION, .acks = 1, .expect = 'd',
	  .flags = F_LOG | F_CACHE | F_LIE_FLUSH,
	  .menu = { W_A(R), W_C(R) } },
	{ "control-log-cache-untold", 2, COMPLETION, .acks = 1, .expect = 'd',
	  .flags = F_LOG | F_CACHE | F_LIE_CACHE,
	  .menu = { W_A(R), W_C(R) } },
	{ "control-log-overlap", 2, COMPLETION, .acks = 1, .broken = "overlap",
	  .expect = 'c', .flags = F_LOG, .menu = { W_A(R), W_AB(R) } },
	{ "control-gate", 2, COMPLETION, .acks = 1, .broken = "gate",
	  .expect = 'a', .menu = { W_A(R), W_C(R) } },
	{ "control-gate-flushes", 3, FLUSHES, .acks = 1, .broken = "gate",
	  .expect = 'a', .flags = F_CACHE, .menu = { W_A(R), FUA_C(R) } },
	{ "control-close", 2, COMPLETION, .acks = 1, .broken = "close",
	  .expect = 'a', .menu = { W_A(R), W_C(R) } },
	{ "control-close-flushes", 3, FLUSHES, .acks = 1, .broken = "close",
	  .expect = 'd', .flags = F_CACHE,
	  .menu = { W_A(R), W_C(R), FUA_C(R), FLUSH(R) } },
	{ "control-overlap", 2, COMPLETION, .acks = 1, .broken = "overlap",
	  .expect = 'c', .menu = { W_A(R), W_AB(R) } },
	{ }
};
