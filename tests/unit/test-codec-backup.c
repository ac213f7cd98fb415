// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the backup sends after its hello: acknowledgments, and the regions that
 * it has changed by itself.
 */
#include "hm-test.h"

#define SESSION		0x1122334455667788ULL
#define VOLUME		3
#define SECTORS		8192ULL

static void reseal(void *w, size_t bytes)
{
	u32 crc = cpu_to_le32(crc32c(HM_CRC_SEED, w, bytes - 4));

	memcpy((u8 *)w + bytes - 4, &crc, 4);
}

static struct hm_ack_record ack(void)
{
	return (struct hm_ack_record) {
		.session = SESSION,
		.acks = { .received = 900, .applied = 800, .durable = 700 },
		.applied_group = 60, .durable_group = 50,
		.generation = 0x3132333435363738ULL,
		.failed_volume = 15, .status = HM_BACKUP_SUSPENDED,
	};
}

static enum hm_decode decode_wire_ack(const struct hm_wire_ack *w)
{
	struct hm_ack_record a;

	return hm_decode_ack(w, SESSION, &a);
}

static enum hm_decode decode_ack(const struct hm_ack_record *a)
{
	struct hm_wire_ack w;

	hm_encode_ack(&w, a);
	return decode_wire_ack(&w);
}

/* Decode after one field is changed and the checksum is made to fit again. */
#define decode_ack_with(field, value) ({		\
	struct hm_ack_record _a = ack();		\
	struct hm_wire_ack _w;				\
	hm_encode_ack(&_w, &_a);			\
	_w.field = value;				\
	reseal(&_w, sizeof(_w));			\
	decode_wire_ack(&_w);				\
})

/* The format of protocol version 2: never change these bytes. */
static void test_ack_bytes(void **state)
{
	static const u8 want[] = {
		/* magic, status */
		'H', 'Y', 'M', 'A', 0x01, 0x00, 0x00, 0x00,
		/* session */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		/* received, applied, durable */
		0x84, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x20, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0xbc, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		/* applied_group, durable_group */
		0x3c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x32, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		/* generation */
		0x38, 0x37, 0x36, 0x35, 0x34, 0x33, 0x32, 0x31,
		/* failed_volume, reserved, crc */
		0x0f, 0x00, 0x00, 0x00, 0xf1, 0xb8, 0x6c, 0x70,
	};
	struct hm_ack_record a = ack();
	struct hm_wire_ack w;

	memset(&w, 0xa5, sizeof(w));
	hm_encode_ack(&w, &a);
	assert_int_equal(sizeof(w), sizeof(want));
	assert_memory_equal(&w, want, sizeof(want));
}

static void test_ack_round_trip(void **state)
{
	struct hm_ack_record a = ack(), b;
	struct hm_wire_ack w, again;

	hm_encode_ack(&w, &a);
	memset(&b, 0xa5, sizeof(b));
	assert_decode(hm_decode_ack(&w, SESSION, &b), HM_DECODE_OK);
	assert_memory_equal(&a.acks, &b.acks, sizeof(a.acks));
	assert_true(b.session == SESSION);
	assert_true(b.applied_group == 60 && b.durable_group == 50);
	assert_true(b.generation == a.generation);
	assert_int_equal(b.failed_volume, 15);
	assert_int_equal(b.status, HM_BACKUP_SUSPENDED);
	hm_encode_ack(&again, &b);
	assert_memory_equal(&w, &again, sizeof(w));
}

static void test_ack_bit_flips(void **state)
{
	struct hm_ack_record a = ack();
	struct hm_wire_ack w;
	unsigned int bit;

	hm_encode_ack(&w, &a);
	for (bit = 0; bit < 8 * sizeof(w); bit++) {
		flip(&w, bit);
		assert_int_not_equal(decode_wire_ack(&w), HM_DECODE_OK);
		flip(&w, bit);
	}
	assert_decode(decode_wire_ack(&w), HM_DECODE_OK);
}

