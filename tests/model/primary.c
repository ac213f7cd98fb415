// SPDX-License-Identifier: GPL-2.0-only
/* The application, and the primary with its disk. */
#include "model.h"

static bool issue_enabled(int arg)
{
	return !w.dead && w.issued < config->updates &&
	       config->menu[arg].words;
}

static void issue_step(int arg)
{
	const struct item *it = &config->menu[arg];
	struct hm_update *u = &w.primary[w.issued];

	w.item[w.issued] = (u8)arg;
	claims_on_issue(w.issued);
	memset(u, 0, sizeof(*u));
	INIT_LIST_HEAD(&u->ready);
	u->kind = it->kind;
	u->flags = it->flags;
	u->volume = it->volume;
	u->sector = (u64)it->block * BLOCK_SECTORS;
	u->sectors = it->blocks * BLOCK_SECTORS;
	u->ack = it->ack;
	if (hm_stream_add(&w.stream, u))
		w.local |= bit(w.issued);
	w.issued++;
}

static bool local_enabled(int i)
{
	return !w.dead && (w.local & bit(i));
}

static void local_step(int i)
{
	struct list_head ready, completed;
	struct hm_update *u;
	int b;

	INIT_LIST_HEAD(&ready);
	INIT_LIST_HEAD(&completed);
	w.local &= ~bit(i);
	for (b = 0; b < BLOCKS; b++) {
		if (covers(i, b))
			w.image[b] = (u8)(i + 1);
	}
	hm_stream_local_done(&w.stream, &w.primary[i], &ready, &completed);
	while ((u = list_first_entry_or_null(&ready, struct hm_update, ready))) {
		list_del_init(&u->ready);
		if (w.local & bit(u->seq - 1))
			violated('c', "issued to the local disk twice");
		w.local |= bit(u->seq - 1);
	}
	take_completed(&completed);
}

static bool deliver_enabled(int i)
{
	return !w.dead && (w.owed & bit(i));
}

static void deliver_step(int i)
{
	w.owed &= ~bit(i);
	w.delivered |= bit(i);
}

/* Only the build with controls/close.c ever leaves a group to be closed. */
static bool late_close_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.late_close;
}

static void late_close_step(int arg)
{
	(void)arg;
	if (w.stream.grouping.number == w.late_close)
		w.stream.grouping.open = false;
	w.late_close = 0;
}

static bool crash_enabled(int arg)
{
	(void)arg;
	return !w.dead && w.issued && (config->flags & F_CRASH);
}

static void crash_step(int arg)
{
	(void)arg;
	w.dead = true;
	w.acks = 0;
}

const struct event_type primary_events[] = {
	{ "the application issues", FOR_ITEM, PROGRESS,
	  issue_enabled, issue_step },
	{ "the primary's disk completes #%d", FOR_UPDATE, PROGRESS,
	  local_enabled, local_step },
	{ "the application is told that #%d is complete", FOR_UPDATE, PROGRESS,
	  deliver_enabled, deliver_step },
	{ "the group is closed, too late", FOR_ONE, PROGRESS,
	  late_close_enabled, late_close_step },
	{ "the primary dies", FOR_ONE, FAULT,
	  crash_enabled, crash_step },
};
const unsigned int primary_events_nr = ARRAY_SIZE(primary_events);
