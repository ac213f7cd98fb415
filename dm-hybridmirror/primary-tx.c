// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's sender: many records into one send call. Where somebody waits for
 * the backup's word, and nothing is being sent, whoever issues an update sends it
 * itself, without a thread that has to wake up for it first. (NVMe over TCP does so
 * in the kernel.)
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "core/codec.h"
#include "primary.h"
#include "sock.h"
#include "trace.h"

/* Records that nobody waits for may gather for so long, microseconds. */
#define HM_GATHER_US		2000

/*
 * A batch is handed to the socket in one call. Acknowledgments count only when
 * the call returns, so it is kept short enough not to delay them.
 */
#define HM_SEND_BVECS		(1 + HM_SEND_UPDATES * 2 + \
				 (HM_MAX_PAYLOAD >> PAGE_SHIFT) + \
				 (HM_SEND_BYTES >> PAGE_SHIFT))

/**
 * struct hm_batch - what one send call takes
 * @update: the updates, valid until hm_stream_sent()
 * @updates: how many
 * @stored: those whose payload is in the log: bit by index
 * @bvec: headers and payloads in order
 * @bvecs: how many
 * @bytes: their sum
 * @control: control records that go first
 * @controls: how many
 */
struct hm_batch {
	struct hm_update *update[HM_SEND_UPDATES];
	unsigned int updates;
	u64 stored;
	struct bio_vec bvec[HM_SEND_BVECS];
	unsigned int bvecs;
	size_t bytes;
	struct hm_wire_record control[2];
	unsigned int controls;
};

static void hm_batch_add(struct hm_batch *b, void *p, unsigned int bytes)
{
	bvec_set_page(&b->bvec[b->bvecs++], virt_to_page(p), bytes,
		      offset_in_page(p));
	b->bytes += bytes;
}

static struct hm_update *hm_tx_take(struct hm_primary *p)
{
	struct hm_update *u = hm_stream_take(&p->stream);

	lockdep_assert_held(&p->set.lock);
	if (!u)
		return NULL;
	if (u->seq <= p->sent_high)
		p->counters.resent++;
	else
		p->sent_high = u->seq;
	return u;
}

static void hm_batch_take(struct hm_primary *p, struct hm_batch *b)
{
	struct hm_update *u;
	size_t bytes = 0;

	static_assert(HM_SEND_UPDATES <= 64);

	b->updates = 0;
	b->stored = 0;
	spin_lock_irq(&p->set.lock);
	while (b->updates < HM_SEND_UPDATES && bytes < HM_SEND_BYTES) {
		u = hm_tx_take(p);
		if (!u)
			break;
		if (u->state & HM_P_STORED)
			b->stored |= BIT_ULL(b->updates);
		b->update[b->updates++] = u;
		bytes += (size_t)u->sectors << SECTOR_SHIFT;
	}
	spin_unlock_irq(&p->set.lock);
}

static void hm_batch_payload(struct hm_batch *b, const struct bio_vec *bvec,
			     unsigned int count)
{
	while (count--) {
		b->bvec[b->bvecs++] = *bvec;
		b->bytes += bvec->bv_len;
		bvec++;
	}
}

/* Return: false if something that is to be sent cannot be read back. */
static bool hm_batch_encode(struct hm_primary *p, struct hm_batch *b)
{
	const struct bio_vec *fetched = NULL;
	struct hm_write *w;
	unsigned int i, pages;

	if (b->stored) {
		fetched = hm_primary_fetch(p, b->update, b->stored, b->updates);
		if (!fetched)
			return false;
	}
	for (i = 0; i < b->updates; i++) {
		w = to_write(b->update[i]);
		hm_encode_record(&w->header, &w->u, p->session,
				 w->payload_crc);
		hm_batch_add(b, &w->header, sizeof(w->header));
		if (b->stored & BIT_ULL(i)) {
			pages = DIV_ROUND_UP(w->u.sectors << SECTOR_SHIFT,
					     PAGE_SIZE);
			hm_batch_payload(b, fetched, pages);
			fetched += pages;
		} else {
			hm_batch_payload(b, w->payload.bvec, w->payload.count);
		}
		if (w != p->tx_rest)
			trace_hm_sent(&w->u);
	}
	return true;
}

static void hm_batch_control(struct hm_primary *p, struct hm_batch *b, u8 kind,
			     u64 seq)
{
	struct hm_wire_record *control = &b->control[b->controls++];

	hm_encode_control(control, kind, 0, p->session, seq);
	hm_batch_add(b, control, sizeof(*control));
}

/*
 * The backup may adopt our generation once the stream has brought it all that
 * completed alone and all that was copied. What completes alone after this needs
 * another generation, since the backup may then hold this one.
 */
