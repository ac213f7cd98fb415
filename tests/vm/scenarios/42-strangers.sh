#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Strangers at the backup's port: a running mirror is not harmed, none kept out
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

# stranger WORDS...: what it has to say
stranger()
{
	on p hm-forge "$B4" "$PORT" "$@"
}

# hello HOW ANSWER: also after a hello that cannot be understood
hello()
{
	expect "$2" "$(stranger hello "$1")" "answer to a hello ($1)"
}

strangers_come()
{

	note "$1"
	expect closed "$(stranger random 16)" "answer to random bytes"
	expect closed "$(stranger random 4000)" "answer to random bytes"
	hello magic closed
	hello version "version 3 refusal 1"
	expect_log "a stranger at the port (version 4): no protocol version in common"
	expect_log "no protocol version in common: upgrade the older module"
	hello features "version 3 refusal 2"
	hello crc "version 3 refusal 10"
	hello size "version 3 refusal 10"
	hello stranger "version 3 refusal 5"
	hello newer "version 3 refusal 5"
	stranger hold 64 0 >/dev/null
}

strangers_go()
{
	killall hm-forge
	wait
	rm -f /run/held /run/half
}

note "while the mirror runs"
mirror_up
load_start
strangers_come "strangers, mirror connected"
stranger hold 40 600 >/run/held &
wait_for "grep -q held /run/held"
stranger half 600 >/run/half &
wait_for "grep -q held /run/half"
load_goes_on 50
expect_field front disconnects 0
expect_field back disconnects 0
expect_field back protocol_errors 0
expect_above back refused 4

note "the primary comes back past connections that are held"
module_parameter peer_timeout_ms 3000
link_cut
wait_status front link connecting
link_up
wait_status front link connected
load_goes_on
load_stop
strangers_go
expect_mirrored
mirror_down

note "strangers come first, and keep coming"
module_parameter peer_timeout_ms 10000
make_back
strangers_come "strangers, nobody connected"
touch /run/coming
while [ -e /run/coming ]; do
	stranger hold 8 1 >/dev/null
done &
coming=$!
make_front
wait_status front link connected
write_block 1
rm /run/coming
wait $coming
expect_mirrored
mirror_down

note "a connection is held while the backup goes away"
make_back
stranger hold 12 600 >/run/held &
wait_for "grep -q held /run/held"
dm suspend back
dm resume back
dm remove back
strangers_go
teardown
