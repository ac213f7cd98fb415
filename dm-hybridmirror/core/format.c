// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between the structures and the metadata device. A medium may hold anything:
 * all that is read passes one of the decoders below, and what they let through
 * can be used without another look.
 */
#include "format.h"

#define HM_BLOCK_SECTORS	(HM_META_BLOCK / HM_META_SECTOR)
#define HM_SECTOR_WORDS		(HM_SECTOR_REGIONS / BITS_PER_LONG)

static_assert(HM_BLOCK_SECTORS * HM_SECTOR_REGIONS == HM_BLOCK_REGIONS);
static_assert(HM_SECTOR_REGIONS % BITS_PER_LONG == 0);

/**
 * hm_format_text() - words for what a metadata device holds
 * @what: what a decoder returned
 *
 * Return: a static string without a trailing period: what it is, and what can
 * be done.
 *
 * Context: any.
 */
const char *hm_format_text(enum hm_format what)
{
	static const char * const text[] = {
		[HM_FORMAT_OK] = "the metadata is good",
		[HM_FORMAT_EMPTY] = "the metadata device is empty: the target formats it when it is first used",
		[HM_FORMAT_FOREIGN] = "the metadata device holds something else: if that is not needed, zero its first 8 KiB to have it formatted",
		[HM_FORMAT_VERSION_NEW] = "the metadata was written by a newer version: use that one, or zero its first 8 KiB to begin anew with a full copy",
		[HM_FORMAT_DAMAGED] = "the superblock of the metadata is damaged: zero its first 8 KiB to begin anew with a full copy",
		[HM_FORMAT_BITMAP] = "the region bitmap of the metadata is damaged: zero the first 8 KiB of the device to begin anew with a full copy",
		[HM_FORMAT_LOG] = "the log of the metadata is damaged, updates that were acknowledged are missing: zero the first 8 KiB of the device to begin anew with a full copy",
	};

	if ((unsigned int)what >= ARRAY_SIZE(text))
		return "unknown state of the metadata";
	return text[what];
}

/**
 * hm_format_bitmap_blocks() - size of the region bitmap
 * @sectors: size of the volume, sectors of 512 bytes
 * @region_shift: log2 of the sectors in a region
 *
 * Return: blocks of HM_META_BLOCK bytes; 0 if there are more regions than
 * HM_REGIONS_MAX, or none.
 *
 * Context: any.
 */
u32 hm_format_bitmap_blocks(u64 sectors, u8 region_shift)
{
	u64 count = hm_regions_count(sectors, region_shift);

	if (count > HM_REGIONS_MAX)
		return 0;
	return DIV_ROUND_UP((u32)count, HM_BLOCK_REGIONS);
}

/**
 * hm_format_bytes() - how large a metadata device has to be, without a log
 * @sectors: size of the volume, sectors of 512 bytes
 * @region_shift: log2 of the sectors in a region
 *
 * Return: bytes; more than any device has if there are more regions than
 * HM_REGIONS_MAX.
 *
 * Context: any.
 */
u64 hm_format_bytes(u64 sectors, u8 region_shift)
{
	u32 blocks = hm_format_bitmap_blocks(sectors, region_shift);

	if (!blocks)
		return ~0ULL;
	return (u64)(HM_BITMAP_START + blocks) * HM_META_BLOCK;
}

/* Checksum of a sector whose own crc field, here at @at, counts as zero. */
static u32 hm_sector_crc(const void *sector, size_t at)
{
	static const __le32 zero;
	const u8 *bytes = sector;
	u32 crc = crc32c(HM_CRC_SEED, bytes, at);

	crc = crc32c(crc, &zero, sizeof(zero));
	at += sizeof(zero);
	return crc32c(crc, bytes + at, HM_META_SECTOR - at);
}

static u32 hm_super_crc(const struct hm_disk_super *d)
{
	return hm_sector_crc(d, offsetof(struct hm_disk_super, crc));
}

static u32 hm_bitmap_crc(const struct hm_disk_bitmap *d)
{
	return hm_sector_crc(d, offsetof(struct hm_disk_bitmap, crc));
}

static void hm_encode_lineage(struct hm_disk_super *d,
			      const struct hm_lineage *l)
{
	unsigned int i;

	d->covered = l->covered;
	if (l->inconsistent)
		d->flags |= cpu_to_le16(HM_SUPER_INCONSISTENT);
	if (l->covers_fresh)
		d->flags |= cpu_to_le16(HM_SUPER_COVERS_FRESH);
	if (l->untold)
		d->flags |= cpu_to_le16(HM_SUPER_UNTOLD);
	for (i = 0; i < HM_GENERATIONS; i++)
		d->generation[i] = cpu_to_le64(l->generation[i]);
}

