// SPDX-License-Identifier: GPL-2.0-only
/*
 * The volumes of a set keep one lineage through power cuts between the writes of
 * their superblocks, through starts of some of them alone, and through lost
 * metadata: many random histories of a set and its peer. The truth is which
 * volumes differ, and who wrote since the two were equal.
 */
#include "hm-test.h"
#include "lineage.h"

#define VOLUMES		3
#define ALL		((1U << VOLUMES) - 1)
#define HISTORIES	200000
#define STEPS		14
/* An upper bound: no cut */
#define WHOLE		100

struct set {
	/* On the metadata devices */
	struct hm_lineage line[VOLUMES];
	unsigned int was_backup;	/* masks are by volume */
	unsigned int dirty;
	/* Loaded */
	unsigned int loaded;
	bool primary;
	struct hm_lineage now;
	/* The other host */
	struct hm_lineage peer;
	unsigned int peer_dirty;
	/* The truth */
	unsigned int differ;
	bool written;
	bool peer_written;
	u64 generations;
	/* What has happened, that the test is not about nothing */
	unsigned int joins_of_late;
	unsigned int wholes;
};

static u64 state;

static unsigned int dice(unsigned int sides)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % sides;
}

static void crash(struct set *s)
{
	s->loaded = 0;
	memset(&s->now, 0, sizeof(s->now));
}

/* False: the power was cut before all of them were written. */
static bool write_supers(struct set *s, unsigned int cut)
{
	unsigned int v;

	for (v = 0; v < VOLUMES; v++) {
		if (!(s->loaded & 1U << v))
			continue;
		if (!cut--) {
			crash(s);
			return false;
		}
		s->line[v] = s->now;
		/* A generation that was begun is as good as written to. */
		s->written |= s->now.untold;
		s->was_backup &= ~(1U << v);
		s->was_backup |= (unsigned int)!s->primary << v;
	}
	return true;
}

static unsigned int some_cut(void)
{
	return dice(3) ? WHOLE : dice(VOLUMES);
}

static bool step_behind(const struct set *s, unsigned int v)
{
	return !hm_lineage_fresh(&s->line[v]) &&
	       hm_lineage_find(&s->now, s->line[v].generation[0]) ==
		       HM_GENERATIONS &&
	       hm_lineage_find(&s->line[v], s->now.generation[0]) ==
		       HM_GENERATIONS;
}

/* hm_primary_recall() */
static bool recall_primary(struct set *s, unsigned int v, bool first)
{
	if (s->was_backup & 1U << v &&
	    !hm_lineage_may_promote(&s->line[v], false))
		return false;
	if (hm_lineage_fresh(&s->line[v]))
		return false;
	if (first) {
		s->now = s->line[v];
		return true;
	}
	s->joins_of_late += step_behind(s, v);
	assert_true(hm_lineage_join(&s->now, &s->line[v]));
	return true;
}

/* hm_backup_recall() */
static void recall_backup(struct set *s, unsigned int v, bool first)
{
	if (first) {
		s->now = s->line[v];
		return;
	}
	s->joins_of_late += step_behind(s, v);
	switch (hm_lineage_join_backup(&s->now, &s->line[v])) {
	case HM_JOINED:
		break;
	case HM_JOINED_WHOLE:
		s->dirty |= 1U << v;
		s->wholes++;
		break;
	case HM_JOINED_OTHERS_WHOLE:
		s->dirty |= s->loaded & ~(1U << v);
		s->wholes++;
		break;
	case HM_JOIN_REFUSED:
		fail();
	}
}

static void start(struct set *s)
{
	unsigned int some = dice(2) ? ALL : 1 + dice(ALL);
	unsigned int first = dice(VOLUMES), i, v;

	crash(s);
	s->primary = dice(2);
	for (i = 0; i < VOLUMES; i++) {
		v = (first + i) % VOLUMES;
		if (!(some & 1U << v))
			continue;
		if (!s->primary)
			recall_backup(s, v, !s->loaded);
		else if (!recall_primary(s, v, !s->loaded))
			return crash(s);
		s->loaded |= 1U << v;
		if (!write_supers(s, some_cut()))
			return;
	}
}

/* A write that the peer does not get */
static void write_alone(struct set *s)
{
	unsigned int v = dice(VOLUMES);

	if (!(s->loaded & 1U << v) || !s->primary)
		return;
	if (!s->now.untold) {
		hm_lineage_write_apart(&s->now, ++s->generations);
		if (!write_supers(s, some_cut()))
			return;
	}
	s->dirty |= 1U << v;
	s->differ |= 1U << v;
}

static void peer_writes(struct set *s)
{
	unsigned int v = dice(VOLUMES);

	if (s->peer.inconsistent)
		return;
	if (!s->peer.untold)
		hm_lineage_write_apart(&s->peer, ++s->generations);
	s->peer_dirty |= 1U << v;
	s->differ |= 1U << v;
	s->peer_written = true;
}

