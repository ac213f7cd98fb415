// SPDX-License-Identifier: GPL-2.0-only
/* Walking through the log ring: all that counts is found, and nothing else. */
#include "hm-test.h"
#include "walk.h"

#define LIFE		0x1122334455667788ULL
#define BLOCKS		8
#define SECTORS		1024

/* A ring in memory. */
struct image {
	u8 block[BLOCKS][HM_META_BLOCK];
	struct hm_ring ring;
	struct hm_super super;
	u64 seq;
};

static void image_begin(struct image *m)
{
	memset(m, 0, sizeof(*m));
	m->ring.blocks = BLOCKS;
	m->super.ring_blocks = BLOCKS;
	m->super.ring_life = LIFE;
	m->super.volume = 1;
}

/* @records writes of 512 bytes; returns where they went. */
static u64 image_append(struct image *m, unsigned int records)
{
	struct hm_ring_batch b = { .records = (u16)records,
				   .payload = records * 512 };
	struct hm_disk_batch *d;
	u8 *payload;
	unsigned int i;

	b.position = hm_ring_place(&m->ring, hm_batch_blocks(b.payload));
	assert_true(b.position != HM_RING_NOWHERE);
	d = (struct hm_disk_batch *)m->block[b.position % BLOCKS];
	payload = (u8 *)(d + 1);
	for (i = 0; i < records; i++, payload += 512) {
		struct hm_update u = { .seq = ++m->seq, .group = m->seq / 2 + 1,
				       .sector = m->seq, .sectors = 1,
				       .volume = 1, .kind = HM_WRITE };

		memset(payload, (int)m->seq, 512);
		hm_encode_record(&d->record[i], &u, LIFE,
				 crc32c(HM_CRC_SEED, payload, 512));
	}
	hm_encode_batch(d, &b, LIFE);
	m->ring.head = b.position + hm_batch_blocks(b.payload);
	return b.position;
}

/* All up to @seq is on the disk: the superblock says where the rest begins. */
static void image_tell(struct image *m, u64 seq, u64 position)
{
	m->super.seq = seq;
	m->super.ring_tail = position;
	m->ring.tail = position;
}

/* Each update is the next one; returns how many there are. */
static u64 walk(const struct image *m, struct hm_walk *w)
{
	const struct hm_disk_batch *d;
	struct hm_record r;
	u64 position, seq = 0;
	unsigned int looked = 0;

	hm_walk_begin(w, &m->super, SECTORS, 512);
	while (hm_walk_where(w, &position)) {
		assert_true(++looked <= 2 * BLOCKS);
		d = (const void *)m->block[position % BLOCKS];
		if (!hm_walk_batch(w, d))
			continue;
		while (hm_walk_record(w, d, (const u8 *)(d + 1), &r)) {
			assert_true(!seq || r.update.seq == seq + 1);
			assert_true(r.update.sector == r.update.seq);
			seq = r.update.seq;
			assert_true(w->seq == seq && w->group == r.update.group);
		}
	}
	return w->updates;
}

static void test_empty(void **state)
{
	struct hm_walk w;
	struct image m;

	image_begin(&m);
	m.super.seq = 5;
	m.super.group = 3;
	assert_true(walk(&m, &w) == 0);
	assert_true(w.seq == 5 && w.group == 3);
}

static void test_all_of_it(void **state)
{
	struct hm_walk w;
	struct image m;

	image_begin(&m);
	image_append(&m, 3);
	image_append(&m, 9);
	image_append(&m, 1);
	assert_true(walk(&m, &w) == 13);
	assert_true(w.seq == 13);
}

/* One that was too large for the end of a lap lies at the next lap's start. */
static void test_round(void **state)
{
	u64 first, second, third;
	struct hm_walk w;
	struct image m;

	image_begin(&m);
	first = image_append(&m, 9);
	second = image_append(&m, 8);
	third = image_append(&m, 1);
	image_tell(&m, 9, second);
	assert_true(first == 0 && second == 3 && third == 5);
	/* Two blocks are left at the end; there are three at the beginning. */
	assert_true(image_append(&m, 12) == BLOCKS);
	assert_true(walk(&m, &w) == 21);
	/* The tail may lie where nothing was placed: at the end of a lap. */
	image_tell(&m, 18, third + 2);
	assert_true(walk(&m, &w) == 12);
	image_tell(&m, 30, m.ring.head);
	assert_true(walk(&m, &w) == 0);
}

