// SPDX-License-Identifier: GPL-2.0-only
/* Every refusal, and which one comes first. */
#include "hm-handshake-test.h"

static const struct hm_lineage written_apart = LINEAGE(2, APART, OLDER);

static void test_primary_welcome(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
	/* The primary has come back before the old connection was seen dead. */
	self.connected = true;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
}

static void test_primary_features(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		h.features = 1ULL << bit;
		assert_refusal(judge(&self, &h, 0), HM_REFUSE_FEATURES);
	}
}

static void test_primary_damaged(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.refusal = HM_REFUSE_BUSY;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DAMAGED);
	h = sample_hello();
	h.session = SESSION;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DAMAGED);
	/* No stream at all must not pass for the same as none yet. */
	h = sample_hello();
	memset(h.stream, 0, sizeof(h.stream));
	memset(self.hello.stream, 0, sizeof(h.stream));
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DAMAGED);
}

static void test_primary_not_ready(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	self.ready = false;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_NOT_READY);
}

static void test_primary_set(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	strcpy(h.set, "order");
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_SET);
	strcpy(h.set, "Orders");
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_SET);
	memset(h.set, 0, sizeof(h.set));
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_SET);
	memset(self.hello.set, 0, sizeof(h.set));
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
}

static void test_primary_volumes(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.volumes = 1;
	assert_refusal(judge(&self, &h, 7), HM_REFUSE_VOLUMES);
	h.volumes = 0;
	assert_refusal(judge(&self, &h, 2), HM_REFUSE_VOLUMES);
	h = sample_hello();
	h.volume[0].number = 3;
	assert_refusal(judge(&self, &h, 2), HM_REFUSE_VOLUMES);
	h.volume[0].number = 1;
	assert_refusal(judge(&self, &h, 1), HM_REFUSE_VOLUMES);
	h = sample_hello();
	h.volume[2] = h.volume[1];
	h.volume[2].number = 15;
	h.volumes = 3;
	assert_refusal(judge(&self, &h, 15), HM_REFUSE_VOLUMES);
}

static void test_primary_size(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.volume[1].sectors++;
	assert_refusal(judge(&self, &h, 7), HM_REFUSE_SIZE);
	h.volume[1].sectors -= 2;
	assert_refusal(judge(&self, &h, 7), HM_REFUSE_SIZE);
	h.volume[0].sectors += 8;
	assert_refusal(judge(&self, &h, 2), HM_REFUSE_SIZE);
}

static void test_primary_block(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	self.hello.volume[0].logical_block = 512;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
	self.hello.volume[1].logical_block = 1024;
	assert_refusal(judge(&self, &h, 7), HM_REFUSE_BLOCK);
	self.hello.volume[0].logical_block = 8192;
	assert_refusal(judge(&self, &h, 2), HM_REFUSE_BLOCK);
	/* A larger physical block only costs time. */
	self = sample_self();
	self.hello.volume[0].physical_block = 1U << 20;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
}

/* Who is not the primary of a live session waits; the data decides the rest. */
static void test_primary_other_stream(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.stream[15] ^= 1;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
	self.connected = true;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_BUSY);
	self.hello.flags = HM_HELLO_GIVES_UP;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_BUSY);
	memset(self.hello.stream, 0, sizeof(h.stream));
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_BUSY);
	self.connected = false;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
}

/* Beyond the end of a stream of the same name: it is another one. */
static void test_primary_position(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.last_seq = 99;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_UNRELATED);
	self.hello.acks.received = 99;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
	h.last_seq = ~0ULL;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
	/* The numbers of another stream say nothing. */
	h.last_seq = 0;
	h.stream[0] ^= 1;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
}

