#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# While a disk takes its time to perform what was staged, the log fills up: writes wait for room, nothing is suspended or lost, and a backup that is loaded anew has all of it
# kernels: 6.12 debug
# racy
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh
# shellcheck source=tests/vm/lib/stage-lib.sh
. /hm/stage-lib.sh

# 4 KiB blocks: nearly 16 MiB, and two thirds of the log
MOST=4000

# disk_answers [TABLE]: what it was sent meanwhile, and from now on
disk_answers()
{
	dm load disk --table "${1:-$(linear_table /dev/ram1)}"
	dm resume disk
}

# log_left: bytes of the backup's log that are not used
log_left()
{
	local used size

	IFS=/ read -r used size <<-EOF
		$(status_field b log)
	EOF
	echo $((size - used))
}

log_is_full()
{
	[ "$(log_left)" -lt $((1 << 20)) ]
}

# performed: how often a log has been performed
performed()
{
	dmesg | grep -c 'performed .* updates of the log'
}

# begin: a staged resync, and a disk that does not answer
begin()
{
	PERFORMED=$(performed) || true
	slow_resync 0 $MOST
	dm suspend --noflush --nolockfs disk
}

# expect_full: with what is not yet performed
expect_full()
{
	wait_for log_is_full
	expect "$PERFORMED" "$(performed)" "logs performed"
	expect_field b apply running
}

# expect_performed: and all that had to wait for it is here
expect_performed()
{
	wait "$FILLER" || fail "a write failed"
	all_there
	[ "$(performed)" -gt "$PERFORMED" ] || fail "no log was performed"
}

# fill FIRST...: 4 MiB from each of these MiB on, more than the log has room for, in
# the background
fill()
{
	for first in "$@"; do
		dd if=/dev/urandom of=/dev/mapper/a bs=256k oflag=direct \
			seek=$((first * 4)) count=16 conv=notrunc 2>/dev/null
	done &
	FILLER=$!
}

# ends_at MIB: a table that refuses what lies behind
ends_at()
{
	echo "0 $(($1 * 2048)) linear /dev/ram1 0"
	echo "$(($1 * 2048)) $(($(sectors /dev/ram1) - $1 * 2048)) error"
}

load_module peer_timeout_ms=2000
hosts_up
staged_pair_up

note "what fits is adopted; then the log fills up"
begin
dm message a 0 copy rate 0
wait_for adopted
fill 0 4 8
expect_full
expect_field b state consistent
disk_answers
expect_performed

note "likewise, and the disk refuses that: the backup that is loaded anew has all of it"
begin
dm message a 0 copy rate 0
wait_for adopted
fill 0 4 8
expect_full
disk_answers "$(error_table /dev/ram1)"
wait_status b apply suspended
dm remove b
swap_table disk "$(linear_table /dev/ram1)"
become backup b
expect_field b state consistent
expect_performed

note "it does not fit: full from the first, and inconsistent until all is there"
begin
fill 0 4 8 0 4 8
wait_status b state inconsistent
expect_full
expect_log "does not fit the log"
expect_field b resync direct
disk_answers
expect_performed

note "the disk performs what was staged, and refuses what came after it"
begin
dm message a 0 copy rate 0
wait_for adopted
# what the disk refuses is not written again
fill 16 20 12
expect_full
disk_answers "$(ends_at 16)"
wait_status b apply suspended
[ "$(performed)" -gt "$PERFORMED" ] || fail "what was staged was refused"
dm remove b
swap_table disk "$(linear_table /dev/ram1)"
become backup b
expect_field b state consistent
expect_performed
staged_pair_down
teardown
