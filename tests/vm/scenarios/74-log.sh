#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The backup's log: after power cuts at random moments it is performed again, no copy is needed, nothing is missing, and order holds
# racy
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

CUTS=$(rounds 8)

load_module peer_timeout_ms=2000 stall_timeout_ms=1200000
hosts_up
# as small as a log may be: it goes round often
power_disks 12 5
# what is slow arrives long after it is in the log
slow_region slow /dev/mapper/b-data 2048 1024 50
B_DISK=/dev/mapper/slow
note "seed $SEED"
become backup b apply log
become primary a sync clean ack applied \
	on_disconnect stall
wait_for "in_step a"
expect_field b order log

note "a log of another life is never performed, nor is one that was left in order"
noise a 100 300
pair_equal a
become backup b apply group
noise a 500 20
pair_equal a
expect_field b order groups
become backup b apply log
noise a 600 20
pair_equal a
expect_field b order log

note "round and round"
appends=$(status_field b appends)
for round in 1 2 3; do
	noise a $((round * 300)) 600
done
pair_equal a
expect_above b appends "$appends"
expect_field b flushes 0

note "a copy ends one log, and begins another"
become primary a backlog 1 on_full behind ack local
wait_for "in_step a"
link_down
noise a 0 1500
wait_status a sync behind
link_up
pair_equal a
expect_field b order log
expect_field b state consistent
become primary a ack applied on_disconnect stall
wait_for "in_step a"

while [ $ROUND -lt "$CUTS" ]; do
	stamp_start completion /dev/mapper/a
	stamp_arrives a 60
	pause 500
	copied=$(status_field a copied)
	stamp_acked
	power_off b
	gone b
	if [ "$(dice 3)" = 0 ]; then
		note "cut $ROUND: the backup takes over"
		dm message a 0 release
		app_dies
		dm remove a
		become primary b
		good_cut b --acked /run/acked
		link_up
		become backup b apply log
		become primary a ack applied on_disconnect stall
		wait_for "in_step a"
		continue
	fi
	note "cut $ROUND: the backup comes back"
	become backup b apply log
	# the disk by itself is good when the log was performed, and is so no more
	# when the primary goes on
	good_cut b --acked /run/acked
	link_up
	stamp_arrives a 20
	stamp_stop a
	pair_equal a
	expect_field a copied "$copied"
	expect_field b state consistent
	good_cut b
done
expect_log "updates of the log"
pair_down
dm remove slow
power_disks_gone
teardown
