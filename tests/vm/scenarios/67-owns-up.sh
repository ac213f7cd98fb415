#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A primary that is stopped before all is durable says so; what a backup then loses is not overwritten without a word

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
noise a 0 20
pair_equal a

note "b's disk hangs; what it has in memory is acknowledged"
dm suspend --noflush --nolockfs gate-b
noise a 100 4
become backup a
expect_log "suspended before the backup had everything"

note "b's power fails, and it takes over without that"
link_down
dm load gate-b --table "0 $(sectors /dev/mapper/gate-b) zero"
dm resume gate-b
gone b
become primary b
noise b 200 4
link_up
wait_status b link refused
expect_reason b "written apart"

note "a gives up what it alone has"
dm message a 0 give_up
pair_equal b
pair_down
power_disks_gone
teardown
