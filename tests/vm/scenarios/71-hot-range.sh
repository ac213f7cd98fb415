#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A range that is always being written is copied, and an application that never pauses does not keep the copy from beginning

# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

# hot BLOCK_KIB DEPTH KIB: writes to the first KIB, without a pause
hot()
{
	fio --name=hot --thread --filename=/dev/mapper/a --rw=randwrite --direct=1 \
		--ioengine=libaio --bs="$1k" --iodepth="$2" --size="$3k" \
		--numjobs=4 --time_based --runtime=3600 >/dev/null 2>&1 &
	HOT=$!
}

cool()
{
	kill -KILL "$HOT"
	wait "$HOT" 2>/dev/null || true
}

# Each write lasts, so that there is always one.
load_module
hosts_up
pair_disks 16
delay_disk slow /dev/ram0 0 50
A_DISK=/dev/mapper/slow

note "the first copy, under load on one range"
become primary a ack local
hot 4 16 64
sleep 1
become backup b
wait_status a unsynced 0
kill -0 "$HOT" || fail "the load has ended"
wait_status b state consistent
cool

note "behind, and the backlog is smaller than what is in flight"
become primary a ack local backlog 1 on_full behind
hot 128 32 8192
link_down
wait_status a sync behind
link_up
wait_status a sync copying
kill -0 "$HOT" || fail "the load has ended"
cool
pair_equal a
pair_down
dm remove slow
teardown
