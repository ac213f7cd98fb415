// SPDX-License-Identifier: GPL-2.0-only
/*
 * A state in bytes: all that has an influence on what can happen and on what
 * is claimed of it, and as little else as possible, so that histories which
 * lead to the same state are followed once. "explorer raw" checks it against a
 * key that holds all there is.
 */
#include "model.h"

#define MAX_GROUPS	16

static u8 *put(u8 *key, u64 value)
{
	*key = (u8)value;
	return key + 1;
}

static u8 *put_acks(u8 *key, const struct hm_acks *a)
{
	key = put(key, a->received | a->applied << 4);
	return put(key, a->durable);
}

static u8 *put_list(u8 *key, const struct list_head *list)
{
	const struct hm_update *u;
	u32 order = 0;

	list_for_each_entry(u, list, ready)
		order = order << 4 | (u32)u->seq;
	memcpy(key, &order, 3);
	return key + 3;
}

/* Nothing will ever be done or asked with it again; with a log, who knows. */
static bool finished(int i)
{
	if (config->flags & F_LOG)
		return false;
	return !w.dead && i < w.issued && (w.delivered & bit(i)) &&
	       w.primary[i].state == HM_P_FINISHED;
}

/*
 * Groups are only compared, so their order is all that counts. Those that
 * struct hm_apply keeps beside its acknowledgments follow from the updates,
 * see check_ack_groups().
 */
static void rank_groups(u8 *rank)
{
	u32 used = bit(w.apply.gate.current_group);
	u8 n = 0;
	int i;

	if (!w.dead)
		used |= bit(w.stream.grouping.number) | bit(w.late_close);
	for (i = 0; i < w.issued; i++) {
		if (!finished(i))
			used |= bit(w.primary[i].group);
	}
	for (i = 0; i < MAX_GROUPS; i++) {
		rank[i] = n;
		n += used >> i & 1;
	}
}

static u64 seq_of(const struct hm_update *u)
{
	return u ? u->seq : 0;
}

/*
 * A block of the primary's disk, as far as the two disks will be compared:
 * which finished update wrote it does not matter if it is the same on both.
 */
static u8 image(int b)
{
	const struct disk *d = &w.disk;
	u8 writer = w.image[b];

	if (!writer || !finished(writer - 1))
		return writer;
	return writer == d->layer[b][d->floor[b] - 1] ? 15 : 14;
}

static u8 *put_primary(u8 *key, const u8 *rank)
{
	const struct hm_stream *s = &w.stream;
	int i;

	key = put(key, w.late_close ? rank[w.late_close] + 1U : 0);
	key = put(key, (u64)rank[s->grouping.number] << 1 | s->grouping.open);
	key = put(key, (u64)s->alone << 7 | s->last_seq << 3 | w.link);
	key = put(key, s->taken | s->sent << 4);
	key = put(key, seq_of(s->unsent) | seq_of(s->unreceived) << 4);
	key = put(key, seq_of(s->unapplied) | (u64)w.acks << 4);
	key = put_acks(key, &s->claimed);
	key = put_acks(key, &s->acked);
	key = put_acks(key, &w.last_ack);
	for (i = 0; i < MAX_FLIGHT; i++)
		key = put_acks(key, &w.ack[i]);
	for (i = 0; i < config->updates; i++)
		key = put(key, w.primary[i].state | w.primary[i].blockers << 4);
	key = put(key, w.through);
	key = put(key, w.delivered);
	key = put(key, w.owed);
	key = put(key, w.local);
	for (i = 0; i < BLOCKS; i += 2)
		key = put(key, image(i) | image(i + 1) << 4);
	return key;
}

static u8 *put_place(u8 *key, const struct hm_place *p)
{
	return put(key, p->seq | p->log << 4);
}

static u8 *put_log(u8 *key)
{
	const struct hm_apply *a = &w.apply;
	struct hm_place none = { 0 };
	int i;

	key = put(key, w.ring | (a->log_running || a->log_refused ?
			   a->log_covers << 4 : 0));
	key = put(key, a->log_running | a->log_refused << 1);
	key = put_place(key, &a->placed);
	key = put_place(key, &a->clean);
	key = put_place(key, a->flush_running ? &a->flush_place : &none);
	/* Before it is in the log that is not known yet; afterwards no matter. */
	for (i = 0; i < config->updates; i++)
		key = put(key, w.backup[i].log);
	return key;
}

