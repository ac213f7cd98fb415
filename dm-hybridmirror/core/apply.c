// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backup's half of the stream: the gate of group.c, overlaps in order of
 * seq inside a group, and flushes where the primary's application can have
 * relied on them.
 *
 * Or, with a log: what is durable there, in order, is performed in any order but
 * that of overlaps; should the power fail, the log is performed again.
 */
#include "apply.h"

/*
 * So many of a group are admitted at a time, and more with each that completes:
 * what is done in one hold of the lock has a bound, and a disk needs no more.
 */
#define HM_ADMIT_MAX	1024

/*
 * With a log: the first that a disk has not performed and the last that may be
 * appended are no further apart, for the same reason.
 */
#define HM_UNPLACED_MAX	8192

/*
 * An append costs the same for one update as for many. While more arrive it waits
 * for so many of them, or sectors of 512 bytes.
 */
#define HM_WORTH_UPDATES	32
#define HM_WORTH_SECTORS	512

/**
 * hm_apply_init() - an empty backup
 * @a: the state
 */
void hm_apply_init(struct hm_apply *a)
{
	memset(a, 0, sizeof(*a));
	INIT_LIST_HEAD(&a->pending);
	INIT_LIST_HEAD(&a->ready);
	INIT_LIST_HEAD(&a->failed);
	hm_overlap_init(&a->overlap);
}

/**
 * hm_apply_jump() - go on at another place of the stream, or of another one
 * @a: the state; nothing is pending
 * @seq: everything up to this counts as durable
 * @group: its group; 0 if that is not known
 *
 * Context: under the set's lock.
 */
void hm_apply_jump(struct hm_apply *a, u64 seq, u64 group)
{
	bool volatile_cache = a->volatile_cache;
	bool every_group_durable = a->every_group_durable;
	bool logged = a->logged;
	u64 log = a->clean.log;

	hm_apply_init(a);
	a->volatile_cache = volatile_cache;
	a->every_group_durable = every_group_durable;
	a->at.received = seq;
	a->at.applied = seq;
	a->at.durable = seq;
	a->received_group = group;
	a->applied_group = group;
	a->durable_group = group;
	a->gate.current_group = group;
	hm_apply_use_log(a, logged, log);
}

/**
 * hm_apply_use_log() - how order is kept from now on
 * @a: the state; drained
 * @logged: by a log
 * @log: where in it the next append may begin
 *
 * Context: under the set's lock.
 */
void hm_apply_use_log(struct hm_apply *a, bool logged, u64 log)
{
	a->logged = logged;
	a->log_full = false;
	a->log_refused = false;
	a->unlogged = 0;
	a->staging = false;
	a->unstaging = false;
	a->placed.seq = a->at.received;
	a->placed.group = a->received_group;
	a->placed.log = log;
	a->clean = a->placed;
	a->gate.current_group = a->received_group;
}

static struct hm_update *hm_apply_head(struct hm_apply *a)
{
	return list_first_entry_or_null(&a->pending, struct hm_update, stream);
}

/*
 * A flush makes durable all that the primary had completed before it, so it is
 * performed once everything before it in the stream is applied.
 */
static void hm_apply_look_at_flush(struct hm_apply *a)
{
	const struct hm_update *head = hm_apply_head(a);

	if (head && head->kind == HM_FLUSH && head->state == HM_B_ADMITTED)
		a->flush_wanted = true;
}

/* The current group is complete: must it be durable before the next begins? */
static bool hm_apply_boundary_flush(const struct hm_apply *a)
{
	return a->volatile_cache && a->at.durable < a->at.applied &&
	       (a->group_durable || a->every_group_durable);
}

