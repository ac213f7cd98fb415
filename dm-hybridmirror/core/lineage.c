// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of generations, as a table: see hm_lineage_judge().
 */
#include "lineage.h"

/* What hm_lineage_find() says of a generation that is not in the list. */
#define HM_NOT_FOUND	HM_GENERATIONS

static unsigned int hm_lineage_count(const struct hm_lineage *l)
{
	unsigned int n = 0;

	while (n < HM_GENERATIONS && l->generation[n])
		n++;
	return n;
}

/**
 * hm_lineage_find() - where in the lineage a generation is
 * @l: the lineage
 * @generation: the generation, not 0
 *
 * Return: its place, 0 is the newest; HM_GENERATIONS: it is not there.
 *
 * Context: any.
 */
unsigned int hm_lineage_find(const struct hm_lineage *l, u64 generation)
{
	unsigned int n = hm_lineage_count(l);
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (l->generation[i] == generation)
			return i;
	}
	return HM_NOT_FOUND;
}

/**
 * hm_lineage_valid() - can it be one?
 * @l: the lineage, from elsewhere
 *
 * Return: true if its generations have no gap and @l->covered is among them.
 */
bool hm_lineage_valid(const struct hm_lineage *l)
{
	unsigned int n = hm_lineage_count(l);

	if (memchr_inv(l->generation + n, 0,
		       (HM_GENERATIONS - n) * sizeof(l->generation[0])))
		return false;
	return l->covered <= n && !l->covered == !n;
}

/**
 * hm_lineage_fresh() - has it never held anything of this mirror?
 * @l: the lineage
 */
bool hm_lineage_fresh(const struct hm_lineage *l)
{
	return !l->generation[0];
}

/**
 * hm_lineage_found() - a primary begins with what its disk holds
 * @l: the lineage
 * @generation: not 0, chosen at random
 */
void hm_lineage_found(struct hm_lineage *l, u64 generation)
{
	memset(l, 0, sizeof(*l));
	l->generation[0] = generation;
	l->covered = 1;
	l->covers_fresh = true;
}

/**
 * hm_lineage_write_apart() - the primary completes what the backup need not have
 * @l: the primary's lineage
 * @generation: not 0, chosen at random
 *
 * Durable before the first such completion. Needed again once the backup has
 * been asked to adopt the newest generation, even if it has not answered: it may
 * have done so, and what completes now is not part of that. Not needed while it
 * was told of none, also after a restart: else the list would grow with each.
 */
void hm_lineage_write_apart(struct hm_lineage *l, u64 generation)
{
	unsigned int i;

	for (i = HM_GENERATIONS - 1; i; i--)
		l->generation[i] = l->generation[i - 1];
	l->generation[0] = generation;
	l->untold = true;
	if (l->covered < HM_GENERATIONS)
		l->covered++;
}

/**
 * hm_lineage_tell() - a backup is about to be told of the newest generation
 * @l: the primary's lineage
 *
 * Durable before the backup can adopt it.
 */
void hm_lineage_tell(struct hm_lineage *l)
{
	l->untold = false;
}

/**
 * hm_lineage_met() - the primary knows what the backup is at
 * @primary: its lineage; generations that only it has been through are dropped
 *	but the newest, so that the list does not grow while adoptions are lost
 * @backup: the backup's lineage, found to be HM_PAIR_SAME
 */
void hm_lineage_met(struct hm_lineage *primary, const struct hm_lineage *backup)
{
	unsigned int i = hm_lineage_find(primary, backup->generation[0]);
	unsigned int drop;

	if (i == HM_NOT_FOUND || i < 2 || i >= primary->covered)
		return;
	drop = i - 1;
	memmove(primary->generation + 1, primary->generation + 1 + drop,
		(HM_GENERATIONS - 1 - drop) * sizeof(primary->generation[0]));
	memset(primary->generation + HM_GENERATIONS - drop, 0,
	       drop * sizeof(primary->generation[0]));
	primary->covered -= drop;
}

/**
 * hm_lineage_paired() - a backup has begun to follow, and remembers it
 * @l: the primary's lineage
 *
 * Durable before any region is cleaned: from then on the regions no longer name
 * what a fresh peer lacks.
 */
void hm_lineage_paired(struct hm_lineage *l)
{
	l->covers_fresh = false;
}

/**
 * hm_lineage_confirmed() - the backup holds our newest generation, durably
 * @l: the primary's lineage
 */
void hm_lineage_confirmed(struct hm_lineage *l)
{
	l->covered = 1;
	l->covers_fresh = false;
}

