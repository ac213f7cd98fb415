// SPDX-License-Identifier: GPL-2.0-only
/* What the superblock's decoder lets through, and all that it must not. */
#include "hm-format-test.h"

static enum hm_format decode(const struct hm_disk_super *d)
{
	struct hm_super s;

	return hm_decode_super(d, &s);
}

static enum hm_format decode_super(const struct hm_super *s)
{
	struct hm_disk_super d = encoded(s);

	return decode(&d);
}

/* Decode after one field is changed and the checksum is made to fit again. */
#define decode_with(field, value) ({			\
	struct hm_super _s = sample_super();		\
	struct hm_disk_super _d = encoded(&_s);		\
	_d.field = value;				\
	reseal_super(&_d);				\
	decode(&_d);					\
})

/* Likewise, by the field of the decoded superblock. */
#define decode_from(field, value) ({			\
	struct hm_super _s = sample_super();		\
	_s.field = value;				\
	decode_super(&_s);				\
})

static void test_words(void **state)
{
	assert_words(hm_format_text, HM_FORMAT_LOG + 1);
}

static void test_sizes(void **state)
{
	u64 block = (u64)HM_BLOCK_REGIONS << 11;

	assert_int_equal(hm_format_bitmap_blocks(0, 11), 0);
	assert_int_equal(hm_format_bitmap_blocks(1, 11), 1);
	assert_int_equal(hm_format_bitmap_blocks(block, 11), 1);
	assert_int_equal(hm_format_bitmap_blocks(block + 1, 11), 2);
	assert_int_equal(hm_format_bitmap_blocks((u64)HM_REGIONS_MAX << 7, 7),
			 (HM_REGIONS_MAX + HM_BLOCK_REGIONS - 1) /
			 HM_BLOCK_REGIONS);
	assert_int_equal(hm_format_bitmap_blocks(((u64)HM_REGIONS_MAX << 7) + 1,
						 7), 0);
	assert_int_equal(hm_format_bitmap_blocks(~0ULL, 17), 0);
	assert_int_equal(hm_format_bytes(1, 11), 3 * 4096);
	assert_int_equal(hm_format_bytes(block + 1, 11), 4 * 4096);
	assert_true(hm_format_bytes(~0ULL, 17) == ~0ULL);
}

/* The format as it is on every disk out there: never change these bytes. */
static void test_super_bytes(void **state)
{
	static const u8 want[HM_META_SECTOR] = {
		/* magic */
		'H', 'Y', 'M', 'S', 'U', 'P', 'E', 'R',
		/* version, flags, crc */
		0x01, 0x00, 0x07, 0x00, 0xb1, 0x9d, 0x31, 0xb4,
		/* sequence */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
		/* volume_uuid */
		0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
		0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
		/* set_uuid */
		0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
		0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
		/* set */
		'o', 'r', 'd', 'e', 'r', 's',
		/* volume, role, region_shift, covered */
		[120] = 0x03, 0x00, 0x02, 0x0b, 0x02, 0x00, 0x00, 0x00,
		/* sectors */
		0x78, 0x56, 0x34, 0x12, 0x02, 0x00, 0x00, 0x00,
		/* bitmap_blocks */
		0x89, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		/* generation */
		0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31,
		0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41,
		0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51,
		/* stream */
		[208] = 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67,
		0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
		/* seq, group, since, members */
		0x78, 0x77, 0x76, 0x75, 0x74, 0x73, 0x72, 0x71,
		0x88, 0x87, 0x86, 0x85, 0x84, 0x83, 0x82, 0x01,
		0xc3, 0xb2, 0xa1, 0x65, 0x00, 0x00, 0x00, 0x00,
		0x29, 0x80,
	};
	struct hm_super s = sample_super();
	struct hm_disk_super d = encoded(&s);

	assert_memory_equal(&d, want, sizeof(want));
}

