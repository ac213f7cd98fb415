// SPDX-License-Identifier: GPL-2.0-only
/* Records of the stream: what the codec lets through, and what it must not. */
#include "hm-test.h"
#include "handshake.h"

#define SESSION		0x1122334455667788ULL
#define VOLUME		3
#define SECTORS		(4ULL << HM_CHUNK_SHIFT)

static struct hm_record_limits limits(void)
{
	struct hm_record_limits l = { .session = SESSION };

	l.sectors[0] = 1000;
	l.logical_block[0] = 512;
	l.sectors[VOLUME] = SECTORS;
	l.logical_block[VOLUME] = 4096;
	return l;
}

static struct hm_update update(u8 kind)
{
	struct hm_update u = {
		.seq = 0xabcdef0123456789ULL, .group = 0x123456789abcdefULL,
		.sector = 2048 + 16, .sectors = 24, .volume = VOLUME,
		.kind = kind, .flags = HM_FUA,
	};

	if (kind == HM_FLUSH) {
		u.sector = 0;
		u.sectors = 0;
		u.flags = 0;
	}
	return u;
}

static struct hm_wire_record wire(const struct hm_update *u)
{
	struct hm_wire_record w;

	hm_encode_record(&w, u, SESSION, 0xfeedbeef);
	return w;
}

static void reseal_record(struct hm_wire_record *w)
{
	w->crc = cpu_to_le32(crc32c(HM_CRC_SEED, w, sizeof(*w) - 4));
}

static enum hm_decode decode(const struct hm_wire_record *w)
{
	struct hm_record_limits l = limits();
	struct hm_record r;

	return hm_decode_record(w, &l, &r);
}

static enum hm_decode decode_update(const struct hm_update *u)
{
	struct hm_wire_record w = wire(u);

	return decode(&w);
}

/* Decode after one field is changed and the checksum is made to fit again. */
#define decode_with(w, field, value) ({			\
	struct hm_wire_record _w = (w);			\
	_w.field = value;				\
	reseal_record(&_w);				\
	decode(&_w);					\
})

static void test_crc_is_the_wire_crc(void **state)
{
	/* The published check value, before its final inversion. */
	assert_int_equal(crc32c(HM_CRC_SEED, "123456789", 9), ~0xe3069283U);
}

static void test_record_bytes(void **state)
{
	struct hm_update u = update(HM_WRITE);
	struct hm_wire_record w = wire(&u);
	const u8 *b = (const u8 *)&w;

	assert_memory_equal(b, "HYMR", 4);
	assert_int_equal(b[4], HM_WRITE);
	assert_int_equal(b[5], HM_FUA);
	assert_int_equal(b[6], VOLUME);
	assert_int_equal(b[8], 0x88);
	assert_int_equal(b[15], 0x11);
	assert_int_equal(b[16], 0x89);
	assert_int_equal(b[40], 24);
	assert_int_equal(le32_to_cpu(w.payload), 24 * 512);
}

static void test_record_round_trip(void **state)
{
	static const u8 kinds[] = { HM_WRITE, HM_WRITE_ZEROES, HM_DISCARD,
				    HM_FLUSH };
	struct hm_record_limits l = limits();
	struct hm_wire_record w, again;
	struct hm_update u;
	struct hm_record r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		u = update(kinds[i]);
		w = wire(&u);
		assert_decode(hm_decode_record(&w, &l, &r), HM_DECODE_OK);
		assert_true(r.update.seq == u.seq && r.update.group == u.group);
		assert_true(r.update.sector == u.sector);
		assert_int_equal(r.update.sectors, u.sectors);
		assert_int_equal(r.update.volume, u.volume);
		assert_int_equal(r.update.kind, u.kind);
		assert_int_equal(r.update.flags, u.flags);
		assert_true(r.session == SESSION);
		assert_int_equal(r.payload, i ? 0 : 24 * 512);
		assert_int_equal(r.payload_crc, i ? 0 : 0xfeedbeef);
		hm_encode_record(&again, &r.update, r.session, r.payload_crc);
		assert_memory_equal(&w, &again, sizeof(w));
	}
}