/**
 * hm_lineage_adopt() - the backup holds all that a generation of the primary had
 * @backup: its lineage: that generation, and what came before it
 * @primary: the primary's
 * @from: which of the primary's: 0 is the newest; there is one
 */
void hm_lineage_adopt(struct hm_lineage *backup,
		      const struct hm_lineage *primary, unsigned int from)
{
	unsigned int n = hm_lineage_count(primary);
	unsigned int i;

	memset(backup, 0, sizeof(*backup));
	for (i = 0; from + i < n; i++)
		backup->generation[i] = primary->generation[from + i];
	backup->covered = 1;
}

/*
 * Of the generations that the primary's bitmap covers, the one that a backup
 * which is being copied to goes by: its own, since hm_lineage_met() keeps that;
 * else a recent one, so that it stays in the list for long. Not the newest, if
 * there is a choice: should the copy be promoted by force, the two have diverged.
 */
static unsigned int hm_lineage_copy_from(const struct hm_lineage *backup,
					 const struct hm_lineage *primary)
{
	unsigned int i = hm_lineage_find(primary, backup->generation[0]);

	if (i && i < primary->covered)
		return i;
	return primary->covered > 1 ? 1 : 0;
}

/**
 * hm_lineage_copy_begins() - the backup is about to be overwritten out of order
 * @backup: its lineage: from now on what the primary's bitmap covers
 * @primary: the primary's, whose bitmap names, durably, every region in which
 *	the two may differ
 */
void hm_lineage_copy_begins(struct hm_lineage *backup,
			    const struct hm_lineage *primary)
{
	hm_lineage_adopt(backup, primary,
			 hm_lineage_copy_from(backup, primary));
	backup->inconsistent = true;
}

/**
 * hm_lineage_may_promote() - may the backup become the primary?
 * @l: its lineage
 * @forced: the operator accepts an inconsistent copy
 */
bool hm_lineage_may_promote(const struct hm_lineage *l, bool forced)
{
	return !hm_lineage_fresh(l) && (!l->inconsistent || forced);
}

/**
 * hm_lineage_promote() - the backup becomes the primary
 * @l: its lineage; hm_lineage_may_promote() said yes
 * @generation: not 0, chosen at random
 *
 * A consistent one stays what it is until it is written apart, so that a planned
 * exchange of roles costs nothing. An inconsistent one is a state of its own.
 */
void hm_lineage_promote(struct hm_lineage *l, u64 generation)
{
	if (!l->inconsistent)
		return;
	l->inconsistent = false;
	hm_lineage_write_apart(l, generation);
}

/* One volume is a step behind the other, or neither is. */
static bool hm_lineage_join_steps(struct hm_lineage *l,
				  const struct hm_lineage *other)
{
	struct hm_lineage older = *other;
	unsigned int i = hm_lineage_find(l, older.generation[0]);
	unsigned int covered, n;

	if (i == HM_NOT_FOUND) {
		older = *l;
		i = hm_lineage_find(other, older.generation[0]);
		if (i == HM_NOT_FOUND || hm_lineage_fresh(&older))
			return false;
		*l = *other;
	}
	n = hm_lineage_count(l);
	/* What one bitmap does not name, the set's bitmaps do not. */
	covered = min(i + older.covered, (unsigned int)l->covered);
	l->covered = min(covered, n);
	l->covers_fresh &= older.covers_fresh;
	l->inconsistent |= older.inconsistent;
	if (!i)
		l->untold &= older.untold;
	return true;
}

/* The lineage without the generation that nobody was told of, if there is one. */
static struct hm_lineage hm_lineage_told(const struct hm_lineage *l)
{
	struct hm_lineage told = *l;

	if (!l->untold)
		return told;
	memmove(told.generation, l->generation + 1,
		(HM_GENERATIONS - 1) * sizeof(told.generation[0]));
	told.generation[HM_GENERATIONS - 1] = 0;
	told.untold = false;
	if (told.covered)
		told.covered--;
	return told;
}

/**
 * hm_lineage_join() - two volumes of a set keep the same lineage
 * @l: one volume's; becomes the set's
 * @other: another one's: a crash while all were being rewritten leaves some one
 *	step behind
 *
 * A volume that was loaded without the others, and written, has begun a
 * generation that nobody was told of, on top of what was its newest then. What
 * the others were told to adopt meanwhile, or before the crash that left it a
 * step behind, they did with it: a set pairs only when all of it is there. So the
 * generations of which nobody was told do not count; one of them is the name of
 * what the set is now, on top of what they all have been.
 *
 * Return: false if they do not belong together; then nothing has changed.
 */
