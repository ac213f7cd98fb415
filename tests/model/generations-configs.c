// SPDX-License-Identifier: GPL-2.0-only
/* From where, and how far, the histories are explored. */
#include "generations.h"

#define A		0
#define B		1
#define REGION(h, r)	((h) | (r) << 1)

/* a is the primary, b its backup, and both hold the same. */
#define PAIRED								\
	{ S_PRIMARY, A }, { S_BACKUP, B }, { S_SETTLE, 0 }

/* a has begun another generation, and b does not know. */
#define APART_ONCE							\
	{ S_CRASH, A }, { S_PRIMARY, A }, { S_APART, A }

#define APART_THRICE	APART_ONCE, APART_ONCE, APART_ONCE

/* Each is told to b, which does not come to adopt it. */
#define TOLD_ONCE	APART_ONCE, { S_HELLO, A }, { S_ANSWER, A }
#define TOLD_THRICE	TOLD_ONCE, TOLD_ONCE, TOLD_ONCE

/* a has written both regions alone, and begins to copy them. */
#define COPYING_BEGUN							\
	PAIRED, { S_CUT, A }, { S_ALONE, A },				\
	{ S_WRITE, REGION(A, 1) }, { S_WRITE, REGION(A, 0) },		\
	{ S_HELLO, A }, { S_ANSWER, A }, { S_BEGIN, B }, { S_FORGET, B }

/* Likewise, and b stages what it gets. */
#define STAGED_BEGUN							\
	PAIRED, { S_CUT, A }, { S_ALONE, A },				\
	{ S_WRITE, REGION(A, 1) }, { S_WRITE, REGION(A, 0) },		\
	{ S_CRASH, A }, { S_PRIMARY, A },				\
	{ S_HELLO, A }, { S_ANSWER, A }, { S_BEGIN, B }

/* b has taken over and written, a went on too; b is the backup again. */
#define BOTH_WRITTEN							\
	PAIRED, { S_SWITCH, B }, { S_WRITE, REGION(B, 0) },		\
	{ S_NOTICE, A }, { S_ALONE, A }, { S_WRITE, REGION(A, 1) },	\
	{ S_SWITCH, B }, { S_HELLO, A }

