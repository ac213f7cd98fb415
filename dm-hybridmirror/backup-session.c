// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection from the primary: a thread that receives records, and one that
 * acknowledges. Receiving goes on while a group is being applied, up to the
 * receive limit; then TCP pushes back.
 */
#include <linux/blkdev.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "backup.h"
#include "core/codec.h"
#include "sock.h"

/* Unless the primary waits for it, an acknowledgment may be so late. */
#define HM_ACK_LAZY_MS	10

/*
 * An acknowledgment at least after so many updates of one burst; and, if somebody
 * waits for it, after so many bytes: what is held back longer leaves the link idle
 * afterwards.
 */
#define HM_ACK_UPDATES	64
#define HM_ACK_BYTES	(32 << 10)

/**
 * struct hm_rx - the receiver's state
 * @s: the session
 * @header: the header that is being received
 * @got: bytes of it that are here
 * @heard: jiffies when the primary was last heard
 * @unacked: updates since the last acknowledgment
 * @unacked_bytes: of their payloads
 * @plug: gathers writes while there is something to read
 * @bvec: payload and the header that follows it
 */
struct hm_rx {
	struct hm_session *s;
	struct hm_wire_record header;
	size_t got;
	unsigned long heard;
	unsigned int unacked;
	unsigned int unacked_bytes;
	struct blk_plug plug;
	struct bio_vec bvec[(HM_MAX_PAYLOAD >> PAGE_SHIFT) + 1];
};

static void hm_session_fill_ack(const struct hm_session *s,
				struct hm_ack_record *a)
{
	const struct hm_backup *b = s->backup;

	/* Where we are counts from the primary's start on. */
	if (!s->started) {
		a->status = HM_BACKUP_STARTING;
		return;
	}
	a->acks = b->apply.at;
	a->applied_group = b->apply.applied_group;
	a->durable_group = b->apply.durable_group;
	a->staging = hm_stage_holds(b);
	if (!b->set.lineage.inconsistent)
		a->generation = b->set.lineage.generation[0];
	if (b->apply.suspended) {
		a->status = HM_BACKUP_SUSPENDED;
		a->failed_volume = b->failed_volume;
	}
}

/* Under hm_session.send_lock. */
static int hm_session_put_ack(struct hm_session *s)
{
	struct hm_backup *b = s->backup;
	struct hm_ack_record a = { .session = s->id };
	int err;

	spin_lock_irq(&b->set.lock);
	hm_session_fill_ack(s, &a);
	b->told_applied = b->apply.at.applied;
	WRITE_ONCE(b->ack_now, false);
	WRITE_ONCE(b->ack_due, false);
	spin_unlock_irq(&b->set.lock);
	hm_encode_ack(&s->wire, &a);
	err = hm_sock_send_buffer(s->sock, &s->wire, sizeof(s->wire));
	/* Nothing may follow a part of one. What has arrived can still be read. */
	if (err)
		hm_sock_shutdown(s->sock);
	WRITE_ONCE(s->last_ack, jiffies);
	return err;
}

static int hm_session_send_ack(struct hm_session *s)
{
	int err;

	mutex_lock(&s->send_lock);
	err = hm_session_put_ack(s);
	mutex_unlock(&s->send_lock);
	return err;
}

static void hm_ack_hurry(struct hm_backup *b)
{
	spin_lock_irq(&b->set.lock);
	WRITE_ONCE(b->ack_now, true);
	spin_unlock_irq(&b->set.lock);
	wake_up(&b->ack_wait);
}

static bool hm_ack_urgent(struct hm_backup *b)
{
	return READ_ONCE(b->ack_now) || kthread_should_stop();
}

static void hm_ack_set_soon(struct hm_backup *b, bool soon)
{
	spin_lock_irq(&b->set.lock);
	b->ack_soon = soon;
	WRITE_ONCE(b->ack_look, false);
	spin_unlock_irq(&b->set.lock);
}

/*
 * More may become due meanwhile, and goes with it: nobody waits for it. Or the
 * receiver says it by the way.
 */
