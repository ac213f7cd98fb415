// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's connection: one thread connects, shakes hands and receives
 * acknowledgments; a second one sends while a session lasts.
 */
#include <linux/kthread.h>
#include <linux/sched/mm.h>

#include "core/codec.h"
#include "primary.h"
#include "sock.h"

/* Milliseconds: bounds for one attempt and between two. */
#define HM_CONNECT_MS		3000
#define HM_RETRY_FIRST_MS	100
#define HM_RETRY_LAST_MS	3000

/* A set that fell behind stays so at least this long, milliseconds. */
#define HM_BEHIND_MS		2000

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
	spin_lock_irq(&p->set.lock);
	hm_primary_set_link(p, link, reason);
	spin_unlock_irq(&p->set.lock);
}

/* Return: whether completions must not wait for the backup any more. */
static bool hm_conn_status(struct hm_primary *p, const struct hm_ack_record *a)
{
	if (a->status == HM_BACKUP_SUSPENDED) {
		if (p->sync == HM_SYNC_STREAMING || p->sync == HM_SYNC_COPYING)
			hm_primary_set_sync(p, HM_SYNC_SUSPENDED,
					    "the backup's disk refused an update: mend it, then send the message resume");
		return !p->stream.alone;
	}
	if (p->sync == HM_SYNC_SUSPENDED) {
		hm_primary_set_sync(p, p->copying || hm_primary_unsynced(p) ?
					       HM_SYNC_COPYING :
					       HM_SYNC_STREAMING, "");
		/* See hm_conn_caught_up(), which may be what comes next. */
		p->catch_seq = p->stream.last_seq;
		p->adopt_after = p->stream.last_seq;
		p->stall_over = false;
		p->progress = jiffies;
	}
	return false;
}

static void hm_conn_ping(struct hm_primary *p)
{
	WRITE_ONCE(p->ping, true);
	wake_up(&p->tx_wait);
}

/*
 * Writes went on alone because the backup made no progress. Once it is close
 * behind again, completions mean what the table says.
 */
static void hm_conn_caught_up(struct hm_primary *p)
{
	/*
	 * Whoever waited now would wait for the end of the copying, or for a log that
	 * is full to be performed. Where nobody waits, it is adopted under any load.
	 */
	if (p->stream.staged &&
	    (hm_primary_unsynced(p) ||
	     (hm_tx_awaited(p) && hm_primary_lag(p) > HM_HEARTBEAT_MS)))
		return;
	if (!(p->stall_over || p->stream.alone) || p->suspending ||
	    (p->sync != HM_SYNC_STREAMING && p->sync != HM_SYNC_COPYING) ||
	    !hm_primary_is_close(p))
		return;
	p->stall_over = false;
	hm_stream_wait(&p->stream);
	p->adopt_after = p->stream.last_seq;
	/* Somebody may wait for the adoption: the sender looks. */
	if (p->adopt && !p->adopt_sent)
		hm_conn_ping(p);
}

