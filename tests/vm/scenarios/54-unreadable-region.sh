#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A stretch of the primary's disk cannot be read: all else is copied, the status says that something is missing, and once it is mended the copy ends
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

BAD=4	# MiB: where the stretch begins; it is two MiB long
MIB=2048

# Regions BAD and BAD + 1 cannot be read.
bad_table()
{
	local all start=$((BAD * MIB)) end=$(((BAD + 2) * MIB))

	all=$(sectors /dev/ram0)
	echo "0 $start linear /dev/ram0 0"
	echo "$start $((2 * MIB)) error"
	echo "$end $((all - end)) linear /dev/ram0 $end"
}

# same_part SKIP COUNT: MiB of both disks
same_part()
{
	uncache /dev/ram0 /dev/ram1
	cmp -n $(($2 << 20)) /dev/ram0 /dev/ram1 $(($1 << 20)) $(($1 << 20))
}

load_module
hosts_up
pair_disks 16
dd if=/dev/urandom of=/dev/ram0 bs=1M count=16 conv=fsync 2>/dev/null
uncache /dev/ram0
dm create disk --table "$(bad_table)"
A_DISK=/dev/mapper/disk

note "everything else is copied"
become backup b
become primary a
wait_status a unsynced $((2 << 20))
expect_log "region $BAD cannot be read from the local disk"
expect_log "region $((BAD + 1)) cannot be read from the local disk"
wait_for 'dm status a | grep -q "reason \"regions cannot be read"'
wait_for "same_part 0 $BAD"
wait_for "same_part $((BAD + 2)) $((14 - BAD))"

note "it is not said to be done, and the application goes on"
noise a 0 20
noise a 3000 20
sleep 12
expect_field a sync copying
expect_field a unsynced $((2 << 20))
expect_field b state inconsistent
expect_field a link connected

note "another session: the same"
link_down
wait_status a link connecting
link_up
wait_status a link connected
noise a 100 20
expect_field a sync copying
expect_field b state inconsistent

note "mended"
swap_table disk "$(linear_table /dev/ram0)"
pair_equal a
wait_status b state consistent
expect "" "$(dm status a | sed -n 's/.*reason "\(.*\)"/\1/p')" reason
pair_down
teardown
