// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets and volumes: finding, attaching, describing; the same for both roles.
 *
 * A table reload builds the new instance beside the old one; both hold the set,
 * so the stream, the backlog and what the backup holds survive it.
 */
#include <linux/blkdev.h>
#include <linux/nsproxy.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "set.h"
#include "sock.h"

static LIST_HEAD(hm_sets);
/* Protects hm_sets and the life of its members; inside no other lock of ours. */
static DEFINE_MUTEX(hm_sets_lock);

static char *hm_join(unsigned int argc, char **argv)
{
	size_t bytes = 1;
	unsigned int i;
	char *text;

	for (i = 0; i < argc; i++)
		bytes += strlen(argv[i]) + 1;
	text = kzalloc(bytes, GFP_KERNEL);
	if (!text)
		return NULL;
	for (i = 0; i < argc; i++) {
		strlcat(text, " ", bytes);
		strlcat(text, argv[i], bytes);
	}
	return text;
}

/* The strings of hm_args point into argv, which ends with ctr. */
static bool hm_volume_keep_text(struct hm_volume *v, unsigned int argc,
				char **argv)
{
	v->args.meta = NULL;
	v->args.data = NULL;
	v->args.addr = kstrdup(argv[2], GFP_KERNEL);
	v->text = hm_join(argc - 4, argv + 4);
	return v->args.addr && v->text;
}

static const char *hm_volume_open(struct hm_volume *v, const char *path)
{
	struct dm_target *ti = v->ti;
	struct block_device *bdev;

	if (dm_get_device(ti, path, dm_table_get_mode(ti->table), &v->dev)) {
		v->dev = NULL;
		return "Cannot open the data device";
	}
	bdev = v->dev->bdev;
	if (bdev_nr_sectors(bdev) < ti->len)
		return "The data device is smaller than the table says";
	v->info.number = v->args.volume;
	v->info.sectors = ti->len;
	v->info.logical_block = bdev_logical_block_size(bdev);
	v->info.physical_block = bdev_physical_block_size(bdev);
	v->info.flags = bdev_write_cache(bdev) ? HM_VOLUME_VOLATILE_CACHE : 0;
	if (v->info.sectors % (v->info.logical_block >> SECTOR_SHIFT))
		return "The size is not a multiple of the logical block";
	return NULL;
}

/**
 * hm_volume_create() - the common part of both constructors
 * @ti: the dm target; ti->error is set on failure
 * @role: which side
 * @argc: words of the table line after the target's name
 * @argv: the words
 *
 * Return: the volume, without a set, or an error pointer.
 *
 * Context: may sleep; in the process that loads the table.
 */
struct hm_volume *hm_volume_create(struct dm_target *ti, enum hm_role role,
				   unsigned int argc, char **argv)
{
	struct sockaddr_storage addr;
	struct hm_volume *v;
	const char *error;
	const char *meta;

	v = kzalloc(sizeof(*v), GFP_KERNEL);
	if (!v) {
		ti->error = "Out of memory";
		return ERR_PTR(-ENOMEM);
	}
	v->ti = ti;
	v->net = get_net(current->nsproxy->net_ns);
	error = hm_args_parse(&v->args, role, argc, argv);
	meta = v->args.meta;
	if (!error && hm_sock_parse(v->net, v->args.addr, v->args.port, &addr)) {
		v->args.addr = NULL;
		error = "Invalid address: an IPv4 or IPv6 literal is wanted";
	}
	if (error)
		v->args.addr = NULL;
	if (!error && !hm_volume_keep_text(v, argc, argv))
		error = "Out of memory";
	if (!error)
		error = hm_volume_open(v, argv[0]);
	if (!error)
		error = hm_meta_open(v, meta);
	if (error) {
		ti->error = (char *)error;
		hm_volume_destroy(v);
		return ERR_PTR(-EINVAL);
	}
	return v;
}

/**
 * hm_volume_destroy() - the common part of both destructors
 * @v: the volume; its set, if any, is put
 *
 * Context: may sleep.
 */
void hm_volume_destroy(struct hm_volume *v)
{
	/* Its work looks at the set. */
	hm_meta_free(v->meta);
	if (v->set)
		hm_set_put(v->set);
	if (v->meta_dev)
		dm_put_device(v->ti, v->meta_dev);
	if (v->dev)
		dm_put_device(v->ti, v->dev);
	put_net(v->net);
	kfree(v->args.addr);
	kfree(v->text);
	kfree(v);
}