static void hm_ack_gather(struct hm_backup *b)
{
	hm_ack_set_soon(b, true);
	wait_event_interruptible_timeout(b->ack_wait, hm_ack_urgent(b),
					 msecs_to_jiffies(HM_ACK_LAZY_MS));
	hm_ack_set_soon(b, false);
}

/* Sends what is due soon, what is urgent at once, and a sign of life. */
static int hm_ack_thread(void *data)
{
	struct hm_session *s = data;
	struct hm_backup *b = s->backup;
	unsigned long heartbeat = msecs_to_jiffies(HM_HEARTBEAT_MS);
	unsigned int flags = memalloc_noio_save();

	while (!kthread_should_stop()) {
		wait_event_interruptible_timeout(b->ack_wait,
						 READ_ONCE(b->ack_look) ||
						 hm_ack_urgent(b), heartbeat);
		/* What is urgent ends it before it begins. */
		hm_ack_gather(b);
		hm_backup_tend_flush(b);
		/* The receiver may have sent it meanwhile; it sees errors. */
		if (READ_ONCE(b->ack_due) || READ_ONCE(b->ack_now) ||
		    time_after_eq(jiffies, READ_ONCE(s->last_ack) + heartbeat))
			hm_session_send_ack(s);
	}
	memalloc_noio_restore(flags);
	return 0;
}

static void hm_rx_forget_unacked(struct hm_rx *rx)
{
	rx->unacked = 0;
	rx->unacked_bytes = 0;
}

static int hm_rx_ack(struct hm_rx *rx)
{
	hm_rx_forget_unacked(rx);
	return hm_session_send_ack(rx->s);
}

/*
 * In the middle of a burst: reading goes on whatever the primary does, since what has
 * arrived is to be performed also if the primary is gone.
 */
static void hm_rx_ack_by_the_way(struct hm_rx *rx)
{
	struct hm_session *s = rx->s;

	hm_rx_forget_unacked(rx);
	if (!hm_sock_has_room(s->sock) || !mutex_trylock(&s->send_lock)) {
		hm_ack_hurry(s->backup);
		return;
	}
	/* Reading will tell in the end. */
	hm_session_put_ack(s);
	mutex_unlock(&s->send_lock);
}

/* Does the primary complete updates on our word? */
static bool hm_session_awaited(const struct hm_session *s)
{
	return s->want_received || s->want_applied;
}

/* Before waiting, let go of everything that others wait for. */
static int hm_rx_idle(struct hm_rx *rx)
{
	int err = 0;

	/* First: the disk takes its time, and will have its own word sent. */
	if (rx->unacked && rx->s->want_received)
		err = hm_rx_ack(rx);
	hm_rx_forget_unacked(rx);
	if (READ_ONCE(rx->s->backup->apply.log_lazy))
		hm_backup_hurry(rx->s->backup);
	blk_finish_plug(&rx->plug);
	blk_start_plug(&rx->plug);
	return err;
}

/* Return: bytes received, or a negative errno that ends the session. */
static int hm_rx_some(struct hm_rx *rx, struct bio_vec *bvec,
		      unsigned int count, size_t bytes, size_t skip)
{
	struct socket *sock = rx->s->sock;
	int n, err;

	n = hm_sock_recv(sock, bvec, count, bytes, skip, false);
	while (n == -EAGAIN) {
		err = hm_rx_idle(rx);
		if (err)
			return err;
		if (kthread_should_stop())
			return -ESHUTDOWN;
		if (time_after(jiffies, rx->heard +
					msecs_to_jiffies(READ_ONCE(hm_peer_timeout_ms))))
			return -ETIMEDOUT;
		n = hm_sock_recv(sock, bvec, count, bytes, skip, true);
	}
	if (n > 0)
		rx->heard = jiffies;
	return n;
}

static int hm_rx_header(struct hm_rx *rx)
{
	struct bio_vec bvec;
	int n;

	bvec_set_page(&bvec, virt_to_page(&rx->header), sizeof(rx->header),
		      offset_in_page(&rx->header));
	while (rx->got < sizeof(rx->header)) {
		n = hm_rx_some(rx, &bvec, 1, sizeof(rx->header), rx->got);
		if (n < 0)
			return n;
		rx->got += n;
	}
	rx->got = 0;
	return 0;
}