/**
 * hm_encode_super() - the superblock, for the first sector of a copy
 * @d: filled in
 * @s: what it says; seq is not used without position, since and forced not
 *	unless the lineage is inconsistent
 *
 * The caller zeroes the rest of the copy's block.
 *
 * Context: any.
 */
void hm_encode_super(struct hm_disk_super *d, const struct hm_super *s)
{
	unsigned int i;

	memset(d, 0, sizeof(*d));
	d->magic = cpu_to_le64(HM_SUPER_MAGIC);
	d->version = cpu_to_le16(s->ring_blocks ? HM_FORMAT_VERSION :
						  HM_FORMAT_PLAIN);
	d->sequence = cpu_to_le64(s->sequence);
	memcpy(d->volume_uuid, s->volume_uuid, sizeof(d->volume_uuid));
	memcpy(d->set_uuid, s->set_uuid, sizeof(d->set_uuid));
	/* Not memcpy(): bytes of ours beyond the terminator are not kept. */
	for (i = 0; i < HM_SET_NAME_MAX - 1 && s->set[i]; i++)
		d->set[i] = s->set[i];
	d->volume = cpu_to_le16(s->volume);
	d->role = s->role;
	d->region_shift = s->region_shift;
	d->sectors = cpu_to_le64(s->sectors);
	d->bitmap_blocks = cpu_to_le32(s->bitmap_blocks);
	hm_encode_lineage(d, &s->lineage);
	memcpy(d->stream, s->stream, sizeof(d->stream));
	d->members = cpu_to_le16(s->members);
	if (s->position) {
		d->flags |= cpu_to_le16(HM_SUPER_POSITION);
		d->seq = cpu_to_le64(s->seq);
	}
	d->group = cpu_to_le64(s->group);
	d->ring_blocks = cpu_to_le32(s->ring_blocks);
	if (s->logged) {
		d->flags |= cpu_to_le16(HM_SUPER_LOGGED);
		d->ring_life = cpu_to_le64(s->ring_life);
		d->ring_tail = cpu_to_le64(s->ring_tail);
	}
	if (s->lineage.inconsistent) {
		d->since = cpu_to_le64(s->since);
		if (s->forced)
			d->flags |= cpu_to_le16(HM_SUPER_FORCED);
	}
	d->crc = cpu_to_le32(hm_super_crc(d));
}

static bool hm_super_whole(const struct hm_disk_super *d)
{
	return le64_to_cpu(d->magic) == HM_SUPER_MAGIC &&
	       le32_to_cpu(d->crc) == hm_super_crc(d);
}

static void hm_load_super(const struct hm_disk_super *d, struct hm_super *s)
{
	u16 flags = le16_to_cpu(d->flags);
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->sequence = le64_to_cpu(d->sequence);
	memcpy(s->volume_uuid, d->volume_uuid, sizeof(s->volume_uuid));
	memcpy(s->set_uuid, d->set_uuid, sizeof(s->set_uuid));
	memcpy(s->set, d->set, sizeof(s->set));
	s->volume = le16_to_cpu(d->volume);
	s->role = d->role;
	s->region_shift = d->region_shift;
	s->sectors = le64_to_cpu(d->sectors);
	s->bitmap_blocks = le32_to_cpu(d->bitmap_blocks);
	s->lineage.covered = d->covered;
	s->lineage.inconsistent = flags & HM_SUPER_INCONSISTENT;
	s->lineage.covers_fresh = flags & HM_SUPER_COVERS_FRESH;
	s->lineage.untold = flags & HM_SUPER_UNTOLD;
	for (i = 0; i < HM_GENERATIONS; i++)
		s->lineage.generation[i] = le64_to_cpu(d->generation[i]);
	memcpy(s->stream, d->stream, sizeof(s->stream));
	s->position = flags & HM_SUPER_POSITION;
	s->forced = flags & HM_SUPER_FORCED;
	s->seq = le64_to_cpu(d->seq);
	s->group = le64_to_cpu(d->group);
	s->since = le64_to_cpu(d->since);
	s->members = le16_to_cpu(d->members);
	s->logged = flags & HM_SUPER_LOGGED;
	s->ring_blocks = le32_to_cpu(d->ring_blocks);
	s->ring_life = le64_to_cpu(d->ring_life);
	s->ring_tail = le64_to_cpu(d->ring_tail);
}

static bool hm_reserved_zero(const struct hm_disk_super *d)
{
	return !(le16_to_cpu(d->flags) & ~HM_SUPER_FLAGS) &&
	       !memchr_inv(d->reserved, 0, sizeof(d->reserved)) &&
	       !memchr_inv(d->reserved2, 0, sizeof(d->reserved2));
}

/* Without a ring it is what older versions can read, too. */
static bool hm_version_fits(const struct hm_disk_super *d)
{
	return le16_to_cpu(d->version) == (d->ring_blocks ? HM_FORMAT_VERSION :
							    HM_FORMAT_PLAIN);
}