static int hm_conn_ack(struct hm_primary *p, const struct hm_wire_ack *wire)
{
	struct hm_ack_record a;
	enum hm_decode what;
	LIST_HEAD(completed);
	LIST_HEAD(released);
	bool alone = false;
	bool adopted;
	bool ok;

	what = hm_decode_ack(wire, p->session, &a);
	if (what != HM_DECODE_OK) {
		hm_err(&p->set, "the backup sent a bad acknowledgment: %s",
		       hm_decode_text(what));
		return -EPROTO;
	}
	if (a.status == HM_BACKUP_STARTING)
		return 0;
	spin_lock_irq(&p->set.lock);
	if (hm_primary_progress(p, &a.acks))
		p->progress = jiffies;
	ok = hm_stream_ack(&p->stream, &a.acks, &completed, &released);
	if (ok) {
		p->applied_group = a.applied_group;
		p->durable_group = a.durable_group;
		if (p->stream.staged && !a.staging)
			hm_stream_set_staged(&p->stream, false, &completed,
					     &released);
		alone = hm_conn_status(p, &a);
	}
	adopted = ok && p->adopt && p->adopt_sent &&
		  a.generation == p->hello_generation;
	spin_unlock_irq(&p->set.lock);
	hm_primary_deliver(&completed, &released);
	hm_primary_settle(p);
	/* Only now is the log rid of what was released. */
	spin_lock_irq(&p->set.lock);
	if (ok)
		hm_conn_caught_up(p);
	spin_unlock_irq(&p->set.lock);
	if (ok && READ_ONCE(p->set.lineage.covers_fresh))
		hm_primary_paired(p);
	if (alone)
		hm_primary_be_alone(p);
	if (adopted)
		hm_primary_confirmed(p);
	if (wq_has_sleeper(&p->drain_wait))
		wake_up_all(&p->drain_wait);
	if (!ok)
		hm_err(&p->set, "the backup acknowledges what it cannot have: received %llu applied %llu durable %llu",
		       a.acks.received, a.acks.applied, a.acks.durable);
	return ok ? 0 : -EPROTO;
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

/* Is there something that only a new handshake can settle? "" if not. */
static const char *hm_conn_unsettled(struct hm_primary *p)
{
	unsigned long hold = msecs_to_jiffies(HM_BEHIND_MS);
	const char *why = "";

	spin_lock_irq(&p->set.lock);
	/* What waits for an adoption will not be adopted: see hm_stream_settle(). */
	if (p->sync == HM_SYNC_BEHIND &&
	    (list_empty(&p->stream.backlog) || p->stream.staged) &&
	    time_after(jiffies, p->behind_jiffies + hold))
		why = "what was not recorded is to be copied";
	else if ((p->sync == HM_SYNC_STREAMING ||
		  (p->sync == HM_SYNC_COPYING && !hm_primary_unsynced(p))) &&
		 !p->stream.alone && hm_set_all_active(&p->set) &&
		 p->set.lineage.generation[0] != p->hello_generation)
		why = "the backup is to know of a new generation";
	p->settling = *why;
	spin_unlock_irq(&p->set.lock);
	return why;
}

static const char *hm_conn_receive(struct hm_primary *p, void *page)
{
	const char *unsettled;
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
				spin_lock_irq(&p->set.lock);
				p->counters.protocol_errors++;
				spin_unlock_irq(&p->set.lock);
				return "the backup broke the protocol";
			}
		} else if (n != -EAGAIN) {
			return READ_ONCE(p->tx_failed) ?
				       "sending to the backup failed" :
				       "the backup closed the connection";
		}
		if (time_after(jiffies, heard +
			       msecs_to_jiffies(READ_ONCE(hm_peer_timeout_ms))))
			return "the backup is silent";
		if (time_after_eq(jiffies, tick + msecs_to_jiffies(HM_HEARTBEAT_MS))) {
			tick = jiffies;
			hm_conn_ping(p);
			hm_primary_clean(p);
			unsettled = hm_conn_unsettled(p);
			if (*unsettled)
				return unsettled;
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
	spin_lock_irq(&p->set.lock);
	hm_primary_set_link(p, HM_LINK_CONNECTING, reason);
	hm_primary_store_unstick(p);
	spin_unlock_irq(&p->set.lock);
	if (!p->set.args.disconnect_stall)
		hm_primary_be_alone(p);
	hm_primary_kick_deferred(p);
	if (wq_has_sleeper(&p->drain_wait))
		wake_up_all(&p->drain_wait);
	if (*reason)
		hm_warn(&p->set, "disconnected: %s; trying again", reason);
}

/* The threads of a session: created before anybody waits for it. */
struct hm_conn_threads {
	struct task_struct *tx;
	struct task_struct *copy;
};

static void hm_conn_stop_threads(const struct hm_conn_threads *t)
{
	if (!IS_ERR(t->copy))
		kthread_stop(t->copy);
	if (!IS_ERR(t->tx))
		kthread_stop(t->tx);
}

/*
 * Not after the handshake: completions wait for the backup then, and to create a
 * thread may take memory that only those completions set free.
 */
static int hm_conn_create_threads(struct hm_primary *p,
				  struct hm_conn_threads *t)
{
	t->tx = kthread_create(hm_primary_tx_thread, p, "hm_tx/%s",
			       p->set.name);
	t->copy = kthread_create(hm_primary_copy_thread, p, "hm_copy/%s",
				 p->set.name);
	if (IS_ERR(t->tx) || IS_ERR(t->copy)) {
		hm_conn_stop_threads(t);
		return -ENOMEM;
	}
	hm_thread_gather(t->copy, true);
	hm_thread_gather(t->tx, !hm_tx_awaited(p));
	return 0;
}

static void hm_conn_session(struct hm_primary *p, void *page,
			    const struct hm_conn_threads *t)
{
	const char *reason;

	/* The log's device may have been mended. */
	spin_lock_irq(&p->set.lock);
	p->store.failed = false;
	p->store.stuck = false;
	spin_unlock_irq(&p->set.lock);
	hm_tx_open(p);
	wake_up_process(t->tx);
	wake_up_process(t->copy);
	reason = hm_conn_why(p, hm_conn_receive(p, page));
	hm_sock_shutdown(p->sock);
	hm_conn_stop_threads(t);
	hm_tx_close(p);
	if (p->store.lost)
		hm_primary_miss(p, "the log of the backlog cannot be read");
	p->store.lost = false;
	hm_conn_ended(p, reason);
}