static void test_record_bit_flips(void **state)
{
	struct hm_update u = update(HM_WRITE);
	struct hm_wire_record w = wire(&u);
	unsigned int bit;

	for (bit = 0; bit < 8 * sizeof(w); bit++) {
		flip(&w, bit);
		assert_int_not_equal(decode(&w), HM_DECODE_OK);
		flip(&w, bit);
	}
	assert_decode(decode(&w), HM_DECODE_OK);
}

static void test_record_header(void **state)
{
	struct hm_update u = update(HM_WRITE);
	struct hm_wire_record w = wire(&u);

	assert_decode(decode_with(w, magic, cpu_to_le32(HM_ACK_MAGIC)),
		      HM_DECODE_MAGIC);
	assert_decode(decode_with(w, reserved, cpu_to_le32(1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(w, reserved2, cpu_to_le32(1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(w, session, cpu_to_le64(SESSION + 1)),
		      HM_DECODE_SESSION);
	w.crc ^= cpu_to_le32(1);
	assert_decode(decode(&w), HM_DECODE_CRC);
}

static void test_record_kinds(void **state)
{
	struct hm_update u = update(HM_WRITE);
	struct hm_wire_record w = wire(&u);
	unsigned int kind;

	for (kind = 0; kind < 256; kind++) {
		if ((kind >= HM_WRITE && kind <= HM_FLUSH) ||
		    (kind >= HM_CTRL_START && kind <= HM_CTRL_ADOPT))
			continue;
		assert_decode(decode_with(w, kind, kind), HM_DECODE_KIND);
	}
}

static void test_record_flags(void **state)
{
	static const struct {
		u8 kind, flags;
		enum hm_decode want;
	} cases[] = {
		{ HM_WRITE, 0, HM_DECODE_OK },
		{ HM_WRITE, HM_FUA, HM_DECODE_OK },
		{ HM_WRITE, HM_NOUNMAP, HM_DECODE_RESERVED },
		{ HM_WRITE, 0x04, HM_DECODE_RESERVED },
		{ HM_WRITE, 0x80, HM_DECODE_RESERVED },
		{ HM_WRITE_ZEROES, HM_NOUNMAP, HM_DECODE_OK },
		{ HM_WRITE_ZEROES, HM_NOUNMAP | HM_FUA, HM_DECODE_OK },
		{ HM_DISCARD, HM_FUA, HM_DECODE_OK },
		{ HM_DISCARD, HM_NOUNMAP, HM_DECODE_RESERVED },
		{ HM_FLUSH, HM_FUA, HM_DECODE_RESERVED },
		{ HM_FLUSH, HM_NOUNMAP, HM_DECODE_RESERVED },
	};
	struct hm_update u;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u = update(cases[i].kind);
		u.flags = cases[i].flags;
		assert_decode(decode_update(&u), cases[i].want);
	}
}

static void test_record_volume(void **state)
{
	struct hm_update u = update(HM_WRITE);

	for (u.volume = 1; u.volume < 40; u.volume++)
		assert_decode(decode_update(&u), u.volume == VOLUME ?
			      HM_DECODE_OK : HM_DECODE_VOLUME);
	u.volume = 0xffff;
	assert_decode(decode_update(&u), HM_DECODE_VOLUME);
	u = update(HM_FLUSH);
	u.volume = 1;
	assert_decode(decode_update(&u), HM_DECODE_VOLUME);
}

static void test_record_range(void **state)
{
	static const struct {
		u64 sector;
		u32 sectors;
		enum hm_decode want;
	} cases[] = {
		{ 0, 8, HM_DECODE_OK },
		{ 0, 0, HM_DECODE_RANGE },
		{ 0, HM_CHUNK_SECTORS, HM_DECODE_OK },
		{ 0, HM_CHUNK_SECTORS + 8, HM_DECODE_RANGE },
		{ 8, HM_CHUNK_SECTORS - 8, HM_DECODE_OK },
		{ 8, HM_CHUNK_SECTORS, HM_DECODE_RANGE },
		{ HM_CHUNK_SECTORS - 8, 8, HM_DECODE_OK },
		{ HM_CHUNK_SECTORS - 8, 16, HM_DECODE_RANGE },
		{ HM_CHUNK_SECTORS, 8, HM_DECODE_OK },
		{ SECTORS - 8, 8, HM_DECODE_OK },
		{ SECTORS - 8, 16, HM_DECODE_RANGE },
		{ SECTORS, 8, HM_DECODE_RANGE },
		{ SECTORS + 8, 8, HM_DECODE_RANGE },
		{ ~0ULL - 7, 8, HM_DECODE_RANGE },
		{ ~0ULL - 7, 16, HM_DECODE_RANGE },
		{ 8, 0xfffffff8U, HM_DECODE_RANGE },
		{ 1ULL << 32, 8, HM_DECODE_RANGE },
		{ 4, 8, HM_DECODE_RANGE },
		{ 8, 4, HM_DECODE_RANGE },
		{ 1, 8, HM_DECODE_RANGE },
		{ 8, 9, HM_DECODE_RANGE },
	};
	static const u8 kinds[] = { HM_WRITE, HM_WRITE_ZEROES, HM_DISCARD };
	struct hm_update u;
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			u = update(kinds[k]);
			u.sector = cases[i].sector;
			u.sectors = cases[i].sectors;
			assert_decode(decode_update(&u), cases[i].want);
		}
	}
}

/* A volume that ends inside of a chunk, with blocks of one sector. */
static void test_record_range_small_volume(void **state)
{
	struct hm_record_limits l = limits();
	struct hm_update u = update(HM_WRITE);
	struct hm_wire_record w;
	struct hm_record r;

	u.volume = 0;
	u.sector = 999;
	u.sectors = 1;
	assert_decode(decode_update(&u), HM_DECODE_OK);
	u.sectors = 2;
	assert_decode(decode_update(&u), HM_DECODE_RANGE);
	u.sectors = 1;
	w = wire(&u);
	l.logical_block[0] = 0;
	assert_decode(hm_decode_record(&w, &l, &r), HM_DECODE_RANGE);
}

static void test_record_flush(void **state)
{
	struct hm_update u = update(HM_FLUSH);

	assert_decode(decode_update(&u), HM_DECODE_OK);
	u.sectors = 8;
	assert_decode(decode_update(&u), HM_DECODE_RANGE);
	u.sectors = 0;
	u.sector = 8;
	assert_decode(decode_update(&u), HM_DECODE_RANGE);
}

static void test_record_payload(void **state)
{
	struct hm_update u = update(HM_WRITE);
	struct hm_wire_record w = wire(&u);
	static const u8 bare[] = { HM_WRITE_ZEROES, HM_DISCARD, HM_FLUSH };
	unsigned int i;

	assert_decode(decode_with(w, payload, 0), HM_DECODE_PAYLOAD);
	assert_decode(decode_with(w, payload, cpu_to_le32(24 * 512 - 1)),
		      HM_DECODE_PAYLOAD);
	assert_decode(decode_with(w, payload, cpu_to_le32(24 * 512 + 1)),
		      HM_DECODE_PAYLOAD);
	assert_decode(decode_with(w, payload, cpu_to_le32(~0U)),
		      HM_DECODE_PAYLOAD);
	/* A payload's checksum may well be zero. */
	assert_decode(decode_with(w, payload_crc, 0), HM_DECODE_OK);
	for (i = 0; i < ARRAY_SIZE(bare); i++) {
		u = update(bare[i]);
		w = wire(&u);
		assert_decode(decode_with(w, payload, cpu_to_le32(512)),
			      HM_DECODE_PAYLOAD);
		assert_decode(decode_with(w, payload_crc, cpu_to_le32(1)),
			      HM_DECODE_PAYLOAD);
	}
}

static void test_record_numbers(void **state)
{
	struct hm_update u = update(HM_WRITE);

	u.seq = 1;
	u.group = 1;
	assert_decode(decode_update(&u), HM_DECODE_OK);
	u.seq = 0;
	assert_decode(decode_update(&u), HM_DECODE_NUMBER);
	u.seq = 1;
	u.group = 0;
	assert_decode(decode_update(&u), HM_DECODE_NUMBER);
}

/* What a control may say besides its kind, and what it must not. */
static void check_control(u8 kind, u8 flags, u64 seq)
{
	struct hm_record_limits l = limits();
	struct hm_wire_record w, again;
	struct hm_record r;

	memset(&w, 0xa5, sizeof(w));
	hm_encode_control(&w, kind, flags, SESSION, seq);
	assert_decode(hm_decode_record(&w, &l, &r), HM_DECODE_OK);
	assert_int_equal(r.update.kind, kind);
	assert_int_equal(r.update.flags, flags);
	assert_true(r.update.seq == seq);
	assert_true(r.session == SESSION);
	assert_int_equal(r.payload, 0);
	hm_encode_control(&again, r.update.kind, r.update.flags, r.session,
			  r.update.seq);
	assert_memory_equal(&w, &again, sizeof(w));

	assert_decode(decode_with(w, group, cpu_to_le64(1)), HM_DECODE_NUMBER);
	assert_decode(decode_with(w, volume, cpu_to_le16(VOLUME)),
		      HM_DECODE_VOLUME);
	if (!(flags & HM_START_STAGE))
		assert_decode(decode_with(w, sector, cpu_to_le64(8)),
			      HM_DECODE_RANGE);
	assert_decode(decode_with(w, sectors, cpu_to_le32(8)),
		      HM_DECODE_RANGE);
	assert_decode(decode_with(w, payload, cpu_to_le32(512)),
		      HM_DECODE_PAYLOAD);
	assert_decode(decode_with(w, payload_crc, cpu_to_le32(1)),
		      HM_DECODE_PAYLOAD);
	assert_decode(decode_with(w, session, cpu_to_le64(0)),
		      HM_DECODE_SESSION);
	assert_decode(decode_with(w, reserved, cpu_to_le32(1)),
		      HM_DECODE_RESERVED);
	assert_decode(decode_with(w, reserved2, cpu_to_le32(1)),
		      HM_DECODE_RESERVED);
}

static void test_controls(void **state)
{
	u8 flags;

	for (flags = 0; flags <= (HM_START_JUMP | HM_START_COPY); flags++)
		check_control(HM_CTRL_START, flags, 77);
	check_control(HM_CTRL_START, HM_START_FLAGS, 77);
	check_control(HM_CTRL_START, 0, ~0ULL);
	check_control(HM_CTRL_PING, 0, 0);
	check_control(HM_CTRL_ADOPT, 0, 77);
}

/* What is to be copied, if the backup may stage it. */
static void test_start(void **state)
{
	struct hm_record_limits l = limits();
	struct hm_wire_record w, control;
	struct hm_record r;

	hm_encode_start(&w, HM_START_JUMP, SESSION, 77, 0);
	hm_encode_control(&control, HM_CTRL_START, HM_START_JUMP, SESSION, 77);
	assert_memory_equal(&w, &control, sizeof(w));

	hm_encode_start(&w, HM_START_FLAGS, SESSION, 77, ~0ULL);
	assert_decode(hm_decode_record(&w, &l, &r), HM_DECODE_OK);
	assert_int_equal(r.update.flags, HM_START_FLAGS);
	assert_true(r.update.seq == 77);
	assert_true(r.update.sector == ~0ULL);

	hm_encode_start(&w, HM_START_COPY, SESSION, 77, 8);
	assert_decode(hm_decode_record(&w, &l, &r), HM_DECODE_RANGE);
}

/* A start says what follows, an adoption what came before; a ping nothing. */
static void test_control_seq(void **state)
{
	static const struct {
		u8 kind;
		enum hm_decode zero, one;
	} cases[] = {
		{ HM_CTRL_START, HM_DECODE_NUMBER, HM_DECODE_OK },
		{ HM_CTRL_PING, HM_DECODE_OK, HM_DECODE_NUMBER },
		{ HM_CTRL_ADOPT, HM_DECODE_OK, HM_DECODE_OK },
	};
	struct hm_wire_record w;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		hm_encode_control(&w, cases[i].kind, 0, SESSION, 0);
		assert_decode(decode(&w), cases[i].zero);
		hm_encode_control(&w, cases[i].kind, 0, SESSION, 1);
		assert_decode(decode(&w), cases[i].one);
	}
}