static void hm_apply_admit_one(struct hm_apply *a, struct hm_update *u,
			       bool new_group)
{
	if (new_group)
		a->group_durable = false;
	if (u->kind == HM_FLUSH || (u->flags & HM_FUA))
		a->group_durable = true;
	u->state = HM_B_ADMITTED;
	if (u->kind == HM_FLUSH)
		return;
	if (hm_overlap_add(&a->overlap, u))
		list_add_tail(&u->ready, &a->ready);
}

/* Let through the gate what may go; called when anything has changed. */
static void hm_apply_admit(struct hm_apply *a)
{
	struct hm_update *u;
	bool new_group;

	if (a->logged)
		return;
	while (a->held && !a->suspended &&
	       a->gate.outstanding < HM_ADMIT_MAX) {
		u = a->held;
		new_group = u->group > a->gate.current_group;
		if (new_group && !a->gate.outstanding &&
		    hm_apply_boundary_flush(a)) {
			a->flush_wanted = true;
			break;
		}
		if (hm_gate_arrival(&a->gate, u->group) != HM_GATE_ISSUE)
			break;
		hm_apply_admit_one(a, u, new_group);
		a->held = list_is_last(&u->stream, &a->pending) ?
				  NULL : list_next_entry(u, stream);
	}
	hm_apply_look_at_flush(a);
}

/**
 * hm_apply_receive() - an update has arrived, whole and checked
 * @a: the state
 * @u: the update
 *
 * Return: false if it breaks the protocol: not the next in sequence, or of a
 * group that is over. Nothing has changed then. Otherwise hm_update.state is
 * HM_B_HELD if it waits for its group.
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
bool hm_apply_receive(struct hm_apply *a, struct hm_update *u)
{
	if (u->seq != a->at.received + 1 || u->group < a->received_group ||
	    !u->group)
		return false;
	a->at.received = u->seq;
	a->received_group = u->group;
	u->state = HM_B_HELD;
	list_add_tail(&u->stream, &a->pending);
	if (!a->held)
		a->held = u;
	if (a->logged)
		a->unlogged += u->sectors;
	hm_apply_admit(a);
	return true;
}

/*
 * The flush covers all that the disks have completed: what is applied, and
 * behind it the updates that are done and the flushes that wait between them.
 */
static void hm_apply_start_flush(struct hm_apply *a)
{
	struct hm_update *u;

	a->flush_wanted = false;
	a->flush_running = true;
	a->flush_place = a->placed;
	if (a->logged)
		return;
	a->flush_covers = a->at.applied;
	a->flush_covers_group = a->applied_group;
	list_for_each_entry(u, &a->pending, stream) {
		if (u->kind == HM_FLUSH && u->state == HM_B_ADMITTED)
			u->state = HM_B_ISSUED;
		else if (u->state != HM_B_DONE)
			break;
		a->flush_covers = u->seq;
		a->flush_covers_group = u->group;
	}
}

/**
 * hm_apply_log_takes() - may an update be part of the next append?
 * @a: the state
 * @u: one of @a->pending; all from @a->held up to it may
 *
 * An append that was refused may have reached the medium all the same, and would
 * be found there: it is done again with the same updates, in the same place.
 *
 * Context: under the set's lock.
 */
bool hm_apply_log_takes(const struct hm_apply *a, const struct hm_update *u)
{
	if (a->log_refused)
		return u->seq <= a->log_covers;
	/* All of these are admitted in one hold of the lock. */
	if (a->unstaging)
		return u->seq - a->staged.seq <= HM_ADMIT_MAX;
	return a->staging || u->seq - a->placed.seq <= HM_UNPLACED_MAX;
}

static bool hm_apply_is_worth(const struct hm_apply *a)
{
	return !a->log_lazy || a->unlogged >= HM_WORTH_SECTORS ||
	       a->at.received - a->at.applied >= HM_WORTH_UPDATES;
}

static bool hm_apply_may_append(const struct hm_apply *a)
{
	return a->logged && a->held && !a->log_running && !a->log_full &&
	       hm_apply_is_worth(a) && hm_apply_log_takes(a, a->held);
}

