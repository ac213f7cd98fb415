/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_STORE_H
#define HM_CORE_STORE_H

#include "stream.h"

/* Updates that are looked at in one hold of the lock. */
#define HM_STORE_STEPS	256

struct hm_update *hm_store_next(struct hm_stream *s, unsigned int *steps);
void hm_store_begin(struct hm_stream *s, struct hm_update *u);
bool hm_store_done(struct hm_stream *s, struct hm_update *u, bool ok);

#endif
