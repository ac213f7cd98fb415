// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where batches lie in the log ring, and what their heads say. A medium may hold
 * anything: hm_decode_batch() and hm_decode_record() let nothing through that
 * could not have been written.
 */
#include "ring.h"

/**
 * hm_ring_blocks_of() - how large a ring a metadata device has room for
 * @device_bytes: its size, bytes
 * @sectors: size of the volume, sectors of 512 bytes
 * @region_shift: log2 of the sectors in a region
 *
 * Return: blocks of HM_META_BLOCK; 0 if there is no room for one that is of use.
 */
u64 hm_ring_blocks_of(u64 device_bytes, u64 sectors, u8 region_shift)
{
	u64 used = hm_format_bytes(sectors, region_shift);
	u64 blocks;

	if (device_bytes <= used)
		return 0;
	blocks = (device_bytes - used) / HM_META_BLOCK;
	return blocks < HM_RING_MIN_BLOCKS ? 0 : blocks;
}

/**
 * hm_batch_blocks() - how much room a batch takes
 * @payload: bytes of all its payloads
 *
 * Return: blocks of HM_META_BLOCK.
 */
u32 hm_batch_blocks(u32 payload)
{
	return 1 + (payload + HM_META_BLOCK - 1) / HM_META_BLOCK;
}

/**
 * hm_ring_block() - which block of the ring a position is
 * @blocks: size of the ring
 * @position: the position
 */
u64 hm_ring_block(u64 blocks, u64 position)
{
	u64 block;

	div64_u64_rem(position, blocks, &block);
	return block;
}

/**
 * hm_ring_sector() - where a position lies on the metadata device
 * @bitmap_blocks: size of the region bitmap, which comes before it
 * @r: the ring
 * @position: the position
 *
 * Return: sectors of 512 bytes.
 */
u64 hm_ring_sector(u32 bitmap_blocks, const struct hm_ring *r, u64 position)
{
	u64 block = hm_ring_block(r->blocks, position);

	block += HM_BITMAP_START + bitmap_blocks;
	return block * (HM_META_BLOCK / HM_META_SECTOR);
}

/**
 * hm_ring_next_lap() - where the next round through the ring begins
 * @r: the ring
 * @position: somewhere in this one
 */
u64 hm_ring_next_lap(const struct hm_ring *r, u64 position)
{
	return (div64_u64(position, r->blocks) + 1) * r->blocks;
}

/**
 * hm_ring_place() - where the next batch goes
 * @r: the ring
 * @blocks: its size
 *
 * Return: its position, or HM_RING_NOWHERE if there is no room now.
 *
 * Context: under the lock that protects @r.
 */
u64 hm_ring_place(const struct hm_ring *r, u32 blocks)
{
	u64 position = r->head;

	if (hm_ring_block(r->blocks, position) + blocks > r->blocks)
		position = hm_ring_next_lap(r, position);
	if (position + blocks - r->tail > r->blocks)
		return HM_RING_NOWHERE;
	return position;
}

static u32 hm_batch_crc(const struct hm_disk_batch *d)
{
	static const __le32 zero;
	size_t at = offsetof(struct hm_disk_batch, crc);
	const u8 *bytes = (const u8 *)d;
	u32 crc = crc32c(HM_CRC_SEED, bytes, at);

	crc = crc32c(crc, &zero, sizeof(zero));
	at += sizeof(zero);
	return crc32c(crc, bytes + at, HM_META_BLOCK - at);
}

/**
 * hm_encode_batch() - finish the head of a batch
 * @d: its first hm_batch.records records are encoded; the rest is written here
 * @b: what it is to say
 * @life: the number of the ring's life
 */
void hm_encode_batch(struct hm_disk_batch *d, const struct hm_ring_batch *b,
		     u64 life)
{
	memset(d, 0, offsetof(struct hm_disk_batch, record));
	memset(d->record + b->records, 0,
	       (HM_BATCH_RECORDS - b->records) * sizeof(d->record[0]));
	d->magic = cpu_to_le32(HM_BATCH_MAGIC);
	d->life = cpu_to_le64(life);
	d->position = cpu_to_le64(b->position);
	d->payload = cpu_to_le32(b->payload);
	d->records = cpu_to_le16(b->records);
	d->crc = cpu_to_le32(hm_batch_crc(d));
}

/**
 * hm_decode_batch() - is this the head of the next batch?
 * @d: a block
 * @life: the number of the ring's life
 * @position: where the block lies
 * @ring_blocks: size of the ring
 * @b: what it says, if it is one
 *
 * Its records are still to be decoded: struct hm_record_limits with @life for the
 * session, and what their payloads are in all must be @b->payload.
 *
 * Return: false: the log ends here.
 */
bool hm_decode_batch(const struct hm_disk_batch *d, u64 life, u64 position,
		     u64 ring_blocks, struct hm_ring_batch *b)
{
	b->position = le64_to_cpu(d->position);
	b->payload = le32_to_cpu(d->payload);
	b->records = le16_to_cpu(d->records);
	return le32_to_cpu(d->magic) == HM_BATCH_MAGIC &&
	       le64_to_cpu(d->life) == life && b->position == position &&
	       b->records && b->records <= HM_BATCH_RECORDS &&
	       b->payload <= HM_BATCH_PAYLOAD &&
	       hm_ring_block(ring_blocks, position) +
			hm_batch_blocks(b->payload) <= ring_blocks &&
	       !memchr_inv(d->reserved, 0, sizeof(d->reserved)) &&
	       !memchr_inv(d->record + b->records, 0,
			   (HM_BATCH_RECORDS - b->records) *
			   sizeof(d->record[0])) &&
	       le32_to_cpu(d->crc) == hm_batch_crc(d);
}
