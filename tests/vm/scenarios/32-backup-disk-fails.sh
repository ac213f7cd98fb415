#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The backup's disk refuses writes or flushes: suspended, mended, resumed, equal
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module
hosts_up
ram_disks 1 10
need_modules dm-flakey
# unlike a ram disk it has a volatile cache, so that flushes reach it
disk=$(loop_disk backup 10)
dm create disk --table "$(linear_table "$disk")"
BACK_DISK=/dev/mapper/disk

# Writes below the last MiB succeed; a flush goes everywhere, and fails there.
no_flush_table()
{
	local all

	all=$(sectors "$disk")
	echo "0 $((all - 2048)) linear $disk 0"
	echo "$((all - 2048)) 2048 flakey $disk $((all - 2048)) 0 1 1 error_writes"
}

expect_suspended()
{
	wait_status front sync suspended
	wait_status back apply suspended
	wait_status front link connected
	expect_reason front "disk refused an update"
	expect_reason back "the disk refused $1"
	expect_above back write_errors 0
	expect_log "the disk refused"
}

# writes_fail HOW-TO-RESUME
writes_fail()
{
	note "writes fail; resumed by $1"
	mirror_up
	load_start
	swap_table disk "$(error_table "$disk")"
	expect_suspended "an update"
	load_goes_on 50
	swap_table disk "$(linear_table "$disk")"
	dm message "$1" 0 resume
	wait_status front sync streaming
	wait_status back apply running
	load_goes_on
	load_stop
	expect_mirrored
	mirror_down
}

flushes_fail()
{
	note "flushes fail; resumed by $1"
	mirror_up
	write_block 1 fsync
	wait_for settled
	swap_table disk "$(no_flush_table)"
	load_start --fsync=8
	expect_suspended "a flush"
	load_goes_on 50
	swap_table disk "$(linear_table "$disk")"
	dm message "$1" 0 resume
	wait_status front sync streaming
	load_goes_on
	load_stop
	expect_mirrored
	mirror_down
}

# Resumed while the disk still fails: suspended again, nothing lost.
mended_late()
{
	local errors

	note "resumed too early"
	mirror_up
	load_start
	swap_table disk "$(error_table "$disk")"
	expect_suspended "an update"
	errors=$(status_field back write_errors)
	dm message front 0 resume
	wait_above back write_errors "$errors"
	wait_status front sync suspended
	errors=$(status_field back write_errors)
	dm message back 0 resume
	wait_above back write_errors "$errors"
	wait_status front sync suspended
	swap_table disk "$(linear_table "$disk")"
	dm message front 0 resume
	wait_status front sync streaming
	load_stop
	expect_mirrored
	mirror_down
}

# The failure outlasts a cut of the link.
link_goes_meanwhile()
{
	note "the link goes while suspended"
	mirror_up
	load_start
	swap_table disk "$(error_table "$disk")"
	expect_suspended "an update"
	link_down
	wait_status front link connecting
	load_goes_on
	link_up
	wait_status front link connected
	wait_status front sync suspended
	swap_table disk "$(linear_table "$disk")"
	dm message front 0 resume
	wait_status front sync streaming
	load_stop
	expect_mirrored
	mirror_down
}

overflow()
{
	note "the backlog overflows meanwhile"
	mirror_up backlog 1
	load_start --rate_iops=1000
	swap_table disk "$(error_table "$disk")"
	wait_status front sync behind
	expect_reason front backlog-full
	load_goes_on 50
	swap_table disk "$(linear_table "$disk")"
	dm message front 0 resume
	wait_status back apply running
	load_goes_on
	load_stop
	expect_above front unrecorded 0
	expect_mirrored
	expect_above front copied 0
	mirror_down
}

module_parameter peer_timeout_ms 3000
writes_fail front
writes_fail back
flushes_fail front
flushes_fail back
mended_late
link_goes_meanwhile
overflow
teardown
