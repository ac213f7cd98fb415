/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzz targets share: checks that stay in every build, and bytes. */
#ifndef HM_FUZZ_H
#define HM_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "lineage.h"

#define check(cond) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,	\
			__LINE__, #cond);				\
		abort();						\
	}								\
} while (0)

/* The input, taken byte by byte; zero when there is no more. */
struct bytes {
	const u8 *at;
	size_t left;
};

static inline u8 take(struct bytes *b)
{
	if (!b->left)
		return 0;
	b->left--;
	return *b->at++;
}

/* What may be said of a lineage that a decoder has let through. */
static inline void check_lineage(const struct hm_lineage *l)
{
	unsigned int i, known = 0;

	for (i = 0; i < HM_GENERATIONS; i++) {
		known += !!l->generation[i];
		check(known == i + 1 || !l->generation[i]);
	}
	check(l->covered <= known);
	check(!l->covered == !known);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif
