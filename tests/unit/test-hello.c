// SPDX-License-Identifier: GPL-2.0-only
/* The handshake's codec: what a hello may say. */
#include "hm-test.h"
#include "handshake.h"

static void reseal(struct hm_wire_hello *w)
{
	w->crc = cpu_to_le32(crc32c(HM_CRC_SEED, w, sizeof(*w) - 4));
}

static enum hm_decode decode(const struct hm_wire_hello *w)
{
	struct hm_hello h;

	return hm_decode_hello(w, &h);
}

static enum hm_decode decode_hello(const struct hm_hello *h)
{
	struct hm_wire_hello w;

	hm_encode_hello(&w, h);
	return decode(&w);
}

static struct hm_wire_hello sample_wire(void)
{
	struct hm_hello h = sample_hello();
	struct hm_wire_hello w;

	hm_encode_hello(&w, &h);
	return w;
}

/* Decode after one field is changed and the checksum is made to fit again. */
#define decode_with(field, value) ({			\
	struct hm_wire_hello _w = sample_wire();	\
	_w.field = value;				\
	reseal(&_w);					\
	decode(&_w);					\
})

static void assert_lineage(const struct hm_lineage *got,
			   const struct hm_lineage *want)
{
	assert_memory_equal(got->generation, want->generation,
			    sizeof(want->generation));
	assert_int_equal(got->covered, want->covered);
	assert_int_equal(got->covers_fresh, want->covers_fresh);
	assert_int_equal(got->inconsistent, want->inconsistent);
}

static void test_round_trip(void **state)
{
	struct hm_hello h = sample_hello(), g;
	struct hm_wire_hello w, again;

	h.features = 0x8000000000000001ULL;
	h.session = 0x1122334455667788ULL;
	h.acks = (struct hm_acks) { 30, 20, 10 };
	h.refusal = HM_REFUSE_DIVERGED;
	h.lineage.covers_fresh = true;
	h.lineage.inconsistent = true;
	h.flags = HM_HELLO_FLAGS;
	hm_encode_hello(&w, &h);
	assert_memory_equal(&w, "HYMHELLO", 8);
	assert_decode(hm_decode_hello(&w, &g), HM_DECODE_OK);
	assert_int_equal(g.version, HM_PROTOCOL_VERSION);
	assert_int_equal(g.oldest, HM_PROTOCOL_OLDEST);
	assert_true(g.features == h.features && g.session == h.session);
	assert_memory_equal(g.stream, h.stream, sizeof(h.stream));
	assert_memory_equal(&g.acks, &h.acks, sizeof(h.acks));
	assert_true(g.last_seq == 100);
	assert_int_equal(g.refusal, HM_REFUSE_DIVERGED);
	assert_int_equal(g.flags, HM_HELLO_FLAGS);
	assert_string_equal(g.set, "orders");
	assert_int_equal(g.volumes, 2);
	assert_memory_equal(g.volume, h.volume, sizeof(h.volume));
	assert_lineage(&g.lineage, &h.lineage);
	hm_encode_hello(&again, &g);
	assert_memory_equal(&w, &again, sizeof(w));
}

/* Where everything is in protocol version 2: never move it. */
static void test_layout(void **state)
{
	static const u8 head[] = {
		/* magic, version, oldest, bytes */
		'H', 'Y', 'M', 'H', 'E', 'L', 'L', 'O',
		0x03, 0x00, 0x03, 0x00, 0x68, 0x02, 0x00, 0x00,
	};
	static const u8 lineage[] = {
		/* volumes, reserved */
		0x02, 0x00, 0x00, 0x00,
		/* generation */
		0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31,
		0x48, 0x47, 0x46, 0x45, 0x44, 0x43, 0x42, 0x41,
		0x58, 0x57, 0x56, 0x55, 0x54, 0x53, 0x52, 0x51,
		/* covered */
		[68] = 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		/* the first volume: number, flags, logical_block */
		0x02, 0x00, 0x01, 0x00, 0x00, 0x10, 0x00, 0x00,
	};
	struct hm_wire_hello w = sample_wire();
	const u8 *b = (const u8 *)&w;

	assert_int_equal(sizeof(w), 616);
	assert_memory_equal(b, head, sizeof(head));
	assert_memory_equal(b + 24, "\x01\x02\x03", 3);	/* stream */
	assert_int_equal(b[72], 100);			/* last_seq */
	assert_int_equal(b[82], 0);			/* flags */
	assert_memory_equal(b + 84, "orders", 7);	/* set */
	assert_memory_equal(b + 148, lineage, sizeof(lineage));
	assert_int_equal(b[248], 0x07);			/* the second volume */
	assert_null(memchr_inv(b + 272, 0, 612 - 272));
}

