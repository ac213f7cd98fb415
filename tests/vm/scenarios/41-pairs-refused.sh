#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Sides that do not fit, and a second primary, are refused; no data moves
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

# no verdict may depend on how quick the guest is
load_module peer_timeout_ms=600000
hosts_up
ram_disks 3 8

# expect_refused WORDS: both say so, and the backup's disk is untouched
expect_refused()
{
	local before

	before=$(checksum /dev/ram1)
	wait_status front link refused
	write_block 1
	write_block 2
	wait_above back refused 1
	expect_reason front "$1"
	expect_log "not mirroring"
	expect_log "$1"
	expect_field front received 0
	expect_field back received 0
	expect_field back connects 0
	expect "$before" "$(checksum /dev/ram1)" "the backup's disk"
}

# then_fits: only the backup was wrong; with a right one all is sent
then_fits()
{
	dm remove back
	make_back "$@"
	expect_mirrored
	mirror_down
}

note "sizes"
on b dm create back --table "0 8192 hybrid-backup /dev/ram1 - $B4 7000"
make_front
expect_refused "the sizes of the volume differ"
then_fits

note "set names"
make_back set one volume 0
make_front set two
expect_refused "the set names differ"
then_fits set two

make_back
make_front set two
expect_refused "the set names differ"
then_fits set two

note "volume numbers"
make_back set one volume 3
make_front set one volume 2
expect_refused "the volume numbers differ"
then_fits set one volume 2

note "logical blocks"
need_modules loop
truncate -s 8M /dev/shm/large
dd if=/dev/ram0 of=/dev/shm/large bs=1M 2>/dev/null
large=$(losetup --find --show --sector-size 4096 /dev/shm/large)
mk_backup back "$large" "$B4" 7000
make_front
expect_refused "larger logical blocks"
then_fits

# from DEVICE HOST: the first primary is not disturbed
second_primary()
{
	local first=$HOST_P

	note "a second primary, of host $1"
	mirror_up
	load_start
	HOST_P=$1
	mk_primary second /dev/ram2 "$B4" 7000 sync clean
	HOST_P=$first
	wait_status second link refused
	expect_reason second "connected to another primary"
	dd if=/dev/urandom of=/dev/mapper/second bs=4k count=4 oflag=direct \
		2>/dev/null
	expect_field second received 0
	expect_above back refused 0
	expect_log "refused a primary: the backup is connected to another"
	load_goes_on
	expect_field front disconnects 0
	expect_field back disconnects 0
	load_stop
	expect_mirrored

	note "and it does not get in when the first is away"
	dm suspend front
	wait_for "dm status second | grep -q 'different origin'"
	expect_field second connects 0
	dm resume front
	wait_status front link connected
	write_block 5
	expect_mirrored
	dm remove second
	mirror_down
}

second_primary p
second_primary b
teardown
