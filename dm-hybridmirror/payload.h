/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_PAYLOAD_H
#define HM_PAYLOAD_H

#include <linux/bio.h>
#include <linux/mempool.h>

#include "core/update.h"

/* A payload of up to this many pages needs no table of its own. */
#define HM_INLINE_PAGES	4

/**
 * struct hm_payload - the one copy of an update's data
 * @bvec: the pages, all full but perhaps the last; @inline_bvec or a page
 * @count: used entries of @bvec
 * @bytes: length
 * @inline_bvec: room for small payloads
 *
 * The local or the backup's write, the checksum and the wire all use these
 * pages. Owned by the update that embeds it.
 */
struct hm_payload {
	struct bio_vec *bvec;
	unsigned int count;
	unsigned int bytes;
	struct bio_vec inline_bvec[HM_INLINE_PAGES];
};

/**
 * struct hm_pool - a set's memory: updates and pages, with a reserve
 * @updates: fixed-size update objects
 * @pages: single pages
 */
struct hm_pool {
	mempool_t updates;
	mempool_t pages;
};

int hm_pool_init(struct hm_pool *pool, struct kmem_cache *cache);
void hm_pool_exit(struct hm_pool *pool);
void *hm_pool_update(struct hm_pool *pool);

unsigned int hm_payload_cost(unsigned int bytes);
bool hm_payload_alloc(struct hm_pool *pool, struct hm_payload *p,
		      unsigned int bytes, bool reclaim);
void hm_payload_free(struct hm_pool *pool, struct hm_payload *p);
u32 hm_payload_crc(const struct hm_payload *p);
void hm_payload_bio(struct hm_payload *p, struct bio *bio,
		    struct block_device *bdev, sector_t sector, blk_opf_t opf);

#endif
