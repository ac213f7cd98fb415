// SPDX-License-Identifier: GPL-2.0-only
/*
 * The primary's half of the stream. An update is tagged and queued in one
 * step; it leaves the backlog once it is durable on the backup, so that a short
 * disconnect is answered by sending it again, in order.
 */
#include "stream.h"

/* Steps for each hold of the lock. */
#define HM_AT_ONCE	256

static struct hm_update *hm_stream_next(struct hm_stream *s,
					struct hm_update *u)
{
	if (list_is_last(&u->stream, &s->backlog))
		return NULL;
	return list_next_entry(u, stream);
}

static bool hm_stream_closes(const struct hm_stream *s,
			     const struct hm_update *u)
{
	switch (s->ordering) {
	case HM_ORDER_COMPLETION:
		return true;
	case HM_ORDER_FLUSH:
		return u->kind == HM_FLUSH || (u->flags & HM_FUA);
	default:
		return false;
	}
}

static bool hm_stream_may_complete(const struct hm_stream *s,
				   const struct hm_update *u)
{
	if (!(u->state & HM_P_LOCAL_DONE))
		return false;
	if (s->alone)
		return true;
	/* Its place may be left behind by now: nobody would look at it again. */
	if (s->staged && u->ack != HM_ACK_LOCAL)
		return u->seq <= s->waits_after;
	switch (u->ack) {
	case HM_ACK_RECEIVED:
		return u->seq <= s->acked.received;
	case HM_ACK_APPLIED:
		return u->seq <= s->acked.applied;
	default:
		return true;
	}
}

/*
 * The group is closed here, before the caller can deliver the completion.
 * Return: whether it is on the list now.
 */
static bool hm_stream_complete(struct hm_stream *s, struct hm_update *u,
			       struct list_head *completed)
{
	if ((u->state & HM_P_COMPLETED) || !hm_stream_may_complete(s, u))
		return false;
	if (hm_stream_closes(s, u))
		hm_group_close(&s->grouping, u->group);
	u->state |= HM_P_COMPLETED;
	s->undelivered--;
	list_add_tail(&u->ready, completed);
	return true;
}

/**
 * hm_stream_init() - an empty stream
 * @s: the stream
 * @ordering: what closes a group
 */
void hm_stream_init(struct hm_stream *s, enum hm_ordering ordering)
{
	memset(s, 0, sizeof(*s));
	s->ordering = ordering;
	s->alone = true;
	INIT_LIST_HEAD(&s->backlog);
	hm_overlap_init(&s->overlap);
}

static void hm_stream_queue(struct hm_stream *s, struct hm_update *u)
{
	u->seq = ++s->last_seq;
	u->group = hm_group_issue(&s->grouping);
	u->state = 0;
	s->queued[u->volume]++;
	list_add_tail(&u->stream, &s->backlog);
	if (!s->unsent)
		s->unsent = u;
	if (!s->unreceived)
		s->unreceived = u;
	if (!s->unapplied)
		s->unapplied = u;
	if (!s->resident)
		s->resident = u;
}

/**
 * hm_stream_add() - an update is issued: tag it and queue it
 * @s: the stream
 * @u: the update; kind, flags, volume, sector, sectors and ack are filled in
 *
 * Return: true if it may be issued to the local disk now; false if it overlaps
 * one in flight and will come out of hm_stream_local_done().
 *
 * Context: under the set's lock.
 */
bool hm_stream_add(struct hm_stream *s, struct hm_update *u)
{
	hm_stream_queue(s, u);
	return hm_overlap_add(&s->overlap, u);
}

/**
 * hm_stream_add_copy() - the copy of a range that no update brings to the backup
 * @s: the stream
 * @u: the update; kind, volume, sector and sectors are filled in, and the
 *	payload is what the local disk held when no update of the range was in
 *	flight; none was added since
 *
 * Nobody waits for it, so it never closes a group.
 *
 * Context: under the set's lock.
 */
void hm_stream_add_copy(struct hm_stream *s, struct hm_update *u)
{
	hm_stream_queue(s, u);
	u->state = HM_P_COPY | HM_P_LOCAL_DONE | HM_P_COMPLETED;
}

/**
 * hm_stream_local_done() - the local disk has answered, well or badly
 * @s: the stream
 * @u: the update
 * @ready: updates that waited for @u are added, by hm_update.ready, to be
 *	issued to the local disk
 * @completed: @u is added, by hm_update.ready, if it is to be delivered to the
 *	application now; its group has been closed
 *
 * Context: under the set's lock.
 */
void hm_stream_local_done(struct hm_stream *s, struct hm_update *u,
			  struct list_head *ready,
			  struct list_head *completed)
{
	hm_overlap_remove(&s->overlap, u, ready);
	u->state |= HM_P_LOCAL_DONE;
	s->undelivered++;
	hm_stream_complete(s, u, completed);
}

/**
 * hm_stream_take() - the next update for the sender
 * @s: the stream
 *
 * It stays valid until hm_stream_sent() with its seq, or until the session is
 * over and hm_stream_resume() begins another one.
 *
 * Return: the update, or NULL if there is none.
 *
 * Context: under the set's lock.
 */
