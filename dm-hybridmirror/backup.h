/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_BACKUP_H
#define HM_BACKUP_H

#include <linux/spinlock.h>
#include <linux/wait.h>

#include "append.h"
#include "core/apply.h"
#include "core/handshake.h"
#include "core/ring.h"
#include "payload.h"
#include "set.h"

struct socket;
struct task_struct;

/* Connections that are shaking hands at the same time. */
#define HM_GUESTS	16

/**
 * struct hm_arrival - one update on the backup
 * @u: the update as core/ sees it
 * @set: the backup
 * @bio: the write to the disk
 * @payload: the data; freed when the disk has it
 * @crc: its checksum, for the log
 * @zero_work: zeroing may sleep
 * @cost: bytes of memory that it counts for
 *
 * Owned by the receiver until hm_apply_receive(), then by hm_backup.apply,
 * which gives it back when it is applied in sequence.
 */
struct hm_arrival {
	struct hm_update u;
	struct hm_backup *set;
	struct bio bio;
	struct hm_payload payload;
	u32 crc;
	struct work_struct zero_work;
	unsigned int cost;
};

/**
 * struct hm_session - one connection from the primary
 * @backup: whose it is
 * @sock: the connection
 * @id: number that each record bears
 * @limits: what a record may say
 * @rx: thread that receives
 * @ack: thread that acknowledges
 * @send_lock: one sender at a time on @sock, and @wire; innermost mutex
 * @wire: the acknowledgment being sent
 * @started: the record that begins a session has come; under hm_set.lock
 * @over: it has ended, and waits to be reaped
 * @stopping: we end it ourselves; set before @sock is shut down
 * @want_received: the primary completes writes on received
 * @want_applied: the primary completes writes on applied
 * @lineage: the primary's, as it said at the handshake
 * @origin: which of its generations the stream began with
 * @stream: the stream that it sends
 * @last_ack: jiffies of the last acknowledgment
 *
 * Created by a handshake, reaped by the next one or by stopping, both under
 * hm_backup.session_lock.
 */
struct hm_session {
	struct hm_backup *backup;
	struct socket *sock;
	u64 id;
	struct hm_record_limits limits;
	struct task_struct *rx;
	struct task_struct *ack;
	struct mutex send_lock;
	struct hm_wire_ack wire;
	bool started;
	bool over;
	bool stopping;
	bool want_received;
	bool want_applied;
	struct hm_lineage lineage;
	u8 origin;
	u8 stream[HM_UUID_BYTES];
	unsigned long last_ack;
};

/**
 * struct hm_guest - a connection that has not proved to be the primary's
 * @backup: where it knocked
 * @work: shakes hands
 * @sock: the connection; NULL: this place is free. Under hm_backup.guest_lock
 * @since: jiffies when it came
 */
struct hm_guest {
	struct hm_backup *backup;
	struct work_struct work;
	struct socket *sock;
	unsigned long since;
};

/**
 * struct hm_log - the log ring of a backup of one volume
 * @state: whether it keeps the order; under hm_set.meta_lock and hm_set.lock
 * @volume: number of the volume whose metadata device holds it
 * @committing: the superblock that is being written says that what is staged
 *	counts; under hm_set.meta_lock
 * @piecemeal: the lineage that we shall have if what is copied does not fit;
 *	under hm_set.meta_lock
 * @unstaging: @unstage_work is queued or runs; under hm_set.lock
 * @unstage_work: performs what was staged
 * @ring: its space; under hm_set.lock
 * @life: number that its batches bear
 * @told: the position that the superblock says; under hm_set.meta_lock
 * @telling: @tail_work is queued or runs; under hm_set.lock
 * @tail_work: tells the superblock how far the log was performed
 * @append: the batch that is being appended; one at a time
 */
struct hm_log {
	enum hm_log_state {
		HM_LOG_OFF,	/* groups do */
		HM_LOG_ON,
		HM_LOG_STAGING,	/* it does not count yet: see backup-stage.c */
		HM_LOG_LEFT,	/* what it holds will be performed at the next load */
	} state;
	u16 volume;
	bool committing;
	struct hm_lineage piecemeal;
	bool unstaging;
	struct work_struct unstage_work;
	struct hm_ring ring;
	u64 life;
	u64 told;
	bool telling;
	struct work_struct tail_work;
	struct hm_append append;
};

