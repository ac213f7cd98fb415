#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A forged peer breaks the protocol: nothing is applied, the real one returns
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module
hosts_up
ram_disks 2 8

# record HOW WORDS: while the primary is silent; the log says what is wrong
record()
{
	local errors received

	note "record: $1"
	# the log takes ten such lines in five seconds
	sleep 0.6
	dm suspend front
	errors=$(status_field back protocol_errors)
	received=$(status_field back received)
	expect closed "$(on p hm-forge "$B4" "$PORT" record "$1" /run/hello)" \
		"answer to a bad record"
	wait_above back protocol_errors "$errors"
	expect_field back protocol_errors "$((errors + 1))"
	expect_field back received "$received"
	expect_field back applied "$received"
	expect_reason back "broke the protocol"
	dmesg | grep 'sent a bad record' | tail -n 1 | grep -qF "$2" ||
		fail "not '$2' but: $(dmesg | tail -n 3)"
	dm resume front
	wait_status front link connected
	write_block 1
}

note "a forged primary"
mirror_up
# more than one group, so that one is over
write_block 1
write_block 2
write_block 3
wait_for settled
# the name of its stream is all that makes a primary the backup's
dm suspend back
expect learned "$(on b hm-forge "$B4" "$PORT" learn /run/hello)" \
	"what comes of listening"
dm resume back
wait_status front link connected
record header-crc "the checksum does not fit"
record payload-crc "the payload's checksum is wrong"
record session "it belongs to another connection"
record gap "not the next in sequence"
record again "not the next in sequence"
record group "of a group that is over"
record range "a range that the volume cannot have"
record wrap "a range that the volume cannot have"
record volume "no such volume"
record oversize "a range that the volume cannot have"
record length "the payload does not fit the range"
record kind "unknown kind"
record reserved "reserved bytes or unknown flags"
record no-start "an update before the start"
record start "it does not begin where we are"
# the forged ones were for sector 0, where the primary has not written
expect_mirrored

note "a forged primary while the real one is at work"
load_start
for how in gap payload-crc group; do
	on p hm-forge "$B4" "$PORT" record $how /run/hello || true
	wait_status front link connected
	load_goes_on
done
load_stop
expect_mirrored
expect_field front protocol_errors 0
mirror_down

# answer HOW WORDS: instead of a backup; the primary goes on alone
answer()
{
	note "answer: $1"
	make_front ack received
	on b hm-forge "$B4" "$PORT" answer "$1" >/run/answer &
	forge=$!
	write_block 5
	until logged "$2"; do
		sleep 0.2
	done
	wait $forge || fail "the forged backup"
	expect closed "$(cat /run/answer)" "end of a bad answer"
	load_start
	load_goes_on 10
	load_stop
	expect_field front applied 0
	make_back
	expect_mirrored
	mirror_down
}

note "a forged backup"
answer version "speaks version 4 of another protocol"
answer random "it does not speak this protocol"
answer stream "the backup's answer cannot be true"
teardown
