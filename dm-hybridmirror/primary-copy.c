// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying regions to the backup. A copy is an update like others: what the local
 * disk holds takes a place in the stream, so a write to the range and the copy of
 * it never overtake each other, neither on the wire nor on the backup's disk.
 * While the range is being read, updates of it wait; it is not read while one is
 * in flight.
 */
#include <linux/bio.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/sched/mm.h>

#include "core/codec.h"
#include "primary.h"
#include "sock.h"
#include "trace.h"

/* The application has been busy if it wrote so recently, milliseconds. */
#define HM_COPY_BUSY_MS		50

/* Copies in the backlog, bytes: enough to fill a link of 1 Gbit/s and 50 ms. */
#define HM_COPY_WINDOW		(8U << 20)

/* Milliseconds before something that was in the way is tried again. */
#define HM_COPY_RETRY_MS	2
#define HM_COPY_RETRIES		50
#define HM_COPY_ERROR_MS	10000

static int hm_copy_ranges(struct hm_primary *p, void *page)
{
	struct hm_record_limits limits = { .session = p->session };
	enum hm_decode what;
	struct hm_range r;
	unsigned int i;
	int err;

	for (i = 0; i < p->hello.volumes; i++)
		limits.sectors[p->hello.volume[i].number] =
			p->hello.volume[i].sectors;
	for (;;) {
		err = hm_sock_recv_exact(p->sock, page,
					 sizeof(struct hm_wire_regions),
					 READ_ONCE(hm_peer_timeout_ms));
		if (err)
			return err;
		what = hm_decode_regions(page, &limits, &r);
		if (what != HM_DECODE_OK) {
			hm_err(&p->set, "the backup sent a bad list of regions: %s",
			       hm_decode_text(what));
			return -EPROTO;
		}
		if (!r.sectors)
			return 0;
		spin_lock_irq(&p->set.lock);
		hm_regions_lose(&p->set.volume[r.volume]->meta->regions,
				r.sector, r.sectors);
		spin_unlock_irq(&p->set.lock);
	}
}

/* The metadata of a suspended volume may be somebody else's by now. */
static bool hm_copy_all_active(struct hm_primary *p)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (p->set.volume[i] && !READ_ONCE(p->set.volume[i]->active))
			return false;
	}
	return true;
}

/* One volume for each hold of the lock: there may be many regions. */
static void hm_copy_lose_all(struct hm_primary *p)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		spin_lock_irq(&p->set.lock);
		if (p->set.volume[i])
			hm_regions_lose_all(&p->set.volume[i]->meta->regions);
		spin_unlock_irq(&p->set.lock);
	}
}

/* What the backup had staged, and did not adopt, it may have given up since. */
static void hm_copy_lose_staged(struct hm_primary *p)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		spin_lock_irq(&p->set.lock);
		if (p->set.volume[i] && p->stream.staged)
			hm_regions_lose_dirty(&p->set.volume[i]->meta->regions);
		spin_unlock_irq(&p->set.lock);
	}
}

static int hm_copy_make_dirty(struct hm_primary *p)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < HM_MAX_VOLUMES && !err; i++) {
		if (!p->set.volume[i])
			continue;
		mutex_lock(&p->set.meta_lock);
		/* Suspended meanwhile: its devices may be another table's. */
		err = p->set.volume[i]->active ?
			      hm_meta_write_regions(p->set.volume[i]->meta) :
			      -EBUSY;
		mutex_unlock(&p->set.meta_lock);
	}
	return err;
}

/* Writes that the stream does not hold are over, or it is all in vain. */
static bool hm_copy_undisturbed(struct hm_primary *p)
{
	bool undisturbed;

	spin_lock_irq(&p->set.lock);
	undisturbed = !p->unrecorded || p->sync == HM_SYNC_BEHIND;
	spin_unlock_irq(&p->set.lock);
	return undisturbed;
}

