#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The primary's disk refuses a write: the application learns it, the status too, and no region is clean before a restart has copied what the disk has
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

BAD=2560	# blocks of 4 KiB: behind the load, and one MiB long

load_module
hosts_up
ram_disks 4 16
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

note "regions stay dirty, and a restart copies them"
A_DISK=/dev/mapper/disk
become backup b
become primary a sync clean
noise a 0 20
wait_for "in_step a"
dm suspend a
dm resume a
expect_field a dirty 0
swap_table disk "$(bad_table)"
refuse noise a "$BAD" 1
noise a "$((BAD + 300))" 1
wait_for "in_step a"
dm suspend a
dm resume a
expect_above a dirty 0
sleep 15
expect_above a dirty 0
expect_field a unsynced 0
expect_field b state consistent
swap_table disk "$(linear_table /dev/ram0)"
! same /dev/ram0 /dev/ram1 || fail "the backup never had what was refused"
dm remove a
become primary a
pair_equal a
expect_above a copied 0
noise a "$BAD" 1
wait_for "in_step a"
wait_status a dirty 0
pair_down
teardown