/* Each flag by itself, and those of the lineage from their own fields. */
static void test_flags(void **state)
{
	struct hm_hello h = sample_hello(), g;
	struct hm_wire_hello w;
	unsigned int i;
	bool known;

	for (i = 0; i < 16; i++) {
		known = 1U << i <= HM_HELLO_STAGING;
		assert_decode(decode_with(flags, cpu_to_le16(1U << i)),
			      known ? HM_DECODE_OK : HM_DECODE_RESERVED);
	}
	for (i = 0; i < 4; i++) {
		h.flags = HM_HELLO_DIRTY;
		h.lineage.covers_fresh = i & 1;
		h.lineage.inconsistent = i & 2;
		hm_encode_hello(&w, &h);
		assert_int_equal(le16_to_cpu(w.flags), HM_HELLO_DIRTY |
				 (i & 1 ? HM_HELLO_COVERS_FRESH : 0) |
				 (i & 2 ? HM_HELLO_INCONSISTENT : 0));
		assert_decode(hm_decode_hello(&w, &g), HM_DECODE_OK);
		assert_lineage(&g.lineage, &h.lineage);
		assert_true(g.flags & HM_HELLO_DIRTY);
	}
}

/* So many generations, from the newest on; @gap: which of them is none. */
static enum hm_decode decode_generations(unsigned int known, unsigned int gap,
					 u8 covered)
{
	struct hm_hello h = sample_hello();
	unsigned int i;

	memset(&h.lineage, 0, sizeof(h.lineage));
	for (i = 0; i < known; i++)
		h.lineage.generation[i] = i == gap ? 0 : 100 + i;
	h.lineage.covered = covered;
	return decode_hello(&h);
}

/* Generations without a gap, of which some are covered; or none at all. */
static void test_lineage(void **state)
{
	unsigned int known, covered, gap;
	bool good;

	for (known = 0; known <= HM_GENERATIONS; known++) {
		for (covered = 0; covered < 256; covered++) {
			good = known ? covered && covered <= known : !covered;
			assert_decode(decode_generations(known, HM_GENERATIONS,
							 covered),
				      good ? HM_DECODE_OK : HM_DECODE_LINEAGE);
		}
		for (gap = 0; gap + 1 < known; gap++) {
			assert_decode(decode_generations(known, gap, gap),
				      HM_DECODE_LINEAGE);
			assert_decode(decode_generations(known, gap, 1),
				      HM_DECODE_LINEAGE);
		}
	}
}

static void test_bit_flips(void **state)
{
	struct hm_wire_hello w = sample_wire();
	unsigned int bit;

	for (bit = 0; bit < 8 * sizeof(w); bit++) {
		flip(&w, bit);
		assert_int_not_equal(decode(&w), HM_DECODE_OK);
		flip(&w, bit);
	}
	assert_decode(decode(&w), HM_DECODE_OK);
}

/* Nothing of ours beyond what is meant leaves the host. */
static void test_encode_leaks_nothing(void **state)
{
	struct hm_hello h;
	struct hm_hello clean = sample_hello();
	struct hm_wire_hello w, want;

	memset(&h, 0xaa, sizeof(h));
	h.version = clean.version;
	h.oldest = clean.oldest;
	h.features = 0;
	memcpy(h.stream, clean.stream, sizeof(h.stream));
	h.session = 0;
	memset(&h.acks, 0, sizeof(h.acks));
	h.last_seq = clean.last_seq;
	h.refusal = 0;
	h.flags = 0;
	strcpy(h.set, "orders");
	h.lineage = clean.lineage;
	h.origin = 0;
	h.volumes = clean.volumes;
	memcpy(h.volume, clean.volume, 2 * sizeof(h.volume[0]));
	hm_encode_hello(&w, &h);
	hm_encode_hello(&want, &clean);
	assert_memory_equal(&w, &want, sizeof(w));
}

static void test_encode_stays_inside(void **state)
{
	struct hm_hello h = sample_hello();
	struct hm_wire_hello w;

	memset(h.set, 'x', sizeof(h.set));
	h.volumes = 0xffff;
	hm_encode_hello(&w, &h);
	assert_int_equal(w.set[HM_SET_NAME_MAX - 1], 0);
	assert_decode(decode(&w), HM_DECODE_VOLUME);
}