static bool hm_geometry_fits(const struct hm_super *s)
{
	if (s->region_shift < HM_REGION_SHIFT_MIN ||
	    s->region_shift > HM_REGION_SHIFT_MAX)
		return false;
	/* No blocks: no sectors, or too many regions. */
	return s->bitmap_blocks && s->bitmap_blocks ==
	       hm_format_bitmap_blocks(s->sectors, s->region_shift);
}

/* A position is one in a stream. */
static bool hm_position_fits(const struct hm_super *s)
{
	if (!s->position)
		return !s->seq;
	return memchr_inv(s->stream, 0, sizeof(s->stream));
}

/* Only a backup has a log, and knows where in its stream that continues. */
static bool hm_log_fits(const struct hm_super *s)
{
	if (!s->logged)
		return !s->ring_life && !s->ring_tail;
	return s->ring_life && s->ring_blocks && s->position &&
	       s->role == HM_SUPER_BACKUP;
}

static bool hm_super_fits(const struct hm_super *s)
{
	if (s->role != HM_SUPER_PRIMARY && s->role != HM_SUPER_BACKUP)
		return false;
	if (s->volume >= HM_MAX_VOLUMES || !(s->members & BIT(s->volume)) ||
	    !hm_set_name_fits((const u8 *)s->set))
		return false;
	if ((s->since || s->forced) && !s->lineage.inconsistent)
		return false;
	return hm_geometry_fits(s) && hm_lineage_valid(&s->lineage) &&
	       hm_position_fits(s) && hm_log_fits(s);
}

/**
 * hm_decode_super() - check and decode one copy of the superblock
 * @d: its sector
 * @s: filled in; meaningless unless the result is HM_FORMAT_OK
 *
 * A version is believed only if the checksum fits; magic, version, crc and
 * sequence are where they are in all versions.
 *
 * Return: HM_FORMAT_OK, HM_FORMAT_EMPTY if the sector is zero,
 * HM_FORMAT_FOREIGN, HM_FORMAT_VERSION_NEW, or HM_FORMAT_DAMAGED if the
 * checksum does not fit or what is under it cannot be.
 *
 * Context: any.
 */
enum hm_format hm_decode_super(const struct hm_disk_super *d,
			       struct hm_super *s)
{
	if (!memchr_inv(d, 0, sizeof(*d)))
		return HM_FORMAT_EMPTY;
	if (le64_to_cpu(d->magic) != HM_SUPER_MAGIC)
		return HM_FORMAT_FOREIGN;
	if (!hm_super_whole(d))
		return HM_FORMAT_DAMAGED;
	if (le16_to_cpu(d->version) > HM_FORMAT_VERSION)
		return HM_FORMAT_VERSION_NEW;
	if (!hm_version_fits(d) || !hm_reserved_zero(d))
		return HM_FORMAT_DAMAGED;
	hm_load_super(d, s);
	return hm_super_fits(s) ? HM_FORMAT_OK : HM_FORMAT_DAMAGED;
}

/* No copy is whole. */
static enum hm_format hm_format_unknown(const struct hm_disk_super *d0,
					const struct hm_disk_super *d1)
{
	if (le64_to_cpu(d0->magic) == HM_SUPER_MAGIC ||
	    le64_to_cpu(d1->magic) == HM_SUPER_MAGIC)
		return HM_FORMAT_DAMAGED;
	if (!memchr_inv(d0, 0, HM_META_BLOCK))
		return HM_FORMAT_EMPTY;
	return HM_FORMAT_FOREIGN;
}

/**
 * hm_format_choose() - what does a metadata device hold?
 * @copy0: its first block, HM_META_BLOCK bytes
 * @copy1: its second block
 * @s: filled in from the copy that counts; meaningless unless the result is
 *	HM_FORMAT_OK
 *
 * The newest copy whose checksum fits counts, even if it says what we cannot
 * take: the other one is outdated. A copy whose checksum does not fit is one
 * that was being written, and the other one counts.
 *
 * Return: HM_FORMAT_OK, HM_FORMAT_EMPTY if the first block is zero and no
 * superblock is in the second, HM_FORMAT_FOREIGN, HM_FORMAT_VERSION_NEW, or
 * HM_FORMAT_DAMAGED.
 *
 * Context: any.
 */
enum hm_format hm_format_choose(const void *copy0, const void *copy1,
				struct hm_super *s)
{
	const struct hm_disk_super *d0 = copy0, *d1 = copy1;
	bool whole0 = hm_super_whole(d0), whole1 = hm_super_whole(d1);
	u64 sequence0 = le64_to_cpu(d0->sequence);
	u64 sequence1 = le64_to_cpu(d1->sequence);

