// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes that found no memory, no room in the backlog, or no backup and a table
 * that says "on_disconnect stall". They wait here in the order in which they
 * came, never in map(), and every wait ends: with room, with the peer, or with
 * the stall timeout, after which the application goes on alone.
 */
#include <linux/bio.h>

#include "primary.h"

/* How soon to ask the allocator again, milliseconds. */
#define HM_MEMORY_RETRY_MS	10

/**
 * hm_primary_defer() - queue a bio that cannot be mirrored now
 * @p: the primary
 * @bio: from map(), untouched
 *
 * Context: any.
 */
void hm_primary_defer(struct hm_primary *p, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&p->set.lock, flags);
	bio_list_add(&p->deferred, bio);
	p->waiting = true;
	p->counters.deferred++;
	mod_delayed_work(hm_io_wq, &p->deferred_work, 0);
	spin_unlock_irqrestore(&p->set.lock, flags);
}

/**
 * hm_primary_kick_deferred() - what deferred bios wait for may have come
 * @p: the primary
 *
 * Context: any.
 */
void hm_primary_kick_deferred(struct hm_primary *p)
{
	unsigned long flags;

	spin_lock_irqsave(&p->set.lock, flags);
	if (p->waiting)
		mod_delayed_work(hm_io_wq, &p->deferred_work, 0);
	spin_unlock_irqrestore(&p->set.lock, flags);
}

static struct bio *hm_deferred_pop(struct hm_primary *p)
{
	struct bio *bio;

	spin_lock_irq(&p->set.lock);
	bio = bio_list_pop(&p->deferred);
	if (!bio) {
		p->waiting = false;
		p->store.wanted = false;
	}
	spin_unlock_irq(&p->set.lock);
	return bio;
}

static void hm_deferred_put_back(struct hm_primary *p, struct bio *bio)
{
	spin_lock_irq(&p->set.lock);
	bio_list_add_head(&p->deferred, bio);
	spin_unlock_irq(&p->set.lock);
}

/*
 * No memory, even after reclaim. Waiting for the backlog to shrink would be
 * waiting for the network, so a set that may not do that falls behind, unless its
 * log can take some of the backlog.
 */
static void hm_deferred_no_memory(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	if (!hm_primary_store_helps(p) &&
	    (p->set.args.full_behind || p->stall_over ||
	     p->link != HM_LINK_CONNECTED || p->sync == HM_SYNC_SUSPENDED))
		hm_primary_set_sync(p, HM_SYNC_BEHIND, "no-memory");
	mod_delayed_work(hm_io_wq, &p->deferred_work,
			 p->sync == HM_SYNC_BEHIND ?
				 0 : msecs_to_jiffies(HM_MEMORY_RETRY_MS));
	spin_unlock_irq(&p->set.lock);
}

/**
 * hm_primary_deferred_work() - try the deferred bios again, in order
 * @work: hm_primary.deferred_work
 */
void hm_primary_deferred_work(struct work_struct *work)
{
	struct hm_primary *p = container_of(to_delayed_work(work),
					    struct hm_primary, deferred_work);
	struct hm_volume *v;
	struct bio *bio;
	int ret;

	/* Room that comes while we try queues this work again: see waiting. */
	while ((bio = hm_deferred_pop(p))) {
		v = ((struct hm_pbd *)dm_per_bio_data(bio, sizeof(struct hm_pbd)))->v;
		ret = hm_primary_write(v, bio, true);
		if (ret == DM_MAPIO_REMAPPED)
			submit_bio_noacct(bio);
		if (ret >= 0)
			continue;
		hm_deferred_put_back(p, bio);
		if (ret == -ENOMEM)
			hm_deferred_no_memory(p);
		break;
	}
}
