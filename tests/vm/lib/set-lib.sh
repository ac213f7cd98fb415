# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# A set "two" of two volumes on each of two hosts: data of a on the first two RAM
# disks, metadata behind them, then those of b. For scenarios that sourced
# guest-lib.sh, mirror-lib.sh and pair-lib.sh first.

# set_table HOST NUMBER [ARGUMENT...]; META replaces the metadata device
set_table()
{
	local number=$2 type first

	case $1 in
	a) type=hybridmirror first=0 ;;
	b) type=hybrid-backup first=4 ;;
	esac
	shift 2
	echo "0 $(sectors "/dev/ram$first") $type /dev/ram$((first + number))" \
		"${META:-/dev/ram$((first + 2 + number))} $B4 7000" \
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
	wait_for "in_step a0"
	for number in "$@"; do
		uncache "/dev/ram$number" "/dev/ram$((4 + number))"
		expect_same "/dev/ram$number" "/dev/ram$((4 + number))"
	done
}
