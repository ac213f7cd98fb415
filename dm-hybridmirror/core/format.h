/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lies on a metadata device. All fields little endian, all reserved bytes
 * zero, no kernel constants. The unit of damage is a sector of 512 bytes: each
 * one bears a checksum and says what it is, and no sector is torn by a crash.
 *
 *	byte 0		superblock, copy 0
 *	byte 4096	superblock, copy 1
 *	byte 8192	the region bitmap, in blocks of 4096 bytes
 *	after it	the rest of the device: the log ring, see ring.h
 */
#ifndef HM_CORE_FORMAT_H
#define HM_CORE_FORMAT_H

#include "codec.h"
#include "lineage.h"
#include "regions.h"

#define HM_FORMAT_VERSION	2
#define HM_FORMAT_PLAIN		1	/* the same without a log ring */

#define HM_SUPER_MAGIC		0x52455055534d5948ULL	/* "HYMSUPER" */
#define HM_BITMAP_MAGIC		0x424d5948U		/* "HYMB" */

#define HM_META_BLOCK		4096U	/* bytes */
#define HM_META_SECTOR		512U	/* bytes */
#define HM_SUPER_COPIES		2U
#define HM_BITMAP_START		2U	/* in blocks of HM_META_BLOCK */

/**
 * struct hm_disk_super - the superblock, one sector
 * @magic: HM_SUPER_MAGIC
 * @version: HM_FORMAT_VERSION, or HM_FORMAT_PLAIN
 * @flags: HM_SUPER_*
 * @crc: crc32c of the sector with this field zero
 * @sequence: one more for each change; the copies are written one after the
 *	other, and the newest whole one counts
 * @volume_uuid: names the volume; chosen by whoever formats
 * @set_uuid: names the set
 * @set: name of the ordering domain, zero padded; empty: the device's own
 * @volume: number of the volume in the set
 * @role: 1: primary, 2: backup: the role last held
 * @region_shift: log2 of the sectors in a region
 * @covered: struct hm_lineage
 * @reserved: zero
 * @sectors: size of the volume, sectors of 512 bytes
 * @bitmap_blocks: size of the region bitmap in blocks of HM_META_BLOCK
 * @ring_blocks: size of the log ring in blocks of HM_META_BLOCK; 0: none
 * @generation: struct hm_lineage
 * @stream: the stream that the backup follows, or followed before it became the
 *	primary; zero: none
 * @seq: the backup's position in it, if HM_SUPER_POSITION, else 0
 * @group: group of @seq: the disk is consistent at that group; without
 *	HM_SUPER_POSITION it is at least that
 * @since: inconsistent since this time, seconds of the Unix epoch, else 0
 * @members: bit n: volume n is of the set, and this is one of them
 * @ring_life: what the batches of the log ring bear; 0 unless HM_SUPER_LOGGED
 * @ring_tail: position of the oldest batch that is to be performed; likewise
 * @reserved2: zero
 *
 * @magic, @version, @crc and @sequence are the same in all versions. A copy is
 * the first sector of its block; the rest of the block is zero, and ignored.
 */
struct hm_disk_super {
	__le64 magic;
	__le16 version;
	__le16 flags;
	__le32 crc;
	__le64 sequence;
	u8 volume_uuid[HM_UUID_BYTES];
	u8 set_uuid[HM_UUID_BYTES];
	u8 set[HM_SET_NAME_MAX];
	__le16 volume;
	u8 role;
	u8 region_shift;
	u8 covered;
	u8 reserved[3];
	__le64 sectors;
	__le32 bitmap_blocks;
	__le32 ring_blocks;
	__le64 generation[HM_GENERATIONS];
	u8 stream[HM_UUID_BYTES];
	__le64 seq;
	__le64 group;
	__le64 since;
	__le16 members;
	__le64 ring_life;
	__le64 ring_tail;
	u8 reserved2[246];
} __packed;

#define HM_SUPER_INCONSISTENT	0x0001	/* struct hm_lineage */
#define HM_SUPER_COVERS_FRESH	0x0002	/* struct hm_lineage */
#define HM_SUPER_POSITION	0x0004	/* stopped cleanly: @seq is exact */
#define HM_SUPER_FORCED		0x0008	/* may be promoted though inconsistent */
#define HM_SUPER_UNTOLD		0x0010	/* struct hm_lineage */
#define HM_SUPER_LOGGED		0x0020	/* the log continues at @seq: see ring.h */
#define HM_SUPER_FLAGS		0x003f

/**
 * struct hm_disk_bitmap - one sector of the region bitmap
 * @magic: HM_BITMAP_MAGIC
 * @crc: crc32c of the sector with this field zero
 * @index: number of the sector in the bitmap
 * @bits: region n of this sector is bit n % 8 of byte n / 8; set: dirty
 */
struct hm_disk_bitmap {
	__le32 magic;
	__le32 crc;
	__le64 index;
	u8 bits[HM_SECTOR_REGIONS / 8];
} __packed;

static_assert(sizeof(struct hm_disk_super) == HM_META_SECTOR);
static_assert(sizeof(struct hm_disk_bitmap) == HM_META_SECTOR);

/* struct hm_super - struct hm_disk_super, decoded; see there */
struct hm_super {
	u64 sequence;
	u8 volume_uuid[HM_UUID_BYTES];
	u8 set_uuid[HM_UUID_BYTES];
	char set[HM_SET_NAME_MAX];
	u16 volume;
	u8 role;		/* HM_SUPER_PRIMARY or HM_SUPER_BACKUP */
	u8 region_shift;
	u64 sectors;
	u32 bitmap_blocks;
	struct hm_lineage lineage;
	u8 stream[HM_UUID_BYTES];
	bool position;
	bool forced;
	u64 seq;
	u64 group;
	u64 since;
	u16 members;
	bool logged;
	u32 ring_blocks;
	u64 ring_life;
	u64 ring_tail;
};

#define HM_SUPER_PRIMARY	1
#define HM_SUPER_BACKUP		2

/*
 * enum hm_format - what a metadata device holds
 *
 * hm_format_text() has the words.
 */
enum hm_format {
	HM_FORMAT_OK,
	HM_FORMAT_EMPTY,	/* the first 4 KiB are zero: to be formatted */
	HM_FORMAT_FOREIGN,	/* something else lies there */
	HM_FORMAT_VERSION_NEW,	/* of a newer version */
	HM_FORMAT_DAMAGED,	/* no whole superblock, or one that cannot be */
	HM_FORMAT_BITMAP,	/* a damaged sector of the bitmap */
	HM_FORMAT_LOG,		/* updates are missing in the log */
};

const char *hm_format_text(enum hm_format what);
u32 hm_format_bitmap_blocks(u64 sectors, u8 region_shift);
u64 hm_format_bytes(u64 sectors, u8 region_shift);
void hm_encode_super(struct hm_disk_super *d, const struct hm_super *s);
enum hm_format hm_decode_super(const struct hm_disk_super *d, struct hm_super *s);
enum hm_format hm_format_choose(const void *copy0, const void *copy1,
				struct hm_super *s);
void hm_encode_bitmap(void *block, u32 index, const struct hm_regions *r);
enum hm_format hm_decode_bitmap(const void *block, u32 index,
				struct hm_regions *r);

#endif