static void test_ack_header(void **state)
{
	struct hm_ack_record a = ack();
	struct hm_wire_ack w;

	assert_decode(decode_ack_with(magic, cpu_to_le32(HM_RECORD_MAGIC)),
		      HM_DECODE_MAGIC);
	assert_decode(decode_ack_with(magic, cpu_to_le32(HM_REGIONS_MAGIC)),
		      HM_DECODE_MAGIC);
	assert_decode(decode_ack_with(session, cpu_to_le64(SESSION + 1)),
		      HM_DECODE_SESSION);
	assert_decode(decode_ack_with(flags, cpu_to_le16(HM_ACK_FLAGS)),
		      HM_DECODE_OK);
	assert_decode(decode_ack_with(flags, cpu_to_le16(HM_ACK_FLAGS + 1)),
		      HM_DECODE_RESERVED);
	hm_encode_ack(&w, &a);
	w.crc ^= cpu_to_le32(1);
	assert_decode(decode_wire_ack(&w), HM_DECODE_CRC);
}

static void test_ack_status(void **state)
{
	unsigned int status;

	for (status = HM_BACKUP_STARTING + 1; status < 256; status++)
		assert_decode(decode_ack_with(status, cpu_to_le32(status)),
			      HM_DECODE_STATUS);
	/* Those whose low byte alone would be known. */
	assert_decode(decode_ack_with(status, cpu_to_le32(0x100)),
		      HM_DECODE_STATUS);
	assert_decode(decode_ack_with(status, cpu_to_le32(0x80000001U)),
		      HM_DECODE_STATUS);
}

static void test_ack_numbers(void **state)
{
	struct hm_ack_record a = ack();

	a.acks = (struct hm_acks) { 5, 5, 5 };
	a.applied_group = 5;
	a.durable_group = 5;
	assert_decode(decode_ack(&a), HM_DECODE_OK);
	a.acks.durable = 6;
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a.acks.applied = 6;
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a.acks.received = 6;
	assert_decode(decode_ack(&a), HM_DECODE_OK);
	a.durable_group = 6;
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
}

/* Any generation can be; none is what an inconsistent backup says. */
static void test_ack_generation(void **state)
{
	static const u64 generations[] = { 0, 1, 1ULL << 63, ~0ULL };
	struct hm_ack_record a = ack(), b;
	struct hm_wire_ack w;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(generations); i++) {
		a.generation = generations[i];
		hm_encode_ack(&w, &a);
		assert_decode(hm_decode_ack(&w, SESSION, &b), HM_DECODE_OK);
		assert_true(b.generation == generations[i]);
	}
}

/* Only a failure has a volume. */
static void test_ack_failed_volume(void **state)
{
	struct hm_ack_record a = ack();

	a.failed_volume = HM_MAX_VOLUMES;
	assert_decode(decode_ack(&a), HM_DECODE_VOLUME);
	a.failed_volume = 0xffff;
	assert_decode(decode_ack(&a), HM_DECODE_VOLUME);
	a.failed_volume = 0;
	assert_decode(decode_ack(&a), HM_DECODE_OK);
	a.status = HM_BACKUP_APPLYING;
	assert_decode(decode_ack(&a), HM_DECODE_OK);
	a.failed_volume = 1;
	assert_decode(decode_ack(&a), HM_DECODE_VOLUME);
}

/* A backup that has not started yet has nothing to say but that it lives. */
static void test_ack_starting(void **state)
{
	struct hm_ack_record alive = { .session = SESSION,
				       .status = HM_BACKUP_STARTING };
	struct hm_ack_record a = alive, b;
	struct hm_wire_ack w;

	hm_encode_ack(&w, &a);
	assert_decode(hm_decode_ack(&w, SESSION, &b), HM_DECODE_OK);
	assert_int_equal(b.status, HM_BACKUP_STARTING);
	a.acks.received = 1;
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a = alive;
	a.acks = (struct hm_acks) { 0, 1, 0 };
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a.acks = (struct hm_acks) { 0, 0, 1 };
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a = alive;
	a.applied_group = 1;
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a.durable_group = 1;
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a = alive;
	a.generation = 1;
	assert_decode(decode_ack(&a), HM_DECODE_NUMBER);
	a = alive;
	a.failed_volume = 1;
	assert_decode(decode_ack(&a), HM_DECODE_VOLUME);
}

