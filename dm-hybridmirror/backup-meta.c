// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the backup remembers: its lineage, the stream that it follows and where
 * it is in it, and the regions that it changed itself when it was the primary.
 * It says that it is inconsistent, durably, before the first copy arrives out of
 * order, and that it is consistent again once everything is durable.
 */
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "backup.h"
#include "core/codec.h"
#include "sock.h"

/**
 * hm_backup_fill_super() - what a superblock of a backup says
 * @set: the set
 * @s: its lineage is the new one
 *
 * Context: may sleep; under @set->meta_lock.
 */
void hm_backup_fill_super(struct hm_set *set, struct hm_super *s)
{
	struct hm_backup *b = to_backup(set);

	s->role = HM_SUPER_BACKUP;
	s->forced = set->forced;
	if (!s->lineage.inconsistent)
		s->since = 0;
	else if (!s->since)
		s->since = ktime_get_real_seconds();
	spin_lock_irq(&set->lock);
	memcpy(s->stream, b->stream_id, sizeof(s->stream));
	hm_log_fill_super(b, s);
	spin_unlock_irq(&set->lock);
}

static bool hm_backup_others(const struct hm_volume *v)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (v->set->volume[i] && v->set->volume[i] != v)
			return true;
	}
	return false;
}

/* All of it has to be copied: its bitmap says so before the set's lineage counts. */
static int hm_backup_copy_whole(struct hm_volume *v)
{
	hm_warn(v->set, "volume %u: nothing is known of its disk: all of it will be copied, and the set is inconsistent until then",
		v->info.number);
	v->set->forced = false;
	spin_lock_irq(&v->set->lock);
	hm_regions_want(&v->meta->regions, 0, v->info.sectors);
	spin_unlock_irq(&v->set->lock);
	return hm_meta_write_regions(v->meta);
}

static int hm_backup_copy_others_whole(struct hm_volume *v)
{
	struct hm_volume *other;
	unsigned int i;
	int err = 0;

	for (i = 0; i < HM_MAX_VOLUMES && !err; i++) {
		other = v->set->volume[i];
		if (!other || other == v)
			continue;
		/* A suspended one's devices may be somebody else's by now. */
		err = other->active ? hm_backup_copy_whole(other) : -EBUSY;
		if (err == -EBUSY)
			hm_err(v->set, "volume %u: nothing is known of volume %u, which is suspended: resume that first",
			       v->info.number, other->info.number);
	}
	return err;
}

/* Where in which stream the disk is; all volumes must agree. */
static void hm_backup_recall_position(struct hm_volume *v, bool first)
{
	struct hm_backup *b = to_backup(v->set);
	const struct hm_super *s = &v->meta->super;
	bool known = s->role == HM_SUPER_BACKUP && s->position;

	spin_lock_irq(&b->set.lock);
	if (first) {
		memcpy(b->stream_id, s->stream, sizeof(b->stream_id));
		hm_apply_jump(&b->apply, known ? s->seq : 0,
			      known ? s->group : 0);
		b->lost = !known;
		b->position = known;
	} else if (!known || !hm_apply_drained(&b->apply) ||
		   s->seq != b->apply.at.durable ||
		   memcmp(b->stream_id, s->stream, sizeof(b->stream_id))) {
		b->lost = true;
		b->position = false;
	}
	spin_unlock_irq(&b->set.lock);
}

/* Where it is in the stream is not known, but which one it is. */
static void hm_backup_lose_position(struct hm_backup *b)
{
	spin_lock_irq(&b->set.lock);
	b->lost = true;
	b->position = false;
	spin_unlock_irq(&b->set.lock);
}

/* Its metadata has been formatted, by now or earlier. */
static int hm_backup_recall(struct hm_volume *v, bool others,
			    struct hm_lineage *l)
{
	const struct hm_super *s = &v->meta->super;
	bool first = !others || hm_lineage_fresh(l);
	enum hm_joining joining = HM_JOINED;
	int err = 0;

	if (first)
		hm_backup_forget_stream(to_backup(v->set));
	if (!others) {
		*l = s->lineage;
		v->set->forced = s->forced;
	} else {
		joining = hm_lineage_join_backup(l, &s->lineage);
	}
	switch (joining) {
	case HM_JOINED:
		hm_backup_recall_position(v, first);
		return 0;
	case HM_JOINED_WHOLE:
		err = hm_backup_copy_whole(v);
		break;
	case HM_JOINED_OTHERS_WHOLE:
		err = hm_backup_copy_others_whole(v);
		if (!err)
			hm_backup_recall_position(v, true);
		break;
	case HM_JOIN_REFUSED:
		hm_err(v->set, "volume %u: its metadata does not belong with that of the set's other volumes: give its own, or, to begin anew with a full copy, zero the metadata of all of them",
		       v->info.number);
		return -EINVAL;
	}
	if (!err)
		hm_backup_lose_position(to_backup(v->set));
	return err;
}

