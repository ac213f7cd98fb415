#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# An inconsistent backup that was promoted by force does not overwrite the primary's good copy without a word

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

load_module
hosts_up
power_disks 16
become backup b
become primary a sync clean
noise a 0 200
pair_equal a

note "a writes alone, and its power fails; when it is back it copies that"
link_down
wait_status a link connecting
noise a 300 20
power_off a
gone a
become primary a
dm message a 0 copy pause
link_up
wait_status b state inconsistent

note "its power fails again, b is promoted by force"
power_off a
gone a
dm message b 0 force
become primary b
noise b 500 4

note "a is back"
become backup a
link_up
wait_status b link refused
expect_reason b "written apart"
dm message a 0 give_up
pair_equal b
pair_down
power_disks_gone
teardown