static u8 *put_backup(u8 *key, const u8 *rank)
{
	const struct hm_apply *a = &w.apply;
	int i;

	key = put(key, rank[a->gate.current_group] |
		       (u64)a->gate.outstanding << 4);
	key = put(key, seq_of(a->held) | (u64)a->in_flight << 4);
	key = put_list(key, &a->ready);
	key = put_list(key, &a->failed);
	key = put_acks(key, &a->at);
	key = put(key, a->group_durable | a->flush_wanted << 1 |
		       a->flush_running << 2 | a->suspended << 3 |
		       (a->flush_running ? a->flush_covers << 4 : 0));
	for (i = 0; i < config->updates; i++)
		key = put(key, w.backup[i].state | w.backup[i].blockers);
	return config->flags & F_LOG ? put_log(key) : key;
}

static u8 layer(u8 writer)
{
	return finished(writer - 1) ? 15 : writer;
}

/* What lies below the floor will never be looked at again. */
static u8 *put_disk(u8 *key)
{
	const struct disk *d = &w.disk;
	int b, n;

	key = put(key, d->flight);
	key = put(key, d->landed);
	key = put(key, d->done);
	key = put(key, d->visible | d->flushing << 7);
	for (b = 0; b < BLOCKS; b++) {
		u8 below = d->floor[b] ? d->floor[b] - 1 : 0;
		u32 layers = 0;

		for (n = below; n < d->depth[b]; n++)
			layers = layers << 4 | layer(d->layer[b][n]);
		memcpy(key, &layers, 3);
		key += 3;
		n = d->covered[b] > below ? d->covered[b] - below : 0;
		key = put(key, (u64)(d->floor[b] - below) << 4 | (u64)n);
	}
	return key;
}

/* A dependency on what is durable can no longer be violated. */
static u8 *put_updates(u8 *key, const u8 *rank)
{
	u8 safe = 0;
	int i;

	for (i = 0; i < w.issued; i++) {
		if (durable_on_backup(i) && (w.ring || (w.disk.done & bit(i))))
			safe |= bit(i);
	}
	for (i = 0; i < config->updates; i++) {
		bool there = i < w.issued;

		key = put(key, there && !finished(i) ?
			  rank[w.primary[i].group] << 4 | w.item[i] : 0xff);
		key = put(key, there ? w.needs[i] & ~safe : 0);
		key = put(key, there ? w.needs_flushed[i] & ~safe : 0);
	}
	return key;
}

unsigned int world_key(u8 *key)
{
	u8 rank[MAX_GROUPS];
	u8 *start = key;

	rank_groups(rank);
	memset(key, 0, 160);
	key = put(key, (u64)w.dead << 7 | w.issued << 4 | w.wire_end);
	key = put(key, (u64)w.cuts << 4 | w.fails);
	key = put_updates(key, rank);
	key = put_backup(key, rank);
	key = put_disk(key);
	if (!w.dead)
		put_primary(key, rank);
	/* What put_primary() takes: a dead primary's keys are as long. */
	key += 22 + config->updates;
	return (unsigned int)(key - start);
}

static u8 *put_bytes(u8 *key, const void *from, size_t bytes)
{
	memcpy(key, from, bytes);
	return key + bytes;
}

/* All but the heads of the overlap indexes, which the updates point to. */
unsigned int world_raw_key(u8 *key)
{
	u8 *start = key;

	key = put_bytes(key, &w.stream, offsetof(struct hm_stream, overlap));
	key = put_bytes(key, &w.apply.gate, sizeof(w.apply.gate));
	key = put_bytes(key, &w.apply.pending,
			sizeof(w.apply) - offsetof(struct hm_apply, pending));
	key = put_bytes(key, w.primary,
			sizeof(w.primary[0]) * config->updates);
	key = put_bytes(key, w.backup, sizeof(w.backup[0]) * config->updates);
	key = put_bytes(key, &w.issued,
			sizeof(w) - offsetof(struct world, issued));
	return (unsigned int)(key - start);
}
