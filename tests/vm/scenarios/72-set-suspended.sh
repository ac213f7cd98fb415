#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# While a volume of a set is suspended its backup is told of no generation that the volume does not know

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

up b 0
up b 1
up a 0 sync clean
up a 1 sync clean
noise a0 0 20
noise a1 0 20
wait_for "in_step a0"

note "a generation is begun, and a volume is suspended before it can be told"
link_down
wait_status a0 link connecting
noise a1 100 20
dm suspend a0
link_up
expect_reason a1 "a volume of the set is suspended"
sleep 3
expect_field a1 link connecting

note "it is resumed"
dm resume a0
noise a0 100 20
all_equal 0 1
expect_field a0 copied 0

note "one that is suspended while all goes well is no hindrance"
dm suspend a0
noise a1 200 20
wait_for "in_step a1"
dm resume a0
for name in a0 a1 b0 b1; do
	dm remove $name
done
teardown
