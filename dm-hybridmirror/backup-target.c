// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target "hybrid-backup": the backup's side, as device-mapper sees it.
 * It can be read; only the primary writes.
 */
#include <linux/blkdev.h>

#include "backup.h"

static int hm_backup_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct hm_volume *v = hm_volume_create(ti, HM_BACKUP, argc, argv);
	const char *error;

	if (IS_ERR(v))
		return PTR_ERR(v);
	v->set = hm_set_find_or_create(v, HM_BACKUP, hm_backup_create);
	if (!v->set) {
		ti->error = "Out of memory";
		hm_volume_destroy(v);
		return -ENOMEM;
	}
	mutex_lock(&v->set->volumes_lock);
	error = hm_set_conflict(v->set, v);
	mutex_unlock(&v->set->volumes_lock);
	if (error) {
		ti->error = (char *)error;
		hm_volume_destroy(v);
		return -EINVAL;
	}
	ti->private = v;
	return 0;
}

static void hm_backup_dtr(struct dm_target *ti)
{
	struct hm_volume *v = ti->private;

	hm_backup_forget(v);
	hm_volume_destroy(v);
}

static int hm_backup_map(struct dm_target *ti, struct bio *bio)
{
	struct hm_volume *v = ti->private;

	if (bio_op(bio) != REQ_OP_READ)
		return DM_MAPIO_KILL;
	bio_set_dev(bio, v->dev->bdev);
	bio->bi_iter.bi_sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	return DM_MAPIO_REMAPPED;
}

static void hm_backup_postsuspend(struct dm_target *ti)
{
	hm_backup_stop(ti->private);
}

static int hm_backup_preresume(struct dm_target *ti)
{
	return hm_backup_start(ti->private);
}

/* What the disk is worth, should the primary be lost now. */
static const char *hm_backup_state(const struct hm_backup *b)
{
	if (hm_lineage_fresh(&b->set.lineage))
		return "fresh";
	return b->set.lineage.inconsistent ? "inconsistent" : "consistent";
}

/* Where copies go: to the log, to be performed as one, or to the disk as they come. */
static const char *hm_backup_resync(const struct hm_backup *b)
{
	if (b->log.state == HM_LOG_STAGING)
		return "staged";
	return b->set.lineage.inconsistent ? "direct" : "none";
}

static void hm_backup_info(struct hm_backup *b, char *result,
			   unsigned int maxlen)
{
	const struct hm_apply *a = &b->apply;
	unsigned int sz = 0;

	spin_lock_irq(&b->set.lock);
	DMEMIT("link %s apply %s group %llu outstanding %u received %llu applied %llu durable %llu received_group %llu applied_group %llu durable_group %llu",
	       hm_link_name(b->link), a->suspended ? "suspended" : "running",
	       a->gate.current_group, a->gate.outstanding, a->at.received,
	       a->at.applied, a->at.durable, a->received_group,
	       a->applied_group, a->durable_group);
	DMEMIT(" order %s log %llu/%llu appends %llu",
	       a->logged ? "log" : "groups",
	       a->logged ? (b->log.ring.head - b->log.ring.tail) * HM_META_BLOCK
			 : 0,
	       a->logged ? b->log.ring.blocks * HM_META_BLOCK : 0,
	       b->counters.appends);
	DMEMIT(" state %s resync %s generation %016llx memory %llu/%llu boundary %s write_errors %llu connects %llu disconnects %llu protocol_errors %llu refused %llu held %llu flushes %llu reason \"%s\"",
	       hm_backup_state(b), hm_backup_resync(b),
	       b->set.lineage.generation[0],
	       b->used, b->limit, a->every_group_durable ? "durable" : "ordered",
	       b->counters.write_errors, b->counters.connects,
	       b->counters.disconnects, b->counters.protocol_errors,
	       b->counters.refused, b->counters.held, b->counters.flushes,
	       b->reason);
	spin_unlock_irq(&b->set.lock);
}

static void hm_backup_status(struct dm_target *ti, status_type_t type,
			     unsigned int flags, char *result,
			     unsigned int maxlen)
{
	struct hm_volume *v = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		hm_backup_info(to_backup(v->set), result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		hm_volume_table(v, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		*result = '\0';
		break;
	}
}

/*
 * resume: what a disk refused is tried again, in order.
 * give_up: what this side alone has may be overwritten.
 * force: it may be promoted although it is inconsistent.
 * drop_volume NUMBER: a volume that is not loaded belongs to the set no more.
 */
static int hm_backup_message(struct dm_target *ti, unsigned int argc,
			     char **argv, char *result, unsigned int maxlen)
{
	struct hm_volume *v = ti->private;

	if (argc == 1 && !strcasecmp(argv[0], "resume"))
		return hm_backup_resume(to_backup(v->set));
	if (argc == 1 && !strcasecmp(argv[0], "give_up"))
		return hm_backup_give_up(to_backup(v->set));
	if (argc == 1 && !strcasecmp(argv[0], "force"))
		return hm_backup_force(to_backup(v->set));
	if (argc == 2 && !strcasecmp(argv[0], "drop_volume"))
		return hm_backup_drop_volume(to_backup(v->set), argv[1]);
	DMERR("unknown message; a backup knows resume, give_up, force and drop_volume NUMBER");
	return -EINVAL;
}

static int hm_backup_iterate_devices(struct dm_target *ti,
				     iterate_devices_callout_fn fn, void *data)
{
	struct hm_volume *v = ti->private;

	return fn(ti, v->dev, 0, ti->len, data);
}

struct target_type hm_backup_target = {
	.name = "hybrid-backup",
	.version = {0, 1, 0},
	.features = DM_TARGET_SINGLETON,
	.module = THIS_MODULE,
	.ctr = hm_backup_ctr,
	.dtr = hm_backup_dtr,
	.map = hm_backup_map,
	.postsuspend = hm_backup_postsuspend,
	.preresume = hm_backup_preresume,
	.status = hm_backup_status,
	.message = hm_backup_message,
	.iterate_devices = hm_backup_iterate_devices,
};
