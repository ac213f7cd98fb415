#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The helpers for one guest work: hosts and their link, disks, tables, fio
# module: no
# smp: 2

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh

reachable()
{
	on p ping -q -c 1 -W 5 "$1" >/dev/null
}

expect 2 "$(nproc)" "number of processors"
hosts_up
reachable "$B4" || fail "no IPv4"
reachable "$B6" || fail "no IPv6"
link_delay 20
reachable "$B4" || fail "no IPv4 over a slow link"
link_cut
refuse reachable "$B4"
link_up
reachable "$B4" || fail "no IPv4 after a silent cut"
link_down
refuse reachable "$B4"
link_up
wait_for "reachable $B4"
wait_for "reachable $B6"

need_modules dm-mod
ram_disks 2 16
loop=$(loop_disk loop 16)
swap_tables()
{
	dm create linear --table "$(linear_table /dev/ram0)"
	swap_table linear "$(error_table /dev/ram0)"
	refuse dd if=/dev/mapper/linear of=/dev/null bs=4k count=1
	swap_table linear "$(linear_table /dev/ram0)"
}
swap_tables
delay_disk delayed "$loop" 0 2
log_writes_disk logged /dev/mapper/delayed /dev/ram1

fio --name=verify --filename=/dev/mapper/linear --rw=randwrite --bs=4k \
	--size=8m --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c \
	--minimal >/dev/null
dd if=/dev/mapper/linear of=/dev/mapper/logged bs=1M oflag=direct 2>/dev/null
expect_same /dev/ram0 "$loop"
expect "$(checksum /dev/ram0)" "$(checksum "$loop")" "checksum"

mke2fs -q -t ext4 /dev/mapper/linear
mkdir -p /mnt/linear
mount /dev/mapper/linear /mnt/linear
sqlite3 /mnt/linear/db 'create table t(n); insert into t values(7);'
expect 7 "$(sqlite3 /mnt/linear/db 'select n from t')" "what sqlite keeps"

teardown
expect "No devices found" "$(dm ls)" "list of devices"
