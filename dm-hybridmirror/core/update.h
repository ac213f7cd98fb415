/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An update: one write, write zeroes, discard or flush on its way from the
 * primary to the backup. Both sides embed it in a larger object that carries
 * the payload and the I/O.
 */
#ifndef HM_CORE_UPDATE_H
#define HM_CORE_UPDATE_H

#include "env.h"

/*
 * No update crosses a multiple of this many sectors of 512 bytes, so that an
 * overlap can be found by looking at one chunk alone, and so that the payload
 * of one update is never more than HM_MAX_PAYLOAD bytes.
 */
#define HM_CHUNK_SHIFT		11
#define HM_CHUNK_SECTORS	(1U << HM_CHUNK_SHIFT)
#define HM_SECTOR_SHIFT		9
#define HM_MAX_PAYLOAD		(HM_CHUNK_SECTORS << HM_SECTOR_SHIFT)

/* Volumes in one ordering domain; a volume's number is below this. */
#define HM_MAX_VOLUMES		16

/**
 * enum hm_kind - what an update does to the volume
 * @HM_WRITE: stores the payload
 * @HM_WRITE_ZEROES: afterwards the range reads as zeroes
 * @HM_DISCARD: the range is no longer needed; both sides make it read as
 *	zeroes, since devices differ in what they return after a discard
 * @HM_FLUSH: makes durable all that completed before it was issued; no range
 *
 * The numbers are those on the wire; never renumber.
 */
enum hm_kind {
	HM_WRITE	= 1,
	HM_WRITE_ZEROES	= 2,
	HM_DISCARD	= 3,
	HM_FLUSH	= 4,
};

/* hm_update.flags; the numbers are those on the wire */
#define HM_FUA		0x01	/* durable by itself when it completes */
#define HM_NOUNMAP	0x02	/* write zeroes must not deallocate */
#define HM_UPDATE_FLAGS	(HM_FUA | HM_NOUNMAP)

/**
 * enum hm_ack - when the primary completes an update to the application
 * @HM_ACK_RECEIVED: local disk done, and in the backup's memory
 * @HM_ACK_LOCAL: local disk done
 * @HM_ACK_APPLIED: local disk done, and the backup's disk done
 */
enum hm_ack {
	HM_ACK_RECEIVED,
	HM_ACK_LOCAL,
	HM_ACK_APPLIED,
};

/* hm_update.state on the primary: what has happened to it, in any order */
#define HM_P_LOCAL_DONE	0x01	/* the local disk has answered */
#define HM_P_COMPLETED	0x02	/* delivered to the application */
#define HM_P_RELEASED	0x04	/* durable on the backup or given up: not in the backlog */
#define HM_P_COPY	0x08	/* of a range; no application waits for it */
#define HM_P_STORING	0x10	/* its payload is being appended to the log */
#define HM_P_STORED	0x20	/* its payload is in the log, no longer in memory */
#define HM_P_FINISHED	(HM_P_LOCAL_DONE | HM_P_COMPLETED | HM_P_RELEASED)

/* hm_update.state on the backup: one after the other */
#define HM_B_HELD	0x00	/* waits for its group */
#define HM_B_ADMITTED	0x10	/* its group is current; waits for an overlap or the glue */
#define HM_B_ISSUED	0x20	/* handed to the disk */
#define HM_B_DONE	0x30	/* applied */
#define HM_B_FAILED	0x40	/* the disk refused it */

/**
 * struct hm_update - one update as core/ sees it
 * @seq: place in the stream: one more for each update, from 1
 * @group: the group it was issued in, from 1
 * @sector: first sector of 512 bytes; 0 for a flush
 * @sectors: length in sectors of 512 bytes; 0 for a flush
 * @volume: number of the volume in the set
 * @kind: enum hm_kind
 * @flags: HM_FUA, HM_NOUNMAP
 * @state: HM_P_* or HM_B_*, by the side
 * @ack: enum hm_ack; primary only
 * @blockers: earlier live updates on some of the same sectors
 * @log: where the log may begin, once this one and all before it are durable on
 *	the backup's disk. On the primary: of those whose payload was appended to it
 * @stream: the primary's backlog or the backup's pending list, in order of seq
 * @overlap: in the overlap index while live
 * @ready: on a list of updates that may be issued or completed now
 *
 * Protected by the lock of the object that holds the lists.
 */
struct hm_update {
	u64 seq;
	u64 group;
	u64 sector;
	u32 sectors;
	u16 volume;
	u8 kind;
	u8 flags;
	u8 state;
	u8 ack;
	u32 blockers;
	u64 log;
	struct list_head stream;
	struct list_head overlap;
	struct list_head ready;
};

#endif
