# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# One mirror under a small load: "front" on FRONT_DISK, "back" on BACK_DISK. For
# scenarios that sourced guest-lib.sh first.
# shellcheck disable=SC2119,SC2120 # the arguments are for some

FRONT_DISK=/dev/ram0 BACK_DISK=/dev/ram1
ADDRESS=$B4 PORT=7000

# ---- the mirror ----

# make_front [ARGUMENT...]
make_front()
{
	mk_primary front "$FRONT_DISK" "$ADDRESS" "$PORT" sync clean "$@"
}

# make_back [ARGUMENT...]
make_back()
{
	mk_backup back "$BACK_DISK" "$ADDRESS" "$PORT" "$@"
}

# mirror_up [ARGUMENT OF THE PRIMARY...]
mirror_up()
{
	make_back
	make_front "$@"
	wait_status front link connected
}

mirror_down()
{
	dm remove front
	dm remove back
}

# reload_front [ARGUMENT...]: the network namespace is that of the load
reload_front()
{
	on "$HOST_P" dm load front --table "$(hybrid_table hybridmirror \
		"$FRONT_DISK" "$ADDRESS" "$PORT" sync clean "$@")"
	dm suspend front
	dm resume front
}

# reload_back [ARGUMENT...]
reload_back()
{
	on "$HOST_B" dm load back --table "$(hybrid_table hybrid-backup \
		"$BACK_DISK" "$ADDRESS" "$PORT" "$@")"
	dm suspend back
	dm resume back
}

# module_parameter NAME VALUE
module_parameter()
{
	echo "$2" >"/sys/module/dm_hybridmirror/parameters/$1"
}

# ---- what the status says ----

# above NAME FIELD NUMBER
above()
{
	[ "$(status_field "$1" "$2")" -gt "$3" ]
}

# wait_above NAME FIELD NUMBER
wait_above()
{
	wait_for "above '$1' '$2' '$3'"
}

# expect_field NAME FIELD VALUE
expect_field()
{
	expect "$3" "$(status_field "$1" "$2")" "$2 of $1"
}

# expect_above NAME FIELD NUMBER
expect_above()
{
	above "$1" "$2" "$3" ||
		fail "$2 of $1 is $(status_field "$1" "$2"), not above $3"
}

# expect_bounded NAME: the backlog is no larger than the table allows
expect_bounded()
{
	dm status "$1" | awk '
		{ for (i = 4; i < NF; i += 2) if ($i == "backlog") {
			split($(i + 1), b, "/"); exit !(b[1] <= b[2]) } }' ||
		fail "more than the limit: $(dm status "$1")"
}

# expect_reason NAME WORDS: soon; it may take an attempt
expect_reason()
{
	wait_for "dm status '$1' | grep -q 'reason \".*$2.*\"'"
}

# logged WORDS: true if the kernel's log has them
logged()
{
	dmesg | grep -qF -- "$1"
}

# expect_log WORDS
expect_log()
{
	logged "$1" || fail "not in the kernel's log: $1"
}

# The backup has made durable all that was ever written, and copied.
settled()
{
	# shellcheck disable=SC2046 # a word for each field
	set -- $(hm-status front link sync unsynced seq durable)
	[ "${1:-} ${2:-} ${3:-}" = "connected streaming 0" ] && [ "$4" = "$5" ]
}

# expect_mirrored: nothing is missing, and both disks are equal in the end
expect_mirrored()
{
	wait_for settled
	expect_field front local_errors 0
	wait_status back state consistent
	expect_same "$FRONT_DISK" "$BACK_DISK"
}

# Nothing of the copy may stay in a cache: it would reach the disk when it is
# mirrored to again.
copy_disk()
{
	uncache /dev/ram0
	dd if=/dev/ram0 of=/dev/ram1 bs=1M conv=fsync 2>/dev/null
	uncache /dev/ram1
}

# ---- load ----

# write_block BLOCK [DD OPTION...]: 4 KiB of noise, past the page cache
write_block()
{
	local block=$1

	shift
	dd if=/dev/urandom of=/dev/mapper/front bs=4k count=1 seek="$block" \
		oflag=direct conv=notrunc"${1:+,$1}" 2>/dev/null
}