static void test_prefix(void **state)
{
	static const struct {
		u64 magic;
		u16 version, oldest;
		u32 bytes;
		enum hm_decode want;
	} cases[] = {
		{ HM_HELLO_MAGIC, 3, 3, 616, HM_DECODE_OK },
		{ HM_HELLO_MAGIC, 3, 1, 616, HM_DECODE_OK },
		{ HM_HELLO_MAGIC, 9, 3, 616, HM_DECODE_OK },
		{ HM_HELLO_MAGIC, 9, 3, 700, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 3, 3, 615, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 3, 3, 544, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 3, 3, 0, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 3, 3, ~0U, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 9, 4, 616, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 9, 4, 700, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 0, 0, 616, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 3, 4, 616, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 2, 3, 616, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 1, 2, 616, HM_DECODE_VERSION },
		/* The first version, with the hello that it had. */
		{ HM_HELLO_MAGIC, 1, 1, 544, HM_DECODE_VERSION },
		/* The second one: a start said less. */
		{ HM_HELLO_MAGIC, 2, 2, 616, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC + 1, 3, 3, 616, HM_DECODE_MAGIC },
		{ 0, 9, 9, 0, HM_DECODE_MAGIC },
	};
	struct hm_wire_prefix w;
	unsigned int i;
	u16 version;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		w.magic = cpu_to_le64(cases[i].magic);
		w.version = cpu_to_le16(cases[i].version);
		w.oldest = cpu_to_le16(cases[i].oldest);
		w.bytes = cpu_to_le32(cases[i].bytes);
		version = 4711;
		assert_decode(hm_decode_prefix(&w, &version), cases[i].want);
		assert_int_equal(version, cases[i].want == HM_DECODE_MAGIC ?
				 4711 : cases[i].version);
	}
}

