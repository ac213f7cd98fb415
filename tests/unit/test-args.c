// SPDX-License-Identifier: GPL-2.0-only
/* Table lines, good and bad. */
#include <stdlib.h>
#include "hm-test.h"
#include "args.h"

#define HEAD	"/dev/a - 10.0.0.2 7788"
#define META_HEAD	"/dev/a /dev/m 10.0.0.2 7788"

static struct hm_args args;	/* of the last parse() */

/* Split a line at single blanks, two of them give an empty word. */
static const char *parse(enum hm_role role, const char *line)
{
	static char copy[1024];
	char *argv[64], *rest = copy;
	unsigned int argc = 0;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	while (rest) {
		assert_true(argc < ARRAY_SIZE(argv));
		argv[argc++] = strsep(&rest, " ");
	}
	memset(&args, 0x55, sizeof(args));
	return hm_args_parse(&args, role, argc, argv);
}

static void good(enum hm_role role, const char *line)
{
	const char *error = parse(role, line);

	if (error)
		fail_msg("'%s': %s", line, error);
}

static void bad(enum hm_role role, const char *line, const char *want)
{
	const char *error = parse(role, line);

	if (!error)
		fail_msg("'%s' is accepted, want: %s", line, want);
	else if (strcmp(error, want))
		fail_msg("'%s': got \"%s\", want \"%s\"", line, error, want);
}

/* One more argument to a primary that is otherwise in order. */
static void primary_good(const char *word, const char *value)
{
	char line[512];

	snprintf(line, sizeof(line), HEAD " 4 sync clean %s %s", word, value);
	good(HM_PRIMARY, line);
}

static void primary_bad(const char *word, const char *value, const char *want)
{
	char line[512];

	snprintf(line, sizeof(line), HEAD " 4 sync clean %s %s", word, value);
	bad(HM_PRIMARY, line, want);
}

static void test_defaults(void **state)
{
	good(HM_PRIMARY, HEAD " 2 sync clean");
	assert_string_equal(args.data, "/dev/a");
	assert_null(args.meta);
	assert_string_equal(args.addr, "10.0.0.2");
	assert_int_equal(args.port, 7788);
	assert_int_equal(args.given, BIT(HM_ARG_SYNC));
	assert_int_equal(args.ack, HM_ACK_RECEIVED);
	assert_int_equal(args.ordering, HM_ORDER_COMPLETION);
	assert_string_equal(args.set, "");
	assert_int_equal(args.volume, 0);
	assert_int_equal(args.backlog_mib, 64);
	assert_false(args.full_behind);
	assert_false(args.disconnect_stall);
	assert_int_equal(args.defer_us, 0);
	assert_int_equal(args.region_kib, 0);

	good(HM_PRIMARY, HEAD);
	assert_int_equal(args.given, 0);
	assert_false(args.sync_clean);
	good(HM_BACKUP, HEAD);
	assert_int_equal(args.given, 0);
	assert_int_equal(args.backlog_mib, 64);
	good(HM_BACKUP, HEAD " 0");
	assert_int_equal(args.given, 0);
}

static void test_all_words(void **state)
{
	good(HM_PRIMARY, "253:7 253:8 fe80::1 1 20 ack applied ordering flush "
	     "set orders volume 15 backlog 65536 on_full behind "
	     "on_disconnect stall defer_us 1000000 region 64 sync clean");
	assert_string_equal(args.data, "253:7");
	assert_string_equal(args.meta, "253:8");
	assert_int_equal(args.ack, HM_ACK_APPLIED);
	assert_int_equal(args.ordering, HM_ORDER_FLUSH);
	assert_string_equal(args.set, "orders");
	assert_int_equal(args.volume, 15);
	assert_int_equal(args.backlog_mib, 65536);
	assert_true(args.full_behind);
	assert_true(args.disconnect_stall);
	assert_int_equal(args.defer_us, 1000000);
	assert_int_equal(args.region_kib, 64);
	assert_true(args.sync_clean);
	assert_int_equal(args.given,
			 BIT(HM_ARG_ACK) | BIT(HM_ARG_ORDERING) |
			 BIT(HM_ARG_SET) | BIT(HM_ARG_VOLUME) |
			 BIT(HM_ARG_BACKLOG) | BIT(HM_ARG_ON_FULL) |
			 BIT(HM_ARG_ON_DISCONNECT) | BIT(HM_ARG_DEFER_US) |
			 BIT(HM_ARG_REGION) | BIT(HM_ARG_SYNC));

	good(HM_BACKUP, HEAD " 8 set orders volume 1 backlog 1 apply auto");
	assert_string_equal(args.set, "orders");
	assert_int_equal(args.volume, 1);
	assert_int_equal(args.backlog_mib, 1);
	assert_int_equal(args.given, BIT(HM_ARG_SET) | BIT(HM_ARG_VOLUME) |
			 BIT(HM_ARG_BACKLOG) | BIT(HM_ARG_APPLY));
}