static void test_round_trip(void **state)
{
	struct hm_super s = sample_super(), got;
	struct hm_disk_super d = encoded(&s), again;

	memset(&got, 0xa5, sizeof(got));
	assert_format(hm_decode_super(&d, &got), HM_FORMAT_OK);
	assert_true(got.sequence == s.sequence);
	assert_memory_equal(got.volume_uuid, s.volume_uuid, HM_UUID_BYTES);
	assert_memory_equal(got.set_uuid, s.set_uuid, HM_UUID_BYTES);
	assert_string_equal(got.set, s.set);
	assert_int_equal(got.volume, s.volume);
	assert_int_equal(got.role, s.role);
	assert_int_equal(got.region_shift, s.region_shift);
	assert_true(got.sectors == s.sectors);
	assert_int_equal(got.bitmap_blocks, s.bitmap_blocks);
	assert_memory_equal(got.lineage.generation, s.lineage.generation,
			    sizeof(s.lineage.generation));
	assert_int_equal(got.lineage.covered, s.lineage.covered);
	assert_true(got.lineage.covers_fresh && got.lineage.inconsistent);
	assert_memory_equal(got.stream, s.stream, HM_UUID_BYTES);
	assert_true(got.position && got.seq == s.seq);
	assert_true(got.group == s.group && got.since == s.since);
	assert_int_equal(got.members, s.members);
	again = encoded(&got);
	assert_memory_equal(&d, &again, sizeof(d));
}

/* Each flag is that of its own field. */
static void test_flags(void **state)
{
	unsigned int flags;

	for (flags = 0; flags <= HM_SUPER_FLAGS; flags++) {
		struct hm_super s = sample_super(), got;
		struct hm_disk_super d;

		/* Force is for what is inconsistent only: see test_forced(). */
		if ((flags & HM_SUPER_FORCED) && !(flags & HM_SUPER_INCONSISTENT))
			continue;
		/* Nor has everybody a log: see test_log(). */
		if (flags & HM_SUPER_LOGGED)
			continue;

		s.lineage.inconsistent = flags & HM_SUPER_INCONSISTENT;
		s.lineage.covers_fresh = flags & HM_SUPER_COVERS_FRESH;
		s.lineage.untold = flags & HM_SUPER_UNTOLD;
		s.position = flags & HM_SUPER_POSITION;
		s.forced = flags & HM_SUPER_FORCED;
		d = encoded(&s);
		assert_int_equal(le16_to_cpu(d.flags), flags);
		assert_format(hm_decode_super(&d, &got), HM_FORMAT_OK);
		assert_int_equal(got.lineage.inconsistent,
				 s.lineage.inconsistent);
		assert_int_equal(got.lineage.untold, s.lineage.untold);
		assert_int_equal(got.lineage.covers_fresh,
				 s.lineage.covers_fresh);
		assert_int_equal(got.position, s.position);
		assert_int_equal(got.forced, s.forced);
		assert_true(got.seq == (s.position ? s.seq : 0));
		assert_true(got.since == (s.lineage.inconsistent ? s.since :
					  0));
	}
}

static struct hm_super logged_super(void)
{
	struct hm_super s = sample_super();

	s.logged = true;
	s.ring_blocks = 0x12345678;
	s.ring_life = 0x8182838485868788ULL;
	s.ring_tail = 0x9192939495969798ULL;
	return s;
}

