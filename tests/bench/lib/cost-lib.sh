# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions for each write, for the shell of a guest in virtual time; after
# bench-lib.sh. Both ends are in this guest.
#
# A nanosecond passes for each instruction, so the time that passed, less the time
# when the processor was idle, is the number of instructions executed.

MIB=32

# cost_prepare MTU
#
# DRBD's sockets are of the first network namespace, so all contestants use the
# loopback of that one. Its MTU of 64 KiB stands for a network card that cuts and
# joins segments by itself.
cost_prepare()
{
	ram_disks 4 $((MIB + 32))
	blank /dev/ram0 /dev/ram1 /dev/ram2 /dev/ram3
	ip link set lo mtu "$1"
}

# for_end p|b FUNCTION [WORD...]
for_end()
{
	local end=$1

	shift
	case $end in
	p) end_is p /dev/ram0 /dev/ram2 127.0.0.1 127.0.0.1 $((MIB * 2048)) ;;
	b) end_is b /dev/ram1 /dev/ram3 127.0.0.1 127.0.0.1 $((MIB * 2048)) ;;
	esac
	"$@"
}

busy()
{
	awk '/^now at/ { now = $3 } /idle_sleeptime/ { idle = $3 }
		END { printf "%.0f\n", now - idle }' /proc/timer_list
}

switches()
{
	awk '$1 == "ctxt" { print $2 }' /proc/stat
}

# cost_run WRITES FIO-OPTION...: prints the instructions, and context switches
cost_run()
{
	local writes=$1 before switched

	shift
	switched=$(switches)
	before=$(busy)
	fio --name=cost --filename="$(tested)" --thread --ioengine=libaio \
		--direct=1 --invalidate=0 --norandommap --gtod_reduce=1 \
		--size=${MIB}m --io_size=4g --number_ios="$writes" "$@" \
		>/run/fio 2>&1 || fail "fio: $(cat /run/fio)"
	# the backup does the rest; waiting costs nothing
	sleep 0.5
	echo $(($(busy) - before)) $(($(switches) - switched))
}

# cost_up CONTESTANT [WORD...]; a run makes regions dirty and caches warm.
cost_up()
{
	local name=$1

	shift
	for_end b "${name}_backup_up" "$@"
	for_end p "${name}_primary_up" "$@"
	cost_run 200 --rw=randwrite --bs=4k --iodepth=16 >/dev/null
}

# cost_down CONTESTANT: its copy must be good
cost_down()
{
	for_end p wait_for "${1}_settled"
	for_end p "${1}_primary_down"
	for_end b "${1}_backup_down"
	[ "$1" != bare ] || return 0
	uncache /dev/ram0 /dev/ram1
	cmp -n $((MIB << 20)) /dev/ram0 /dev/ram1 || fail "$1: the copy differs"
}
