// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backup's door: listens, shakes hands with whoever comes, and lets the
 * primary in. Nothing a stranger sends is trusted. Handshakes go on beside each
 * other, each has a deadline, and when all places are taken the guest who has
 * been silent for longest has to go, so that idle strangers do not keep the
 * primary out.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "backup.h"
#include "core/codec.h"
#include "core/handshake.h"
#include "sock.h"

#define HM_HANDSHAKE_MS		5000
#define HM_LISTEN_RETRY_MS	1000

static void hm_guest_leave(struct hm_guest *g)
{
	struct socket *sock;

	mutex_lock(&g->backup->guest_lock);
	sock = g->sock;
	g->sock = NULL;
	mutex_unlock(&g->backup->guest_lock);
	hm_sock_shutdown(sock);
	hm_sock_release(sock);
}

/* The session takes the socket over. */
static void hm_guest_promote(struct hm_guest *g)
{
	mutex_lock(&g->backup->guest_lock);
	g->sock = NULL;
	mutex_unlock(&g->backup->guest_lock);
}

static void hm_guest_self(struct hm_backup *b, struct hm_backup_self *self)
{
	memset(self, 0, sizeof(*self));
	self->hello = b->hello;
	self->ready = !READ_ONCE(b->stopping);
	self->connected = b->session && !READ_ONCE(b->session->over);
	spin_lock_irq(&b->set.lock);
	memcpy(self->hello.stream, b->stream_id, sizeof(b->stream_id));
	self->hello.acks = b->apply.at;
	self->hello.lineage = b->set.lineage;
	if (b->lost)
		self->hello.flags |= HM_HELLO_LOST;
	if (hm_backup_is_dirty(b))
		self->hello.flags |= HM_HELLO_DIRTY;
	if (b->gives_up)
		self->hello.flags |= HM_HELLO_GIVES_UP;
	if (hm_stage_holds(b))
		self->hello.flags |= HM_HELLO_STAGING;
	spin_unlock_irq(&b->set.lock);
}

/* What a primary that does not follow our stream has no use for. */
static void hm_guest_hide(struct hm_hello *answer)
{
	memset(answer->stream, 0, sizeof(answer->stream));
	memset(&answer->acks, 0, sizeof(answer->acks));
}

static void hm_guest_refuse(struct hm_guest *g, struct hm_hello *answer,
			    struct hm_wire_hello *wire, enum hm_refusal why,
			    u16 volume)
{
	struct hm_backup *b = g->backup;

	bool ours = hm_refusal_of_lineage(why) || why == HM_REFUSE_METADATA;

	spin_lock_irq(&b->set.lock);
	b->counters.refused++;
	if (ours && !b->apply.suspended)
		b->reason = hm_refusal_text(why);
	if (ours && b->refusal != why)
		hm_set_event(&b->set);
	/* A stranger's has no bearing on what can be given up. */
	if (ours)
		b->refusal = why;
	spin_unlock_irq(&b->set.lock);
	answer->refusal = why;
	/* Knowing the stream's name is what makes a primary ours. */
	hm_guest_hide(answer);
	hm_encode_hello(wire, answer);
	hm_sock_send_buffer(g->sock, wire, sizeof(*wire));
	if (hm_refusal_names_volume(why))
		hm_warn(&b->set, "refused a primary, volume %u: %s", volume,
			hm_refusal_text(why));
	else
		hm_warn(&b->set, "refused a primary: %s", hm_refusal_text(why));
}

/* What the primary says of itself holds from here on. */
static void hm_guest_heed(struct hm_backup *b, const struct hm_hello *primary)
{
	spin_lock_irq(&b->set.lock);
	b->apply.every_group_durable = hm_every_group_durable(primary,
							      &b->hello);
	spin_unlock_irq(&b->set.lock);
	if (primary->flags & HM_HELLO_RETRY)
		hm_backup_retry(b);
}

static int hm_guest_welcome(struct hm_guest *g, const struct hm_hello *primary,
			    struct hm_backup_self *self,
			    struct hm_wire_hello *wire)
{
	struct hm_backup *b = g->backup;
	struct hm_session *s;
	int err;

	/* A session of the same primary is dead: it would not have come anew. */
	if (b->session)
		hm_session_stop(b->session);
	b->session = NULL;
	hm_guest_heed(b, primary);
	hm_guest_self(b, self);
	do {
		self->hello.session = get_random_u64();
	} while (!self->hello.session);

	s = hm_session_create(b, g->sock, primary, self->hello.session);
	if (!s)
		return -ENOMEM;
	if (memcmp(self->hello.stream, primary->stream,
		   sizeof(primary->stream)))
		hm_guest_hide(&self->hello);
	hm_encode_hello(wire, &self->hello);
	err = hm_sock_send_buffer(g->sock, wire, sizeof(*wire));
	if (!err && (self->hello.flags & HM_HELLO_DIRTY))
		err = hm_backup_send_dirty(b, g->sock, s->id);
	if (!err)
		err = hm_session_start(s);
	if (err) {
		kfree(s);
		return err;
	}
	b->session = s;
	hm_guest_promote(g);
	hm_info(&b->set, "connected");
	return 0;
}