/**
 * hm_apply_more() - would hm_apply_next() give anything?
 * @a: the state
 *
 * Context: under the set's lock.
 */
bool hm_apply_more(const struct hm_apply *a)
{
	return !a->suspended && (!list_empty(&a->ready) ||
				 (a->flush_wanted && !a->flush_running) ||
				 hm_apply_may_append(a));
}

/**
 * hm_apply_next() - what to do next
 * @a: the state
 * @u: the update to issue, with HM_APPLY_ISSUE
 *
 * Context: under the set's lock.
 */
enum hm_apply_action hm_apply_next(struct hm_apply *a, struct hm_update **u)
{
	if (a->suspended)
		return HM_APPLY_NOTHING;
	/* First: each completion may make more ready, and it would never begin. */
	if (a->flush_wanted && !a->flush_running) {
		hm_apply_start_flush(a);
		return HM_APPLY_FLUSH;
	}
	if (hm_apply_may_append(a)) {
		/* From here on, so that nobody takes it for idle. */
		a->log_running = true;
		*u = a->held;
		return HM_APPLY_LOG;
	}
	if (!list_empty(&a->ready)) {
		*u = list_first_entry(&a->ready, struct hm_update, ready);
		list_del_init(&(*u)->ready);
		(*u)->state = HM_B_ISSUED;
		a->in_flight++;
		return HM_APPLY_ISSUE;
	}
	return HM_APPLY_NOTHING;
}

/* With a log, applied and durable are what it holds; the disk comes later. */
static void hm_apply_retire_placed(struct hm_apply *a,
				   struct list_head *retired)
{
	struct hm_update *u;

	while ((u = hm_apply_head(a)) && u->state == HM_B_DONE) {
		if (!a->staging) {
			a->placed.seq = u->seq;
			a->placed.group = u->group;
			a->placed.log = u->log;
		}
		list_move_tail(&u->stream, retired);
	}
	if (!a->volatile_cache)
		a->clean = a->placed;
}

/* Retire what is applied in sequence from the head of the stream. */
static void hm_apply_retire(struct hm_apply *a, struct list_head *retired)
{
	struct hm_update *u;

	if (a->logged) {
		hm_apply_retire_placed(a, retired);
		return;
	}
	while ((u = hm_apply_head(a)) && u->state == HM_B_DONE) {
		a->at.applied = u->seq;
		a->applied_group = u->group;
		/* A flush by itself leaves nothing to be made durable. */
		if (!a->volatile_cache ||
		    (u->kind == HM_FLUSH && a->at.durable == u->seq - 1)) {
			a->at.durable = u->seq;
			a->durable_group = u->group;
		}
		list_move_tail(&u->stream, retired);
	}
}

