// SPDX-License-Identifier: GPL-2.0-only
/*
 * The metadata device as a whole: which copy of the superblock counts, whatever
 * a crash has left, and the blocks of the bitmap.
 */
#include <stdlib.h>

#include "hm-format-test.h"

#define VOLUME	(2ULL * HM_BLOCK_REGIONS << HM_REGION_SHIFT_MIN)

/* The first two blocks of a metadata device. */
struct device {
	u8 copy[HM_SUPER_COPIES][HM_META_BLOCK];
};

static void blank(struct device *dev)
{
	memset(dev, 0, sizeof(*dev));
}

static void put_super(u8 *block, u64 sequence)
{
	struct hm_super s = sample_super();

	s.sequence = sequence;
	s.group = sequence + 1000;
	memset(block, 0, HM_META_BLOCK);
	hm_encode_super((struct hm_disk_super *)block, &s);
}

static void put_version(u8 *block, u64 sequence)
{
	struct hm_disk_super *d = (struct hm_disk_super *)block;

	put_super(block, sequence);
	d->version = cpu_to_le16(HM_FORMAT_VERSION + 1);
	reseal_super(d);
}

static enum hm_format choose(const struct device *dev)
{
	struct hm_super s;

	return hm_format_choose(dev->copy[0], dev->copy[1], &s);
}

static u64 chosen(const struct device *dev)
{
	struct hm_super s;

	assert_format(hm_format_choose(dev->copy[0], dev->copy[1], &s),
		      HM_FORMAT_OK);
	assert_true(s.group == s.sequence + 1000);
	return s.sequence;
}

static void test_newest_counts(void **state)
{
	struct device dev;

	blank(&dev);
	put_super(dev.copy[0], 8);
	put_super(dev.copy[1], 7);
	assert_int_equal(chosen(&dev), 8);
	put_super(dev.copy[1], 9);
	assert_int_equal(chosen(&dev), 9);
	put_super(dev.copy[1], 0xffffffff00000000ULL);
	assert_true(chosen(&dev) == 0xffffffff00000000ULL);
}

static void test_same_sequence(void **state)
{
	struct device dev;

	blank(&dev);
	put_super(dev.copy[0], 8);
	put_super(dev.copy[1], 8);
	assert_int_equal(chosen(&dev), 8);
	((struct hm_disk_super *)dev.copy[1])->group = cpu_to_le64(1);
	reseal_super((struct hm_disk_super *)dev.copy[1]);
	assert_format(choose(&dev), HM_FORMAT_DAMAGED);
}

static void test_one_copy(void **state)
{
	struct device dev;
	unsigned int i;

	for (i = 0; i < HM_SUPER_COPIES; i++) {
		blank(&dev);
		put_super(dev.copy[i], 5);
		assert_int_equal(chosen(&dev), 5);
		memset(dev.copy[!i], 0xff, HM_META_BLOCK);
		assert_int_equal(chosen(&dev), 5);
		put_super(dev.copy[!i], 6);
		dev.copy[!i][300] ^= 1;
		assert_int_equal(chosen(&dev), 5);
	}
}

static void test_no_copy(void **state)
{
	struct device dev;
	unsigned int at;

	blank(&dev);
	assert_format(choose(&dev), HM_FORMAT_EMPTY);
	memset(dev.copy[1], 0x55, HM_META_BLOCK);
	assert_format(choose(&dev), HM_FORMAT_EMPTY);
	for (at = 0; at < HM_META_BLOCK; at += 511) {
		blank(&dev);
		dev.copy[0][at] = 1;
		assert_format(choose(&dev), HM_FORMAT_FOREIGN);
	}
}

static void test_both_damaged(void **state)
{
	struct device dev;
	unsigned int i;

	for (i = 0; i < HM_SUPER_COPIES; i++) {
		blank(&dev);
		put_super(dev.copy[i], 5);
		dev.copy[i][300] ^= 1;
		assert_format(choose(&dev), HM_FORMAT_DAMAGED);
		memset(dev.copy[!i], 0x55, HM_META_BLOCK);
		assert_format(choose(&dev), HM_FORMAT_DAMAGED);
		put_super(dev.copy[!i], 6);
		dev.copy[!i][200] ^= 1;
		assert_format(choose(&dev), HM_FORMAT_DAMAGED);
	}
}