/*
 * A guest that has left meanwhile is no reason to end the session.
 *
 * Return: 0 if the guest has become the session.
 */
static int hm_guest_judge(struct hm_guest *g, const struct hm_hello *primary,
			  struct hm_wire_hello *wire)
{
	struct hm_backup *b = g->backup;
	struct hm_backup_self *self = kmalloc(sizeof(*self), GFP_KERNEL);
	enum hm_refusal why;
	u16 volume = 0;
	int err = -ECONNREFUSED;

	if (!self)
		return -ENOMEM;
	mutex_lock(&b->session_lock);
	if (hm_sock_is_down(g->sock)) {
		err = -EPIPE;
		goto out;
	}
	hm_guest_self(b, self);
	why = hm_judge_primary(self, primary, &volume);
	if (why == HM_WELCOME && !hm_backup_may_write(b))
		why = HM_REFUSE_METADATA;
	if (why == HM_WELCOME)
		err = hm_guest_welcome(g, primary, self, wire);
	else
		hm_guest_refuse(g, &self->hello, wire, why, volume);
out:
	mutex_unlock(&b->session_lock);
	kfree(self);
	return err;
}

/* A primary of another version, or damage: say who we are, and why not. */
static void hm_guest_misunderstood(struct hm_guest *g, enum hm_decode what,
				   u16 version, struct hm_wire_hello *wire)
{
	struct hm_backup *b = g->backup;
	struct hm_hello *answer;

	hm_warn(&b->set, "a stranger at the port (version %u): %s", version,
		hm_decode_text(what));
	if (what == HM_DECODE_MAGIC)
		return;
	answer = kzalloc(sizeof(*answer), GFP_KERNEL);
	if (!answer)
		return;
	answer->version = HM_PROTOCOL_VERSION;
	answer->oldest = HM_PROTOCOL_OLDEST;
	hm_guest_refuse(g, answer, wire, what == HM_DECODE_VERSION ?
					 HM_REFUSE_VERSION : HM_REFUSE_DAMAGED,
			0);
	kfree(answer);
}

static int hm_guest_handshake(struct hm_guest *g, struct hm_wire_hello *wire,
			      struct hm_hello *primary)
{
	enum hm_decode what;
	u16 version = 0;
	int err;

	err = hm_sock_recv_exact(g->sock, wire, sizeof(wire->prefix),
				 HM_HANDSHAKE_MS);
	if (err)
		return err;
	what = hm_decode_prefix(&wire->prefix, &version);
	if (what == HM_DECODE_OK) {
		err = hm_sock_recv_exact(g->sock, &wire->features,
					 sizeof(*wire) - sizeof(wire->prefix),
					 HM_HANDSHAKE_MS);
		if (err)
			return err;
		what = hm_decode_hello(wire, primary);
	}
	if (what != HM_DECODE_OK) {
		hm_guest_misunderstood(g, what, version, wire);
		return -EPROTO;
	}
	return hm_guest_judge(g, primary, wire);
}

/**
 * hm_guest_work() - shake hands with one connection
 * @work: hm_guest.work
 */
void hm_guest_work(struct work_struct *work)
{
	struct hm_guest *g = container_of(work, struct hm_guest, work);
	struct hm_hello *primary = kmalloc(sizeof(*primary), GFP_KERNEL);
	struct hm_wire_hello *wire = kmalloc(sizeof(*wire), GFP_KERNEL);
	int err = -ENOMEM;

	if (primary && wire)
		err = hm_guest_handshake(g, wire, primary);
	if (err)
		hm_guest_leave(g);
	kfree(wire);
	kfree(primary);
}

static void hm_guest_oust(struct hm_backup *b)
{
	struct hm_guest *oldest = NULL;
	unsigned int i;

	mutex_lock(&b->guest_lock);
	for (i = 0; i < HM_GUESTS; i++) {
		if (b->guest[i].sock &&
		    (!oldest || time_before(b->guest[i].since, oldest->since)))
			oldest = &b->guest[i];
	}
	if (oldest)
		hm_sock_shutdown(oldest->sock);
	mutex_unlock(&b->guest_lock);
}

/* Return: whether there was a place; otherwise the caller keeps the socket. */
static bool hm_guest_enter(struct hm_backup *b, struct socket *sock)
{
	struct hm_guest *g = NULL;
	unsigned int i;

	mutex_lock(&b->guest_lock);
	for (i = 0; i < HM_GUESTS; i++) {
		if (!b->guest[i].sock && !work_busy(&b->guest[i].work)) {
			g = &b->guest[i];
			g->sock = sock;
			g->since = jiffies;
			break;
		}
	}
	mutex_unlock(&b->guest_lock);
	if (g)
		queue_work(hm_misc_wq, &g->work);
	else
		hm_guest_oust(b);
	return g;
}