/* Nothing is remembered of this volume: each block of its bitmap has to be valid. */
static int hm_backup_format(struct hm_volume *v)
{
	if (!v->meta->bdev)
		return 0;
	spin_lock_irq(&v->set->lock);
	bitmap_fill(v->meta->regions.changed, v->meta->regions.blocks);
	spin_unlock_irq(&v->set->lock);
	return hm_meta_write_regions(v->meta);
}

/* What one volume's log holds has to be on its disk before another one joins. */
static int hm_backup_end_log(struct hm_volume *v)
{
	struct hm_backup *b = to_backup(v->set);
	bool performed;

	spin_lock_irq(&b->set.lock);
	performed = b->log.state != HM_LOG_ON || hm_apply_drained(&b->apply);
	if (performed)
		hm_log_leave(b, HM_LOG_OFF);
	spin_unlock_irq(&b->set.lock);
	if (performed)
		return 0;
	hm_err(&b->set, "volume %u: the log holds updates that the disk of another volume refuses: mend that first",
	       v->info.number);
	return -EBUSY;
}

/* What the metadata says, or that it says nothing; the volume is a member. */
static int hm_backup_learn(struct hm_volume *v, struct hm_lineage *l)
{
	bool others = hm_backup_others(v);
	int err;

	err = hm_backup_end_log(v);
	if (!err)
		err = hm_meta_load(v);
	if (!err)
		err = hm_set_add_member(v);
	if (!err && !v->meta->super.sequence)
		err = hm_backup_format(v);
	if (!err)
		err = hm_backup_recall(v, others, l);
	/* All of them say who belongs to the set. */
	if (!err && v->meta->bdev && (others || !v->meta->super.sequence))
		err = hm_set_write_supers(v->set, l);
	return err;
}

/* Until it has been judged nobody else may write to its metadata. */
static int hm_backup_take_in(struct hm_volume *v)
{
	struct hm_set *set = v->set;
	u16 members = set->members;
	struct hm_lineage l;
	int err;

	mutex_lock(&set->meta_lock);
	l = set->lineage;
	err = hm_backup_learn(v, &l);
	if (err) {
		hm_set_restore_members(set, members);
		hm_meta_drop(v);
		/* The others' may say what has failed. */
		to_backup(set)->meta_failed = true;
	} else {
		spin_lock_irq(&set->lock);
		set->lineage = l;
		spin_unlock_irq(&set->lock);
	}
	mutex_unlock(&set->meta_lock);
	return err;
}

/* The set may have gone on without a volume that it knows. */
static void hm_backup_catch_up(struct hm_backup *b)
{
	mutex_lock(&b->set.meta_lock);
	/* What is refused now is written before the next session. */
	if (hm_set_write_supers(&b->set, &b->set.lineage))
		b->meta_failed = true;
	mutex_unlock(&b->set.meta_lock);
}

/**
 * hm_backup_remember() - preresume: what is known of the volume
 * @v: the volume; a member of its set
 * @old: the instance whose place it took, or NULL
 *
 * Where the set is in its stream is left alone unless the new metadata says
 * otherwise: a table with a wrong path costs nothing.
 *
 * Return: 0 or a negative errno; then the log says why.
 *
 * Context: may sleep; under volumes_lock, halted.
 */
int hm_backup_remember(struct hm_volume *v, struct hm_volume *old)
{
	struct hm_backup *b = to_backup(v->set);
	bool known = v->meta;
	int err = 0;

	if (!known && hm_set_same_devices(v, old)) {
		err = hm_meta_take_over(v, old);
		known = !err;
	}
	if (known) {
		hm_backup_catch_up(b);
		return 0;
	}
	/* What a disk refused may be for the old one's. */
	if (old && !hm_backup_durable(b))
		hm_backup_drop_pending(b);
	return err ?: hm_backup_take_in(v);
}

/**
 * hm_backup_is_dirty() - has it changed regions by itself?
 * @b: the backup
 *
 * Context: under @b->set.lock.
 */
bool hm_backup_is_dirty(struct hm_backup *b)
{
	const struct hm_volume *v;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = b->set.volume[i];
		if (v && v->meta && v->meta->regions.dirty_count)
			return true;
	}
	return false;
}

#define HM_RANGES_AT_ONCE	(PAGE_SIZE / sizeof(struct hm_wire_regions))

