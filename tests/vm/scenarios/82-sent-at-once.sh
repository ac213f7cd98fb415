#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Where somebody waits for the backup, whoever writes sends; what a socket takes only in part, the sender goes on with, also if the link is cut in the middle
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

COUNT=200

# sender_ran: how often the sender of the primary gave up the processor
sender_ran()
{
	local comm

	for comm in /proc/[0-9]*/comm; do
		case $(cat "$comm" 2>/dev/null) in
		hm_tx/*)
			awk '/^voluntary/ { print $2 }' "${comm%/comm}/status"
			;;
		esac
	done
}

# writes BYTES: COUNT of them, each after the end of the one before
writes()
{
	dd if=/dev/urandom of=/dev/mapper/front bs="$1" count=$COUNT \
		oflag=direct conv=notrunc 2>/dev/null
}

load_module peer_timeout_ms=2000
hosts_up
ram_disks 2 32

for ack in received applied; do
	note "ack $ack: the sender has nothing to do"
	mirror_up ack $ack
	# signs of life, one in a second
	RUNS=$(sender_ran)
	writes 16k
	RUNS=$(($(sender_ran) - RUNS))
	[ "$RUNS" -lt $((COUNT / 2)) ] || fail "the sender ran $RUNS times"
	note "it ran $RUNS times for $COUNT writes"
	expect_mirrored
	mirror_down
done

note "ack local: it sends"
mirror_up ack local
writes 16k
expect_mirrored
mirror_down

note "a socket that is soon full: the sender has the rest"
on "$HOST_P" sysctl -q -w net.ipv4.tcp_wmem="4096 4096 4096"
link_delay 2
mirror_up ack received
load_start --rate_iops=0 --iodepth=16 --bsrange=4k-16k --size=24m
RUNS=$(sender_ran)
load_goes_on $COUNT
RUNS=$(($(sender_ran) - RUNS))
[ "$RUNS" -ge $((COUNT / 4)) ] || fail "the sender ran only $RUNS times"
note "it ran $RUNS times for $COUNT writes"

for cut in link_down link_cut; do
	note "$cut in the middle"
	for _ in 1 2 3 4; do
		$cut
		wait_status front link connecting
		load_goes_on 5
		link_up
		wait_status front link connected
		load_goes_on 50
	done
done
load_stop
expect_mirrored
mirror_down
teardown