static int hm_listen_publish(struct hm_backup *b)
{
	struct socket *sock;
	int err;

	err = hm_sock_listen(b->set.net, &b->set.addr, &sock);
	mutex_lock(&b->listen_lock);
	if (!err && b->stopping) {
		sock_release(sock);
		err = -ESHUTDOWN;
	}
	if (!err)
		b->listener = sock;
	mutex_unlock(&b->listen_lock);
	return err;
}

static void hm_listen_retract(struct hm_backup *b)
{
	struct socket *sock;

	mutex_lock(&b->listen_lock);
	sock = b->listener;
	b->listener = NULL;
	mutex_unlock(&b->listen_lock);
	sock_release(sock);
}

static void hm_listen_accept(struct hm_backup *b)
{
	struct socket *sock;
	int err;

	hm_sock_set_timeout(b->listener, HM_HEARTBEAT_MS);
	while (!kthread_should_stop()) {
		err = hm_sock_accept(b->listener, &sock);
		hm_pool_trim(&b->pool, false);
		if (!err && !hm_guest_enter(b, sock)) {
			hm_warn(&b->set, "too many connections at the port; one was closed");
			hm_sock_release(sock);
		}
		if (err && err != -EAGAIN && err != -ECONNABORTED)
			break;
	}
}

static void hm_listen_pause(struct hm_backup *b)
{
	wait_event_interruptible_timeout(b->drain_wait, kthread_should_stop(),
					 msecs_to_jiffies(HM_LISTEN_RETRY_MS));
}

static void hm_listen_failed(struct hm_backup *b, int err)
{
	hm_err(&b->set, "cannot listen at port %u (error %d); trying again",
	       b->set.args.port, -err);
	spin_lock_irq(&b->set.lock);
	if (!b->apply.suspended)
		b->reason = "cannot listen: is the address this host's, the port free?";
	spin_unlock_irq(&b->set.lock);
}

static void hm_listen_ready(struct hm_backup *b)
{
	spin_lock_irq(&b->set.lock);
	if (b->link == HM_LINK_LISTENING)
		hm_backup_set_link(b, HM_LINK_LISTENING, "");
	spin_unlock_irq(&b->set.lock);
}

static int hm_listen_thread(void *data)
{
	struct hm_backup *b = data;
	int err;

	while (!kthread_should_stop()) {
		err = hm_listen_publish(b);
		if (!err) {
			hm_listen_ready(b);
			hm_listen_accept(b);
			hm_listen_retract(b);
		} else if (err != -ESHUTDOWN) {
			hm_listen_failed(b, err);
		}
		if (!kthread_should_stop())
			hm_listen_pause(b);
	}
	return 0;
}

/**
 * hm_backup_listen_start() - open the door
 * @b: the backup; hello is set
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep; under volumes_lock.
 */
int hm_backup_listen_start(struct hm_backup *b)
{
	struct task_struct *listen;

	mutex_lock(&b->listen_lock);
	b->stopping = false;
	mutex_unlock(&b->listen_lock);
	spin_lock_irq(&b->set.lock);
	hm_backup_set_link(b, HM_LINK_LISTENING, "");
	spin_unlock_irq(&b->set.lock);
	listen = kthread_run(hm_listen_thread, b, "hm_listen/%s", b->set.name);
	if (IS_ERR(listen)) {
		spin_lock_irq(&b->set.lock);
		hm_backup_set_link(b, HM_LINK_DOWN, "no memory for a thread");
		spin_unlock_irq(&b->set.lock);
		return PTR_ERR(listen);
	}
	b->listen = listen;
	return 0;
}

/**
 * hm_backup_listen_stop() - close the door; no handshake is left
 * @b: the backup
 *
 * A session that a handshake began goes on.
 *
 * Context: may sleep, not for the network; under volumes_lock.
 */
void hm_backup_listen_stop(struct hm_backup *b)
{
	unsigned int i;

	if (!b->listen)
		return;
	mutex_lock(&b->listen_lock);
	WRITE_ONCE(b->stopping, true);
	if (b->listener)
		hm_sock_shutdown(b->listener);
	mutex_unlock(&b->listen_lock);
	kthread_stop(b->listen);
	b->listen = NULL;

	mutex_lock(&b->guest_lock);
	for (i = 0; i < HM_GUESTS; i++) {
		if (b->guest[i].sock)
			hm_sock_shutdown(b->guest[i].sock);
	}
	mutex_unlock(&b->guest_lock);
	for (i = 0; i < HM_GUESTS; i++)
		cancel_work_sync(&b->guest[i].work);
	/* A handshake that had not begun has left its socket behind. */
	for (i = 0; i < HM_GUESTS; i++) {
		if (b->guest[i].sock)
			hm_guest_leave(&b->guest[i]);
	}
}