/**
 * hm_volume_set_active() - its devices are ours, or no longer
 * @v: the volume
 * @active: which
 *
 * Once it returns nobody who looks under one of the set's locks goes by the old
 * value.
 *
 * Context: may sleep; under hm_set.volumes_lock.
 */
void hm_volume_set_active(struct hm_volume *v, bool active)
{
	mutex_lock(&v->set->meta_lock);
	spin_lock_irq(&v->set->lock);
	v->active = active;
	spin_unlock_irq(&v->set->lock);
	mutex_unlock(&v->set->meta_lock);
}

/**
 * hm_volume_table() - print back what was given
 * @v: the volume
 * @result: where to
 * @maxlen: its size, bytes
 *
 * Context: any.
 */
void hm_volume_table(struct hm_volume *v, char *result, unsigned int maxlen)
{
	unsigned int sz = 0;

	DMEMIT("%s %s %s %u%s", v->dev->name,
	       v->meta_dev ? v->meta_dev->name : "-", v->args.addr,
	       v->args.port, v->text);
}

/*
 * A named set is found by its name, else the mapped device is its own set, so
 * that a reloaded table finds what the old one had.
 */
static void hm_set_key(struct hm_volume *v, char *key, size_t bytes)
{
	if (v->args.set[0])
		snprintf(key, bytes, "set:%s", v->args.set);
	else
		snprintf(key, bytes, "dev:%s",
			 dm_device_name(dm_table_get_md(v->ti->table)));
}

static void hm_set_event_work(struct work_struct *work)
{
	struct hm_set *set = container_of(work, struct hm_set, event_work);
	unsigned int i;

	mutex_lock(&set->volumes_lock);
	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (set->volume[i])
			dm_table_event(set->volume[i]->ti->table);
	}
	mutex_unlock(&set->volumes_lock);
}

static void hm_set_setup(struct hm_set *set, struct hm_volume *v,
			 enum hm_role role, const char *key)
{
	refcount_set(&set->refs, 1);
	mutex_init(&set->volumes_lock);
	mutex_init(&set->meta_lock);
	INIT_WORK(&set->event_work, hm_set_event_work);
	set->role = role;
	strscpy(set->key, key, sizeof(set->key));
	strscpy(set->name, strchr(key, ':') + 1, sizeof(set->name));
	set->net = get_net(v->net);
	list_add(&set->node, &hm_sets);
}

/**
 * hm_set_find_or_create() - the set that a volume belongs to
 * @v: the volume
 * @role: which side
 * @create: allocates the role's object
 *
 * Return: the set with a reference, or NULL if there is no memory.
 *
 * Context: may sleep.
 */
struct hm_set *hm_set_find_or_create(struct hm_volume *v, enum hm_role role,
				     struct hm_set *(*create)(void))
{
	char key[HM_SET_NAME_MAX + 16];
	struct hm_set *set;

	hm_set_key(v, key, sizeof(key));
	mutex_lock(&hm_sets_lock);
	list_for_each_entry(set, &hm_sets, node) {
		if (set->role == role && net_eq(set->net, v->net) &&
		    !strcmp(set->key, key)) {
			refcount_inc(&set->refs);
			goto out;
		}
	}
	set = create();
	if (set)
		hm_set_setup(set, v, role, key);
out:
	mutex_unlock(&hm_sets_lock);
	return set;
}

/**
 * hm_set_put() - give up a reference
 * @set: the set; freed with the last reference
 *
 * Context: may sleep.
 */
void hm_set_put(struct hm_set *set)
{
	struct net *net;

	if (!refcount_dec_and_mutex_lock(&set->refs, &hm_sets_lock))
		return;
	list_del(&set->node);
	mutex_unlock(&hm_sets_lock);
	cancel_work_sync(&set->event_work);
	net = set->net;
	set->free(set);
	put_net(net);
}

static bool hm_same_config(const struct hm_args *a, const struct hm_args *b)
{
	return a->ordering == b->ordering && a->backlog_mib == b->backlog_mib &&
	       a->full_behind == b->full_behind &&
	       a->disconnect_stall == b->disconnect_stall &&
	       a->defer_us == b->defer_us && a->port == b->port;
}

