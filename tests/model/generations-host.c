// SPDX-License-Identifier: GPL-2.0-only
/* What a host remembers, and how it comes and goes. */
#include "generations.h"

struct hm_regions regions[HOSTS];

static unsigned long *region_array(struct hm_regions *r, unsigned int i)
{
	unsigned long *array[] = { r->dirty, r->wanted, r->writing, r->recent,
				   r->unsynced, r->changed };

	return array[i];
}

void regions_load(void)
{
	static unsigned long memory[HOSTS][8];
	unsigned int h, i;

	for (h = 0; h < HOSTS; h++) {
		struct hm_regions *r = &regions[h];

		hm_regions_init(r, REGIONS * REGION_SECTORS,
				HM_REGION_SHIFT_MIN, memory[h]);
		for (i = 0; i < 6; i++)
			*region_array(r, i) = w.host[h].bits[i];
		r->dirty_count = hweight_long(*r->dirty);
		r->unsynced_count = hweight_long(*r->unsynced);
	}
}

void regions_save(void)
{
	unsigned int h, i;

	for (h = 0; h < HOSTS; h++) {
		for (i = 0; i < 6; i++)
			w.host[h].bits[i] = (u8)*region_array(&regions[h], i);
	}
}

static void regions_clear(u8 h)
{
	struct hm_regions *r = &regions[h];
	unsigned int i;

	for (i = 0; i < 6; i++)
		*region_array(r, i) = 0;
	r->dirty_count = 0;
	r->unsynced_count = 0;
}

struct hm_lineage line_get(const struct line *l)
{
	struct hm_lineage to = {
		.covered = l->covered,
		.covers_fresh = l->covers_fresh,
		.inconsistent = l->inconsistent,
		.untold = l->untold,
	};
	unsigned int i;

	for (i = 0; i < HM_GENERATIONS; i++)
		to.generation[i] = l->generation[i];
	return to;
}

void line_put(struct line *to, const struct hm_lineage *from)
{
	unsigned int i;

	for (i = 0; i < HM_GENERATIONS; i++)
		to->generation[i] = (u8)from->generation[i];
	to->covered = from->covered;
	to->covers_fresh = from->covers_fresh;
	to->inconsistent = from->inconsistent;
	to->untold = from->untold;
}

static void highest(const struct line *l, u8 *most)
{
	unsigned int i;

	for (i = 0; i < HM_GENERATIONS; i++)
		*most = max(*most, l->generation[i]);
}

/* get_random_u64(): one that nobody has. */
u8 new_generation(void)
{
	u8 most = 0, h;

	for (h = 0; h < HOSTS; h++) {
		highest(&w.host[h].line, &most);
		highest(&w.host[h].super.line, &most);
		most = max(most, w.host[h].p.hello_generation);
		most = max(most, w.host[h].p.origin);
	}
	highest(&w.link.line, &most);
	highest(&w.link.self.line, &most);
	highest(&w.link.answer.line, &most);
	return max(most, w.link.ack_generation) + 1;
}

u8 new_stream(void)
{
	u8 most = max(w.link.stream, w.link.answer.stream), h;

	for (h = 0; h < HOSTS; h++) {
		most = max(most, w.host[h].p.stream);
		most = max(most, w.host[h].b.stream);
		most = max(most, w.host[h].super.stream);
	}
	return most + 1;
}

bool forgets(u8 h)
{
	return config->forgets & FORGETS(h);
}

/* hm_backup_fill_super(), hm_primary_fill_super() */
static void fill_super(struct host *host, struct super *s)
{
	s->formatted = true;
	s->role = host->role;
	s->forced = host->role == BACKUP && host->b.forced;
	if (host->role == BACKUP)
		s->stream = host->b.stream;
	s->position = host->role == BACKUP && host->b.position;
	s->seq = s->position ? host->b.durable : 0;
}

/* hm_set_write_supers() */
void write_supers(u8 h, const struct hm_lineage *l)
{
	struct host *host = &w.host[h];

	if (!forgets(h)) {
		fill_super(host, &host->super);
		line_put(&host->super.line, l);
	}
	line_put(&host->line, l);
}

