# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# A set "two" of two volumes on each of two hosts: data of a on the first two RAM
# disks, metadata behind them, then those of b. For scenarios that sourced
# guest-lib.sh, mirror-lib.sh and pair-lib.sh first.

# The host that is the primary
PRIMARY=a

# set_table HOST NUMBER [ARGUMENT...]; META replaces the metadata device
set_table()
{
	local number=$2 type=hybrid-backup address=$B4 first=0

	[ "$1" = a ] || first=4
	[ "$1" != "$PRIMARY" ] || type=hybridmirror
	[ "$PRIMARY" = a ] || address=$P4
	shift 2
	echo "0 $(sectors "/dev/ram$first") $type /dev/ram$((first + number))" \
		"${META:-/dev/ram$((first + 2 + number))} $address 7000" \
		"$(($# + 4)) set two volume $number $*"
}

# up HOST NUMBER [ARGUMENT...]: volume NUMBER of the host's set, as HOSTNUMBER
up()
{
	local host=$HOST_P

	[ "$1" = a ] || host=$HOST_B
	on "$host" dm create "$1$2" --table "$(set_table "$@")"
}

# all_equal NUMBER...: of these volumes both sides hold the same
all_equal()
{
	wait_for "in_step ${PRIMARY}0"
	for number in "$@"; do
		uncache "/dev/ram$number" "/dev/ram$((4 + number))"
		expect_same "/dev/ram$number" "/dev/ram$((4 + number))"
	done
}