/* From here on all updates are recorded again. */
static int hm_copy_enter(struct hm_primary *p)
{
	int err = 0;

	spin_lock_irq(&p->set.lock);
	p->preparing = true;
	if (p->sync != HM_SYNC_COPYING)
		hm_primary_set_sync(p, HM_SYNC_COPYING, "");
	p->copy.total = hm_primary_unsynced(p);
	p->copy.done = 0;
	p->copy.began = ktime_get();
	spin_unlock_irq(&p->set.lock);
	wait_event(p->drain_wait, hm_copy_undisturbed(p));
	spin_lock_irq(&p->set.lock);
	if (p->sync == HM_SYNC_BEHIND)
		err = -EAGAIN;
	spin_unlock_irq(&p->set.lock);
	return err;
}

/**
 * hm_primary_copy_prepare() - what is to be copied, and that it can be
 * @p: the primary; the backup is welcome, no sender is active
 * @backup: its hello
 * @all: everything is to be copied
 * @page: a page for I/O
 *
 * What the backup says that it has changed is dirty on our side, durably, when
 * this returns, so that the backup may forget it.
 *
 * Return: 0 or a negative errno: -EBUSY while a volume is suspended, -EAGAIN if
 * the set has fallen behind meanwhile.
 *
 * Context: may sleep; the connection's thread.
 */
int hm_primary_copy_prepare(struct hm_primary *p, const struct hm_hello *backup,
			    bool all, void *page)
{
	bool behind;
	int err = 0;

	if (!hm_copy_all_active(p))
		return -EBUSY;
	spin_lock_irq(&p->set.lock);
	behind = p->sync == HM_SYNC_BEHIND;
	spin_unlock_irq(&p->set.lock);
	if (behind) {
		hm_primary_lose_backlog(p);
		hm_primary_give_up_backlog(p);
	}

	p->session = backup->session;
	if (backup->flags & HM_HELLO_DIRTY)
		err = hm_copy_ranges(p, page);
	if (err)
		return err;
	if (all)
		hm_copy_lose_all(p);
	else
		hm_copy_lose_staged(p);
	err = hm_copy_enter(p);
	return err ?: hm_copy_make_dirty(p);
}

static bool hm_copy_quiet(struct hm_primary *p, const struct hm_update *range)
{
	bool quiet;

	spin_lock_irq(&p->set.lock);
	quiet = !hm_overlap_busy(&p->stream.overlap, range);
	spin_unlock_irq(&p->set.lock);
	return quiet;
}

/*
 * Nobody has to wait for a range that is quiet by itself now and then. One that
 * never is gets no new updates until those in flight are done; that ends with
 * the local disk.
 *
 * Return: false if an update of the range is in flight.
 */
static bool hm_copy_claim(struct hm_primary *p, const struct hm_update *range,
			  bool insist)
{
	bool quiet;

	spin_lock_irq(&p->set.lock);
	quiet = !hm_overlap_busy(&p->stream.overlap, range);
	if (quiet || insist) {
		p->copy.range = *range;
		p->copy.active = true;
	}
	spin_unlock_irq(&p->set.lock);
	if (!quiet && insist)
		wait_event(p->copy_wait, hm_copy_quiet(p, range));
	return quiet || insist;
}

static int hm_copy_read(struct hm_write *w, struct block_device *bdev)
{
	int err;

	hm_payload_bio(&w->payload, &w->bio, bdev, w->u.sector,
		       REQ_OP_READ | REQ_IDLE);
	err = submit_bio_wait(&w->bio);
	bio_uninit(&w->bio);
	return err;
}

/* What reads as zeroes needs no payload on the wire. */
static void hm_copy_look(struct hm_primary *p, struct hm_write *w)
{
	struct bio_vec *bvec;
	unsigned int i;

	for (i = 0; i < w->payload.count; i++) {
		bvec = &w->payload.bvec[i];
		if (memchr_inv(bvec_virt(bvec), 0, bvec->bv_len)) {
			w->payload_crc = hm_payload_crc(&w->payload);
			return;
		}
	}
	hm_payload_free(&p->pool, &w->payload);
	w->u.kind = HM_WRITE_ZEROES;
	w->cost = sizeof(*w);
}

/*
 * More than half of the window is used: let the backup flush, so that we may forget.
 * By itself it does so now and then, which would be the pace of the copying.
 */