static struct hm_record_limits limits(void)
{
	struct hm_record_limits l = { .session = SESSION };

	l.sectors[VOLUME] = SECTORS;
	l.logical_block[VOLUME] = 4096;
	l.sectors[15] = ~0ULL;
	l.logical_block[15] = 512;
	return l;
}

static enum hm_decode decode_wire_regions(const struct hm_wire_regions *w)
{
	struct hm_record_limits l = limits();
	struct hm_range r;

	return hm_decode_regions(w, &l, &r);
}

static struct hm_wire_regions regions(u16 volume, u64 sector, u64 sectors)
{
	struct hm_range r = { sector, sectors, volume };
	struct hm_wire_regions w;

	memset(&w, 0xa5, sizeof(w));
	hm_encode_regions(&w, &r, SESSION);
	return w;
}

static enum hm_decode decode_range(u16 volume, u64 sector, u64 sectors)
{
	struct hm_wire_regions w = regions(volume, sector, sectors);

	return decode_wire_regions(&w);
}

/* Decode after one field is changed and the checksum is made to fit again. */
#define decode_regions_with(w, field, value) ({		\
	struct hm_wire_regions _w = (w);		\
	_w.field = value;				\
	reseal(&_w, sizeof(_w));			\
	decode_wire_regions(&_w);			\
})

/* The format of protocol version 2: never change these bytes. */
static void test_regions_bytes(void **state)
{
	static const u8 want[] = {
		/* magic, volume, flags */
		'H', 'Y', 'M', 'D', 0x03, 0x00, 0x00, 0x00,
		/* session */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		/* sector, sectors */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
		0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
		/* crc */
		[60] = 0xd8, 0x82, 0xf3, 0x65,
	};
	static const u8 last[] = {
		'H', 'Y', 'M', 'D', 0x00, 0x00, 0x01, 0x00,
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		[60] = 0xc0, 0xa3, 0xd3, 0xfa,
	};
	struct hm_wire_regions w = regions(VOLUME, 0x0102030405060708ULL,
					   0x1112131415161718ULL);

	assert_int_equal(sizeof(w), sizeof(want));
	assert_memory_equal(&w, want, sizeof(want));
	w = regions(0, 0, 0);
	assert_memory_equal(&w, last, sizeof(last));
}

static void test_regions_round_trip(void **state)
{
	struct hm_wire_regions w = regions(VOLUME, 16, 24), again;
	struct hm_record_limits l = limits();
	struct hm_range r;

	memset(&r, 0xa5, sizeof(r));
	assert_decode(hm_decode_regions(&w, &l, &r), HM_DECODE_OK);
	assert_int_equal(r.volume, VOLUME);
	assert_true(r.sector == 16 && r.sectors == 24);
	hm_encode_regions(&again, &r, SESSION);
	assert_memory_equal(&w, &again, sizeof(w));
}

/* The last record says that it is the last, and nothing else. */
static void test_regions_last(void **state)
{
	struct hm_wire_regions last = regions(VOLUME, 16, 0);
	struct hm_wire_regions other = regions(VOLUME, 16, 8);
	struct hm_record_limits l = limits();
	struct hm_range r;

	memset(&r, 0xa5, sizeof(r));
	assert_decode(hm_decode_regions(&last, &l, &r), HM_DECODE_OK);
	assert_int_equal(r.volume, 0);
	assert_true(!r.sector && !r.sectors);
	assert_decode(decode_regions_with(last, volume, cpu_to_le16(VOLUME)),
		      HM_DECODE_RANGE);
	assert_decode(decode_regions_with(last, sector, cpu_to_le64(8)),
		      HM_DECODE_RANGE);
	assert_decode(decode_regions_with(last, sectors, cpu_to_le64(8)),
		      HM_DECODE_RANGE);
	assert_decode(decode_regions_with(other, flags,
					  cpu_to_le16(HM_REGIONS_LAST)),
		      HM_DECODE_RANGE);
	assert_decode(decode_regions_with(last, session, 0),
		      HM_DECODE_SESSION);
}

