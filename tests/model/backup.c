// SPDX-License-Identifier: GPL-2.0-only
/* The backup: what its glue does with core/apply.c and with the disk. */
#include "model.h"

static bool next_enabled(int arg)
{
	const struct hm_apply *a = &w.apply;

	(void)arg;
	return (config->flags & F_LAZY) && !a->suspended &&
	       (!list_empty(&a->ready) ||
		(a->flush_wanted && !a->flush_running) ||
		(a->logged && a->held && !a->log_running));
}

static bool next(void)
{
	struct hm_update *u = NULL;

	switch (hm_apply_next(&w.apply, &u)) {
	case HM_APPLY_ISSUE:
		disk_issue(&w.disk, (int)u->seq - 1);
		return true;
	case HM_APPLY_FLUSH:
		disk_flush_start(&w.disk);
		return true;
	case HM_APPLY_LOG:
		log_append(u);
		return true;
	default:
		return false;
	}
}

static void next_step(int arg)
{
	(void)arg;
	next();
}

void backup_pump(void)
{
	if (config->flags & F_LAZY)
		return;
	while (next() && !violated_claim)
		;
}

static bool receive_enabled(int arg)
{
	(void)arg;
	return w.apply.at.received < w.wire_end;
}

static void receive_step(int arg)
{
	int i = (int)w.apply.at.received;
	const struct hm_update *from = &w.primary[i];
	struct hm_update *u = &w.backup[i];

	(void)arg;
	memset(u, 0, sizeof(*u));
	INIT_LIST_HEAD(&u->ready);
	INIT_LIST_HEAD(&u->overlap);
	u->seq = from->seq;
	u->group = from->group;
	u->kind = from->kind;
	u->flags = from->flags;
	u->volume = from->volume;
	u->sector = from->sector;
	u->sectors = from->sectors;
	if (!hm_apply_receive(&w.apply, u))
		violated('f', "the backup refuses the next record");
	backup_pump();
}

static bool land_enabled(int i)
{
	return (config->flags & F_LAND) &&
	       (w.disk.flight & ~w.disk.landed & bit(i));
}

static void land_step(int i)
{
	disk_land(&w.disk, i);
}

static void retire(struct list_head *retired)
{
	struct hm_update *u;

	while ((u = list_first_entry_or_null(retired, struct hm_update,
					     stream)))
		list_del_init(&u->stream);
}

static bool done_enabled(int i)
{
	if (!(w.disk.flight & bit(i)))
		return false;
	return !(config->flags & F_LAND) || (w.disk.landed & bit(i));
}

static void done_step(int i)
{
	struct list_head retired;

	INIT_LIST_HEAD(&retired);
	disk_complete(&w.disk, i);
	hm_apply_done(&w.apply, &w.backup[i], true, &retired);
	retire(&retired);
	backup_pump();
}

static bool fail_enabled(int i)
{
	return w.fails && (w.disk.flight & bit(i));
}

static void fail_step(int i)
{
	struct list_head retired;

	INIT_LIST_HEAD(&retired);
	w.fails--;
	disk_fail(&w.disk, i);
	hm_apply_done(&w.apply, &w.backup[i], false, &retired);
	retire(&retired);
	backup_pump();
}

static bool flush_done_enabled(int arg)
{
	(void)arg;
	return w.disk.flushing && !(config->flags & F_LIE_LOST);
}

static void flush_done_step(int arg)
{
	struct list_head retired;

	(void)arg;
	INIT_LIST_HEAD(&retired);
	disk_flush_done(&w.disk);
	hm_apply_flush_done(&w.apply, true, &retired);
	retire(&retired);
	backup_pump();
}

static bool flush_fail_enabled(int arg)
{
	(void)arg;
	return w.fails && w.disk.flushing;
}

static void flush_fail_step(int arg)
{
	struct list_head retired;

	(void)arg;
	INIT_LIST_HEAD(&retired);
	w.fails--;
	w.disk.flushing = false;
	memset(w.disk.covered, 0, sizeof(w.disk.covered));
	hm_apply_flush_done(&w.apply, false, &retired);
	retire(&retired);
	backup_pump();
}

static bool retry_enabled(int arg)
{
	(void)arg;
	return w.apply.suspended;
}

static void retry_step(int arg)
{
	(void)arg;
	hm_apply_retry(&w.apply);
	backup_pump();
}

/* The primary is told of the suspension, as of an ack: sooner or later. */
static bool alone_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_UP && w.apply.suspended &&
	       !w.stream.alone;
}

static void alone_step(int arg)
{
	struct list_head completed;

	(void)arg;
	INIT_LIST_HEAD(&completed);
	hm_stream_set_alone(&w.stream, true, &completed);
	take_completed(&completed);
}

static bool together_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.link == LINK_UP && !w.apply.suspended &&
	       w.stream.alone;
}

static void together_step(int arg)
{
	struct list_head completed;

	(void)arg;
	INIT_LIST_HEAD(&completed);
	hm_stream_set_alone(&w.stream, false, &completed);
	take_completed(&completed);
}

static bool want_enabled(int arg)
{
	const struct hm_apply *a = &w.apply;

	(void)arg;
	return (a->logged ? a->clean.seq < a->placed.seq :
			    a->at.durable < a->at.applied) &&
	       !a->flush_wanted && !a->flush_running;
}

static void want_step(int arg)
{
	(void)arg;
	hm_apply_want_flush(&w.apply);
	backup_pump();
}

const struct event_type backup_events[] = {
	{ "the backup receives a record", FOR_ONE, PROGRESS,
	  receive_enabled, receive_step },
	{ "the backup performs what is next", FOR_ONE, PROGRESS,
	  next_enabled, next_step },
	{ "#%d lands on the backup's disk", FOR_UPDATE, PROGRESS,
	  land_enabled, land_step },
	{ "the backup's disk completes #%d", FOR_UPDATE, PROGRESS,
	  done_enabled, done_step },
	{ "the backup's disk refuses #%d", FOR_UPDATE, FAULT,
	  fail_enabled, fail_step },
	{ "the backup's disk completes a flush", FOR_ONE, PROGRESS,
	  flush_done_enabled, flush_done_step },
	{ "the backup's disk refuses a flush", FOR_ONE, FAULT,
	  flush_fail_enabled, flush_fail_step },
	{ "the backup is told to try again", FOR_ONE, PROGRESS,
	  retry_enabled, retry_step },
	{ "the primary goes on alone: the backup is suspended", FOR_ONE, FAULT,
	  alone_enabled, alone_step },
	{ "the primary waits for the backup again", FOR_ONE, PROGRESS,
	  together_enabled, together_step },
	{ "the backup's glue asks for a flush", FOR_ONE, IDLE,
	  want_enabled, want_step },
};
const unsigned int backup_events_nr = ARRAY_SIZE(backup_events);
