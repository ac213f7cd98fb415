#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Link, backup and primary fail one after the other in all orders, and return in others: the newest copy is kept, never overwritten by an older one
# kernels: 6.12 debug
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

# of the six, from where the seed says
RETURNS=$(rounds 2)
STAMPED=2048

# The orders of link, backup and primary
order()
{
	case $1 in
	0) echo link backup primary ;;
	1) echo link primary backup ;;
	2) echo backup link primary ;;
	3) echo backup primary link ;;
	4) echo primary link backup ;;
	5) echo primary backup link ;;
	esac
}

under_load()
{
	stamp_start completion --blocks $STAMPED "/dev/mapper/$primary"
	stamp_arrives "$primary" 40
	pause 200
}

# host_fails HOST: its power
host_fails()
{
	power_off "$1"
	pause 100
	[ "$1" != "$writes" ] || app_dies
	gone "$1"
	[ "$link" = down ] || link_up
}

# The primary has written what the backup cannot know.
written_alone()
{
	wait_status "$primary" completions alone
	# what is written once it has fallen behind bears no number
	wait_for "[ \"\$(status_field $primary seq)\" -gt \
		$(($(status_field "$primary" seq) + 40)) ] ||
		[ \"\$(status_field $primary sync)\" = behind ]"
}

# says HOST: what its metadata says
says()
{
	where "$1"
	uncache "$meta"
	hm-meta dump --json "$meta" || fail "the metadata of $1"
}

consistent()
{
	says "$1" | grep -q '"consistent": true'
}

generation()
{
	says "$1" | sed -n 's/.*"generations": \["\([0-9a-f]*\)".*/\1/p'
}

# The primary has begun a generation that its backup does not know.
went_alone()
{
	! says "$backup" | grep '"generations"' |
		grep -q "$(generation "$primary")"
}

same_generation()
{
	[ "$(status_field $primary generation)" = \
		"$(status_field $backup generation)" ]
}

# The backup takes over, if the seed says so.
take_over()
{
	if [ "$(dice 3)" = 0 ] || [ "$backup_up" = no ]; then
		return
	fi
	note "$backup takes over"
	if went_alone; then
		apart=yes demand=''
	elif [ "$link" = down ]; then
		fail "$primary has written alone and has not owned up"
	fi
	become primary "$backup"
	# shellcheck disable=SC2086 # words of options
	good_cut "$backup" $demand
	noise "$backup" 2500 20
	taken_over=yes
}

fails()
{
	case $1 in
	link)
		link=down
		link_down
		[ "$primary_up" = no ] || written_alone
		;;
	backup)
		backup_up=no
		host_fails "$backup"
		[ "$primary_up" = no ] || written_alone
		;;
	primary)
		primary_up=no
		stamp_acked
		host_fails "$primary"
		take_over
		;;
	esac
}

# All is down: who says that it is consistent is a good cut, and one at least is.
kept()
{
	local side found=0

	for side in a b; do
		! consistent $side || { good_cut $side; found=$((found + 1)); }
	done
	[ $found -gt 0 ] || fail "no copy is left"
	[ "$taken_over" = yes ] || good_cut "$primary" --acked /run/acked
	a_holds=$(checksum $A_DISK) b_holds=$(checksum $B_DISK)
}

unchanged()
{
	expect "$a_holds" "$(checksum $A_DISK)" "what a holds"
	expect "$b_holds" "$(checksum $B_DISK)" "what b holds"
}

# Those who return have the roles that they held last; but after a take-over
# the old primary and its backup return as if there had been none.
returns()
{
	case $1 in
	link)
		link=up
		link_up
		;;
	backup) become backup "$backup" ;;
	primary) become primary "$primary" ;;
	esac
}

# The old primary is refused, whatever returned first, and neither disk changes.
# What it has written alone is given up.
old_primary_refused()
{
	local why=newer swap=$primary

	[ "$apart" = no ] || why="written apart"
	wait_status "$primary" link refused
	expect_reason "$primary" "$why"
	unchanged
	become backup "$primary"
	become primary "$backup"
	if [ "$apart" = yes ]; then
		wait_status "$backup" link refused
		unchanged
		dm message "$primary" 0 give_up
	fi
	primary=$backup backup=$swap
}

one_round()
{
	local what

	taken_over=no apart=no link=up primary_up=yes backup_up=yes
	writes=$primary demand='--acked /run/acked'
	wait_for same_generation
	under_load
	for what in $1; do
		note "$what fails"
		fails "$what"
	done
	kept
	for what in $2; do
		note "$what returns"
		returns "$what"
	done
	[ $taken_over = no ] || old_primary_refused
	pair_equal "$primary"
	expect_field "$backup" state consistent
	# shellcheck disable=SC2086 # words of options
	good_cut "$backup" $demand
}

load_module peer_timeout_ms=2000
hosts_up
power_disks 12
note "seed $SEED"
primary=a backup=b
become backup b
become primary a sync clean
wait_for "in_step a"

for failures in 0 1 2 3 4 5; do
	turn=$(dice 6)
	for step in $(seq "$RETURNS"); do
		# every second of the six, from where the seed says
		turns=$(((turn + 2 * step) % 6))
		note "round $((ROUND + 1)): $primary is the primary"
		one_round "$(order $failures)" "$(order $turns)"
	done
done
pair_down
power_disks_gone
teardown
