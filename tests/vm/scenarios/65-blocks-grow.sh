#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The backup's disk has larger blocks: refused, until the primary's table is loaded again and adopts them
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module
hosts_up
ram_disks 1 8
need_modules loop
truncate -s 8M /dev/shm/large
BACK_DISK=$(losetup --find --show --sector-size 4096 /dev/shm/large)

# write_bytes BYTES: not past the page cache if they are less than a block
write_bytes()
{
	fio --name=one --filename=/dev/mapper/front --thread --rw=write \
		--bs="$1" --size="$1" --offset=40960 --direct=1 \
		>/run/fio 2>&1
}

note "what was recorded before is too small for it: copied"
make_front
write_bytes 512
make_back
wait_status front link refused
expect_reason front "larger logical blocks"
expect 512 "$(blockdev --getss /dev/mapper/front)" "the block size"
reload_front
expect 4096 "$(blockdev --getss /dev/mapper/front)" "the block size"
wait_status front link connected
expect_log "blocks are larger than what was recorded"
expect_mirrored
expect_above front copied 0

note "from now on it takes what fits both"
refuse write_bytes 512
write_bytes 4096
expect_mirrored
mirror_down

note "nothing recorded: nothing is copied"
make_back
make_front
wait_status front link refused
reload_front
wait_status front link connected
write_bytes 4096
expect_mirrored
expect_field front copied 0
mirror_down
teardown
