#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A full backlog: falls behind or slows the application, as told, and never else
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

# no verdict may depend on how quick the guest is
load_module peer_timeout_ms=600000
hosts_up
ram_disks 2 8

# write_much MIB: in the background, as WRITER
write_much()
{
	dd if=/dev/urandom of=/dev/mapper/front bs=64k count=$(($1 * 16)) \
		oflag=direct conv=notrunc 2>/run/writer &
	WRITER=$!
}

write_ends()
{
	wait "$WRITER" || fail "the writer: $(cat /run/writer)"
}

slow_link_behind()
{
	note "slow link: on_full behind"
	link_rate 256kbit
	mirror_up ack local backlog 1 on_full behind
	load_start
	wait_status front sync behind
	expect_bounded front
	expect_reason front backlog-full
	load_goes_on 50
	load_stop
	expect_above front unrecorded 0
	expect_above front lag_ms 0
	expect_log "fell behind (backlog-full)"
	link_rate ''
	# what was recorded still goes over in order, then come the regions
	expect_mirrored
	expect_above front copied 0
	mirror_down
}

slow_link_stall()
{
	note "slow link: on_full stall, ack $1"
	# slow even for a guest that is starved
	link_rate 2mbit
	mirror_up ack "$1" backlog 1 on_full stall
	write_much 3
	while kill -0 "$WRITER" 2>/dev/null; do
		expect_bounded front
		sleep 0.2
	done
	write_ends
	# one write at a time that waits to be received never fills it
	[ "$1" = received ] || expect_above front deferred 0
	link_rate ''
	expect_mirrored
	expect_field front unrecorded 0
	mirror_down
}

dead_link_continue()
{
	note "dead link: on_full stall, on_disconnect continue"
	module_parameter peer_timeout_ms 3000
	mirror_up ack local backlog 1 on_full stall on_disconnect continue
	link_cut
	write_much 3
	write_ends
	wait_status front sync behind
	expect_bounded front
	link_up
	expect_mirrored
	expect_above front copied 0
	mirror_down
}

slow_link_behind
slow_link_stall received
slow_link_stall local
dead_link_continue
teardown
