/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_PRIMARY_H
#define HM_PRIMARY_H

#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "append.h"
#include "core/handshake.h"
#include "core/stream.h"
#include "payload.h"
#include "set.h"

struct task_struct;
struct socket;

/**
 * struct hm_write - one update on the primary, or the copy of a range
 * @u: the update as core/ sees it
 * @set: the primary
 * @app: the application's bio, until it is delivered; NULL: a copy
 * @bio: the write to the local disk
 * @status: how that ended
 * @refs: one each for the local disk, the application and the backlog, a copy
 *	only for the backlog; the last one frees it
 * @cost: bytes of memory that it counts for
 * @cycle: the cycle of cleaning that it was issued in: see hm_primary.local
 * @issued: when it was tagged, for the lag
 * @payload_crc: of @payload
 * @payload: the one copy of the data; with HM_P_STORED it is in the log
 * @stored_at: where in the log, sector of the metadata device
 * @header: as sent; written by the sender
 * @defer: in hm_primary.deferring
 * @defer_until: when its completion may go on
 * @zero_work: zeroing by hand, where the disk cannot
 */
struct hm_write {
	struct hm_update u;
	struct hm_primary *set;
	struct bio *app;
	struct bio bio;
	blk_status_t status;
	atomic_t refs;
	unsigned int cost;
	u8 cycle;
	ktime_t issued;
	u32 payload_crc;
	struct hm_payload payload;
	sector_t stored_at;
	struct hm_wire_record header;
	struct list_head defer;
	ktime_t defer_until;
	struct work_struct zero_work;
};

/**
 * struct hm_primary_counters - since the set was created; never reset
 * @local_errors: writes that the local disk refused
 * @connects: sessions that began
 * @disconnects: sessions that ended
 * @protocol_errors: sessions ended because of what the peer sent
 * @resent: updates sent again after a disconnect
 * @deferred: writes that waited for room or memory
 * @unrecorded: writes that the stream does not hold, being behind
 * @copied: bytes of regions that were copied
 * @stored: updates whose payload went to the log
 * @dirtied: writes that waited for metadata
 */
struct hm_primary_counters {
	u64 local_errors;
	u64 connects;
	u64 disconnects;
	u64 protocol_errors;
	u64 resent;
	u64 deferred;
	u64 unrecorded;
	u64 copied;
	u64 stored;
	u64 dirtied;
};

/**
 * struct hm_copy - the copying of regions
 * @active: a range is being read from the local disk: updates of it wait
 * @range: that range: volume, sector and sectors
 * @paused: by message
 * @rate_kib: upper bound, KiB/s; 0: none
 * @floor_kib: bound while the application writes, KiB/s
 * @backlog: bytes of the backlog that are copies
 * @done: bytes copied since the copying began
 * @total: bytes that were to be copied then
 * @began: when
 * @busy: jiffies of the application's last update
 *
 * Under the set's lock; the copier reads the rates and @busy without it.
 */
struct hm_copy {
	bool active;
	struct hm_update range;
	bool paused;
	u32 rate_kib;
	u32 floor_kib;
	u64 backlog;
	u64 done;
	u64 total;
	ktime_t began;
	unsigned long busy;
};

/* One send call takes no more: see primary-tx.c. */
#define HM_SEND_BYTES		(256 << 10)
#define HM_SEND_UPDATES		64

/* What it may have to read back: each payload begins a page. */
#define HM_FETCH_PAGES		(HM_SEND_UPDATES + \
				 ((HM_SEND_BYTES + HM_MAX_PAYLOAD) >> PAGE_SHIFT))
#define HM_FETCH_BYTES		((u64)HM_FETCH_PAGES << PAGE_SHIFT)

