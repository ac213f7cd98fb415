/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_META_H
#define HM_META_H

#include <linux/bio.h>
#include <linux/workqueue.h>

#include "core/format.h"
#include "core/ring.h"

struct hm_set;
struct hm_volume;

/**
 * struct hm_meta - what a volume remembers: regions, and where they are kept
 * @set: whose volume it is; its lock protects @regions, @waiting
 * @bdev: the metadata device; NULL: none, nothing survives a restart. Valid
 *	while the volume that has this is a member of its set
 * @data: the volume's data device
 * @super: as last read or written; under hm_set.meta_lock
 * @regions: which regions may differ from the backup's
 * @memory: the arrays of @regions
 * @block: for I/O of the bitmap; under @io_lock
 * @io_lock: one writer of the bitmap at a time; inside hm_set.meta_lock,
 *	outside of the set's lock
 * @waiting: writes whose regions are not dirty yet
 * @work: makes them dirty and lets the writes go on
 * @clean: @work is to clean regions, too; under the set's lock
 * @stay_dirty: the local disk refused an update that the backup may have: no
 *	region is cleaned any more, so that the next start copies what the local
 *	disk has. They are not unsynced: that would have the backup wait, in vain
 *	perhaps, for a disk that it can do without. Under the set's lock
 * @failed: the last write of the bitmap failed; written under @io_lock
 * @writes: blocks of the bitmap that were written, since it was loaded
 * @waited: writes that had to wait for one
 *
 * Belongs to a volume; handed on to the instance that replaces it when a table
 * is loaded again. Freed with the last one.
 */
struct hm_meta {
	struct hm_set *set;
	struct block_device *bdev;
	struct block_device *data;
	struct hm_super super;
	struct hm_regions regions;
	void *memory;
	void *block;
	struct mutex io_lock;
	struct bio_list waiting;
	struct work_struct work;
	bool clean;
	bool stay_dirty;
	bool failed;
	u64 writes;
	u64 waited;
};

const char *hm_meta_open(struct hm_volume *v, const char *path);
int hm_meta_load(struct hm_volume *v);
int hm_log_replay(struct hm_volume *v, const struct hm_meta *m,
		  struct hm_super *super, u64 until);
int hm_meta_take_over(struct hm_volume *v, struct hm_volume *old);
void hm_meta_free(struct hm_meta *m);
void hm_meta_drop(struct hm_volume *v);
void hm_regions_work(struct work_struct *work);
int hm_meta_write_regions(struct hm_meta *m);
int hm_volume_write_super(struct hm_volume *v,
			  const struct hm_lineage *lineage);
int hm_set_write_supers(struct hm_set *set, const struct hm_lineage *lineage);

#endif