static void hm_copy_fills(struct hm_primary *p, unsigned int bytes)
{
	u64 before = p->copy.backlog;

	lockdep_assert_held(&p->set.lock);
	p->copy.backlog += bytes;
	if (p->copy.backlog >= HM_COPY_WINDOW / 2 &&
	    before / (HM_COPY_WINDOW / 4) !=
		    p->copy.backlog / (HM_COPY_WINDOW / 4))
		WRITE_ONCE(p->ping, true);
}

/* Return: false if the set has fallen behind meanwhile. */
static bool hm_copy_queue(struct hm_primary *p, struct hm_write *w)
{
	bool ok;

	w->issued = ktime_get();
	spin_lock_irq(&p->set.lock);
	p->copy.active = false;
	ok = p->sync == HM_SYNC_COPYING;
	if (ok) {
		p->used += w->cost;
		hm_pool_allow(&p->pool, p->used, p->limit);
		p->live++;
		hm_copy_fills(p, w->cost);
		p->copy.done += (u64)w->u.sectors << SECTOR_SHIFT;
		p->counters.copied += (u64)w->u.sectors << SECTOR_SHIFT;
		hm_stream_add_copy(&p->stream, &w->u);
		/* Without this one the backup does not have it all. */
		p->adopt_after = w->u.seq;
		trace_hm_issued(&w->u);
	}
	spin_unlock_irq(&p->set.lock);
	wake_up(&p->tx_wait);
	hm_primary_kick_deferred(p);
	return ok;
}

static void hm_copy_sleep(struct hm_primary *p, unsigned int ms)
{
	wait_event_interruptible_timeout(p->copy_wait, kthread_should_stop(),
					 msecs_to_jiffies(ms) + 1);
}

/* Return: 1 if the range is in the stream, 0: try again, or a negative errno. */
static int hm_copy_chunk(struct hm_primary *p, struct hm_volume *v,
			 const struct hm_update *range, bool insist)
{
	struct hm_write *w = hm_copy_alloc(p, range);
	int err;

	if (!w || !hm_copy_claim(p, range, insist)) {
		if (w)
			hm_write_free(w);
		hm_copy_sleep(p, HM_COPY_RETRY_MS);
		return 0;
	}
	err = hm_copy_read(w, v->dev->bdev);
	if (err) {
		spin_lock_irq(&p->set.lock);
		p->copy.active = false;
		spin_unlock_irq(&p->set.lock);
		hm_primary_kick_deferred(p);
	} else {
		hm_copy_look(p, w);
		if (hm_copy_queue(p, w))
			return 1;
		err = -ECANCELED;
	}
	hm_write_free(w);
	return err;
}

/* Bytes that are copied at once: a part of the backlog, if that is small. */
static u32 hm_copy_at_once(const struct hm_primary *p)
{
	return rounddown_pow_of_two((u32)min_t(u64, p->limit / 4,
					       HM_MAX_PAYLOAD));
}

static bool hm_copy_may_go(struct hm_primary *p)
{
	bool may;

	spin_lock_irq(&p->set.lock);
	may = p->sync == HM_SYNC_COPYING && !p->copy.paused &&
	      p->copy.backlog < HM_COPY_WINDOW &&
	      p->used + hm_copy_at_once(p) <= p->limit / 2;
	spin_unlock_irq(&p->set.lock);
	return may || kthread_should_stop();
}

/* Keep to the rate: the application goes first. */
static void hm_copy_pace(struct hm_primary *p, u64 bytes, ktime_t since)
{
	bool busy = time_before(jiffies, READ_ONCE(p->copy.busy) +
					 msecs_to_jiffies(HM_COPY_BUSY_MS));
	u32 kib = READ_ONCE(p->copy.rate_kib);
	u32 floor = READ_ONCE(p->copy.floor_kib);
	s64 due;

	if (busy && (!kib || kib > floor))
		kib = floor;
	if (!kib)
		return;
	due = div_u64((bytes >> 10) * MSEC_PER_SEC, kib);
	due -= ktime_ms_delta(ktime_get(), since);
	if (due > 0)
		hm_copy_sleep(p, due);
}

static u32 hm_copy_sectors(const struct hm_primary *p, u64 sector, u32 sectors)
{
	u32 at_once = hm_copy_at_once(p) >> SECTOR_SHIFT;

	return min_t(u32, sectors, at_once - (u32)(sector & (at_once - 1)));
}

