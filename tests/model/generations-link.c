// SPDX-License-Identifier: GPL-2.0-only
/* Handshakes: from the hello to the first record of a session. */
#include "generations.h"

static void clear_ack(void)
{
	w.link.ack = false;
	w.link.ack_received = 0;
	w.link.ack_durable = 0;
	w.link.ack_generation = 0;
	w.link.ack_staging = 0;
}

static void clear_wire(void)
{
	w.link.wire = NOTHING;
	w.link.wire_flags = 0;
	w.link.wire_seq = 0;
	memset(&w.link.wire_record, 0, sizeof(w.link.wire_record));
	memset(w.link.expected, 0, sizeof(w.link.expected));
}

/* Is it the backup of the session? */
bool has_session(u8 h)
{
	return w.link.session && w.link.primary != h;
}

/* hm_session_stop() */
void session_over(u8 h)
{
	if (!has_session(h))
		return;
	w.link.session = false;
	w.link.started = NOT_STARTED;
	w.link.stream = 0;
	memset(&w.link.line, 0, sizeof(w.link.line));
	w.link.origin = 0;
	clear_wire();
}

/* hm_conn_ended(): the primary's end; what is on the wire may yet arrive */
void link_drop(u8 h)
{
	if (w.link.primary != h || w.link.stage == APART)
		return;
	if (w.link.stage == LINKED && w.host[h].role == PRIMARY)
		w.host[h].p.ended = true;
	w.link.stage = APART;
	if (!(config->flags & G_DROP))
		session_over(!h);
	memset(&w.link.self, 0, sizeof(w.link.self));
	memset(&w.link.answer, 0, sizeof(w.link.answer));
	clear_ack();
}

void link_cut(void)
{
	link_drop(w.link.primary);
	session_over(!w.link.primary);
}

/* hm_primary_copy_prepare() waits for writes that the stream does not hold. */
bool may_heed(u8 h)
{
	return w.link.stage == ANSWERED && w.link.primary == h &&
	       !(w.host[h].p.sync == BEHIND && w.host[h].p.flight);
}

bool may_hello(u8 h)
{
	const struct host *host = &w.host[h];

	return host->role == PRIMARY && w.host[!h].role == BACKUP &&
	       w.link.stage == APART &&
	       (!host->p.ended || (config->flags & G_STALL));
}

/* hm_conn_hello() */
static void primary_hello(u8 h, struct hello *self)
{
	const struct host *host = &w.host[h];
	const struct primary *p = &host->p;
	struct hm_lineage l = line_get(&host->line);
	unsigned int origin = hm_lineage_find(&l, p->origin);
	u16 flags = 0;

	if (!p->adopted && !p->received && p->sync == STREAMING)
		flags |= HM_HELLO_FIRST;
	if (p->sync == BEHIND || regions[h].unsynced_count)
		flags |= HM_HELLO_UNSYNCED;
	if (p->copying)
		flags |= HM_HELLO_COPYING;
	self->line = host->line;
	self->stream = p->stream;
	self->origin = (u8)origin;
	self->last_seq = p->last_seq;
	self->received = p->told;
	self->durable = p->told;
	self->flags = (u8)flags;
	self->flags_high = flags >> 8;
}

/* hm_guest_self() */
static void backup_hello(u8 h, struct hello *self)
{
	const struct host *host = &w.host[h];
	const struct backup *b = &host->b;
	u16 flags = 0;

	if (b->lost)
		flags |= HM_HELLO_LOST;
	if (regions[h].dirty_count)
		flags |= HM_HELLO_DIRTY;
	if (b->gives_up)
		flags |= HM_HELLO_GIVES_UP;
	if (b->staging)
		flags |= HM_HELLO_STAGING;
	memset(self, 0, sizeof(*self));
	self->line = host->line;
	self->stream = b->stream;
	self->received = b->received;
	self->durable = b->durable;
	self->flags = (u8)flags;
	self->flags_high = flags >> 8;
}

static struct hm_hello hello_get(const struct hello *h)
{
	struct hm_hello to = {
		.lineage = line_get(&h->line),
		.stream = { h->stream },
		.origin = h->origin,
		.last_seq = h->last_seq,
		.acks = { h->received, h->durable, h->durable },
		.flags = h->flags | h->flags_high << 8,
	};

