/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire format, shared by both roles, the tools and the fuzzers. All fields
 * little endian, all reserved bytes zero, all sizes fixed. No kernel constants.
 */
#ifndef HM_CORE_WIRE_H
#define HM_CORE_WIRE_H

#include "lineage.h"
#include "update.h"

#define HM_PROTOCOL_VERSION	3
#define HM_PROTOCOL_OLDEST	3	/* the oldest version still spoken */

#define HM_HELLO_MAGIC		0x4f4c4c45484d5948ULL	/* "HYMHELLO" */
#define HM_RECORD_MAGIC		0x524d5948U		/* "HYMR" */
#define HM_ACK_MAGIC		0x414d5948U		/* "HYMA" */
#define HM_REGIONS_MAGIC	0x444d5948U		/* "HYMD" */

#define HM_SET_NAME_MAX		64	/* with the terminating zero */
#define HM_UUID_BYTES		16

/* Records that are not updates: they have no seq and no payload. */
#define HM_CTRL_START		0x80	/* seq: the first update to follow */
#define HM_CTRL_PING		0x81	/* asks for an acknowledgment, and for a flush */
#define HM_CTRL_ADOPT		0x82	/* all up to seq is all that our generation had */

/* Flags of HM_CTRL_START */
#define HM_START_JUMP		0x01	/* forget where you were: go on at seq */
#define HM_START_COPY		0x02	/* out of order until HM_CTRL_ADOPT */
#define HM_START_STAGE		0x04	/* and nobody relies on any of it before that */
#define HM_START_FLAGS		0x07

/**
 * struct hm_wire_prefix - the first bytes from either side, of any version
 * @magic: HM_HELLO_MAGIC
 * @version: the newest version that the sender speaks
 * @oldest: the oldest version that the sender speaks
 * @bytes: size of the whole hello, with this prefix
 *
 * This part never changes, so that a peer of another version can be named.
 */
struct hm_wire_prefix {
	__le64 magic;
	__le16 version;
	__le16 oldest;
	__le32 bytes;
} __packed;

struct hm_wire_volume {
	__le16 number;
	__le16 flags;			/* HM_VOLUME_* */
	__le32 logical_block;		/* bytes */
	__le32 physical_block;		/* bytes */
	__le32 reserved;
	__le64 sectors;			/* of 512 bytes */
} __packed;

#define HM_VOLUME_VOLATILE_CACHE	0x0001
#define HM_VOLUME_FLAGS			0x0001

/**
 * struct hm_wire_hello - the handshake, the same in both directions
 * @prefix: magic, version, size
 * @features: bits of optional features; 0 in version 1
 * @stream: names the stream: chosen by the primary when its set is created;
 *	all zero in the backup's hello if it does not follow this one
 * @session: 0 in the primary's hello; chosen by the backup
 * @received: in the backup's hello: its acknowledgment; in the primary's: the most
 *	that a backup ever said to be durable
 * @applied: likewise
 * @durable: likewise
 * @last_seq: in the primary's hello: the newest update
 * @refusal: in the backup's hello: enum hm_refusal; 0: welcome
 * @flags: HM_HELLO_*
 * @set: name of the ordering domain, zero padded; empty: the device's own
 * @volumes: how many of @volume are used
 * @reserved: zero
 * @generation: the sender's lineage
 * @covered: likewise
 * @origin: in the primary's hello: which of @generation its data was in when the
 *	stream began; HM_GENERATIONS: none of them. Else 0
 * @reserved3: zero
 * @volume: the volumes of the set, by rising number; the rest zero
 * @reserved2: zero
 * @crc: crc32c of all before it
 */
struct hm_wire_hello {
	struct hm_wire_prefix prefix;
	__le64 features;
	u8 stream[HM_UUID_BYTES];
	__le64 session;
	__le64 received;
	__le64 applied;
	__le64 durable;
	__le64 last_seq;
	__le16 refusal;
	__le16 flags;
	u8 set[HM_SET_NAME_MAX];
	__le16 volumes;
	__le16 reserved;
	__le64 generation[HM_GENERATIONS];
	u8 covered;
	u8 origin;
	u8 reserved3[6];
	struct hm_wire_volume volume[HM_MAX_VOLUMES];
	__le32 reserved2;
	__le32 crc;
} __packed;