static void test_too_few(void **state)
{
	static const char * const lines[] = {
		"/dev/a", "/dev/a -", "/dev/a - 10.0.0.2",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		bad(HM_BACKUP, lines[i],
		    "Too few arguments: <data> <metadata|-> <addr> <port> [<#args> <arg>...]");
	assert_non_null(hm_args_parse(&args, HM_PRIMARY, 0, NULL));
}

static void test_fixed(void **state)
{
	bad(HM_BACKUP, " - 10.0.0.2 7788", "The data device is empty");
	bad(HM_BACKUP, "/dev/a  10.0.0.2 7788",
	    "The metadata device is empty: give '-' for none");
	bad(HM_BACKUP, "/dev/a -  7788", "The address is empty");
}

/* Only a lone '-' means that there is no metadata device. */
static void test_metadata_device(void **state)
{
	static const char * const paths[] = {
		"/dev/m", "253:8", "--", "-a", "none",
	};
	char line[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		snprintf(line, sizeof(line), "/dev/a %s 10.0.0.2 7788",
			 paths[i]);
		good(HM_BACKUP, line);
		assert_string_equal(args.meta, paths[i]);
		good(HM_PRIMARY, line);
		assert_string_equal(args.meta, paths[i]);
	}
	good(HM_BACKUP, HEAD);
	assert_null(args.meta);
}

static void test_port(void **state)
{
	static const char * const wrong[] = {
		"0", "65536", "-1", "+1", "1x", "x", "", "0x10", "1.5",
		"4294967297", "18446744073709551617",
		"99999999999999999999999999999999",
	};
	char line[128];
	unsigned int i;

	good(HM_BACKUP, "/dev/a - :: 1");
	assert_int_equal(args.port, 1);
	good(HM_BACKUP, "/dev/a - :: 65535");
	assert_int_equal(args.port, 65535);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(line, sizeof(line), "/dev/a - :: %s", wrong[i]);
		bad(HM_BACKUP, line, "Invalid port: a number from 1 to 65535");
	}
}

static void test_count(void **state)
{
	static const char more[] =
		"More words than the number of arguments says";
	static const char fewer[] =
		"Fewer words than the number of arguments says";
	static const char none[] =
		"Invalid number of arguments: count the words that follow";

	bad(HM_BACKUP, HEAD " 2 set a volume 1", more);
	bad(HM_BACKUP, HEAD " 0 set a", more);
	bad(HM_BACKUP, HEAD " 0 ", more);
	bad(HM_BACKUP, HEAD " 4 set a", fewer);
	bad(HM_BACKUP, HEAD " 4294967295 set a", fewer);
	bad(HM_BACKUP, HEAD " 4294967298 set a", none);
	bad(HM_BACKUP, HEAD " set a", none);
	bad(HM_BACKUP, HEAD " -2 set a", none);
	bad(HM_BACKUP, HEAD " ", none);
	bad(HM_BACKUP, HEAD " 1 set", "set needs a value");
	bad(HM_BACKUP, HEAD " 3 set a volume", "volume needs a value");
	bad(HM_PRIMARY, HEAD " 1 sync", "sync needs a value");
}

