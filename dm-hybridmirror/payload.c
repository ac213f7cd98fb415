// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages for updates in flight, from reserves that belong to the set.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "hm.h"
#include "core/codec.h"
#include "payload.h"

/**
 * hm_pool_init() - reserve memory for a set
 * @pool: the pool
 * @cache: slab cache of the side's update objects
 *
 * Return: 0 or -ENOMEM.
 *
 * Context: may sleep.
 */
int hm_pool_init(struct hm_pool *pool, struct kmem_cache *cache)
{
	int err;

	pool->cache = cache;
	pool->cap = 0;
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->kept);
	pool->count = 0;
	pool->low = 0;
	err = mempool_init_slab_pool(&pool->updates, HM_RESERVED_UPDATES,
				     cache);
	if (err)
		return err;
	err = mempool_init_page_pool(&pool->pages, HM_RESERVED_PAGES, 0);
	if (err)
		mempool_exit(&pool->updates);
	return err;
}

/**
 * hm_pool_exit() - give the reserve back
 * @pool: the pool; everything taken from it has been freed
 *
 * Context: may sleep.
 */
void hm_pool_exit(struct hm_pool *pool)
{
	hm_pool_trim(pool, true);
	mempool_exit(&pool->pages);
	mempool_exit(&pool->updates);
}

/**
 * hm_payload_cost() - memory that a payload takes
 * @bytes: its length
 *
 * Return: bytes of pages, the table included.
 */
unsigned int hm_payload_cost(unsigned int bytes)
{
	unsigned int pages = DIV_ROUND_UP(bytes, PAGE_SIZE);

	if (pages > HM_INLINE_PAGES)
		pages++;
	return pages << PAGE_SHIFT;
}

#define HM_GFP_RECLAIM	(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN)
#define HM_GFP_RESERVE	(GFP_NOWAIT | __GFP_NOWARN)

/* Pages for each hold of the lock. */
#define HM_TRIM_AT_ONCE	256UL

/* Pages move from one list to the other, up to @most of them. */
static unsigned long hm_pages_move(struct list_head *from, struct list_head *to,
				   unsigned long most)
{
	unsigned long n;

	for (n = 0; n < most && !list_empty(from); n++)
		list_move(from->next, to);
	return n;
}

/*
 * Takes up to @most of the pages that are kept; and one more, for the caller to
 * free, if the updates leave less room: each counts for more than its pages.
 */
static void hm_pool_take(struct hm_pool *pool, struct list_head *to,
			 unsigned long most)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	pool->count -= hm_pages_move(&pool->kept, to, most);
	if (pool->count > READ_ONCE(pool->cap))
		pool->count -= hm_pages_move(&pool->kept, to, 1);
	pool->low = min(pool->low, pool->count);
	spin_unlock_irqrestore(&pool->lock, flags);
}

/*
 * Pages for the next payloads: to clear a page for each, as many kernels do, and
 * to go to the allocator costs about as much as to copy it. The rest goes to the
 * reserve, or back to the allocator.
 */
static void hm_pool_give(struct hm_pool *pool, struct list_head *pages)
{
	unsigned long cap = READ_ONCE(pool->cap);
	unsigned long flags;
	struct page *page, *next;

	/* The reserve comes first; it is looked at again when it is filled. */
	if (data_race(pool->pages.curr_nr) >= pool->pages.min_nr) {
		spin_lock_irqsave(&pool->lock, flags);
		if (pool->count < cap)
			pool->count += hm_pages_move(pages, &pool->kept,
						     cap - pool->count);
		spin_unlock_irqrestore(&pool->lock, flags);
	}
	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		mempool_free(page, &pool->pages);
	}
}

