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

static void test_round_trip(void **state)
{
	struct hm_hello h = sample_hello(), g;
	struct hm_wire_hello w, again;

	h.features = 0x8000000000000001ULL;
	h.session = 0x1122334455667788ULL;
	h.acks = (struct hm_acks) { 30, 20, 10 };
	h.refusal = HM_REFUSE_STREAM;
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
	assert_int_equal(g.refusal, HM_REFUSE_STREAM);
	assert_int_equal(g.flags, HM_HELLO_FLAGS);
	assert_string_equal(g.set, "orders");
	assert_int_equal(g.volumes, 2);
	assert_memory_equal(g.volume, h.volume, sizeof(h.volume));
	hm_encode_hello(&again, &g);
	assert_memory_equal(&w, &again, sizeof(w));
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
		{ HM_HELLO_MAGIC, 1, 1, 544, HM_DECODE_OK },
		{ HM_HELLO_MAGIC, 9, 1, 544, HM_DECODE_OK },
		{ HM_HELLO_MAGIC, 9, 1, 600, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 1, 1, 543, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 1, 1, 0, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 1, 1, ~0U, HM_DECODE_SIZE },
		{ HM_HELLO_MAGIC, 9, 2, 544, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 9, 2, 600, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 0, 0, 544, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 1, 2, 544, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC, 0, 1, 544, HM_DECODE_VERSION },
		{ HM_HELLO_MAGIC + 1, 1, 1, 544, HM_DECODE_MAGIC },
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
	assert_decode(decode_with(flags, cpu_to_le16(HM_HELLO_FLAGS)),
		      HM_DECODE_OK);
	assert_decode(decode_with(flags, cpu_to_le16(HM_HELLO_FLAGS + 1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(features, ~0ULL), HM_DECODE_OK);
	assert_decode(decode_with(refusal, cpu_to_le16(HM_REFUSE_ANSWER)),
		      HM_DECODE_OK);
	assert_decode(decode_with(refusal, cpu_to_le16(HM_REFUSE_ANSWER + 1)),
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
