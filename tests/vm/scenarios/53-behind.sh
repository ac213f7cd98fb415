#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# An outage longer than the backlog: regions are remembered, and copied when the link is back

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
become primary a sync clean backlog 1 on_full behind
noise a 0 100
pair_equal a

note "what is written again and again waits for no metadata, but after a pause"
dirtied=$(status_field a dirtied)
above a dirtied 0 || fail "no write has waited for its region to be dirty"
for _ in 1 2 3; do
	noise a 0 100
done
[ "$(status_field a dirtied)" -le $((dirtied + 3)) ] ||
	fail "$(status_field a dirtied) writes waited, $dirtied before"
pair_equal a

note "a short outage: sent again in order, never inconsistent"
link_down
noise a 1000 20
link_up
pair_equal a
expect_field a copied 0

note "a long one"
link_down
noise a 2000 600
wait_status a sync behind
expect_field b state consistent
noise a 3000 20
link_up
pair_equal a
above a copied 0 || fail "nothing was copied"
[ "$(status_field a copied)" -lt 20000000 ] || fail "everything was copied"
expect_field b state consistent

note "the same, and the primary is loaded anew meanwhile"
link_down
noise a 4000 600
wait_status a sync behind
dm remove a
become primary a backlog 1 on_full behind
expect_field a sync copying
noise a 5000 20
link_up
pair_equal a
[ "$(status_field a copied)" -lt 20000000 ] || fail "everything was copied"
pair_down
teardown