static void test_log(void **state)
{
	static const u8 want[16] = {
		0x88, 0x87, 0x86, 0x85, 0x84, 0x83, 0x82, 0x81,
		0x98, 0x97, 0x96, 0x95, 0x94, 0x93, 0x92, 0x91,
	};
	struct hm_super s = logged_super(), got;
	struct hm_disk_super d = encoded(&s);

	assert_int_equal(le16_to_cpu(d.version), 2);
	assert_int_equal(le32_to_cpu(d.ring_blocks), 0x12345678);
	assert_memory_equal((u8 *)&d + 250, want, sizeof(want));
	assert_format(hm_decode_super(&d, &got), HM_FORMAT_OK);
	assert_true(got.logged && got.ring_blocks == s.ring_blocks &&
		    got.ring_life == s.ring_life &&
		    got.ring_tail == s.ring_tail);
	/* A ring that is not in use has no life. */
	s.logged = false;
	d = encoded(&s);
	assert_format(hm_decode_super(&d, &got), HM_FORMAT_OK);
	assert_true(!got.logged && !got.ring_life && !got.ring_tail);
	assert_int_equal(got.ring_blocks, s.ring_blocks);
	/* Without a ring: what older versions read, too. */
	s.ring_blocks = 0;
	d = encoded(&s);
	assert_int_equal(le16_to_cpu(d.version), 1);
	assert_format(decode(&d), HM_FORMAT_OK);
}

static enum hm_format decode_logged(void (*spoil)(struct hm_disk_super *d))
{
	struct hm_super s = logged_super();
	struct hm_disk_super d = encoded(&s);

	spoil(&d);
	reseal_super(&d);
	return decode(&d);
}

static void no_life(struct hm_disk_super *d)
{
	d->ring_life = 0;
}

static void no_ring(struct hm_disk_super *d)
{
	d->ring_blocks = 0;
}

static void plain(struct hm_disk_super *d)
{
	d->version = cpu_to_le16(1);
}

static void not_logged(struct hm_disk_super *d)
{
	d->flags &= cpu_to_le16(~HM_SUPER_LOGGED);
}

static void no_position(struct hm_disk_super *d)
{
	d->flags &= cpu_to_le16(~HM_SUPER_POSITION);
	d->seq = 0;
}

static void a_primary(struct hm_disk_super *d)
{
	d->role = HM_SUPER_PRIMARY;
}

static void test_log_that_cannot_be(void **state)
{
	assert_format(decode_logged(no_life), HM_FORMAT_DAMAGED);
	assert_format(decode_logged(no_ring), HM_FORMAT_DAMAGED);
	assert_format(decode_logged(plain), HM_FORMAT_DAMAGED);
	assert_format(decode_logged(not_logged), HM_FORMAT_DAMAGED);
	assert_format(decode_logged(no_position), HM_FORMAT_DAMAGED);
	assert_format(decode_logged(a_primary), HM_FORMAT_DAMAGED);
}

static void test_nothing_of_ours_leaks(void **state)
{
	struct hm_super s = sample_super();
	struct hm_disk_super d;

	memset(s.set, 'x', sizeof(s.set));
	s.set[6] = 0;
	d = encoded(&s);
	assert_memory_equal(d.set, "xxxxxx\0\0", 8);
	assert_null(memchr_inv(d.set + 6, 0, sizeof(d.set) - 6));
	/* Even a name without an end gets one. */
	s.set[6] = 'x';
	d = encoded(&s);
	assert_int_equal(d.set[sizeof(d.set) - 1], 0);
	assert_format(decode(&d), HM_FORMAT_OK);
}

static void test_bit_flips(void **state)
{
	struct hm_super s = sample_super();
	struct hm_disk_super d = encoded(&s);
	unsigned int bit;

	for (bit = 0; bit < 8 * sizeof(d); bit++) {
		flip(&d, bit);
		assert_int_not_equal(decode(&d), HM_FORMAT_OK);
		flip(&d, bit);
	}
	assert_format(decode(&d), HM_FORMAT_OK);
}

