/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_STORE_H
#define HM_CORE_STORE_H

#include "stream.h"

struct hm_update *hm_store_next(struct hm_stream *s);
void hm_store_begin(struct hm_stream *s, struct hm_update *u);
bool hm_store_done(struct hm_stream *s, struct hm_update *u, bool ok);

#endif
