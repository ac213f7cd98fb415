#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A mirror over IPv6: streams, survives a cut, wildcard and link-local addresses
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module peer_timeout_ms=3000
hosts_up
ram_disks 2 8

# streams LISTEN-ADDRESS CONNECT-ADDRESS
streams()
{
	note "listen at $1, connect to $2"
	ADDRESS=$1
	make_back
	ADDRESS=$2
	make_front
	wait_status front link connected
	write_block 1
	write_block 2 fsync
	expect_mirrored
}

streams "$B6" "$B6"
expect "$B6" "$(dm table front | awk '{ print $6 }')" "address in the table"
load_start
link_cut
wait_status front link connecting
load_goes_on
link_up
wait_status front link connected
load_stop
expect_mirrored
expect_above front connects 1
mirror_down

streams :: "$B6"
mirror_down
# a socket for all addresses of IPv6 takes IPv4 as well
streams :: "$B4"
mirror_down
streams 0.0.0.0 "$B4"
mirror_down
wait_for "on b ip -6 address show dev b0 | grep -q 'fe80.*link'"
local_address=$(on b ip -6 address show dev b0 |
	awk '/fe80/ { sub("/.*", "", $2); print $2; exit }')
streams "$B6" "$B6"
mirror_down
streams :: "$local_address%p0"
mirror_down
teardown