static void test_newer_version(void **state)
{
	struct device dev;

	blank(&dev);
	put_version(dev.copy[0], 8);
	assert_format(choose(&dev), HM_FORMAT_VERSION_NEW);
	/* An older copy of our version is outdated. */
	put_super(dev.copy[1], 7);
	assert_format(choose(&dev), HM_FORMAT_VERSION_NEW);
	put_super(dev.copy[1], 9);
	assert_int_equal(chosen(&dev), 9);
	put_version(dev.copy[1], 9);
	assert_format(choose(&dev), HM_FORMAT_VERSION_NEW);
	dev.copy[0][9] ^= 1;
	dev.copy[1][9] ^= 1;
	assert_format(choose(&dev), HM_FORMAT_DAMAGED);
}

/* A checksum that fits is not enough to be a superblock. */
static void test_other_magic(void **state)
{
	struct device dev;

	blank(&dev);
	put_super(dev.copy[0], 8);
	dev.copy[0][0] = 'x';
	reseal_super((struct hm_disk_super *)dev.copy[0]);
	assert_format(choose(&dev), HM_FORMAT_FOREIGN);
	put_super(dev.copy[1], 7);
	assert_int_equal(chosen(&dev), 7);
}

/* What cannot be, but was written so: the copy before it is outdated. */
static void test_newest_cannot_be(void **state)
{
	struct hm_super s = sample_super();
	struct device dev;

	blank(&dev);
	put_super(dev.copy[0], 8);
	s.sequence = 9;
	s.role = 3;
	hm_encode_super((struct hm_disk_super *)dev.copy[1], &s);
	assert_format(choose(&dev), HM_FORMAT_DAMAGED);
	put_super(dev.copy[0], 10);
	assert_int_equal(chosen(&dev), 10);
}

static void test_flips_fall_back(void **state)
{
	struct device dev;
	unsigned int bit;

	put_super(dev.copy[0], 8);
	put_super(dev.copy[1], 7);
	for (bit = 0; bit < 8 * HM_META_SECTOR; bit++) {
		flip(dev.copy[0], bit);
		assert_int_equal(chosen(&dev), 7);
		flip(dev.copy[0], bit);
	}
	for (bit = 0; bit < 8 * HM_META_SECTOR; bit++) {
		flip(dev.copy[1], bit);
		assert_int_equal(chosen(&dev), 8);
		flip(dev.copy[1], bit);
	}
}

/*
 * A crash in the middle of a write leaves each sector of it old or new, in any
 * combination. Even if one is neither, the copy that was not written is there.
 */
static void torn(const struct device *old, const struct device *new,
		 unsigned int copy, unsigned int sectors, bool wreck)
{
	struct device dev = *old;
	unsigned int i;

	for (i = 0; i < HM_META_BLOCK / HM_META_SECTOR; i++) {
		if (!(sectors & 1U << i))
			continue;
		memcpy(dev.copy[copy] + i * HM_META_SECTOR,
		       new->copy[copy] + i * HM_META_SECTOR, HM_META_SECTOR);
		if (wreck)
			memset(dev.copy[copy] + i * HM_META_SECTOR + 100, 0x5a,
			       200);
	}
	if (sectors & 1 && !wreck)
		assert_int_equal(chosen(&dev), chosen(new));
	else
		assert_int_equal(chosen(&dev), chosen(old));
}

static void test_torn_writes(void **state)
{
	unsigned int sequence, sectors, copy;
	struct device old, new;

	blank(&old);
	put_super(old.copy[1], 1);
	for (sequence = 2; sequence < 8; sequence++) {
		copy = sequence % HM_SUPER_COPIES;
		new = old;
		put_super(new.copy[copy], sequence);
		/* The rest of the block may be anything as well. */
		memset(new.copy[copy] + HM_META_SECTOR, sequence,
		       HM_META_BLOCK - HM_META_SECTOR);
		for (sectors = 0; sectors < 256; sectors++) {
			torn(&old, &new, copy, sectors, false);
			torn(&old, &new, copy, sectors, true);
		}
		old = new;
	}
}

