#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Writeback through the mirror with hardly any memory left and a slow link
# kernels: 6.1 6.12
# mem: 256
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

LEFT=28	# MiB that the filler leaves

# no verdict may depend on how quick the guest is
load_module peer_timeout_ms=600000
hosts_up
ram_disks 2 20
# ram disks take their memory when they are written
for disk in /dev/ram0 /dev/ram1; do
	dd if=/dev/zero of=$disk bs=1M oflag=direct 2>/dev/null || true
done

available()
{
	awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo
}

fill_memory()
{
	local step

	mkdir -p /run/filler
	mount -t tmpfs -o size=100% none /run/filler
	for step in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(available)" -gt "$LEFT" ] || break
		dd if=/dev/zero of="/run/filler/$step" bs=1M \
			count=$(($(available) - LEFT)) 2>/dev/null || true
	done
	note "available: $(available) MiB"
}

# within NAME FIELD: used/limit
within()
{
	dm status "$1" | awk -v field="$2" '
		{ for (i = 4; i < NF; i += 2) if ($i == field) {
			split($(i + 1), m, "/"); exit !(m[1] <= m[2]) } }'
}

# The limits hold all the time, as far as somebody looks.
watch_limits()
{
	while [ -e /run/watch ]; do
		within front backlog || dm status front >>/run/exceeded
		within back memory || dm status back >>/run/exceeded
		sleep 0.2
	done
}

churn()
{
	local round

	for round in 1 2 3; do
		dd if=/dev/zero of="/mnt/front/a$round" bs=256k count=12 \
			2>/dev/null
		dd if=/dev/urandom of="/mnt/front/b$round" bs=4k count=256 \
			conv=fsync 2>/dev/null
		rm -f "/mnt/front/a$((round - 1))"
		sync
	done
}

under_pressure()
{
	note "$*"
	make_back backlog 2
	make_front backlog 2 "$@"
	wait_status front link connected
	mke2fs -q -t ext4 /dev/mapper/front
	mkdir -p /mnt/front
	mount /dev/mapper/front /mnt/front
	touch /run/watch
	watch_limits &
	watcher=$!
	link_rate 40mbit
	fill_memory
	churn
	rm /run/watch
	wait $watcher
	umount /mnt/front
	umount /run/filler
	link_rate ''
	[ ! -e /run/exceeded ] || fail "limit exceeded: $(cat /run/exceeded)"
	! dmesg | grep -E 'oom-kill|Out of memory|allocation failure' ||
		fail "out of memory"
}

under_pressure ack received on_full stall
expect_mirrored
mirror_down
under_pressure ack local on_full stall
expect_mirrored
mirror_down
# the application never waits for the network: it may fall behind
under_pressure ack local on_full behind
wait_for settled
dm status front
mirror_down
teardown
