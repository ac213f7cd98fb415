#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A volume whose start failed: it comes back and is copied where dirty, or is dropped and the others go on

# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

load_module
hosts_up
# by host: data of both volumes, metadata of both; the last one is blank
ram_disks 9 8

# table HOST NUMBER [METADATA]
table()
{
	local type=hybridmirror first=0 sync=

	case $1 in
	a) [ $# -gt 2 ] || sync="sync clean" ;;
	b) type=hybrid-backup first=4 ;;
	esac
	# shellcheck disable=SC2086 # words
	set -- "/dev/ram$((first + $2))" "${3:-/dev/ram$((first + 2 + $2))}" \
		"$B4" 7000 $((4 + ${sync:+2} + 0)) set two volume "$2" $sync
	echo "0 16384 $type $*"
}

up()
{
	local host=$HOST_P

	[ "$1" = a ] || host=$HOST_B
	on "$host" dm create "$1$2" --table "$(table "$1" "$2")"
}

# reload HOST NUMBER [METADATA]: a volume, anew
reload()
{
	local name=$1$2 host=$HOST_P

	[ "$1" = a ] || host=$HOST_B
	on "$host" dm load "$name" --table "$(table "$@")" &&
		dm suspend "$name" && dm resume "$name"
}

equal()
{
	wait_for "in_step a0"
	for number; do
		uncache "/dev/ram$number"
		uncache "/dev/ram$((4 + number))"
		expect_same "/dev/ram$number" "/dev/ram$((4 + number))"
	done
}

# A backlog with updates of both volumes, whose second one cannot start
half_fails()
{
	link_down
	wait_status a0 link connecting
	noise a0 "$1" 20
	noise a1 "$1" 20
	refuse reload a 1 /dev/ram8
	expect_log "its metadata device is empty, but the set has been paired"
	link_up
	sleep 2
	expect_field a0 sync streaming
	refuse in_step a0
}

up b 0
up b 1
up a 0
up a 1
noise a0 0 20
noise a1 0 20
equal 0 1

note "the backup's starts with a wrong metadata device, and then with its own"
dd if=/dev/urandom of=/dev/ram8 bs=4k count=4 conv=fsync 2>/dev/null
uncache /dev/ram8
refuse reload b 1 /dev/ram8
noise a0 50 20
noise a1 50 20
reload b 1
equal 0 1
expect_field a0 copied 0
expect_field b0 state consistent
blank /dev/ram8

note "it comes back with the right table: its dirty regions are copied"
half_fails 100
reload a 1
equal 0 1
[ "$(status_field a0 copied)" -lt 8388608 ] || fail "everything was copied"
expect_field b0 state consistent
copied=$(status_field a0 copied)

note "it is dropped: the rest is copied, and is equal"
half_fails 200
dm remove a1
dm remove b1
dm message a0 0 drop_volume 1
dm message b0 0 drop_volume 1
wait_for "above a0 copied $copied"
equal 0
expect_log "a volume was dropped before the backup had all of it"
expect_field b0 state consistent
noise a0 300 20
equal 0
dm remove a0
dm remove b0
teardown
