// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's connection: one thread connects, shakes hands, receives
 * acknowledgments and keeps the time; a second one sends while a session
 * lasts.
 */
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "core/codec.h"
#include "core/handshake.h"
#include "primary.h"
#include "sock.h"

/* Milliseconds: bounds for one attempt and between two. */
#define HM_CONNECT_MS		3000
#define HM_HANDSHAKE_MS		5000
#define HM_RETRY_FIRST_MS	100
#define HM_RETRY_LAST_MS	3000

static bool hm_conn_publish(struct hm_primary *p, struct socket *sock)
{
	bool ok;

	mutex_lock(&p->conn_lock);
	ok = !p->stopping;
	if (ok)
		p->sock = sock;
	mutex_unlock(&p->conn_lock);
	return ok;
}

static void hm_conn_retract(struct hm_primary *p)
{
	struct socket *sock;

	mutex_lock(&p->conn_lock);
	sock = p->sock;
	p->sock = NULL;
	mutex_unlock(&p->conn_lock);
	hm_sock_shutdown(sock);
	hm_sock_release(sock);
}

static void hm_conn_link(struct hm_primary *p, enum hm_link link,
			 const char *reason)
{
	spin_lock_irq(&p->lock);
	hm_primary_set_link(p, link, reason);
	spin_unlock_irq(&p->lock);
}

/* What the handshake says of this moment. */
static void hm_conn_hello(struct hm_primary *p, struct hm_hello *self)
{
	*self = p->hello;
	spin_lock_irq(&p->lock);
	self->last_seq = p->stream.last_seq;
	if (!p->adopted && p->sync != HM_SYNC_BEHIND)
		self->flags |= HM_HELLO_FIRST;
	if (p->retry)
		self->flags |= HM_HELLO_RETRY;
	spin_unlock_irq(&p->lock);
}

static int hm_conn_exchange(struct hm_primary *p, struct hm_hello *self,
			    struct hm_hello *backup, struct hm_wire_hello *wire)
{
	enum hm_decode what;
	u16 version = 0;
	int err;

	hm_encode_hello(wire, self);
	err = hm_sock_send_buffer(p->sock, wire, sizeof(*wire));
	if (!err)
		err = hm_sock_recv_exact(p->sock, wire, sizeof(wire->prefix),
					 HM_HANDSHAKE_MS);
	if (err)
		return err;
	what = hm_decode_prefix(&wire->prefix, &version);
	if (what == HM_DECODE_OK) {
		err = hm_sock_recv_exact(p->sock, &wire->features,
					 sizeof(*wire) - sizeof(wire->prefix),
					 HM_HANDSHAKE_MS);
		if (err)
			return err;
		what = hm_decode_hello(wire, backup);
	}
	if (what == HM_DECODE_OK)
		return 0;
	hm_warn(&p->set, "what answers at the backup's address speaks version %u of another protocol or is damaged: %s",
		version, hm_decode_text(what));
	return -EPROTO;
}

static void hm_conn_learn_blocks(struct hm_primary *p,
				 const struct hm_hello *backup)
{
	unsigned int i;

	for (i = 0; i < backup->volumes; i++) {
		if (backup->volume[i].logical_block <= PAGE_SIZE)
			WRITE_ONCE(p->peer_block[backup->volume[i].number],
				   backup->volume[i].logical_block);
	}
}

/* Refusals that no further attempt can mend without a full copy. */
static bool hm_refusal_is_final(enum hm_refusal why)
{
	return why == HM_REFUSE_POSITION || why == HM_REFUSE_RESTARTED;
}

static int hm_conn_refused(struct hm_primary *p, enum hm_refusal why,
			   u16 volume)
{
	bool news;

	spin_lock_irq(&p->lock);
	news = p->refusal != why;
	p->refusal = why;
	if (hm_refusal_is_final(why) && p->sync != HM_SYNC_BEHIND)
		hm_primary_set_sync(p, HM_SYNC_BEHIND, hm_refusal_text(why));
	hm_primary_set_link(p, HM_LINK_REFUSED, hm_refusal_text(why));
	spin_unlock_irq(&p->lock);
	/* What nobody can be sent any more is not kept. */
	if (hm_refusal_is_final(why))
		hm_primary_give_up_backlog(p);
	if (news)
		hm_set_event(&p->set);
	if (news && hm_refusal_names_volume(why))
		hm_warn(&p->set, "not mirroring, volume %u: %s", volume,
			hm_refusal_text(why));
	else if (news)
		hm_warn(&p->set, "not mirroring: %s", hm_refusal_text(why));
	return -ECONNREFUSED;
}