struct hm_update *hm_stream_take(struct hm_stream *s)
{
	struct hm_update *u = s->unsent;

	if (!u)
		return NULL;
	s->unsent = hm_stream_next(s, u);
	s->taken = u->seq;
	return u;
}

static void hm_stream_release_first(struct hm_stream *s,
				    struct list_head *released)
{
	struct hm_update *u = list_first_entry(&s->backlog, struct hm_update,
					       stream);

	u->state |= HM_P_RELEASED;
	if (u == s->resident)
		s->resident = hm_stream_next(s, u);
	s->queued[u->volume]--;
	list_move_tail(&u->stream, released);
}

/* What @unreceived and @unapplied have not passed stays. */
static bool hm_stream_may_release(const struct hm_stream *s)
{
	const struct hm_update *u;

	if (list_empty(&s->backlog))
		return false;
	u = list_first_entry(&s->backlog, struct hm_update, stream);
	return u->seq <= s->acked.durable && u != s->unreceived &&
	       u != s->unapplied;
}

/* Moves @cursor, up to @seq, for @steps at most; returns what is left of them. */
static unsigned int hm_stream_pass(struct hm_stream *s,
				   struct hm_update **cursor, u64 seq,
				   unsigned int steps,
				   struct list_head *completed)
{
	while (steps && *cursor && (*cursor)->seq <= seq) {
		hm_stream_complete(s, *cursor, completed);
		*cursor = hm_stream_next(s, *cursor);
		steps--;
	}
	return steps;
}

/**
 * hm_stream_settle() - go on with what an acknowledgment has brought
 * @s: the stream
 * @completed: see hm_stream_ack()
 * @released: see hm_stream_ack()
 *
 * What is acknowledged may still lie under the sender's hands; it counts only
 * once it is sent, whatever the peer claims. One acknowledgment may bring a long
 * backlog, for all of which the lock is not held: while hm_stream.unsettled there
 * is more.
 *
 * Context: under the set's lock.
 */
void hm_stream_settle(struct hm_stream *s, struct list_head *completed,
		      struct list_head *released)
{
	unsigned int steps = HM_AT_ONCE;
	u64 most = s->staged && !s->alone ? s->waits_after : ~0ULL;

	s->acked.received = min(s->claimed.received, s->sent);
	s->acked.applied = min(s->claimed.applied, s->sent);
	s->acked.durable = min(s->claimed.durable, s->sent);

	steps = hm_stream_pass(s, &s->unreceived, min(s->acked.received, most),
			       steps, completed);
	steps = hm_stream_pass(s, &s->unapplied, min(s->acked.applied, most),
			       steps, completed);
	while (steps && hm_stream_may_release(s)) {
		hm_stream_release_first(s, released);
		steps--;
	}
	s->unsettled = !steps;
}

/**
 * hm_stream_sent() - the sender is through with all up to @seq
 * @s: the stream
 * @seq: sequence number
 * @completed: see hm_stream_ack()
 * @released: see hm_stream_ack()
 *
 * Context: under the set's lock.
 */
void hm_stream_sent(struct hm_stream *s, u64 seq, struct list_head *completed,
		    struct list_head *released)
{
	s->sent = seq;
	hm_stream_settle(s, completed, released);
}

/* What is staged may yet be lost, without the backup's being older for it. */
static void hm_stream_heed(struct hm_stream *s, const struct hm_acks *acks)
{
	if (!s->staged)
		s->told = max(s->told, acks->durable);
}

/**
 * hm_stream_ack() - the backup says how far it is
 * @s: the stream
 * @acks: its numbers
 * @completed: updates to be delivered to the application, by hm_update.ready;
 *	their groups have been closed
 * @released: updates that have left the backlog, by hm_update.stream; an update
 *	may be on both lists
 *
 * If hm_stream.unsettled, hm_stream_settle() goes on.
 *
 * Return: false if the numbers cannot be true: they go back, they pass each
 * other, or they name what was never sent. Nothing has changed then.
 *
 * Context: under the set's lock.
 */
bool hm_stream_ack(struct hm_stream *s, const struct hm_acks *acks,
		   struct list_head *completed, struct list_head *released)
{
	if (acks->durable > acks->applied || acks->applied > acks->received ||
	    acks->received > s->taken ||
	    acks->received < s->claimed.received ||
	    acks->applied < s->claimed.applied ||
	    acks->durable < s->claimed.durable)
		return false;
	s->claimed = *acks;
	hm_stream_heed(s, acks);
	hm_stream_settle(s, completed, released);
	return true;
}

/**
 * hm_stream_set_alone() - whether completions wait for the backup
 * @s: the stream
 * @alone: they do not
 * @completed: updates that waited for the backup only, by hm_update.ready
 *
 * Context: under the set's lock.
 */
void hm_stream_set_alone(struct hm_stream *s, bool alone,
			 struct list_head *completed)
{
	struct list_head *younger = completed;
	struct hm_update *u;

