# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Helpers for scenarios, for the shell of a guest.
#
# A scenario is one guest. It may split the guest into two hosts, "p" and "b":
# network namespaces with a cable (veth) between them. A target's sockets belong
# to the namespace of the dmsetup which loads its table.

# shellcheck disable=SC2034 # for the scenarios
P4=10.77.0.1 B4=10.77.0.2 P6=fd77::1 B6=fd77::2

# Namespaces that mk_primary and mk_backup work in; empty: the guest's own
HOST_P='' HOST_B=''

LINK_DELAY='' LINK_RATE='' LINK_LOSS=''

SKIPPED=77

# ---- verdicts and messages ----

note()
{
	echo "# $*"
}

fail()
{
	echo "FAIL: $*"
	exit 1
}

skip()
{
	echo "SKIP: $*"
	exit "$SKIPPED"
}

# expect WANT HAVE WHAT
expect()
{
	[ "$1" = "$2" ] || fail "$3 is '$2', expected '$1'"
}

# The command must fail.
refuse()
{
	! "$@" || fail "should have failed: $*"
}

# A number that is the same whenever a run is repeated with HM_SEED
seed()
{
	sed -n 's/.*hm\.seed=\([0-9]*\).*/\1/p' /proc/cmdline
}

# rounds NUMBER: so many, but a third on a kernel that checks itself: each takes
# ten times as long there, and it does not look for what happens rarely
rounds()
{
	if grep -q 'hm\.checks' /proc/cmdline; then
		echo $((($1 + 2) / 3))
	else
		echo "$1"
	fi
}

# wait_for COMMAND [SECONDS]: poll until the command line succeeds. The limit
# only ends what would never end.
wait_for()
{
	local left=$((${2:-300} * 10))

	until eval "$1"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || fail "waited in vain for: $1"
		sleep 0.1
	done
}

# ---- kernel modules ----

# Load modules, of which the kernel may have some built in.
need_modules()
{
	local module

	for module; do
		modprobe -q "$module" || true
	done
}

# load_module [PARAMETER=VALUE...]
# shellcheck disable=SC2120 # and mostly without
load_module()
{
	need_modules dm-mod dm-bufio libcrc32c crc32c
	insmod /hm/dm-hybridmirror.ko "$@" || fail "insmod"
	watch_races
}

# The kernel has races of its own, which it knows and lives with: from now on
# report those between two functions of the module.
watch_races()
{
	local control=/sys/kernel/debug/kcsan word

	[ -e "$control" ] || return 0
	echo whitelist >"$control"
	awk '$4 == "[dm_hybridmirror]" && tolower($2) == "t" && $3 !~ /^__/ {
		print "!" $3
	}' /proc/kallsyms | while read -r word; do
		echo "$word" >"$control"
	done
	echo on >"$control"
}

# ---- hosts and their link ----

# on HOST COMMAND...: with HOST empty, just the command
on()
{
	local host=$1

	shift
	if [ -n "$host" ]; then
		hm-on "$host" "$@"
	else
		"$@"
	fi
}

# quick_ip HOST ARGUMENT...: what busybox can, it can without loading libraries
quick_ip()
{
	local host=$1

	shift
	on "$host" busybox ip "$@"
}

# host_up HOST IPV4 IPV6
host_up()
{
	# or a link that goes down takes the IPv6 address along
	echo 1 | on "$1" tee /proc/sys/net/ipv6/conf/all/keep_addr_on_down \
		>/dev/null
	on "$1" ip -batch - <<-END
		address add $2/24 dev ${1}0
		address add $3/64 dev ${1}0 nodad
		link set lo up
		link set ${1}0 up
	END
}

hosts_up()
{
	need_modules veth sch_netem
	ip -batch - <<-END
		netns add p
		netns add b
		link add p0 type veth peer name b0
		link set p0 netns p
		link set b0 netns b
	END
	host_up p "$P4" "$P6"
	host_up b "$B4" "$B6"
	HOST_P=p HOST_B=b
	wait_for "on p ping -q -c 1 -W 5 $B4 >/dev/null" 60
}

