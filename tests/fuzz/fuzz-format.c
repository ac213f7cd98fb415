// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes from a metadata device. What a decoder lets through must be inside all
 * limits and must encode to the very same bytes; what it refuses must have
 * changed nothing.
 *
 * The first byte says what the rest is. Unless it says otherwise magic, version
 * and checksum are made to fit, or no input would ever get past them.
 */
#include "fuzz.h"
#include "format.h"
#include "ring.h"

#define WHAT		0x03
#define AS_IT_IS	0x04	/* the sector, or copy 0 */
#define AS_IT_IS_1	0x08	/* copy 1 */
#define REST		0x10	/* of block 0: something lies there */

static void fill(struct bytes *b, void *to, size_t bytes)
{
	u8 *at = to;

	while (bytes--)
		*at++ = take(b);
}

/* The checksum of a sector in which it is zero. */
static __le32 crc_of(const void *sector)
{
	return cpu_to_le32(crc32c(HM_CRC_SEED, sector, HM_META_SECTOR));
}

static void seal_super(struct hm_disk_super *d)
{
	d->magic = cpu_to_le64(HM_SUPER_MAGIC);
	if (d->flags & cpu_to_le16(0x8000)) {
		/* The size of the bitmap fits as well. */
		d->flags &= ~cpu_to_le16(0x8000);
		d->bitmap_blocks = cpu_to_le32(hm_format_bitmap_blocks
					       (le64_to_cpu(d->sectors),
						d->region_shift & 31));
	}
	d->crc = 0;
	d->crc = crc_of(d);
}

static void check_super(const struct hm_disk_super *d, const struct hm_super *s)
{
	struct hm_disk_super again;
	u64 count;
	size_t i;

	check(s->role == HM_SUPER_PRIMARY || s->role == HM_SUPER_BACKUP);
	check(s->volume < HM_MAX_VOLUMES);
	check(memchr(s->set, 0, sizeof(s->set)));
	for (i = 0; s->set[i]; i++)
		check(s->set[i] > ' ' && s->set[i] <= '~');
	check(s->region_shift >= HM_REGION_SHIFT_MIN);
	check(s->region_shift <= HM_REGION_SHIFT_MAX);
	check(s->sectors);
	count = hm_regions_count(s->sectors, s->region_shift);
	check(count && count <= HM_REGIONS_MAX);
	check((u64)s->bitmap_blocks * HM_BLOCK_REGIONS >= count);
	check((u64)(s->bitmap_blocks - 1) * HM_BLOCK_REGIONS < count);
	check(!s->since || s->lineage.inconsistent);
	check(!s->forced || s->lineage.inconsistent);
	check(!s->seq || s->position);
	check_lineage(&s->lineage);
	hm_encode_super(&again, s);
	check(!memcmp(d, &again, sizeof(again)));
}

static void fuzz_super(struct bytes *b, bool as_it_is)
{
	struct hm_disk_super d;
	enum hm_format what;
	struct hm_super s;

	fill(b, &d, sizeof(d));
	if (!as_it_is)
		seal_super(&d);
	what = hm_decode_super(&d, &s);
	if (what == HM_FORMAT_OK)
		check_super(&d, &s);
	if (!as_it_is)
		check(what == HM_FORMAT_OK || what == HM_FORMAT_DAMAGED ||
		      what == HM_FORMAT_VERSION_NEW);
	check(what < HM_FORMAT_BITMAP && *hm_format_text(what));
}

static bool is_super(const struct hm_disk_super *d)
{
	return le64_to_cpu(d->magic) == HM_SUPER_MAGIC;
}

static void check_chosen(const struct hm_disk_super *d0,
			 const struct hm_disk_super *d1, struct hm_super *s)
{
	bool first = s->sequence == le64_to_cpu(d0->sequence) &&
		     hm_decode_super(d0, s) == HM_FORMAT_OK;
	const struct hm_disk_super *other = first ? d1 : d0;
	struct hm_super unused;

	check_super(first ? d0 : d1, s);
	if (hm_decode_super(other, &unused) == HM_FORMAT_OK)
		check(unused.sequence <= s->sequence);
}

