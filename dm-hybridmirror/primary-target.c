// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target "hybridmirror": the primary's side, as device-mapper sees it.
 */
#include <linux/blkdev.h>

#include "primary.h"

static int hm_primary_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct hm_volume *v = hm_volume_create(ti, HM_PRIMARY, argc, argv);
	const char *error;

	if (IS_ERR(v))
		return PTR_ERR(v);
	v->set = hm_set_find_or_create(v, HM_PRIMARY, hm_primary_create);
	if (!v->set) {
		ti->error = "Out of memory";
		hm_volume_destroy(v);
		return -ENOMEM;
	}
	mutex_lock(&v->set->volumes_lock);
	error = hm_set_conflict(v->set, v);
	mutex_unlock(&v->set->volumes_lock);
	if (!error && dm_set_target_max_io_len(ti, HM_CHUNK_SECTORS))
		error = "Cannot limit the size of one update";
	if (error) {
		ti->error = (char *)error;
		hm_volume_destroy(v);
		return -EINVAL;
	}
	ti->private = v;
	ti->num_flush_bios = 1;
	ti->flush_supported = true;
	ti->num_write_zeroes_bios = 1;
	ti->num_discard_bios = 1;
	ti->discards_supported = bdev_write_zeroes_sectors(v->dev->bdev);
	ti->limit_swap_bios = true;
	ti->per_io_data_size = sizeof(struct hm_volume *);
	return 0;
}

static void hm_primary_dtr(struct dm_target *ti)
{
	struct hm_volume *v = ti->private;

	hm_primary_forget(v);
	hm_volume_destroy(v);
}

/* An update never crosses a chunk; dm splits plain writes by itself. */
static void hm_primary_trim(struct bio *bio)
{
	sector_t room = HM_CHUNK_SECTORS -
			(bio->bi_iter.bi_sector & (HM_CHUNK_SECTORS - 1));

	if (bio_sectors(bio) > room)
		dm_accept_partial_bio(bio, room);
}

static int hm_primary_map(struct dm_target *ti, struct bio *bio)
{
	struct hm_volume *v = ti->private;
	struct hm_primary *p = to_primary(v->set);
	int ret;

	bio->bi_iter.bi_sector = dm_target_offset(ti, bio->bi_iter.bi_sector);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		bio_set_dev(bio, v->dev->bdev);
		return DM_MAPIO_REMAPPED;
	case REQ_OP_WRITE:
	case REQ_OP_FLUSH:
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		hm_primary_trim(bio);
		break;
	default:
		return DM_MAPIO_KILL;
	}

	*(struct hm_volume **)dm_per_bio_data(bio, sizeof(v)) = v;
	ret = READ_ONCE(p->waiting) ? -EAGAIN : hm_primary_write(v, bio, false);
	if (ret >= 0)
		return ret;
	hm_primary_defer(p, bio);
	return DM_MAPIO_SUBMITTED;
}

static void hm_primary_presuspend(struct dm_target *ti)
{
	hm_primary_suspending(ti->private, true);
}

static void hm_primary_presuspend_undo(struct dm_target *ti)
{
	hm_primary_suspending(ti->private, false);
}

static void hm_primary_postsuspend(struct dm_target *ti)
{
	hm_primary_suspending(ti->private, false);
	hm_primary_stop(ti->private);
}

static int hm_primary_preresume(struct dm_target *ti)
{
	return hm_primary_start(ti->private);
}

static void hm_primary_info(struct hm_primary *p, char *result,
			    unsigned int maxlen)
{
	const struct hm_stream *s = &p->stream;
	unsigned int sz = 0;

	spin_lock_irq(&p->lock);
	DMEMIT("link %s sync %s group %llu seq %llu sent %llu received %llu applied %llu durable %llu applied_group %llu durable_group %llu",
	       hm_link_name(p->link), hm_sync_name(p->sync),
	       s->grouping.number, s->last_seq, s->sent, s->acked.received,
	       s->acked.applied, s->acked.durable, p->applied_group,
	       p->durable_group);
	DMEMIT(" backlog %llu/%llu dirty - lag_ms %llu completions %s local_errors %llu connects %llu disconnects %llu protocol_errors %llu resent %llu deferred %llu unrecorded %llu reason \"%s\"",
	       p->used, p->limit, hm_primary_lag(p),
	       s->alone || p->sync == HM_SYNC_BEHIND ? "alone" : "mirrored",
	       p->counters.local_errors,
	       p->counters.connects, p->counters.disconnects,
	       p->counters.protocol_errors, p->counters.resent,
	       p->counters.deferred, p->counters.unrecorded, p->reason);
	spin_unlock_irq(&p->lock);
}

static void hm_primary_status(struct dm_target *ti, status_type_t type,
			      unsigned int flags, char *result,
			      unsigned int maxlen)
{
	struct hm_volume *v = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		hm_primary_info(to_primary(v->set), result, maxlen);
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
 * resume: what the backup's disk refused is tried again, in order.
 * release: writes held for the backup's sake go on alone.
 */
static int hm_primary_message(struct dm_target *ti, unsigned int argc,
			      char **argv, char *result, unsigned int maxlen)
{
	struct hm_volume *v = ti->private;
	struct hm_primary *p = to_primary(v->set);

	if (argc == 1 && !strcasecmp(argv[0], "resume")) {
		hm_primary_retry(p);
		return 0;
	}
	if (argc == 1 && !strcasecmp(argv[0], "release")) {
		hm_primary_go_alone(p);
		return 0;
	}
	DMERR("unknown message; a primary knows resume and release");
	return -EINVAL;
}

static int hm_primary_iterate_devices(struct dm_target *ti,
				      iterate_devices_callout_fn fn, void *data)
{
	struct hm_volume *v = ti->private;

	return fn(ti, v->dev, 0, ti->len, data);
}

/*
 * A discard becomes zeroes on both sides, so it is offered where the disk can
 * zero a range by itself. The block is never smaller than the backup's, as far
 * as that is known when the table is loaded.
 */
static void hm_primary_io_hints(struct dm_target *ti,
				struct queue_limits *limits)
{
	struct hm_volume *v = ti->private;
	struct hm_primary *p = to_primary(v->set);
	u32 peer = READ_ONCE(p->peer_block[v->info.number]);

	if (peer > limits->logical_block_size) {
		limits->logical_block_size = peer;
		limits->physical_block_size = max(limits->physical_block_size,
						  peer);
		limits->io_min = max(limits->io_min, peer);
	}
	if (ti->discards_supported) {
		limits->max_hw_discard_sectors = HM_CHUNK_SECTORS;
		limits->max_discard_sectors = HM_CHUNK_SECTORS;
		limits->discard_granularity = limits->logical_block_size;
		limits->discard_alignment = 0;
	} else {
		limits->max_hw_discard_sectors = 0;
		limits->max_discard_sectors = 0;
	}
}

struct target_type hm_primary_target = {
	.name = "hybridmirror",
	.version = {0, 1, 0},
	.features = DM_TARGET_SINGLETON,
	.module = THIS_MODULE,
	.ctr = hm_primary_ctr,
	.dtr = hm_primary_dtr,
	.map = hm_primary_map,
	.presuspend = hm_primary_presuspend,
	.presuspend_undo = hm_primary_presuspend_undo,
	.postsuspend = hm_primary_postsuspend,
	.preresume = hm_primary_preresume,
	.status = hm_primary_status,
	.message = hm_primary_message,
	.iterate_devices = hm_primary_iterate_devices,
	.io_hints = hm_primary_io_hints,
};