const struct config configs[] = {
	{ .name = "beginning", .writes = 3, .depth = 5 },
	{ .name = "beginning-clean", .writes = 3, .depth = 5, .flags = G_CLEAN },
	{ .name = "paired", .writes = 3, .depth = 5, .prefix = { PAIRED } },
	{ .name = "deeper", .writes = 2, .depth = 6, .prefix = { PAIRED } },
	{ .name = "deepest", .writes = 3, .depth = 6, .deep = true,
	  .prefix = { PAIRED } },
	{ .name = "slow-disk", .writes = 2, .depth = 4,
	  .flags = G_SLOW | G_CLEANING, .prefix = { PAIRED } },
	{ .name = "late", .writes = 2, .depth = 4,
	  .flags = G_DROP | G_LATE_ACK, .prefix = { PAIRED } },
	{ .name = "behind", .writes = 3, .depth = 4,
	  .flags = G_BEHIND | G_APART, .prefix = { PAIRED } },
	{ .name = "cleaning", .writes = 3, .depth = 4, .flags = G_CLEANING,
	  .prefix = { PAIRED } },
	{ .name = "suspended", .writes = 2, .depth = 5, .flags = G_BOUNCE,
	  .prefix = { PAIRED } },
	{ .name = "lag", .writes = 3, .depth = 5, .flags = G_LAG | G_APART,
	  .prefix = { PAIRED } },
	{ .name = "lag-long", .writes = 3, .depth = 4, .flags = G_LAG | G_SLOW,
	  .prefix = { PAIRED, { S_CUT, A }, { S_ALONE, A },
		      { S_WRITE, REGION(A, 0) }, { S_WRITE, REGION(A, 1) } } },
	{ .name = "stall", .writes = 2, .depth = 5, .flags = G_STALL,
	  .prefix = { PAIRED } },
	{ .name = "replaced", .writes = 2, .depth = 5,
	  .flags = G_REPLACE | G_CLEAN, .prefix = { PAIRED } },
	{ .name = "copying", .writes = 4, .depth = 4, .flags = G_FORCE,
	  .prefix = { COPYING_BEGUN } },
	{ .name = "staged", .writes = 3, .depth = 3, .flags = G_STAGE,
	  .prefix = { STAGED_BEGUN } },
	{ .name = "staged-deep", .writes = 3, .depth = 4, .flags = G_STAGE,
	  .deep = true, .prefix = { STAGED_BEGUN } },
	{ .name = "staged-late", .writes = 3, .depth = 3,
	  .flags = G_STAGE | G_DROP | G_LATE_ACK, .prefix = { STAGED_BEGUN } },
	{ .name = "staged-slow", .writes = 3, .depth = 2,
	  .flags = G_STAGE | G_SLOW | G_CLEANING,
	  .prefix = { STAGED_BEGUN } },
	{ .name = "staged-behind", .writes = 3, .depth = 3,
	  .flags = G_STAGE | G_BEHIND,
	  .prefix = { STAGED_BEGUN } },
	{ .name = "staged-apart", .writes = 2, .depth = 4,
	  .flags = G_STAGE | G_BOUNCE | G_APART | G_FORCE,
	  .prefix = { PAIRED } },
	{ .name = "diverged", .writes = 4, .depth = 4, .flags = G_FORCE,
	  .prefix = { BOTH_WRITTEN } },
	{ .name = "forced", .writes = 2, .depth = 6, .flags = G_FORCE,
	  .prefix = { PAIRED, { S_WRITE, REGION(A, 0) } } },
	{ .name = "long-list", .writes = 2, .depth = 4, .flags = G_APART,
	  .prefix = { PAIRED, APART_THRICE, APART_THRICE } },
	{ .name = "told-list", .writes = 2, .depth = 4, .flags = G_APART,
	  .prefix = { PAIRED, TOLD_THRICE, TOLD_THRICE, TOLD_THRICE } },
	{ .name = "no-memory-a", .writes = 2, .depth = 5, .forgets = FORGETS(A),
	  .prefix = { PAIRED } },
	{ .name = "no-memory-b", .writes = 2, .depth = 5, .forgets = FORGETS(B),
	  .prefix = { PAIRED } },
	{ .name = "no-memory", .writes = 2, .depth = 5,
	  .forgets = FORGETS(A) | FORGETS(B), .prefix = { PAIRED } },

	/* The glue is wrong on purpose. */
	{ .name = "early", .writes = 3, .depth = 6, .flags = G_EARLY,
	  .expect = 'a', .prefix = { PAIRED } },
	{ .name = "hasty", .writes = 3, .depth = 6, .flags = G_HASTY,
	  .expect = 'a', .prefix = { { S_PRIMARY, A }, { S_BACKUP, B } } },
	{ .name = "in-flight", .writes = 3, .depth = 6, .expect = 'a',
	  .flags = G_SLOW | G_CLEANING | G_IN_FLIGHT, .prefix = { PAIRED } },
	{ .name = "forgetful", .writes = 3, .depth = 6, .flags = G_FORGETFUL,
	  .expect = 'e', .prefix = { BOTH_WRITTEN } },
	{ .name = "same-generation", .writes = 2, .depth = 6, .expect = 'd',
	  .flags = G_SAME | G_FORCE,
	  .prefix = { PAIRED, { S_WRITE, REGION(A, 0) } } },
	{ .name = "staged-word", .writes = 3, .depth = 6, .expect = 'm',
	  .flags = G_STAGE | G_WORD, .prefix = { STAGED_BEGUN } },
	{ .name = "staged-clean", .writes = 3, .depth = 6, .expect = 'e',
	  .flags = G_STAGE | G_CLEANING | G_UNCLEAN,
	  .prefix = { STAGED_BEGUN } },
	{ .name = "staged-trusting", .writes = 3, .depth = 6, .expect = 'e',
	  .flags = G_STAGE | G_TRUSTING, .prefix = { STAGED_BEGUN } },
	{ .name = "lazy", .writes = 3, .depth = 6, .flags = G_LAZY,
	  .expect = 'e', .prefix = { PAIRED } },

	/* So is the core. */
	{ .name = "apart", .control = "apart", .writes = 3, .depth = 6,
	  .expect = 'd', .prefix = { PAIRED } },
	{ .name = "diverged-same", .control = "diverged", .writes = 4,
	  .depth = 6, .expect = 'd', .prefix = { BOTH_WRITTEN } },
	{ .name = "outdated-same", .control = "outdated", .writes = 3,
	  .depth = 6, .expect = 'd', .prefix = { PAIRED } },
	{ .name = "covers-fresh", .control = "fresh", .writes = 3, .depth = 6,
	  .flags = G_REPLACE | G_CLEAN, .expect = 'e', .prefix = { PAIRED } },
	{ .name = "consistent-copy", .control = "copy", .writes = 4,
	  .depth = 6, .expect = 'c', .prefix = { COPYING_BEGUN } },
	{ .name = "promotes-anything", .control = "promote", .writes = 4,
	  .depth = 6, .expect = 'c', .prefix = { COPYING_BEGUN } },
	{ .name = "met-too-much", .control = "met", .writes = 3, .depth = 6,
	  .expect = 'n', .prefix = { PAIRED } },
	{ .name = "crash-forgets", .control = "lose", .writes = 3, .depth = 6,
	  .expect = 'e', .prefix = { PAIRED } },
	{ .name = NULL }
};