/* Only a start has flags, and only those that are known. */
static void test_control_flags(void **state)
{
	struct hm_wire_record start, ping, adopt;
	unsigned int flags;

	hm_encode_control(&start, HM_CTRL_START, 0, SESSION, 7);
	hm_encode_control(&ping, HM_CTRL_PING, 0, SESSION, 0);
	hm_encode_control(&adopt, HM_CTRL_ADOPT, 0, SESSION, 7);
	for (flags = 1; flags < 256; flags++) {
		assert_decode(decode_with(start, flags, flags),
			      flags & ~HM_START_FLAGS ||
			      (flags & HM_START_STAGE &&
			       flags != HM_START_FLAGS) ?
			      HM_DECODE_RESERVED : HM_DECODE_OK);
		assert_decode(decode_with(ping, flags, flags),
			      HM_DECODE_RESERVED);
		assert_decode(decode_with(adopt, flags, flags),
			      HM_DECODE_RESERVED);
	}
}

static void test_control_bit_flips(void **state)
{
	struct hm_wire_record w;
	unsigned int bit;

	hm_encode_control(&w, HM_CTRL_START, HM_START_JUMP | HM_START_COPY,
			  SESSION, 77);
	for (bit = 0; bit < 8 * sizeof(w); bit++) {
		flip(&w, bit);
		assert_int_not_equal(decode(&w), HM_DECODE_OK);
		flip(&w, bit);
	}
	assert_decode(decode(&w), HM_DECODE_OK);
}

