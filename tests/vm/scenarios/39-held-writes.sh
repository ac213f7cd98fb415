#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# on_disconnect stall: writes wait for the link, a message, or a time-out
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module peer_timeout_ms=3000
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

expect_held()
{
	wait_above front deferred 0
	sleep 1
	kill -0 "$WRITER" || fail "the write was not held: $(cat /run/writer)"
}

# new_write HOW-THE-WAIT-ENDS ACK
new_write()
{
	note "ack $2: a write is held, and let go by $1"
	module_parameter stall_timeout_ms 600000
	mirror_up ack "$2" on_disconnect stall
	link_down
	wait_status front link connecting
	write_much 1
	expect_held
	"$1"
	write_ends
	link_up
	wait_status front link connected
	write_block 300
	expect_mirrored
	expect_field front unrecorded 0
	mirror_down
}

return_of_link()
{
	link_up
}

release()
{
	dm message front 0 release
}

stall_timeout()
{
	module_parameter stall_timeout_ms 2000
}

# What was in flight when the link died is held as well.
in_flight()
{
	note "a write in flight is held, and let go by $1"
	module_parameter stall_timeout_ms 600000
	mirror_up ack received on_disconnect stall
	link_cut
	write_much 1
	wait_status front link connecting
	sleep 1
	kill -0 "$WRITER" || fail "the write in flight was not held"
	"$1"
	write_ends
	link_up
	wait_status front link connected
	expect_mirrored
	mirror_down
}

never_there()
{
	note "nobody there: on_disconnect stall"
	module_parameter stall_timeout_ms 600000
	make_front on_disconnect stall
	write_much 1
	expect_held
	make_back
	write_ends
	expect_mirrored
	mirror_down
}

new_write return_of_link received
new_write release local
new_write stall_timeout applied
in_flight return_of_link
in_flight release
in_flight stall_timeout
never_there
teardown
