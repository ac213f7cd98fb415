// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold. The truth is known here and to no host: contents are numbered,
 * and each knows what it was written over.
 *
 *	a  an adoption: the backup holds what the primary's generation had
 *	e  nothing is left to do: the two disks are equal
 *	c  a side that calls itself consistent is a state the application has seen
 *	d  two sides that were both written apart do not connect
 *	l  nothing completed is lost, unless the operator let it go
 *	m  a promoted backup has what was completed on its word
 *	o  one side at least can be the primary, unforced
 *	n  no full copy where a partial one would do
 *	p  the protocol: neither side is told what it cannot understand
 */
#include "generations.h"

char violated_claim;
const char *violated_words;

void violated(char claim, const char *words)
{
	if (violated_claim)
		return;
	violated_claim = claim;
	violated_words = words;
}

/* A content and all that lies beneath it: what it is not lost with. */
u16 below(u8 content)
{
	u16 mask = 0;

	while (content) {
		mask |= 1U << content;
		content = w.truth.over[content];
	}
	return mask;
}

u16 held_by(u8 h)
{
	return (below(w.host[h].disk[0]) | below(w.host[h].disk[1])) & ~7U;
}

static u8 image_of(u8 h)
{
	return w.host[h].disk[0] | w.host[h].disk[1] << 4;
}

static bool is_known_image(u8 image)
{
	u8 i;

	for (i = ORIGINS; i < w.truth.contents; i++) {
		if (w.truth.image[i] == image)
			return true;
	}
	for (i = 0; i < ACCEPTED; i++) {
		if (w.truth.accepted[i] == image)
			return true;
	}
	return false;
}

/* The operator begins with what the disk holds. */
void accept_image(u8 h)
{
	u8 i;

	if (is_known_image(image_of(h)))
		return;
	for (i = 0; i < ACCEPTED && w.truth.accepted[i]; i++)
		;
	if (i == ACCEPTED)
		violated('x', "the model has no room for another image");
	else
		w.truth.accepted[i] = image_of(h);
}

static u16 excused(void)
{
	return w.truth.given | w.truth.risk;
}

static void claim_consistent(u8 h)
{
	const struct super *s = &w.host[h].super;

	if (s->formatted && s->line.generation[0] && !s->line.inconsistent &&
	    !is_known_image(image_of(h)))
		violated('c', "the disk of a consistent side was never like this");
	if (w.host[h].role && w.host[h].line.generation[0] &&
	    !w.host[h].line.inconsistent && !is_known_image(image_of(h)))
		violated('c', "the disk of a consistent side was never like this");
}

static bool is_settled(u8 h)
{
	const struct primary *p = &w.host[h].p;

	return linked(h) && has_session(!h) && w.link.started == STARTED && !w.link.wire &&
	       p->sync != BEHIND && !regions[h].unsynced_count &&
	       p->taken == p->last_seq && !p->flight && !w.host[!h].b.pendings;
}

/* Staged, and to be adopted, now or once the primary is through with itself */
static bool is_staged(u8 h)
{
	const struct primary *p = &w.host[h].p;

	if (!w.host[!h].b.staging)
		return false;
	if (!p->adopt && w.host[h].line.generation[0] == p->hello_generation)
		violated('e', "what is staged will never be adopted");
	return true;
}

static bool could_be_primary(u8 h)
{
	const struct super *s = &w.host[h].super;
	struct hm_lineage l = line_get(&s->line);

	return !s->formatted || s->role == PRIMARY ||
	       hm_lineage_may_promote(&l, false);
}

void claims_now(void)
{
	u8 h;

	if (w.truth.acked & ~(held_by(0) | held_by(1) | excused()))
		violated('l', "what was completed is on neither disk");
	for (h = 0; h < HOSTS; h++) {
		claim_consistent(h);
		if (is_settled(h) && !is_staged(h) &&
		    image_of(0) != image_of(1))
			violated('e', "nothing is left to do and the disks differ");
	}
	if (w.truth.declared && !w.truth.replaced && !could_be_primary(0) && !could_be_primary(1))
		violated('o', "neither side can be the primary");
}

/* The operator has not given up what the backup has. */
void claim_welcome(u8 primary, u8 backup)
{
	if (w.truth.forced & 1U << primary)
		violated('d', "one that was promoted by force overwrites what was whole");
	if (w.truth.acked & held_by(backup) & ~(held_by(primary) | excused()))
		violated('d', "connected though the backup has what the primary lacks");
}

/* Regions in which the disks will differ when the stream has been applied */
static u8 differing(u8 primary, u8 backup)
{
	const struct host *p = &w.host[primary], *b = &w.host[backup];
	u8 r, i, mask = 0;

	for (r = 0; r < REGIONS; r++) {
		u8 have = b->b.staging ? b->b.image[r] : b->disk[r];

		for (i = 0; i < b->b.pendings; i++) {
			if (b->b.pending[i].region == r)
				have = b->b.pending[i].content;
		}
		if (have != p->disk[r])
			mask |= 1U << r;
	}
	return mask;
}

void claim_partial(u8 primary, u8 backup)
{
	u8 named = (u8)(*regions[primary].dirty | *regions[primary].unsynced |
			*regions[backup].dirty);

	/* Nor can the primary know who it was that followed its stream. */
	if (w.link.answer.stream != w.link.self.stream && w.link.self.durable)
		return;
	if (w.truth.paired && !(differing(primary, backup) & ~named))
		violated('n', "copies everything where the dirty regions would do");
}

void claim_promotion(u8 h, bool forced)
{
	const struct super *other = &w.host[!h].super;

	if (forced)
		accept_image(h);
	else if (w.truth.mirrored &
		 ~(held_by(h) | excused() | w.truth.forgotten))
		violated('m', "a promoted backup lacks what was completed on its word");
	/* What the other side has and this one lacks is not given up by that. */
	if (forced) {
		w.truth.mirrored &= held_by(h);
		if (other->formatted && !other->line.inconsistent)
			w.truth.forced |= 1U << h;
	}
}

/* What the stream has brought when all that is taken is applied */
void expect_adoption(u8 h)
{
	const struct host *host = &w.host[h];
	const struct primary *p = &host->p;
	u8 i, seq;

	memcpy(w.link.expected, host->disk, sizeof(host->disk));
	if (p->flight)
		w.link.expected[p->flight_region] = p->flight;
	for (i = p->backlogged; i; i--) {
		const struct record *r = &p->backlog[i - 1];

		seq = p->last_seq - (p->backlogged - i);
		if (seq > p->taken && !r->copy)
			w.link.expected[r->region] = w.truth.over[r->content];
	}
}

void claim_adopted(u8 h)
{
	if (memcmp(w.link.expected, w.host[h].disk, sizeof(w.link.expected)))
		violated('a', "it adopts a generation and does not hold what that had");
	w.truth.paired = !forgets(0) && !forgets(1);
}
