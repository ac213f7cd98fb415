#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Power cuts of the primary, of the backup and of both at random moments, with returns and take-overs: good cuts, and equal disks in the end
# racy
# smp: 2
# mem: 512
# takes: 150
# timeout: 3600

# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh
# shellcheck source=tests/vm/lib/stamp-lib.sh
. /hm/stamp-lib.sh
# shellcheck source=tests/vm/lib/power-lib.sh
. /hm/power-lib.sh

CUTS=$(rounds 20)

# under_load: the primary writes, and for some time
under_load()
{
	stamp_start completion "/dev/mapper/$primary"
	stamp_arrives "$primary" 40
	pause 400
}

# A primary that believes its backup silent, on a busy machine, waits for it: what
# it completed alone would be lost rightly.
never_alone()
{
	become primary $primary on_disconnect stall
	wait_for "in_step $primary"
	wait_status $backup generation "$(status_field $primary generation)"
}

primary_cut()
{
	stamp_acked
	power_off $primary
	dm message $primary 0 release
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

load_module peer_timeout_ms=2000 stall_timeout_ms=1200000
hosts_up
power_disks 12
note "seed $SEED"
primary=a backup=b consistent=0
become backup b
become primary a sync clean
wait_for "in_step a"

while [ $ROUND -lt "$CUTS" ]; do
	case $(dice 5) in
	0) what=cut_primary_returns ;;
	1) what=cut_primary_taken_over ;;
	2) what=cut_backup_returns ;;
	3) what=cut_both_return ;;
	4) what=cut_one_by_one ;;
	esac
	note "cut $((ROUND + 1)): $what, $primary is the primary"
	[ "$what" != cut_primary_taken_over ] || never_alone
	under_load
	$what
	pair_equal $primary
	expect_field $backup state consistent
done
pair_down
power_disks_gone
teardown