	return to;
}

/* hm_guest_welcome() */
static void welcome(u8 h, const struct hello *hello, struct hello *answer)
{
	session_over(!h);
	w.link.primary = h;
	w.link.stage = ANSWERED;
	w.link.session = true;
	w.link.stream = hello->stream;
	w.link.line = hello->line;
	w.link.origin = hello->origin;
	/* hm_guest_hide() */
	if (answer->stream != hello->stream) {
		answer->stream = 0;
		answer->received = 0;
		answer->durable = 0;
	}
	w.link.self = *hello;
	w.link.answer = *answer;
}

/* hm_guest_judge() */
void shake_hands(u8 h)
{
	struct backup *b = &w.host[!h].b;
	struct hello hello, answer;
	struct hm_backup_self self = {
		.ready = true,
		.connected = has_session(!h),
	};
	struct hm_hello primary;
	enum hm_refusal why;
	u16 volume;

	if (config->flags & G_STALL)
		w.host[h].p.ended = false;
	primary_hello(h, &hello);
	backup_hello(!h, &answer);
	primary = hello_get(&hello);
	self.hello = hello_get(&answer);
	why = hm_judge_primary(&self, &primary, &volume);
	if (why != HM_WELCOME) {
		b->refusal = why;
		return;
	}
	if (!b->gives_up)
		claim_welcome(h, !h);
	w.truth.forced = 0;
	welcome(h, &hello, &answer);
}

/* hm_stream_restart() */
static void restart(u8 h)
{
	struct primary *p = &w.host[h].p;
	u8 from = p->last_seq - p->backlogged;

	p->taken = from;
	p->received = from;
	p->durable = from;
	complete(h);
}

/* hm_stream_resume(); @false: it cannot */
static bool resume(u8 h, const struct hello *answer)
{
	struct primary *p = &w.host[h].p;
	u8 first = p->last_seq - p->backlogged;

	if (p->sync == BEHIND || answer->received > p->taken ||
	    answer->durable < p->durable || answer->received < first)
		return false;
	p->taken = answer->received;
	p->received = answer->received;
	p->durable = answer->durable;
	p->staged = !!(answer->flags_high & HM_HELLO_STAGING >> 8);
	if (!p->staged)
		p->told = max(p->told, p->durable);
	complete(h);
	/* hm_stream_release(); nobody waits: it was alone */
	while (p->backlogged > p->last_seq - p->durable) {
		memmove(p->backlog, p->backlog + 1,
			(BACKLOG - 1) * sizeof(p->backlog[0]));
		memset(p->backlog + BACKLOG - 1, 0, sizeof(p->backlog[0]));
		p->backlogged--;
	}
	return true;
}

/* hm_primary_copy_prepare() */
static void prepare_copy(u8 h, bool all)
{
	struct primary *p = &w.host[h].p;
	struct hm_regions *r = &regions[h];
	u64 sector, sectors, from = 0;

	if (p->sync == BEHIND) {
		lose_backlog(h);
		be_alone(h);
		drop_backlog(h);
		complete(h);
	}
	/* hm_copy_ranges() of hm_backup_send_dirty() */
	while ((w.link.answer.flags & HM_HELLO_DIRTY) &&
	       hm_regions_next_dirty(&regions[!h], from, &sector, &sectors)) {
		hm_regions_lose(r, sector, sectors);
		from = sector + sectors;
	}
	if (all)
		hm_regions_lose_all(r);
	/* What it had staged it has no more. */
	if (p->staged && !(config->flags & G_TRUSTING))
		hm_regions_lose_dirty(r);
	p->sync = COPYING;
	if (!(config->flags & G_FORGETFUL))
		write_regions(h);
}

/* hm_conn_may_stage() */
static bool offers_stage(void)
{
	return (config->flags & G_STAGE) && !(config->flags & G_STALL);
}