static void test_regions_bit_flips(void **state)
{
	struct hm_wire_regions w[] = { regions(VOLUME, 16, 24),
				       regions(0, 0, 0) };
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(w); i++) {
		for (bit = 0; bit < 8 * sizeof(w[i]); bit++) {
			flip(&w[i], bit);
			assert_int_not_equal(decode_wire_regions(&w[i]),
					     HM_DECODE_OK);
			flip(&w[i], bit);
		}
		assert_decode(decode_wire_regions(&w[i]), HM_DECODE_OK);
	}
}

static void test_regions_header(void **state)
{
	struct hm_wire_regions w = regions(VOLUME, 16, 24);
	unsigned int i;

	assert_decode(decode_regions_with(w, magic, cpu_to_le32(HM_ACK_MAGIC)),
		      HM_DECODE_MAGIC);
	assert_decode(decode_regions_with(w, session, cpu_to_le64(1)),
		      HM_DECODE_SESSION);
	for (i = 1; i < 16; i++)
		assert_decode(decode_regions_with(w, flags,
						  cpu_to_le16(1U << i)),
			      HM_DECODE_RESERVED);
	for (i = 0; i < sizeof(w.reserved); i++)
		assert_decode(decode_regions_with(w, reserved[i], 1),
			      HM_DECODE_RESERVED);
	w.crc ^= cpu_to_le32(1);
	assert_decode(decode_wire_regions(&w), HM_DECODE_CRC);
}

static void test_regions_volume(void **state)
{
	u16 volume;

	for (volume = 0; volume < 40; volume++)
		assert_decode(decode_range(volume, 0, 8),
			      volume == VOLUME || volume == 15 ?
			      HM_DECODE_OK : HM_DECODE_VOLUME);
	assert_decode(decode_range(0xffff, 0, 8), HM_DECODE_VOLUME);
}

static void test_regions_range(void **state)
{
	struct hm_wire_regions w = regions(VOLUME, 16, 24);

	assert_decode(decode_range(VOLUME, 0, SECTORS), HM_DECODE_OK);
	assert_decode(decode_range(VOLUME, 0, SECTORS + 1), HM_DECODE_RANGE);
	assert_decode(decode_range(VOLUME, SECTORS - 1, 1), HM_DECODE_OK);
	assert_decode(decode_range(VOLUME, SECTORS - 1, 2), HM_DECODE_RANGE);
	assert_decode(decode_range(VOLUME, SECTORS, 1), HM_DECODE_RANGE);
	assert_decode(decode_range(VOLUME, ~0ULL, 1), HM_DECODE_RANGE);
	assert_decode(decode_range(VOLUME, 1, ~0ULL), HM_DECODE_RANGE);
	assert_decode(decode_range(VOLUME, 8, ~0ULL - 7), HM_DECODE_RANGE);
	assert_decode(decode_range(VOLUME, 1ULL << 32, 8), HM_DECODE_RANGE);
	assert_decode(decode_range(VOLUME, 0, 1ULL << 32), HM_DECODE_RANGE);
	/* More than one chunk, and more than a record could carry. */
	assert_decode(decode_range(15, 1, ~0ULL - 1), HM_DECODE_OK);
	assert_decode(decode_range(15, 1, ~0ULL), HM_DECODE_RANGE);
	/* Nothing at all is what the last one says, by its flag. */
	assert_decode(decode_regions_with(w, sectors, 0), HM_DECODE_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack_bytes),
		cmocka_unit_test(test_ack_round_trip),
		cmocka_unit_test(test_ack_bit_flips),
		cmocka_unit_test(test_ack_header),
		cmocka_unit_test(test_ack_status),
		cmocka_unit_test(test_ack_numbers),
		cmocka_unit_test(test_ack_generation),
		cmocka_unit_test(test_ack_failed_volume),
		cmocka_unit_test(test_ack_starting),
		cmocka_unit_test(test_regions_bytes),
		cmocka_unit_test(test_regions_round_trip),
		cmocka_unit_test(test_regions_last),
		cmocka_unit_test(test_regions_bit_flips),
		cmocka_unit_test(test_regions_header),
		cmocka_unit_test(test_regions_volume),
		cmocka_unit_test(test_regions_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
