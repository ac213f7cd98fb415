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

# fio_verify NAME RW BLOCK DEPTH SIZE
fio_verify()
{
	fio --name="$1" --filename=/dev/mapper/front --rw="$2" --bs="$3" \
		--size="$5" --io_size="$5" --ioengine=libaio --iodepth="$4" \
		--direct=1 --verify=crc32c --minimal >/dev/null ||
		fail "fio $*"
}

for ack in received local applied; do
	for ordering in completion flush none; do
		note "ack $ack ordering $ordering"
		mirror ack $ack ordering $ordering
		fio_verify rand randwrite 4k 16 512k
		fio_verify large write 256k 4 4m
		fio_verify mixed randwrite 512-64k 8 1m
		dm status front
		dm status back
		unmirror
		expect_same /dev/ram0 /dev/ram1
	done
done
teardown
