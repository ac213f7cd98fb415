// SPDX-License-Identifier: GPL-2.0-only
/* Which state may follow which: the tables once more, as matrices. */
#include "hm-test.h"
#include "link.h"

static void test_link(void **state)
{
	/* to:   down, connecting, listening, handshake, connected, refused */
	static const bool want[HM_LINK_STATES][HM_LINK_STATES] = {
		[HM_LINK_DOWN]       = { 1, 1, 1, 0, 0, 0 },
		[HM_LINK_CONNECTING] = { 1, 0, 0, 1, 0, 0 },
		[HM_LINK_LISTENING]  = { 1, 0, 0, 1, 1, 0 },
		[HM_LINK_HANDSHAKE]  = { 1, 1, 1, 0, 1, 1 },
		[HM_LINK_CONNECTED]  = { 1, 1, 1, 0, 0, 0 },
		[HM_LINK_REFUSED]    = { 1, 1, 0, 1, 0, 0 },
	};
	unsigned int from, to;

	for (from = 0; from < HM_LINK_STATES; from++) {
		for (to = 0; to < HM_LINK_STATES; to++)
			assert_int_equal(hm_link_allowed(from, to),
					 want[from][to]);
	}
}

static void test_link_outside(void **state)
{
	unsigned int s;

	for (s = 0; s <= HM_LINK_STATES; s++) {
		assert_false(hm_link_allowed(s, HM_LINK_STATES));
		assert_false(hm_link_allowed(HM_LINK_STATES, s));
		assert_false(hm_link_allowed(s, ~0U));
		assert_false(hm_link_allowed(~0U, s));
	}
}

static void test_sync(void **state)
{
	/* to:   streaming, suspended, copying, behind */
	static const bool want[HM_SYNC_STATES][HM_SYNC_STATES] = {
		[HM_SYNC_STREAMING] = { 0, 1, 1, 1 },
		[HM_SYNC_SUSPENDED] = { 1, 0, 1, 1 },
		[HM_SYNC_COPYING]   = { 1, 1, 0, 1 },
		/* What was not recorded can only be copied. */
		[HM_SYNC_BEHIND]    = { 0, 0, 1, 0 },
	};
	unsigned int from, to;

	for (from = 0; from < HM_SYNC_STATES; from++) {
		for (to = 0; to < HM_SYNC_STATES; to++)
			assert_int_equal(hm_sync_allowed(from, to),
					 want[from][to]);
	}
}

static void test_sync_outside(void **state)
{
	unsigned int s;

	for (s = 0; s <= HM_SYNC_STATES; s++) {
		assert_false(hm_sync_allowed(s, HM_SYNC_STATES));
		assert_false(hm_sync_allowed(HM_SYNC_STATES, s));
		assert_false(hm_sync_allowed(s, ~0U));
		assert_false(hm_sync_allowed(~0U, s));
	}
}

/* Scripts read these words in the status line. */
static void test_names(void **state)
{
	assert_words(hm_link_name, HM_LINK_STATES);
	assert_words(hm_sync_name, HM_SYNC_STATES);
	assert_string_equal(hm_link_name(HM_LINK_DOWN), "down");
	assert_string_equal(hm_link_name(HM_LINK_CONNECTING), "connecting");
	assert_string_equal(hm_link_name(HM_LINK_LISTENING), "listening");
	assert_string_equal(hm_link_name(HM_LINK_HANDSHAKE), "handshake");
	assert_string_equal(hm_link_name(HM_LINK_CONNECTED), "connected");
	assert_string_equal(hm_link_name(HM_LINK_REFUSED), "refused");
	assert_string_equal(hm_sync_name(HM_SYNC_STREAMING), "streaming");
	assert_string_equal(hm_sync_name(HM_SYNC_SUSPENDED), "suspended");
	assert_string_equal(hm_sync_name(HM_SYNC_COPYING), "copying");
	assert_string_equal(hm_sync_name(HM_SYNC_BEHIND), "behind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_link_outside),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_sync_outside),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
