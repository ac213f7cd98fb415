// SPDX-License-Identifier: GPL-2.0-only
/*
 * A backlog that is longer than memory: which payloads may leave it for a log on
 * the metadata device, in the order of the stream, so that the log is a ring.
 * The sender reads them back when their turn comes. Order, acknowledgments and
 * release know nothing of it.
 */
#include "store.h"

/* What lies between is under the sender's hands. */
static bool hm_store_at_hand(const struct hm_stream *s,
			     const struct hm_update *u)
{
	return u->seq > s->sent && u->seq <= s->taken;
}

/* Others have no payload, or are bounded by themselves. */
static bool hm_store_worth(const struct hm_stream *s, const struct hm_update *u)
{
	return u->kind == HM_WRITE && !(u->state & HM_P_COPY) &&
	       !hm_store_at_hand(s, u);
}

static void hm_store_pass(struct hm_stream *s)
{
	struct hm_update *u = s->resident;

	s->resident = list_is_last(&u->stream, &s->backlog) ?
			      NULL : list_next_entry(u, stream);
}

/**
 * hm_store_next() - the next update whose payload may go to the log
 * @s: the stream
 * @steps: so many may be passed, HM_STORE_STEPS for each hold of the lock; what is
 *	left of them
 *
 * Those that are not worth it are passed, and stay in memory.
 *
 * Return: the update, for hm_store_begin(); or NULL: none now. More may follow
 * while @s->resident is not NULL: the local disk has not answered, or it is
 * enough for one hold of the lock.
 *
 * Context: under the set's lock.
 */
struct hm_update *hm_store_next(struct hm_stream *s, unsigned int *steps)
{
	while (s->resident && !hm_store_worth(s, s->resident)) {
		if (!*steps)
			return NULL;
		(*steps)--;
		hm_store_pass(s);
	}
	if (!s->resident || !(s->resident->state & HM_P_LOCAL_DONE))
		return NULL;
	return s->resident;
}

/**
 * hm_store_begin() - its payload is being appended to the log
 * @s: the stream
 * @u: what hm_store_next() gave
 *
 * Context: under the set's lock. The caller keeps @u until hm_store_done().
 */
void hm_store_begin(struct hm_stream *s, struct hm_update *u)
{
	u->state |= HM_P_STORING;
	hm_store_pass(s);
}

/**
 * hm_store_done() - the log has answered
 * @s: the stream
 * @u: an update of the append
 * @ok: it has the payload
 *
 * Return: true: HM_P_STORED is set, and the payload is to be freed before anybody
 * can take @u; nobody uses it. False: it stays in memory.
 *
 * Context: under the set's lock.
 */
bool hm_store_done(struct hm_stream *s, struct hm_update *u, bool ok)
{
	u->state &= ~HM_P_STORING;
	if (!ok || (u->state & HM_P_RELEASED) || hm_store_at_hand(s, u))
		return false;
	u->state |= HM_P_STORED;
	return true;
}
