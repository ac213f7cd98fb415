#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The backup is suspended, resumed and reloaded: nobody comes, connected
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module peer_timeout_ms=3000
hosts_up
ram_disks 2 8

quietly()
{
	note "nobody comes"
	make_back
	shake_back
	dm suspend back
	dm remove back
	make_back
	dm remove back
}

connected()
{
	note "connected"
	mirror_up ack "$1"
	load_start
	shake_back
	load_goes_on 5
	shake_back
	wait_status front link connected
	load_goes_on
	load_stop
	expect_mirrored
	mirror_down
}

# The primary is refused in between, and is not told that all is lost.
suspended_for_long()
{
	note "suspended for long"
	mirror_up
	load_start
	dm suspend back
	expect_field back link down
	load_goes_on 50
	expect_field front sync streaming
	dm resume back
	wait_status front link connected
	load_goes_on
	load_stop
	expect_mirrored
	mirror_down
}

quietly
connected received
connected applied
suspended_for_long
teardown
