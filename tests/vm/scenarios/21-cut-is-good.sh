#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The backup's disk is a good cut: when it takes over, and at any instant
# racy
#
# The primary dies (its link is cut) and the backup takes over; or the backup's
# disk is looked at as it is at some instant. Nothing that was acknowledged may
# be missing where "ack" promises so.

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/stamp-lib.sh
. /hm/stamp-lib.sh

load_module peer_timeout_ms=3600000
hosts_up
ram_disks 2 4
gate_on /dev/ram1
slow_region slow /dev/mapper/gate 2048 1024 50

# begin ACK ORDERING
begin()
{
	note "seed $SEED, round $((ROUND + 1)): ack $1, ordering $2"
	blank /dev/ram0 /dev/ram1
	mk_backup back /dev/mapper/slow "$B4" 7000
	mk_primary front /dev/ram0 "$B4" 7000 sync clean ack "$1" ordering "$2"
	wait_status front link connected
	stamp_start "$2" /dev/mapper/front
	stamp_under_way back 60
	pause 700
}

# take_over ACK ORDERING
take_over()
{
	begin "$@"
	link_cut
	# writes that wait for the backup now are never acknowledged
	stamp_acked
	dm remove back
	stamp_stop front
	link_up
	dm remove front
	if [ "$1" = local ]; then
		stamp_check --min-updates 40 /dev/ram1
	else
		stamp_check --min-updates 40 --acked /run/acked /dev/ram1
	fi
}

# instant ACK ORDERING
instant()
{
	begin "$@"
	stamp_acked
	gate_close
	stamp_stop
	swap_table slow "$(linear_table /dev/mapper/gate)"
	dm remove front
	dm remove back
	if [ "$1" = applied ]; then
		stamp_check --min-updates 40 --acked /run/acked /dev/ram1
	else
		stamp_check --min-updates 40 /dev/ram1
	fi
	dm remove slow
	gate_open /dev/ram1
	slow_region slow /dev/mapper/gate 2048 1024 50
}

take_over received completion
take_over applied completion
take_over received flush
take_over local flush
instant received completion
instant applied completion
instant local completion
instant received flush
teardown
