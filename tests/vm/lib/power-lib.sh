# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Power cuts of the hosts of pair-lib.sh, in one guest; after stamp-lib.sh.
#
# What a host writes, data and metadata, passes one gate. Closed, it loses all
# that comes later without a word, so that the disk keeps one instant; and the
# module forgets the host when its device is removed.
# shellcheck disable=SC2034,SC2154 # some variables are for others, or theirs

A_DISK=/dev/mapper/a-data A_META=/dev/mapper/a-meta
B_DISK=/dev/mapper/b-data B_META=/dev/mapper/b-meta

gate_device()
{
	case $1 in
	a) echo /dev/ram0 ;;
	b) echo /dev/ram1 ;;
	esac
}

# host_disk HOST MIB MIB: of its data and its metadata
host_disk()
{
	local data=$(($2 * 2048)) meta=$(($3 * 2048)) device

	device=$(gate_device "$1")
	dm create "gate-$1" --table "$(linear_table "$device")"
	dm create "$1-data" --table "0 $data linear /dev/mapper/gate-$1 0"
	dm create "$1-meta" --table "0 $meta linear /dev/mapper/gate-$1 $data"
}

# power_disks MIB [MIB]: of the data, and of the metadata (2)
power_disks()
{
	need_modules dm-zero
	ram_disks 2 $(($1 + ${2:-2}))
	host_disk a "$1" "${2:-2}"
	host_disk b "$1" "${2:-2}"
}

power_disks_gone()
{
	local host

	for host in a b; do
		dm remove "$host-data"
		dm remove "$host-meta"
		dm remove "gate-$host"
	done
}

# power_off HOST: from now on nothing reaches its disks, and it says no more; its
# peer must not hear that something is durable which the gate has lost
power_off()
{
	link_down
	swap_table "gate-$1" "0 $(sectors "/dev/mapper/gate-$1") zero" \
		--noflush --nolockfs
}

# gone HOST: the module forgets it, the disks are as the cut left them
gone()
{
	dm remove "$1"
	swap_table "gate-$1" "$(linear_table "$(gate_device "$1")")" \
		--noflush --nolockfs
	where "$1"
	uncache "$disk" "$meta"
}

# dice SIDES: from 0, as the seed says
dice()
{
	awk -v seed="$((SEED * 31 + ROUND))" -v n="$1" \
		'BEGIN { srand(seed); rand(); print int(rand() * n) }'
}

app_dies()
{
	kill -KILL "$STAMP"
	wait "$STAMP" 2>/dev/null || true
}

# good_cut HOST [OPTION...]
good_cut()
{
	where "$1"
	shift
	uncache "$disk"
	stamp_check --foreign-ok "$@" "$disk"
}
