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
# shellcheck source=tests/vm/lib/set-lib.sh
. /hm/set-lib.sh

load_module
hosts_up
# the last one is blank
ram_disks 9 8

# reload HOST NUMBER [METADATA]: a volume, anew
reload()
{
	local name=$1$2 host=$HOST_P

	[ "$1" = a ] || host=$HOST_B
	on "$host" dm load "$name" --table "$(META=${3:-}
		set_table "$1" "$2")" &&
		dm suspend "$name" && dm resume "$name"
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
up a 0 sync clean
up a 1 sync clean
noise a0 0 20
noise a1 0 20
all_equal 0 1

note "the backup's starts with a wrong metadata device, and then with its own"
dd if=/dev/urandom of=/dev/ram8 bs=4k count=4 conv=fsync 2>/dev/null
uncache /dev/ram8
refuse reload b 1 /dev/ram8
noise a0 50 20
noise a1 50 20
reload b 1
all_equal 0 1
expect_field a0 copied 0
expect_field b0 state consistent
blank /dev/ram8

note "it comes back with the right table: its dirty regions are copied"
half_fails 100
reload a 1
all_equal 0 1
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
all_equal 0
expect_log "a volume was dropped before the backup had all of it"
expect_field b0 state consistent
noise a0 300 20
all_equal 0
dm remove a0
dm remove b0
teardown
