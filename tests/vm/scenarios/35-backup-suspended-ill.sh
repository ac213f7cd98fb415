#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The backup is suspended, resumed, reloaded and removed: cut, disk failed
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module peer_timeout_ms=3000
hosts_up
ram_disks 2 8
dm create disk --table "$(linear_table /dev/ram1)"
BACK_DISK=/dev/mapper/disk

silent()
{
	note "cut silently"
	mirror_up
	load_start
	link_cut
	shake_back
	link_up
	load_goes_on
	wait_status front link connected
	load_stop
	expect_mirrored
	mirror_down
}

failed()
{
	note "disk fails"
	mirror_up
	load_start
	swap_table disk "$(error_table /dev/ram1)"
	wait_status front sync suspended
	shake_back
	load_goes_on
	wait_status back apply suspended
	swap_table disk "$(linear_table /dev/ram1)"
	wait_status front link connected
	dm message front 0 resume
	wait_status front sync streaming
	load_goes_on
	load_stop
	expect_mirrored
	mirror_down
}

# removed STATE-OF-THE-DISK: the primary goes on; it has to be told of a new one
removed()
{
	note "removed, disk $1"
	mirror_up
	load_start
	if [ "$1" = bad ]; then
		swap_table disk "$(error_table /dev/ram1)"
		wait_status front sync suspended
	fi
	dm remove back
	wait_status front link connecting
	load_goes_on
	load_stop
	dm remove front
	swap_table disk "$(linear_table /dev/ram1)"
	copy_disk
}

silent
failed
removed good
removed bad
teardown