/**
 * struct hm_backup_counters - since the set was created; never reset
 * @write_errors: updates and flushes that a disk refused
 * @connects: sessions that began
 * @disconnects: sessions that ended
 * @protocol_errors: sessions ended because of what the peer sent
 * @refused: handshakes that were refused
 * @held: updates that waited for their group
 * @appends: batches that were appended to the log
 * @flushes: flushes of the set's disks
 */
struct hm_backup_counters {
	u64 write_errors;
	u64 connects;
	u64 disconnects;
	u64 protocol_errors;
	u64 refused;
	u64 held;
	u64 appends;
	u64 flushes;
};

/**
 * struct hm_backup - an ordering domain on its backup
 * @set: the part that both roles have
 * @pool: memory for updates
 * @log: see there
 *
 * Under hm_set.lock:
 *
 * @apply: the gate, overlaps, acknowledgments
 * @link: state of the connection; hm_backup_set_link() alone changes it
 * @reason: why @link or the apply is not well, in words
 * @stream_id: the stream that is followed; zero: none yet
 * @lost: the position in the stream is not known
 * @position: the superblocks say the position, exactly
 * @used: bytes of memory that updates count for
 * @live: updates that exist
 * @limit: upper bound of @used
 * @undurable: bytes written since the last flush began
 * @written: by volume: written since the last flush began
 * @failed_volume: whose disk refused an update
 * @last_flush: jiffies
 * @ack_now: the primary waits for an acknowledgment
 * @ack_due: there is something to acknowledge
 * @ack_soon: and it will be, without another wake-up
 * @ack_look: whoever acknowledges is to look soon
 * @ack_applied: the primary waits for what is applied
 * @told_applied: so much of that was acknowledged: sequence number
 * @pumping: one looks for what may be done now, and does it
 * @flush_failed: a flush bio failed
 * @refusal: why the last primary was refused
 * @gives_up: what this side alone has may go
 * @counters: see there
 *
 * Others:
 *
 * @hello: what we say of ourselves; changed only while stopped
 * @flushing: flush bios that have not ended, and one for the starter
 * @apply_work: goes on with what completions have let through
 * @room_wait: wakes the receiver: memory was freed
 * @ack_wait: wakes the acknowledging thread
 * @drain_wait: wakes whoever waits for the disks
 * @listen: thread that listens; under hm_set.volumes_lock
 * @listen_lock: protects @listener, @stopping; inside volumes_lock
 * @listener: listening socket or NULL
 * @stopping: no new connections
 * @guest_lock: protects hm_guest.sock and since; inside session_lock
 * @guest: handshakes in progress
 * @session_lock: protects @session; inside volumes_lock, outside of @lock
 * @session: the connection from the primary, live or over; or NULL
 * @meta_failed: the metadata refused what a session had to remember; under
 *	hm_set.meta_lock
 */
struct hm_backup {
	struct hm_set set;
	struct hm_pool pool;
	struct hm_log log;

	struct hm_apply apply;
	enum hm_link link;
	const char *reason;
	u8 stream_id[HM_UUID_BYTES];
	bool lost;
	bool position;
	u64 used;
	unsigned int live;
	u64 limit;
	u64 undurable;
	bool written[HM_MAX_VOLUMES];
	u16 failed_volume;
	unsigned long last_flush;
	bool ack_now;
	bool ack_due;
	bool ack_soon;
	bool ack_look;
	bool ack_applied;
	u64 told_applied;
	bool pumping;
	bool flush_failed;
	enum hm_refusal refusal;
	bool gives_up;
	struct hm_backup_counters counters;

	struct hm_hello hello;
	atomic_t flushing;
	struct work_struct apply_work;
	wait_queue_head_t room_wait;
	wait_queue_head_t ack_wait;
	wait_queue_head_t drain_wait;

	struct task_struct *listen;
	struct mutex listen_lock;
	struct socket *listener;
	bool stopping;
	struct mutex guest_lock;
	struct hm_guest guest[HM_GUESTS];
	struct mutex session_lock;
	struct hm_session *session;
	bool meta_failed;
};

static inline struct hm_backup *to_backup(struct hm_set *set)
{
	return container_of(set, struct hm_backup, set);
}