/**
 * struct hm_store - payloads of the backlog that lie in a log, not in memory
 * @bdev: the metadata device with the log, or NULL: none
 * @volume: number of the volume that it belongs to
 * @ring: its space
 * @life: number that its batches bear
 * @paused: the volume is suspended
 * @changing: which log there is, is being looked at: paused for a moment
 * @failed: the device refused an append
 * @full: there is no room in the ring
 * @stuck: it made no room for too long; until it does
 * @running: an append is under way
 * @wanted: an update waits for memory
 * @since: jiffies: when that began, or the log has last answered
 * @held: updates whose payload it holds
 * @lost: what it holds cannot be sent; the sender sets it, the connection's
 *	thread looks when the sender has ended
 * @append: the batch that is being appended
 * @update: its updates; we hold a reference to each
 * @work: begins an append
 * @page: memory for what is read back, HM_FETCH_PAGES; the sender's
 * @reads: bios for that
 *
 * @bdev, @volume and @ring.blocks change only while the link is stopped and
 * nothing is appended. Otherwise under the set's lock.
 */
struct hm_store {
	struct block_device *bdev;
	u16 volume;
	struct hm_ring ring;
	u64 life;
	bool paused;
	bool changing;
	bool failed;
	bool full;
	bool stuck;
	bool running;
	bool wanted;
	unsigned long since;
	unsigned int held;
	bool lost;
	struct hm_append append;
	struct hm_write *update[HM_BATCH_RECORDS];
	struct work_struct work;
	struct bio_vec *page;
	struct bio_set reads;
};

/**
 * struct hm_primary - an ordering domain on its primary
 * @set: the part that both roles have
 * @pool: memory for updates
 *
 * Under hm_set.lock, in one hold of which seq, group and place in the backlog
 * are taken:
 *
 * @stream: tags, backlog, acknowledgments
 * @link: state of the connection; hm_primary_set_link() alone changes it
 * @sync: what the copy is worth; hm_primary_set_sync() alone changes it
 * @reason: why @sync or @link is not well, in words
 * @used: bytes of memory that the updates of @stream count for
 * @live: updates that exist
 * @limit: upper bound of @used; what @store reads back comes on top
 * @unblocked: updates to issue locally, no longer blocked by an overlap
 * @deferred: bios that wait for room, memory or the peer
 * @waiting: the worker has not emptied @deferred
 * @suspending: volumes between presuspend and postsuspend
 * @deferring: updates whose completion is held for defer_us
 * @catch_seq: what had been recorded when completions were last made not to wait
 *	for the backup, or it came back
 * @stall_over: the application has waited long enough for the peer
 * @progress: jiffies: when the backup last advanced, or nobody waited for it
 * @behind_since: when the set fell behind
 * @behind_jiffies: likewise
 * @sent_high: highest seq ever sent, to count what is sent again
 * @applied_group: as the backup says
 * @durable_group: likewise
 * @retry: the next handshake asks the backup to try again
 * @origin: the generation that the data was in when the stream began, if what
 *	completes alone does not belong to it; else 0
 * @adopted: a backup has followed the stream
 * @refusal: the last one, said once in the log
 * @apart: what completes alone belongs to a generation that no backup has been
 *	told to adopt; else one is begun first
 * @unrecorded: writes in flight that the stream does not hold
 * @preparing: a copy is about to begin: wait for room
 * @copying: the backup was told that copies follow, and not yet to adopt
 * @adopt: the backup is to adopt our generation
 * @adopt_sent: it was told to, in this session
 * @hello_generation: what the backup was told in this session; only the
 *	connection's thread changes it
 * @adopt_after: once it has everything up to this sequence number
 * @settling: the connection was ended to shake hands anew, and will be back
 * @copy: the copying of regions
 * @store: what of the backlog is not in memory
 * @tx_open: whoever issues an update may send it, see hm_tx_direct()
 * @tx_busy: somebody sends: what is sent next, and @tx_rest, are its alone
 * @tx_rest: an update of which the socket has taken only a part: the sender goes
 *	on with it, and holds @tx_busy; or NULL
 * @tx_part: bytes of that part
 * @cleaning: a cycle of cleaning regions is under way
 * @clean_after: what had to be durable for it to end: sequence number
 * @clean_since: jiffies when it began
 * @cycle: 0 and 1 by turns, with each cycle
 * @local: by cycle: updates that the local disk has not answered
 *
 * Others:
 *
 * @stream_id: names the stream
 * @hello: what we say of ourselves; changed only while the link is stopped
 * @session: number of this connection
 * @peer_block: by volume: the backup's logical block, bytes; 0: not known
 * @counters: see there
 * @unblocked_work: issues @unblocked
 * @deferred_work: tries @deferred again
 * @defer_timer: ends the holding of @deferring
 * @tick_work: ends waits that last too long, while @conn lives
 * @distrust: by volume, a bit: a start of it failed, so that what was known of
 *	its regions is lost; under hm_set.volumes_lock
 * @conn: thread that connects and receives; created and stopped under
 *	hm_set.volumes_lock
 * @conn_wait: wakes @conn from waiting to try again
 * @kick: @conn should try at once
 * @conn_lock: protects @sock and @stopping; inside volumes_lock
 * @sock: the connection, or NULL
 * @stopping: no new connection
 * @tx_wait: wakes the sender
 * @ping: the sender should send a sign of life; no lock
 * @tx_failed: the sender could not send
 * @drain_wait: wakes whoever waits for the backup to have received all
 * @copy_wait: wakes the copier
 */