static bool hm_batch_may_adopt(struct hm_primary *p, u64 *seq)
{
	bool may;

	spin_lock_irq(&p->set.lock);
	*seq = p->stream.taken;
	may = p->adopt && !p->adopt_sent && *seq >= p->adopt_after &&
	      (p->sync == HM_SYNC_STREAMING || p->sync == HM_SYNC_COPYING) &&
	      !p->stream.alone && !p->copy.active &&
	      !hm_primary_unsynced(p) &&
	      p->set.lineage.generation[0] == p->hello_generation;
	if (may) {
		p->adopt_sent = true;
		p->apart = false;
	}
	spin_unlock_irq(&p->set.lock);
	return may;
}

static void hm_batch_controls(struct hm_primary *p, struct hm_batch *b)
{
	u64 seq;

	b->controls = 0;
	if (READ_ONCE(p->adopt) && hm_batch_may_adopt(p, &seq))
		hm_batch_control(p, b, HM_CTRL_ADOPT, seq);
	if (READ_ONCE(p->ping)) {
		WRITE_ONCE(p->ping, false);
		hm_batch_control(p, b, HM_CTRL_PING, 0);
	}
}

/* All that the adoption has to wait for has been sent: somebody may wait for it. */
static bool hm_batch_adopts(struct hm_primary *p)
{
	lockdep_assert_held(&p->set.lock);
	return p->adopt && !p->adopt_sent && !p->stream.alone &&
	       p->stream.sent >= p->adopt_after && !hm_primary_unsynced(p);
}

static bool hm_tx_more(const struct hm_primary *p)
{
	return READ_ONCE(p->stream.unsent) || READ_ONCE(p->ping);
}

static bool hm_tx_due(const struct hm_primary *p)
{
	return (READ_ONCE(p->tx_busy) ? !!READ_ONCE(p->tx_rest) :
					hm_tx_more(p)) ||
	       kthread_should_stop();
}

/* Return: whether it is the sender's turn; else whoever has it will wake it. */
static bool hm_tx_claim(struct hm_primary *p)
{
	bool mine;

	spin_lock_irq(&p->set.lock);
	mine = !p->tx_busy || p->tx_rest;
	WRITE_ONCE(p->tx_busy, true);
	spin_unlock_irq(&p->set.lock);
	return mine;
}

/* What was claimed has been sent, up to @seq; 0: it held no update. */
static void hm_tx_release(struct hm_primary *p, u64 seq)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);

	spin_lock_irq(&p->set.lock);
	WRITE_ONCE(p->tx_rest, NULL);
	WRITE_ONCE(p->tx_busy, false);
	if (seq) {
		hm_stream_sent(&p->stream, seq, &completed, &released);
		if (hm_batch_adopts(p))
			WRITE_ONCE(p->ping, true);
	}
	spin_unlock_irq(&p->set.lock);
	hm_primary_deliver(&completed, &released);
}

/*
 * If the last records left just before, and were few, more are about to come. A send
 * call, segments, interrupts and wake-ups on both sides are for all of them then.
 * After a pause nothing is held up.
 */
static void hm_tx_gather(const struct hm_batch *b, ktime_t last)
{
	if (b->updates < HM_SEND_UPDATES / 2 && b->bytes < HM_SEND_BYTES / 4 &&
	    ktime_us_delta(ktime_get(), last) < HM_GATHER_US)
		usleep_range(HM_GATHER_US / 2, HM_GATHER_US);
}

/* @claimed: what was to be sent was; it is let go only now that nothing can follow. */
static void hm_tx_fail(struct hm_primary *p, bool claimed)
{
	WRITE_ONCE(p->tx_failed, true);
	hm_sock_shutdown(p->sock);
	if (claimed)
		hm_tx_release(p, 0);
	wait_event_interruptible(p->tx_wait, kthread_should_stop());
}

/* What the sender has claimed, in one send call. */
static bool hm_tx_send(struct hm_primary *p, struct hm_batch *b)
{
	size_t skip = 0;

	b->bvecs = 0;
	b->bytes = 0;
	if (p->tx_rest) {
		skip = p->tx_part;
		b->stored = 0;
		b->updates = 1;
		b->update[0] = &p->tx_rest->u;
	} else {
		hm_batch_controls(p, b);
		hm_batch_take(p, b);
	}
	if (!hm_batch_encode(p, b))
		return false;
	if (b->bvecs &&
	    hm_sock_send(p->sock, b->bvec, b->bvecs, b->bytes, skip))
		return false;
	hm_tx_release(p, b->updates ? b->update[b->updates - 1]->seq : 0);
	return true;
}