	s->alone = alone;
	if (!alone)
		return;
	/* The backlog may be long; what somebody waits for is at its end. */
	list_for_each_entry_reverse(u, &s->backlog, stream) {
		if (!s->undelivered)
			break;
		if (hm_stream_complete(s, u, younger))
			younger = &u->ready;
	}
}

/**
 * hm_stream_wait() - completions wait for the backup from now on
 * @s: the stream
 *
 * Context: under the set's lock.
 */
void hm_stream_wait(struct hm_stream *s)
{
	s->alone = false;
	s->waits_after = s->last_seq;
}

/**
 * hm_stream_set_staged() - what is the backup's word worth?
 * @s: the stream
 * @staged: it keeps what it receives apart from its disk, and can lose all of it
 *	until it adopts our generation: whoever waits for it waits for that. Those
 *	that were issued while nobody waited, up to @s->waits_after, do not
 * @completed: see hm_stream_ack()
 * @released: see hm_stream_ack()
 *
 * If hm_stream.unsettled, hm_stream_settle() goes on.
 *
 * Context: under the set's lock.
 */
void hm_stream_set_staged(struct hm_stream *s, bool staged,
			  struct list_head *completed,
			  struct list_head *released)
{
	s->staged = staged;
	hm_stream_heed(s, &s->claimed);
	hm_stream_settle(s, completed, released);
}

/* What the backlog holds beyond what was received will be taken again. */
static void hm_stream_go_back(struct hm_stream *s, const struct hm_acks *acks,
			      struct list_head *completed,
			      struct list_head *released)
{
	struct hm_update *u;

	s->taken = acks->received;
	s->sent = acks->received;
	s->claimed = *acks;
	s->unsent = NULL;
	s->unreceived = NULL;
	s->unapplied = NULL;
	if (!list_empty(&s->backlog)) {
		u = list_first_entry(&s->backlog, struct hm_update, stream);
		s->unreceived = u;
		s->unapplied = u;
		while (u && u->seq <= acks->received)
			u = hm_stream_next(s, u);
		s->unsent = u;
	}
	hm_stream_settle(s, completed, released);
}

/**
 * hm_stream_restart() - a new session with a backup whose position is void
 * @s: the stream; no sender is active
 * @completed: see hm_stream_ack()
 * @released: see hm_stream_ack()
 *
 * All that the backlog holds will be taken again, in order. What the backup had
 * made durable in an earlier session of this stream it still has.
 *
 * Return: the sequence number of the first update to follow.
 *
 * Context: under the set's lock.
 */
u64 hm_stream_restart(struct hm_stream *s, struct list_head *completed,
		      struct list_head *released)
{
	struct hm_acks from;

	from.durable = list_empty(&s->backlog) ? s->last_seq :
		list_first_entry(&s->backlog, struct hm_update, stream)->seq - 1;
	from.applied = from.durable;
	from.received = from.durable;
	hm_stream_go_back(s, &from, completed, released);
	return from.durable + 1;
}

/* Does the backlog hold everything that follows @seq? */
static bool hm_stream_holds_after(const struct hm_stream *s, u64 seq)
{
	if (list_empty(&s->backlog))
		return seq == s->last_seq;
	return list_first_entry(&s->backlog, struct hm_update, stream)->seq <=
	       seq + 1;
}

/**
 * hm_stream_resume() - a new session: go on after what the backup has
 * @s: the stream; no sender is active
 * @acks: what the backup said at the handshake
 * @completed: see hm_stream_ack()
 * @released: see hm_stream_ack()
 *
 * What the backlog holds beyond @acks.received will be taken again, in order.
 *
 * Return: false if the backlog no longer holds what the backup needs next, or
 * if the backup claims what was never sent. Nothing has changed then.
 *
 * Context: under the set's lock.
 */
bool hm_stream_resume(struct hm_stream *s, const struct hm_acks *acks,
		      struct list_head *completed, struct list_head *released)
{
	if (acks->durable > acks->applied || acks->applied > acks->received ||
	    acks->received > s->taken ||
	    acks->durable < s->acked.durable ||
	    !hm_stream_holds_after(s, acks->received))
		return false;

	hm_stream_heed(s, acks);
	hm_stream_go_back(s, acks, completed, released);
	return true;
}

/**
 * hm_stream_abandon() - give up what has not been sent, some of it at a time
 * @s: the stream; no sender is active, nothing is added any more, and
 *	hm_stream_set_alone() has let go of the updates that waited for the
 *	backup only
 * @released: what has left the backlog, by hm_update.stream
 *
 * Return: true if the backlog holds more: the lock need not be held for all.
 *
 * Context: under the set's lock.
 */
bool hm_stream_abandon(struct hm_stream *s, struct list_head *released)
{
	unsigned int n;

	s->unsent = NULL;
	s->unreceived = NULL;
	s->unapplied = NULL;
	for (n = 0; n < HM_AT_ONCE && !list_empty(&s->backlog); n++)
		hm_stream_release_first(s, released);
	return !list_empty(&s->backlog);
}