/* Another disk, with metadata that is empty */
static void replace(struct set *s)
{
	unsigned int v = dice(VOLUMES);

	/* One that was written alone takes with it what nobody else has. */
	if (dice(4) || s->loaded || !(s->was_backup & 1U << v) || s->written)
		return;
	memset(&s->line[v], 0, sizeof(s->line[v]));
	s->dirty &= ~(1U << v);
	s->differ |= 1U << v;
}

/* The two judge each other; true: they go on, and what differs is named. */
static bool welcome(struct set *s, const struct hm_lineage *primary,
		    const struct hm_lineage *backup, bool primary_alone,
		    bool backup_alone)
{
	enum hm_pairing pairing = hm_lineage_judge(primary, backup, false);

	if (backup_alone) {
		assert_int_equal(pairing, primary_alone ? HM_PAIR_DIVERGED :
							  HM_PAIR_OUTDATED);
		if (dice(2))
			return false;
		pairing = hm_lineage_judge(primary, backup, true);
		assert_true(pairing == HM_PAIR_SAME || pairing == HM_PAIR_ALL);
	} else {
		assert_true(pairing == HM_PAIR_SAME ||
			    hm_lineage_fresh(backup));
	}
	if (pairing == HM_PAIR_SAME)
		assert_false(s->differ & ~(s->dirty | s->peer_dirty));
	return true;
}

static void equal(struct set *s)
{
	s->differ = 0;
	s->written = false;
	s->peer_written = false;
}

static void lead(struct set *s)
{
	if (!welcome(s, &s->now, &s->peer, s->written, s->peer_written))
		return;
	hm_lineage_met(&s->now, &s->peer);
	hm_lineage_tell(&s->now);
	if (!write_supers(s, some_cut()))
		return;
	s->dirty |= s->differ | s->peer_dirty;
	if (s->peer_dirty || dice(2)) {
		hm_lineage_copy_begins(&s->peer, &s->now);
		s->peer_dirty = 0;
		s->peer_written = false;
		s->differ |= s->dirty;
		if (!dice(3))
			return crash(s);
	}
	hm_lineage_adopt(&s->peer, &s->now, 0);
	equal(s);
	if (!dice(3))
		return crash(s);
	hm_lineage_confirmed(&s->now);
	if (write_supers(s, some_cut()))
		s->dirty = 0;
}

static void follow(struct set *s)
{
	unsigned int cut;
	bool copy;

	if (s->peer.inconsistent ||
	    !welcome(s, &s->peer, &s->now, s->peer_written, s->written))
		return;
	hm_lineage_met(&s->peer, &s->now);
	hm_lineage_tell(&s->peer);
	copy = s->dirty || s->now.inconsistent || hm_lineage_fresh(&s->now) ||
	       !dice(3);
	s->peer_dirty |= s->dirty | s->differ;
	if (copy) {
		hm_lineage_copy_begins(&s->now, &s->peer);
		if (!write_supers(s, some_cut()))
			return;
		s->dirty = 0;
		s->written = false;
		s->differ |= s->peer_dirty;
		if (!dice(3))
			return crash(s);
	}
	hm_lineage_adopt(&s->now, &s->peer, 0);
	s->differ = 0;
	cut = some_cut();
	/* What no volume knows of has not been adopted. */
	if (cut)
		equal(s);
	if (!write_supers(s, cut))
		return;
	hm_lineage_confirmed(&s->peer);
	s->peer_dirty = 0;
}

static void step(struct set *s)
{
	switch (dice(6)) {
	case 0:
		start(s);
		break;
	case 1:
		peer_writes(s);
		break;
	case 2:
		write_alone(s);
		break;
	case 3:
		crash(s);
		replace(s);
		break;
	default:
		if (s->loaded == ALL && s->primary)
			lead(s);
		else if (s->loaded == ALL)
			follow(s);
		else
			start(s);
	}
}

static void begin(struct set *s)
{
	struct hm_lineage paired = { .generation = { 1 }, .covered = 1 };
	unsigned int v;

	memset(s, 0, sizeof(*s));
	for (v = 0; v < VOLUMES; v++)
		s->line[v] = paired;
	s->peer = paired;
	s->generations = 1;
	s->was_backup = ALL;
}

static void test_histories(void **unused)
{
	unsigned int late = 0, wholes = 0, i, j;
	struct set s;

	for (i = 0; i < HISTORIES; i++) {
		state = i + 1;
		begin(&s);
		for (j = 0; j < STEPS; j++)
			step(&s);
		late += s.joins_of_late;
		wholes += s.wholes;
	}
	/* Else the histories that matter are not among them. */
	assert_true(late > HISTORIES / 1000);
	assert_true(wholes > HISTORIES / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