struct hm_primary {
	struct hm_set set;
	struct hm_pool pool;

	struct hm_stream stream;
	enum hm_link link;
	enum hm_sync sync;
	const char *reason;
	u64 used;
	u64 limit;
	unsigned int live;
	struct list_head unblocked;
	struct bio_list deferred;
	bool waiting;
	unsigned int suspending;
	struct list_head deferring;
	u64 catch_seq;
	bool stall_over;
	unsigned long progress;
	ktime_t behind_since;
	unsigned long behind_jiffies;
	u64 sent_high;
	u64 applied_group;
	u64 durable_group;
	bool retry;
	u64 origin;
	bool adopted;
	enum hm_refusal refusal;
	bool apart;
	unsigned int unrecorded;
	bool preparing;
	bool copying;
	bool adopt;
	bool adopt_sent;
	u64 hello_generation;
	u64 adopt_after;
	bool settling;
	struct hm_copy copy;
	struct hm_store store;
	bool tx_open;
	bool tx_busy;
	struct hm_write *tx_rest;
	size_t tx_part;
	bool cleaning;
	u64 clean_after;
	unsigned long clean_since;
	u8 cycle;
	unsigned int local[2];
	u8 stream_id[HM_UUID_BYTES];
	struct hm_hello hello;
	u64 session;
	u32 peer_block[HM_MAX_VOLUMES];
	struct hm_primary_counters counters;

	struct work_struct unblocked_work;
	struct delayed_work deferred_work;
	struct hrtimer defer_timer;
	struct delayed_work tick_work;
	u16 distrust;

	struct task_struct *conn;
	wait_queue_head_t conn_wait;
	bool kick;
	struct mutex conn_lock;
	struct socket *sock;
	bool stopping;
	wait_queue_head_t tx_wait;
	bool ping;
	bool tx_failed;
	wait_queue_head_t drain_wait;
	wait_queue_head_t copy_wait;
};

/**
 * struct hm_pbd - what we keep of a bio from dm
 * @v: the volume
 * @unrecorded: it is a write in flight that the stream does not hold
 */
struct hm_pbd {
	struct hm_volume *v;
	bool unrecorded;
};

static inline struct hm_primary *to_primary(struct hm_set *set)
{
	return container_of(set, struct hm_primary, set);
}

static inline struct hm_write *to_write(struct hm_update *u)
{
	return container_of(u, struct hm_write, u);
}

/* primary-set.c */
struct hm_set *hm_primary_create(void);
int hm_primary_start(struct hm_volume *v);
void hm_primary_stop(struct hm_volume *v);
void hm_primary_forget(struct hm_volume *v);
void hm_primary_set_link(struct hm_primary *p, enum hm_link link,
			 const char *reason);
void hm_primary_set_sync(struct hm_primary *p, enum hm_sync sync,
			 const char *reason);