static bool hm_same_md(const struct hm_volume *a, const struct hm_volume *b)
{
	return dm_table_get_md(a->ti->table) == dm_table_get_md(b->ti->table);
}

/**
 * hm_set_conflict() - may this volume join the set?
 * @set: the set
 * @v: the volume
 *
 * Return: NULL, or why not, in words for ti->error.
 *
 * Context: may sleep; under @set->volumes_lock.
 */
const char *hm_set_conflict(struct hm_set *set, const struct hm_volume *v)
{
	const struct hm_volume *other = set->volume[v->args.volume];
	struct sockaddr_storage addr;
	unsigned int i;

	if (other && !hm_same_md(other, v))
		return "Another device of this set has the same volume number";
	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		other = set->volume[i];
		if (!other || i == v->args.volume || !other->active)
			continue;
		if (!other->meta_dev != !v->meta_dev)
			return "Either all volumes of a set have a metadata device, or none";
		if (!hm_same_config(&set->args, &v->args))
			return "Only ack and volume may differ between the volumes of a set";
		if (hm_sock_parse(v->net, v->args.addr, v->args.port, &addr) ||
		    memcmp(&addr, &set->addr, sizeof(addr)))
			return "The address must be the same for all volumes of a set";
	}
	return NULL;
}

/**
 * hm_set_may_attach() - preresume: may the volume take its place in the set?
 * @v: the volume
 *
 * Return: 0 or -EBUSY; then the log says why.
 *
 * Context: may sleep; under hm_set.volumes_lock.
 */
int hm_set_may_attach(struct hm_volume *v)
{
	const char *error = hm_set_conflict(v->set, v);

	if (!error)
		return 0;
	hm_err(v->set, "volume %u: %s", v->args.volume, error);
	return -EBUSY;
}

/**
 * hm_set_attach() - preresume: the volume takes its place in the set
 * @v: the volume; hm_set_may_attach() has said yes
 * @replaced: the instance of the old table whose place it took, or NULL
 *
 * The first active volume's table is the set's configuration.
 *
 * Context: may sleep; under hm_set.volumes_lock and meta_lock.
 */
void hm_set_attach(struct hm_volume *v, struct hm_volume **replaced)
{
	struct hm_set *set = v->set;

	*replaced = set->volume[v->args.volume];
	if (*replaced == v)
		*replaced = NULL;
	if (!hm_set_any_active(set)) {
		set->args = v->args;
		set->args.addr = NULL;
		hm_sock_parse(v->net, v->args.addr, v->args.port, &set->addr);
	}
	spin_lock_irq(&set->lock);
	set->volume[v->args.volume] = v;
	spin_unlock_irq(&set->lock);
}

/**
 * hm_set_detach() - dtr: the volume leaves the set
 * @v: the volume; not active
 *
 * Context: may sleep; under hm_set.volumes_lock.
 */
void hm_set_detach(struct hm_volume *v)
{
	mutex_lock(&v->set->meta_lock);
	/* The status of the set's other volumes looks at it. */
	spin_lock_irq(&v->set->lock);
	if (v->set->volume[v->args.volume] == v)
		v->set->volume[v->args.volume] = NULL;
	spin_unlock_irq(&v->set->lock);
	mutex_unlock(&v->set->meta_lock);
}

/**
 * hm_set_complete() - is every volume that belongs to the set here?
 * @set: the set
 *
 * Some of its volumes alone must not pair: what the others hold would then be of
 * another moment.
 *
 * Context: under @set->volumes_lock or @set->lock.
 */
bool hm_set_complete(const struct hm_set *set)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if ((set->members & BIT(i)) && !set->volume[i])
			return false;
	}
	return true;
}

/* Does one of the two know nothing of the other, and is not new either? */
static bool hm_set_strangers(const struct hm_volume *v,
			     const struct hm_volume *other)
{
	const struct hm_super *a = &v->meta->super, *b;

	if (!other || other == v || !other->meta || !other->meta->bdev)
		return false;
	b = &other->meta->super;
	return a->sequence && b->sequence && !hm_lineage_fresh(&a->lineage) &&
	       !hm_lineage_fresh(&b->lineage) &&
	       (!(a->members & BIT(b->volume)) ||
		!(b->members & BIT(a->volume)));
}

/**
 * hm_set_add_member() - a volume's metadata is loaded: it belongs to the set
 * @v: the volume; hm_set_restore_members() undoes this
 *
 * Return: 0, or -EINVAL if it does not; then the log says why.
 *
 * Context: process; under hm_set.volumes_lock and meta_lock.
 */