static void hm_pages_free(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

/**
 * hm_pool_trim() - let go of pages that are kept in vain
 * @pool: the pool
 * @all: of all; else of those that were not needed since the last time
 *
 * Context: process; may take a while.
 */
void hm_pool_trim(struct hm_pool *pool, bool all)
{
	unsigned long most = all ? ULONG_MAX : READ_ONCE(pool->low);
	unsigned long step;
	LIST_HEAD(pages);

	for (; most; most -= step) {
		step = min(most, HM_TRIM_AT_ONCE);
		hm_pool_take(pool, &pages, step);
		if (list_empty(&pages))
			break;
		hm_pages_free(&pages);
		cond_resched();
	}
	spin_lock_irq(&pool->lock);
	pool->low = pool->count;
	spin_unlock_irq(&pool->lock);
}

/* From the allocator, else from the reserve; the reserve is not waited for. */
static struct page *hm_page_alloc(struct hm_pool *pool, enum hm_alloc from,
				  struct list_head *kept)
{
	struct page *page = list_first_entry_or_null(kept, struct page, lru);

	if (page) {
		list_del(&page->lru);
		return page;
	}
	if (from != HM_ALLOC_NOWAIT)
		page = alloc_page(HM_GFP_RECLAIM);
	if (page || from == HM_ALLOC_SPARE)
		return page;
	return mempool_alloc(&pool->pages, HM_GFP_RESERVE);
}

/**
 * hm_pool_update() - memory for an update object
 * @pool: the set's pool
 * @from: where it may come from
 *
 * Return: the object, not initialised, or NULL if there is no memory now. It is
 * given back to @pool->updates, wherever it came from.
 *
 * Context: may sleep only with HM_ALLOC_SPARE.
 */
void *hm_pool_update(struct hm_pool *pool, enum hm_alloc from)
{
	if (from == HM_ALLOC_SPARE)
		return kmem_cache_alloc(pool->cache, HM_GFP_RECLAIM);
	return mempool_alloc(&pool->updates, HM_GFP_RESERVE);
}

/**
 * hm_payload_alloc() - pages for a payload
 * @pool: the set's pool
 * @p: the payload, uninitialised
 * @bytes: length, up to HM_MAX_PAYLOAD; may be 0
 * @from: where it may come from
 *
 * Return: false if there is no memory now; try again when some was freed.
 *
 * Context: may sleep unless @from is HM_ALLOC_NOWAIT.
 */
bool hm_payload_alloc(struct hm_pool *pool, struct hm_payload *p,
		      unsigned int bytes, enum hm_alloc from)
{
	unsigned int left = bytes;
	struct page *page;
	LIST_HEAD(kept);

	static_assert((HM_MAX_PAYLOAD >> PAGE_SHIFT) * sizeof(struct bio_vec) <=
		      PAGE_SIZE);

	p->bvec = p->inline_bvec;
	p->count = 0;
	p->bytes = bytes;
	if (bytes)
		hm_pool_take(pool, &kept, hm_payload_cost(bytes) >> PAGE_SHIFT);
	if (bytes > HM_INLINE_PAGES << PAGE_SHIFT) {
		page = hm_page_alloc(pool, from, &kept);
		if (!page)
			return false;
		p->bvec = page_address(page);
	}
	while (left) {
		page = hm_page_alloc(pool, from, &kept);
		if (!page) {
			hm_payload_free(pool, p);
			return false;
		}
		bvec_set_page(&p->bvec[p->count++], page,
			      min_t(unsigned int, left, PAGE_SIZE), 0);
		left -= min_t(unsigned int, left, PAGE_SIZE);
	}
	hm_pages_free(&kept);
	return true;
}

/**
 * hm_payload_free() - give the pages back
 * @pool: the set's pool
 * @p: the payload; empty afterwards
 *
 * Context: any.
 */
void hm_payload_free(struct hm_pool *pool, struct hm_payload *p)
{
	LIST_HEAD(pages);

	while (p->count)
		list_add(&p->bvec[--p->count].bv_page->lru, &pages);
	if (p->bvec != p->inline_bvec)
		list_add(&virt_to_page(p->bvec)->lru, &pages);
	p->bvec = p->inline_bvec;
	p->bytes = 0;
	if (!list_empty(&pages))
		hm_pool_give(pool, &pages);
}

/**
 * hm_payload_crc() - checksum for the wire
 * @p: the payload
 *
 * Return: crc32c of the bytes, 0 if there are none.
 *
 * Context: any.
 */
u32 hm_payload_crc(const struct hm_payload *p)
{
	u32 crc = HM_CRC_SEED;
	unsigned int i;

	if (!p->bytes)
		return 0;
	for (i = 0; i < p->count; i++)
		crc = hm_crc(crc, page_address(p->bvec[i].bv_page),
			     p->bvec[i].bv_len);
	return crc;
}

/**
 * hm_payload_bio() - a bio over the payload's pages
 * @p: the payload; stays valid until the bio ends
 * @bio: embedded in the update; bio_uninit() when it has ended
 * @bdev: the disk
 * @sector: first sector of 512 bytes
 * @opf: operation and flags
 *
 * Context: any.
 */
void hm_payload_bio(struct hm_payload *p, struct bio *bio,
		    struct block_device *bdev, sector_t sector, blk_opf_t opf)
{
	bio_init(bio, bdev, p->count ? p->bvec : NULL, p->count, opf);
	bio->bi_vcnt = p->count;
	bio->bi_iter.bi_sector = sector;
	bio->bi_iter.bi_size = p->bytes;
}