/* hm_conn_plan_adoption(), hm_conn_connected() */
static void connected(u8 h, enum hm_way way)
{
	const struct hello *self = &w.link.self, *backup = &w.link.answer;
	struct primary *p = &w.host[h].p;

	if (way == HM_WAY_COPY || way == HM_WAY_COPY_ALL)
		p->copying = true;
	p->hello_generation = self->line.generation[0];
	p->adopt = p->copying || backup->line.inconsistent ||
		   backup->line.generation[0] != p->hello_generation ||
		   self->line.covered > 1 || self->line.covers_fresh;
	p->adopt_sent = false;
	p->adopt_after = p->last_seq;
	if (p->copying && way != HM_WAY_RESUME)
		p->staged = offers_stage();
	else if (way != HM_WAY_RESUME)
		p->staged = false;
	/* Or it is far behind, or has to adopt first: see catch_up(). */
	if ((!(config->flags & G_LAG) || !p->backlogged) && !p->staged) {
		p->alone = false;
		p->waits_after = p->last_seq;
	}
	p->ended = false;
	w.link.stage = LINKED;
}

/* hm_conn_start_record() */
static void start(u8 h, enum hm_way way)
{
	u8 flags = 0;

	if (way != HM_WAY_RESUME)
		flags |= HM_START_JUMP;
	if (way == HM_WAY_COPY || way == HM_WAY_COPY_ALL)
		flags |= HM_START_COPY;
	if ((flags & HM_START_COPY) && offers_stage())
		flags |= HM_START_STAGE;
	if (!w.link.session)
		return;
	w.link.wire = START;
	if (way == HM_WAY_BEGIN)
		memcpy(w.link.expected, w.host[h].p.first, REGIONS);
	w.link.wire_flags = flags;
	w.link.wire_seq = w.host[h].p.taken + 1;
}

/* hm_primary_met() */
static void met(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);
	struct hm_lineage backup = line_get(&w.link.answer.line);

	hm_lineage_met(&l, &backup);
	line_put(&w.host[h].line, &l);
}

/* hm_primary_tell() */
static void tell(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);

	if (!l.untold)
		return;
	hm_lineage_tell(&l);
	write_supers(h, &l);
}

/* hm_conn_note_adopted() */
static void note_adopted(u8 h, struct hm_hello *self,
			 const struct hm_hello *backup)
{
	struct primary *p = &w.host[h].p;

	if (!(self->flags & HM_HELLO_COPYING) ||
	    !hm_hello_adopted(self, backup, p->hello_generation))
		return;
	self->flags &= ~HM_HELLO_COPYING;
	p->copying = false;
}

/* hm_conn_copy(): @false: another handshake is needed */
static bool copy(u8 h, bool all)
{
	if (all)
		claim_partial(h, !h);
	if (!(config->flags & G_SAME) &&
	    ((!w.host[h].p.apart && !w.link.self.line.untold) ||
	     w.host[h].line.generation[0] != w.link.self.line.generation[0])) {
		write_apart(h);
		link_drop(h);
		return false;
	}
	prepare_copy(h, all);
	return true;
}

/* hm_conn_begin() */
static void begin_session(u8 h, enum hm_way way)
{
	if (way != HM_WAY_BEGIN)
		met(h);
	if (way == HM_WAY_RESUME && !resume(h, &w.link.answer))
		way = HM_WAY_COPY;
	if ((way == HM_WAY_COPY || way == HM_WAY_COPY_ALL) &&
	    !copy(h, way == HM_WAY_COPY_ALL))
		return;
	if (way != HM_WAY_RESUME)
		restart(h);
	connected(h, way);
	tell(h);
	start(h, way);
}

/* hm_primary_handshake(): the backup's answer is here */
void heed_answer(u8 h)
{
	struct hm_hello self = hello_get(&w.link.self);
	struct hm_hello backup = hello_get(&w.link.answer);
	enum hm_refusal why;
	u16 volume;

	backup.session = 1;
	why = hm_judge_backup(&self, &backup, &volume);
	if (why != HM_WELCOME) {
		violated('p', hm_refusal_text(why));
		return;
	}
	/* The list of the backup's regions is cut short. */
	if (!w.link.session && (w.link.answer.flags & HM_HELLO_DIRTY)) {
		link_drop(h);
		return;
	}
	note_adopted(h, &self, &backup);
	begin_session(h, hm_judge_way(&self, &backup));
	memset(&w.link.self, 0, sizeof(w.link.self));
	memset(&w.link.answer, 0, sizeof(w.link.answer));
}
