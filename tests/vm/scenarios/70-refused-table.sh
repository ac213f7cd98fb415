#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A table that is refused makes a primary without metadata forget nothing of what is to be copied

# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

load_module
hosts_up
ram_disks 5 16
A_META=- B_META=-
become backup b
become primary a sync clean backlog 1 on_full behind
noise a 0 20
pair_equal a
link_down
wait_status a link connecting
noise a 0 1000
wait_status a sync behind

note "a table with a blank metadata device is refused, the old one is loaded again"
A_META=/dev/ram4
refuse become primary a sync clean backlog 1 on_full behind
expect_log "its metadata device is empty, but the set has been paired"
A_META=-
become primary a sync clean backlog 1 on_full behind
link_up
pair_equal a
pair_down
teardown
