#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Discards and zeroes: both sides read the same, whatever their disks can do

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh

load_module
hosts_up
ram_disks 2 8

FRONT=/dev/mapper/front
MIB=1048576

# fill: random data everywhere
fill()
{
	dd if=/dev/urandom of=$FRONT bs=1M count=8 oflag=direct 2>/dev/null
}

# zeroes FIRST LENGTH: that part of the mirror reads as zeroes
zeroes()
{
	uncache $FRONT
	dd if=$FRONT bs=512 skip=$(($1 / 512)) count=$(($2 / 512)) 2>/dev/null |
		cmp -n "$2" - /dev/zero || fail "bytes $1+$2 are not zeroes"
}

# not_zero FIRST
not_zero()
{
	! dd if=$FRONT bs=512 skip=$(($1 / 512)) count=1 2>/dev/null |
		cmp -s -n 512 - /dev/zero || fail "byte $1 is zero"
}

# each RANGE...: "first length"; every one is zeroed by the command line $DO
each()
{
	for range; do
		fill
		first=${range% *} length=${range#* }
		$DO --offset "$first" --length "$length" $FRONT ||
			fail "$DO $range"
		zeroes "$first" "$length"
		not_zero $((first - 512))
		not_zero $((first + length))
	done
}

# Writers and discards on the same blocks at the same time
mixed()
{
	fill
	fio --filename=$FRONT --size=2m --direct=1 --minimal \
		--randseed="$(seed)" --norandommap=1 --refill_buffers=1 \
		--name=trim --rw=randtrim --bsrange=4k-512k --blockalign=4k \
		--ioengine=psync --io_size=4m \
		--name=write --rw=randwrite --bsrange=4k-64k --blockalign=4k \
		--ioengine=libaio --iodepth=16 --io_size=4m --numjobs=2 \
		>/dev/null || fail "fio"
}

# disk KIND NAME NUMBER: a new one each time; loop learns what it cannot do
disk()
{
	case $1 in
	loop)
		rm -f "/dev/shm/$2"
		loop_disk "$2" 8
		;;
	ram)
		blank "/dev/ram$3"
		echo "/dev/ram$3"
		;;
	esac
}

# pair PRIMARY BACKUP: kinds of disks; a loop can discard, a ram disk cannot
pair()
{
	note "primary $1, backup $2"
	p_disk=$(disk "$1" primary 0)
	b_disk=$(disk "$2" backup 1)
	mk_backup back "$b_disk" "$B4" 7000
	mk_primary front "$p_disk" "$B4" 7000 sync clean
	wait_status front link connected
	if [ "$1" = loop ]; then
		DO=blkdiscard
		each "4096 4096" "1044480 8192" "$((MIB / 2 + 512)) $((5 * MIB))"
		mixed
	else
		refuse blkdiscard $FRONT
	fi
	DO="blkdiscard --zeroout"
	each "512 512" "1048064 1024" "$((MIB / 2)) $((5 * MIB))"
	dm remove front
	dm remove back
	expect_same "$p_disk" "$b_disk"
	losetup --detach-all
}

pair loop ram
pair loop loop
pair ram loop
pair ram ram
teardown
