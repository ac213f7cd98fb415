// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's handshake: who it meets, and how the two go on.
 */
#include <linux/slab.h>

#include "core/codec.h"
#include "core/handshake.h"
#include "primary.h"
#include "sock.h"

/* Milliseconds for each part. */
#define HM_HANDSHAKE_MS		5000

/* What the handshake says of this moment. */
static void hm_conn_hello(struct hm_primary *p, struct hm_hello *self)
{
	*self = p->hello;
	spin_lock_irq(&p->set.lock);
	self->lineage = p->set.lineage;
	self->origin = hm_lineage_find(&self->lineage, p->origin);
	self->last_seq = p->stream.last_seq;
	self->acks.received = p->stream.told;
	self->acks.applied = p->stream.told;
	self->acks.durable = p->stream.told;
	/* Nobody can be beyond the beginning of the stream. */
	if (!p->adopted && !p->stream.acked.received &&
	    p->sync == HM_SYNC_STREAMING)
		self->flags |= HM_HELLO_FIRST;
	if (p->sync == HM_SYNC_BEHIND || hm_primary_unsynced(p))
		self->flags |= HM_HELLO_UNSYNCED;
	if (p->copying)
		self->flags |= HM_HELLO_COPYING;
	if (p->retry)
		self->flags |= HM_HELLO_RETRY;
	spin_unlock_irq(&p->set.lock);
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

static int hm_conn_refused(struct hm_primary *p, enum hm_refusal why,
			   u16 volume)
{
	bool news;

	spin_lock_irq(&p->set.lock);
	news = p->refusal != why;
	p->refusal = why;
	p->settling = false;
	hm_primary_set_link(p, HM_LINK_REFUSED, hm_refusal_text(why));
	spin_unlock_irq(&p->set.lock);
	if (news)
		hm_set_event(&p->set);
	if (news && hm_refusal_names_volume(why))
		hm_warn(&p->set, "not mirroring, volume %u: %s", volume,
			hm_refusal_text(why));
	else if (news)
		hm_warn(&p->set, "not mirroring: %s", hm_refusal_text(why));
	return -ECONNREFUSED;
}

/* What the backup is to adopt in this session, and when. */
static void hm_conn_plan_adoption(struct hm_primary *p,
				  const struct hm_hello *self,
				  const struct hm_hello *backup, enum hm_way way)
{
	if (way == HM_WAY_COPY || way == HM_WAY_COPY_ALL)
		p->copying = true;
	p->hello_generation = self->lineage.generation[0];
	p->adopt = p->copying || p->sync == HM_SYNC_COPYING ||
		   backup->lineage.inconsistent ||
		   backup->lineage.generation[0] != p->hello_generation ||
		   self->lineage.covered > 1 || self->lineage.covers_fresh;
	p->adopt_sent = false;
	p->adopt_after = p->stream.last_seq;
}

/*
 * May the backup stage what is copied? Until it adopts our generation its word is
 * worth nothing then, so nobody may be held up by it meanwhile.
 */
static bool hm_conn_may_stage(const struct hm_primary *p, enum hm_way way)
{
	return (way == HM_WAY_COPY || way == HM_WAY_COPY_ALL) &&
	       !p->set.args.disconnect_stall;
}

/* The backup is welcome. */
static void hm_conn_connected(struct hm_primary *p, const struct hm_hello *self,
			      const struct hm_hello *backup, enum hm_way way)
{
	lockdep_assert_held(&p->set.lock);
	p->session = backup->session;
	p->refusal = HM_WELCOME;
	p->tx_failed = false;
	p->preparing = false;
	if (p->settling)
		p->progress = jiffies;
	p->settling = false;
	hm_conn_plan_adoption(p, self, backup, way);
	/* Whether it does the first acknowledgment says. */
	if (way != HM_WAY_RESUME)
		p->stream.staged = hm_conn_may_stage(p, way);
	/* A request that came meanwhile goes with the next one. */
	if (self->flags & HM_HELLO_RETRY)
		p->retry = false;
	if (p->sync != HM_SYNC_SUSPENDED) {
		p->stall_over = false;
		p->catch_seq = p->stream.last_seq;
		/* What went on alone does so until the backup is close behind. */
		if (hm_primary_is_close(p) && !p->stream.staged)
			hm_stream_wait(&p->stream);
	}
	hm_primary_set_link(p, HM_LINK_CONNECTED, "");
}

/**
 * hm_primary_progress() - has the backup come closer to what writes may wait for?
 * @p: the primary
 * @acks: what the backup says now
 *
 * Where some wait until they are applied, it is not enough that it receives others.
 *
 * Return: true if it has.
 *
 * Context: under @p->set.lock.
 */
bool hm_primary_progress(const struct hm_primary *p, const struct hm_acks *acks)
{
	const struct hm_acks *last = &p->stream.claimed;

	return acks->applied > last->applied || acks->durable > last->durable ||
	       (acks->received > last->received &&
		!(p->hello.flags & HM_HELLO_WANT_APPLIED));
}

/**
 * hm_primary_settle() - an acknowledgment may have brought more than one hold of
 * the lock is for
 * @p: the primary
 *
 * Context: process; no lock of ours held.
 */
void hm_primary_settle(struct hm_primary *p)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);

	while (READ_ONCE(p->stream.unsettled)) {
		spin_lock_irq(&p->set.lock);
		hm_stream_settle(&p->stream, &completed, &released);
		spin_unlock_irq(&p->set.lock);
		hm_primary_deliver(&completed, &released);
		cond_resched();
	}
}

