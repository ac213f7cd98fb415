/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of the states that were seen, by their keys. */
#ifndef HM_VISITED_H
#define HM_VISITED_H

#include "env.h"

struct visited;
enum visited_set { VISITED, VISITED_CANONICAL, VISITED_SETS };
struct visited *visited_begin(enum visited_set which, unsigned int key_bytes);
u32 visited_find(struct visited *v, const u8 *key, bool *fresh);
double *visited_value(struct visited *v, u32 index);
const u8 *visited_key(const struct visited *v, u32 index);
u32 visited_count(const struct visited *v);

#endif