/* One call brings the payload and, if it is there, the header behind it. */
static int hm_rx_payload(struct hm_rx *rx, struct hm_arrival *a)
{
	unsigned int count = a->payload.count;
	size_t bytes = a->payload.bytes;
	size_t got = 0;
	int n;

	memcpy(rx->bvec, a->payload.bvec, count * sizeof(rx->bvec[0]));
	bvec_set_page(&rx->bvec[count], virt_to_page(&rx->header),
		      sizeof(rx->header), offset_in_page(&rx->header));
	while (got < bytes) {
		n = hm_rx_some(rx, rx->bvec, count + 1,
			       bytes + sizeof(rx->header), got);
		if (n < 0)
			return n;
		got += n;
	}
	rx->got = got - bytes;
	return 0;
}

static bool hm_rx_room(struct hm_backup *b, unsigned int cost)
{
	u64 used = READ_ONCE(b->used);

	return !used || used + cost <= READ_ONCE(b->limit) ||
	       kthread_should_stop();
}

/* The receive limit: nothing is read until something has been applied. */
static struct hm_arrival *hm_rx_alloc(struct hm_rx *rx,
				      const struct hm_record *r)
{
	struct hm_backup *b = rx->s->backup;
	unsigned int cost = sizeof(struct hm_arrival) +
			    hm_payload_cost(r->payload);
	struct hm_arrival *a;
	int err;

	while (IS_ERR(a = hm_arrival_alloc(b, r, cost))) {
		err = hm_rx_idle(rx);
		if (err)
			return ERR_PTR(err);
		if (kthread_should_stop())
			return ERR_PTR(-ESHUTDOWN);
		if (hm_sock_is_down(rx->s->sock))
			return ERR_PTR(-EPIPE);
		if (PTR_ERR(a) == -ENOMEM)
			schedule_timeout_interruptible(msecs_to_jiffies(10));
		else
			wait_event_interruptible_timeout(b->room_wait,
							 hm_rx_room(b, cost),
							 msecs_to_jiffies(100));
		rx->heard = jiffies;
	}
	return a;
}

static int hm_rx_damaged(struct hm_rx *rx, const char *what, u64 seq)
{
	hm_err(&rx->s->backup->set, "the primary sent a bad record after update %llu: %s; disconnecting, nothing of it was applied",
	       seq, what);
	return -EPROTO;
}

/*
 * What was received, the stream and whether the position is lost are changed
 * under the lock, but by this thread alone, which so reads them without it.
 */
static int hm_rx_update(struct hm_rx *rx, const struct hm_record *r)
{
	struct hm_backup *b = rx->s->backup;
	u64 last = b->apply.at.received;
	struct hm_arrival *a;
	int err;

	if (!rx->s->started)
		return hm_rx_damaged(rx, "an update before the start", last);
	a = hm_rx_alloc(rx, r);
	if (IS_ERR(a))
		return PTR_ERR(a);
	err = hm_rx_payload(rx, a);
	if (!err && hm_payload_crc(&a->payload) != r->payload_crc)
		err = hm_rx_damaged(rx, "the payload's checksum is wrong", last);
	if (!err && !hm_backup_receive(b, a))
		err = hm_rx_damaged(rx, "not the next in sequence, or of a group that is over",
				    last);
	if (err) {
		hm_arrival_free(a);
		return err;
	}
	rx->unacked_bytes += r->payload;
	if (++rx->unacked >= HM_ACK_UPDATES ||
	    (rx->s->want_received && rx->unacked_bytes >= HM_ACK_BYTES))
		hm_rx_ack_by_the_way(rx);
	return 0;
}

/* The primary wants to know, and to forget what is durable here. */
static void hm_rx_ping(struct hm_backup *b)
{
	spin_lock_irq(&b->set.lock);
	hm_apply_want_flush(&b->apply);
	hm_backup_kick(b);
	spin_unlock_irq(&b->set.lock);
	hm_ack_hurry(b);
}