# The cable is pulled: both ends lose their carrier.
link_down()
{
	quick_ip p link set p0 down
	quick_ip b link set b0 down
}

link_up()
{
	quick_ip p link set p0 up
	quick_ip b link set b0 up
	LINK_LOSS=''
	link_shape
}

# The network dies silently: packets vanish, no end notices.
link_cut()
{
	LINK_LOSS=100
	link_shape
}

# link_delay MS: each way
link_delay()
{
	LINK_DELAY=$1
	link_shape
}

# link_rate RATE: each way, as for tc(8), such as 8mbit
link_rate()
{
	LINK_RATE=$1
	link_shape
}

# link_loss PERCENT
link_loss()
{
	LINK_LOSS=$1
	link_shape
}

link_shape()
{
	local end

	for end in p b; do
		# shellcheck disable=SC2086 # words of options
		on $end tc qdisc replace dev ${end}0 root netem limit 100000 \
			${LINK_DELAY:+delay ${LINK_DELAY}ms} \
			rate "${LINK_RATE:-0}" \
			${LINK_LOSS:+loss ${LINK_LOSS}%}
	done
}

# link_address ADDRESS: set up the private link of a guest which has a peer
link_address()
{
	ip address add "$1" dev eth0
	ip link set eth0 up
}

# ---- disks ----

sectors()
{
	blockdev --getsz "$1"
}

# ram_disks NUMBER MIB: /dev/ram0, /dev/ram1, ... (no volatile write cache)
ram_disks()
{
	modprobe brd rd_nr="$1" rd_size="$(($2 * 1024))" max_part=0
}

# loop_disk NAME MIB: prints the device
loop_disk()
{
	need_modules loop
	truncate -s "${2}M" "/dev/shm/$1"
	losetup --find --show "/dev/shm/$1"
}

# delay_disk NAME DEVICE READ_MS WRITE_MS
delay_disk()
{
	need_modules dm-delay
	dm create "$1" --table \
		"0 $(sectors "$2") delay $2 0 $3 $2 0 $4"
}

# log_writes_disk NAME DEVICE LOG_DEVICE: logs all that is written
log_writes_disk()
{
	need_modules dm-log-writes
	dm create "$1" --table "0 $(sectors "$2") log-writes $2 $3"
}

# flakey_disk NAME DEVICE UP_SECONDS DOWN_SECONDS [FEATURE...]
flakey_disk()
{
	local name=$1 device=$2 up=$3 down=$4

	shift 4
	need_modules dm-flakey
	dm create "$name" --table \
		"0 $(sectors "$device") flakey $device 0 $up $down $# $*"
}

# slow_table DEVICE FIRST SECTORS MS: delays writes to some sectors
slow_table()
{
	local end=$(($2 + $3)) all

	all=$(sectors "$1")
	[ "$2" = 0 ] || echo "0 $2 linear $1 0"
	echo "$2 $3 delay $1 $2 0 $1 $2 $4"
	[ "$end" = "$all" ] || echo "$end $((all - end)) linear $1 $end"
}

# slow_region NAME DEVICE FIRST SECTORS MS
slow_region()
{
	local name=$1

	shift
	need_modules dm-delay
	slow_table "$@" | dm create "$name"
}

# swap_slow NAME DEVICE FIRST SECTORS MS: the same for a live device
swap_slow()
{
	local name=$1

	shift
	need_modules dm-delay
	slow_table "$@" | dm load "$name"
	dm suspend "$name"
	dm resume "$name"
}

# null_disk NAME MIB [ATTRIBUTE=VALUE...]: prints the device, a null_blk
null_disk()
{
	local folder=/sys/kernel/config/nullb/$1 name=$1 word

	need_modules configfs
	[ -d /sys/module/null_blk ] || modprobe null_blk nr_devices=0
	grep -q ' configfs ' /proc/mounts ||
		mount -t configfs none /sys/kernel/config
	mkdir "$folder"
	echo "$2" >"$folder/size"
	echo 1 >"$folder/memory_backed"
	shift 2
	for word; do
		echo "${word#*=}" >"$folder/${word%%=*}"
	done
	echo 1 >"$folder/power"
	[ -b "/dev/$name" ] || name=nullb$(cat "$folder/index")
	echo "/dev/$name"
}

