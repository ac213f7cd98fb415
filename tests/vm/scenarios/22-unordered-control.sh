#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Control: ordering none breaks the order on a disk with a slow region
#
# The same with ordering completion does not. A checker that has never failed
# proves nothing. What is slow never arrives, so the verdict is no matter of luck.

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/stamp-lib.sh
. /hm/stamp-lib.sh

load_module
hosts_up
ram_disks 2 4
gate_on /dev/ram1

# instant ORDERING [OPTION]
instant()
{
	ordering=$1
	shift
	note "seed $SEED, round $((ROUND + 1)): ordering $ordering"
	blank /dev/ram0 /dev/ram1
	dm create slow --table "$(linear_table /dev/mapper/gate)"
	mk_backup back /dev/mapper/slow "$B4" 7000
	mk_primary front /dev/ram0 "$B4" 7000 sync clean ordering "$ordering"
	wait_status front link connected
	stamp_start completion /dev/mapper/front
	stamp_under_way back 60
	swap_slow slow /dev/mapper/gate 2048 1024 "$NEVER"
	stamp_arrives back 300
	gate_close
	stamp_stop
	swap_table slow "$(linear_table /dev/mapper/gate)"
	dm remove front
	dm remove back
	stamp_check --min-updates 40 "$@" /dev/ram1
	dm remove slow
	gate_open /dev/ram1
}

instant none --expect-violations
instant completion
teardown