/**
 * hm_apply_done() - the disk has answered
 * @a: the state
 * @u: an update that HM_APPLY_ISSUE gave
 * @ok: the disk has performed it
 * @retired: updates that are applied in sequence, by hm_update.stream; the
 *	caller frees them. @u itself may come later.
 *
 * A failed update suspends: it stays outstanding, so that its group never
 * completes, and nothing more is issued.
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_done(struct hm_apply *a, struct hm_update *u, bool ok,
		   struct list_head *retired)
{
	a->in_flight--;
	if (!ok) {
		u->state = HM_B_FAILED;
		list_add_tail(&u->ready, &a->failed);
		a->suspended = true;
		return;
	}
	u->state = HM_B_DONE;
	hm_overlap_remove(&a->overlap, u, &a->ready);
	hm_apply_retire(a, retired);
	if (a->logged)
		return;
	hm_gate_completion(&a->gate);
	hm_apply_admit(a);
}

static void hm_apply_placed_flushed(struct hm_apply *a, bool ok)
{
	if (!ok) {
		a->flush_wanted = true;
		a->suspended = true;
		return;
	}
	a->clean = a->flush_place;
	if (a->clean.seq == a->placed.seq)
		a->flush_wanted = false;
}

/**
 * hm_apply_flush_done() - the disks have answered a flush
 * @a: the state
 * @ok: all have performed it
 * @retired: see hm_apply_done()
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_flush_done(struct hm_apply *a, bool ok,
			 struct list_head *retired)
{
	struct hm_update *u;

	a->flush_running = false;
	if (a->logged) {
		hm_apply_placed_flushed(a, ok);
		return;
	}
	list_for_each_entry(u, &a->pending, stream) {
		if (u->seq > a->flush_covers)
			break;
		if (u->kind != HM_FLUSH)
			continue;
		u->state = ok ? HM_B_DONE : HM_B_ADMITTED;
		if (ok)
			hm_gate_completion(&a->gate);
	}
	if (!ok) {
		a->flush_wanted = true;
		a->suspended = true;
		return;
	}
	hm_apply_retire(a, retired);
	if (a->at.durable < a->flush_covers) {
		a->at.durable = a->flush_covers;
		a->durable_group = a->flush_covers_group;
	}
	/* Wanted while this one ran: what it did not cover is still to do. */
	if (a->at.durable == a->at.applied)
		a->flush_wanted = false;
	hm_apply_admit(a);
}

/**
 * hm_apply_want_flush() - make durable what is applied
 * @a: the state
 *
 * The primary keeps in its backlog what is not durable here, or the log its
 * place, so the glue asks for a flush now and then even if no application does.
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_want_flush(struct hm_apply *a)
{
	if (a->logged ? a->clean.seq < a->placed.seq :
			a->at.durable < a->at.applied)
		a->flush_wanted = true;
}

/**
 * hm_apply_retry() - try again what failed, in order
 * @a: the state
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_retry(struct hm_apply *a)
{
	a->suspended = false;
	list_splice_init(&a->failed, &a->ready);
	hm_apply_admit(a);
}

/**
 * hm_apply_quiet() - no I/O is in flight
 * @a: the state
 *
 * Context: under the set's lock.
 */
bool hm_apply_quiet(const struct hm_apply *a)
{
	return !a->in_flight && !a->flush_running && !a->log_running;
}

/**
 * hm_apply_drained() - all that was received is applied and durable
 * @a: the state
 *
 * While staging: or is in the log, to be performed together or not at all.
 *
 * Context: under the set's lock.
 */
bool hm_apply_drained(const struct hm_apply *a)
{
	return list_empty(&a->pending) && hm_apply_quiet(a) && !a->unstaging &&
	       a->at.durable == a->at.applied &&
	       (!a->logged || a->clean.seq == a->placed.seq);
}

/**
 * hm_apply_log_begin() - an append is written
 * @a: the state; HM_APPLY_LOG has given the first update of it
 * @last: the last one
 *
 * Context: under the set's lock.
 */
void hm_apply_log_begin(struct hm_apply *a, const struct hm_update *last)
{
	a->log_covers = last->seq;
}

/* It is durable in the log: perform it, unless a later one makes that void. */
static void hm_apply_admit_logged(struct hm_apply *a, struct hm_update *u)
{
	struct hm_update *void_one;

	if (u->kind == HM_FLUSH) {
		u->state = HM_B_DONE;
		return;
	}
	u->state = HM_B_ADMITTED;
	INIT_LIST_HEAD(&u->ready);
	if (hm_overlap_add(&a->overlap, u)) {
		list_add_tail(&u->ready, &a->ready);
		return;
	}
	while ((void_one = hm_overlap_covered(&a->overlap, u))) {
		void_one->state = HM_B_DONE;
		list_del_init(&void_one->ready);
		hm_overlap_remove(&a->overlap, void_one, &a->ready);
	}
}