static void test_words(void **state)
{
	bad(HM_BACKUP, HEAD " 2 sets a", "Unknown argument");
	bad(HM_BACKUP, HEAD " 2 se a", "Unknown argument");
	bad(HM_BACKUP, HEAD " 2 SET a", "Unknown argument");
	bad(HM_BACKUP, HEAD " 2  a", "Unknown argument");
	bad(HM_BACKUP, HEAD " 4 set a set a", "set is given twice");
	bad(HM_BACKUP, HEAD " 6 volume 1 set a volume 2",
	    "volume is given twice");
	bad(HM_PRIMARY, HEAD " 4 sync clean sync clean", "sync is given twice");
	/* A value may look like a word. */
	good(HM_BACKUP, HEAD " 4 set volume volume 1");
	assert_string_equal(args.set, "volume");
}

static void test_roles(void **state)
{
	static const char * const primary[] = {
		"ack", "ordering", "on_full", "on_disconnect", "defer_us",
		"region", "sync",
	};
	char line[128], want[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(primary); i++) {
		snprintf(line, sizeof(line), HEAD " 2 %s 0", primary[i]);
		snprintf(want, sizeof(want),
			 "%s is for the hybridmirror target only", primary[i]);
		bad(HM_BACKUP, line, want);
	}
	primary_bad("apply", "auto",
		    "apply is for the hybrid-backup target only");
}

static void test_ack(void **state)
{
	static const char want[] =
		"Invalid value for ack: local, received or applied";

	primary_good("ack", "received");
	assert_int_equal(args.ack, HM_ACK_RECEIVED);
	primary_good("ack", "local");
	assert_int_equal(args.ack, HM_ACK_LOCAL);
	primary_good("ack", "applied");
	assert_int_equal(args.ack, HM_ACK_APPLIED);
	primary_bad("ack", "remote", want);
	primary_bad("ack", "", want);
	primary_bad("ack", "Local", want);
}

static void test_ordering(void **state)
{
	primary_good("ordering", "completion");
	assert_int_equal(args.ordering, HM_ORDER_COMPLETION);
	primary_good("ordering", "flush");
	assert_int_equal(args.ordering, HM_ORDER_FLUSH);
	primary_good("ordering", "none");
	assert_int_equal(args.ordering, HM_ORDER_NONE);
	primary_bad("ordering", "any",
		    "Invalid value for ordering: completion, flush or none");
}

static void test_on_full(void **state)
{
	primary_good("on_full", "behind");
	assert_true(args.full_behind);
	primary_good("on_full", "stall");
	assert_false(args.full_behind);
	primary_bad("on_full", "wait",
		    "Invalid value for on_full: behind or stall");
	/* The default follows ack, in whatever order the words come. */
	primary_good("ack", "local");
	assert_true(args.full_behind);
	primary_good("ack", "applied");
	assert_false(args.full_behind);
	good(HM_PRIMARY, HEAD " 6 ack local on_full stall sync clean");
	assert_false(args.full_behind);
	good(HM_PRIMARY, HEAD " 6 on_full stall sync clean ack local");
	assert_false(args.full_behind);
	good(HM_PRIMARY, HEAD " 6 on_full behind ack received sync clean");
	assert_true(args.full_behind);
}

static void test_on_disconnect(void **state)
{
	primary_good("on_disconnect", "continue");
	assert_false(args.disconnect_stall);
	primary_good("on_disconnect", "stall");
	assert_true(args.disconnect_stall);
	primary_bad("on_disconnect", "fail",
		    "Invalid value for on_disconnect: continue or stall");
}

static void test_set(void **state)
{
	static const char want[] =
		"Invalid value for set: 1 to 63 printable characters";
	char name[HM_SET_NAME_MAX + 1] = "";

	memset(name, 'n', 63);
	primary_good("set", name);
	assert_string_equal(args.set, name);
	name[63] = 'n';
	primary_bad("set", name, want);
	primary_good("set", "!~");
	primary_bad("set", "", want);
	primary_bad("set", "a\tb", want);
	primary_bad("set", "a\x7f", want);
	primary_bad("set", "\xc3\xa4", want);
}