static int hm_copy_region(struct hm_primary *p, struct hm_volume *v, u32 region)
{
	struct hm_update range = { .kind = HM_WRITE };
	unsigned int tries = 0;
	ktime_t since;
	u32 sectors;
	u64 sector;
	int ret;

	range.volume = v->info.number;
	hm_regions_range(&v->meta->regions, region, &sector, &sectors);
	while (sectors) {
		since = ktime_get();
		wait_event_interruptible(p->copy_wait, hm_copy_may_go(p));
		if (kthread_should_stop())
			return -ECANCELED;
		range.sector = sector;
		range.sectors = hm_copy_sectors(p, sector, sectors);
		ret = hm_copy_chunk(p, v, &range, ++tries > HM_COPY_RETRIES);
		if (ret < 0)
			return ret;
		if (!ret)
			continue;
		tries = 0;
		sector += range.sectors;
		sectors -= range.sectors;
		hm_copy_pace(p, (u64)range.sectors << SECTOR_SHIFT, since);
	}
	spin_lock_irq(&p->set.lock);
	if (p->sync == HM_SYNC_COPYING)
		hm_regions_synced(&v->meta->regions, region);
	spin_unlock_irq(&p->set.lock);
	return 0;
}

/*
 * The next region to copy, at @region of volume @number or behind it; both are
 * moved there. NULL if there is none.
 */
static struct hm_volume *hm_copy_find(struct hm_primary *p, u16 *number,
				      u32 *region)
{
	struct hm_volume *v, *found = NULL;

	spin_lock_irq(&p->set.lock);
	for (; *number < HM_MAX_VOLUMES; (*number)++, *region = 0) {
		v = p->set.volume[*number];
		if (v && hm_regions_next_unsynced(&v->meta->regions, *region,
						  region)) {
			found = v;
			break;
		}
	}
	spin_unlock_irq(&p->set.lock);
	return found;
}

/* Return: false if regions were left out, since they cannot be read. */
static bool hm_copy_pass(struct hm_primary *p)
{
	struct hm_volume *v;
	bool all = true;
	u32 region = 0;
	u16 number = 0;
	int err;

	while (!kthread_should_stop() && (v = hm_copy_find(p, &number, &region))) {
		err = hm_copy_region(p, v, region);
		if (!err || err == -ECANCELED)
			continue;
		hm_err(&p->set, "volume %u: region %u cannot be read from the local disk; it is not copied, trying again",
		       number, region);
		region++;
		all = false;
	}
	return all;
}

static bool hm_copy_done(struct hm_primary *p)
{
	bool done;

	spin_lock_irq(&p->set.lock);
	done = !hm_primary_unsynced(p);
	spin_unlock_irq(&p->set.lock);
	return done;
}

/* Not done, and nothing but the local disk is in the way. */
static void hm_copy_say_unreadable(struct hm_primary *p)
{
	static const char why[] =
		"regions cannot be read from the local disk: mend it, or write them anew";
	bool news;

	spin_lock_irq(&p->set.lock);
	news = p->sync == HM_SYNC_COPYING && p->reason != why;
	if (news)
		p->reason = why;
	spin_unlock_irq(&p->set.lock);
	if (news)
		hm_set_event(&p->set);
}

/* What cannot be read does not keep the rest waiting. */
static void hm_copy_all(struct hm_primary *p)
{
	while (!kthread_should_stop() && !hm_copy_done(p)) {
		if (hm_copy_pass(p))
			continue;
		hm_copy_say_unreadable(p);
		hm_copy_sleep(p, HM_COPY_ERROR_MS);
	}
}

/**
 * hm_primary_copy_thread() - copy what is to be copied, until stopped
 * @data: the primary; a session is live
 *
 * Return: 0.
 */
int hm_primary_copy_thread(void *data)
{
	struct hm_primary *p = data;
	unsigned int flags = memalloc_noio_save();

	hm_copy_all(p);
	/* Now the backup can adopt what it has: the sender looks. */
	WRITE_ONCE(p->ping, true);
	wake_up(&p->tx_wait);
	wait_event_interruptible(p->copy_wait, kthread_should_stop());
	memalloc_noio_restore(flags);
	return 0;
}
