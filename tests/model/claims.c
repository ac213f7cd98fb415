// SPDX-License-Identifier: GPL-2.0-only
/*
 * The claims, checked in every state and at every completion.
 *
 * (a) What is visible on the backup's disk is closed under dependency.
 * (b) What was completed under received or applied is on the backup.
 * (c) When everything has settled the two disks are equal.
 * (d) After a loss of power the backup's disk is closed under dependency.
 * (e) Acknowledgments are true.
 * (f) Nothing gets stuck.
 *
 * With a log, (a) and (d) are those of log.c.
 */
#include "model.h"

char violated_claim;
const char *violated_words;

/* A control has to find what it is for, not what else is wrong then. */
void violated(char claim, const char *words)
{
	if (violated_claim || (config->expect && config->expect != claim))
		return;
	violated_claim = claim;
	violated_words = words;
}

/*
 * The updates on which a new one depends: all whose completion is known; by
 * the promise of a disk with a volatile cache only those of them that are
 * durable: by FUA, or by a flush that was issued after they had completed, and
 * completed itself. A flush counts here for all volumes: that is what the
 * backup performs. Flushes themselves leave nothing to look for.
 */
void claims_on_issue(int i)
{
	int k;

	w.needs[i] = 0;
	w.needs_flushed[i] = 0;
	for (k = 0; k < i; k++) {
		if (!(w.delivered & bit(k)))
			continue;
		if (item_of(k)->kind == HM_FLUSH) {
			w.needs_flushed[i] |= w.needs[k];
			continue;
		}
		w.needs[i] |= bit(k);
		if (item_of(k)->flags & HM_FUA)
			w.needs_flushed[i] |= bit(k);
	}
}

bool durable_on_backup(int i)
{
	return config->flags & F_LOG ? i < w.ring : disk_survives(&w.disk, i);
}

static const u8 *needs(bool flushed)
{
	return flushed ? w.needs_flushed : w.needs;
}

static void check_visible(void)
{
	const u8 *need = needs(config->ordering == HM_ORDER_FLUSH);
	int i;

	for (i = 0; i < w.issued; i++) {
		if ((w.disk.visible & bit(i)) &&
		    (need[i] & ~w.disk.visible))
			violated('a', "an update is visible on the backup, one on which it depends is not");
	}
}

static int layer_of(int i, int b)
{
	int n;

	for (n = 0; n < w.disk.depth[b]; n++) {
		if (w.disk.layer[b][n] == i + 1)
			return n;
	}
	return MAX_LAYERS;
}

/*
 * Could layer @n of block @b survive without @i? The worst case is that
 * everything else that may be lost is lost.
 */
static bool may_lose(int b, int n, int i)
{
	int other, kept;

	for (other = 0; other < BLOCKS; other++) {
		if (!covers(i, other))
			continue;
		kept = w.disk.floor[other];
		if (other == b)
			kept = max(kept, n + 1);
		if (layer_of(i, other) >= kept)
			return true;
	}
	return false;
}

static void check_power_loss(bool flushed)
{
	const u8 *need = needs(flushed);
	u8 mask;
	int b, n, i;

	for (b = 0; b < BLOCKS; b++) {
		for (n = 0; n < w.disk.depth[b]; n++) {
			mask = need[w.disk.layer[b][n] - 1];
			for (i = 0; mask >> i; i++) {
				if ((mask & bit(i)) && may_lose(b, n, i))
					violated('d', "a loss of power leaves an update and takes one on which it depends");
			}
		}
	}
}

static u64 group_of(u64 seq)
{
	return seq ? w.primary[seq - 1].group : 0;
}

static void check_ack_groups(void)
{
	const struct hm_apply *a = &w.apply;

	if (a->received_group != group_of(a->at.received) ||
	    a->applied_group != group_of(a->at.applied) ||
	    a->durable_group != group_of(a->at.durable) ||
	    (a->flush_running && !a->logged &&
	     a->flush_covers_group != group_of(a->flush_covers)))
		violated('e', "the backup names the wrong group");
}