/* hm_meta_write_regions() */
void write_regions(u8 h)
{
	struct hm_regions *r = &regions[h];
	u32 block;

	while (hm_regions_next_changed(r, &block)) {
		hm_regions_write_begins(r, block);
		if (!forgets(h))
			w.host[h].super.bitmap = (u8)(*r->dirty | *r->writing);
		hm_regions_write_ends(r, block, true);
	}
}

/* hm_meta_load(): the bitmap */
static void load_regions(u8 h)
{
	struct hm_regions *r = &regions[h];

	*r->dirty = w.host[h].super.formatted ? w.host[h].super.bitmap : 0;
	r->dirty_count = hweight_long(*r->dirty);
}

/* hm_primary_may_promote() */
bool may_start(u8 h, u8 role)
{
	const struct super *s = &w.host[h].super;
	struct hm_lineage l = line_get(&s->line);

	if (w.host[h].role != DOWN)
		return false;
	return role == BACKUP || !s->formatted || s->role == PRIMARY ||
	       hm_lineage_may_promote(&l, s->forced);
}

/* hm_primary_format() */
static void format_primary(u8 h, struct hm_lineage *l)
{
	hm_lineage_found(l, new_generation());
	/* Nobody says twice that the sides are equal. */
	if (!(config->flags & G_CLEAN) || w.truth.declared)
		hm_regions_lose_all(&regions[h]);
	w.truth.declared = true;
	__set_bit(0, regions[h].changed);
	accept_image(h);
	w.truth.paired = false;
}

/* hm_primary_recall() */
static void recall_primary(u8 h, struct hm_lineage *l)
{
	const struct super *s = &w.host[h].super;

	*l = line_get(&s->line);
	if (s->role == BACKUP) {
		claim_promotion(h, l->inconsistent && s->forced);
		hm_lineage_promote(l, new_generation());
	}
	hm_regions_lose_dirty(&regions[h]);
}

/* hm_primary_start() of a new set, hm_primary_remember() */
void start_primary(u8 h)
{
	struct host *host = &w.host[h];
	struct hm_lineage l;

	load_regions(h);
	if (host->super.formatted)
		recall_primary(h, &l);
	else
		format_primary(h, &l);
	host->role = PRIMARY;
	host->p.stream = new_stream();
	host->p.alone = !(config->flags & G_STALL);
	write_regions(h);
	write_supers(h, &l);
	host->p.origin = l.untold ? 0 : (u8)l.generation[0];
	memcpy(host->p.first, host->disk, sizeof(host->disk));
	/* hm_primary_look_at_regions() */
	if (regions[h].unsynced_count)
		host->p.sync = COPYING;
}

/* hm_backup_recall(), hm_backup_recall_position() */
static void recall_backup(u8 h)
{
	struct host *host = &w.host[h];
	const struct super *s = &host->super;
	bool known = s->role == BACKUP && s->position;

	host->line = s->line;
	host->b.forced = s->forced;
	host->b.stream = s->stream;
	host->b.received = known ? s->seq : 0;
	host->b.durable = host->b.received;
	host->b.lost = !known;
	host->b.position = known;
}

/* hm_backup_format() */
static void format_backup(u8 h)
{
	struct hm_lineage l = { 0 };

	if (!forgets(h)) {
		__set_bit(0, regions[h].changed);
		write_regions(h);
	}
	write_supers(h, &l);
}

/* hm_backup_start() of a new set, hm_backup_remember() */
void start_backup(u8 h)
{
	load_regions(h);
	w.host[h].role = BACKUP;
	if (w.host[h].super.formatted)
		recall_backup(h);
	else
		format_backup(h);
}

static void go_down(u8 h)
{
	struct host *host = &w.host[h];

	host->role = DOWN;
	memset(&host->line, 0, sizeof(host->line));
	memset(&host->p, 0, sizeof(host->p));
	memset(&host->b, 0, sizeof(host->b));
	regions_clear(h);
	if (forgets(h)) {
		w.truth.paired = false;
		/* It will be overwritten, or offered as the origin of all. */
		w.truth.given |= held_by(h) & ~held_by(!h);
	}
}

