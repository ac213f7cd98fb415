#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every ack and ordering mirrors: fio verifies the primary, both disks end equal
# racy
# timeout: 1800

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh

load_module
hosts_up
ram_disks 2 32

mirror()
{
	mk_backup back /dev/ram1 "$B4" 7000
	mk_primary front /dev/ram0 "$B4" 7000 sync clean "$@"
	wait_status front link connected
}

unmirror()
{
	dm remove front
	dm remove back
}

# Three jobs, one after the other
fio_verify()
{
	fio --filename=/dev/mapper/front --ioengine=libaio --direct=1 \
		--verify=crc32c --minimal \
		--name=small --rw=randwrite --bs=4k --size=512k --iodepth=16 \
		--name=large --stonewall --rw=write --bs=256k --size=4m \
		--iodepth=4 \
		--name=mixed --stonewall --rw=randwrite --bsrange=512-64k \
		--size=1m --iodepth=8 >/dev/null || fail "fio"
}

for ack in received local applied; do
	for ordering in completion flush none; do
		note "ack $ack ordering $ordering"
		mirror ack $ack ordering $ordering
		fio_verify
		dm status front
		dm status back
		unmirror
		expect_same /dev/ram0 /dev/ram1
	done
done
teardown
