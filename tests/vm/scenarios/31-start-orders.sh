#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Either side may start first, and the backup late and under load: equal after
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module
hosts_up
ram_disks 2 8

primary_first()
{
	note "primary first"
	make_front
	write_block 3
	write_block 1000
	write_block 3 fsync
	expect_field front received 0
	make_back
	expect_mirrored
	mirror_down
}

backup_first()
{
	note "backup first"
	make_back
	wait_status back link listening
	make_front
	write_block 7
	wait_status front link connected
	write_block 8
	expect_mirrored
	mirror_down
}

backup_late()
{
	note "backup late, ack $1"
	make_front ack "$1"
	load_start
	load_goes_on 100
	make_back
	wait_status front link connected
	load_goes_on 20
	load_stop
	expect_mirrored
	expect_field front connects 1
	mirror_down
}

backup_returns()
{
	note "backup created anew, without metadata: it knows nothing any more"
	mirror_up
	write_block 20
	wait_for settled
	dm remove back
	wait_status front link connecting
	write_block 21
	make_back
	write_block 22
	expect_mirrored
	expect "$(($(sectors /dev/ram0) * 512))" "$(status_field front copied)" \
		"bytes copied"
	expect_field front unrecorded 0
	mirror_down
}

primary_first
backup_first
backup_late received
backup_late local
backup_returns
teardown
