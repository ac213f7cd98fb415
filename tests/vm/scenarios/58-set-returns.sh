#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A set that comes back in parts pairs only as a whole, or without a volume that was dropped from it

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
ram_disks 8 8
WAITING="waiting for the set.s other volumes"

up b 0
up b 1
up a 0 sync clean
up a 1 sync clean
noise a0 0 20
noise a1 0 20
all_equal 0 1
for name in a0 a1 b0 b1; do
	dm remove $name
done

note "both hosts have their first volumes again, which are written"
up b 0
up a 0
expect_reason a0 "$WAITING"
expect_reason b0 "$WAITING"
noise a0 100 20
sleep 3
expect_field a0 connects 0

note "the second ones come later, one is written before"
up a 1
noise a1 100 20
up b 1
all_equal 0 1
expect_field b0 state consistent
expect_field a0 unsynced 0

note "the second volume is dropped"
dm remove a1
dm remove b1
expect_reason a0 "$WAITING"
refuse dm message a0 0 drop_volume 0
refuse dm message a0 0 drop_volume 7
dm message a0 0 drop_volume 1
dm message b0 0 drop_volume 1
noise a0 200 20
all_equal 0

note "it does not come back with what it remembers"
refuse up b 1
refuse up a 1
for name in a1 b1; do
	[ ! -b "/dev/mapper/$name" ] ||
		dm remove $name
done
wait_status a0 link connected
noise a0 300 20
all_equal 0
dm remove a0
dm remove b0
teardown
