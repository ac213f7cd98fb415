// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stream of updates and of the disk's answers in any order, against a model
 * that remembers what the disk was given, has done, and has made durable.
 */
#include "fuzz.h"
#include "apply.h"

#define UPDATES		128

/* One update of the model; element i has seq i + 1. */
struct item {
	struct hm_update u;
	bool issued;		/* the disk is at it, or it failed */
	bool in_flight;		/* the disk is at it */
	bool done;		/* the disk has performed it */
	bool covered;		/* done before the running flush began */
	bool durable;
	bool retired;
};

struct model {
	struct hm_apply a;
	struct item *item;	/* of their own, so that a stray look is seen */
	unsigned int items;
	struct hm_acks last;
	u64 last_group[2];
	bool flushing;
};

static bool overlaps(const struct hm_update *a, const struct hm_update *b)
{
	return a->volume == b->volume && a->sector < b->sector + b->sectors &&
	       b->sector < a->sector + a->sectors;
}

/* A group with a flush or FUA in it, or any if the primary's disk needs that. */
static bool group_durable(const struct model *m, u64 group)
{
	unsigned int i;

	if (m->a.every_group_durable)
		return true;
	for (i = 0; i < m->items; i++) {
		if (m->item[i].u.group == group &&
		    (m->item[i].u.kind == HM_FLUSH ||
		     (m->item[i].u.flags & HM_FUA)))
			return true;
	}
	return false;
}

static void issue(struct model *m, struct hm_update *u)
{
	struct item *it = &m->item[u->seq - 1], *old;
	unsigned int i;

	check(&it->u == u && !it->in_flight && !it->done);
	check(u->kind != HM_FLUSH);
	for (i = 0; i < m->items; i++) {
		old = &m->item[i];
		if (old->u.group < u->group) {
			check(old->done);
			if (group_durable(m, old->u.group))
				check(old->durable);
		}
		if (old->u.seq < u->seq && overlaps(&old->u, u))
			check(old->done);
		if (old->u.group > u->group)
			check(!old->issued);
	}
	it->issued = true;
	it->in_flight = true;
}

static void start_flush(struct model *m)
{
	unsigned int i;

	check(!m->flushing);
	m->flushing = true;
	for (i = 0; i < m->items; i++)
		m->item[i].covered = m->item[i].done;
}

static void retire(struct model *m, struct list_head *retired)
{
	struct hm_update *u, *next;
	struct item *it;

	list_for_each_entry_safe(u, next, retired, stream) {
		it = &m->item[u->seq - 1];
		check(&it->u == u && !it->retired);
		check(u->seq == 1 || m->item[u->seq - 2].retired);
		if (u->kind == HM_FLUSH) {
			/* All before it was durable when it ended. */
			check(u->seq == 1 || m->item[u->seq - 2].durable);
			it->done = true;
			it->durable = true;
		}
		check(it->done);
		it->retired = true;
		list_del_init(&u->stream);
	}
}

static void check_numbers(struct model *m)
{
	const struct hm_acks *at = &m->a.at;
	u64 i;

	check(at->durable <= at->applied && at->applied <= at->received);
	check(at->received == m->items);
	check(at->applied >= m->last.applied);
	check(at->durable >= m->last.durable);
	check(m->a.applied_group >= m->last_group[0]);
	check(m->a.durable_group >= m->last_group[1]);
	check(m->a.applied_group ==
	      (at->applied ? m->item[at->applied - 1].u.group : 0));
	check(m->a.durable_group ==
	      (at->durable ? m->item[at->durable - 1].u.group : 0));
	for (i = 0; i < m->items; i++) {
		check(m->item[i].retired == (i < at->applied));
		if (i < at->durable)
			check(m->item[i].durable);
	}
	m->last = *at;
	m->last_group[0] = m->a.applied_group;
	m->last_group[1] = m->a.durable_group;
}

static void settle(struct model *m)
{
	enum hm_apply_action action;
	struct hm_update *u;

	while ((action = hm_apply_next(&m->a, &u)) != HM_APPLY_NOTHING) {
		check(!m->a.suspended);
		if (action == HM_APPLY_ISSUE)
			issue(m, u);
		else
			start_flush(m);
	}
	check_numbers(m);
	/* Nothing to wait for and nothing to do: then nothing is left. */
	if (hm_apply_quiet(&m->a) && !m->a.suspended)
		check(m->a.at.applied == m->a.at.received);
}