/* dmsetup lets a blank through if it is escaped. */
static void test_set_blank(void **state)
{
	char data[] = "/dev/a", meta[] = "-", addr[] = "::1", port[] = "1";
	char count[] = "2", word[] = "set", name[] = "a b";
	char *argv[] = { data, meta, addr, port, count, word, name };

	assert_non_null(hm_args_parse(&args, HM_BACKUP, 7, argv));
	name[1] = '_';
	assert_null(hm_args_parse(&args, HM_BACKUP, 7, argv));
}

static void test_numbers(void **state)
{
	static const char volume[] =
		"Invalid value for volume: a number from 0 to 15";
	static const char backlog[] =
		"Invalid value for backlog: 1 to 65536 MiB";
	static const char defer[] =
		"Invalid value for defer_us: 0 to 1000000 microseconds";

	primary_good("volume", "0");
	primary_good("volume", "15");
	primary_bad("volume", "16", volume);
	primary_bad("volume", "4294967296", volume);
	primary_bad("volume", "-0", volume);
	primary_bad("volume", "", volume);
	primary_good("backlog", "1");
	assert_int_equal(args.backlog_mib, 1);
	primary_bad("backlog", "0", backlog);
	primary_bad("backlog", "65537", backlog);
	primary_bad("backlog", "64M", backlog);
	primary_good("defer_us", "0");
	primary_good("defer_us", "1000000");
	primary_bad("defer_us", "1000001", defer);
	primary_bad("defer_us", " 1", "More words than the number of arguments says");
	primary_bad("defer_us", "18446744073709551616", defer);
}

static void test_apply(void **state)
{
	good(HM_BACKUP, HEAD " 2 apply auto");
	good(HM_BACKUP, HEAD " 2 apply group");
	good(HM_BACKUP, META_HEAD " 2 apply log");
	bad(HM_BACKUP, HEAD " 2 apply log",
	    "apply log needs a metadata device, which holds the log");
	bad(HM_BACKUP, HEAD " 2 apply ring",
	    "Invalid value for apply: auto, group or log");
}

static void test_not_yet(void **state)
{
	static const char security[] =
		"key and tls are not available in this version";

	primary_bad("key", "k", security);
	primary_bad("tls", "aes", security);
	bad(HM_BACKUP, HEAD " 2 key k", security);
	bad(HM_BACKUP, HEAD " 2 tls aes", security);
}

static void test_region(void **state)
{
	static const char want[] =
		"Invalid value for region: a power of two from 64 to 65536 KiB";
	static const char * const wrong[] = {
		"0", "1", "32", "63", "65", "96", "1000", "65535", "65537",
		"131072", "4294967360", "18446744073709551680", "-64", "64K",
		"0x40", "",
	};
	char value[16];
	unsigned int i;
	u32 kib;

	for (kib = HM_REGION_MIN_KIB; kib <= HM_REGION_MAX_KIB; kib *= 2) {
		snprintf(value, sizeof(value), "%u", kib);
		primary_good("region", value);
		assert_int_equal(args.region_kib, kib);
		assert_true(args.given & BIT(HM_ARG_REGION));
	}
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		primary_bad("region", wrong[i], want);
}

/* That the sides are equal is believed only if it is said. */
static void test_sync(void **state)
{
	static const char want[] = "Invalid value for sync: full or clean";

	good(HM_PRIMARY, HEAD " 2 ack local");
	assert_false(args.sync_clean);
	good(HM_PRIMARY, HEAD " 2 sync full");
	assert_false(args.sync_clean);
	assert_int_equal(args.given, BIT(HM_ARG_SYNC));
	good(HM_PRIMARY, HEAD " 2 sync clean");
	assert_true(args.sync_clean);
	bad(HM_PRIMARY, HEAD " 2 sync dirty", want);
	bad(HM_PRIMARY, HEAD " 2 sync Clean", want);
	bad(HM_PRIMARY, HEAD " 2 sync ", want);
	bad(HM_PRIMARY, HEAD " 4 sync full sync clean", "sync is given twice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_words),
		cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_metadata_device),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_ordering),
		cmocka_unit_test(test_on_full),
		cmocka_unit_test(test_on_disconnect),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_blank),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_not_yet),
		cmocka_unit_test(test_region),
		cmocka_unit_test(test_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
