#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A metadata device that refuses the log: nothing is lost or left behind, a suspend ends, and a log that is damaged is never taken for a short one
# mem: 512
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh
# shellcheck source=tests/vm/lib/stamp-lib.sh
. /hm/stamp-lib.sh
# shellcheck source=tests/vm/lib/power-lib.sh
. /hm/power-lib.sh

REFUSALS=$(rounds 4)

# meta_refuses FIRST SECTORS: of the backup's metadata device
meta_refuses()
{
	local all end=$(($1 + $2))

	all=$(sectors /dev/mapper/b-meta)
	{
		[ "$1" = 0 ] || echo "0 $1 linear /dev/mapper/b-meta 0"
		echo "$1 $2 error"
		[ $end = "$all" ] ||
			echo "$end $((all - end)) linear /dev/mapper/b-meta $end"
	} | dm load part
	dm suspend --noflush --nolockfs part
	dm resume part
}

meta_mended()
{
	swap_table part "$(linear_table /dev/mapper/b-meta)"
}

refused()
{
	dm status b | grep -q "refused the log"
}

# power_cut: b's disks are as they are now, and it is gone; all is in the log that
# it had said to be
power_cut()
{
	local durable said

	power_off b
	durable=$(status_field a durable)
	gone b
	hm-meta dump --json /dev/mapper/part >/run/says || fail "its metadata"
	said=$(sed -n 's/.*"log_seq": \([0-9]*\).*/\1/p' /run/says)
	note "the primary knows of $durable, the log ends with $said"
	[ "$said" -ge "$durable" ] || fail "the log is too short"
}

load_module peer_timeout_ms=2000 stall_timeout_ms=1200000
hosts_up
power_disks 12 5
dm create part --table "$(linear_table /dev/mapper/b-meta)"
# what is in the log stays there for a while
slow_region slow /dev/mapper/b-data 0 "$(sectors /dev/mapper/b-data)" 100
B_DISK=/dev/mapper/slow B_META=/dev/mapper/part
note "seed $SEED"
become backup b apply group
become primary a sync clean on_disconnect stall
wait_for "in_step a"
expect_field b order groups

note "another table, and there is a log"
become backup b apply log
noise a 600 20
pair_equal a
expect_field b order log

while [ $ROUND -lt "$REFUSALS" ]; do
	# a larger one would not fit into the end of the ring; or its beginning
	case $((ROUND % 2)) in
	0) meta_refuses $((5 * 2048 - 24)) 24 ;;
	1) meta_refuses 64 64 ;;
	esac
	stamp_start completion /dev/mapper/a
	wait_for refused
	# more has come when it is tried again
	pause 1000
	meta_mended
	appends=$(status_field b appends)
	on b dm message b 0 resume
	wait_for "[ \"\$(status_field b appends)\" -gt $((appends + 1)) ]"
	note "refusal $ROUND, then the power"
	power_cut
	become backup b apply log
	good_cut b
	link_up
	stamp_arrives a 20
	stamp_stop a
	pair_equal a
	expect_field b state consistent
	expect_field b order log
done
expect_field a copied 0

note "no room, and the superblock is refused: it says so, and a suspend ends"
meta_refuses 0 16
stamp_start completion /dev/mapper/a
wait_for refused
expect_reason b "refused the log"
dm suspend b
dm resume b
meta_mended
on b dm message b 0 resume
stamp_arrives a 200
stamp_stop a
pair_equal a
expect_field b order log

note "a damaged log is refused, not taken for a short one"
stamp_start completion /dev/mapper/a
appends=$(status_field b appends)
wait_for "[ \"\$(status_field b appends)\" -gt $((appends + 20)) ]"
power_cut
hm-meta dump --json --log /dev/mapper/part >/run/says
sed -n 's/^ *\[.*"write", [0-9]*, [0-9]*, \([0-9]*\), .*/\1/p' /run/says |
	head -n 1 >/run/byte
sector=$(($(cat /run/byte) / 512))
dd if=/dev/mapper/part of=/run/good bs=512 count=1 skip=$sector 2>/dev/null
dd if=/dev/zero of=/dev/mapper/part bs=512 count=1 seek=$sector \
	oflag=direct 2>/dev/null
refuse hm-meta dump /dev/mapper/part
refuse become backup b apply log
expect_log "the log of the metadata is damaged"
refuse become primary b
dd if=/run/good of=/dev/mapper/part bs=512 count=1 seek=$sector \
	oflag=direct 2>/dev/null
uncache /dev/mapper/part
hm-meta dump /dev/mapper/part
become backup b apply log
good_cut b
link_up
stamp_stop a
pair_equal a
expect_field a copied 0
pair_down
dm remove slow
dm remove part
power_disks_gone
teardown