static void arrive(struct model *m, struct bytes *b)
{
	static const u8 kinds[] = { HM_WRITE, HM_WRITE, HM_WRITE_ZEROES,
				    HM_DISCARD, HM_FLUSH };
	u64 group = m->items ? m->item[m->items - 1].u.group : 1;
	struct hm_update *u;
	u8 shape, place;

	if (m->items == UPDATES)
		return;
	u = &m->item[m->items].u;
	shape = take(b);
	place = take(b);
	memset(u, 0, sizeof(*u));
	INIT_LIST_HEAD(&u->stream);
	INIT_LIST_HEAD(&u->overlap);
	INIT_LIST_HEAD(&u->ready);
	u->kind = kinds[(shape & 7) % ARRAY_SIZE(kinds)];
	u->group = group + (shape & 0x20 ? 1 + (shape >> 7) * 5 : 0);
	u->volume = shape & 0x40 ? 1 : 0;
	if (u->kind != HM_FLUSH) {
		u->flags = (shape & 0x18) == 0x18 ? HM_FUA : 0;
		u->sector = place & 0x1f;
		u->sectors = 1 + (place >> 5);
	}
	u->seq = ++m->items;
	check(hm_apply_receive(&m->a, u));
}

/* What breaks the protocol is refused and leaves no trace. */
static void arrive_wrong(struct model *m, struct bytes *b)
{
	struct hm_apply before = m->a;
	struct hm_update u = { .kind = HM_WRITE, .sectors = 8 };
	u8 how = take(b);

	u.seq = m->items + 1;
	u.group = m->a.received_group + 1;
	switch (how & 3) {
	case 0:
		u.seq += 1 + (how >> 2);
		break;
	case 1:
		u.seq -= 1 + (how >> 2);
		break;
	case 2:
		u.group = 0;
		break;
	case 3:
		if (m->a.received_group < 2)
			return;
		u.group = m->a.received_group - 1;
		break;
	}
	check(!hm_apply_receive(&m->a, &u));
	check(!memcmp(&before, &m->a, sizeof(before)));
}

static void answer(struct model *m, u8 which, bool ok)
{
	struct list_head retired;
	struct item *it;
	unsigned int i;

	if (!m->items)
		return;
	for (i = 0; i < m->items; i++) {
		it = &m->item[(which + i) % m->items];
		if (!it->in_flight)
			continue;
		it->in_flight = false;
		if (ok) {
			it->done = true;
			it->durable = !m->a.volatile_cache ||
				      (it->u.flags & HM_FUA);
		}
		INIT_LIST_HEAD(&retired);
		hm_apply_done(&m->a, &it->u, ok, &retired);
		check(ok || m->a.suspended);
		retire(m, &retired);
		return;
	}
}

static void answer_flush(struct model *m, bool ok)
{
	struct list_head retired;
	unsigned int i;

	if (!m->flushing)
		return;
	m->flushing = false;
	for (i = 0; ok && i < m->items; i++) {
		if (m->item[i].covered)
			m->item[i].durable = true;
	}
	INIT_LIST_HEAD(&retired);
	hm_apply_flush_done(&m->a, ok, &retired);
	check(ok || m->a.suspended);
	retire(m, &retired);
}

static void step(struct model *m, struct bytes *b)
{
	u8 op = take(b);

	switch (op & 15) {
	case 0 ... 5:
		arrive(m, b);
		break;
	case 6 ... 9:
		answer(m, op >> 4, true);
		break;
	case 10:
		answer(m, op >> 4, false);
		break;
	case 11:
		answer_flush(m, true);
		break;
	case 12:
		answer_flush(m, !(op & 0x30));
		break;
	case 13:
		arrive_wrong(m, b);
		break;
	case 14:
		hm_apply_want_flush(&m->a);
		break;
	case 15:
		hm_apply_retry(&m->a);
		break;
	}
	settle(m);
}

/* The disk is well again and answers everything. */
static void finish(struct model *m)
{
	unsigned int rounds = 0;

	hm_apply_retry(&m->a);
	settle(m);
	while (!hm_apply_drained(&m->a)) {
		check(rounds++ < 4 * UPDATES);
		hm_apply_want_flush(&m->a);
		settle(m);
		answer(m, rounds * 7, true);
		settle(m);
		answer_flush(m, true);
		settle(m);
	}
	check(m->a.at.durable == m->items);
	check(list_empty(&m->a.pending) && list_empty(&m->a.ready));
	check(list_empty(&m->a.failed) && !m->a.held);
	check(!m->a.gate.outstanding && !m->a.in_flight);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct bytes b = { data, size };
	struct model m = { .items = 0 };
	u8 how = take(&b);

	m.item = calloc(UPDATES, sizeof(*m.item));
	hm_apply_init(&m.a);
	m.a.volatile_cache = how & 1;
	m.a.every_group_durable = (how & 3) == 3;
	while (b.left)
		step(&m, &b);
	finish(&m);
	free(m.item);
	return 0;
}