writes_done()
{
	awk '{ print $5 }' "/sys/dev/block/$LOAD_DEVICE/stat"
}

# load_goes_on [WRITES]: so many more complete
load_goes_on()
{
	local goal

	goal=$(($(writes_done) + ${1:-20}))
	wait_for "[ \"\$(writes_done)\" -ge $goal ] || ! kill -0 $LOAD"
	kill -0 "$LOAD" || fail "the load has ended: $(cat /run/load)"
}

# load_start [FIO OPTION...]: write at random, slowly, until load_stop
load_start()
{
	LOAD_DEVICE=$(dm info -c --noheadings --separator : -o major,minor front)
	fio --name=load --filename=/dev/mapper/front --thread --rw=randwrite \
		--bs=4k --size=8m --ioengine=libaio --iodepth=4 --direct=1 \
		--rate_iops=100 --time_based --runtime=100000 "$@" \
		>/run/load 2>&1 &
	LOAD=$!
	wait_for "[ \"\$(writes_done)\" -gt 0 ] || ! kill -0 $LOAD"
}

# load_stop: no write may have failed
load_stop()
{
	kill -TERM "$LOAD" || fail "the load has ended: $(cat /run/load)"
	wait "$LOAD" || true
	grep -q 'err= 0' /run/load || fail "the load: $(cat /run/load)"
}

# ---- states of the link ----
#
# Into each, and out of it so that the backup follows again. BACK_DISK is the
# table "disk" on /dev/ram1.

enter_nobody()
{
	make_front "$@"
}

enter_unreachable()
{
	make_back
	link_cut
	make_front "$@"
}

enter_connected()
{
	mirror_up "$@"
}

enter_cut()
{
	mirror_up "$@"
	link_cut
}

enter_refused()
{
	make_back set another
	make_front "$@"
	wait_status front link refused
}

enter_failed()
{
	mirror_up "$@"
	swap_table disk "$(error_table /dev/ram1)"
	write_block 4000
	wait_status front sync suspended
}

enter_behind()
{
	mirror_up "$@" backlog 1 on_full behind
	link_cut
	dd if=/dev/urandom of=/dev/mapper/front bs=64k count=20 oflag=direct \
		conv=notrunc 2>/dev/null
	wait_status front sync behind
}

leave_nobody()
{
	make_back
}

leave_unreachable()
{
	link_up
}

leave_connected()
{
	true
}

leave_cut()
{
	link_up
}

leave_refused()
{
	dm remove back
	make_back
}

leave_failed()
{
	swap_table disk "$(linear_table /dev/ram1)"
	dm message front 0 resume
	wait_status front sync streaming
}

leave_behind()
{
	link_up
}

# ---- what may be done to a primary in any state ----

shake()
{
	dm suspend front
	dm resume front
	load_goes_on 5
	dm suspend --noflush front
	dm resume front
	load_goes_on 5
	dm suspend --nolockfs front
	dm suspend front
	dm resume front
	reload_front ack local ordering flush
	load_goes_on 5
	reload_front ack applied ordering none on_full stall backlog 128
	load_goes_on 5
	reload_front
	load_goes_on 5
}

shaken_under_load()
{
	note "$1: under load"
	"enter_$1"
	load_start --rate_iops=40
	shake
	"leave_$1"
	load_goes_on 5
	load_stop
	expect_mirrored
	mirror_down
}

# Whatever the backup does not have is given up with the primary.
removed_in()
{
	note "$1: removed, $2"
	"enter_$1" ack local
	if [ "$2" = suspended ]; then
		dm suspend front
	else
		write_block 9
	fi
	dm remove front
	link_up
	swap_table disk "$(linear_table /dev/ram1)"
	[ ! -b /dev/mapper/back ] || dm remove back
	copy_disk
}

# ---- and to a backup ----

shake_back()
{
	dm suspend back
	dm resume back
	dm suspend --noflush back
	dm resume back
	dm suspend back
	dm suspend back
	dm resume back
	reload_back backlog 2
	reload_back apply group
	reload_back
}
