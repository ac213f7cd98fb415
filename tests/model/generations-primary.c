// SPDX-License-Identifier: GPL-2.0-only
/* The primary: writes, alone and linked, and what it sends. */
#include "generations.h"

static struct primary *primary(u8 h)
{
	return &w.host[h].p;
}

bool linked(u8 h)
{
	return w.link.stage == LINKED && w.link.primary == h;
}

static u8 held(const struct primary *p, u8 seq)
{
	return seq - (p->last_seq - p->backlogged) - 1;
}

/* hm_regions_alone() */
static bool alone(const struct primary *p)
{
	return p->alone || p->sync == BEHIND;
}

/* hm_regions_work(): a write waits for a generation of our own */
bool wants_apart(u8 h)
{
	return alone(primary(h)) && !primary(h)->apart;
}

/* hm_primary_write_apart() */
void write_apart(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);

	if (!primary(h)->apart) {
		if (!l.untold) {
			hm_lineage_write_apart(&l, new_generation());
			write_supers(h, &l);
		}
		w.truth.risk &= ~held_by(h);
	}
	primary(h)->apart = true;
}

/* hm_primary_room() */
bool may_write(u8 h)
{
	const struct primary *p = primary(h);

	if (w.truth.contents - ORIGINS >= config->writes || p->flight)
		return false;
	if (p->sync == BEHIND)
		return true;
	if (!linked(h) && (config->flags & G_STALL) && !p->alone)
		return false;
	return p->backlogged < BACKLOG;
}

static u8 new_content(u8 h, u8 region)
{
	struct truth *t = &w.truth;
	u8 content = t->contents++;
	const u8 *disk = w.host[h].disk;
	u8 image[REGIONS] = { disk[0], disk[1] };

	image[region] = content;
	t->over[content] = disk[region];
	t->image[content] = image[0] | image[1] << 4;
	return content;
}

/* hm_primary_park(), hm_regions_work() */
static void make_dirty(u8 h, u8 region)
{
	hm_regions_want(&regions[h], region * REGION_SECTORS, 1);
	if (!(config->flags & G_LAZY))
		write_regions(h);
	else
		__set_bit(region, regions[h].dirty);
}

static void add_record(struct primary *p, u8 region, u8 content, bool copy)
{
	struct record r = { region, content, copy };

	p->backlog[p->backlogged++] = r;
	p->last_seq++;
}

/* hm_write_issue(), hm_primary_unrecorded(); metadata first */
void write_region(u8 h, u8 region, bool slow)
{
	struct primary *p = primary(h);
	u8 content;

	if (wants_apart(h))
		write_apart(h);
	make_dirty(h, region);
	hm_regions_touch(&regions[h], region * REGION_SECTORS, 1);
	content = new_content(h, region);
	if (p->sync == BEHIND)
		hm_regions_lose(&regions[h], region * REGION_SECTORS, 1);
	else
		add_record(p, region, content, false);
	p->flight = content;
	p->flight_region = region;
	if (!slow)
		local_done(h);
}

static bool recorded(const struct primary *p, u8 content, u8 *seq)
{
	u8 i;

	for (i = 0; i < p->backlogged; i++) {
		if (p->backlog[i].content == content && !p->backlog[i].copy) {
			*seq = p->last_seq - p->backlogged + 1 + i;
			return true;
		}
	}
	return false;
}

/*
 * hm_stream_may_complete(). What is no longer in the backlog is durable on the
 * backup, or was given up, and does not wait.
 */
void complete(u8 h)
{
	struct primary *p = primary(h);
	u8 content, seq;
	bool in_stream, heeds;

	for (content = ORIGINS; content < w.truth.contents; content++) {
		if (!(p->undelivered & 1U << content))
			continue;
		in_stream = recorded(p, content, &seq);
		heeds = in_stream && !p->alone;
		if (p->staged && !(config->flags & G_WORD) && heeds) {
			if (seq > p->waits_after)
				continue;
			heeds = false;
		}
		if (heeds && seq > p->received)
			continue;
		p->undelivered &= ~(1U << content);
		w.truth.acked |= 1U << content;
		if (heeds)
			w.truth.mirrored |= 1U << content;
	}
}

/* hm_stream_local_done() */
void local_done(u8 h)
{
	struct primary *p = primary(h);

	w.host[h].disk[p->flight_region] = p->flight;
	p->undelivered |= 1U << p->flight;
	p->flight = 0;
	p->flight_region = 0;
	complete(h);
}

/* hm_primary_set_sync(HM_SYNC_BEHIND) */
void fall_behind(u8 h)
{
	primary(h)->sync = BEHIND;
	primary(h)->copying = false;
	primary(h)->adopt = false;
}

/* hm_conn_unsettled() */
bool unsettled(u8 h)
{
	const struct primary *p = primary(h);

	if (p->sync == BEHIND)
		return !p->backlogged;
	return (p->sync == STREAMING || !regions[h].unsynced_count) &&
	       !p->alone &&
	       w.host[h].line.generation[0] != p->hello_generation;
}

/* hm_primary_be_alone() */
void be_alone(u8 h)
{
	struct primary *p = primary(h);

	if (p->undelivered || p->backlogged)
		write_apart(h);
	p->alone = true;
	p->ended = false;
	complete(h);
}

/* hm_conn_caught_up() */
bool may_catch_up(u8 h)
{
	return linked(h) && primary(h)->alone && primary(h)->sync != BEHIND &&
	       !(primary(h)->staged && regions[h].unsynced_count);
}

void catch_up(u8 h)
{
	primary(h)->alone = false;
	primary(h)->waits_after = primary(h)->last_seq;
	primary(h)->adopt_after = primary(h)->last_seq;
}

