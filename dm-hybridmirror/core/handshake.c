// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two hosts judge each other before anything flows. Each side checks for
 * itself; neither believes that the other has.
 */
#include "handshake.h"

/* Bits of hm_hello.features that this version knows. */
#define HM_FEATURES_KNOWN	0ULL

/**
 * hm_refusal_text() - words for a refusal
 * @why: the refusal
 *
 * Return: a static string without a trailing period, which says what is wrong
 * and, where somebody can do something about it, what.
 *
 * Context: any.
 */
const char *hm_refusal_text(enum hm_refusal why)
{
	static const char * const text[] = {
		[HM_WELCOME] = "welcome",
		[HM_REFUSE_VERSION] =
			"no protocol version in common: upgrade the older module",
		[HM_REFUSE_FEATURES] =
			"one side needs a feature that the other lacks: upgrade the older module",
		[HM_REFUSE_SET] =
			"the set names differ: give both tables the same 'set'",
		[HM_REFUSE_VOLUMES] =
			"the volume numbers differ: give both sets the same volumes",
		[HM_REFUSE_SIZE] =
			"the sizes of the volume differ: give both tables the same length",
		[HM_REFUSE_BLOCK] =
			"the backup's disk has larger logical blocks: load the primary's table again, which adopts them",
		[HM_REFUSE_BUSY] =
			"the backup is connected to another primary: stop one of the two",
		[HM_REFUSE_OUTDATED] =
			"the backup's data is newer, it has been primary: load this side as hybrid-backup, or send the other side the message give_up",
		[HM_REFUSE_NOT_READY] =
			"the backup is suspended or stopping: resume its devices",
		[HM_REFUSE_DAMAGED] =
			"the handshake is damaged or malformed: check that the address and port are those of the peer",
		[HM_REFUSE_DIVERGED] =
			"both sides were written apart: load the side whose changes are to go as hybrid-backup, and send it the message give_up",
		[HM_REFUSE_UNRELATED] =
			"the two sides hold data of different origin: to overwrite the backup's, send it the message give_up",
		[HM_REFUSE_ANSWER] =
			"the backup's answer cannot be true: check that the address and port are those of the peer",
		[HM_REFUSE_METADATA] =
			"the backup cannot write its metadata device: mend it",
	};

	if ((unsigned int)why >= ARRAY_SIZE(text))
		return "unknown reason";
	return text[why];
}

/**
 * hm_refusal_names_volume() - is one volume the reason?
 * @why: the refusal
 */
bool hm_refusal_names_volume(enum hm_refusal why)
{
	return why == HM_REFUSE_VOLUMES || why == HM_REFUSE_SIZE ||
	       why == HM_REFUSE_BLOCK;
}

/**
 * hm_refusal_of_lineage() - is it because of what the two sides hold?
 * @why: the refusal
 *
 * Return: true if the backup's giving up would end it.
 */
bool hm_refusal_of_lineage(enum hm_refusal why)
{
	return why == HM_REFUSE_OUTDATED || why == HM_REFUSE_DIVERGED ||
	       why == HM_REFUSE_UNRELATED;
}

static bool hm_stream_is(const struct hm_hello *h, const struct hm_hello *other)
{
	return !memcmp(h->stream, other->stream, sizeof(h->stream));
}

static bool hm_stream_none(const struct hm_hello *h)
{
	return !memchr_inv(h->stream, 0, sizeof(h->stream));
}

/* The first number that only one of the two has; both lists are rising. */
static bool hm_volumes_differ(const struct hm_hello *a,
			      const struct hm_hello *b, u16 *volume)
{
	unsigned int i;
	u16 number_a, number_b;

	for (i = 0; i < a->volumes || i < b->volumes; i++) {
		number_a = i < a->volumes ? a->volume[i].number : HM_MAX_VOLUMES;
		number_b = i < b->volumes ? b->volume[i].number : HM_MAX_VOLUMES;
		if (number_a != number_b) {
			*volume = number_a < number_b ? number_a : number_b;
			return true;
		}
	}
	return false;
}

/*
 * What either side can say of two sets of volumes. The primary's block size is
 * that of the mirrored device, so the application's writes are multiples of it;
 * a larger one on the backup's disk could not take them.
 */