void hm_primary_give_up_backlog(struct hm_primary *p);
bool hm_primary_backlog_strays(struct hm_primary *p);
void hm_primary_miss(struct hm_primary *p, const char *reason);
int hm_primary_drop_volume(struct hm_primary *p, const char *number);
u64 hm_primary_lag(struct hm_primary *p);
bool hm_primary_is_close(struct hm_primary *p);
void hm_primary_be_alone(struct hm_primary *p);
void hm_primary_go_alone(struct hm_primary *p);
void hm_primary_suspending(struct hm_volume *v, bool suspending);
void hm_primary_tick_work(struct work_struct *work);

/* primary-io.c */
int hm_write_cache_init(void);
void hm_write_cache_exit(void);
extern struct kmem_cache *hm_write_cache;
int hm_primary_end_io(struct dm_target *ti, struct bio *bio,
		      blk_status_t *error);
int hm_primary_write(struct hm_volume *v, struct bio *bio, bool reclaim);
struct hm_write *hm_copy_alloc(struct hm_primary *p,
			       const struct hm_update *range);
void hm_write_free(struct hm_write *w);
void hm_write_put(struct hm_write *w);
void hm_primary_again(struct hm_volume *v, struct bio *bio);
void hm_primary_deliver(struct list_head *completed,
			struct list_head *released);
void hm_primary_unblocked_work(struct work_struct *work);
enum hrtimer_restart hm_primary_defer_timer(struct hrtimer *timer);

/* primary-deferred.c */
void hm_primary_defer(struct hm_primary *p, struct bio *bio);
void hm_primary_kick_deferred(struct hm_primary *p);
void hm_primary_deferred_work(struct work_struct *work);

/* primary-conn.c */
struct task_struct *hm_primary_conn_create(struct hm_primary *p);
void hm_primary_conn_start(struct hm_primary *p, struct task_struct *conn);
void hm_primary_conn_stop(struct hm_primary *p);
void hm_primary_retry(struct hm_primary *p);

/* primary-handshake.c */
int hm_primary_handshake(struct hm_primary *p, struct hm_wire_hello *wire);
bool hm_primary_progress(const struct hm_primary *p,
			 const struct hm_acks *acks);
void hm_primary_settle(struct hm_primary *p);

/* primary-regions.c */
bool hm_primary_park(struct hm_volume *v, struct bio *bio, bool apart);
u64 hm_primary_unsynced(struct hm_primary *p);
void hm_primary_lose_backlog(struct hm_primary *p);
void hm_primary_clean(struct hm_primary *p);
void hm_primary_clean_stopped(struct hm_volume *v);

/* primary-lineage.c */
int hm_primary_remember(struct hm_volume *v, struct hm_volume *old);
int hm_primary_write_apart(struct hm_primary *p);
int hm_primary_tell(struct hm_primary *p);
void hm_primary_met(struct hm_primary *p, const struct hm_hello *backup);
void hm_primary_paired(struct hm_primary *p);
void hm_primary_confirmed(struct hm_primary *p);

/* primary-copy.c */
int hm_primary_copy_prepare(struct hm_primary *p, const struct hm_hello *backup,
			    bool all, void *page);
int hm_primary_copy_thread(void *data);

/* primary-store.c */
int hm_primary_store_create(struct hm_primary *p);
void hm_primary_store_destroy(struct hm_primary *p);
void hm_primary_store_attach(struct hm_primary *p);
void hm_primary_store_pause(struct hm_volume *v);
void hm_primary_store_unstick(struct hm_primary *p);
void hm_primary_store_kick(struct hm_primary *p);
bool hm_primary_store_helps(struct hm_primary *p);
void hm_primary_store_tick(struct hm_primary *p);
void hm_primary_store_released(struct hm_primary *p, u64 log, bool stored);
struct bio_vec *hm_primary_fetch(struct hm_primary *p,
				 struct hm_update *const *update, u64 stored,
				 unsigned int updates);

/* primary-tx.c */
bool hm_tx_awaited(const struct hm_primary *p);
bool hm_tx_claim_direct(struct hm_primary *p, struct hm_write *w);
void hm_tx_direct(struct hm_primary *p, struct hm_write *w);
void hm_tx_open(struct hm_primary *p);
void hm_tx_close(struct hm_primary *p);
int hm_primary_tx_thread(void *data);

#endif