bool may_send(u8 h)
{
	const struct primary *p = primary(h);

	return linked(h) && !w.link.wire && w.link.session &&
	       p->taken < p->last_seq;
}

/* hm_batch_take(), hm_batch_sent() */
void send_record(u8 h)
{
	struct primary *p = primary(h);

	w.link.wire = RECORD;
	w.link.wire_seq = ++p->taken;
	w.link.wire_record = p->backlog[held(p, p->taken)];
}

/* hm_batch_may_adopt() */
bool may_offer(u8 h)
{
	const struct primary *p = primary(h);

	return linked(h) && !w.link.wire && w.link.session && p->adopt &&
	       !p->adopt_sent && p->taken >= p->adopt_after &&
	       p->sync != BEHIND && !regions[h].unsynced_count &&
	       !p->alone &&
	       w.host[h].line.generation[0] == p->hello_generation;
}

void offer_adoption(u8 h)
{
	struct primary *p = primary(h);

	w.link.wire = ADOPT;
	w.link.wire_seq = p->taken;
	p->adopt_sent = true;
	p->apart = false;
	expect_adoption(h);
}

/* hm_copy_may_go(), hm_copy_claim() */
bool may_copy(u8 h, u8 *region)
{
	const struct primary *p = primary(h);
	u32 found;

	if (!linked(h) || p->sync != COPYING || p->backlogged == BACKLOG ||
	    !hm_regions_next_unsynced(&regions[h], 0, &found))
		return false;
	*region = (u8)found;
	return !p->flight || p->flight_region != *region;
}

/* hm_copy_region(), hm_copy_queue() */
void copy_region(u8 h, u8 region)
{
	struct primary *p = primary(h);

	add_record(p, region, w.host[h].disk[region], true);
	if (!(config->flags & G_HASTY))
		p->adopt_after = p->last_seq;
	hm_regions_synced(&regions[h], region);
}

/* Is what the backup calls durable there to stay? */
static bool may_trust(const struct primary *p)
{
	return !p->staged || (config->flags & G_UNCLEAN);
}

bool may_cycle(u8 h)
{
	const struct primary *p = primary(h);

	return linked(h) && !p->cleaning && regions[h].dirty_count &&
	       !w.host[h].line.covers_fresh && may_trust(p);
}

/* hm_primary_clean_begin() */
void cycle(u8 h)
{
	hm_regions_cycle(&regions[h]);
	primary(h)->cleaning = true;
	primary(h)->clean_after = primary(h)->last_seq;
	primary(h)->clean_flight = primary(h)->flight;
}

bool may_clean(u8 h)
{
	const struct primary *p = primary(h);

	return linked(h) && p->cleaning && p->durable >= p->clean_after &&
	       may_trust(p) &&
	       (!p->clean_flight || p->clean_flight != p->flight ||
		(config->flags & G_IN_FLIGHT));
}

/* hm_primary_clean_end() */
void clean(u8 h)
{
	if (hm_regions_clean(&regions[h]))
		write_regions(h);
	primary(h)->cleaning = false;
	primary(h)->clean_after = 0;
	primary(h)->clean_flight = 0;
}

/* hm_stream_release(); what somebody may wait for stays */
static void release(struct primary *p)
{
	u8 durable = p->durable, n;

	if (p->staged && !p->alone && !(config->flags & G_WORD))
		durable = min(durable, p->waits_after);
	if (p->last_seq - durable > p->backlogged)
		return;
	n = p->backlogged - (p->last_seq - durable);
	memmove(p->backlog, p->backlog + n,
		(BACKLOG - n) * sizeof(p->backlog[0]));
	memset(p->backlog + BACKLOG - n, 0, n * sizeof(p->backlog[0]));
	p->backlogged -= n;
}

/* hm_primary_paired() */
static void paired(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);

	hm_lineage_paired(&l);
	write_supers(h, &l);
}

/* hm_primary_confirmed() */
static void confirmed(u8 h)
{
	struct primary *p = primary(h);
	struct hm_lineage l = line_get(&w.host[h].line);

	if (l.generation[0] != p->hello_generation) {
		p->copying = false;
		return;
	}
	hm_lineage_confirmed(&l);
	write_supers(h, &l);
	p->adopt = false;
	p->copying = false;
	p->adopted = true;
	if (p->sync == COPYING && !regions[h].unsynced_count)
		p->sync = STREAMING;
}

/* hm_conn_ack() */
void acked(u8 h)
{
	struct primary *p = primary(h);
	u8 generation = w.link.ack_generation;

	if (w.link.ack_received > p->taken ||
	    w.link.ack_received < p->received ||
	    w.link.ack_durable < p->durable)
		violated('p', "an acknowledgment that cannot be");
	p->received = w.link.ack_received;
	p->durable = w.link.ack_durable;
	if (!w.link.ack_staging)
		p->staged = false;
	if (!p->staged)
		p->told = max(p->told, p->durable);
	complete(h);
	release(p);
	w.link.ack = false;
	w.link.ack_received = 0;
	w.link.ack_durable = 0;
	w.link.ack_generation = 0;
	w.link.ack_staging = 0;
	if (w.host[h].line.covers_fresh)
		paired(h);
	if (p->adopt && p->adopt_sent && generation == p->hello_generation)
		confirmed(h);
}

/* hm_primary_lose_backlog() */
void lose_backlog(u8 h)
{
	const struct primary *p = primary(h);
	u8 i;

	for (i = 0; i < p->backlogged; i++)
		hm_regions_lose(&regions[h],
				p->backlog[i].region * REGION_SECTORS, 1);
}

/* hm_stream_abandon() */
void drop_backlog(u8 h)
{
	struct primary *p = primary(h);

	memset(p->backlog, 0, sizeof(p->backlog));
	p->backlogged = 0;
}