null_disks_gone()
{
	local folder

	for folder in /sys/kernel/config/nullb/*/; do
		[ ! -e "${folder}power" ] || rmdir "$folder"
	done
	rmmod null_blk || fail "rmmod null_blk"
}

# Fill devices with zeroes.
blank()
{
	local device

	for device; do
		uncache "$device"
		dd if=/dev/zero of="$device" bs=1M oflag=direct \
			count=$(($(sectors "$device") / 2048)) 2>/dev/null
	done
}

linear_table()
{
	echo "0 $(sectors "$1") linear $1 0"
}

error_table()
{
	echo "0 $(sectors "$1") error"
}

# Forget what is cached of block devices: it may not be what is on them.
uncache()
{
	local device

	for device; do
		blockdev --flushbufs "$device"
	done
}

checksum()
{
	uncache "$1"
	sha256sum <"$1" | cut -d ' ' -f 1
}

# True if two block devices have the same content.
same()
{
	uncache "$1" "$2"
	cmp -s "$1" "$2"
}

expect_same()
{
	uncache "$1" "$2"
	cmp "$1" "$2" || fail "$1 and $2 differ"
}

# ---- device-mapper ----

# swap_table NAME TABLE [SUSPEND_OPTION...]: replace the table of a live device
swap_table()
{
	local name=$1 table=$2

	shift 2
	dm load "$name" --table "$table" || return 1
	dm suspend "$@" "$name" && dm resume "$name"
}

# hybrid_table TARGET DEVICE ADDRESS PORT [ARGUMENT...]
hybrid_table()
{
	local head

	head="0 $(sectors "$2") $1 $2 - $3 $4"
	shift 4
	echo "$head${1:+ $# $*}"
}

# mk_primary NAME DEVICE BACKUP_ADDRESS PORT [ARGUMENT...]
mk_primary()
{
	local name=$1

	shift
	on "$HOST_P" dm create "$name" \
		--table "$(hybrid_table hybridmirror "$@")"
}

# mk_backup NAME DEVICE LISTEN_ADDRESS PORT [ARGUMENT...]
mk_backup()
{
	local name=$1

	shift
	on "$HOST_B" dm create "$name" \
		--table "$(hybrid_table hybrid-backup "$@")"
}

# status_field NAME FIELD
status_field()
{
	hm-status "$1" "$2"
}

# wait_status NAME FIELD VALUE [SECONDS]
wait_status()
{
	wait_for "[ \"\$(status_field '$1' '$2')\" = '$3' ]" "${4:-300}"
}

# ---- the end ----

remove_devices()
{
	local name left round

	# stacked devices go from the top, so there are as many rounds as layers
	for round in 1 2 3 4 5 6 7 8; do
		left=''
		for name in $(cat /sys/block/dm-*/dm/name 2>/dev/null); do
			dm remove "$name" 2>/dev/null || left="$left $name"
		done
		[ -n "$left" ] || return 0
	done
	fail "cannot remove after $round rounds:$left"
}

# True if the module has left nothing: no cache, no thread.
nothing_left()
{
	! grep '^hm_' /proc/slabinfo && ! grep -s '^hm[-_]' /proc/[0-9]*/comm
}

# Take everything down; fails if anything of the module stays behind.
teardown()
{
	local mounted host

	for mounted in /mnt/*; do
		! grep -q " $mounted " /proc/mounts || umount "$mounted"
	done
	remove_devices
	losetup --detach-all 2>/dev/null || true
	if [ -d /sys/module/dm_hybridmirror ]; then
		rmmod dm-hybridmirror || fail "rmmod: $(
			dm table
			grep dm_hybridmirror /proc/modules
			sleep 5
			grep dm_hybridmirror /proc/modules)"
	fi
	nothing_left || fail "left after the module was unloaded"
	[ ! -d /sys/module/brd ] || rmmod brd || fail "rmmod brd"
	[ ! -d /sys/module/null_blk ] || null_disks_gone
	for host in $HOST_P $HOST_B; do
		ip netns delete "$host"
	done
	HOST_P='' HOST_B=''
}
