// SPDX-License-Identifier: GPL-2.0-only
/* The log ring: where batches go, and what passes for one. */
#include "hm-test.h"
#include "ring.h"

#define LIFE	0x1122334455667788ULL

static void test_size(void **state)
{
	u64 used = hm_format_bytes(2048, 11);
	u64 least = HM_RING_MIN_BLOCKS * 4096ULL;

	assert_true(hm_ring_blocks_of(used, 2048, 11) == 0);
	assert_true(hm_ring_blocks_of(used + least - 1, 2048, 11) == 0);
	assert_true(hm_ring_blocks_of(used + least, 2048, 11) ==
		    HM_RING_MIN_BLOCKS);
	assert_true(hm_ring_blocks_of(used + least + 8191, 2048, 11) ==
		    HM_RING_MIN_BLOCKS + 1);
	/* More regions than there can be. */
	assert_true(hm_ring_blocks_of(~0ULL >> 1, ~0ULL, 17) == 0);
	assert_int_equal(hm_batch_blocks(0), 1);
	assert_int_equal(hm_batch_blocks(512), 2);
	assert_int_equal(hm_batch_blocks(4096), 2);
	assert_int_equal(hm_batch_blocks(4608), 3);
}

static void test_place(void **state)
{
	struct hm_ring r = { .blocks = 10 };

	assert_true(hm_ring_place(&r, 10) == 0);
	assert_true(hm_ring_place(&r, 11) == HM_RING_NOWHERE);
	r.head = 7;
	assert_true(hm_ring_place(&r, 3) == 7);
	/* Not across the end; nor over what must be kept. */
	assert_true(hm_ring_place(&r, 4) == HM_RING_NOWHERE);
	r.tail = 3;
	assert_true(hm_ring_place(&r, 4) == HM_RING_NOWHERE);
	r.tail = 4;
	assert_true(hm_ring_place(&r, 4) == 10);
	r.head = 14;
	assert_true(hm_ring_place(&r, 1) == HM_RING_NOWHERE);
	r.tail = 7;
	assert_true(hm_ring_place(&r, 3) == 14);
	assert_true(hm_ring_place(&r, 4) == HM_RING_NOWHERE);
	/* Empty, in the middle: what is lost at the end counts. */
	r.head = 25;
	r.tail = 25;
	assert_true(hm_ring_place(&r, 5) == 25);
	assert_true(hm_ring_place(&r, 6) == HM_RING_NOWHERE);
	assert_true(hm_ring_next_lap(&r, 25) == 30);
	assert_true(hm_ring_next_lap(&r, 30) == 40);
}

/* However it goes, no batch lies on another one that must be kept. */
static void test_place_never_overwrites(void **state)
{
	struct { u64 at; u32 blocks; } kept[64];
	struct hm_ring r = { .blocks = 23 };
	unsigned int n = 0, i, step;
	u32 seed = 7;

	for (step = 0; step < 100000; step++) {
		u32 blocks;
		u64 at;

		seed = seed * 1664525 + 1013904223;
		blocks = 1 + (seed >> 16) % 6;
		at = hm_ring_place(&r, blocks);
		if (at == HM_RING_NOWHERE) {
			assert_true(n > 0);
			memmove(kept, kept + 1, --n * sizeof(kept[0]));
			r.tail = n ? kept[0].at : r.head;
			continue;
		}
		assert_true(at >= r.head);
		assert_true(at % r.blocks + blocks <= r.blocks);
		for (i = 0; i < n; i++)
			assert_true(at % r.blocks >= kept[i].at % r.blocks +
				    kept[i].blocks ||
				    at % r.blocks + blocks <=
				    kept[i].at % r.blocks);
		kept[n].at = at;
		kept[n++].blocks = blocks;
		r.head = at + blocks;
	}
}

static void sample_batch(struct hm_disk_batch *d, u64 position)
{
	struct hm_ring_batch b = { .position = position, .payload = 8192,
			      .records = 2 };
	struct hm_update u = { .seq = 5, .group = 2, .sector = 8, .sectors = 8,
			       .kind = HM_WRITE };

	memset(d, 0xa5, sizeof(*d));
	hm_encode_record(&d->record[0], &u, LIFE, 1);
	u.seq = 6;
	hm_encode_record(&d->record[1], &u, LIFE, 2);
	hm_encode_batch(d, &b, LIFE);
}

static void test_batch(void **state)
{
	struct hm_record_limits limits = { .session = LIFE,
		.sectors = { 64 }, .logical_block = { 512 } };
	struct hm_disk_batch d;
	struct hm_record r;
	struct hm_ring_batch b;

	sample_batch(&d, 1005);
	assert_true(hm_decode_batch(&d, LIFE, 1005, 100, &b));
	assert_true(b.position == 1005);
	assert_int_equal(b.payload, 8192);
	assert_int_equal(b.records, 2);
	assert_int_equal(hm_decode_record(&d.record[1], &limits, &r),
			 HM_DECODE_OK);
	assert_true(r.update.seq == 6);
	assert_int_equal(r.payload_crc, 2);
	/* What was in the block before is gone. */
	assert_null(memchr_inv(d.reserved, 0, sizeof(d.reserved)));
	assert_null(memchr_inv(d.record + 2, 0, 61 * sizeof(d.record[0])));
}

/* The format as it is on every disk out there: never change these bytes. */
static void test_batch_bytes(void **state)
{
	static const u8 want[] = {
		'H', 'Y', 'M', 'L', 0, 0, 0, 0,
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		0xed, 0x03, 0, 0, 0, 0, 0, 0,
		0x00, 0x20, 0x00, 0x00, 0x02, 0x00,
	};
	struct hm_disk_batch d;

	sample_batch(&d, 1005);
	d.crc = 0;
	assert_memory_equal(&d, want, sizeof(want));
	assert_int_equal(offsetof(struct hm_disk_batch, record), 64);
}

static void test_not_the_next(void **state)
{
	struct hm_disk_batch d;
	struct hm_ring_batch b;

	sample_batch(&d, 1005);
	assert_false(hm_decode_batch(&d, LIFE + 1, 1005, 100, &b));
	/* Of the lap before. */
	assert_false(hm_decode_batch(&d, LIFE, 1105, 100, &b));
	/* Beyond the end. */
	assert_true(hm_decode_batch(&d, LIFE, 1005, 1008, &b));
	assert_false(hm_decode_batch(&d, LIFE, 1005, 1007, &b));
	sample_batch(&d, 1005);
	memset(&d, 0, sizeof(d));
	assert_false(hm_decode_batch(&d, 0, 0, 100, &b));
}

static void test_every_bit(void **state)
{
	struct hm_disk_batch d;
	struct hm_ring_batch b;
	unsigned int bit;

	sample_batch(&d, 1005);
	for (bit = 0; bit < 8 * sizeof(d); bit++) {
		((u8 *)&d)[bit / 8] ^= 1 << bit % 8;
		assert_false(hm_decode_batch(&d, LIFE, 1005, 100, &b));
		((u8 *)&d)[bit / 8] ^= 1 << bit % 8;
	}
	assert_true(hm_decode_batch(&d, LIFE, 1005, 100, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_place_never_overwrites),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_batch_bytes),
		cmocka_unit_test(test_not_the_next),
		cmocka_unit_test(test_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
