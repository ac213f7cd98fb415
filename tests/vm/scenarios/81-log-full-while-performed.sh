#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# While a slow disk performs what was staged, the log fills up: writes wait for room, nothing is suspended or lost, and a backup that is loaded anew in the middle has all of it
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

# One batch of the log after the other, milliseconds for each
SLOW=150
# 4 KiB blocks: nearly 16 MiB, and two thirds of the log
MOST=4000

# disk_takes MS: for each write
disk_takes()
{
	swap_table disk "0 $(sectors /dev/ram1) delay /dev/ram1 0 0 /dev/ram1 0 $1"
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

# begin COUNT: a staged resync of so many blocks, and a slow disk
begin()
{
	PERFORMED=$(performed) || true
	slow_resync 0 "$1"
	disk_takes $SLOW
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
	disk_takes 0
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

# disk_ends_at MIB: it is slow, and refuses what lies behind that
disk_ends_at()
{
	swap_table disk "0 $(($1 * 2048)) delay /dev/ram1 0 0 /dev/ram1 0 $SLOW
$(($1 * 2048)) $(($(sectors /dev/ram1) - $1 * 2048)) error"
}

load_module peer_timeout_ms=2000
need_modules dm-delay
hosts_up
staged_pair_up

note "what fits is adopted; then the log fills up"
begin $MOST
dm message a 0 copy rate 0
wait_for adopted
fill 0 4 8
expect_full
expect_field b state consistent
expect_performed

note "likewise, and the disk refuses that: the backup that is loaded anew has all of it"
begin $MOST
dm message a 0 copy rate 0
wait_for adopted
fill 0 4 8
expect_full
swap_table disk "$(error_table /dev/ram1)"
wait_status b apply suspended
dm remove b
disk_takes 0
become backup b
expect_field b state consistent
expect_performed

note "it does not fit: full from the first, and inconsistent until all is there"
begin $MOST
fill 0 4 8 0 4 8
wait_status b state inconsistent
expect_full
expect_log "does not fit the log"
expect_field b resync direct
expect_performed

note "the disk performs what was staged, and refuses what came after it"
begin $MOST
disk_ends_at 16
dm message a 0 copy rate 0
wait_for adopted
# what the disk refuses is not written again
fill 16 20 12
expect_full
wait_status b apply suspended
[ "$(performed)" -gt "$PERFORMED" ] || fail "what was staged was refused"
dm remove b
disk_takes 0
become backup b
expect_field b state consistent
expect_performed
staged_pair_down
teardown
