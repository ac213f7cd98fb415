#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Roles are exchanged without a copy; after a take-over the old primary comes back by its dirty regions

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

load_module
hosts_up
pair_disks 32
# The backup can be the primary once it holds the generation: with the first
# write while they connect, that is a session later.
same_generation()
{
	[ "$(status_field a generation)" = "$(status_field b generation)" ]
}

become backup b
become primary a sync clean
noise a 0 100
pair_equal a

note "planned: a and b exchange their roles, twice"
for turn in 1 2; do
	wait_for same_generation
	dm suspend a
	become backup a
	become primary b region 64
	expect_log "the size of a region stays 1024 KiB, as formatted"
	wait_status b link connected
	noise b 200 100
	pair_equal b
	expect_field b copied 0
	expect_field a state consistent

	wait_for same_generation
	dm suspend b
	become backup b
	become primary a
	wait_status a link connected
	noise a $((400 * turn)) 100
	pair_equal a
	expect_field a copied 0
	expect_field b state consistent
done

note "unplanned: b takes over while a is cut off and silent"
link_down
wait_status a link connecting
become primary b backlog 1 on_full behind
noise b 1000 600
wait_status b sync behind
link_up
become backup a
pair_equal b
copied=$(status_field b copied)
[ "$copied" -gt 0 ] || fail "a came back without its dirty regions"
[ "$copied" -lt 20000000 ] || fail "$copied bytes were copied for a few blocks"
expect_field a state consistent

note "and back to a, without a copy"
wait_for same_generation
dm suspend b
become backup b
become primary a
noise a 10 10
pair_equal a
expect_field a copied 0
pair_down
teardown