/* The next dirty range of the set, behind *r; sectors is 0 if there is none. */
static void hm_backup_next_range(struct hm_backup *b, struct hm_range *r)
{
	u64 from = r->sector + r->sectors;
	const struct hm_volume *v;

	spin_lock_irq(&b->set.lock);
	for (; r->volume < HM_MAX_VOLUMES; r->volume++, from = 0) {
		v = b->set.volume[r->volume];
		if (v && hm_regions_next_dirty(&v->meta->regions, from,
					       &r->sector, &r->sectors))
			break;
	}
	spin_unlock_irq(&b->set.lock);
	if (r->volume == HM_MAX_VOLUMES)
		memset(r, 0, sizeof(*r));
}

/**
 * hm_backup_send_dirty() - tell the primary which regions we have changed
 * @b: the backup
 * @sock: the connection; our hello was sent
 * @session: its number
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep, for the network; under hm_backup.session_lock.
 */
int hm_backup_send_dirty(struct hm_backup *b, struct socket *sock, u64 session)
{
	struct hm_wire_regions *page = (void *)__get_free_page(GFP_KERNEL);
	struct hm_range r = { 0 };
	unsigned int n = 0;
	int err = 0;

	if (!page)
		return -ENOMEM;
	do {
		hm_backup_next_range(b, &r);
		hm_encode_regions(&page[n++], &r, session);
		if (n == HM_RANGES_AT_ONCE || !r.sectors) {
			err = hm_sock_send_buffer(sock, page,
						  n * sizeof(*page));
			n = 0;
		}
	} while (r.sectors && !err);
	free_page((unsigned long)page);
	return err;
}

static int hm_backup_forget_regions(struct hm_backup *b)
{
	struct hm_volume *v;
	unsigned int i;
	int err = 0;

	for (i = 0; i < HM_MAX_VOLUMES && !err; i++) {
		v = b->set.volume[i];
		if (!v)
			continue;
		spin_lock_irq(&b->set.lock);
		hm_regions_forget(&v->meta->regions);
		spin_unlock_irq(&b->set.lock);
		err = hm_meta_write_regions(v->meta);
	}
	return err;
}

/**
 * hm_backup_begin() - the primary says how it goes on
 * @b: the backup; nothing of an earlier session is pending
 * @s: the session
 * @start: the record that says so: HM_START_JUMP: the stream is sent from its
 *	beginning; HM_START_COPY: regions are copied out of order until we are told
 *	to adopt the primary's generation; HM_START_STAGE: until then we may keep
 *	all that comes apart from the disk
 *
 * At the beginning of a stream we hold what the primary held then, unless there
 * are copies, so we adopt the generation that it was in.
 *
 * Durable when this returns: that our position is not known exactly, and that we
 * are inconsistent if there are copies, unless these are staged. The primary
 * remembers the regions that we had changed, so we may forget them.
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep, for the metadata devices.
 */
int hm_backup_begin(struct hm_backup *b, const struct hm_session *s,
		    const struct hm_update *start)
{
	bool jump = start->flags & HM_START_JUMP;
	bool copy = start->flags & HM_START_COPY;
	struct hm_lineage l;
	int err = 0;
	bool same;

	mutex_lock(&b->set.meta_lock);
	spin_lock_irq(&b->set.lock);
	l = b->set.lineage;
	same = !b->position && !jump && hm_log_stays(b) &&
	       !memcmp(b->stream_id, s->stream, sizeof(b->stream_id));
	if (!same && hm_apply_drained(&b->apply))
		hm_log_begin(b);
	if ((start->flags & HM_START_STAGE) && jump &&
	    hm_stage_may_begin(b, start->sector)) {
		hm_stage_begin(b, &s->lineage);
		copy = false;
		jump = false;
	}
	memcpy(b->stream_id, s->stream, sizeof(b->stream_id));
	b->position = false;
	b->lost = false;
	spin_unlock_irq(&b->set.lock);
	if (copy) {
		hm_lineage_copy_begins(&l, &s->lineage);
		b->set.forced = false;
	} else if (jump && s->origin < HM_GENERATIONS) {
		hm_lineage_adopt(&l, &s->lineage, s->origin);
	}
	if (!same)
		err = hm_set_write_supers(&b->set, &l);
	if (!err && copy)
		err = hm_backup_forget_regions(b);
	spin_lock_irq(&b->set.lock);
	if (!err) {
		b->gives_up = false;
		b->refusal = HM_WELCOME;
	} else {
		b->lost = true;
	}
	spin_unlock_irq(&b->set.lock);
	if (err)
		b->meta_failed = true;
	mutex_unlock(&b->set.meta_lock);
	if (!err && copy) {
		hm_info(&b->set, "inconsistent from here on: regions are being copied");
		hm_set_event(&b->set);
	}
	return err;
}

/**
 * hm_backup_adopt() - we hold all that the primary's generation had
 * @b: the backup; everything received is durable
 * @s: the session
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep, for the metadata devices.
 */
