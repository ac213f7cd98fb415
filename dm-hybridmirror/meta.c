// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata devices: opening, loading, writing. What the bytes mean is for
 * core/format.c to say. Nothing here is called from map().
 */
#include <linux/blkdev.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/vmalloc.h>

#include "set.h"

#define HM_META_WAY_OUT	" zero its first 8 KiB to begin anew with a full copy"

static int hm_meta_io(struct hm_meta *m, blk_opf_t opf, u32 block)
{
	struct bio_vec bvec;
	struct bio bio;
	int err;

	bio_init(&bio, m->bdev, &bvec, 1, opf | REQ_SYNC | REQ_META);
	bio.bi_iter.bi_sector = (sector_t)block *
				(HM_META_BLOCK >> SECTOR_SHIFT);
	__bio_add_page(&bio, virt_to_page(m->block), HM_META_BLOCK,
		       offset_in_page(m->block));
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/*
 * One copy after the other: a crash spoils one at most, and once both say the
 * same, damage to one of them does not bring back what was before.
 */
static int hm_meta_write_super(struct hm_meta *m, const struct hm_super *s)
{
	u32 copy;
	int err = 0;

	mutex_lock(&m->io_lock);
	memset(m->block, 0, HM_META_BLOCK);
	hm_encode_super(m->block, s);
	for (copy = 0; copy < HM_SUPER_COPIES && !err; copy++)
		err = hm_meta_io(m, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA,
				 copy);
	mutex_unlock(&m->io_lock);
	return err;
}

/* The size of a region, where nothing was formatted before. */
static u8 hm_meta_shift(const struct hm_volume *v)
{
	if (v->args.region_kib)
		return ilog2(v->args.region_kib) + 10 - SECTOR_SHIFT;
	return hm_regions_default_shift(v->info.sectors);
}

/* NULL, or why regions of this size, kept on this device, will not do. */
static const char *hm_meta_unfit(const struct hm_volume *v, u8 shift)
{
	if (hm_regions_count(v->info.sectors, shift) > HM_REGIONS_MAX)
		return "The regions are too small for a device of this size";
	if (v->meta_dev && bdev_nr_bytes(v->meta_dev->bdev) <
			   hm_format_bytes(v->info.sectors, shift))
		return "The metadata device is too small: take a larger one, or larger regions";
	return NULL;
}

/**
 * hm_meta_open() - open the metadata device of a volume
 * @v: the volume; its data device is open
 * @path: the device, as the table has it; NULL: none
 *
 * Return: NULL, or what is wrong, for ti->error.
 *
 * Context: may sleep; in the process that loads the table.
 */
const char *hm_meta_open(struct hm_volume *v, const char *path)
{
	struct dm_target *ti = v->ti;

	if (!path)
		return hm_meta_unfit(v, hm_meta_shift(v));
	if (dm_get_device(ti, path, dm_table_get_mode(ti->table),
			  &v->meta_dev)) {
		v->meta_dev = NULL;
		return "Cannot open the metadata device";
	}
	if (v->meta_dev->bdev == v->dev->bdev)
		return "The metadata device is the data device";
	if (bdev_logical_block_size(v->meta_dev->bdev) > HM_META_BLOCK)
		return "The metadata device has logical blocks of more than 4096 bytes";
	if (v->args.apply == HM_APPLY_BY_LOG &&
	    bdev_logical_block_size(v->meta_dev->bdev) > v->info.logical_block)
		return "The metadata device has larger blocks than the data device: apply group";
	if (v->args.apply == HM_APPLY_BY_LOG &&
	    !hm_ring_blocks_of(bdev_nr_bytes(v->meta_dev->bdev),
			       v->info.sectors, HM_REGION_SHIFT_MAX))
		return "The metadata device has no room for a log: take a larger one";
	/*
	 * What it holds may have larger regions than the table asks for, and
	 * those count: see hm_meta_load() for the rest.
	 */
	return hm_meta_unfit(v, HM_REGION_SHIFT_MAX);
}

static int hm_meta_complain(struct hm_volume *v, const char *what)
{
	hm_err(v->set, "volume %u, metadata device %s: %s", v->info.number,
	       v->meta_dev->name, what);
	return -EINVAL;
}

/* Does a superblock that is whole belong to this volume? */
static const char *hm_meta_stranger(const struct hm_volume *v,
				    const struct hm_super *s)
{
	if (s->volume != v->info.number || strcmp(s->set, v->args.set))
		return "it belongs to another volume or set: give its own, or" HM_META_WAY_OUT;
	if (s->sectors != v->info.sectors)
		return "it belongs to a volume of another size: give its own, or" HM_META_WAY_OUT;
	return NULL;
}

/* A take-over must not fail because of what the other side's table says. */
static void hm_meta_region_stays(const struct hm_volume *v)
{
	u8 shift = v->meta->super.region_shift;

	if (v->args.region_kib && shift != hm_meta_shift(v))
		hm_info(v->set, "volume %u: the size of a region stays %u KiB, as formatted",
			v->info.number, 1U << (shift + SECTOR_SHIFT - 10));
}

/* What cannot be read is not whole; nor is it zero, and passes for blank. */
static int hm_meta_read_copy(struct hm_volume *v, struct hm_meta *m, u32 copy)
{
	int err = hm_meta_io(m, REQ_OP_READ, copy);

	if (err) {
		hm_warn(v->set, "volume %u, metadata device %s: copy %u of the superblock cannot be read",
			v->info.number, v->meta_dev->name, copy);
		memset(m->block, 0xff, HM_META_BLOCK);
	}
	return err;
}

static int hm_meta_read_super(struct hm_volume *v, struct hm_meta *m)
{
	void *copy0 = kmalloc(HM_META_BLOCK, GFP_KERNEL);
	enum hm_format what;
	const char *stranger;
	int err, err1;

	if (!copy0)
		return -ENOMEM;
	err = hm_meta_read_copy(v, m, 0);
	memcpy(copy0, m->block, HM_META_BLOCK);
	err1 = hm_meta_read_copy(v, m, 1);
	what = hm_format_choose(copy0, m->block, &m->super);
	/* One copy is enough, if it is whole. */
	err = err ?: err1;
	if (err && what != HM_FORMAT_OK && what != HM_FORMAT_VERSION_NEW) {
		hm_meta_complain(v, "it cannot be read");
		goto out;
	}
	err = 0;
	if (what == HM_FORMAT_EMPTY) {
		memset(&m->super, 0, sizeof(m->super));
		goto out;
	}
	stranger = what == HM_FORMAT_OK ? hm_meta_stranger(v, &m->super) :
					  hm_format_text(what);
	if (stranger)
		err = hm_meta_complain(v, stranger);
out:
	kfree(copy0);
	return err;
}

static int hm_meta_read_bitmap(struct hm_volume *v, struct hm_meta *m)
{
	enum hm_format what;
	u32 i;
	int err;

	for (i = 0; i < m->super.bitmap_blocks; i++) {
		err = hm_meta_io(m, REQ_OP_READ, HM_BITMAP_START + i);
		if (err) {
			hm_meta_complain(v, "its bitmap cannot be read");
			return err;
		}
		what = hm_decode_bitmap(m->block, i, &m->regions);
		if (what != HM_FORMAT_OK)
			return hm_meta_complain(v, hm_format_text(what));
	}
	return 0;
}

/* What a superblock says that never changes. */
static int hm_meta_identify(struct hm_volume *v, struct hm_meta *m)
{
	struct hm_super *s = &m->super;
	const char *unfit = hm_meta_unfit(v, hm_meta_shift(v));

	if (unfit) {
		hm_err(v->set, "volume %u: %s", v->info.number, unfit);
		return -EINVAL;
	}
	generate_random_uuid(s->volume_uuid);
	generate_random_uuid(s->set_uuid);
	strscpy(s->set, v->args.set, sizeof(s->set));
	s->volume = v->info.number;
	s->sectors = v->info.sectors;
	s->region_shift = hm_meta_shift(v);
	s->bitmap_blocks = hm_format_bitmap_blocks(s->sectors, s->region_shift);
	return 0;
}

/* The log is performed, and the superblock says so before anything else happens. */
static int hm_meta_perform_log(struct hm_volume *v, struct hm_meta *m)
{
	int err = hm_log_replay(v, m, &m->super, ~0ULL);

	if (err)
		return err;
	m->super.sequence++;
	err = hm_meta_write_super(m, &m->super);
	if (err)
		hm_meta_complain(v, "it refused the superblock: mend it, and load the table again");
	return err;
}

static u64 hm_meta_log_room(struct hm_volume *v, const struct hm_meta *m)
{
	if (!v->meta_dev)
		return 0;
	return hm_ring_blocks_of(bdev_nr_bytes(v->meta_dev->bdev),
				 m->super.sectors, m->super.region_shift);
}

/* Unless it is told otherwise, a backup has a log where one is of use. */
static bool hm_meta_wants_log(const struct hm_volume *v)
{
	if (v->set->role != HM_BACKUP || v->args.apply == HM_APPLY_BY_GROUP ||
	    !v->meta_dev)
		return false;
	return v->args.apply == HM_APPLY_BY_LOG ||
	       bdev_logical_block_size(v->meta_dev->bdev) <=
	       v->info.logical_block;
}

/* What the table asks for; what is there already is left to the next session. */
static int hm_meta_size_log(struct hm_volume *v, struct hm_meta *m)
{
	u64 blocks = hm_meta_log_room(v, m);

	if (m->super.logged)
		return 0;
	if (v->args.apply == HM_APPLY_BY_LOG && !blocks)
		return hm_meta_complain(v, "it has no room for a log: take a larger one, or apply group");
	m->super.ring_blocks = hm_meta_wants_log(v) ?
				       min_t(u64, blocks, U32_MAX) : 0;
	return 0;
}

/* How large a log may be; what one holds is performed at once, in either role. */
static int hm_meta_prepare_log(struct hm_volume *v, struct hm_meta *m)
{
	if (m->super.logged && hm_meta_log_room(v, m) < m->super.ring_blocks)
		return hm_meta_complain(v, "it is smaller than it was, and part of its log is gone: give it its old size");
	if (m->super.logged)
		return hm_meta_perform_log(v, m);
	return hm_meta_size_log(v, m);
}

static int hm_meta_fill(struct hm_volume *v, struct hm_meta *m)
{
	int err = 0;

	if (m->bdev)
		err = hm_meta_read_super(v, m);
	if (!err && !m->super.sequence)
		err = hm_meta_identify(v, m);
	if (err)
		return err;
	m->memory = kvzalloc(hm_regions_bytes(m->super.sectors,
					      m->super.region_shift),
			     GFP_KERNEL);
	if (!m->memory)
		return -ENOMEM;
	hm_regions_init(&m->regions, m->super.sectors, m->super.region_shift,
			m->memory);
	if (m->super.sequence)
		err = hm_meta_read_bitmap(v, m);
	if (!err)
		err = hm_meta_prepare_log(v, m);
	return err;
}

/* The status of the set's other volumes looks at it. */
static void hm_meta_publish(struct hm_volume *v, struct hm_meta *m)
{
	spin_lock_irq(&v->set->lock);
	v->meta = m;
	spin_unlock_irq(&v->set->lock);
}

/**
 * hm_meta_load() - what the metadata device of a volume holds
 * @v: the volume; gets its hm_meta. hm_super.sequence is 0 there if nothing was
 *	remembered: the caller formats
 *
 * Return: 0 or a negative errno; then the log says why.
 *
 * Context: may sleep; under hm_set.volumes_lock.
 */
int hm_meta_load(struct hm_volume *v)
{
	struct hm_meta *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int err = -ENOMEM;

	if (!m)
		return err;
	m->set = v->set;
	m->bdev = v->meta_dev ? v->meta_dev->bdev : NULL;
	m->data = v->dev->bdev;
	mutex_init(&m->io_lock);
	bio_list_init(&m->waiting);
	INIT_WORK(&m->work, hm_regions_work);
	m->block = (void *)__get_free_page(GFP_KERNEL);
	if (m->block)
		err = hm_meta_fill(v, m);
	if (err) {
		hm_meta_free(m);
		return err;
	}
	hm_meta_publish(v, m);
	hm_meta_region_stays(v);
	return 0;
}

/**
 * hm_meta_take_over() - a new table has the same devices as the old one
 * @v: its volume
 * @old: the old one's, suspended; has no hm_meta afterwards
 *
 * Return: 0, or -EINVAL if there is no room for the log that the new table asks
 * for: nothing was taken over then.
 *
 * Context: may sleep; under hm_set.volumes_lock.
 */
int hm_meta_take_over(struct hm_volume *v, struct hm_volume *old)
{
	struct hm_meta *m = old->meta;
	int err = hm_meta_size_log(v, m);

	if (err)
		return err;
	flush_work(&m->work);
	m->bdev = v->meta_dev ? v->meta_dev->bdev : NULL;
	m->data = v->dev->bdev;
	old->meta = NULL;
	hm_meta_publish(v, m);
	hm_meta_region_stays(v);
	return 0;
}

/**
 * hm_meta_free() - free what is remembered
 * @m: no write waits in it; may be NULL
 *
 * Context: may sleep.
 */
void hm_meta_free(struct hm_meta *m)
{
	if (!m)
		return;
	cancel_work_sync(&m->work);
	kvfree(m->memory);
	free_page((unsigned long)m->block);
	kfree(m);
}

/**
 * hm_meta_drop() - forget what was loaded for a volume that cannot start
 * @v: the volume; may have no hm_meta
 *
 * Context: may sleep; under hm_set.meta_lock.
 */
void hm_meta_drop(struct hm_volume *v)
{
	struct hm_meta *m = v->meta;

	hm_meta_publish(v, NULL);
	hm_meta_free(m);
}

static int hm_meta_write_block(struct hm_meta *m, u32 block)
{
	int err = m->bdev ? hm_meta_io(m, REQ_OP_WRITE | REQ_FUA,
				       HM_BITMAP_START + block) : 0;

	spin_lock_irq(&m->set->lock);
	hm_regions_write_ends(&m->regions, block, !err);
	m->writes++;
	spin_unlock_irq(&m->set->lock);
	return err;
}

/**
 * hm_meta_write_regions() - bring the bitmap up to date, durably
 * @m: the volume's memory
 *
 * Return: 0; or a negative errno, and the regions that were wanted are still
 * not dirty.
 *
 * Context: may sleep; no spinlock held.
 */
int hm_meta_write_regions(struct hm_meta *m)
{
	int err = 0;
	bool more;
	u32 block;

	mutex_lock(&m->io_lock);
	do {
		spin_lock_irq(&m->set->lock);
		more = hm_regions_next_changed(&m->regions, &block);
		if (more) {
			hm_regions_write_begins(&m->regions, block);
			if (m->bdev)
				hm_encode_bitmap(m->block, block, &m->regions);
		}
		spin_unlock_irq(&m->set->lock);
		if (more)
			err = hm_meta_write_block(m, block);
	} while (more && !err);
	if (err && !m->failed)
		hm_err(m->set, "volume %u: the metadata device refused a write; writes to regions that are not dirty yet fail: mend it, or load a table with another one",
		       m->super.volume);
	if (!err && m->failed)
		hm_info(m->set, "volume %u: the metadata device takes writes again",
			m->super.volume);
	WRITE_ONCE(m->failed, err);
	mutex_unlock(&m->io_lock);
	return err;
}

/**
 * hm_volume_write_super() - make what the set is durable, on one volume
 * @v: the volume; has a metadata device
 * @lineage: the set's lineage
 *
 * Return: 0 or a negative errno; then the log says why.
 *
 * Context: may sleep; under hm_set.meta_lock, no spinlock held.
 */
int hm_volume_write_super(struct hm_volume *v, const struct hm_lineage *lineage)
{
	struct hm_meta *m = v->meta;
	struct hm_super s = m->super;
	int err;

	s.sequence++;
	s.lineage = *lineage;
	s.members = v->set->members;
	v->set->fill_super(v->set, &s);
	err = hm_meta_write_super(m, &s);
	/* What failed may have reached the disk all the same. */
	m->super.sequence = s.sequence;
	if (err)
		hm_meta_complain(v, "it refused the superblock: mend it, or load a table with another one");
	else
		m->super = s;
	return err;
}

/**
 * hm_set_write_supers() - make what the set is durable, on all its volumes
 * @set: the set
 * @lineage: its lineage from now on, if this succeeds
 *
 * A crash on the way leaves some volumes one step behind: see
 * hm_lineage_join().
 *
 * Return: 0 or a negative errno; then the log says why.
 *
 * Context: may sleep; under @set->meta_lock, no spinlock held.
 */
int hm_set_write_supers(struct hm_set *set, const struct hm_lineage *lineage)
{
	struct hm_volume *v;
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&set->meta_lock);
	for (i = 0; i < HM_MAX_VOLUMES && !err; i++) {
		v = set->volume[i];
		/* A suspended volume's devices may be somebody else's by now. */
		if (v && v->active && v->meta && v->meta->bdev)
			err = hm_volume_write_super(v, lineage);
	}
	if (err)
		return err;
	spin_lock_irq(&set->lock);
	set->lineage = *lineage;
	spin_unlock_irq(&set->lock);
	return 0;
}
