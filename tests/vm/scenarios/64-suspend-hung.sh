#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# To suspend and to remove a primary takes a bounded time: backup hung, cut off, behind; one volume and two
# racy
# takes: 100
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

# The patience of a suspend is 3 s without progress, 12 s in all.
BOUND=40

load_module peer_timeout_ms=600000 stall_timeout_ms=600000
hosts_up
ram_disks 4 8
dm create disk --table "$(linear_table /dev/ram1)"
BACK_DISK=/dev/mapper/disk

# within COMMAND...: in time
within()
{
	local before

	before=$(date +%s)
	"$@"
	[ $(($(date +%s) - before)) -le $BOUND ] ||
		fail "took $(($(date +%s) - before)) s: $*"
}

hang()
{
	dm suspend --noflush --nolockfs disk
}

go_on()
{
	link_up
	[ "$(dm info -c --noheadings -o suspended disk)" = Active ] ||
		dm resume disk
}

# in_flight: a writer whose writes wait for the backup, where they do
in_flight()
{
	dd if=/dev/urandom of=/dev/mapper/front bs=4k count=64 seek=64 \
		oflag=direct conv=notrunc 2>/run/writer &
	WRITER=$!
	sleep 1
}

# suspended WHY ARGUMENT...: with a write in flight, twice, and all arrives
suspended()
{
	local why=$1

	shift
	note "one volume, $*: $why"
	mirror_up "$@"
	"$why"
	in_flight
	within dm suspend front
	within dm resume front
	# it may wait for the backup until that goes on
	write_block 700 &
	last=$!
	sleep 1
	within dm suspend front
	go_on
	dm resume front
	wait "$WRITER" || fail "the writer: $(cat /run/writer)"
	wait "$last" || fail "the last write"
	expect_mirrored
	mirror_down
}

# removed WHY: what the backup lacks is given up
removed()
{
	note "removed: $1"
	mirror_up ack local
	"$1"
	write_block 5
	within dm remove front
	go_on
	dm remove back
	copy_disk
}

# two_volumes WHY ACK: one is suspended while the other is written to
two_volumes()
{
	note "two volumes, ack $2: $1"
	mk_backup back "$BACK_DISK" "$B4" 7000 set s volume 0
	mk_backup back2 /dev/ram3 "$B4" 7000 set s volume 1
	mk_primary front /dev/ram0 "$B4" 7000 sync clean set s volume 0 \
		on_full behind ack local
	mk_primary front2 /dev/ram2 "$B4" 7000 sync clean set s volume 1 \
		on_full behind ack "$2"
	wait_status front link connected
	"$1"
	load_start --rate_iops=40
	load_goes_on 5
	dd if=/dev/urandom of=/dev/mapper/front2 bs=4k count=1 oflag=direct \
		conv=notrunc 2>/run/writer &
	WRITER=$!
	sleep 1
	within dm suspend front2
	within wait "$WRITER"
	load_goes_on 5
	within dm resume front2
	load_goes_on 5
	load_stop
	within dm suspend front
	within dm suspend front2
	go_on
	dm resume front
	dm resume front2
	expect_mirrored
	expect_same /dev/ram2 /dev/ram3
	dm remove front
	dm remove front2
	dm remove back
	dm remove back2
}

suspended hang ack local
suspended hang ack received
suspended hang ack applied
suspended link_cut ack received
suspended link_cut ack applied backlog 1 on_full behind
removed hang
removed link_cut
two_volumes hang local
two_volumes hang applied
two_volumes link_cut received
teardown