static void fuzz_choose(struct bytes *b, u8 how)
{
	static u8 copy[HM_SUPER_COPIES][HM_META_BLOCK];
	struct hm_disk_super *d0 = (void *)copy[0], *d1 = (void *)copy[1];
	enum hm_format what;
	struct hm_super s;

	memset(copy, 0, sizeof(copy));
	fill(b, d0, sizeof(*d0));
	if (!(how & AS_IT_IS))
		seal_super(d0);
	fill(b, d1, sizeof(*d1));
	if (!(how & AS_IT_IS_1))
		seal_super(d1);
	if (how & REST)
		copy[0][HM_META_BLOCK - 1] = 1;
	what = hm_format_choose(copy[0], copy[1], &s);
	switch (what) {
	case HM_FORMAT_OK:
		check_chosen(d0, d1, &s);
		break;
	case HM_FORMAT_EMPTY:
		check(!memchr_inv(copy[0], 0, HM_META_BLOCK) && !is_super(d1));
		break;
	case HM_FORMAT_FOREIGN:
		check(memchr_inv(copy[0], 0, HM_META_BLOCK));
		check(!is_super(d0) && !is_super(d1));
		break;
	default:
		check(what < HM_FORMAT_BITMAP);
		check(is_super(d0) || is_super(d1));
		break;
	}
}

static u32 weight(const struct hm_regions *r)
{
	u32 i, n = 0;

	for (i = 0; i < BITS_TO_LONGS(r->count); i++)
		n += hweight_long(r->dirty[i]);
	return n;
}

/* A good block, of which one sector is replaced. */
static void fuzz_bitmap(struct bytes *b, bool as_it_is)
{
	struct hm_disk_bitmap d[HM_META_BLOCK / HM_META_SECTOR], again[8];
	u8 shape = take(b), sector = shape & 7, index = shape >> 3 & 1;
	u32 count = (shape >> 4 & 3) * 16000 + take(b) * 16 + 1;
	u64 sectors = (u64)count << HM_REGION_SHIFT_MIN;
	struct hm_regions r;
	void *memory;

	memory = calloc(1, hm_regions_bytes(sectors, HM_REGION_SHIFT_MIN));
	hm_regions_init(&r, sectors, HM_REGION_SHIFT_MIN, memory);
	hm_encode_bitmap(d, index % r.blocks, &r);
	if (as_it_is) {
		fill(b, &d[sector], sizeof(d[0]));
	} else {
		fill(b, d[sector].bits, sizeof(d[0].bits));
		d[sector].crc = 0;
		d[sector].crc = crc_of(&d[sector]);
	}
	if (hm_decode_bitmap(d, index, &r) == HM_FORMAT_OK) {
		check(index < r.blocks && r.dirty_count == weight(&r));
		hm_encode_bitmap(again, index, &r);
		check(!memcmp(d, again, sizeof(again)));
	} else {
		check(!r.dirty_count);
		check(!memchr_inv(memory, 0, hm_regions_bytes
				  (sectors, HM_REGION_SHIFT_MIN)));
	}
	free(memory);
}

/* A block of the log ring: what is taken for a batch is one. */
static void fuzz_batch(struct bytes *b, bool as_it_is)
{
	static struct hm_disk_batch d, again;
	u64 ring_blocks = 1 + take(b) * 2;
	struct hm_ring_batch batch;
	u64 life, position;

	memset(&d, 0, sizeof(d));
	fill(b, &d, offsetof(struct hm_disk_batch, record));
	fill(b, d.record, 2 * sizeof(d.record[0]));
	life = le64_to_cpu(d.life);
	position = le64_to_cpu(d.position);
	if (!as_it_is) {
		d.magic = cpu_to_le32(HM_BATCH_MAGIC);
		d.payload &= cpu_to_le32(0x1fffff);
		d.crc = 0;
		d.crc = cpu_to_le32(crc32c(HM_CRC_SEED, &d, sizeof(d)));
	}
	if (!hm_decode_batch(&d, life, position, ring_blocks, &batch))
		return;
	check(batch.records && batch.records <= HM_BATCH_RECORDS);
	check(batch.payload <= HM_BATCH_PAYLOAD);
	check(position % ring_blocks + hm_batch_blocks(batch.payload) <=
	      ring_blocks);
	again = d;
	hm_encode_batch(&again, &batch, life);
	check(!memcmp(&d, &again, sizeof(d)));
	check(!hm_decode_batch(&d, life + 1, position, ring_blocks, &batch));
	check(!hm_decode_batch(&d, life, position + ring_blocks, ring_blocks,
			       &batch));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct bytes b = { data, size };
	u8 how = take(&b);

	switch (how & WHAT) {
	case 0:
		fuzz_super(&b, how & AS_IT_IS);
		break;
	case 1:
		fuzz_choose(&b, how);
		break;
	case 2:
		fuzz_bitmap(&b, how & AS_IT_IS);
		break;
	case 3:
		fuzz_batch(&b, how & AS_IT_IS);
		break;
	}
	return 0;
}