/**
 * hm_tx_claim_direct() - shall whoever issues an update send it?
 * @p: the primary
 * @w: the update, just added to the stream
 *
 * Only what somebody waits for, and as long as the sender has nothing to do. And not
 * by one who may be kept off the processor for long: all others wait meanwhile.
 *
 * Return: true: hm_tx_direct() is to be called.
 *
 * Context: process, of the issuer; under the set's lock.
 */
bool hm_tx_claim_direct(struct hm_primary *p, struct hm_write *w)
{
	lockdep_assert_held(&p->set.lock);
	if (!p->tx_open || p->tx_busy || p->stream.unsent != &w->u ||
	    READ_ONCE(p->ping) || p->stream.alone ||
	    w->u.ack == HM_ACK_LOCAL || w->payload.count > HM_INLINE_PAGES ||
	    hm_thread_yields())
		return false;
	hm_tx_take(p);
	WRITE_ONCE(p->tx_busy, true);
	return true;
}

/* The socket has taken a part: the sender goes on. */
static void hm_tx_leave_rest(struct hm_primary *p, struct hm_write *w,
			     size_t part)
{
	spin_lock_irq(&p->set.lock);
	p->tx_part = part;
	WRITE_ONCE(p->tx_rest, w);
	spin_unlock_irq(&p->set.lock);
	wake_up(&p->tx_wait);
}

/**
 * hm_tx_direct() - send an update at once
 * @p: the primary
 * @w: the update; hm_tx_claim_direct() said yes. It stays valid only if the caller
 *	has a reference
 *
 * Context: process; may sleep for the socket's lock, not for the peer.
 */
void hm_tx_direct(struct hm_primary *p, struct hm_write *w)
{
	unsigned int count = w->payload.count;
	struct bio_vec bvec[1 + HM_INLINE_PAGES];
	size_t bytes = sizeof(w->header) + w->payload.bytes;
	u64 seq = w->u.seq;
	size_t part;

	hm_encode_record(&w->header, &w->u, p->session, w->payload_crc);
	bvec_set_page(&bvec[0], virt_to_page(&w->header), sizeof(w->header),
		      offset_in_page(&w->header));
	memcpy(&bvec[1], w->payload.bvec, count * sizeof(bvec[0]));
	trace_hm_sent(&w->u);
	part = hm_sock_send_some(p->sock, bvec, 1 + count, bytes);
	if (part < bytes) {
		hm_tx_leave_rest(p, w, part);
		return;
	}
	hm_tx_release(p, seq);
	/* The barrier in it: the sender looks at us after it has queued itself. */
	if (wq_has_sleeper(&p->tx_wait) &&
	    (hm_tx_more(p) || !READ_ONCE(p->tx_open)))
		wake_up(&p->tx_wait);
}

/**
 * hm_tx_open() - a session begins
 * @p: the primary; the sender is about to be started
 *
 * Context: process.
 */
void hm_tx_open(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	WRITE_ONCE(p->tx_open, hm_tx_awaited(p));
	spin_unlock_irq(&p->set.lock);
}

/**
 * hm_tx_close() - nobody sends any more, and the socket may go
 * @p: the primary; its sender has ended
 *
 * Context: process; may sleep, not for the network.
 */
void hm_tx_close(struct hm_primary *p)
{
	spin_lock_irq(&p->set.lock);
	WRITE_ONCE(p->tx_open, false);
	spin_unlock_irq(&p->set.lock);
	wait_event(p->tx_wait, !READ_ONCE(p->tx_busy) || READ_ONCE(p->tx_rest));
	hm_tx_release(p, 0);
}

/**
 * hm_tx_awaited() - does a volume complete writes on the backup's word?
 * @p: the primary; its hello does not change while the link is up
 *
 * Context: any.
 */
bool hm_tx_awaited(const struct hm_primary *p)
{
	return p->hello.flags & (HM_HELLO_WANT_RECEIVED |
				 HM_HELLO_WANT_APPLIED);
}

/**
 * hm_primary_tx_thread() - send until stopped
 * @data: the primary; its socket is connected and stays until this has ended
 *
 * Return: 0.
 */
int hm_primary_tx_thread(void *data)
{
	struct hm_primary *p = data;
	unsigned int flags = memalloc_noio_save();
	struct hm_batch *b = kzalloc(sizeof(*b), GFP_KERNEL);
	bool gathers = !hm_tx_awaited(p);
	ktime_t last = 0;

	if (!b)
		hm_tx_fail(p, false);
	while (!kthread_should_stop()) {
		wait_event_interruptible(p->tx_wait, hm_tx_due(p));
		if (gathers)
			hm_tx_gather(b, last);
		if (!hm_tx_claim(p))
			continue;
		if (!hm_tx_send(p, b))
			hm_tx_fail(p, true);
		last = ktime_get();
	}
	kfree(b);
	memalloc_noio_restore(flags);
	return 0;
}
