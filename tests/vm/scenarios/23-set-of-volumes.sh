#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Order holds across the volumes of a set, and both sides must have the same
# racy
#
# The second volume's disk on the backup is slow. Two sets with a volume each
# are the control: there, the order across the two is lost.

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/stamp-lib.sh
. /hm/stamp-lib.sh

load_module peer_timeout_ms=3600000
hosts_up
ram_disks 3 4
# one gate for both of the backup's disks, so that it closes at one instant
gate_on /dev/ram2
need_modules dm-delay

# Both disks of the backup: halves of the gate
disks_up()
{
	dm create quick --table "0 4096 linear /dev/mapper/gate 0"
	dm create slow --table \
		"0 4096 delay /dev/mapper/gate 4096 0 /dev/mapper/gate 4096 $1"
}

halves()
{
	dm create half0 --table "0 4096 linear /dev/ram2 0"
	dm create half1 --table "0 4096 linear /dev/ram2 4096"
}

primary_disks()
{
	dm create disk0 --table "0 4096 linear /dev/ram0 0"
	dm create disk1 --table "0 4096 linear /dev/ram1 0"
}

refused()
{
	wait_status front0 link refused
	dm status front0 | grep -qF "$1" || fail "the reason is not '$1':
$(dm status front0)"
}

# Writes that go on meanwhile, and must arrive
write_0()
{
	dd if=/dev/urandom of=/dev/mapper/front0 bs=64k count=4 seek="$1" \
		oflag=direct 2>/dev/null
}

one_after_the_other()
{
	mk_backup back0 /dev/mapper/quick "$B4" 7000 set two volume 0
	mk_primary front0 /dev/mapper/disk0 "$B4" 7000 sync clean set other volume 0
	refused "set names differ"
	dm remove front0
	mk_primary front0 /dev/mapper/disk0 "$B4" 7000 sync clean set two volume 0
	wait_status front0 link connected
	write_0 0
	mk_backup back1 /dev/mapper/slow "$B4" 7000 set two volume 1
	refused "volume numbers differ"
	write_0 4
	mk_primary front1 /dev/mapper/disk1 "$B4" 7000 sync clean set two volume 1
	wait_status front0 link connected
	wait_status front1 link connected
	write_0 8
	dm remove back1
	refused "volume numbers differ"
	dm remove front1
	wait_status front0 link connected
	dm remove front0
	dm remove back0
	expect_same /dev/mapper/disk0 /dev/mapper/quick
}

# set_up NAME0 NAME1 PORT0 PORT1 ORDERING
set_up()
{
	blank /dev/ram0 /dev/ram1 /dev/ram2
	mk_backup back0 /dev/mapper/quick "$B4" "$3" set "$1" volume 0
	mk_backup back1 /dev/mapper/slow "$B4" "$4" set "$2" volume 1
	mk_primary front0 /dev/mapper/disk0 "$B4" "$3" \
		sync clean ordering "$5" set "$1" volume 0
	mk_primary front1 /dev/mapper/disk1 "$B4" "$4" \
		sync clean ordering "$5" set "$2" volume 1
	wait_status front0 link connected
	wait_status front1 link connected
	note "seed $SEED, round $((ROUND + 1)): sets $1 and $2"
	stamp_start "$5" /dev/mapper/front0 /dev/mapper/front1
	stamp_under_way back0 60
	stamp_arrives back1 60
	pause 500
}

check_halves()
{
	halves
	stamp_check --min-updates 40 "$@" /dev/mapper/half0 /dev/mapper/half1
	dm remove half0
	dm remove half1
}

take_over()
{
	set_up two two 7000 7000 "$1"
	link_cut
	stamp_acked
	dm remove back0
	dm remove back1
	stamp_stop front0
	link_up
	dm remove front0
	dm remove front1
	check_halves --acked /run/acked
}

# instant NAME0 NAME1 PORT0 PORT1 ORDERING [OPTION]
instant()
{
	set_up "$@"
	shift 5
	gate_close
	stamp_stop
	swap_table slow "$(linear_table /dev/mapper/quick)"
	dm remove front0
	dm remove front1
	dm remove back0
	dm remove back1
	check_halves "$@"
	dm remove slow
	dm remove quick
	gate_open /dev/ram2
}

primary_disks
disks_up 50
one_after_the_other
take_over completion
take_over flush
instant two two 7000 7000 completion
disks_up 50
instant two two 7000 7000 flush
disks_up "$NEVER"
instant one another 7000 7001 completion --expect-violations
teardown
