#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Power cuts of the primary, of the backup and of both at random moments, with returns and take-overs: good cuts, and equal disks in the end
# racy
# smp: 2
# mem: 512
#
# What a host writes, data and metadata, passes one gate. Closed, it loses all
# that comes later without a word, so that the disk keeps one instant; and the
# module forgets the host when its device is removed.

# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh
# shellcheck source=tests/vm/lib/stamp-lib.sh
. /hm/stamp-lib.sh

CUTS=30
MIB=12
A_DISK=/dev/mapper/a-data A_META=/dev/mapper/a-meta
B_DISK=/dev/mapper/b-data B_META=/dev/mapper/b-meta

# host_disk HOST DEVICE
host_disk()
{
	local data=$((MIB * 2048)) all

	all=$(sectors "$2")
	dm create "gate-$1" --table "$(linear_table "$2")"
	dm create "$1-data" --table "0 $data linear /dev/mapper/gate-$1 0"
	dm create "$1-meta" \
		--table "0 $((all - data)) linear /dev/mapper/gate-$1 $data"
}

gate_device()
{
	case $1 in
	a) echo /dev/ram0 ;;
	b) echo /dev/ram1 ;;
	esac
}

# power_off HOST: from now on nothing reaches its disks, and it says no more; its
# peer must not hear that something is durable which the gate has lost
power_off()
{
	link_down
	swap_table "gate-$1" "0 $(sectors "/dev/mapper/gate-$1") zero" \
		--noflush --nolockfs
}

# gone HOST: the module forgets it, the disks are as the cut left them
gone()
{
	dm remove "$1"
	swap_table "gate-$1" "$(linear_table "$(gate_device "$1")")" \
		--noflush --nolockfs
	where "$1"
	uncache "$disk" "$meta"
}

# dice SIDES: from 0, as the seed says
dice()
{
	awk -v seed="$((SEED * 31 + ROUND))" -v n="$1" \
		'BEGIN { srand(seed); rand(); print int(rand() * n) }'
}

app_dies()
{
	kill -KILL "$STAMP"
	wait "$STAMP" 2>/dev/null || true
}

# good_cut HOST [OPTION...]
good_cut()
{
	where "$1"
	shift
	uncache "$disk"
	stamp_check --foreign-ok "$@" "$disk"
}

# under_load: the primary writes, and for some time
under_load()
{
	stamp_start completion "/dev/mapper/$primary"
	stamp_arrives "$primary" 40
	pause 400
}

primary_cut()
{
	stamp_acked
	power_off $primary
	app_dies
	gone $primary
	link_up
}

cut_primary_returns()
{
	primary_cut
	good_cut $primary --acked /run/acked
	become primary $primary
}

cut_primary_taken_over()
{
	primary_cut
	become primary $backup
	good_cut $backup --acked /run/acked
	noise $backup 2500 20
	become backup $primary
	swap=$primary primary=$backup backup=$swap
}

cut_backup_returns()
{
	power_off $backup
	pause 300
	gone $backup
	good_cut $backup
	link_up
	pause 300
	become backup $backup
	pause 300
	app_dies
}

cut_both_return()
{
	power_off $backup
	pause 300
	primary_cut
	gone $backup
	become backup $backup
	become primary $primary
}

# The backup, and then the primary; the backup is back first.
cut_one_by_one()
{
	power_off $backup
	pause 300
	gone $backup
	become backup $backup
	link_up
	pause 1000
	primary_cut
	if [ "$(status_field $backup state)" = consistent ]; then
		good_cut $backup
		consistent=$((consistent + 1))
	else
		refuse become primary $backup
		become backup $backup
	fi
	become primary $primary
}

load_module peer_timeout_ms=2000
need_modules dm-zero
hosts_up
ram_disks 2 $((MIB + 2))
host_disk a /dev/ram0
host_disk b /dev/ram1
note "seed $SEED"
primary=a backup=b consistent=0
become backup b
become primary a sync clean
wait_for "in_step a"

while [ $ROUND -lt $CUTS ]; do
	under_load
	case $(dice 5) in
	0) what=cut_primary_returns ;;
	1) what=cut_primary_taken_over ;;
	2) what=cut_backup_returns ;;
	3) what=cut_both_return ;;
	4) what=cut_one_by_one ;;
	esac
	note "cut $ROUND: $what, $primary was the primary"
	$what
	pair_equal $primary
	expect_field $backup state consistent
done
pair_down
for host in a b; do
	dm remove $host-data
	dm remove $host-meta
	dm remove gate-$host
done
teardown
