// SPDX-License-Identifier: GPL-2.0-only
/*
 * A table line, after the target's name:
 *
 *   <data dev> <metadata dev|-> <addr> <port> [<#args> <arg> <value>...]
 *
 * Each mistake has its own words, for ti->error.
 */
#include "args.h"

#define HM_ARGS_FIXED	4	/* data, metadata, address, port */

/**
 * struct hm_word - one argument that a table may name
 * @name: the word
 * @parse: its value into struct hm_args; NULL or what is wrong
 * @missing: the error if it has no value
 * @twice: the error if it is given twice
 * @stranger: the error for each role that does not have it, else NULL
 */
struct hm_word {
	const char *name;
	const char *(*parse)(struct hm_args *args, const char *value);
	const char *missing;
	const char *twice;
	const char *stranger[2];
};

static bool hm_parse_number(const char *s, u32 max, u32 *number)
{
	u64 n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (*s - '0');
		if (n > max)
			return false;
	}
	*number = n;
	return true;
}

static bool hm_parse_choice(const char *s, const char * const *names,
			    unsigned int count, u8 *choice)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!strcmp(s, names[i])) {
			*choice = i;
			return true;
		}
	}
	return false;
}

static const char *hm_parse_ack(struct hm_args *args, const char *value)
{
	static const char * const names[] = {
		[HM_ACK_RECEIVED] = "received",
		[HM_ACK_LOCAL] = "local",
		[HM_ACK_APPLIED] = "applied",
	};

	if (!hm_parse_choice(value, names, ARRAY_SIZE(names), &args->ack))
		return "Invalid value for ack: local, received or applied";
	return NULL;
}

static const char *hm_parse_ordering(struct hm_args *args, const char *value)
{
	static const char * const names[] = {
		[HM_ORDER_COMPLETION] = "completion",
		[HM_ORDER_FLUSH] = "flush",
		[HM_ORDER_NONE] = "none",
	};

	if (!hm_parse_choice(value, names, ARRAY_SIZE(names), &args->ordering))
		return "Invalid value for ordering: completion, flush or none";
	return NULL;
}

/* The same names as hm_decode_hello() lets through, but not the empty one. */
static const char *hm_parse_set(struct hm_args *args, const char *value)
{
	size_t i;

	for (i = 0; value[i]; i++) {
		if (i == HM_SET_NAME_MAX - 1 || value[i] <= ' ' || value[i] > '~')
			return "Invalid value for set: 1 to 63 printable characters";
		args->set[i] = value[i];
	}
	if (!i)
		return "Invalid value for set: 1 to 63 printable characters";
	return NULL;
}

static const char *hm_parse_volume(struct hm_args *args, const char *value)
{
	u32 n;

	static_assert(HM_MAX_VOLUMES == 16);
	if (!hm_parse_number(value, HM_MAX_VOLUMES - 1, &n))
		return "Invalid value for volume: a number from 0 to 15";
	args->volume = n;
	return NULL;
}

static const char *hm_parse_backlog(struct hm_args *args, const char *value)
{
	u32 n;

	static_assert(HM_BACKLOG_MAX_MIB == 65536);
	if (!hm_parse_number(value, HM_BACKLOG_MAX_MIB, &n) || !n)
		return "Invalid value for backlog: 1 to 65536 MiB";
	args->backlog_mib = n;
	return NULL;
}

static const char *hm_parse_on_full(struct hm_args *args, const char *value)
{
	static const char * const names[] = { "stall", "behind" };
	u8 behind;

	if (!hm_parse_choice(value, names, ARRAY_SIZE(names), &behind))
		return "Invalid value for on_full: behind or stall";
	args->full_behind = behind;
	return NULL;
}

static const char *hm_parse_on_disconnect(struct hm_args *args,
					  const char *value)
{
	static const char * const names[] = { "continue", "stall" };
	u8 stall;

	if (!hm_parse_choice(value, names, ARRAY_SIZE(names), &stall))
		return "Invalid value for on_disconnect: continue or stall";
	args->disconnect_stall = stall;
	return NULL;
}

static const char *hm_parse_apply(struct hm_args *args, const char *value)
{
	static const char * const names[] = {
		[HM_APPLY_AUTO] = "auto",
		[HM_APPLY_BY_GROUP] = "group",
		[HM_APPLY_BY_LOG] = "log",
	};

	if (!hm_parse_choice(value, names, ARRAY_SIZE(names), &args->apply))
		return "Invalid value for apply: auto, group or log";
	return NULL;
}

static const char *hm_parse_defer_us(struct hm_args *args, const char *value)
{
	static_assert(HM_DEFER_MAX_US == 1000000);
	if (!hm_parse_number(value, HM_DEFER_MAX_US, &args->defer_us))
		return "Invalid value for defer_us: 0 to 1000000 microseconds";
	return NULL;
}

static const char *hm_parse_region(struct hm_args *args, const char *value)
{
	static_assert(HM_REGION_MIN_KIB == 64 && HM_REGION_MAX_KIB == 65536);
	if (!hm_parse_number(value, HM_REGION_MAX_KIB, &args->region_kib) ||
	    args->region_kib < HM_REGION_MIN_KIB ||
	    !is_power_of_2(args->region_kib))
		return "Invalid value for region: a power of two from 64 to 65536 KiB";
	return NULL;
}

static const char *hm_parse_sync(struct hm_args *args, const char *value)
{
	static const char * const names[] = { "full", "clean" };
	u8 clean;

	if (!hm_parse_choice(value, names, ARRAY_SIZE(names), &clean))
		return "Invalid value for sync: full or clean";
	args->sync_clean = clean;
	return NULL;
}