/**
 * hm_apply_log_done() - the log has answered an append
 * @a: the state
 * @ok: it is durable
 * @start: where in the log it begins
 * @end: and the next one may begin
 * @retired: see hm_apply_done()
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_log_done(struct hm_apply *a, bool ok, u64 start, u64 end,
		       struct list_head *retired)
{
	struct hm_update *u = a->held;
	bool last;

	a->log_running = false;
	a->log_refused = !ok;
	if (!ok) {
		a->suspended = true;
		return;
	}
	do {
		last = u->seq == a->log_covers;
		u->log = last ? end : start;
		a->unlogged -= u->sectors;
		a->at.applied = u->seq;
		a->at.durable = u->seq;
		a->applied_group = u->group;
		a->durable_group = u->group;
		if (!a->staging)
			hm_apply_admit_logged(a, u);
		else if (!a->unstaging)
			u->state = HM_B_DONE;
		a->held = list_is_last(&u->stream, &a->pending) ?
				  NULL : list_next_entry(u, stream);
		u = a->held;
	} while (!last);
	hm_apply_retire(a, retired);
}

/**
 * hm_apply_log_wait() - shall the next append wait until it is worth it?
 * @a: the state
 * @wait: more is about to arrive; otherwise nobody knows when
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_log_wait(struct hm_apply *a, bool wait)
{
	a->log_lazy = wait;
}

/**
 * hm_apply_log_full() - nothing is appended until there is room
 * @a: the state; HM_APPLY_LOG was given
 *
 * Context: under the set's lock. The glue sees to it that hm_apply.clean goes on.
 */
void hm_apply_log_full(struct hm_apply *a)
{
	a->log_running = false;
	a->log_full = true;
}

/**
 * hm_apply_log_stuck() - there is no room, and none can be made
 * @a: the state; what was performed cannot be said to be
 *
 * It suspends, as a refused append does.
 *
 * Context: under the set's lock.
 */
void hm_apply_log_stuck(struct hm_apply *a)
{
	a->suspended = true;
}

/**
 * hm_apply_log_room() - the log has room again, or may have
 * @a: the state
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_log_room(struct hm_apply *a)
{
	a->log_full = false;
}

/**
 * hm_apply_stage() - from now on updates go to the log, and not to the disks
 * @a: the state; hm_apply_use_log() has given it an empty log
 *
 * Copies arrive out of order, so that the disks would be no state of the primary
 * until the last one is there. In the log they are one atomic batch: whoever reads
 * the log performs all or, as long as nobody is told of it, nothing.
 *
 * Context: under the set's lock.
 */
void hm_apply_stage(struct hm_apply *a)
{
	a->staging = true;
}

/**
 * hm_apply_unstage() - what is staged is to be performed, wherever it is kept
 * @a: the state; staging and not yet unstaging, no append is in flight
 * @log: where in the log the next append may begin
 *
 * What is appended from now on stays in memory, and is performed after that.
 *
 * Context: under the set's lock. The glue performs the log up to @a->staged, then
 * calls hm_apply_unstaged().
 */
void hm_apply_unstage(struct hm_apply *a, u64 log)
{
	a->unstaging = true;
	a->staged.seq = a->at.applied;
	a->staged.group = a->applied_group;
	a->staged.log = log;
}

/**
 * hm_apply_unstaged() - what was staged is durable on the disks
 * @a: the state; unstaging
 * @retired: see hm_apply_done()
 *
 * Context: under the set's lock. Call hm_apply_next() until there is nothing.
 */
void hm_apply_unstaged(struct hm_apply *a, struct list_head *retired)
{
	struct hm_update *u;

	a->staging = false;
	a->unstaging = false;
	a->placed = a->staged;
	a->clean = a->staged;
	/* No more of them than HM_ADMIT_MAX. */
	list_for_each_entry(u, &a->pending, stream) {
		if (u == a->held)
			break;
		hm_apply_admit_logged(a, u);
	}
	hm_apply_retire(a, retired);
}