/* The format of protocol version 2: never change these bytes. */
static void test_control_bytes(void **state)
{
	static const u8 want[] = {
		/* magic, kind, flags, volume */
		'H', 'Y', 'M', 'R', 0x80, 0x03, 0x00, 0x00,
		/* session */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		/* seq */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
		/* crc */
		[60] = 0x96, 0xa2, 0x4d, 0x84,
	};
	struct hm_wire_record w;

	hm_encode_control(&w, HM_CTRL_START, HM_START_JUMP | HM_START_COPY,
			  SESSION, 0x0102030405060708ULL);
	assert_memory_equal(&w, want, sizeof(want));
	hm_encode_control(&w, HM_CTRL_ADOPT, 0, SESSION, 7);
	assert_int_equal(((u8 *)&w)[4], 0x82);
	hm_encode_control(&w, HM_CTRL_PING, 0, SESSION, 0);
	assert_int_equal(((u8 *)&w)[4], 0x81);
}

static void test_text(void **state)
{
	assert_words(hm_decode_text, HM_DECODE_LINEAGE + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc_is_the_wire_crc),
		cmocka_unit_test(test_record_bytes),
		cmocka_unit_test(test_record_round_trip),
		cmocka_unit_test(test_record_bit_flips),
		cmocka_unit_test(test_record_header),
		cmocka_unit_test(test_record_kinds),
		cmocka_unit_test(test_record_flags),
		cmocka_unit_test(test_record_volume),
		cmocka_unit_test(test_record_range),
		cmocka_unit_test(test_record_range_small_volume),
		cmocka_unit_test(test_record_flush),
		cmocka_unit_test(test_record_payload),
		cmocka_unit_test(test_record_numbers),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_control_seq),
		cmocka_unit_test(test_control_flags),
		cmocka_unit_test(test_control_bit_flips),
		cmocka_unit_test(test_control_bytes),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