static const char *hm_refuse_security(struct hm_args *args, const char *value)
{
	return "key and tls are not available in this version";
}

#define HM_WORD(word, how, ...)				\
	{						\
		.name = word,				\
		.parse = how,				\
		.missing = word " needs a value",	\
		.twice = word " is given twice",	\
		.stranger = { __VA_ARGS__ },		\
	}
#define HM_WORD_BOTH(word, how)		HM_WORD(word, how, NULL)
#define HM_WORD_PRIMARY(word, how) \
	HM_WORD(word, how, [HM_BACKUP] = word " is for the hybridmirror target only")
#define HM_WORD_BACKUP(word, how) \
	HM_WORD(word, how, [HM_PRIMARY] = word " is for the hybrid-backup target only")

static const struct hm_word hm_words[HM_ARGS] = {
	[HM_ARG_ACK] = HM_WORD_PRIMARY("ack", hm_parse_ack),
	[HM_ARG_ORDERING] = HM_WORD_PRIMARY("ordering", hm_parse_ordering),
	[HM_ARG_SET] = HM_WORD_BOTH("set", hm_parse_set),
	[HM_ARG_VOLUME] = HM_WORD_BOTH("volume", hm_parse_volume),
	[HM_ARG_BACKLOG] = HM_WORD_BOTH("backlog", hm_parse_backlog),
	[HM_ARG_ON_FULL] = HM_WORD_PRIMARY("on_full", hm_parse_on_full),
	[HM_ARG_ON_DISCONNECT] =
		HM_WORD_PRIMARY("on_disconnect", hm_parse_on_disconnect),
	[HM_ARG_APPLY] = HM_WORD_BACKUP("apply", hm_parse_apply),
	[HM_ARG_DEFER_US] = HM_WORD_PRIMARY("defer_us", hm_parse_defer_us),
	[HM_ARG_REGION] = HM_WORD_PRIMARY("region", hm_parse_region),
	[HM_ARG_SYNC] = HM_WORD_PRIMARY("sync", hm_parse_sync),
	[HM_ARG_KEY] = HM_WORD_BOTH("key", hm_refuse_security),
	[HM_ARG_TLS] = HM_WORD_BOTH("tls", hm_refuse_security),
};

static const char *hm_parse_fixed(struct hm_args *args, char **argv)
{
	u32 port;

	args->data = argv[0];
	args->meta = argv[1];
	args->addr = argv[2];
	if (!*args->data)
		return "The data device is empty";
	if (!*args->meta)
		return "The metadata device is empty: give '-' for none";
	if (!strcmp(args->meta, "-"))
		args->meta = NULL;
	if (!*args->addr)
		return "The address is empty";
	if (!hm_parse_number(argv[3], 65535, &port) || !port)
		return "Invalid port: a number from 1 to 65535";
	args->port = port;
	return NULL;
}

static const char *hm_parse_word(struct hm_args *args, enum hm_role role,
				 unsigned int argc, char **argv)
{
	const struct hm_word *word;
	unsigned int i;

	for (i = 0; i < HM_ARGS; i++) {
		if (!strcmp(argv[0], hm_words[i].name))
			break;
	}
	if (i == HM_ARGS)
		return "Unknown argument";
	word = &hm_words[i];
	if (word->stranger[role])
		return word->stranger[role];
	if (args->given & BIT(i))
		return word->twice;
	if (argc < 2)
		return word->missing;
	args->given |= BIT(i);
	return word->parse(args, argv[1]);
}

static const char *hm_parse_words(struct hm_args *args, enum hm_role role,
				  unsigned int argc, char **argv)
{
	const char *error;
	u32 count;

	if (!argc)
		return NULL;
	if (!hm_parse_number(argv[0], ~0U, &count))
		return "Invalid number of arguments: count the words that follow";
	argc--;
	argv++;
	if (argc > count)
		return "More words than the number of arguments says";
	if (argc < count)
		return "Fewer words than the number of arguments says";
	for (; argc; argc -= 2, argv += 2) {
		error = hm_parse_word(args, role, argc, argv);
		if (error)
			return error;
	}
	return NULL;
}

/**
 * hm_args_parse() - what a table line says
 * @args: filled in, defaults included; meaningless if there is an error
 * @role: which of the two targets
 * @argc: how many words follow the target's name
 * @argv: those words; they must outlive @args
 *
 * The devices, and whether the address is a literal, are for the caller to
 * look at.
 *
 * Return: NULL, or what is wrong, as a static string for the user.
 *
 * Context: any.
 */
const char *hm_args_parse(struct hm_args *args, enum hm_role role,
			  unsigned int argc, char **argv)
{
	const char *error;

	memset(args, 0, sizeof(*args));
	args->ack = HM_ACK_RECEIVED;
	args->ordering = HM_ORDER_COMPLETION;
	args->backlog_mib = HM_BACKLOG_DEFAULT_MIB;
	if (argc < HM_ARGS_FIXED)
		return "Too few arguments: <data> <metadata|-> <addr> <port> [<#args> <arg>...]";
	error = hm_parse_fixed(args, argv);
	if (error)
		return error;
	error = hm_parse_words(args, role, argc - HM_ARGS_FIXED,
			       argv + HM_ARGS_FIXED);
	if (error)
		return error;
	if (args->apply == HM_APPLY_BY_LOG && !args->meta)
		return "apply log needs a metadata device, which holds the log";
	/* Only when all words are read, so that their order does not matter. */
	if (!(args->given & BIT(HM_ARG_ON_FULL)))
		args->full_behind = args->ack == HM_ACK_LOCAL;
	return NULL;
}