bool hm_lineage_join(struct hm_lineage *l, const struct hm_lineage *other)
{
	struct hm_lineage set, told;
	u64 untold;

	if (hm_lineage_join_steps(l, other))
		return true;
	if (!l->untold && !other->untold)
		return false;
	set = hm_lineage_told(l);
	told = hm_lineage_told(other);
	if (!hm_lineage_join_steps(&set, &told))
		return false;
	untold = l->untold ? l->generation[0] : other->generation[0];
	*l = set;
	hm_lineage_write_apart(l, untold);
	return true;
}

/**
 * hm_lineage_join_backup() - a volume of a backup comes to its set's others
 * @l: the set's lineage; becomes that of all
 * @other: the volume's; fresh if its metadata is empty
 *
 * A fresh one among others that are not has lost its memory, or its first copy
 * had begun when not all knew of it. Then a copy of all of it makes it one of
 * them; until then the set is inconsistent.
 *
 * Return: see enum hm_joining; @l has changed unless refused.
 *
 * Context: any.
 */
enum hm_joining hm_lineage_join_backup(struct hm_lineage *l,
				       const struct hm_lineage *other)
{
	if (hm_lineage_fresh(other)) {
		if (hm_lineage_fresh(l))
			return HM_JOINED;
		l->inconsistent = true;
		return HM_JOINED_WHOLE;
	}
	if (hm_lineage_fresh(l)) {
		*l = *other;
		l->inconsistent = true;
		return HM_JOINED_OTHERS_WHOLE;
	}
	if (hm_lineage_join(l, other))
		return HM_JOINED;
	/* One was written alone since: that must not go without a word. */
	if (l->untold || other->untold ||
	    !(l->inconsistent || other->inconsistent))
		return HM_JOIN_REFUSED;
	/* A copy from elsewhere had begun, but not all volumes knew of it. */
	memset(l, 0, sizeof(*l));
	return HM_JOINED;
}

/**
 * hm_lineage_judge() - what two lineages ask for
 * @primary: the primary's; consistent
 * @backup: the backup's
 * @gives_up: the operator said that what the backup alone has may go
 *
 *	backup          primary         then                  if it gives up
 *	fresh           covers fresh    SAME                  SAME
 *	fresh           else            ALL                   ALL
 *	else            fresh           UNRELATED             ALL
 *	newest in the primary's list:
 *	  covered                       SAME                  SAME
 *	  else                          ALL                   ALL
 *	primary's newest in its list    OUTDATED              SAME if covered by
 *	                                                      it, else ALL
 *	an older one in common          DIVERGED              SAME if covered by
 *	                                                      both, else ALL
 *	none in common                  UNRELATED             ALL
 *
 * Context: any.
 */
enum hm_pairing hm_lineage_judge(const struct hm_lineage *primary,
				 const struct hm_lineage *backup, bool gives_up)
{
	unsigned int i, j, p, b;

	if (hm_lineage_fresh(backup))
		return primary->covers_fresh ? HM_PAIR_SAME : HM_PAIR_ALL;
	if (hm_lineage_fresh(primary))
		return gives_up ? HM_PAIR_ALL : HM_PAIR_UNRELATED;
	i = hm_lineage_find(primary, backup->generation[0]);
	j = hm_lineage_find(backup, primary->generation[0]);
	if (i != HM_NOT_FOUND && j != HM_NOT_FOUND)
		return !i && !j ? HM_PAIR_SAME :
		       gives_up ? HM_PAIR_ALL : HM_PAIR_UNRELATED;
	if (i != HM_NOT_FOUND)
		return i < primary->covered ? HM_PAIR_SAME : HM_PAIR_ALL;
	if (j != HM_NOT_FOUND && !gives_up)
		return HM_PAIR_OUTDATED;
	if (j != HM_NOT_FOUND)
		return j < backup->covered ? HM_PAIR_SAME : HM_PAIR_ALL;
	for (p = 0; p < HM_GENERATIONS && primary->generation[p]; p++) {
		b = hm_lineage_find(backup, primary->generation[p]);
		if (b == HM_NOT_FOUND)
			continue;
		if (!gives_up)
			return HM_PAIR_DIVERGED;
		return p < primary->covered && b < backup->covered ?
			       HM_PAIR_SAME : HM_PAIR_ALL;
	}
	return gives_up ? HM_PAIR_ALL : HM_PAIR_UNRELATED;
}
