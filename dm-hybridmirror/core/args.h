/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HM_CORE_ARGS_H
#define HM_CORE_ARGS_H

#include "stream.h"
#include "wire.h"

enum hm_role {
	HM_PRIMARY,
	HM_BACKUP,
};

/**
 * enum hm_apply_by - how the backup keeps order
 * @HM_APPLY_AUTO: through the log ring if there is one, else by groups
 * @HM_APPLY_BY_GROUP: groups, in place
 * @HM_APPLY_BY_LOG: through the log ring
 */
enum hm_apply_by {
	HM_APPLY_AUTO,
	HM_APPLY_BY_GROUP,
	HM_APPLY_BY_LOG,
};

/* hm_args.given: bit for each argument that the table names */
enum hm_arg {
	HM_ARG_ACK,
	HM_ARG_ORDERING,
	HM_ARG_SET,
	HM_ARG_VOLUME,
	HM_ARG_BACKLOG,
	HM_ARG_ON_FULL,
	HM_ARG_ON_DISCONNECT,
	HM_ARG_APPLY,
	HM_ARG_DEFER_US,
	HM_ARG_REGION,
	HM_ARG_SYNC,
	HM_ARG_KEY,
	HM_ARG_TLS,
	HM_ARGS,
};

#define HM_BACKLOG_DEFAULT_MIB	64U
#define HM_BACKLOG_MAX_MIB	65536U
#define HM_DEFER_MAX_US		1000000U
#define HM_REGION_MIN_KIB	64U
#define HM_REGION_MAX_KIB	65536U

/**
 * struct hm_args - a table line, after the target's name
 * @data: path of the data device, as given
 * @meta: path of the metadata device, as given; NULL: none
 * @addr: address literal, as given
 * @port: TCP port, 1 to 65535
 * @given: bit by enum hm_arg: the table names it
 * @ack: enum hm_ack
 * @ordering: enum hm_ordering
 * @set: name of the ordering domain; empty: the device's own
 * @volume: number of the volume in the set
 * @backlog_mib: memory for records not yet released, MiB
 * @full_behind: backlog full: fall behind; else slow the application
 * @disconnect_stall: peer gone: hold writes; else go on alone
 * @apply: enum hm_apply_by
 * @defer_us: hold completions this long, microseconds
 * @region_kib: size of a dirty region, KiB, a power of two; 0: by the size of
 *	the device
 * @sync_clean: at first pairing the sides are known to be equal
 *
 * @data, @meta and @addr point into argv.
 */
struct hm_args {
	const char *data;
	const char *meta;
	const char *addr;
	u16 port;
	u32 given;
	u8 ack;
	u8 ordering;
	char set[HM_SET_NAME_MAX];
	u16 volume;
	u32 backlog_mib;
	bool full_behind;
	bool disconnect_stall;
	u8 apply;
	u32 defer_us;
	u32 region_kib;
	bool sync_clean;
};

const char *hm_args_parse(struct hm_args *args, enum hm_role role,
			  unsigned int argc, char **argv);

#endif