/* A full set: the last volume is looked at, and nothing beyond it. */
static void test_all_volumes(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();
	unsigned int i;

	for (i = 0; i < HM_MAX_VOLUMES; i++) {
		h.volume[i] = h.volume[1];
		h.volume[i].number = i;
		h.volume[i].flags = HM_VOLUME_VOLATILE_CACHE;
	}
	h.volumes = HM_MAX_VOLUMES;
	memcpy(self.hello.volume, h.volume, sizeof(h.volume));
	self.hello.volumes = HM_MAX_VOLUMES;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
	assert_false(hm_every_group_durable(&h, &self.hello));
	h.volume[15].flags = 0;
	assert_true(hm_every_group_durable(&h, &self.hello));
	self.hello.volume[15].logical_block = 1024;
	assert_refusal(judge(&self, &h, 15), HM_REFUSE_BLOCK);
	self.hello.volumes--;
	assert_refusal(judge(&self, &h, 15), HM_REFUSE_VOLUMES);
}

/* Everything wrong at once; then one thing after the other put right. */
static void test_primary_order(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.features = 1;
	h.session = SESSION;
	self.ready = false;
	strcpy(h.set, "other");
	h.volumes = 1;
	h.volume[0].sectors = 16;
	h.volume[0].logical_block = 512;
	h.stream[0] ^= 1;
	h.last_seq = 0;
	self.connected = true;
	self.hello.lineage = written_apart;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_FEATURES);
	h.features = 0;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DAMAGED);
	h.session = 0;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_NOT_READY);
	self.ready = true;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_SET);
	strcpy(h.set, "orders");
	assert_refusal(judge(&self, &h, 7), HM_REFUSE_VOLUMES);
	h.volumes = 2;
	assert_refusal(judge(&self, &h, 2), HM_REFUSE_SIZE);
	h.volume[0].sectors = 8192;
	assert_refusal(judge(&self, &h, 2), HM_REFUSE_BLOCK);
	h.volume[0].logical_block = 4096;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_BUSY);
	self.connected = false;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DIVERGED);
	h.stream[0] ^= 1;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_UNRELATED);
	h.last_seq = 100;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DIVERGED);
	self.hello.lineage = h.lineage;
	assert_refusal(judge(&self, &h, 0), HM_WELCOME);
}

static void test_backup_welcome(void **state)
{
	struct hm_hello h = sample_answer();

	assert_refusal(judge_back(&h, 0), HM_WELCOME);
	memset(&h.acks, 0, sizeof(h.acks));
	assert_refusal(judge_back(&h, 0), HM_WELCOME);
}

static void test_backup_refuses(void **state)
{
	struct hm_hello h = sample_answer(), bare = { .version = 1 };
	unsigned int why;

	for (why = HM_REFUSE_VERSION; why <= HM_REFUSE_LAST; why++) {
		h.refusal = why;
		assert_refusal(judge_back(&h, 0), why);
		bare.refusal = why;
		assert_refusal(judge_back(&bare, 0), why);
	}
	/* Which volume is meant is found again. */
	h.volume[1].sectors = 1;
	h.refusal = HM_REFUSE_SIZE;
	assert_refusal(judge_back(&h, 7), HM_REFUSE_SIZE);
	h.refusal = HM_REFUSE_DIVERGED;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_DIVERGED);
}

static void test_backup_compatibility(void **state)
{
	struct hm_hello h = sample_answer();

	h.features = 1;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_FEATURES);
	h = sample_answer();
	h.set[0] = 'O';
	assert_refusal(judge_back(&h, 0), HM_REFUSE_SET);
	h = sample_answer();
	h.volumes = 1;
	assert_refusal(judge_back(&h, 7), HM_REFUSE_VOLUMES);
	h.volumes = 0;
	assert_refusal(judge_back(&h, 2), HM_REFUSE_VOLUMES);
	h = sample_answer();
	h.volume[1].sectors = 1;
	assert_refusal(judge_back(&h, 7), HM_REFUSE_SIZE);
	h = sample_answer();
	h.volume[1].logical_block = 1024;
	assert_refusal(judge_back(&h, 7), HM_REFUSE_BLOCK);
	h.volume[1].logical_block = 512;
	h.volume[0].logical_block = 512;
	assert_refusal(judge_back(&h, 0), HM_WELCOME);
}

static void test_backup_answer(void **state)
{
	struct hm_hello h = sample_answer();

	h.session = 0;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_ANSWER);
	h = sample_answer();
	h.stream[0] ^= 0x80;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_ANSWER);
	/* It may follow no stream yet, but not another one. */
	memset(h.stream, 0, sizeof(h.stream));
	assert_refusal(judge_back(&h, 0), HM_WELCOME);
}