/* The backup is welcome: the stream goes on after what it has. */
static int hm_conn_begin(struct hm_primary *p, const struct hm_hello *self,
			 const struct hm_hello *backup)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);
	bool news, ok;

	spin_lock_irq(&p->lock);
	news = backup->acks.received > p->stream.claimed.received;
	ok = hm_stream_resume(&p->stream, &backup->acks, &completed, &released);
	if (ok) {
		p->session = backup->session;
		p->adopted = true;
		p->refusal = HM_WELCOME;
		p->tx_failed = false;
		/* A request that came meanwhile goes with the next one. */
		if (self->flags & HM_HELLO_RETRY)
			p->retry = false;
		/* Connecting alone is no progress: see patience. */
		if (news)
			p->progress = jiffies;
		if (p->sync != HM_SYNC_SUSPENDED) {
			p->stall_over = false;
			p->stream.alone = false;
		}
		hm_primary_set_link(p, HM_LINK_CONNECTED, "");
	}
	spin_unlock_irq(&p->lock);
	hm_primary_deliver(&completed, &released);
	if (!ok)
		return hm_conn_refused(p, HM_REFUSE_POSITION, 0);
	hm_primary_kick_deferred(p);
	hm_info(&p->set, "connected; the backup has everything up to update %llu",
		backup->acks.received);
	return 0;
}

static int hm_conn_start_record(struct hm_primary *p, struct hm_wire_hello *wire)
{
	struct hm_wire_record *start = (struct hm_wire_record *)wire;

	hm_encode_control(start, HM_CTRL_START, p->session,
			  p->stream.taken + 1);
	return hm_sock_send_buffer(p->sock, start, sizeof(*start));
}

static int hm_conn_handshake(struct hm_primary *p, struct hm_wire_hello *wire)
{
	struct hm_hello *self = kmalloc(2 * sizeof(*self), GFP_NOIO);
	struct hm_hello *backup = self + 1;
	enum hm_refusal why;
	u16 volume = 0;
	int err;

	if (!self)
		return -ENOMEM;
	hm_conn_hello(p, self);
	err = hm_conn_exchange(p, self, backup, wire);
	if (!err) {
		why = hm_judge_backup(self, backup, &volume);
		if (why == HM_WELCOME || why == HM_REFUSE_BLOCK)
			hm_conn_learn_blocks(p, backup);
		if (why != HM_WELCOME)
			err = hm_conn_refused(p, why, volume);
		else
			err = hm_conn_begin(p, self, backup);
	}
	kfree(self);
	return err ?: hm_conn_start_record(p, wire);
}

static void hm_conn_status(struct hm_primary *p, const struct hm_ack_record *a,
			   struct list_head *completed)
{
	if (a->status == HM_BACKUP_SUSPENDED) {
		if (p->sync == HM_SYNC_STREAMING)
			hm_primary_set_sync(p, HM_SYNC_SUSPENDED,
					    "the backup's disk refused an update: mend it, then send the message resume");
		if (!p->stream.alone)
			hm_stream_set_alone(&p->stream, true, completed);
	} else if (p->sync == HM_SYNC_SUSPENDED) {
		hm_primary_set_sync(p, HM_SYNC_STREAMING, "");
		p->stream.alone = false;
		p->stall_over = false;
		p->progress = jiffies;
	}
}

/*
 * Writes went on alone because the backup made no progress. Once it is close
 * behind again, completions mean what the table says.
 */
static void hm_conn_caught_up(struct hm_primary *p)
{
	if (!p->stall_over || p->suspending || p->sync != HM_SYNC_STREAMING ||
	    hm_primary_lag(p) > HM_HEARTBEAT_MS)
		return;
	p->stall_over = false;
	p->stream.alone = false;
}

