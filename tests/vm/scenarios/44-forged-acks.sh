#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A backup that claims what it cannot have is left; the application goes on
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module
hosts_up
ram_disks 2 8

# answer HOW WORDS
answer()
{
	note "answer: $1"
	make_front ack received
	on b hm-forge "$B4" "$PORT" answer "$1" >/run/answer &
	forge=$!
	wait_above front protocol_errors 0
	expect_log "$2"
	wait $forge || fail "the forged backup"
	expect closed "$(cat /run/answer)" "end of a bad answer"
	write_block 5
	load_start
	load_goes_on 10
	load_stop
	expect_field front received 0
	dm remove front
	copy_disk
}

note "answer: future"
make_front
on b hm-forge "$B4" "$PORT" answer future >/run/answer &
forge=$!
wait_for 'logged "the backup'"'"'s answer cannot be true"'
wait $forge || fail "the forged backup"
expect closed "$(cat /run/answer)" "end of a bad answer"
write_block 5
expect_field front received 0
# nothing is lost by it: the real one gets all
make_back
expect_mirrored
mirror_down

answer ack "acknowledges what it cannot have"
answer ack-crc "bad acknowledg"
teardown