static void test_header(void **state)
{
	assert_decode(decode_with(crc, 0), HM_DECODE_OK); /* resealed */
	assert_decode(decode_with(prefix.magic, 0), HM_DECODE_MAGIC);
	assert_decode(decode_with(prefix.version, 0), HM_DECODE_VERSION);
	assert_decode(decode_with(prefix.bytes, 0), HM_DECODE_SIZE);
	assert_decode(decode_with(reserved, cpu_to_le16(1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(reserved2, cpu_to_le32(1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(reserved3[0], 1), HM_DECODE_RESERVED);
	assert_decode(decode_with(reserved3[5], 1), HM_DECODE_RESERVED);
	assert_decode(decode_with(origin, HM_GENERATIONS), HM_DECODE_OK);
	assert_decode(decode_with(origin, HM_GENERATIONS + 1),
		      HM_DECODE_LINEAGE);
	assert_decode(decode_with(origin, HM_GENERATIONS - 1),
		      HM_DECODE_LINEAGE);
	assert_decode(decode_with(flags, cpu_to_le16(HM_HELLO_FLAGS)),
		      HM_DECODE_OK);
	assert_decode(decode_with(flags, cpu_to_le16(HM_HELLO_FLAGS + 1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(features, ~0ULL), HM_DECODE_OK);
	assert_decode(decode_with(refusal, cpu_to_le16(HM_REFUSE_LAST)),
		      HM_DECODE_OK);
	assert_decode(decode_with(refusal, cpu_to_le16(HM_REFUSE_LAST + 1)),
		      HM_DECODE_STATUS);
	assert_decode(decode_with(refusal, 0xffff), HM_DECODE_STATUS);
}

static void test_crc(void **state)
{
	struct hm_wire_hello w = sample_wire();

	w.crc ^= cpu_to_le32(0x80000000U);
	assert_decode(decode(&w), HM_DECODE_CRC);
}

static void test_acks(void **state)
{
	struct hm_hello h = sample_hello();

	h.acks = (struct hm_acks) { 5, 5, 5 };
	assert_decode(decode_hello(&h), HM_DECODE_OK);
	h.acks = (struct hm_acks) { 5, 5, 6 };
	assert_decode(decode_hello(&h), HM_DECODE_NUMBER);
	h.acks = (struct hm_acks) { 5, 6, 5 };
	assert_decode(decode_hello(&h), HM_DECODE_NUMBER);
}

static enum hm_decode decode_name(const void *name, size_t bytes)
{
	struct hm_wire_hello w = sample_wire();

	memset(w.set, 0, sizeof(w.set));
	memcpy(w.set, name, bytes);
	reseal(&w);
	return decode(&w);
}

static void test_name(void **state)
{
	char longest[HM_SET_NAME_MAX];

	memset(longest, 'a', sizeof(longest));
	assert_decode(decode_name("", 0), HM_DECODE_OK);
	assert_decode(decode_name("!~", 2), HM_DECODE_OK);
	assert_decode(decode_name(longest, 63), HM_DECODE_OK);
	assert_decode(decode_name(longest, 64), HM_DECODE_NAME);
	assert_decode(decode_name("a\0b", 3), HM_DECODE_NAME);
	assert_decode(decode_name("\0b", 2), HM_DECODE_NAME);
	assert_decode(decode_name("a b", 3), HM_DECODE_NAME);
	assert_decode(decode_name("a\n", 2), HM_DECODE_NAME);
	assert_decode(decode_name("a\x7f", 2), HM_DECODE_NAME);
	assert_decode(decode_name("a\x80", 2), HM_DECODE_NAME);
	assert_decode(decode_name("a\xff", 2), HM_DECODE_NAME);
	longest[0] = 0;
	longest[63] = 0;
	assert_decode(decode_name(longest, 64), HM_DECODE_NAME);
}

static void test_volume_count(void **state)
{
	struct hm_hello h = sample_hello();
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		h.volume[i] = h.volume[1];
		h.volume[i].number = i;
	}
	for (h.volumes = 1; h.volumes <= HM_MAX_VOLUMES; h.volumes++)
		assert_decode(decode_hello(&h), HM_DECODE_OK);
	assert_decode(decode_with(volumes, cpu_to_le16(HM_MAX_VOLUMES + 1)),
		      HM_DECODE_VOLUME);
	assert_decode(decode_with(volumes, 0xffff), HM_DECODE_VOLUME);

	h.volumes = 0;
	assert_decode(decode_hello(&h), HM_DECODE_VOLUME);
	h.refusal = HM_REFUSE_NOT_READY;
	assert_decode(decode_hello(&h), HM_DECODE_OK);
	/* Nothing may hide behind the volumes that are counted. */
	assert_decode(decode_with(volumes, cpu_to_le16(1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(volume[2].number, cpu_to_le16(8)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(volume[15].sectors, cpu_to_le64(1)),
		      HM_DECODE_RESERVED);
}

static void test_volume_numbers(void **state)
{
	assert_decode(decode_with(volume[1].number, cpu_to_le16(15)),
		      HM_DECODE_OK);
	assert_decode(decode_with(volume[1].number, cpu_to_le16(16)),
		      HM_DECODE_VOLUME);
	assert_decode(decode_with(volume[1].number, 0xffff), HM_DECODE_VOLUME);
	assert_decode(decode_with(volume[1].number, cpu_to_le16(2)),
		      HM_DECODE_VOLUME);
	assert_decode(decode_with(volume[1].number, cpu_to_le16(1)),
		      HM_DECODE_VOLUME);
	assert_decode(decode_with(volume[0].reserved, cpu_to_le32(1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(volume[0].flags, cpu_to_le16(2)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(volume[0].flags, 0), HM_DECODE_OK);
}

static void test_volume_blocks(void **state)
{
	static const struct {
		u32 bytes;
		enum hm_decode want;
	} cases[] = {
		{ 512, HM_DECODE_OK }, { 1024, HM_DECODE_OK },
		{ 1U << 20, HM_DECODE_OK }, { 1U << 21, HM_DECODE_RANGE },
		{ 1U << 31, HM_DECODE_RANGE }, { 256, HM_DECODE_RANGE },
		{ 0, HM_DECODE_RANGE }, { 1, HM_DECODE_RANGE },
		{ 513, HM_DECODE_RANGE }, { 1536, HM_DECODE_RANGE },
		{ ~0U, HM_DECODE_RANGE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_decode(decode_with(volume[0].logical_block,
					  cpu_to_le32(cases[i].bytes)),
			      cases[i].want);
		assert_decode(decode_with(volume[0].physical_block,
					  cpu_to_le32(cases[i].bytes)),
			      cases[i].want);
	}
}

static void test_volume_sectors(void **state)
{
	assert_decode(decode_with(volume[0].sectors, 0), HM_DECODE_RANGE);
	assert_decode(decode_with(volume[0].sectors, cpu_to_le64(8)),
		      HM_DECODE_OK);
	assert_decode(decode_with(volume[0].sectors, cpu_to_le64(9)),
		      HM_DECODE_RANGE);
	assert_decode(decode_with(volume[1].sectors, cpu_to_le64(9)),
		      HM_DECODE_OK);
	assert_decode(decode_with(volume[0].sectors, cpu_to_le64(1ULL << 40)),
		      HM_DECODE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_lineage),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_encode_leaks_nothing),
		cmocka_unit_test(test_encode_stays_inside),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_acks),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_volume_count),
		cmocka_unit_test(test_volume_numbers),
		cmocka_unit_test(test_volume_blocks),
		cmocka_unit_test(test_volume_sectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