static void check_acks(void)
{
	const struct hm_acks *at = &w.apply.at;
	const struct hm_acks *acked = &w.stream.acked;
	u64 seq;

	if (at->durable > at->applied || at->applied > at->received)
		violated('e', "the backup's numbers pass each other");
	check_ack_groups();
	for (seq = 1; seq <= at->applied && !w.apply.logged; seq++) {
		if (item_of((int)seq - 1)->kind != HM_FLUSH &&
		    !(w.disk.done & bit(seq - 1)))
			violated('e', "the backup counts an update as applied that is not");
	}
	for (seq = 1; seq <= at->durable; seq++) {
		if (!durable_on_backup((int)seq - 1))
			violated('e', "the backup counts an update as durable that is not");
	}
	if (w.dead)
		return;
	if (acked->received > at->received || acked->applied > at->applied ||
	    acked->durable > at->durable)
		violated('e', "the primary believes more than the backup is");
	for (seq = 1; seq <= w.issued; seq++) {
		if (!(w.primary[seq - 1].state & HM_P_RELEASED))
			continue;
		if (seq > at->durable)
			violated('e', "an update has left the backlog and is not durable on the backup");
		if (seq > w.through)
			violated('e', "an update has left the backlog under the sender's hands");
	}
}

/* A completion that waits for nothing any more. */
static bool overdue(int i)
{
	const struct hm_update *u = &w.primary[i];

	if (!(u->state & HM_P_LOCAL_DONE) || (w.delivered | w.owed) & bit(i))
		return false;
	switch (w.stream.alone ? HM_ACK_LOCAL : u->ack) {
	case HM_ACK_RECEIVED:
		return u->seq <= w.stream.acked.received;
	case HM_ACK_APPLIED:
		return u->seq <= w.stream.acked.applied;
	default:
		return true;
	}
}

static void check_overdue(void)
{
	int i;

	for (i = 0; !w.dead && i < w.issued; i++) {
		if (overdue(i))
			violated('f', "a completion waits for nothing");
	}
}

/* With its primary gone the backup performs what it has received. */
static void check_take_over(void)
{
	u64 seq;

	if (!list_empty(&w.apply.pending))
		return;
	for (seq = 1; seq <= w.apply.at.received; seq++) {
		if (item_of((int)seq - 1)->kind != HM_FLUSH &&
		    !(w.disk.visible & bit(seq - 1)) &&
		    !(w.apply.logged && log_visible((int)seq - 1)))
			violated('b', "the backup has drained, and an update that it received is missing");
	}
}

void claims_now(void)
{
	check_acks();
	if (config->flags & F_LOG) {
		claims_log();
	} else {
		check_visible();
		check_power_loss(true);
	}
	if (config->flags & F_EVERY)
		check_power_loss(false);
	check_take_over();
	check_overdue();
}

/*
 * What the completion tells the application. It holds from now on, since the
 * backup neither forgets nor loses what is durable.
 */
void claims_on_completion(const struct hm_update *u)
{
	int i = (int)u->seq - 1;
	int k;

	if ((w.delivered | w.owed) & bit(i))
		violated('f', "an update is completed twice");
	if (!(u->state & HM_P_LOCAL_DONE))
		violated('b', "an update is completed that is not on the primary's disk");
	if (w.stream.alone || u->ack == HM_ACK_LOCAL)
		return;
	if (u->seq > w.apply.at.received)
		violated('b', "an update is completed that the backup has not received");
	if (u->ack != HM_ACK_APPLIED)
		return;
	if (u->seq > w.apply.at.applied)
		violated('b', "an update is completed that the backup has not applied");
	if ((u->flags & HM_FUA) && !durable_on_backup(i))
		violated('e', "a FUA write is completed that is not durable on the backup");
	if (u->kind != HM_FLUSH)
		return;
	for (k = 0; k < w.issued; k++) {
		if ((w.needs[i] & bit(k)) && !durable_on_backup(k))
			violated('e', "a flush is completed and does not cover the backup");
	}
}

/* Nothing can happen but faults, and flushes that the glue asks for. */
void claims_idle(void)
{
	if (!list_empty(&w.apply.pending))
		violated('f', "nothing goes on, and the backup has not applied all");
	if (w.dead)
		return;
	if (w.issued != config->updates || w.delivered != bit(w.issued) - 1)
		violated('f', "nothing goes on, and a completion is missing");
	if (w.apply.at.received != w.issued || w.stream.unsent)
		violated('f', "nothing goes on, and a record is missing");
}

void claims_settled(void)
{
	int b;

	if (!hm_apply_drained(&w.apply))
		violated('f', "nothing goes on, and the backup has not drained");
	if (w.dead)
		return;
	if (!list_empty(&w.stream.backlog))
		violated('f', "nothing goes on, and the backlog is not empty");
	for (b = 0; b < BLOCKS; b++) {
		u8 depth = w.disk.depth[b];

		if (w.image[b] != (depth ? w.disk.layer[b][depth - 1] : 0))
			violated('c', "all is settled, and the two disks differ");
	}
}