static void test_header(void **state)
{
	struct hm_super s = sample_super();
	struct hm_disk_super d;

	memset(&d, 0, sizeof(d));
	assert_format(decode(&d), HM_FORMAT_EMPTY);
	d.reserved2[245] = 1;
	assert_format(decode(&d), HM_FORMAT_FOREIGN);
	assert_format(decode_with(magic, cpu_to_le64(HM_HELLO_MAGIC)),
		      HM_FORMAT_FOREIGN);
	assert_format(decode_with(version, cpu_to_le16(3)),
		      HM_FORMAT_VERSION_NEW);
	assert_format(decode_with(version, cpu_to_le16(0xffff)),
		      HM_FORMAT_VERSION_NEW);
	assert_format(decode_with(version, 0), HM_FORMAT_DAMAGED);
	d = encoded(&s);
	d.crc ^= cpu_to_le32(1);
	assert_format(decode(&d), HM_FORMAT_DAMAGED);
	/* A version that the checksum does not confirm is none. */
	d.version = cpu_to_le16(3);
	assert_format(decode(&d), HM_FORMAT_DAMAGED);
}

static void test_reserved(void **state)
{
	unsigned int i;

	for (i = 5; i < 16; i++)
		assert_format(decode_with(flags, cpu_to_le16(7 | 1U << i)),
			      HM_FORMAT_DAMAGED);
	for (i = 0; i < 3; i++)
		assert_format(decode_with(reserved[i], 1), HM_FORMAT_DAMAGED);
	for (i = 0; i < 246; i++)
		assert_format(decode_with(reserved2[i], 1), HM_FORMAT_DAMAGED);
}

static void test_identity(void **state)
{
	unsigned int role;

	for (role = 0; role < 256; role++)
		assert_format(decode_with(role, role), role == 1 || role == 2 ?
			      HM_FORMAT_OK : HM_FORMAT_DAMAGED);
	assert_format(decode_from(volume, HM_MAX_VOLUMES - 1), HM_FORMAT_OK);
	assert_format(decode_from(volume, HM_MAX_VOLUMES), HM_FORMAT_DAMAGED);
	assert_format(decode_from(volume, 0x0100), HM_FORMAT_DAMAGED);
	assert_format(decode_from(set[0], 0), HM_FORMAT_OK);
	assert_format(decode_from(set[1], ' '), HM_FORMAT_DAMAGED);
	assert_format(decode_from(set[1], '\n'), HM_FORMAT_DAMAGED);
	assert_format(decode_from(set[1], (char)0xe4), HM_FORMAT_DAMAGED);
	assert_format(decode_with(set[0], 0), HM_FORMAT_DAMAGED);
	assert_format(decode_with(set[8], 'x'), HM_FORMAT_DAMAGED);
	assert_format(decode_with(set[63], 'x'), HM_FORMAT_DAMAGED);
}

static void test_name_not_terminated(void **state)
{
	struct hm_super s = sample_super();
	struct hm_disk_super d = encoded(&s);

	memset(d.set, 'x', sizeof(d.set));
	reseal_super(&d);
	assert_format(decode(&d), HM_FORMAT_DAMAGED);
	d.set[sizeof(d.set) - 1] = 0;
	reseal_super(&d);
	assert_format(decode(&d), HM_FORMAT_OK);
}

static enum hm_format decode_geometry(u64 sectors, u8 shift, u32 blocks)
{
	struct hm_super s = sample_super();

	s.sectors = sectors;
	s.region_shift = shift;
	s.bitmap_blocks = blocks;
	return decode_super(&s);
}

static void test_geometry(void **state)
{
	u64 most = (u64)HM_REGIONS_MAX << 7;
	unsigned int shift;
	u32 blocks;

	for (shift = 0; shift < 256; shift++) {
		blocks = shift < 64 ? hm_format_bitmap_blocks(1 << 20, shift) :
				      1;
		assert_format(decode_geometry(1 << 20, shift, blocks),
			      shift >= HM_REGION_SHIFT_MIN &&
			      shift <= HM_REGION_SHIFT_MAX ?
			      HM_FORMAT_OK : HM_FORMAT_DAMAGED);
	}
	assert_format(decode_geometry(1, 11, 1), HM_FORMAT_OK);
	assert_format(decode_geometry(1, 11, 0), HM_FORMAT_DAMAGED);
	assert_format(decode_geometry(1, 11, 2), HM_FORMAT_DAMAGED);
	assert_format(decode_geometry(0, 11, 0), HM_FORMAT_DAMAGED);
	assert_format(decode_geometry(0, 11, 1), HM_FORMAT_DAMAGED);
	blocks = hm_format_bitmap_blocks(most, 7);
	assert_format(decode_geometry(most, 7, blocks), HM_FORMAT_OK);
	assert_format(decode_geometry(most + 1, 7, blocks), HM_FORMAT_DAMAGED);
	assert_format(decode_geometry(most + 1, 7, 0), HM_FORMAT_DAMAGED);
	assert_format(decode_geometry(~0ULL, 17, 0), HM_FORMAT_DAMAGED);
}