/* Return: false if the backlog does not hold what the backup needs next. */
static bool hm_conn_resume(struct hm_primary *p, const struct hm_hello *self,
			   const struct hm_hello *backup)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);
	bool news, ok;

	spin_lock_irq(&p->set.lock);
	news = hm_primary_progress(p, &backup->acks);
	p->stream.staged = backup->flags & HM_HELLO_STAGING;
	ok = p->sync != HM_SYNC_BEHIND &&
	     hm_stream_resume(&p->stream, &backup->acks, &completed, &released);
	if (ok) {
		hm_conn_connected(p, self, backup, HM_WAY_RESUME);
		/* Connecting alone is no progress: see patience. */
		if (news)
			p->progress = jiffies;
	}
	spin_unlock_irq(&p->set.lock);
	hm_primary_deliver(&completed, &released);
	hm_primary_settle(p);
	return ok;
}

/* The backup's position is void: send from the beginning of the backlog. */
static void hm_conn_restart(struct hm_primary *p, const struct hm_hello *self,
			    const struct hm_hello *backup, enum hm_way way)
{
	LIST_HEAD(completed);
	LIST_HEAD(released);

	spin_lock_irq(&p->set.lock);
	hm_stream_restart(&p->stream, &completed, &released);
	hm_conn_connected(p, self, backup, way);
	spin_unlock_irq(&p->set.lock);
	hm_primary_deliver(&completed, &released);
	hm_primary_settle(p);
}

static int hm_conn_start_record(struct hm_primary *p, enum hm_way way,
				struct hm_wire_hello *wire)
{
	struct hm_wire_record *start = (struct hm_wire_record *)wire;
	u64 sectors = 0;
	u8 flags = 0;

	if (way != HM_WAY_RESUME)
		flags |= HM_START_JUMP;
	if (way == HM_WAY_COPY || way == HM_WAY_COPY_ALL)
		flags |= HM_START_COPY;
	if (hm_conn_may_stage(p, way)) {
		flags |= HM_START_STAGE;
		spin_lock_irq(&p->set.lock);
		sectors = hm_primary_unsynced(p) >> SECTOR_SHIFT;
		spin_unlock_irq(&p->set.lock);
	}
	hm_encode_start(start, flags, p->session, p->stream.taken + 1, sectors);
	return hm_sock_send_buffer(p->sock, start, sizeof(*start));
}

