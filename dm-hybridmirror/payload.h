/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_PAYLOAD_H
#define HM_PAYLOAD_H

#include <linux/bio.h>
#include <linux/mempool.h>
#include <linux/spinlock.h>

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
 * enum hm_alloc - where memory may come from
 * @HM_ALLOC_NOWAIT: the allocator without waiting, and the reserve
 * @HM_ALLOC_RECLAIM: the allocator with reclaim but no I/O, and the reserve
 * @HM_ALLOC_SPARE: likewise, but the reserve is for others
 */
enum hm_alloc {
	HM_ALLOC_NOWAIT,
	HM_ALLOC_RECLAIM,
	HM_ALLOC_SPARE,
};

/**
 * struct hm_pool - a set's memory: updates and pages, with a reserve
 * @cache: what @updates is made of
 * @updates: fixed-size update objects
 * @pages: single pages
 * @cap: pages that may be kept for the next payloads: what the table allows and
 *	no update counts for; hm_pool_allow() sets it
 * @lock: protects @kept, @count and @low; innermost
 * @kept: pages, by page.lru
 * @count: how many
 * @low: the least of @count since the last hm_pool_trim()
 */
struct hm_pool {
	struct kmem_cache *cache;
	mempool_t updates;
	mempool_t pages;
	unsigned long cap;
	spinlock_t lock;
	struct list_head kept;
	unsigned long count;
	unsigned long low;
};

/* The set's updates leave so many bytes of what its table allows. */
static inline void hm_pool_allow(struct hm_pool *pool, u64 used, u64 limit)
{
	WRITE_ONCE(pool->cap, used < limit ? (limit - used) >> PAGE_SHIFT : 0);
}

int hm_pool_init(struct hm_pool *pool, struct kmem_cache *cache);
void hm_pool_exit(struct hm_pool *pool);
void hm_pool_trim(struct hm_pool *pool, bool all);
void *hm_pool_update(struct hm_pool *pool, enum hm_alloc from);

unsigned int hm_payload_cost(unsigned int bytes);
bool hm_payload_alloc(struct hm_pool *pool, struct hm_payload *p,
		      unsigned int bytes, enum hm_alloc from);
void hm_payload_free(struct hm_pool *pool, struct hm_payload *p);
u32 hm_payload_crc(const struct hm_payload *p);
void hm_payload_bio(struct hm_payload *p, struct bio *bio,
		    struct block_device *bdev, sector_t sector, blk_opf_t opf);

#endif