static void hm_conn_failed(struct hm_primary *p, const char *reason)
{
	spin_lock_irq(&p->set.lock);
	p->settling = false;
	hm_primary_set_link(p, HM_LINK_CONNECTING, reason);
	spin_unlock_irq(&p->set.lock);
}

/* The socket is the connection's, and the threads wait for the session. */
static int hm_conn_shake_hands(struct hm_primary *p, void *page,
			       const struct hm_conn_threads *threads)
{
	int err;

	/* What went wrong the last time holds until the handshake is through. */
	spin_lock_irq(&p->set.lock);
	hm_primary_set_link(p, HM_LINK_HANDSHAKE, p->reason);
	spin_unlock_irq(&p->set.lock);
	err = hm_primary_handshake(p, page);
	if (!err) {
		hm_conn_session(p, page, threads);
		return 0;
	}
	hm_conn_stop_threads(threads);
	spin_lock_irq(&p->set.lock);
	p->preparing = false;
	spin_unlock_irq(&p->set.lock);
	hm_primary_kick_deferred(p);
	/* While this thread runs nobody else changes the link. */
	if (p->link == HM_LINK_CONNECTED)
		hm_conn_ended(p, "the handshake was cut short");
	else if (p->link == HM_LINK_HANDSHAKE)
		hm_conn_failed(p, "the handshake was cut short");
	return err;
}

/* Return: whether a session took place. */
static bool hm_conn_attempt(struct hm_primary *p, void *page)
{
	struct hm_conn_threads threads;
	struct socket *sock;
	bool complete, secret;
	int err;

	spin_lock_irq(&p->set.lock);
	complete = hm_set_complete(&p->set);
	secret = p->set.lineage.untold && !hm_set_all_active(&p->set);
	spin_unlock_irq(&p->set.lock);
	if (!complete) {
		hm_conn_failed(p, "waiting for the set's other volumes: create them, or send drop_volume");
		return false;
	}
	/* See hm_primary_tell(). */
	if (secret) {
		hm_conn_failed(p, "a volume of the set is suspended: resume it");
		return false;
	}
	err = hm_sock_connect(p->set.net, &p->set.addr, HM_CONNECT_MS, &sock);
	if (err) {
		hm_conn_failed(p, "the backup does not answer");
		return false;
	}
	if (hm_conn_create_threads(p, &threads)) {
		hm_conn_failed(p, "no memory for threads");
		hm_sock_release(sock);
		return false;
	}
	if (!hm_conn_publish(p, sock)) {
		hm_conn_stop_threads(&threads);
		hm_sock_release(sock);
		return false;
	}
	hm_sock_trust(sock);
	err = hm_conn_shake_hands(p, page, &threads);
	hm_conn_retract(p);
	return !err;
}

static bool hm_conn_kicked(struct hm_primary *p)
{
	return kthread_should_stop() || READ_ONCE(p->kick);
}

static void hm_conn_pause(struct hm_primary *p, unsigned int ms)
{
	wait_event_interruptible_timeout(p->conn_wait, hm_conn_kicked(p),
					 msecs_to_jiffies(ms));
	WRITE_ONCE(p->kick, false);
}

static int hm_conn_thread(void *data)
{
	struct hm_primary *p = data;
	unsigned int flags = memalloc_noio_save();
	unsigned int pause = HM_RETRY_FIRST_MS;
	void *page = (void *)__get_free_page(GFP_KERNEL | __GFP_NOFAIL);

	while (!kthread_should_stop()) {
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
	queue_delayed_work(hm_meta_wq, &p->tick_work, 0);
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
	cancel_delayed_work_sync(&p->tick_work);
	hm_pool_trim(&p->pool, true);
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

	spin_lock_irq(&p->set.lock);
	/* Behind, too: the backup may still hold what its disk refused. */
	suspended = p->sync != HM_SYNC_STREAMING;
	p->retry = suspended;
	WRITE_ONCE(p->kick, true);
	spin_unlock_irq(&p->set.lock);
	mutex_lock(&p->conn_lock);
	if (suspended && p->sock)
		hm_sock_shutdown(p->sock);
	mutex_unlock(&p->conn_lock);
	wake_up(&p->conn_wait);
}
