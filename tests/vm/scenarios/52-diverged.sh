#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Both sides written apart: refused, both stay as they are and say so, until one side gives up

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

load_module
hosts_up
pair_disks 32
become backup b
become primary a sync clean
noise a 0 100
pair_equal a

note "a writes alone, b takes over and writes too"
link_down
noise a 300 10
become primary b
noise b 600 10
link_up
become backup a
wait_status b link refused
expect_reason b "written apart"
expect_reason a "written apart"
a_holds=$(checksum $A_DISK) b_holds=$(checksum $B_DISK)
sleep 5
expect "$a_holds" "$(checksum $A_DISK)" "what a holds"
expect "$b_holds" "$(checksum $B_DISK)" "what b holds"

note "a gives up: only what differs is copied"
dm message a 0 give_up
pair_equal b
expect "$b_holds" "$(checksum $A_DISK)" "what a holds"
above b copied 0 || fail "nothing was copied"
[ "$(status_field b copied)" -lt 20000000 ] || fail "everything was copied"
refuse dm message a 0 give_up

note "an old primary that comes back as the primary is refused"
link_down
noise b 700 10
become primary a
become backup b
link_up
wait_status a link refused
expect_reason a "newer"
expect_reason b "newer"
become backup a
become primary b
pair_equal b
pair_down
teardown