static enum hm_refusal hm_judge_volumes(const struct hm_hello *primary,
					const struct hm_hello *backup,
					u16 *volume)
{
	unsigned int i;

	if (strcmp(primary->set, backup->set))
		return HM_REFUSE_SET;
	if (hm_volumes_differ(primary, backup, volume))
		return HM_REFUSE_VOLUMES;
	for (i = 0; i < primary->volumes; i++) {
		*volume = primary->volume[i].number;
		if (primary->volume[i].sectors != backup->volume[i].sectors)
			return HM_REFUSE_SIZE;
	}
	for (i = 0; i < primary->volumes; i++) {
		*volume = primary->volume[i].number;
		if (backup->volume[i].logical_block >
		    primary->volume[i].logical_block)
			return HM_REFUSE_BLOCK;
	}
	*volume = 0;
	return HM_WELCOME;
}

/* What only a backup says, or what a primary never leaves out. */
static bool hm_hello_of_primary(const struct hm_hello *h)
{
	return !h->refusal && !h->session && !hm_stream_none(h) &&
	       !hm_lineage_fresh(&h->lineage) && !h->lineage.inconsistent;
}

static enum hm_refusal hm_judge_pairing(const struct hm_hello *primary,
					const struct hm_hello *backup)
{
	switch (hm_lineage_judge(&primary->lineage, &backup->lineage,
				 backup->flags & HM_HELLO_GIVES_UP)) {
	case HM_PAIR_SAME:
	case HM_PAIR_ALL:
		return HM_WELCOME;
	case HM_PAIR_OUTDATED:
		return HM_REFUSE_OUTDATED;
	case HM_PAIR_DIVERGED:
		return HM_REFUSE_DIVERGED;
	case HM_PAIR_UNRELATED:
		break;
	}
	return HM_REFUSE_UNRELATED;
}

static enum hm_refusal hm_judge_stream(const struct hm_backup_self *self,
				       const struct hm_hello *primary)
{
	const struct hm_hello *backup = &self->hello;

	if (!hm_stream_is(backup, primary) && self->connected)
		return HM_REFUSE_BUSY;
	if (hm_stream_is(backup, primary) &&
	    backup->acks.received > primary->last_seq)
		return HM_REFUSE_UNRELATED;
	return hm_judge_pairing(primary, backup);
}

/**
 * hm_hello_adopted() - has the backup adopted what it was told to?
 * @primary: the primary's hello
 * @backup: the backup's answer
 * @told: the generation that it was told to adopt, in this stream, once all
 *	copies had been sent; no backup held it before
 *
 * Return: true if it has.
 *
 * Context: any.
 */
bool hm_hello_adopted(const struct hm_hello *primary,
		      const struct hm_hello *backup, u64 told)
{
	return hm_stream_is(backup, primary) && !backup->lineage.inconsistent &&
	       told && backup->lineage.generation[0] == told;
}

/**
 * hm_judge_way() - how two sides that welcome each other go on
 * @primary: the primary's hello
 * @backup: the backup's answer
 *
 * Whether the backlog holds what HM_WAY_RESUME needs is for hm_stream_resume()
 * to say; if it does not, HM_WAY_COPY is the way.
 *
 * Context: any.
 */
enum hm_way hm_judge_way(const struct hm_hello *primary,
			 const struct hm_hello *backup)
{
	bool follows = hm_stream_is(backup, primary);
	bool copying = primary->flags & HM_HELLO_COPYING;
	bool staging = backup->flags & HM_HELLO_STAGING;
	bool begun = backup->lineage.inconsistent || staging;

	/* One that stages the copy is what it was; but it is being copied to. */
	if (!(follows && copying && staging &&
	      !(backup->flags & (HM_HELLO_LOST | HM_HELLO_GIVES_UP))) &&
	    hm_lineage_judge(&primary->lineage, &backup->lineage,
			     backup->flags & HM_HELLO_GIVES_UP) == HM_PAIR_ALL)
		return HM_WAY_COPY_ALL;
	/*
	 * Somebody followed this stream, but not with what answers now; what
	 * became durable there is neither in the backlog nor in the bitmap.
	 */
	if (!follows && primary->acks.durable)
		return HM_WAY_COPY_ALL;
	/* It was put back to an older state of itself: regions are clean since. */
	if (follows && !(backup->flags & HM_HELLO_LOST) &&
	    backup->acks.durable < primary->acks.durable)
		return HM_WAY_COPY_ALL;
	if (backup->flags & (HM_HELLO_DIRTY | HM_HELLO_GIVES_UP))
		return HM_WAY_COPY;
	/* A copy goes on where it was if both sides know that it began. */
	if (begun != copying)
		return HM_WAY_COPY;
	if (follows && !(backup->flags & HM_HELLO_LOST) &&
	    (copying || !(primary->flags & HM_HELLO_UNSYNCED)))
		return HM_WAY_RESUME;
	if (!follows && (primary->flags & HM_HELLO_FIRST) &&
	    !(primary->flags & HM_HELLO_UNSYNCED))
		return HM_WAY_BEGIN;
	return HM_WAY_COPY;
}