static int hm_conn_ack(struct hm_primary *p, const struct hm_wire_ack *wire)
{
	struct hm_ack_record a;
	enum hm_decode what;
	LIST_HEAD(completed);
	LIST_HEAD(released);
	bool ok;

	what = hm_decode_ack(wire, p->session, &a);
	if (what != HM_DECODE_OK) {
		hm_err(&p->set, "the backup sent a bad acknowledgment: %s",
		       hm_decode_text(what));
		return -EPROTO;
	}
	spin_lock_irq(&p->lock);
	if (memcmp(&a.acks, &p->stream.claimed, sizeof(a.acks)))
		p->progress = jiffies;
	ok = hm_stream_ack(&p->stream, &a.acks, &completed, &released);
	if (ok) {
		p->applied_group = a.applied_group;
		p->durable_group = a.durable_group;
		hm_conn_status(p, &a, &completed);
		hm_conn_caught_up(p);
	}
	spin_unlock_irq(&p->lock);
	hm_primary_deliver(&completed, &released);
	if (wq_has_sleeper(&p->drain_wait))
		wake_up_all(&p->drain_wait);
	if (!ok)
		hm_err(&p->set, "the backup acknowledges what it cannot have: received %llu applied %llu durable %llu",
		       a.acks.received, a.acks.applied, a.acks.durable);
	return ok ? 0 : -EPROTO;
}

static void hm_conn_ping(struct hm_primary *p)
{
	WRITE_ONCE(p->ping, true);
	wake_up(&p->tx_wait);
}

/* Whole acknowledgments out of what has come; the rest stays for later. */
static int hm_conn_digest(struct hm_primary *p, void *page, size_t *got)
{
	size_t used = 0;
	int err = 0;

	while (!err && *got - used >= sizeof(struct hm_wire_ack)) {
		err = hm_conn_ack(p, page + used);
		used += sizeof(struct hm_wire_ack);
	}
	*got -= used;
	memmove(page, page + used, *got);
	return err;
}

static const char *hm_conn_receive(struct hm_primary *p, void *page)
{
	unsigned long heard = jiffies;
	unsigned long tick = jiffies;
	struct bio_vec bvec;
	size_t got = 0;
	int n;

	bvec_set_page(&bvec, virt_to_page(page), PAGE_SIZE, 0);
	hm_sock_set_timeout(p->sock, HM_HEARTBEAT_MS);
	while (!kthread_should_stop()) {
		n = hm_sock_recv(p->sock, &bvec, 1, PAGE_SIZE, got, true);
		if (n > 0) {
			heard = jiffies;
			got += n;
			if (hm_conn_digest(p, page, &got)) {
				p->counters.protocol_errors++;
				return "the backup broke the protocol";
			}
		} else if (n != -EAGAIN) {
			return READ_ONCE(p->tx_failed) ?
				       "sending to the backup failed" :
				       "the backup closed the connection";
		}
		if (time_after(jiffies, heard + msecs_to_jiffies(hm_peer_timeout_ms)))
			return "the backup is silent";
		if (time_after_eq(jiffies, tick + msecs_to_jiffies(HM_HEARTBEAT_MS))) {
			tick = jiffies;
			hm_conn_ping(p);
			hm_primary_tick(p);
		}
	}
	return "";
}

/* Ending it ourselves is no news. */
static const char *hm_conn_why(struct hm_primary *p, const char *reason)
{
	return READ_ONCE(p->stopping) ? "" : reason;
}

/* The link is gone: writes in flight do not wait for it, unless they are to. */
static void hm_conn_ended(struct hm_primary *p, const char *reason)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);

	spin_lock_irq(&p->lock);
	hm_primary_set_link(p, HM_LINK_CONNECTING, reason);
	if (!p->set.args.disconnect_stall)
		hm_stream_set_alone(&p->stream, true, &completed);
	spin_unlock_irq(&p->lock);
	hm_primary_deliver(&completed, &released);
	hm_primary_kick_deferred(p);
	if (wq_has_sleeper(&p->drain_wait))
		wake_up_all(&p->drain_wait);
	if (*reason)
		hm_warn(&p->set, "disconnected: %s; trying again", reason);
}

static void hm_conn_session(struct hm_primary *p, void *page)
{
	struct task_struct *tx;
	const char *reason;

	tx = kthread_run(hm_primary_tx_thread, p, "hm_tx/%s", p->set.name);
	if (IS_ERR(tx)) {
		reason = "no memory for the sender";
	} else {
		reason = hm_conn_why(p, hm_conn_receive(p, page));
		hm_sock_shutdown(p->sock);
		kthread_stop(tx);
	}
	hm_conn_ended(p, reason);
}

