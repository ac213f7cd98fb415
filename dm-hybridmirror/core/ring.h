/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log ring: what lies on a metadata device behind the bitmap. Records in the
 * wire's own format, in batches: one append each. A batch is
 *
 *	block 0		struct hm_disk_batch, and the headers of its records
 *	after it	their payloads, one behind the other, up to a block's end
 *
 * A position counts blocks of HM_META_BLOCK since the ring was begun and never
 * returns; the block is that modulo the size of the ring. No batch goes across
 * the end of the device: it begins at the next multiple of the size instead.
 *
 * Each batch bears its position and the number of the ring's life, so that what
 * an earlier lap or an earlier life has left is never taken for one. Each payload
 * has its checksum, so that a torn batch holds the records before the hole.
 */
#ifndef HM_CORE_RING_H
#define HM_CORE_RING_H

#include "codec.h"
#include "format.h"

#define HM_BATCH_MAGIC		0x4c4d5948U	/* "HYML" */

/* A ring of less cannot hold some batches of the largest size. */
#define HM_RING_MIN_BLOCKS	(4 * (2 + HM_MAX_PAYLOAD / HM_META_BLOCK))

/**
 * struct hm_disk_batch - the head of a batch
 * @magic: HM_BATCH_MAGIC
 * @crc: crc32c of the block with this field zero
 * @life: struct hm_super.ring_life
 * @position: where it is
 * @payload: bytes of all payloads
 * @records: how many
 * @reserved: zero
 * @record: their headers; hm_wire_record.session is @life; the rest zero
 */
struct hm_disk_batch {
	__le32 magic;
	__le32 crc;
	__le64 life;
	__le64 position;
	__le32 payload;
	__le16 records;
	u8 reserved[34];
	struct hm_wire_record record[63];
} __packed;

static_assert(sizeof(struct hm_disk_batch) == HM_META_BLOCK);

#define HM_BATCH_RECORDS	63
#define HM_BATCH_PAYLOAD	HM_MAX_PAYLOAD	/* bytes */

/**
 * struct hm_ring - space
 * @blocks: size of the ring, blocks
 * @head: position where the next batch may begin
 * @tail: position of the oldest batch that must be kept
 *
 * Protected by the lock of its owner.
 */
struct hm_ring {
	u64 blocks;
	u64 head;
	u64 tail;
};

#define HM_RING_NOWHERE		(~0ULL)

/* struct hm_ring_batch - the head of a batch, decoded */
struct hm_ring_batch {
	u64 position;
	u32 payload;		/* bytes */
	u16 records;
};

u64 hm_ring_blocks_of(u64 device_bytes, u64 sectors, u8 region_shift);
u32 hm_batch_blocks(u32 payload);
u64 hm_ring_block(u64 blocks, u64 position);
u64 hm_ring_place(const struct hm_ring *r, u32 blocks);
u64 hm_ring_sector(u32 bitmap_blocks, const struct hm_ring *r, u64 position);
u64 hm_ring_next_lap(const struct hm_ring *r, u64 position);

void hm_encode_batch(struct hm_disk_batch *d, const struct hm_ring_batch *b,
		     u64 life);
bool hm_decode_batch(const struct hm_disk_batch *d, u64 life, u64 position,
		     u64 ring_blocks, struct hm_ring_batch *b);

#endif
