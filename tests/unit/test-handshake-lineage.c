// SPDX-License-Identifier: GPL-2.0-only
/* Whether two sides may mirror, by what their data has been through. */
#include "hm-handshake-test.h"

/* A primary knows what its data is, and that it is whole. */
static void test_primary_without_data(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.lineage.inconsistent = true;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DAMAGED);
	memset(&h.lineage, 0, sizeof(h.lineage));
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DAMAGED);
	/* That the backup is fresh as well makes it no better. */
	self.hello.lineage = h.lineage;
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DAMAGED);
}

/* What the two hold, and what is said unless, and if, the backup gives up. */
static const struct {
	const char *words;
	struct hm_lineage backup;
	enum hm_refusal want, gives_up;
} pairs[] = {
	{ "the same", LINEAGE(2, NEWEST, OLDER, OLDEST),
	  HM_WELCOME, HM_WELCOME },
	{ "an older one that the bitmap covers", LINEAGE(1, OLDER, OLDEST),
	  HM_WELCOME, HM_WELCOME },
	{ "an older one that it does not cover", LINEAGE(1, OLDEST),
	  HM_WELCOME, HM_WELCOME },
	{ "a copy that has not ended", {
		.generation = { OLDER }, .covered = 1, .inconsistent = true },
	  HM_WELCOME, HM_WELCOME },
	{ "nothing yet", LINEAGE(0, 0), HM_WELCOME, HM_WELCOME },
	{ "a newer one", LINEAGE(2, APART, NEWEST, OLDER),
	  HM_REFUSE_OUTDATED, HM_WELCOME },
	{ "one written apart", LINEAGE(2, APART, OLDER),
	  HM_REFUSE_DIVERGED, HM_WELCOME },
	{ "of another origin", LINEAGE(1, APART),
	  HM_REFUSE_UNRELATED, HM_WELCOME },
	{ "each older than the other", LINEAGE(1, OLDER, NEWEST),
	  HM_REFUSE_UNRELATED, HM_WELCOME },
};

static void test_primary_lineage(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		print_message("the backup holds %s\n", pairs[i].words);
		self.hello.lineage = pairs[i].backup;
		self.hello.flags = 0;
		assert_refusal(judge(&self, &h, 0), pairs[i].want);
		self.hello.flags = HM_HELLO_GIVES_UP;
		assert_refusal(judge(&self, &h, 0), pairs[i].gives_up);
	}
}

/* Only the backup's own operator can give up what it holds. */
static void test_primary_cannot_give_up(void **state)
{
	struct hm_backup_self self = sample_self();
	struct hm_hello h = sample_hello();

	h.flags = HM_HELLO_GIVES_UP;
	self.hello.lineage = (struct hm_lineage)LINEAGE(2, APART, OLDER);
	assert_refusal(judge(&self, &h, 0), HM_REFUSE_DIVERGED);
}

/* The primary judges the data itself: a welcome is not believed. */
static void test_backup_lineage(void **state)
{
	struct hm_hello h = sample_answer();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		print_message("the backup holds %s\n", pairs[i].words);
		h.lineage = pairs[i].backup;
		h.flags = 0;
		assert_refusal(judge_back(&h, 0), pairs[i].want);
		h.flags = HM_HELLO_GIVES_UP;
		assert_refusal(judge_back(&h, 0), pairs[i].gives_up);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_primary_without_data),
		cmocka_unit_test(test_primary_lineage),
		cmocka_unit_test(test_primary_cannot_give_up),
		cmocka_unit_test(test_backup_lineage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