/* Return: whether a session took place. */
static bool hm_conn_attempt(struct hm_primary *p, void *page)
{
	struct socket *sock;
	int err;

	err = hm_sock_connect(p->set.net, &p->set.addr, HM_CONNECT_MS, &sock);
	if (err) {
		hm_conn_link(p, HM_LINK_CONNECTING,
			     "the backup does not answer");
		return false;
	}
	if (!hm_conn_publish(p, sock)) {
		hm_sock_release(sock);
		return false;
	}
	hm_sock_trust(sock);
	hm_conn_link(p, HM_LINK_HANDSHAKE, "");
	err = hm_conn_handshake(p, page);
	if (!err)
		hm_conn_session(p, page);
	else if (p->link == HM_LINK_CONNECTED)
		hm_conn_ended(p, "the handshake was cut short");
	else if (p->link == HM_LINK_HANDSHAKE)
		hm_conn_link(p, HM_LINK_CONNECTING,
			     "the handshake was cut short");
	hm_conn_retract(p);
	return !err;
}

static bool hm_conn_kicked(struct hm_primary *p)
{
	return kthread_should_stop() || READ_ONCE(p->kick);
}

static void hm_conn_pause(struct hm_primary *p, unsigned int ms)
{
	unsigned long heartbeat = msecs_to_jiffies(HM_HEARTBEAT_MS);
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	while (time_before(jiffies, end) && !hm_conn_kicked(p)) {
		wait_event_interruptible_timeout(p->conn_wait,
						 hm_conn_kicked(p),
						 min(end - jiffies, heartbeat));
		hm_primary_tick(p);
	}
	WRITE_ONCE(p->kick, false);
}

static int hm_conn_thread(void *data)
{
	struct hm_primary *p = data;
	unsigned int flags = memalloc_noio_save();
	unsigned int pause = HM_RETRY_FIRST_MS;
	void *page = (void *)__get_free_page(GFP_KERNEL | __GFP_NOFAIL);

	while (!kthread_should_stop()) {
		hm_primary_tick(p);
		if (hm_conn_attempt(p, page))
			pause = HM_RETRY_FIRST_MS;
		hm_conn_pause(p, pause);
		pause = min(pause * 2, HM_RETRY_LAST_MS);
	}
	free_page((unsigned long)page);
	memalloc_noio_restore(flags);
	return 0;
}

/**
 * hm_primary_conn_create() - a thread for the connection, not yet running
 * @p: the primary
 *
 * Return: the thread for hm_primary_conn_start(), or an error pointer.
 *
 * Context: may sleep.
 */
struct task_struct *hm_primary_conn_create(struct hm_primary *p)
{
	return kthread_create(hm_conn_thread, p, "hm_conn/%s", p->set.name);
}

/**
 * hm_primary_conn_start() - begin to connect
 * @p: the primary; hello and configuration are set, the link is stopped
 * @conn: from hm_primary_conn_create()
 *
 * Context: may sleep; under volumes_lock.
 */
void hm_primary_conn_start(struct hm_primary *p, struct task_struct *conn)
{
	mutex_lock(&p->conn_lock);
	p->stopping = false;
	mutex_unlock(&p->conn_lock);
	hm_conn_link(p, HM_LINK_CONNECTING, "");
	p->conn = conn;
	wake_up_process(conn);
}

/**
 * hm_primary_conn_stop() - end the connection and all attempts
 * @p: the primary
 *
 * Context: may sleep, not for the network; under volumes_lock.
 */
void hm_primary_conn_stop(struct hm_primary *p)
{
	if (!p->conn)
		return;
	mutex_lock(&p->conn_lock);
	WRITE_ONCE(p->stopping, true);
	if (p->sock)
		hm_sock_shutdown(p->sock);
	mutex_unlock(&p->conn_lock);
	kthread_stop(p->conn);
	p->conn = NULL;
	hm_conn_link(p, HM_LINK_DOWN, "");
}

/**
 * hm_primary_retry() - have the backup try again what its disk refused
 * @p: the primary
 *
 * The request goes with a new handshake: on the old connection it could queue
 * behind updates that the backup has no room for. If nothing is suspended, it
 * only ends a pause between two attempts to connect.
 *
 * Context: may sleep, not for the network.
 */
void hm_primary_retry(struct hm_primary *p)
{
	bool suspended;

	spin_lock_irq(&p->lock);
	/* Behind, too: the backup may still hold what its disk refused. */
	suspended = p->sync != HM_SYNC_STREAMING;
	p->retry = suspended;
	p->kick = true;
	spin_unlock_irq(&p->lock);
	mutex_lock(&p->conn_lock);
	if (suspended && p->sock)
		hm_sock_shutdown(p->sock);
	mutex_unlock(&p->conn_lock);
	wake_up(&p->conn_wait);
}
