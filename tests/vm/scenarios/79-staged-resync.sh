#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A resync that fits the backup's log is all or nothing: the disk stays as it was until all of it is there, and can be promoted; what cuts it short costs no more than copying again
# kernels: 6.12 debug
# racy
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh
# shellcheck source=tests/vm/lib/stage-lib.sh
. /hm/stage-lib.sh

# expect_copied_once: but for the region that a cut fell into
expect_copied_once()
{
	[ "$(status_field a copied)" -le $((UNSYNCED + (1 << 20))) ] ||
		fail "$(status_field a copied) bytes of $UNSYNCED were copied"
}

disk_refuses()
{
	swap_table disk "$(error_table /dev/ram1)"
}

disk_mended()
{
	swap_table disk "$(linear_table /dev/ram1)"
}

load_module peer_timeout_ms=2000
hosts_up
staged_pair_up

note "nothing is on the disk before all is there"
slow_resync 0 1500
expect "$GENERATION" "$(status_field b generation)" "the backup's generation"
noise a 700 100
noise a 4000 100
expect_staged
all_there
expect_log "copies are staged"
refuse logged "inconsistent from here on"
[ "$(status_field b generation)" != "$GENERATION" ] || fail "not adopted"

note "the link is cut meanwhile: the rest follows, nothing is copied again"
slow_resync 0 1500
link_down
wait_status a link connecting
noise a 700 10
link_up
wait_status a link connected
expect_staged
all_there
expect_copied_once

note "the backup is loaded anew meanwhile: it was and is consistent; all is copied"
slow_resync 0 1500
dm remove b
expect "$SUM" "$(disk_sum)" "the backup's disk"
become backup b
expect_field b state consistent
expect "$SUM" "$(disk_sum)" "the backup's disk"
wait_status b resync staged
all_there

note "likewise suspended and resumed"
slow_resync 0 1500
dm suspend b
dm resume b
expect_field b state consistent
wait_status b resync staged
all_there

note "it becomes the primary meanwhile, with what it had"
slow_resync 0 1500
become primary b
expect "$SUM" "$(disk_sum)" "the new primary's disk"
noise b 5000 10
become backup b
expect_reason b give_up
dm message b 0 give_up
wait_status b resync direct
expect_field b state inconsistent
all_there

note "it fills up: what is there goes to the disk, the rest follows"
slow_resync 0 500
dm message a 0 copy pause
while [ "$(status_field b resync)" = staged ]; do
	expect_field b state consistent
	noise a 1500 500
done
expect_log "does not fit the log"
expect_field b state inconsistent
wait_status a resync direct
[ "$(disk_sum)" != "$SUM" ] || fail "nothing was performed"
dm message a 0 copy continue
all_there
expect_copied_once

note "it would never fit"
outage 0 6000
dm message a 0 copy rate 128
link_up
wait_status b state inconsistent
expect_field b resync direct
all_there

note "writes may not go on alone: nothing is staged"
outage 0 500
become primary a backlog 1 on_disconnect stall
dm message a 0 copy rate 128
link_up
wait_status b state inconsistent
expect_field b resync direct
all_there
become primary a backlog 1

note "the metadata device refuses what is to be staged"
slow_resync 0 1500
swap_table b-meta "$(error_table /dev/ram3)"
wait_status b apply suspended
expect_field b resync staged
expect "$SUM" "$(disk_sum)" "the backup's disk"
swap_table b-meta "$(linear_table /dev/ram3)"
dm message b 0 resume
wait_status b apply running
all_there

note "the disk refuses what was staged: it is adopted, and waits"
slow_resync 0 500
disk_refuses
dm message a 0 copy rate 0
wait_status b apply suspended
expect_field b state consistent
wait_status a sync suspended
disk_mended
dm message b 0 resume
wait_status b apply running
all_there

note "likewise, and it is loaded anew"
slow_resync 0 500
disk_refuses
dm message a 0 copy rate 0
wait_status b apply suspended
dm remove b
disk_mended
become backup b
expect_field b state consistent
all_there
staged_pair_down
teardown
