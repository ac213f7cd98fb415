# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Two hosts, a and b, each with a disk and a metadata device, each of which can
# be the primary or the backup. For scenarios that sourced guest-lib.sh and
# mirror-lib.sh first.
# shellcheck disable=SC2034 # the variables are for some

A_DISK=/dev/ram0 B_DISK=/dev/ram1 A_META=/dev/ram2 B_META=/dev/ram3
PAIR_PORT=7000

# pair_disks MIB: equal and blank
pair_disks()
{
	ram_disks 4 "$1"
}

# where HOST: sets host disk meta own peer
where()
{
	case $1 in
	a) host=$HOST_P disk=$A_DISK meta=$A_META own=$P4 peer=$B4 ;;
	b) host=$HOST_B disk=$B_DISK meta=$B_META own=$B4 peer=$P4 ;;
	esac
}

# pair_table ROLE HOST [ARGUMENT...]
pair_table()
{
	local role=$1

	where "$2"
	shift 2
	case $role in
	primary)
		echo "0 $(sectors "$disk") hybridmirror $disk $meta $peer" \
			"$PAIR_PORT${1:+ $# $*}"
		;;
	backup)
		echo "0 $(sectors "$disk") hybrid-backup $disk $meta $own" \
			"$PAIR_PORT${1:+ $# $*}"
		;;
	esac
}

# become ROLE HOST [ARGUMENT...]: created, or loaded in place of what it was
become()
{
	local table

	where "$2"
	table=$(pair_table "$@")
	if [ -b "/dev/mapper/$2" ]; then
		on "$host" dm load "$2" --table "$table" &&
			dm suspend "$2" && dm resume "$2"
	else
		on "$host" dm create "$2" --table "$table"
	fi
}

# noise HOST BLOCK COUNT: blocks of 4 KiB
noise()
{
	dd if=/dev/urandom of="/dev/mapper/$1" bs=4k seek="$2" count="$3" \
		oflag=direct conv=notrunc 2>/dev/null
}

# in_step HOST: all that it, the primary, ever wrote is durable on the backup
in_step()
{
	# shellcheck disable=SC2046 # a word for each field
	set -- $(hm-status "$1" link sync unsynced seq durable)
	[ "$1 $2 $3" = "connected streaming 0" ] && [ "$4" = "$5" ]
}

# disk_follows BACKUP: its log is performed, if it has one
disk_follows()
{
	if [ "$(status_field "$1" order)" = log ]; then
		dm suspend "$1"
		dm resume "$1"
	fi
}

# pair_equal PRIMARY: in step, and the same on both disks
pair_equal()
{
	wait_for "in_step $1"
	case $1 in
	a) disk_follows b ;;
	b) disk_follows a ;;
	esac
	wait_for "in_step $1"
	uncache "$A_DISK"
	uncache "$B_DISK"
	expect_same "$A_DISK" "$B_DISK"
}

pair_down()
{
	dm remove a
	dm remove b
}