int hm_backup_adopt(struct hm_backup *b, const struct hm_session *s)
{
	struct hm_lineage l;
	bool news, staged;
	u64 group;
	int err;

	spin_lock_irq(&b->set.lock);
	group = b->apply.durable_group;
	spin_unlock_irq(&b->set.lock);
	mutex_lock(&b->set.meta_lock);
	l = b->set.lineage;
	staged = b->log.state == HM_LOG_STAGING;
	news = l.inconsistent || staged;
	hm_lineage_adopt(&l, &s->lineage, 0);
	b->set.forced = false;
	err = staged ? hm_stage_commit(b, &l) :
		       hm_set_write_supers(&b->set, &l);
	if (err)
		b->meta_failed = true;
	mutex_unlock(&b->set.meta_lock);
	if (!err && news) {
		hm_info(&b->set, "consistent, at group %llu of the primary",
			group);
		hm_set_event(&b->set);
	}
	return err;
}

/**
 * hm_backup_may_write() - would a new session find the metadata writable?
 * @b: the backup; all its volumes are active
 *
 * Tried only after a failure: else each session would end where it needs to
 * write, and the primary not learn why.
 *
 * Return: false if it still refuses; then the log says why.
 *
 * Context: may sleep, for the metadata devices; under hm_backup.session_lock.
 */
bool hm_backup_may_write(struct hm_backup *b)
{
	unsigned int i;
	int err = 0;

	mutex_lock(&b->set.meta_lock);
	if (b->meta_failed)
		err = hm_set_write_supers(&b->set, &b->set.lineage);
	for (i = 0; b->meta_failed && i < HM_MAX_VOLUMES && !err; i++) {
		if (b->set.volume[i])
			err = hm_meta_write_regions(b->set.volume[i]->meta);
	}
	if (!err)
		b->meta_failed = false;
	mutex_unlock(&b->set.meta_lock);
	return !err;
}

/**
 * hm_backup_note_position() - the disk is where it is, exactly
 * @b: the backup; halted
 *
 * After a clean stop the stream can go on in order.
 *
 * Context: may sleep, for the metadata devices; under volumes_lock.
 */
void hm_backup_note_position(struct hm_backup *b)
{
	bool exact;

	mutex_lock(&b->set.meta_lock);
	spin_lock_irq(&b->set.lock);
	exact = !b->lost && !b->position && hm_apply_drained(&b->apply) &&
		memchr_inv(b->stream_id, 0, sizeof(b->stream_id));
	b->position |= exact;
	if (exact)
		hm_log_leave(b, HM_LOG_OFF);
	spin_unlock_irq(&b->set.lock);
	if (exact && hm_set_write_supers(&b->set, &b->set.lineage)) {
		spin_lock_irq(&b->set.lock);
		b->position = false;
		spin_unlock_irq(&b->set.lock);
		/* One copy may say it: both are written before a session. */
		b->meta_failed = true;
	}
	mutex_unlock(&b->set.meta_lock);
}

/**
 * hm_backup_give_up() - the message "give_up"
 * @b: the backup
 *
 * What this side alone has may be overwritten by the next primary that
 * connects. Only if a primary was refused because of it.
 *
 * Return: 0 or -EINVAL.
 *
 * Context: process; no spinlock held.
 */
int hm_backup_give_up(struct hm_backup *b)
{
	int err = -EINVAL;

	spin_lock_irq(&b->set.lock);
	if (hm_refusal_of_lineage(b->refusal)) {
		b->gives_up = true;
		err = 0;
	}
	spin_unlock_irq(&b->set.lock);
	if (err)
		hm_err(&b->set, "there is nothing to give up: no primary was refused because of what this side has");
	else
		hm_warn(&b->set, "gives up what it alone has: the next primary that connects overwrites it");
	return err;
}

/**
 * hm_backup_force() - the message "force"
 * @b: the backup
 *
 * Return: 0 or a negative errno.
 *
 * Context: may sleep, for the metadata devices.
 */
int hm_backup_force(struct hm_backup *b)
{
	int err = -EINVAL;

	mutex_lock(&b->set.volumes_lock);
	mutex_lock(&b->set.meta_lock);
	if (b->set.lineage.inconsistent) {
		/* A suspended volume's metadata is not ours to write. */
		err = -EBUSY;
		if (hm_set_all_active(&b->set)) {
			b->set.forced = true;
			err = hm_set_write_supers(&b->set, &b->set.lineage);
			b->set.forced = !err;
		}
	}
	mutex_unlock(&b->set.meta_lock);
	mutex_unlock(&b->set.volumes_lock);
	if (err == -EINVAL)
		hm_err(&b->set, "there is nothing to force: the copy is consistent");
	else if (!err)
		hm_warn(&b->set, "the next take-over may go ahead although the copy is inconsistent");
	return err;
}