static const char *hm_way_words(enum hm_way way)
{
	switch (way) {
	case HM_WAY_RESUME:
		return "goes on in order";
	case HM_WAY_BEGIN:
		return "both sides are equal, begins in order";
	case HM_WAY_COPY:
		return "copies dirty regions, staged or with an inconsistent backup";
	default:
		return "copies everything, staged or with an inconsistent backup";
	}
}

/* It adopted what the last session told it to; only its answer was lost. */
static void hm_conn_note_adopted(struct hm_primary *p, struct hm_hello *self,
				 const struct hm_hello *backup)
{
	if (!(self->flags & HM_HELLO_COPYING) ||
	    !hm_hello_adopted(self, backup, p->hello_generation))
		return;
	self->flags &= ~HM_HELLO_COPYING;
	spin_lock_irq(&p->set.lock);
	p->copying = false;
	spin_unlock_irq(&p->set.lock);
}

/*
 * A copy takes a generation that no backup was told to adopt: another backup
 * that had the last one lacks what is copied now, and this one, should it be
 * promoted by force in the middle of it, is not what we are.
 */
static int hm_conn_copy(struct hm_primary *p, const struct hm_hello *self,
			const struct hm_hello *backup, bool all, void *page)
{
	bool told, begun;

	spin_lock_irq(&p->set.lock);
	told = !p->apart && !self->lineage.untold;
	begun = p->set.lineage.generation[0] != self->lineage.generation[0];
	spin_unlock_irq(&p->set.lock);
	if (told) {
		hm_info(&p->set, "a copy is needed; a new generation begins before it");
		return hm_primary_write_apart(p) ?: -EAGAIN;
	}
	/* Since the hello: the backup goes by what that said. */
	if (begun)
		return -EAGAIN;
	return hm_primary_copy_prepare(p, backup, all, page);
}

/* The two belong together: find the way to go on, and begin. */
static int hm_conn_begin(struct hm_primary *p, struct hm_hello *self,
			 const struct hm_hello *backup,
			 struct hm_wire_hello *wire)
{
	enum hm_way way;
	int err;

	/* Both sides have the same volumes, so that one was dropped for good. */
	if (hm_primary_backlog_strays(p)) {
		hm_primary_miss(p, "a volume was dropped before the backup had all of it");
		return -EAGAIN;
	}
	hm_conn_note_adopted(p, self, backup);
	way = hm_judge_way(self, backup);
	/* It began under another table: see hm_conn_may_stage(). */
	if (way == HM_WAY_RESUME && p->set.args.disconnect_stall &&
	    (backup->flags & HM_HELLO_STAGING))
		way = HM_WAY_COPY;
	/* At a beginning the backup adopts one that the list has to keep. */
	if (way != HM_WAY_BEGIN)
		hm_primary_met(p, backup);
	if (way == HM_WAY_RESUME && !hm_conn_resume(p, self, backup))
		way = HM_WAY_COPY;
	if (way == HM_WAY_COPY || way == HM_WAY_COPY_ALL) {
		err = hm_conn_copy(p, self, backup, way == HM_WAY_COPY_ALL,
				   wire);
		if (err)
			return err;
	}
	if (way != HM_WAY_RESUME)
		hm_conn_restart(p, self, backup, way);
	hm_primary_kick_deferred(p);
	err = hm_primary_tell(p);
	if (err)
		return err;
	hm_info(&p->set, "connected: %s, after update %llu", hm_way_words(way),
		p->stream.taken);
	return hm_conn_start_record(p, way, wire);
}

/**
 * hm_primary_handshake() - from the hello to the record that begins a session
 * @p: the primary; its socket is connected, no sender is active
 * @wire: a page for I/O
 *
 * Return: 0, or a negative errno: then the link says whether a session had begun.
 *
 * Context: may sleep, for the network and the metadata; the connection's thread.
 */
int hm_primary_handshake(struct hm_primary *p, struct hm_wire_hello *wire)
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
			err = hm_conn_begin(p, self, backup, wire);
	}
	kfree(self);
	return err;
}