/* hm_primary_stop(), hm_primary_forget() */
static void stop_primary(u8 h)
{
	struct primary *p = &w.host[h].p;
	bool was_linked = w.link.stage == LINKED && w.link.primary == h;

	/* Suspending waits for completions: hm_primary_go_alone() */
	if (p->undelivered)
		be_alone(h);
	/* hm_primary_own_up() */
	if (p->durable < p->last_seq && !p->apart)
		write_apart(h);
	/* Since a crash of its own it does not know what the backup lost. */
	if (p->sync == STREAMING || p->apart)
		w.truth.owned |= held_by(h);
	/* hm_primary_clean_stopped() */
	if (p->durable == p->last_seq && !w.host[h].line.covers_fresh &&
	    !p->staged) {
		hm_regions_cycle(&regions[h]);
		hm_regions_clean(&regions[h]);
	}
	write_regions(h);
	/* hm_primary_conn_stop(), hm_conn_ended() */
	if (was_linked)
		be_alone(h);
	link_drop(h);
}

/* hm_backup_halt(), hm_backup_stop() */
static void stop_backup(u8 h)
{
	session_over(h);
	while (w.host[h].b.pendings)
		apply_next(h);
	note_position(h);
}

static void suspend(u8 h)
{
	if (w.host[h].role == PRIMARY)
		stop_primary(h);
	else
		stop_backup(h);
}

void stop(u8 h)
{
	suspend(h);
	go_down(h);
}

/* Suspended and resumed: hm_primary_configure(), hm_primary_remember() */
void bounce(u8 h)
{
	struct primary *p = &w.host[h].p;
	struct hm_lineage l;

	suspend(h);
	if (w.host[h].role != PRIMARY)
		return;
	p->alone = !(config->flags & G_STALL);
	l = line_get(&w.host[h].line);
	write_supers(h, &l);
	if (!p->last_seq && !p->apart)
		p->origin = l.untold ? 0 : (u8)l.generation[0];
	if (p->sync == STREAMING && regions[h].unsynced_count)
		p->sync = COPYING;
}

/* A table of the other role is loaded. */
bool may_switch(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);

	if (w.host[h].role == PRIMARY)
		return !w.host[h].p.flight;
	return w.host[h].super.role == PRIMARY || forgets(h) ||
	       hm_lineage_may_promote(&l, w.host[h].b.forced);
}

void switch_role(u8 h)
{
	bool promoted = w.host[h].role == BACKUP;

	stop(h);
	if (!promoted)
		start_backup(h);
	else if (may_start(h, PRIMARY))
		start_primary(h);
}

static u16 in_memory(u8 h)
{
	const struct backup *b = &w.host[h].b;
	u16 mask = 0;
	u8 i;

	for (i = 0; i < b->pendings; i++)
		mask |= 1U << b->pending[i].content;
	return mask & ~held_by(h);
}

void crash(u8 h)
{
	u16 lost = in_memory(h);

	/* Until the primary owns up: see write_apart(). */
	w.truth.forgotten |= lost;
	w.truth.risk |= lost & ~w.truth.owned;
	if (w.host[h].role == PRIMARY)
		link_drop(h);
	else
		session_over(h);
	go_down(h);
}

/* Another disk, and a metadata device that is zeroed */
void replace(u8 h)
{
	struct host *host = &w.host[h];
	u16 lost = held_by(h);

	/* What the other side holds is safe there, unless a copy was cut short. */
	if (!w.host[!h].super.line.inconsistent)
		lost &= ~held_by(!h);
	w.truth.given |= lost;
	w.truth.paired = false;
	w.truth.forced = 0;
	w.truth.replaced = true;
	memset(host->disk, 2, sizeof(host->disk));
	memset(&host->super, 0, sizeof(host->super));
}