/* Wait for the disks; acknowledgments go on meanwhile. */
static int hm_rx_settle(struct hm_rx *rx, bool all)
{
	int err = hm_rx_idle(rx);

	while (!err && !hm_backup_settle(rx->s->backup, all)) {
		if (kthread_should_stop())
			err = -ESHUTDOWN;
		else if (hm_sock_is_down(rx->s->sock))
			err = -EPIPE;
	}
	rx->heard = jiffies;
	return err;
}

/*
 * What was received before is applied; what could not be is void, unless it is in
 * the log: then the primary believes it to be durable. What is staged is void in any
 * case.
 */
static int hm_rx_jump(struct hm_rx *rx, u64 seq)
{
	struct hm_backup *b = rx->s->backup;
	bool all;
	int err;

	spin_lock_irq(&b->set.lock);
	all = b->apply.logged && b->log.state != HM_LOG_STAGING;
	spin_unlock_irq(&b->set.lock);
	/* A message may have had the disks try again meanwhile. */
	do {
		err = hm_rx_settle(rx, all);
		if (err)
			return err;
	} while (!hm_backup_drop_pending(b));
	spin_lock_irq(&b->set.lock);
	hm_apply_jump(&b->apply, seq, 0);
	b->lost = false;
	b->reason = "";
	spin_unlock_irq(&b->set.lock);
	return 0;
}

static int hm_rx_start(struct hm_rx *rx, const struct hm_update *u)
{
	struct hm_session *s = rx->s;
	struct hm_backup *b = s->backup;
	bool jump = u->flags & HM_START_JUMP;
	bool copy = u->flags & HM_START_COPY;
	int err = 0;

	if (s->started || (copy && !jump) ||
	    (jump && !copy && b->set.lineage.inconsistent) ||
	    (!jump && (b->lost || u->seq != b->apply.at.received + 1 ||
		       memcmp(b->stream_id, s->stream, sizeof(s->stream)))))
		return hm_rx_damaged(rx, "it does not begin where we are",
				     b->apply.at.received);
	if (jump)
		err = hm_rx_jump(rx, u->seq - 1);
	if (!err)
		err = hm_backup_begin(b, s, u);
	if (err)
		return err == -ESHUTDOWN || err == -EPIPE ? err : -EIO;
	spin_lock_irq(&b->set.lock);
	s->started = true;
	spin_unlock_irq(&b->set.lock);
	return hm_rx_ack(rx);
}

/* Everything up to here is all that the primary's generation had. */
static int hm_rx_adopt(struct hm_rx *rx, u64 seq)
{
	struct hm_backup *b = rx->s->backup;
	int err;

	if (!rx->s->started || seq != b->apply.at.received)
		return hm_rx_damaged(rx, "it would adopt what we do not have",
				     b->apply.at.received);
	err = hm_rx_settle(rx, true);
	if (err)
		return err;
	return hm_backup_adopt(b, rx->s) ? -EIO : hm_rx_ack(rx);
}

static int hm_rx_record(struct hm_rx *rx)
{
	struct hm_backup *b = rx->s->backup;
	enum hm_decode what;
	struct hm_record r;
	int err;

	err = hm_rx_header(rx);
	if (err)
		return err;
	what = hm_decode_record(&rx->header, &rx->s->limits, &r);
	if (what != HM_DECODE_OK)
		return hm_rx_damaged(rx, hm_decode_text(what),
				     b->apply.at.received);
	switch (r.update.kind) {
	case HM_CTRL_START:
		return hm_rx_start(rx, &r.update);
	case HM_CTRL_ADOPT:
		return hm_rx_adopt(rx, r.update.seq);
	case HM_CTRL_PING:
		hm_rx_ping(b);
		return 0;
	default:
		return hm_rx_update(rx, &r);
	}
}

static const char *hm_rx_reason(int err)
{
	switch (err) {
	case -EPROTO:
		return "the primary broke the protocol";
	case -ETIMEDOUT:
		return "the primary is silent";
	case -ENOMEM:
		return "no memory";
	case -EIO:
		return "the metadata device refused a write: mend it";
	case -ESHUTDOWN:
		return "";
	default:
		return "the primary closed the connection";
	}
}

