#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Another backup is copied to in place of the first; when that comes back, it gets everything that it missed

# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

# the second backup's disks are the last two; regions are copied in several parts
load_module
hosts_up
ram_disks 6 16

first_backup()
{
	B_DISK=/dev/ram1 B_META=/dev/ram3
}

second_backup()
{
	B_DISK=/dev/ram4 B_META=/dev/ram5
}

first_backup
become backup b
become primary a sync clean region 4096
noise a 0 20
pair_equal a
dm remove b

note "nothing was written in between"
second_backup
become backup b
pair_equal a
noise a 1000 20
pair_equal a
# until it is no longer known by region that the first one lacks this
wait_status a dirty 0
dm remove b
noise a 2000 20
dm remove a
become primary a

note "the first one is back, with what it remembers"
first_backup
become backup b
pair_equal a
pair_down
teardown
