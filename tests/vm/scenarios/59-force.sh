#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# An inconsistent backup takes over only when forced; the permission outlives a restart, and serves once

# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

load_module
hosts_up
pair_disks 16

note "there is nothing to force"
# a log would stage what is copied
become backup b apply group
become primary a backlog 1 on_full behind
pair_equal a
refuse dm message b 0 force
expect_log "there is nothing to force"
refuse dm message a 0 force

note "a copy into b is cut short"
link_down
wait_status a link connecting
noise a 0 1000
wait_status a sync behind
dm message a 0 copy pause
link_up
wait_status b state inconsistent
link_down
wait_status a link connecting
refuse become primary b
expect_log "the copy is inconsistent, a copy into it was cut short"
become backup b
expect_field b state inconsistent

note "forced, restarted, and promoted"
dm message b 0 force
expect_log "the next take-over may go ahead"
dm remove b
become backup b
expect_field b state inconsistent
become primary b
noise b 10 10

note "both were written apart: a gives up"
become backup a
link_up
wait_status b link refused
expect_reason b "written apart"
dm message a 0 give_up
pair_equal b

note "the permission is used up"
become backup b
refuse dm message b 0 force
pair_down
teardown
