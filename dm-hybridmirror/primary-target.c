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
	ti->per_io_data_size = sizeof(struct hm_pbd);
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
	struct hm_pbd *pbd = dm_per_bio_data(bio, sizeof(*pbd));
	struct hm_primary *p = to_primary(v->set);
	int ret;

	pbd->v = v;
	pbd->unrecorded = false;
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

/* Bytes that may differ from the backup's, in whole regions. */
static u64 hm_primary_dirty(struct hm_primary *p)
{
	const struct hm_volume *v;
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = p->set.volume[i];
		if (v && v->meta)
			bytes += (u64)v->meta->regions.dirty_count <<
				 (v->meta->regions.shift + SECTOR_SHIFT);
	}
	return bytes;
}

/* Did a volume's metadata device refuse the last write of its regions? */
static bool hm_primary_meta_failed(struct hm_primary *p)
{
	const struct hm_volume *v;
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		v = p->set.volume[i];
		if (v && v->meta && READ_ONCE(v->meta->failed))
			return true;
	}
	return false;
}

/* What the backup does with copies: see hm_backup_resync() */
static const char *hm_primary_resync(const struct hm_primary *p)
{
	if (!p->copying)
		return "none";
	return p->stream.staged ? "staged" : "direct";
}

/* unsynced 0 while nothing is to be copied; left_s: seconds, 0: not known */
static unsigned int hm_primary_copy_info(struct hm_primary *p, char *result,
					 unsigned int maxlen, unsigned int sz)
{
	u64 left = hm_primary_unsynced(p);
	s64 ms = ktime_ms_delta(ktime_get(), p->copy.began);
	u64 kib_s = 0;

	if (left && p->copying && ms > 0)
		kib_s = div64_u64((p->copy.done >> 10) * MSEC_PER_SEC, ms);
	DMEMIT(" dirty %llu unsynced %llu resync %s copied %llu copy %s rate_kib %llu left_s %llu",
	       hm_primary_dirty(p), left, hm_primary_resync(p),
	       p->counters.copied,
	       p->copy.paused ? "paused" : "running", kib_s,
	       kib_s ? div64_u64(left >> 10, kib_s) : 0);
	return sz;
}

static void hm_primary_info(struct hm_primary *p, char *result,
			    unsigned int maxlen)
{
	const struct hm_stream *s = &p->stream;
	const struct hm_store *st = &p->store;
	unsigned int sz = 0;

	spin_lock_irq(&p->set.lock);
	DMEMIT("link %s sync %s group %llu seq %llu sent %llu received %llu applied %llu durable %llu applied_group %llu durable_group %llu",
	       hm_link_name(p->link), hm_sync_name(p->sync),
	       s->grouping.number, s->last_seq, s->sent, s->acked.received,
	       s->acked.applied, s->acked.durable, p->applied_group,
	       p->durable_group);
	sz = hm_primary_copy_info(p, result, maxlen, sz);
	DMEMIT(" generation %016llx backlog %llu/%llu log %llu/%llu stored %llu lag_ms %llu completions %s local_errors %llu connects %llu disconnects %llu protocol_errors %llu resent %llu deferred %llu dirtied %llu unrecorded %llu metadata %s reason \"%s\"",
	       p->set.lineage.generation[0], p->used, p->limit,
	       (st->ring.head - st->ring.tail) * HM_META_BLOCK,
	       st->bdev ? st->ring.blocks * HM_META_BLOCK : 0,
	       p->counters.stored, hm_primary_lag(p),
	       s->alone || p->sync == HM_SYNC_BEHIND ? "alone" : "mirrored",
	       p->counters.local_errors,
	       p->counters.connects, p->counters.disconnects,
	       p->counters.protocol_errors, p->counters.resent,
	       p->counters.deferred, p->counters.dirtied,
	       p->counters.unrecorded,
	       hm_primary_meta_failed(p) ? "failed" : "ok", p->reason);
	spin_unlock_irq(&p->set.lock);
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
 * drop_volume NUMBER: a volume that is not loaded belongs to the set no more.
 * copy pause, copy continue: the copying of regions.
 * copy rate|floor KIB: its upper bound, KiB/s, 0 for none; and the one while the
 * application writes.
 */
static int hm_primary_copy_command(struct hm_primary *p, unsigned int argc,
				   char **argv)
{
	int err = 0;
	u32 kib;

	spin_lock_irq(&p->set.lock);
	if (argc == 2 && !strcasecmp(argv[1], "pause"))
		p->copy.paused = true;
	else if (argc == 2 && !strcasecmp(argv[1], "continue"))
		p->copy.paused = false;
	else if (argc == 3 && !strcasecmp(argv[1], "rate") &&
		 !kstrtou32(argv[2], 10, &kib))
		p->copy.rate_kib = kib;
	else if (argc == 3 && !strcasecmp(argv[1], "floor") &&
		 !kstrtou32(argv[2], 10, &kib) && kib)
		p->copy.floor_kib = kib;
	else
		err = -EINVAL;
	spin_unlock_irq(&p->set.lock);
	wake_up(&p->copy_wait);
	return err;
}

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
	if (argc == 2 && !strcasecmp(argv[0], "drop_volume"))
		return hm_primary_drop_volume(p, argv[1]);
	if (argc > 1 && !strcasecmp(argv[0], "copy") &&
	    !hm_primary_copy_command(p, argc, argv))
		return 0;
	DMERR("unknown message; a primary knows resume, release, copy pause, copy continue, copy rate KIB, copy floor KIB and drop_volume NUMBER");
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
	.end_io = hm_primary_end_io,
	.presuspend = hm_primary_presuspend,
	.presuspend_undo = hm_primary_presuspend_undo,
	.postsuspend = hm_primary_postsuspend,
	.preresume = hm_primary_preresume,
	.status = hm_primary_status,
	.message = hm_primary_message,
	.iterate_devices = hm_primary_iterate_devices,
	.io_hints = hm_primary_io_hints,
};