/* The first superblock ever: empty until it is there. */
static void test_torn_format(void **state)
{
	struct device dev;

	blank(&dev);
	memset(dev.copy[1], 0x77, HM_META_BLOCK);
	assert_format(choose(&dev), HM_FORMAT_EMPTY);
	put_super(dev.copy[1], 1);
	assert_int_equal(chosen(&dev), 1);
}

static void regions_of(struct hm_regions *r, u64 sectors)
{
	void *memory = calloc(1, hm_regions_bytes(sectors,
						  HM_REGION_SHIFT_MIN));

	assert_non_null(memory);
	hm_regions_init(r, sectors, HM_REGION_SHIFT_MIN, memory);
}

static void set_dirty(struct hm_regions *r, u32 region)
{
	__set_bit(region, r->dirty);
	r->dirty_count++;
}

static void test_bitmap_bytes(void **state)
{
	static const u8 sector8[] = {
		'H', 'Y', 'M', 'B', 0xa7, 0x80, 0x37, 0xba, 8, 0, 0, 0, 0, 0, 0,
		0, 0x01, 0x20, [511] = 0x80,
	};
	static const u8 sector9[512] = {
		'H', 'Y', 'M', 'B', 0x6c, 0x14, 0x26, 0xb2, 9, 0, 0, 0, 0, 0, 0,
		0, 0x01,
	};
	u8 block[HM_META_BLOCK];
	struct hm_regions r;

	regions_of(&r, VOLUME);
	set_dirty(&r, HM_BLOCK_REGIONS);
	set_dirty(&r, HM_BLOCK_REGIONS + 13);
	set_dirty(&r, HM_BLOCK_REGIONS + 3967);
	set_dirty(&r, HM_BLOCK_REGIONS + 3968);
	memset(block, 0xa5, sizeof(block));
	hm_encode_bitmap(block, 1, &r);
	assert_memory_equal(block, sector8, sizeof(sector8));
	assert_memory_equal(block + 512, sector9, sizeof(sector9));
	free(r.dirty);
}

static void test_bitmap_round_trip(void **state)
{
	u64 sectors = VOLUME - 3 * 128 - 5;
	struct hm_regions r, got;
	u8 block[HM_META_BLOCK];
	u32 i;

	regions_of(&r, sectors);
	regions_of(&got, sectors);
	for (i = 0; i < r.count; i += 1 + i % 7)
		set_dirty(&r, i);
	for (i = 0; i < 2; i++) {
		hm_encode_bitmap(block, i, &r);
		/* Twice is once. */
		assert_format(hm_decode_bitmap(block, i, &got), HM_FORMAT_OK);
		assert_format(hm_decode_bitmap(block, i, &got), HM_FORMAT_OK);
	}
	assert_int_equal(got.dirty_count, r.dirty_count);
	assert_memory_equal(got.dirty, r.dirty, BITS_TO_LONGS(r.count) *
			    sizeof(long));
	free(r.dirty);
	free(got.dirty);
}

/* What is not dirty yet, but will be when the write has ended. */
static void test_bitmap_names_what_is_wanted(void **state)
{
	struct hm_regions r, got;
	u8 block[HM_META_BLOCK];

	regions_of(&r, VOLUME);
	regions_of(&got, VOLUME);
	hm_regions_want(&r, 0, 1);
	hm_regions_write_begins(&r, 0);
	hm_regions_want(&r, 128, 1);
	hm_regions_lose(&r, 256, 1);
	hm_encode_bitmap(block, 0, &r);
	assert_format(hm_decode_bitmap(block, 0, &got), HM_FORMAT_OK);
	assert_int_equal(got.dirty_count, 3);
	assert_true(hm_regions_are_dirty(&got, 0, 3 * 128));
	free(r.dirty);
	free(got.dirty);
}