int hm_set_add_member(struct hm_volume *v)
{
	struct hm_set *set = v->set;
	unsigned int i;

	if (!v->meta->bdev)
		return 0;
	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (hm_set_strangers(v, set->volume[i])) {
			hm_err(set, "volume %u was dropped from the set, or never belonged to it: to begin anew with a full copy, zero the metadata of all its volumes",
			       v->info.number);
			return -EINVAL;
		}
	}
	hm_set_restore_members(set, set->members | v->meta->super.members |
					    BIT(v->info.number));
	return 0;
}

/**
 * hm_set_restore_members() - which volumes belong to the set
 * @set: the set
 * @members: bit n: volume n does
 *
 * Context: process; under @set->meta_lock.
 */
void hm_set_restore_members(struct hm_set *set, u16 members)
{
	spin_lock_irq(&set->lock);
	set->members = members;
	spin_unlock_irq(&set->lock);
}

/**
 * hm_set_drop_member() - the message "drop_volume": one belongs no more
 * @set: the set
 * @number: its number, as words
 *
 * Return: 0, -EINVAL if it does not belong to the set, -EBUSY if it is loaded,
 * or what its metadata devices say.
 *
 * Context: may sleep; under @set->volumes_lock.
 */
int hm_set_drop_member(struct hm_set *set, const char *number)
{
	u16 members = set->members;
	u16 n;
	int err;

	if (kstrtou16(number, 10, &n) || n >= HM_MAX_VOLUMES ||
	    !(members & BIT(n))) {
		hm_err(set, "volume %s does not belong to the set", number);
		return -EINVAL;
	}
	if (set->volume[n]) {
		hm_err(set, "volume %u is loaded: remove its device first", n);
		return -EBUSY;
	}
	mutex_lock(&set->meta_lock);
	hm_set_restore_members(set, members & ~BIT(n));
	err = hm_set_write_supers(set, &set->lineage);
	if (err)
		hm_set_restore_members(set, members);
	mutex_unlock(&set->meta_lock);
	return err;
}

/**
 * hm_set_any_active() - is a volume of the set resumed?
 * @set: the set
 *
 * Context: under @set->volumes_lock.
 */
bool hm_set_any_active(const struct hm_set *set)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (set->volume[i] && set->volume[i]->active)
			return true;
	}
	return false;
}

/**
 * hm_set_all_active() - are all volumes of the set resumed?
 * @set: the set
 *
 * Context: under @set->volumes_lock, @set->meta_lock or @set->lock.
 */
bool hm_set_all_active(const struct hm_set *set)
{
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (set->volume[i] && !set->volume[i]->active)
			return false;
	}
	return hm_set_any_active(set);
}

/**
 * hm_set_event() - tell "dmsetup wait" that the state has changed
 * @set: the set
 *
 * Context: any; the event is raised soon after.
 */
void hm_set_event(struct hm_set *set)
{
	queue_work(hm_misc_wq, &set->event_work);
}

/**
 * hm_set_same_devices() - does a new instance stand for the same volume?
 * @v: the new table's instance
 * @old: the old one's, or NULL
 *
 * Return: true if what @old remembers holds for @v.
 *
 * Context: under hm_set.volumes_lock.
 */
bool hm_set_same_devices(const struct hm_volume *v, const struct hm_volume *old)
{
	struct block_device *meta = v->meta_dev ? v->meta_dev->bdev : NULL;

	return old && old->meta && old->dev->bdev == v->dev->bdev &&
	       old->meta->bdev == meta && old->info.sectors == v->info.sectors;
}

/**
 * hm_set_describe() - what a hello says of the set
 * @set: the set
 * @hello: version, set name and volumes are filled in, the rest is zero
 *
 * Context: may sleep; under @set->volumes_lock.
 */
void hm_set_describe(struct hm_set *set, struct hm_hello *hello)
{
	unsigned int i;

	memset(hello, 0, sizeof(*hello));
	hello->version = HM_PROTOCOL_VERSION;
	hello->oldest = HM_PROTOCOL_OLDEST;
	strscpy(hello->set, set->args.set, sizeof(hello->set));
	hello->lineage = set->lineage;
	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		if (set->volume[i])
			hello->volume[hello->volumes++] = set->volume[i]->info;
	}
}
