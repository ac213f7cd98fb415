#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Writers that overlap each other leave the same on both disks
# racy
#
# Both disks take one request at a time and sort what waits by its place, so
# that overlapping writes which are in flight together change their order.
# smp: 2

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh

# sorting_disk NAME: prints the device
sorting_disk()
{
	null_disk "$1" 4 irqmode=2 completion_nsec=2000000 hw_queue_depth=1 \
		submit_queues=1
}

sort_requests()
{
	echo mq-deadline >"/sys/block/${1#/dev/}/queue/scheduler"
	echo 128 >"/sys/block/${1#/dev/}/queue/nr_requests"
}

# overlapping NAME RW...: each job writes contents of its own
overlapping()
{
	name=$1
	shift
	fio --name="$name" --filename=/dev/mapper/front --rw=randwrite \
		--size=256k --norandommap=1 --random_generator=tausworthe64 \
		--randseed="$(seed)" --ioengine=libaio --iodepth=32 --direct=1 \
		--refill_buffers=1 --minimal "$@" >/dev/null || fail "fio $name"
}

load_module
hosts_up
p_disk=$(sorting_disk pdisk)
b_disk=$(sorting_disk bdisk)
sort_requests "$p_disk"
sort_requests "$b_disk"
slow_region slow "$b_disk" 64 128 50
note "seed $(seed)"

for ordering in completion flush none; do
	note "ordering $ordering"
	mk_backup back /dev/mapper/slow "$B4" 7000
	mk_primary front "$p_disk" "$B4" 7000 sync clean ack local \
		ordering $ordering
	wait_status front link connected
	overlapping blocks --bsrange=4k-64k --blockalign=4k --numjobs=3 \
		--io_size=2m
	overlapping sectors --bsrange=512-64k --blockalign=512 --numjobs=3 \
		--io_size=2m
	dm remove front
	dm remove back
	expect_same "$p_disk" "$b_disk"
	[ "$(checksum "$p_disk")" != \
		"$(head -c 4194304 /dev/zero | sha256sum | cut -d ' ' -f 1)" ] ||
		fail "nothing was written"
done
teardown
