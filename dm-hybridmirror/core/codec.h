/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_CODEC_H
#define HM_CORE_CODEC_H

#include "stream.h"
#include "update.h"
#include "wire.h"

/*
 * enum hm_decode - what is wrong with bytes from the peer
 *
 * hm_decode_text() has the words.
 */
enum hm_decode {
	HM_DECODE_OK,
	HM_DECODE_MAGIC,	/* not this protocol */
	HM_DECODE_VERSION,	/* no version in common */
	HM_DECODE_SIZE,		/* a size that this version does not have */
	HM_DECODE_CRC,		/* damaged */
	HM_DECODE_RESERVED,	/* reserved bytes or unknown flags are set */
	HM_DECODE_SESSION,	/* of another connection */
	HM_DECODE_KIND,		/* unknown kind */
	HM_DECODE_VOLUME,	/* no such volume */
	HM_DECODE_RANGE,	/* outside of the volume, across a chunk, misaligned */
	HM_DECODE_PAYLOAD,	/* payload length does not fit the kind and range */
	HM_DECODE_NUMBER,	/* group or seq is 0, numbers contradict each other */
	HM_DECODE_STATUS,	/* unknown status */
	HM_DECODE_NAME,		/* set name not terminated or not zero padded */
	HM_DECODE_LINEAGE,	/* generations that cannot be */
};

/**
 * struct hm_volume_info - what one side says of one of its volumes
 * @sectors: size in sectors of 512 bytes
 * @logical_block: bytes, a power of two from 512 to 1 MiB
 * @physical_block: bytes
 * @number: below HM_MAX_VOLUMES
 * @flags: HM_VOLUME_*
 */
struct hm_volume_info {
	u64 sectors;
	u32 logical_block;
	u32 physical_block;
	u16 number;
	u16 flags;
};

/* struct hm_hello - struct hm_wire_hello, decoded; see there */
struct hm_hello {
	u16 version;
	u16 oldest;
	u64 features;
	u8 stream[HM_UUID_BYTES];
	u64 session;
	struct hm_acks acks;
	u64 last_seq;
	u16 refusal;
	u16 flags;
	char set[HM_SET_NAME_MAX];
	struct hm_lineage lineage;
	u8 origin;
	u16 volumes;
	struct hm_volume_info volume[HM_MAX_VOLUMES];
};

/**
 * struct hm_record - a record's header, decoded
 * @update: seq, group, sector, sectors, volume, kind and flags are valid
 * @session: of the connection
 * @payload: bytes that follow
 * @payload_crc: of those bytes
 */
struct hm_record {
	struct hm_update update;
	u64 session;
	u32 payload;
	u32 payload_crc;
};

/* struct hm_ack_record - an acknowledgment, decoded; see struct hm_wire_ack */
struct hm_ack_record {
	u64 session;
	struct hm_acks acks;
	u64 applied_group;
	u64 durable_group;
	u64 generation;
	u16 failed_volume;
	u8 status;
	bool staging;
};

/* struct hm_range - struct hm_wire_regions, decoded; sectors is 0 in the last */
struct hm_range {
	u64 sector;
	u64 sectors;
	u16 volume;
};

/**
 * struct hm_record_limits - what a record from the peer may say
 * @session: of this connection
 * @sectors: by volume number: size in sectors of 512 bytes; 0: no such volume
 * @logical_block: by volume number: in bytes; ranges are multiples of it
 */
struct hm_record_limits {
	u64 session;
	u64 sectors[HM_MAX_VOLUMES];
	u32 logical_block[HM_MAX_VOLUMES];
};

#define HM_CRC_SEED	(~0U)

const char *hm_decode_text(enum hm_decode what);
bool hm_set_name_fits(const u8 *name);

void hm_encode_record(struct hm_wire_record *w, const struct hm_update *u,
		      u64 session, u32 payload_crc);
void hm_encode_control(struct hm_wire_record *w, u8 kind, u8 flags, u64 session,
		       u64 seq);
void hm_encode_start(struct hm_wire_record *w, u8 flags, u64 session, u64 seq,
		     u64 sectors);
enum hm_decode hm_decode_record(const struct hm_wire_record *w,
				const struct hm_record_limits *limits,
				struct hm_record *r);

void hm_encode_ack(struct hm_wire_ack *w, const struct hm_ack_record *a);
enum hm_decode hm_decode_ack(const struct hm_wire_ack *w, u64 session,
			     struct hm_ack_record *a);

void hm_encode_regions(struct hm_wire_regions *w, const struct hm_range *r,
		       u64 session);
enum hm_decode hm_decode_regions(const struct hm_wire_regions *w,
				 const struct hm_record_limits *limits,
				 struct hm_range *r);

void hm_encode_hello(struct hm_wire_hello *w, const struct hm_hello *h);
enum hm_decode hm_decode_prefix(const struct hm_wire_prefix *w, u16 *version);
enum hm_decode hm_decode_hello(const struct hm_wire_hello *w,
			       struct hm_hello *h);

#endif
