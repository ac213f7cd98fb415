#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The first pairing copies everything, while the application writes; the backup says that it is inconsistent meanwhile

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

load_module
hosts_up
pair_disks 32
dd if=/dev/urandom of=$A_DISK bs=1M count=8 conv=fsync 2>/dev/null
dd if=/dev/urandom of=$B_DISK bs=1M seek=4 count=20 conv=fsync 2>/dev/null
uncache $A_DISK
uncache $B_DISK

note "paused: nothing is copied, and the backup is no copy yet"
become backup b
expect_field b state fresh
link_down
become primary a
dm message a 0 copy pause
link_up
wait_status a link connected
wait_status b state inconsistent
expect_field a sync copying
above a unsynced 20000000 || fail "almost nothing is to be copied"
noise a 100 20

note "goes on at a rate of 2 MiB/s"
dm message a 0 copy rate 2048
dm message a 0 copy continue
wait_above a copied 3000000
expect_field b state inconsistent
above a unsynced 1000000 || fail "the rate was not kept"

note "as fast as it can, under a load"
dm message a 0 copy rate 0
noise a 0 300
noise a 3000 300
pair_equal a
wait_status b state consistent
expect "$(status_field a generation)" "$(status_field b generation)" generation

note "a clean stop of both, and nothing is copied again"
copied=$(status_field a copied)
pair_down
become backup b
expect_field b state consistent
become primary a
noise a 50 20
pair_equal a
expect_field a copied 0
above a seq 0 || fail "the writes did not go through the stream"
[ "$copied" -gt 0 ] || fail "nothing was ever copied"
pair_down
teardown