/* Everything wrong at once; then one thing after the other put right. */
static void test_backup_order(void **state)
{
	struct hm_hello h = sample_answer();

	h.refusal = HM_REFUSE_METADATA;
	h.features = 1;
	h.set[0] = 'O';
	h.session = 0;
	h.lineage = written_apart;
	h.acks.received = 101;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_METADATA);
	h.refusal = 0;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_FEATURES);
	h.features = 0;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_SET);
	h.set[0] = 'o';
	assert_refusal(judge_back(&h, 0), HM_REFUSE_ANSWER);
	h.session = SESSION;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_ANSWER);
	h.acks.received = 100;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_DIVERGED);
	h.lineage = sample_hello().lineage;
	assert_refusal(judge_back(&h, 0), HM_WELCOME);
}

static void test_backup_position(void **state)
{
	struct hm_hello h = sample_answer();

	h.acks.received = 101;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_ANSWER);
	h.acks.received = ~0ULL;
	assert_refusal(judge_back(&h, 0), HM_REFUSE_ANSWER);
}

static void test_every_group_durable(void **state)
{
	struct hm_hello p = sample_hello(), b = sample_hello();

	assert_false(hm_every_group_durable(&p, &b));
	p.volume[0].flags = 0;
	assert_true(hm_every_group_durable(&p, &b));
	b.volume[0].flags = 0;
	assert_false(hm_every_group_durable(&p, &b));
	b.volume[1].flags = HM_VOLUME_VOLATILE_CACHE;
	assert_true(hm_every_group_durable(&p, &b));
	p.volume[1].flags = HM_VOLUME_VOLATILE_CACHE;
	assert_false(hm_every_group_durable(&p, &b));
	/* Volumes are matched by number. */
	b.volume[1].number = 8;
	p.volume[1].flags = 0;
	assert_false(hm_every_group_durable(&p, &b));
	p.volumes = 0;
	assert_false(hm_every_group_durable(&p, &b));
}

/* What sort of refusal each is, for those who treat them differently. */
static void test_sorts(void **state)
{
	enum hm_refusal why;
	bool volume, lineage;

	for (why = HM_WELCOME; why <= HM_REFUSE_LAST + 1; why++) {
		volume = why == HM_REFUSE_VOLUMES || why == HM_REFUSE_SIZE ||
			 why == HM_REFUSE_BLOCK;
		lineage = why == HM_REFUSE_OUTDATED ||
			  why == HM_REFUSE_DIVERGED ||
			  why == HM_REFUSE_UNRELATED;
		assert_int_equal(hm_refusal_names_volume(why), volume);
		assert_int_equal(hm_refusal_of_lineage(why), lineage);
	}
}

static void test_text(void **state)
{
	assert_words(hm_refusal_text, HM_REFUSE_LAST + 1);
	assert_string_equal(hm_refusal_text(HM_REFUSE_SET),
			    "the set names differ: give both tables the same 'set'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_primary_welcome),
		cmocka_unit_test(test_primary_features),
		cmocka_unit_test(test_primary_damaged),
		cmocka_unit_test(test_primary_not_ready),
		cmocka_unit_test(test_primary_set),
		cmocka_unit_test(test_primary_volumes),
		cmocka_unit_test(test_primary_size),
		cmocka_unit_test(test_primary_block),
		cmocka_unit_test(test_primary_other_stream),
		cmocka_unit_test(test_primary_position),
		cmocka_unit_test(test_all_volumes),
		cmocka_unit_test(test_primary_order),
		cmocka_unit_test(test_backup_welcome),
		cmocka_unit_test(test_backup_refuses),
		cmocka_unit_test(test_backup_compatibility),
		cmocka_unit_test(test_backup_answer),
		cmocka_unit_test(test_backup_position),
		cmocka_unit_test(test_backup_order),
		cmocka_unit_test(test_every_group_durable),
		cmocka_unit_test(test_sorts),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
