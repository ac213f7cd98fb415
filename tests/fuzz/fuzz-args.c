// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table lines. The first byte is the role, the rest is split into words at
 * blanks. Each word lies in memory of its own, so that a look beyond its end is
 * seen.
 */
#include "fuzz.h"
#include "args.h"

#define WORDS	64

static void check_good(const struct hm_args *args, enum hm_role role)
{
	size_t i, bytes = strnlen(args->set, sizeof(args->set));

	check(*args->data && *args->addr);
	check(!args->meta || (*args->meta && strcmp(args->meta, "-")));
	check(args->port);
	check(args->ack <= HM_ACK_APPLIED);
	check(args->ordering <= HM_ORDER_NONE);
	check(bytes < sizeof(args->set));
	check(!!bytes == !!(args->given & BIT(HM_ARG_SET)));
	for (i = 0; i < bytes; i++)
		check(args->set[i] > ' ' && args->set[i] <= '~');
	check(args->volume < HM_MAX_VOLUMES);
	check(args->backlog_mib && args->backlog_mib <= HM_BACKLOG_MAX_MIB);
	check(args->defer_us <= HM_DEFER_MAX_US);
	check(!(args->given & ~(BIT(HM_ARGS) - 1)));
	check(!(args->given & (BIT(HM_ARG_KEY) | BIT(HM_ARG_TLS))));
	check(!args->region_kib == !(args->given & BIT(HM_ARG_REGION)));
	check(!args->region_kib || (is_power_of_2(args->region_kib) &&
				    args->region_kib >= HM_REGION_MIN_KIB &&
				    args->region_kib <= HM_REGION_MAX_KIB));
	check(!args->sync_clean || (args->given & BIT(HM_ARG_SYNC)));
	if (role == HM_BACKUP)
		check(!(args->given & ~(BIT(HM_ARG_SET) | BIT(HM_ARG_VOLUME) |
					BIT(HM_ARG_BACKLOG) |
					BIT(HM_ARG_APPLY))));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *argv[WORDS], *words[WORDS];
	enum hm_role role;
	struct hm_args args;
	unsigned int argc = 0, i;
	const char *error;
	const u8 *end;
	size_t bytes;

	if (!size)
		return 0;
	role = *data & 1 ? HM_BACKUP : HM_PRIMARY;
	data++;
	size--;
	while (size && argc < WORDS) {
		end = memchr(data, ' ', size);
		bytes = end ? (size_t)(end - data) : size;
		words[argc] = malloc(bytes + 1);
		memcpy(words[argc], data, bytes);
		words[argc][bytes] = 0;
		argv[argc] = words[argc];
		argc++;
		data += bytes + !!end;
		size -= bytes + !!end;
	}
	error = hm_args_parse(&args, role, argc, argv);
	if (error)
		check(*error && error[strlen(error) - 1] != '.');
	else
		check_good(&args, role);
	for (i = 0; i < argc; i++)
		free(words[i]);
	return 0;
}