static void refused(const u8 *block, u32 index, struct hm_regions *r)
{
	assert_format(hm_decode_bitmap(block, index, r), HM_FORMAT_BITMAP);
	assert_int_equal(r->dirty_count, 0);
	assert_null(memchr_inv(r->dirty, 0, BITS_TO_LONGS(r->count) *
			       sizeof(long)));
}

static void test_bitmap_refused(void **state)
{
	struct hm_regions r, got;
	u8 block[HM_META_BLOCK];
	unsigned int i;

	regions_of(&r, VOLUME);
	regions_of(&got, VOLUME);
	set_dirty(&r, 7);
	hm_encode_bitmap(block, 0, &r);
	refused(block, 1, &got);
	refused(block, 2, &got);
	refused(block, ~0U, &got);
	for (i = 0; i < 8 * HM_META_SECTOR; i++) {
		flip(block, i);
		refused(block, 0, &got);
		flip(block, i);
	}
	/* Whichever of its sectors it is, the good ones change nothing. */
	for (i = 0; i < 8; i++) {
		flip(block, 8 * (i * HM_META_SECTOR + 61 * i) + i);
		refused(block, 0, &got);
		flip(block, 8 * (i * HM_META_SECTOR + 61 * i) + i);
	}
	assert_format(hm_decode_bitmap(block, 0, &got), HM_FORMAT_OK);
	assert_int_equal(got.dirty_count, 1);
	free(r.dirty);
	free(got.dirty);
}

/* A block of a larger bitmap, with nothing in it. */
static void test_bitmap_no_such_block(void **state)
{
	struct hm_regions large, small;
	u8 block[HM_META_BLOCK];

	regions_of(&large, VOLUME + 1);
	regions_of(&small, VOLUME);
	hm_encode_bitmap(block, 2, &large);
	assert_format(hm_decode_bitmap(block, 2, &large), HM_FORMAT_OK);
	refused(block, 2, &small);
	free(large.dirty);
	free(small.dirty);
}

static void test_bitmap_beyond(void **state)
{
	u32 count = HM_SECTOR_REGIONS + 70, bit;
	struct hm_disk_bitmap sector[8];
	struct hm_regions r;

	regions_of(&r, (u64)count * 128);
	for (bit = count - 1; bit < HM_BLOCK_REGIONS; bit += 1 + bit / 70) {
		struct hm_disk_bitmap *d = &sector[bit / HM_SECTOR_REGIONS];

		hm_encode_bitmap(sector, 0, &r);
		flip(d->bits, bit % HM_SECTOR_REGIONS);
		reseal(d, offsetof(struct hm_disk_bitmap, crc));
		if (bit >= count) {
			refused((u8 *)sector, 0, &r);
			continue;
		}
		assert_format(hm_decode_bitmap(sector, 0, &r), HM_FORMAT_OK);
		assert_int_equal(r.dirty_count, 1);
		__clear_bit(bit, r.dirty);
		r.dirty_count = 0;
	}
	free(r.dirty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newest_counts),
		cmocka_unit_test(test_same_sequence),
		cmocka_unit_test(test_one_copy),
		cmocka_unit_test(test_no_copy),
		cmocka_unit_test(test_both_damaged),
		cmocka_unit_test(test_newer_version),
		cmocka_unit_test(test_other_magic),
		cmocka_unit_test(test_newest_cannot_be),
		cmocka_unit_test(test_flips_fall_back),
		cmocka_unit_test(test_torn_writes),
		cmocka_unit_test(test_torn_format),
		cmocka_unit_test(test_bitmap_bytes),
		cmocka_unit_test(test_bitmap_round_trip),
		cmocka_unit_test(test_bitmap_names_what_is_wanted),
		cmocka_unit_test(test_bitmap_refused),
		cmocka_unit_test(test_bitmap_no_such_block),
		cmocka_unit_test(test_bitmap_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
