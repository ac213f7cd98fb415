# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions for each write, for the shell of a guest in virtual time; after
# bench-lib.sh. Both ends are in this guest.
#
# A nanosecond passes for each instruction, so the time that passed, less the time
# when the processor was idle, is the number of instructions executed. What fio
# costs by itself is left out by comparing a long run with a short one.

MIB=32

# DRBD's sockets are of the first network namespace, so all contestants use the
# loopback of that one, as if it were an Ethernet.
cost_prepare()
{
	ram_disks 4 $((MIB + 32))
	blank /dev/ram0 /dev/ram1 /dev/ram2 /dev/ram3
	ip link set lo mtu 1500
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

# cost_run WRITES FIO-OPTION...: prints the instructions
cost_run()
{
	local writes=$1 before

	shift
	before=$(busy)
	fio --name=cost --filename="$(tested)" --thread --ioengine=libaio \
		--direct=1 --invalidate=0 --norandommap --gtod_reduce=1 \
		--size=${MIB}m --io_size=4g --number_ios="$writes" "$@" \
		>/run/fio 2>&1 || fail "fio: $(cat /run/fio)"
	# the backup does the rest; waiting costs nothing
	sleep 0.5
	echo $(($(busy) - before))
}

# cost_measure LABEL FEW MANY FIO-OPTION...: prints "cost LABEL INSTRUCTIONS"
cost_measure()
{
	local label=$1 few=$2 many=$3 short long

	shift 3
	short=$(cost_run "$few" "$@")
	long=$(cost_run "$many" "$@")
	echo "cost $label $(((long - short) / (many - few)))"
}

# The workloads; one run of each before makes regions dirty and caches warm.
cost_workloads()
{
	cost_run 200 --rw=randwrite --bs=4k --iodepth=16 >/dev/null
	cost_measure 4k-1 200 2200 --rw=randwrite --bs=4k --iodepth=1
	cost_measure 4k-16 200 2200 --rw=randwrite --bs=4k --iodepth=16
	cost_measure 128k-8 50 450 --rw=write --bs=128k --iodepth=8
}

# cost_contestant CONTESTANT [WORD...]
cost_contestant()
{
	local name=$1

	shift
	for_end b "${name}_backup_up" "$@"
	for_end p "${name}_primary_up" "$@"
	cost_workloads
	case $name in
	mirror | drbd)
		wait_for "${name}_settled" 60
		;;
	esac
	for_end p "${name}_primary_down"
	for_end b "${name}_backup_down"
	case $name in
	mirror | drbd)
		uncache /dev/ram0 /dev/ram1
		cmp -n $((MIB << 20)) /dev/ram0 /dev/ram1 ||
			fail "$name: the copy differs"
		;;
	esac
}
