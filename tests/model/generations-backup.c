// SPDX-License-Identifier: GPL-2.0-only
/* The backup: what it receives, applies, adopts and acknowledges. */
#include "generations.h"

static struct backup *backup(u8 h)
{
	return &w.host[h].b;
}

static void wire_done(void)
{
	w.link.wire = NOTHING;
	w.link.wire_flags = 0;
	w.link.wire_seq = 0;
	memset(&w.link.wire_record, 0, sizeof(w.link.wire_record));
	memset(w.link.expected, 0, sizeof(w.link.expected));
}

/* hm_rx_settle() */
bool may_begin(u8 h)
{
	return has_session(h) && w.link.wire == START && !backup(h)->pendings;
}

/* hm_log_drop_staged() */
static void drop_staged(u8 h)
{
	struct backup *b = backup(h);

	if (!b->staging)
		return;
	b->staging = false;
	memset(b->image, 0, sizeof(b->image));
	b->lost = true;
}

/*
 * The superblock says that the log counts, and with it what it holds: a crash does
 * not change that any more.
 */
static void perform_staged(u8 h)
{
	struct backup *b = backup(h);

	if (!b->staging)
		return;
	memcpy(w.host[h].disk, b->image, sizeof(b->image));
	memset(b->image, 0, sizeof(b->image));
	b->staging = false;
}

/* hm_log_may_stage() */
static bool may_stage(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);

	return (w.link.wire_flags & HM_START_STAGE) && !forgets(h) &&
	       !l.inconsistent &&
	       !hm_lineage_fresh(&l) && !regions[h].dirty_count &&
	       !backup(h)->gives_up;
}

/* hm_rx_start(), hm_rx_jump(), hm_backup_begin() up to the superblock */
void begin(u8 h)
{
	struct backup *b = backup(h);
	struct hm_lineage l = line_get(&w.host[h].line);
	struct hm_lineage primary = line_get(&w.link.line);
	bool jump = w.link.wire_flags & HM_START_JUMP;
	bool copy = w.link.wire_flags & HM_START_COPY;
	bool stage = false;
	bool same;

	if (jump && !copy && l.inconsistent)
		violated('p', "a copy goes on as if it were consistent");
	if (!jump && (b->lost || w.link.wire_seq != b->received + 1 ||
		      b->stream != w.link.stream)) {
		violated('p', "the stream does not begin where the backup is");
		return;
	}
	if (jump) {
		b->received = w.link.wire_seq - 1;
		b->durable = b->received;
		/* hm_backup_drop_pending() */
		drop_staged(h);
		stage = may_stage(h);
	}
	same = !b->position && !jump && b->stream == w.link.stream;
	b->stream = w.link.stream;
	b->position = false;
	b->lost = false;
	if (stage) {
		b->staging = true;
		memcpy(b->image, w.host[h].disk, sizeof(b->image));
	} else if (copy) {
		hm_lineage_copy_begins(&l, &primary);
		b->forced = false;
	} else if (jump && w.link.origin < HM_GENERATIONS) {
		hm_lineage_adopt(&l, &primary, w.link.origin);
		claim_adopted(h);
	}
	if (!same)
		write_supers(h, &l);
	w.link.started = copy && !stage ? BEGUN : STARTED;
	b->gives_up = false;
	b->refusal = HM_WELCOME;
	wire_done();
}

bool may_forget(u8 h)
{
	return has_session(h) && w.link.started == BEGUN;
}

/* hm_backup_forget_regions() */
void forget_regions(u8 h)
{
	hm_regions_forget(&regions[h]);
	write_regions(h);
	w.link.started = STARTED;
}

bool may_receive(u8 h)
{
	return has_session(h) && w.link.wire == RECORD &&
	       w.link.started == STARTED && backup(h)->pendings < BACKLOG;
}

/* hm_backup_receive() */
void receive(u8 h)
{
	struct backup *b = backup(h);

	if (w.link.wire_seq != b->received + 1) {
		violated('p', "an update that is not the next");
		return;
	}
	b->received++;
	b->pending[b->pendings++] = w.link.wire_record;
	wire_done();
}

/* The gate, the disk and its flush; or the log */
void apply_next(u8 h)
{
	struct backup *b = backup(h);
	u8 *disk = b->staging ? b->image : w.host[h].disk;

	disk[b->pending[0].region] = b->pending[0].content;
	w.truth.forgotten &= ~held_by(h);
	memmove(b->pending, b->pending + 1,
		(BACKLOG - 1) * sizeof(b->pending[0]));
	memset(b->pending + BACKLOG - 1, 0, sizeof(b->pending[0]));
	b->pendings--;
	b->durable++;
}

bool may_adopt(u8 h)
{
	return has_session(h) && w.link.wire == ADOPT &&
	       w.link.started == STARTED &&
	       (!backup(h)->pendings || (config->flags & G_EARLY));
}

/* hm_rx_adopt(), hm_backup_adopt() */
void adopt(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);
	struct hm_lineage primary = line_get(&w.link.line);

	if (w.link.wire_seq != backup(h)->received) {
		violated('p', "it would adopt what it does not have");
		return;
	}
	hm_lineage_adopt(&l, &primary, 0);
	backup(h)->forced = false;
	write_supers(h, &l);
	perform_staged(h);
	claim_adopted(h);
	wire_done();
}

bool may_unstage(u8 h)
{
	return w.host[h].role == BACKUP && backup(h)->staging &&
	       has_session(h) && w.link.started == STARTED;
}

/* The log is full: hm_log_unstage_work() */
void unstage(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);
	struct hm_lineage primary = line_get(&w.link.line);

	hm_lineage_copy_begins(&l, &primary);
	write_supers(h, &l);
	perform_staged(h);
}

/* Only what is news to the primary */
bool may_ack(u8 h)
{
	const struct backup *b = backup(h);
	const struct primary *p = &w.host[!h].p;

	if (!has_session(h) || w.link.started != STARTED ||
	    w.link.stage != LINKED || w.link.ack)
		return false;
	return b->received != p->received || b->durable != p->durable ||
	       (p->staged && !b->staging) ||
	       w.host[!h].line.covers_fresh ||
	       (p->adopt && !w.host[h].line.inconsistent &&
		w.host[h].line.generation[0] == p->hello_generation);
}

/* hm_session_fill_ack() */
void send_ack(u8 h)
{
	w.link.ack = true;
	w.link.ack_received = backup(h)->received;
	w.link.ack_durable = backup(h)->durable;
	w.link.ack_staging = backup(h)->staging;
	if (!w.host[h].line.inconsistent)
		w.link.ack_generation = w.host[h].line.generation[0];
}

bool may_force(u8 h)
{
	return w.host[h].role == BACKUP && w.host[h].line.inconsistent &&
	       !backup(h)->forced;
}

/* hm_backup_force() */
void force(u8 h)
{
	struct hm_lineage l = line_get(&w.host[h].line);

	backup(h)->forced = true;
	write_supers(h, &l);
}

bool may_give_up(u8 h)
{
	return w.host[h].role == BACKUP && !backup(h)->gives_up &&
	       hm_refusal_of_lineage(backup(h)->refusal);
}

/* hm_backup_give_up() */
void give_up(u8 h)
{
	backup(h)->gives_up = true;
	w.truth.given |= held_by(h) & ~held_by(!h);
}

/* hm_backup_note_position() */
void note_position(u8 h)
{
	struct backup *b = backup(h);
	struct hm_lineage l = line_get(&w.host[h].line);

	if (b->staging)
		drop_staged(h);
	if (b->lost || b->position || !b->stream)
		return;
	b->position = true;
	write_supers(h, &l);
}