	if (!whole0 && !whole1)
		return hm_format_unknown(d0, d1);
	if (!whole0 || !whole1)
		return hm_decode_super(whole0 ? d0 : d1, s);
	if (sequence0 == sequence1 && memcmp(d0, d1, sizeof(*d0)))
		return HM_FORMAT_DAMAGED;
	return hm_decode_super(sequence0 >= sequence1 ? d0 : d1, s);
}

/* A word's bytes in the order of the disk, whatever that of the processor. */
static void hm_put_word(u8 *to, unsigned long word)
{
	unsigned int i;

	for (i = 0; i < sizeof(word); i++)
		to[i] = word >> (8 * i);
}

static unsigned long hm_get_word(const u8 *from)
{
	unsigned long word = 0;
	unsigned int i;

	for (i = 0; i < sizeof(word); i++)
		word |= (unsigned long)from[i] << (8 * i);
	return word;
}

/* The bits of a word of the bitmap that are regions at all. */
static unsigned long hm_word_mask(const struct hm_regions *r, u32 word)
{
	u32 first = word * BITS_PER_LONG;

	if (first >= r->count)
		return 0;
	if (r->count - first >= BITS_PER_LONG)
		return ~0UL;
	return BIT(r->count - first) - 1;
}

static void hm_encode_bitmap_sector(struct hm_disk_bitmap *d, u32 index,
				    const struct hm_regions *r)
{
	u32 i, word = index * HM_SECTOR_WORDS;

	memset(d, 0, sizeof(*d));
	d->magic = cpu_to_le32(HM_BITMAP_MAGIC);
	d->index = cpu_to_le64(index);
	for (i = 0; i < HM_SECTOR_WORDS && hm_word_mask(r, word); i++, word++)
		hm_put_word(d->bits + i * sizeof(long), r->dirty[word] |
			    r->wanted[word] | r->writing[word]);
	d->crc = cpu_to_le32(hm_bitmap_crc(d));
}

/**
 * hm_encode_bitmap() - a block of the region bitmap
 * @block: HM_META_BLOCK bytes, filled in
 * @index: number of the block, below @r->blocks
 * @r: the regions; those that are dirty, wanted or being written are set
 *
 * Context: under the lock that protects @r.
 */
void hm_encode_bitmap(void *block, u32 index, const struct hm_regions *r)
{
	struct hm_disk_bitmap *d = block;
	u32 i;

	for (i = 0; i < HM_BLOCK_SECTORS; i++)
		hm_encode_bitmap_sector(d + i, index * HM_BLOCK_SECTORS + i, r);
}

static bool hm_bitmap_sector_fits(const struct hm_disk_bitmap *d, u32 index,
				  const struct hm_regions *r)
{
	u32 i, word = index * HM_SECTOR_WORDS;

	if (le32_to_cpu(d->magic) != HM_BITMAP_MAGIC ||
	    le32_to_cpu(d->crc) != hm_bitmap_crc(d) ||
	    le64_to_cpu(d->index) != index)
		return false;
	for (i = 0; i < HM_SECTOR_WORDS; i++) {
		if (hm_get_word(d->bits + i * sizeof(long)) &
		    ~hm_word_mask(r, word + i))
			return false;
	}
	return true;
}

static void hm_load_bitmap_sector(const struct hm_disk_bitmap *d, u32 index,
				  struct hm_regions *r)
{
	u32 i, word = index * HM_SECTOR_WORDS;
	unsigned long bits;

	for (i = 0; i < HM_SECTOR_WORDS && hm_word_mask(r, word); i++, word++) {
		bits = hm_get_word(d->bits + i * sizeof(long));
		r->dirty_count += hweight_long(bits & ~r->dirty[word]);
		r->dirty[word] |= bits;
	}
}

/**
 * hm_decode_bitmap() - check a block of the region bitmap and take it over
 * @block: HM_META_BLOCK bytes
 * @index: number of the block
 * @r: the regions; those that the block names become dirty
 *
 * Return: HM_FORMAT_OK, or HM_FORMAT_BITMAP and nothing has changed.
 *
 * Context: under the lock that protects @r, or before anybody else uses it.
 */
enum hm_format hm_decode_bitmap(const void *block, u32 index,
				struct hm_regions *r)
{
	const struct hm_disk_bitmap *d = block;
	u32 i, first = index * HM_BLOCK_SECTORS;

	if (index >= r->blocks)
		return HM_FORMAT_BITMAP;
	for (i = 0; i < HM_BLOCK_SECTORS; i++) {
		if (!hm_bitmap_sector_fits(d + i, first + i, r))
			return HM_FORMAT_BITMAP;
	}
	for (i = 0; i < HM_BLOCK_SECTORS; i++)
		hm_load_bitmap_sector(d + i, first + i, r);
	return HM_FORMAT_OK;
}
