#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Tracepoints follow an update from its issue to its durability, in order
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

TRACING=/sys/kernel/tracing

# no verdict may depend on how quick the guest is
load_module peer_timeout_ms=600000
hosts_up
ram_disks 2 8
delay_disk disk /dev/ram1 0 300
BACK_DISK=/dev/mapper/disk

[ -d $TRACING/events/hybridmirror ] || fail "no tracepoints"
expect 8 "$(find $TRACING/events/hybridmirror -name 'hm_*' | wc -l)" \
	"number of tracepoints"

# place SEQ EVENT: the line of the trace
place()
{
	grep -n " $2: .* seq=$1 " /run/trace | head -n 1 | cut -d : -f 1
}

# in_order SEQ EVENT...: each once, one after the other
in_order()
{
	local seq=$1 event line before=0

	shift
	for event; do
		expect 1 "$(grep -c " $event: .* seq=$seq " /run/trace)" \
			"times $event of update $seq"
		line=$(place "$seq" "$event")
		[ "$line" -gt "$before" ] ||
			fail "$event of update $seq too early: $(cat /run/trace)"
		before=$line
	done
}

mirror_up ack local
echo 1 >$TRACING/events/hybridmirror/enable
: >$TRACING/trace
# the second is of another group, so it waits for the first
write_block 10
write_block 11
write_block 12 fsync
wait_for settled
echo 0 >$TRACING/events/hybridmirror/enable
grep hm_ $TRACING/trace >/run/trace
cat /run/trace

in_order 1 hm_issued hm_sent hm_received hm_started hm_applied hm_durable
in_order 2 hm_issued hm_sent hm_received hm_held hm_started hm_applied \
	hm_durable
in_order 1 hm_issued hm_completed
in_order 2 hm_issued hm_completed
in_order 3 hm_issued hm_completed
# the next of a thread that waits is issued when the first has completed
[ "$(place 1 hm_completed)" -lt "$(place 2 hm_issued)" ] ||
	fail "update 2 before update 1 completed"
[ "$(place 1 hm_applied)" -lt "$(place 2 hm_started)" ] ||
	fail "update 2 started before update 1 was applied"
grep -q 'hm_issued: volume=0 seq=1 group=1 kind=write sector=80 sectors=8' \
	/run/trace || fail "fields of a write"
grep -q 'hm_issued: .* seq=4 .*kind=flush sector=0 sectors=0' /run/trace ||
	fail "fields of a flush"
expect_same /dev/ram0 /dev/ram1
expect_above back held 0
mirror_down
teardown
