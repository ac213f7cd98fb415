#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Each allocation of each operation fails once, and under load any of the module's: a clear refusal or none, no leak, equal disks
# kernels: debug
# takes: 200
# (Linux tells of slab caches that cannot be made, and loses their names. The
# checkers say more than "Call Trace", and each leak is looked at.)
# allow: Call Trace
# allow: sysfs_slab_add
# allow: kmemleak: \d+ new
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

FAULTS=/sys/kernel/debug
UNSPENT=99

# set_faults NAME VALUE: for both kinds of allocation
set_faults()
{
	echo "$2" >"$FAULTS/failslab/$1"
	echo "$2" >"$FAULTS/fail_page_alloc/$1"
}

# each_fails UNDO DM-COMMAND...: with one of its allocations failing, each of the
# first ones and ever fewer of the later ones. UNDO is what takes back a success.
each_fails()
{
	local undo=$1 nth=0 rc

	shift
	refused=0
	while :; do
		nth=$((nth + 1 + nth / 16)) rc=0
		HM_FAIL_NTH=$nth "$@" >/dev/null 2>&1 || rc=$?
		case $rc in
		0) $undo ;;
		"$UNSPENT") break ;;
		*) refused=$((refused + 1)) ;;
		esac
	done
	note "$2: less than $nth allocations, refused $refused times"
}

# created ROLE HOST [ARGUMENT...]
created()
{
	local role=$1 name=$2 table

	table=$(pair_table "$@")
	where "$name"
	note "create $role $name"
	each_fails "dm remove $name" on "$host" dm create "$name" \
		--table "$table"
	[ $refused -gt 0 ] || fail "nothing was injected"
}

# loaded ROLE HOST [ARGUMENT...]: and takes the place of the one before
loaded()
{
	local role=$1 name=$2 table

	table=$(pair_table "$@")
	where "$name"
	note "load $role $name"
	each_fails true on "$host" dm load "$name" --table "$table"
	each_fails "dm resume $name" dm suspend "$name"
	each_fails "dm suspend $name" dm resume "$name"
}

# The module's allocations fail now and then, in all its threads.
module_faults()
{
	local start size

	start=$(cat /sys/module/dm_hybridmirror/sections/.text)
	size=$(awk '$1 == "dm_hybridmirror" { print $2 }' /proc/modules)
	set_faults require-start "$start"
	set_faults require-end "$(printf '0x%s%08x' "${start%????????}" \
		$((0x${start#??????????} + size)) | sed 's/^0x0x/0x/')"
	set_faults stacktrace-depth 32
	set_faults times -1
	set_faults probability "$1"
}

load_module peer_timeout_ms=2000
hosts_up
pair_disks 8
set_faults verbose 0
set_faults ignore-gfp-wait N
echo 0 >"$FAULTS/fail_page_alloc/min-order"

created backup b
created primary a sync clean
wait_for "in_step a"
noise a 0 20
pair_equal a
loaded primary a
loaded backup b
wait_for "in_step a"
noise a 100 20
for host in a b; do
	each_fails true dm status $host
	each_fails true dm table $host
done
each_fails true dm message a 0 copy rate 0
each_fails true dm message a 0 resume
pair_equal a

for chance in 1 5 20; do
	note "under load, $chance % fail"
	module_faults $chance
	fio --name=load --filename=/dev/mapper/a --rw=randwrite --bs=4k \
		--size=8m --io_size=2m --ioengine=libaio --iodepth=16 \
		--direct=1 --fsync=16 --minimal >/dev/null || fail "fio" &
	load=$!
	sleep 1
	link_cut
	sleep 3
	link_up
	wait "$load" || fail "the load"
	set_faults probability 0
	pair_equal a
done
pair_down
teardown