/* Full, and the head has come round to the tail: not once more from there. */
static void test_full(void **state)
{
	struct hm_walk w;
	struct image m;

	image_begin(&m);
	image_append(&m, 1);
	image_append(&m, 1);
	image_append(&m, 1);
	image_append(&m, 1);
	assert_true(m.ring.head == BLOCKS);
	assert_true(walk(&m, &w) == 4);
	image_tell(&m, 1, 2);
	image_append(&m, 1);
	assert_true(walk(&m, &w) == 4);
	assert_true(w.seq == 5);
}

static void test_torn(void **state)
{
	struct hm_walk w;
	struct image m;
	u64 at;

	image_begin(&m);
	image_append(&m, 1);
	at = image_append(&m, 5);
	/* The third payload did not arrive; what is behind it did. */
	m.block[at + 1][2 * 512 + 100] ^= 1;
	assert_true(walk(&m, &w) == 3);
	assert_true(w.seq == 3);
	/* The head did not. */
	m.block[at][0] ^= 1;
	assert_true(walk(&m, &w) == 1);
	assert_false(w.damaged);
}

/* What lies behind a hole was appended later: it was none, whichever batch it is. */
static void test_damaged(void **state)
{
	unsigned int first, what;
	struct hm_walk w;
	struct image m;
	u64 at, next;

	for (first = 1; first <= 9; first++) {
		for (what = 0; what < 2; what++) {
			image_begin(&m);
			/* From near the end of a lap, or from its beginning. */
			image_append(&m, 9);
			if (what)
				image_append(&m, 17);
			image_tell(&m, m.seq, m.ring.head);
			image_append(&m, 1);
			at = image_append(&m, first);
			m.super.seq = m.ring.tail ? m.super.seq : 0;
			assert_true(walk(&m, &w) == 1U + first);
			assert_false(w.damaged);
			m.block[at % BLOCKS][0] ^= 1;
			assert_true(walk(&m, &w) == 1);
			assert_false(w.damaged);
			next = image_append(&m, 1);
			assert_true(next > at);
			assert_true(walk(&m, &w) == 1);
			assert_true(w.damaged);
			/* The head is there, a payload is not. */
			m.block[at % BLOCKS][0] ^= 1;
			assert_true(walk(&m, &w) == 2U + first);
			assert_false(w.damaged);
			m.block[(at + 1) % BLOCKS][0] ^= 1;
			assert_true(walk(&m, &w) == 1);
			assert_true(w.damaged);
		}
	}
}

/* An append that was refused is done again, with other company. */
static void test_written_over(void **state)
{
	struct hm_ring before;
	struct hm_walk w;
	struct image m;

	image_begin(&m);
	image_append(&m, 2);
	before = m.ring;
	image_append(&m, 9);
	m.ring = before;
	m.seq = 2;
	image_append(&m, 4);
	assert_true(walk(&m, &w) == 6);
}

/* Begins where the superblock says, or before, and leaves nothing out. */
static void test_begins_with(void **state)
{
	struct hm_walk w;
	struct image m;

	image_begin(&m);
	m.seq = 10;
	image_append(&m, 4);
	m.super.seq = 10;
	assert_true(walk(&m, &w) == 4);
	m.super.seq = 12;
	assert_true(walk(&m, &w) == 4);
	assert_false(w.damaged);
	m.super.seq = 9;
	assert_true(walk(&m, &w) == 0);
	assert_true(w.damaged);
}

static void test_not_its_own(void **state)
{
	struct hm_walk w;
	struct image m;

	image_begin(&m);
	image_append(&m, 2);
	m.super.ring_life = LIFE + 1;
	assert_true(walk(&m, &w) == 0);
	assert_false(w.damaged);
	m.super.ring_life = LIFE;
	m.super.volume = 0;
	assert_true(walk(&m, &w) == 0);
	/* They are whole, so they should fit. */
	assert_true(w.damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_all_of_it),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_written_over),
		cmocka_unit_test(test_begins_with),
		cmocka_unit_test(test_not_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
