/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_SET_H
#define HM_SET_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/socket.h>
#include <linux/workqueue.h>

#include "hm.h"
#include "core/codec.h"
#include "meta.h"

struct net;

/**
 * struct hm_volume - what the set knows of one target instance
 * @ti: the dm target
 * @dev: the data device
 * @meta_dev: the metadata device or NULL
 * @meta: what is remembered; from preresume on, a replaced instance has none
 * @set: the ordering domain it belongs to; a reference from ctr to dtr
 * @args: the table's arguments
 * @text: the optional arguments as given, for "dmsetup table"
 * @net: network namespace of the process that loaded the table; a reference
 * @info: number, size and blocks, as told to the peer
 * @flush: the backup's flush of this disk; one at a time
 * @active: resumed: the devices are ours; hm_volume_set_active() alone changes
 *	it
 *
 * Created in ctr, freed in dtr. In hm_set.volume[] from preresume until dtr, or
 * until a reloaded table's instance takes its place.
 */
struct hm_volume {
	struct dm_target *ti;
	struct dm_dev *dev;
	struct dm_dev *meta_dev;
	struct hm_meta *meta;
	struct hm_set *set;
	struct hm_args args;
	char *text;
	struct net *net;
	struct hm_volume_info info;
	struct bio flush;
	bool active;
};

/**
 * struct hm_set - an ordering domain, the part that both roles have
 * @node: in the list of all sets, under its mutex
 * @refs: one for each target instance
 * @role: which side
 * @key: what target instances find it by
 * @name: for log lines: the set's name or the device's
 * @net: network namespace of the sockets; a reference
 * @addr: the backup's address, or where to listen
 * @args: arguments that belong to the set rather than to a volume
 * @free: frees the whole object
 * @fill_super: what the role adds to a superblock
 * @lock: the role's spinlock; innermost, irq-safe
 * @meta_lock: one change of the superblocks, and of @lineage, at a time; inside
 *	@volumes_lock and hm_backup.session_lock
 * @lineage: what the data has been through; changed under @lock too
 * @forced: the operator accepts an inconsistent copy; under @meta_lock
 * @members: bit n: a volume n with metadata belongs to it, loaded or not;
 *	changed under @meta_lock and @lock
 * @volumes_lock: protects @volume, starting and stopping; outermost. @volume is
 *	changed under @meta_lock and @lock too
 * @volume: by number; a volume is here from preresume to dtr
 * @event_work: raises a dm event on each active volume
 *
 * Embedded in struct hm_primary or struct hm_backup. Freed with the last
 * target instance.
 */
struct hm_set {
	struct list_head node;
	refcount_t refs;
	enum hm_role role;
	char key[HM_SET_NAME_MAX + 16];
	char name[HM_SET_NAME_MAX];
	struct net *net;
	struct sockaddr_storage addr;
	struct hm_args args;
	void (*free)(struct hm_set *set);
	void (*fill_super)(struct hm_set *set, struct hm_super *super);
	spinlock_t lock;
	struct mutex meta_lock;
	struct hm_lineage lineage;
	bool forced;
	u16 members;
	struct mutex volumes_lock;
	struct hm_volume *volume[HM_MAX_VOLUMES];
	struct work_struct event_work;
};

#define HM_LOG(level, set, fmt, ...)					\
	printk_ratelimited(level "device-mapper: " DM_MSG_PREFIX ": %s %s: " fmt "\n", \
			   (set)->role == HM_PRIMARY ? "primary" : "backup", \
			   (set)->name, ##__VA_ARGS__)
#define hm_err(set, fmt, ...)	HM_LOG(KERN_ERR, set, fmt, ##__VA_ARGS__)
#define hm_warn(set, fmt, ...)	HM_LOG(KERN_WARNING, set, fmt, ##__VA_ARGS__)
#define hm_info(set, fmt, ...)	HM_LOG(KERN_INFO, set, fmt, ##__VA_ARGS__)

struct hm_volume *hm_volume_create(struct dm_target *ti, enum hm_role role,
				   unsigned int argc, char **argv);
void hm_volume_destroy(struct hm_volume *v);
void hm_volume_set_active(struct hm_volume *v, bool active);
void hm_volume_table(struct hm_volume *v, char *result, unsigned int maxlen);

struct hm_set *hm_set_find_or_create(struct hm_volume *v, enum hm_role role,
				     struct hm_set *(*create)(void));
void hm_set_put(struct hm_set *set);
const char *hm_set_conflict(struct hm_set *set, const struct hm_volume *v);
int hm_set_may_attach(struct hm_volume *v);
void hm_set_attach(struct hm_volume *v, struct hm_volume **replaced);
void hm_set_detach(struct hm_volume *v);
bool hm_set_complete(const struct hm_set *set);
int hm_set_add_member(struct hm_volume *v);
void hm_set_restore_members(struct hm_set *set, u16 members);
int hm_set_drop_member(struct hm_set *set, const char *number);
bool hm_set_any_active(const struct hm_set *set);
bool hm_set_all_active(const struct hm_set *set);
bool hm_set_same_devices(const struct hm_volume *v,
			 const struct hm_volume *old);
void hm_set_event(struct hm_set *set);
void hm_set_describe(struct hm_set *set, struct hm_hello *hello);

#endif