#define HM_HELLO_FIRST		0x0001	/* the stream holds all since its beginning */
#define HM_HELLO_WANT_APPLIED	0x0002	/* acknowledge what is applied at once */
#define HM_HELLO_RETRY		0x0004	/* try again what the disk refused */
#define HM_HELLO_COVERS_FRESH	0x0008	/* struct hm_lineage */
#define HM_HELLO_INCONSISTENT	0x0010	/* struct hm_lineage */
#define HM_HELLO_DIRTY		0x0020	/* backup: regions of its own follow */
#define HM_HELLO_GIVES_UP	0x0040	/* backup: its own changes may go */
#define HM_HELLO_LOST		0x0080	/* backup: it follows the stream, but lost its position */
#define HM_HELLO_UNSYNCED	0x0100	/* primary: the stream does not hold everything */
#define HM_HELLO_COPYING	0x0200	/* primary: a copy began in this stream */
#define HM_HELLO_WANT_RECEIVED	0x0400	/* acknowledge what is received at once */
#define HM_HELLO_STAGING	0x0800	/* backup: copies are staged, its disk is as before */
#define HM_HELLO_FLAGS		0x0fff

/**
 * struct hm_wire_record - header of each record of the stream
 * @magic: HM_RECORD_MAGIC
 * @kind: enum hm_kind or HM_CTRL_*
 * @flags: hm_update.flags, or HM_START_*
 * @volume: number of the volume
 * @session: as chosen by the backup for this connection
 * @seq: sequence number
 * @group: group number
 * @sector: first sector of 512 bytes; with HM_START_STAGE: how many sectors are to
 *	be copied
 * @sectors: length in sectors of 512 bytes
 * @payload: bytes that follow this header: @sectors * 512 for a write, else 0
 * @payload_crc: crc32c of the payload, 0 if there is none
 * @reserved: zero
 * @reserved2: zero
 * @crc: crc32c of the header before it
 */
struct hm_wire_record {
	__le32 magic;
	u8 kind;
	u8 flags;
	__le16 volume;
	__le64 session;
	__le64 seq;
	__le64 group;
	__le64 sector;
	__le32 sectors;
	__le32 payload;
	__le32 payload_crc;
	__le32 reserved;
	__le32 reserved2;
	__le32 crc;
} __packed;

/**
 * struct hm_wire_ack - what the backup sends, cumulative
 * @magic: HM_ACK_MAGIC
 * @status: enum hm_backup_status
 * @session: as chosen by the backup for this connection
 * @received: struct hm_acks, sequence numbers
 * @applied: likewise
 * @durable: likewise
 * @applied_group: group of @applied
 * @durable_group: group of @durable
 * @generation: the newest one that the backup holds, whole and durable; 0: none,
 *	or it is inconsistent
 * @failed_volume: with HM_BACKUP_SUSPENDED: the volume whose disk failed
 * @flags: HM_ACK_*
 * @crc: crc32c of all before it
 */
struct hm_wire_ack {
	__le32 magic;
	__le32 status;
	__le64 session;
	__le64 received;
	__le64 applied;
	__le64 durable;
	__le64 applied_group;
	__le64 durable_group;
	__le64 generation;
	__le16 failed_volume;
	__le16 flags;
	__le32 crc;
} __packed;

#define HM_ACK_STAGING		0x0001	/* copies are staged: none is on the disk */
#define HM_ACK_FLAGS		0x0001

/**
 * struct hm_wire_regions - the backup tells which sectors it may have changed
 * @magic: HM_REGIONS_MAGIC
 * @volume: number of the volume
 * @flags: HM_REGIONS_LAST: that was all; the rest of the record is zero
 * @session: as chosen by the backup for this connection
 * @sector: first sector of 512 bytes
 * @sectors: how many
 * @reserved: zero
 * @crc: crc32c of all before it
 *
 * Follows the backup's hello if that says HM_HELLO_DIRTY.
 */
struct hm_wire_regions {
	__le32 magic;
	__le16 volume;
	__le16 flags;
	__le64 session;
	__le64 sector;
	__le64 sectors;
	u8 reserved[28];
	__le32 crc;
} __packed;

#define HM_REGIONS_LAST		0x0001

/**
 * enum hm_backup_status - how the backup is
 * @HM_BACKUP_APPLYING: well
 * @HM_BACKUP_SUSPENDED: a disk refused an update; mirroring is suspended
 * @HM_BACKUP_STARTING: it has not gone through HM_CTRL_START yet: a sign of life,
 *	the numbers are zero
 */
enum hm_backup_status {
	HM_BACKUP_APPLYING	= 0,
	HM_BACKUP_SUSPENDED	= 1,
	HM_BACKUP_STARTING	= 2,
};

static_assert(sizeof(struct hm_wire_prefix) == 16);
static_assert(sizeof(struct hm_wire_volume) == 24);
static_assert(sizeof(struct hm_wire_hello) == 616);
static_assert(sizeof(struct hm_wire_record) == 64);
static_assert(sizeof(struct hm_wire_ack) == 72);
static_assert(sizeof(struct hm_wire_regions) == 64);

#endif
