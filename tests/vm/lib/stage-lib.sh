# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Outages that are followed by a staged resync. The backup has a log, of about the
# size of its disk, which is the table "disk" on /dev/ram1. For scenarios that sourced
# guest-lib.sh, mirror-lib.sh and pair-lib.sh first.
# shellcheck disable=SC2034 # the variables are for some

# staged_pair_up: in step, and of one GENERATION
staged_pair_up()
{
	ram_disks 4 24
	dm create disk --table "$(linear_table /dev/ram1)"
	dm create b-meta --table "$(linear_table /dev/ram3)"
	# no room for a log: it would bridge the outages
	dm create a-meta --table "0 4096 linear /dev/ram2 0"
	A_META=/dev/mapper/a-meta B_META=/dev/mapper/b-meta
	B_DISK=/dev/mapper/disk
	become backup b
	become primary a sync clean
	noise a 0 100
	pair_equal a
	GENERATION=$(status_field b generation)
}

staged_pair_down()
{
	pair_down
	dm remove disk
	dm remove a-meta
	dm remove b-meta
}

# disk_sum: of what is on the backup's disk
disk_sum()
{
	uncache /dev/ram1
	sha256sum </dev/ram1
}

# outage BLOCK COUNT: written alone, by a primary that is loaded anew; only its
# regions tell of that
outage()
{
	link_down
	wait_status a link connecting
	noise a "$1" "$2"
	dm remove a
	# a quarter of that is copied at once
	become primary a backlog 1
	expect_field a sync copying
	SUM=$(disk_sum)
	UNSYNCED=$(status_field a unsynced)
}

# slow_resync BLOCK COUNT: an outage, and a copy that goes on for a while
slow_resync()
{
	outage "$@"
	dm message a 0 copy rate 128
	link_up
	wait_status b resync staged
	wait_above b received 0
	expect_staged
}

# expect_staged: and nobody relies on it
expect_staged()
{
	wait_status a resync staged
	expect_field b resync staged
	expect_field b state consistent
	expect_field a completions alone
	expect "$SUM" "$(disk_sum)" "the backup's disk"
}

# all_there: the rest of the copy, quickly
all_there()
{
	dm message a 0 copy rate 0
	pair_equal a
	expect_field a resync none
	expect_field b resync none
	expect_field b state consistent
	wait_status a completions mirrored
}

# adopted: the backup has what the primary has become
adopted()
{
	[ "$(status_field b generation)" = "$(status_field a generation)" ]
}