static inline struct hm_arrival *to_arrival(struct hm_update *u)
{
	return container_of(u, struct hm_arrival, u);
}

/* For the log, under @b->set.lock: later updates are missing, not more. */
static inline const char *hm_backup_worth(const struct hm_backup *b)
{
	return b->set.lineage.inconsistent ? "inconsistent" : "consistent";
}

/* backup-set.c */
struct hm_set *hm_backup_create(void);
int hm_backup_start(struct hm_volume *v);
void hm_backup_stop(struct hm_volume *v);
void hm_backup_forget(struct hm_volume *v);
void hm_backup_set_link(struct hm_backup *b, enum hm_link link,
			const char *reason);
void hm_backup_retry(struct hm_backup *b);
bool hm_backup_settle(struct hm_backup *b, bool all);
bool hm_backup_durable(struct hm_backup *b);
void hm_backup_forget_stream(struct hm_backup *b);
bool hm_backup_drop_pending(struct hm_backup *b);
int hm_backup_resume(struct hm_backup *b);
int hm_backup_drop_volume(struct hm_backup *b, const char *number);

/* backup-meta.c */
void hm_backup_fill_super(struct hm_set *set, struct hm_super *s);
int hm_backup_remember(struct hm_volume *v, struct hm_volume *old);
bool hm_backup_is_dirty(struct hm_backup *b);
int hm_backup_send_dirty(struct hm_backup *b, struct socket *sock, u64 session);
int hm_backup_begin(struct hm_backup *b, const struct hm_session *s,
		    const struct hm_update *start);
int hm_backup_adopt(struct hm_backup *b, const struct hm_session *s);
bool hm_backup_may_write(struct hm_backup *b);
void hm_backup_note_position(struct hm_backup *b);
int hm_backup_give_up(struct hm_backup *b);
int hm_backup_force(struct hm_backup *b);

/* backup-io.c */
extern struct kmem_cache *hm_arrival_cache;
int hm_arrival_cache_init(void);
void hm_arrival_cache_exit(void);
struct hm_arrival *hm_arrival_alloc(struct hm_backup *b,
				    const struct hm_record *r,
				    unsigned int cost);
void hm_arrival_free(struct hm_arrival *a);
bool hm_backup_receive(struct hm_backup *b, struct hm_arrival *a);
void hm_backup_hurry(struct hm_backup *b);
void hm_backup_kick(struct hm_backup *b);
void hm_backup_progress(struct hm_backup *b);
void hm_backup_disk_failed(struct hm_backup *b, u16 volume, const char *reason);
void hm_backup_free_retired(struct list_head *retired);
void hm_backup_apply_work(struct work_struct *work);
void hm_backup_tend_flush(struct hm_backup *b);

/* backup-log.c */
int hm_log_create(struct hm_log *log);
void hm_log_destroy(struct hm_log *log);
bool hm_log_stays(struct hm_backup *b);
void hm_log_begin(struct hm_backup *b);
void hm_log_leave(struct hm_backup *b, enum hm_log_state state);
void hm_log_append(struct hm_backup *b, struct hm_update *first);
void hm_log_tend(struct hm_backup *b);
void hm_log_settle(struct hm_backup *b);
void hm_log_fill_super(struct hm_backup *b, struct hm_super *s);

/* backup-stage.c */
bool hm_stage_may_begin(struct hm_backup *b, u64 sectors);
void hm_stage_begin(struct hm_backup *b, const struct hm_lineage *primary);
int hm_stage_commit(struct hm_backup *b, const struct hm_lineage *lineage);
void hm_stage_drop(struct hm_backup *b);
bool hm_stage_tend(struct hm_backup *b);
bool hm_stage_holds(const struct hm_backup *b);
void hm_stage_work(struct work_struct *work);

/* backup-listen.c */
int hm_backup_listen_start(struct hm_backup *b);
void hm_backup_listen_stop(struct hm_backup *b);
void hm_guest_work(struct work_struct *work);

/* backup-session.c */
struct hm_session *hm_session_create(struct hm_backup *b, struct socket *sock,
				     const struct hm_hello *primary, u64 id);
int hm_session_start(struct hm_session *s);
void hm_session_stop(struct hm_session *s);

#endif