/* So many generations, from the newest on; bit i of @gaps: the i-th is none. */
static enum hm_format decode_generations(unsigned int known, u8 gaps,
					 u8 covered)
{
	struct hm_super s = sample_super();
	unsigned int i;

	memset(&s.lineage, 0, sizeof(s.lineage));
	for (i = 0; i < known; i++)
		s.lineage.generation[i] = gaps & 1U << i ? 0 : 100 + i;
	s.lineage.covered = covered;
	return decode_super(&s);
}

static void test_generations(void **state)
{
	unsigned int known, covered, gap;
	bool good;

	for (known = 0; known <= HM_GENERATIONS; known++) {
		for (covered = 0; covered < 256; covered++) {
			good = known ? covered && covered <= known : !covered;
			assert_format(decode_generations(known, 0, covered),
				      good ? HM_FORMAT_OK : HM_FORMAT_DAMAGED);
		}
		for (gap = 0; gap + 1 < known; gap++) {
			assert_format(decode_generations(known, 1U << gap, gap),
				      HM_FORMAT_DAMAGED);
			assert_format(decode_generations(known, 1U << gap, 1),
				      HM_FORMAT_DAMAGED);
		}
	}
}

static void test_position(void **state)
{
	struct hm_super s = sample_super();
	struct hm_disk_super d;

	memset(s.stream, 0, sizeof(s.stream));
	assert_format(decode_super(&s), HM_FORMAT_DAMAGED);
	s.position = false;
	assert_format(decode_super(&s), HM_FORMAT_OK);
	s = sample_super();
	s.seq = 0;
	assert_format(decode_super(&s), HM_FORMAT_OK);
	s.position = false;
	d = encoded(&s);
	d.seq = cpu_to_le64(1);
	reseal_super(&d);
	assert_format(decode(&d), HM_FORMAT_DAMAGED);
}

static void test_since(void **state)
{
	struct hm_super s = sample_super();
	struct hm_disk_super d;

	s.since = 0;
	assert_format(decode_super(&s), HM_FORMAT_OK);
	s.lineage.inconsistent = false;
	d = encoded(&s);
	d.since = cpu_to_le64(1);
	reseal_super(&d);
	assert_format(decode(&d), HM_FORMAT_DAMAGED);
}

/* A promotion is forced only where it would be refused. */
static void test_forced(void **state)
{
	struct hm_super s = sample_super();
	struct hm_disk_super d;

	s.forced = true;
	s.since = 0;
	s.lineage.inconsistent = false;
	d = encoded(&s);
	assert_int_equal(le16_to_cpu(d.flags) & HM_SUPER_FORCED, 0);
	assert_format(decode(&d), HM_FORMAT_OK);
	d.flags |= cpu_to_le16(HM_SUPER_FORCED);
	reseal_super(&d);
	assert_format(decode(&d), HM_FORMAT_DAMAGED);
	d.flags |= cpu_to_le16(HM_SUPER_INCONSISTENT);
	reseal_super(&d);
	assert_format(decode(&d), HM_FORMAT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_super_bytes),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_that_cannot_be),
		cmocka_unit_test(test_nothing_of_ours_leaks),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_name_not_terminated),
		cmocka_unit_test(test_geometry),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_position),
		cmocka_unit_test(test_since),
		cmocka_unit_test(test_forced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
