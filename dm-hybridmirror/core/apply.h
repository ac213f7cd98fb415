/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_APPLY_H
#define HM_CORE_APPLY_H

#include "group.h"
#include "overlap.h"
#include "stream.h"
#include "update.h"

/**
 * enum hm_apply_action - what the glue is to do next
 * @HM_APPLY_NOTHING: wait for an arrival or a completion
 * @HM_APPLY_ISSUE: issue the update to the disk, then hm_apply_done()
 * @HM_APPLY_FLUSH: flush all of the set's disks, then hm_apply_flush_done()
 * @HM_APPLY_LOG: append to the log, from the update given on as many as are
 *	convenient: hm_apply_log_begin(), then hm_apply_log_done(). Or there is no
 *	room: hm_apply_log_full()
 */
enum hm_apply_action {
	HM_APPLY_NOTHING,
	HM_APPLY_ISSUE,
	HM_APPLY_FLUSH,
	HM_APPLY_LOG,
};

/**
 * struct hm_place - a place in the stream, with a log
 * @seq: sequence number
 * @group: its group
 * @log: where the log may begin once everything up to @seq is durable on disk
 */
struct hm_place {
	u64 seq;
	u64 group;
	u64 log;
};

/**
 * struct hm_apply - the backup's half of the stream: what to perform when
 * @gate: the gate between groups
 * @overlap: updates of the current group that the disk has not answered
 * @pending: updates not yet applied in sequence, by hm_update.stream
 * @held: the first update of @pending that waits for its group, or for the log;
 *	or NULL
 * @ready: updates that may be issued, by hm_update.ready
 * @failed: updates that the disk refused, by hm_update.ready
 * @at: received, applied and durable, in sequence numbers
 * @received_group: group of the update @at.received
 * @applied_group: group of the update @at.applied
 * @durable_group: group of the update @at.durable
 * @in_flight: updates issued and not answered
 * @volatile_cache: a disk of the set has a volatile cache, so applied is not
 *	yet durable
 * @every_group_durable: the primary's disk has no volatile cache but ours has:
 *	each group is made durable before the next begins
 * @group_durable: the current group holds a flush or FUA
 * @flush_wanted: HM_APPLY_FLUSH is to be performed
 * @flush_running: HM_APPLY_FLUSH is being performed
 * @flush_covers: what will be durable when the running flush is done
 * @flush_covers_group: its group
 * @logged: order is kept by a log: what is durable there is applied and durable
 *	as far as the primary is concerned, and is performed without regard to
 *	groups
 * @log_running: an append is in flight, or about to be
 * @log_full: it has no room, until hm_apply_log_room()
 * @log_lazy: more is about to arrive: an append waits until it is worth it
 * @unlogged: sectors received that are not in the log
 * @staging: what is durable in the log is not performed: it is no state of the
 *	primary before all of it is there; see hm_apply_stage()
 * @unstaging: what was staged, up to @staged, is being performed now: what is
 *	appended meanwhile waits for that
 * @staged: with @unstaging: where the log may begin once that is done
 * @log_covers: the last update of the append in flight, or of the refused one
 * @log_refused: the last append was refused, and is to be done again as it was
 * @placed: with a log: performed by the disks, in sequence
 * @flush_place: what the running flush makes of @clean
 * @clean: with a log: durable on the disks, in sequence
 * @suspended: a disk refused an update; nothing more is issued until
 *	hm_apply_retry()
 *
 * Protected by one spinlock of the caller (the set's).
 */
struct hm_apply {
	struct hm_gate gate;
	struct hm_overlap overlap;
	struct list_head pending;
	struct hm_update *held;
	struct list_head ready;
	struct list_head failed;
	struct hm_acks at;
	u64 received_group;
	u64 applied_group;
	u64 durable_group;
	u32 in_flight;
	bool volatile_cache;
	bool every_group_durable;
	bool group_durable;
	bool flush_wanted;
	bool flush_running;
	u64 flush_covers;
	u64 flush_covers_group;
	bool logged;
	bool log_running;
	bool log_full;
	bool log_refused;
	bool log_lazy;
	u64 unlogged;
	bool staging;
	bool unstaging;
	struct hm_place staged;
	u64 log_covers;
	struct hm_place placed;
	struct hm_place flush_place;
	struct hm_place clean;
	bool suspended;
};

void hm_apply_init(struct hm_apply *a);
void hm_apply_jump(struct hm_apply *a, u64 seq, u64 group);
bool hm_apply_receive(struct hm_apply *a, struct hm_update *u);
bool hm_apply_more(const struct hm_apply *a);
enum hm_apply_action hm_apply_next(struct hm_apply *a, struct hm_update **u);
void hm_apply_done(struct hm_apply *a, struct hm_update *u, bool ok,
		   struct list_head *retired);
void hm_apply_flush_done(struct hm_apply *a, bool ok,
			 struct list_head *retired);
void hm_apply_want_flush(struct hm_apply *a);
void hm_apply_retry(struct hm_apply *a);
bool hm_apply_quiet(const struct hm_apply *a);
bool hm_apply_drained(const struct hm_apply *a);

void hm_apply_use_log(struct hm_apply *a, bool logged, u64 log);
bool hm_apply_log_takes(const struct hm_apply *a, const struct hm_update *u);
void hm_apply_log_begin(struct hm_apply *a, const struct hm_update *last);
void hm_apply_log_done(struct hm_apply *a, bool ok, u64 start, u64 end,
		       struct list_head *retired);
void hm_apply_log_wait(struct hm_apply *a, bool wait);
void hm_apply_log_full(struct hm_apply *a);
void hm_apply_log_stuck(struct hm_apply *a);
void hm_apply_log_room(struct hm_apply *a);

void hm_apply_stage(struct hm_apply *a);
void hm_apply_unstage(struct hm_apply *a, u64 log);
void hm_apply_unstaged(struct hm_apply *a, struct list_head *retired);

#endif
