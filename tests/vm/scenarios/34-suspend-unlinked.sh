#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Suspend, reload, remove the primary: nobody there, no answer, refused
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module
hosts_up
ram_disks 2 16
dm create disk --table "$(linear_table /dev/ram1)"
BACK_DISK=/dev/mapper/disk

for state in nobody unreachable refused; do
	shaken_under_load $state
	removed_in $state active
	removed_in $state suspended
done
teardown
