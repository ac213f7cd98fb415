#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# An outage longer than memory: the log of the backlog keeps the order, nothing is copied; if it is full, cannot be written or was overwritten, regions are
# kernels: 6.12 debug
# racy
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

MIB=256	# blocks of 4 KiB

# log_used: bytes
log_used()
{
	status_field a log | cut -d / -f 1
}

# long_outage BLOCK COUNT: written in vain, as far as the backup is concerned
long_outage()
{
	link_down
	wait_status a link connecting
	noise a "$1" "$2" &
	WRITER=$!
	while kill -0 $WRITER 2>/dev/null; do
		expect_bounded a
		sleep 0.1
	done
	wait $WRITER || fail "the writes"
}

load_module peer_timeout_ms=4000
hosts_up
ram_disks 4 24
dm create a-meta --table "$(linear_table /dev/ram2)"
A_META=/dev/mapper/a-meta
become backup b
become primary a sync clean backlog 4
noise a 0 100
pair_equal a

note "four times what memory holds: sent in order, nothing is copied"
long_outage 1000 $((16 * MIB))
expect_field a sync streaming
expect_field a unrecorded 0
expect_above a stored 0
[ "$(log_used)" -gt $((10 << 20)) ] || fail "the log holds $(log_used) bytes"
expect_field b state consistent
link_up
while ! in_step a; do
	expect_field b state consistent
	expect_bounded a
	sleep 0.1
done
pair_equal a
expect_field a copied 0
expect "0" "$(log_used)" "bytes in the log"

note "what is written while the backup catches up does not wait until it has"
long_outage 1000 $((6 * MIB))
link_rate 2mbit
link_up
wait_status a link connected
expect_field a completions alone
noise a 100 20
[ "$(log_used)" -gt 0 ] || fail "the writes have waited for all of the log"
expect_field a sync streaming
link_rate ''
wait_status a completions mirrored
pair_equal a
expect_field a copied 0

note "it does catch up under a load that is more than the link takes"
link_rate 4mbit
while noise a 4000 64; do
	sleep 0.2
done &
LOAD=$!
link_down
wait_status a link connecting
link_up
wait_status a link connected
wait_status a completions mirrored
kill -0 $LOAD || fail "the load has ended"
kill $LOAD
wait $LOAD || true
link_rate ''
pair_equal a
expect_field a copied 0

note "the link comes and goes, and the table is loaded again meanwhile"
for _ in 1 2 3; do
	# all three fit, should nothing be sent in between
	long_outage 2000 $((4 * MIB))
	link_up
	wait_status a link connected
done
link_down
wait_status a link connecting
become primary a backlog 5
link_up
pair_equal a
expect_field a copied 0
expect_field a unrecorded 0

note "the log is full: behind, by regions"
long_outage 0 $((20 * MIB))
long_outage 100 $((20 * MIB))
expect_field a sync behind
expect_reason a backlog-full
link_up
pair_equal a
above a copied 0 || fail "nothing was copied"
COPIED=$(status_field a copied)

note "and is used again"
long_outage 3000 $((8 * MIB))
expect_field a sync streaming
link_up
pair_equal a
expect_field a copied "$COPIED"

note "somebody wrote to the device: found out, copied by regions"
long_outage 200 $((8 * MIB))
expect_field a sync streaming
dd if=/dev/urandom of=/dev/ram2 bs=1M seek=2 count=20 oflag=direct 2>/dev/null
link_up
pair_equal a
expect_log "what the log of the backlog holds was overwritten"
above a copied "$COPIED" || fail "nothing was copied"

note "it cannot be read"
COPIED=$(status_field a copied)
long_outage 300 $((8 * MIB))
START=$((2 << 11))
swap_table a-meta "0 $START linear /dev/ram2 0
$START $(($(sectors /dev/ram2) - START)) error"
link_up
wait_for 'logged "cannot read the log of the backlog"'
wait_for "in_step a"
above a copied "$COPIED" || fail "nothing was copied"

note "it cannot be written: behind, as without one, and the application goes on"
long_outage 400 $((8 * MIB))
expect_log "the metadata device refused the log"
expect_field a sync behind
swap_table a-meta "$(linear_table /dev/ram2)"
link_up
pair_equal a

note "the primary is lost with what the log holds: by regions"
long_outage 500 $((8 * MIB))
expect_field a sync streaming
dm remove a
become primary a
link_up
pair_equal a
expect_field b state consistent
pair_down
dm remove a-meta
teardown