static void hm_session_ended(struct hm_session *s, int err)
{
	struct hm_backup *b = s->backup;
	/* Ending it ourselves is no news. */
	const char *reason = READ_ONCE(s->stopping) ? "" : hm_rx_reason(err);

	hm_sock_shutdown(s->sock);
	spin_lock_irq(&b->set.lock);
	if (err == -EPROTO)
		b->counters.protocol_errors++;
	hm_backup_set_link(b, HM_LINK_LISTENING, reason);
	spin_unlock_irq(&b->set.lock);
	if (*reason)
		hm_warn(&b->set, "disconnected: %s", reason);
	WRITE_ONCE(s->over, true);
}

static int hm_rx_thread(void *data)
{
	struct hm_session *s = data;
	unsigned int flags = memalloc_noio_save();
	struct hm_rx *rx = kzalloc(sizeof(*rx), GFP_KERNEL);
	int err = rx ? 0 : -ENOMEM;

	hm_sock_set_timeout(s->sock, HM_HEARTBEAT_MS);
	if (rx) {
		rx->s = s;
		rx->heard = jiffies;
		blk_start_plug(&rx->plug);
	}
	while (!err && !kthread_should_stop())
		err = hm_rx_record(rx);
	hm_backup_hurry(s->backup);
	if (rx)
		blk_finish_plug(&rx->plug);
	kfree(rx);
	hm_session_ended(s, err);
	memalloc_noio_restore(flags);
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

/**
 * hm_session_create() - a session for an accepted primary
 * @b: the backup
 * @sock: the connection; the session's once hm_session_start() succeeds
 * @primary: its hello
 * @id: number that each record bears
 *
 * Return: the session or NULL.
 *
 * Context: may sleep; under hm_backup.session_lock.
 */
struct hm_session *hm_session_create(struct hm_backup *b, struct socket *sock,
				     const struct hm_hello *primary, u64 id)
{
	struct hm_session *s = kzalloc(sizeof(*s), GFP_KERNEL);
	const struct hm_volume_info *info;
	unsigned int i;

	if (!s)
		return NULL;
	hm_sock_trust(sock);
	s->backup = b;
	s->sock = sock;
	s->id = id;
	s->want_received = primary->flags & HM_HELLO_WANT_RECEIVED;
	s->want_applied = primary->flags & HM_HELLO_WANT_APPLIED;
	s->lineage = primary->lineage;
	s->origin = primary->origin;
	memcpy(s->stream, primary->stream, sizeof(s->stream));
	s->last_ack = jiffies;
	mutex_init(&s->send_lock);
	s->limits.session = id;
	for (i = 0; i < b->hello.volumes; i++) {
		info = &b->hello.volume[i];
		s->limits.sectors[info->number] = info->sectors;
		s->limits.logical_block[info->number] = info->logical_block;
	}
	return s;
}

/**
 * hm_session_start() - receive and acknowledge
 * @s: the session
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep; under hm_backup.session_lock.
 */
int hm_session_start(struct hm_session *s)
{
	struct hm_backup *b = s->backup;

	s->ack = kthread_create(hm_ack_thread, s, "hm_ack/%s", b->set.name);
	if (IS_ERR(s->ack))
		return PTR_ERR(s->ack);
	s->rx = kthread_create(hm_rx_thread, s, "hm_rx/%s", b->set.name);
	if (IS_ERR(s->rx)) {
		kthread_stop(s->ack);
		return PTR_ERR(s->rx);
	}
	hm_thread_gather(s->rx, !hm_session_awaited(s));
	spin_lock_irq(&b->set.lock);
	b->ack_applied = s->want_applied;
	WRITE_ONCE(b->ack_now, true);
	hm_backup_set_link(b, HM_LINK_CONNECTED, "");
	spin_unlock_irq(&b->set.lock);
	wake_up_process(s->ack);
	wake_up_process(s->rx);
	return 0;
}

/**
 * hm_session_stop() - end a session and free it
 * @s: the session; what was received whole goes on being applied
 *
 * Context: may sleep, not for the network; under hm_backup.session_lock.
 */
void hm_session_stop(struct hm_session *s)
{
	WRITE_ONCE(s->stopping, true);
	hm_sock_shutdown(s->sock);
	kthread_stop(s->rx);
	kthread_stop(s->ack);
	hm_sock_release(s->sock);
	kfree(s);
}
