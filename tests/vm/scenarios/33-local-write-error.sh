#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The primary's disk refuses a write: the application learns it, the status too
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

BAD=2560	# blocks of 4 KiB: behind the load, and one MiB long

load_module
hosts_up
ram_disks 2 16
need_modules dm-flakey

bad_table()
{
	local all start=$((BAD * 8))

	all=$(sectors /dev/ram0)
	echo "0 $start linear /dev/ram0 0"
	echo "$start 2048 flakey /dev/ram0 $start 0 1 1 error_writes"
	echo "$((start + 2048)) $((all - start - 2048)) linear /dev/ram0 $((start + 2048))"
}

good_part_equal()
{
	local after=$(((BAD + 256) * 4096))

	uncache /dev/ram0 /dev/ram1
	cmp -n $((BAD * 4096)) /dev/ram0 /dev/ram1 &&
		cmp /dev/ram0 /dev/ram1 $after $after
}

dm create disk --table "$(linear_table /dev/ram0)"
FRONT_DISK=/dev/mapper/disk
for ack in received local applied; do
	note "ack $ack"
	mirror_up ack $ack
	load_start
	swap_table disk "$(bad_table)"
	refuse write_block "$BAD"
	refuse write_block "$((BAD + 1))"
	expect_field front local_errors 2
	expect_log "the local disk refused update"
	load_goes_on
	write_block "$((BAD + 300))" fsync || true
	expect_field front sync streaming
	load_stop
	wait_for settled
	good_part_equal || fail "other writes were not mirrored"

	swap_table disk "$(linear_table /dev/ram0)"
	write_block "$BAD"
	write_block "$((BAD + 1))"
	wait_for settled
	expect_same /dev/ram0 /dev/ram1
	dm status front
	mirror_down
done
teardown