/**
 * hm_judge_primary() - the backup judges a primary that has connected
 * @self: what the backup knows
 * @primary: the primary's hello, decoded
 * @volume: number of the volume that is refused, else 0
 *
 * The stream that the backup follows is welcome even while a session is live:
 * its primary comes back over a new connection before the backup has seen the
 * old one die. The new connection replaces it. A backup beyond the end of the
 * stream follows something else of that name.
 *
 * Return: HM_WELCOME, or the first reason to refuse.
 *
 * Context: the caller holds @self still.
 */
enum hm_refusal hm_judge_primary(const struct hm_backup_self *self,
				 const struct hm_hello *primary, u16 *volume)
{
	enum hm_refusal why;

	*volume = 0;
	if (primary->features & ~HM_FEATURES_KNOWN)
		return HM_REFUSE_FEATURES;
	if (!hm_hello_of_primary(primary))
		return HM_REFUSE_DAMAGED;
	if (!self->ready)
		return HM_REFUSE_NOT_READY;
	why = hm_judge_volumes(primary, &self->hello, volume);
	if (why != HM_WELCOME)
		return why;
	return hm_judge_stream(self, primary);
}

/**
 * hm_judge_backup() - the primary judges the backup's answer
 * @self: the hello that the primary sent
 * @backup: the backup's hello, decoded
 * @volume: number of the volume that is refused, else 0
 *
 * How the two go on is for hm_judge_way() to say.
 *
 * Return: HM_WELCOME, the backup's own refusal, or the first reason to refuse.
 *
 * Context: any.
 */
enum hm_refusal hm_judge_backup(const struct hm_hello *self,
				const struct hm_hello *backup, u16 *volume)
{
	enum hm_refusal why;

	*volume = 0;
	if (backup->refusal) {
		/* The wire does not say which volume; find it again. */
		why = hm_judge_volumes(self, backup, volume);
		if (why != (enum hm_refusal)backup->refusal)
			*volume = 0;
		return backup->refusal;
	}
	if (backup->features & ~HM_FEATURES_KNOWN)
		return HM_REFUSE_FEATURES;
	why = hm_judge_volumes(self, backup, volume);
	if (why != HM_WELCOME)
		return why;
	if (!backup->session ||
	    !(hm_stream_is(backup, self) || hm_stream_none(backup)))
		return HM_REFUSE_ANSWER;
	/* Nobody has what was never sent; of the real backup it says nothing. */
	if (backup->acks.received > self->last_seq)
		return HM_REFUSE_ANSWER;
	return hm_judge_pairing(self, backup);
}

/**
 * hm_every_group_durable() - does the backup's cache break a promise?
 * @primary: the primary's hello
 * @backup: the backup's hello
 *
 * An application above a disk without a volatile cache sends no flush and
 * relies on every completion. If the backup's disk has such a cache, only a
 * flush at each group boundary keeps that promise there.
 *
 * Return: true if each group must be made durable before the next begins.
 *
 * Context: any.
 */
bool hm_every_group_durable(const struct hm_hello *primary,
			    const struct hm_hello *backup)
{
	const struct hm_volume_info *p, *b;
	unsigned int i, j;

	for (i = 0; i < primary->volumes; i++) {
		p = &primary->volume[i];
		for (j = 0; j < backup->volumes; j++) {
			b = &backup->volume[j];
			if (p->number == b->number &&
			    !(p->flags & HM_VOLUME_VOLATILE_CACHE) &&
			    (b->flags & HM_VOLUME_VOLATILE_CACHE))
				return true;
		}
	}
	return false;
}
