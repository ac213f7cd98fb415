// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backup's log, and what is claimed with it. A position in it is the number
 * of the update before: the ring holds those from the tail on, and a loss of
 * power leaves what the ring holds, performed once more over what is on the disk.
 */
#include "model.h"

/* All that is held goes into one append; it may come one by one, too. */
void log_append(struct hm_update *first)
{
	u64 refused = w.apply.log_refused ? w.apply.log_covers : 0;
	struct hm_update *last = first, *u = first;

	list_for_each_entry_from(u, &w.apply.pending, stream) {
		if (!hm_apply_log_takes(&w.apply, u))
			break;
		last = u;
	}
	/* It may be on the medium: nothing else takes its place. */
	if (refused && last->seq != refused)
		violated('f', "a refused append with other company");
	if (first->seq != w.ring + 1U)
		violated('f', "an append that is not the next");
	hm_apply_log_begin(&w.apply, last);
}

static void log_done(bool ok)
{
	struct hm_update *u;
	struct list_head retired;
	u64 start = w.apply.at.durable, end = w.apply.log_covers;

	INIT_LIST_HEAD(&retired);
	if (ok && !(config->flags & F_LIE_LOG))
		w.ring = (u8)end;
	hm_apply_log_done(&w.apply, ok, start, end, &retired);
	while ((u = list_first_entry_or_null(&retired, struct hm_update,
					     stream)))
		list_del_init(&u->stream);
	backup_pump();
}

static bool log_done_enabled(int arg)
{
	(void)arg;
	return w.apply.log_running;
}

static void log_done_step(int arg)
{
	(void)arg;
	log_done(true);
}

static bool log_fail_enabled(int arg)
{
	(void)arg;
	return w.fails && w.apply.log_running;
}

static void log_fail_step(int arg)
{
	(void)arg;
	w.fails--;
	log_done(false);
}

/* The last update up to @seq that writes block @b; 0: none. */
static u8 last_writer(int b, u8 seq)
{
	while (seq && (item_of(seq - 1)->kind == HM_FLUSH ||
		       !covers(seq - 1, b)))
		seq--;
	return seq;
}

/*
 * After a loss of power: what the log holds is performed again, and the rest has
 * to be on the disk, whatever that has lost.
 */
static void check_performed_again(void)
{
	const struct disk *d = &w.disk;
	u8 want;
	int b;

	for (b = 0; b < BLOCKS; b++) {
		want = last_writer(b, w.ring);
		if (want && want <= w.apply.clean.log &&
		    (!d->floor[b] || d->layer[b][d->floor[b] - 1] != want))
			violated('d', "the log gives up an update that a loss of power may take");
	}
}

/* It is visible on the backup's disk, or what has overwritten it is. */
bool log_visible(int i)
{
	const struct disk *d = &w.disk;
	int b;

	for (b = 0; b < BLOCKS; b++) {
		if (covers(i, b) &&
		    (!d->depth[b] || d->layer[b][d->depth[b] - 1] <= i))
			return false;
	}
	return true;
}

static void check_place(const struct hm_place *p)
{
	if (p->log > p->seq || p->seq > w.apply.at.durable ||
	    p->group != (p->seq ? w.primary[p->seq - 1].group : 0))
		violated('e', "the backup's places contradict each other");
}

/*
 * What is visible is in the log before, so that a loss of power leaves all of a
 * beginning of the stream: that is closed under dependency. And the log keeps
 * what the disk may lose.
 */
void claims_log(void)
{
	const struct hm_apply *a = &w.apply;

	if (w.disk.visible >> w.ring)
		violated('a', "an update is visible on the backup that is not in its log");
	if (a->at.durable > w.ring)
		violated('e', "the backup counts an update as durable that is not in its log");
	if (a->at.durable != a->at.applied)
		violated('e', "applied and durable differ, with a log");
	check_place(&a->placed);
	check_place(&a->clean);
	check_performed_again();
}

const struct event_type log_events[] = {
	{ "the log has what was appended", FOR_ONE, PROGRESS,
	  log_done_enabled, log_done_step },
	{ "the log refuses an append", FOR_ONE, FAULT,
	  log_fail_enabled, log_fail_step },
};
const unsigned int log_events_nr = ARRAY_SIZE(log_events);
