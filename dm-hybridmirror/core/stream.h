/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_STREAM_H
#define HM_CORE_STREAM_H

#include "group.h"
#include "overlap.h"
#include "update.h"

/**
 * enum hm_ordering - what closes a group
 * @HM_ORDER_COMPLETION: the first completion of a member
 * @HM_ORDER_FLUSH: the first completion of a flush or FUA member: the order
 *	that a disk with a volatile cache promises
 * @HM_ORDER_NONE: nothing; no guarantee (a control for tests, and the upper
 *	bound for benchmarks)
 */
enum hm_ordering {
	HM_ORDER_COMPLETION,
	HM_ORDER_FLUSH,
	HM_ORDER_NONE,
};

/**
 * struct hm_acks - how far the backup is: cumulative, in sequence numbers
 * @received: all up to this are in the backup's memory
 * @applied: all up to this are on the backup's disk (perhaps in its cache)
 * @durable: all up to this survive a loss of power
 */
struct hm_acks {
	u64 received;
	u64 applied;
	u64 durable;
};

/**
 * struct hm_stream - the primary's half of the stream: tags, backlog, acks
 * @grouping: the group counter
 * @ordering: enum hm_ordering
 * @alone: completions do not wait for the backup
 * @staged: what the backup has it can still lose, all together: its word counts
 *	for nobody who waits; see hm_stream_set_staged()
 * @waits_after: those beyond this were issued since completions last began to wait
 * @undelivered: updates that the local disk has answered and the application
 *	still waits for
 * @last_seq: sequence number of the newest update
 * @taken: all up to this were handed to the sender in this session
 * @sent: all up to this have left the sender in this session
 * @claimed: what the backup acknowledged in this session
 * @acked: the part of @claimed up to @sent, the part that counts
 * @told: the most that a backup ever said to be durable, and not staged
 * @backlog: updates that are not durable on the backup, by hm_update.stream
 * @queued: how many of them, by volume
 * @unsent: the first update of @backlog beyond @taken, or NULL
 * @unreceived: the first update of @backlog beyond @acked.received, or NULL
 * @unapplied: the first update of @backlog beyond @acked.applied, or NULL
 * @resident: the first update of @backlog that was not considered for the log, or
 *	NULL: see store.c
 * @unsettled: @unreceived, @unapplied or @backlog are not yet as far as @acked
 * @overlap: updates that the local disk has not answered
 *
 * Everything is protected by one spinlock of the caller (the set's), so that
 * seq, group and place in the backlog are taken in one step.
 */
struct hm_stream {
	struct hm_grouping grouping;
	u8 ordering;
	bool alone;
	bool staged;
	u64 waits_after;
	u32 undelivered;
	u64 last_seq;
	u64 taken;
	u64 sent;
	struct hm_acks claimed;
	struct hm_acks acked;
	u64 told;
	struct list_head backlog;
	u32 queued[HM_MAX_VOLUMES];
	struct hm_update *unsent;
	struct hm_update *unreceived;
	struct hm_update *unapplied;
	struct hm_update *resident;
	bool unsettled;
	struct hm_overlap overlap;
};

void hm_stream_init(struct hm_stream *s, enum hm_ordering ordering);
bool hm_stream_add(struct hm_stream *s, struct hm_update *u);
void hm_stream_local_done(struct hm_stream *s, struct hm_update *u,
			  struct list_head *ready,
			  struct list_head *completed);
struct hm_update *hm_stream_take(struct hm_stream *s);
void hm_stream_sent(struct hm_stream *s, u64 seq, struct list_head *completed,
		    struct list_head *released);
bool hm_stream_ack(struct hm_stream *s, const struct hm_acks *acks,
		   struct list_head *completed, struct list_head *released);
void hm_stream_settle(struct hm_stream *s, struct list_head *completed,
		      struct list_head *released);
void hm_stream_set_alone(struct hm_stream *s, bool alone,
			 struct list_head *completed);
void hm_stream_wait(struct hm_stream *s);
void hm_stream_set_staged(struct hm_stream *s, bool staged,
			  struct list_head *completed,
			  struct list_head *released);
void hm_stream_add_copy(struct hm_stream *s, struct hm_update *u);
u64 hm_stream_restart(struct hm_stream *s, struct list_head *completed,
		      struct list_head *released);
bool hm_stream_resume(struct hm_stream *s, const struct hm_acks *acks,
		      struct list_head *completed, struct list_head *released);
bool hm_stream_abandon(struct hm_stream *s, struct list_head *released);

#endif
