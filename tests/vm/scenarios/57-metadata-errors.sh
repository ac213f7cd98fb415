#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The metadata device fails, the backup's and then the primary's: both statuses tell, nothing that matters is lost, and mending it is enough
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh

meta_fails()
{
	swap_table "$1" "$(error_table "$2")"
}

meta_mended()
{
	swap_table "$1" "$(linear_table "$2")"
}

reason_of()
{
	dm status "$1" | sed -n 's/.*reason "\(.*\)"/\1/p'
}

load_module
hosts_up
pair_disks 16
dm create a-meta --table "$(linear_table /dev/ram2)"
dm create b-meta --table "$(linear_table /dev/ram3)"
A_META=/dev/mapper/a-meta B_META=/dev/mapper/b-meta
become backup b apply group
become primary a sync clean
noise a 0 100
pair_equal a
wait_status b state consistent

note "the backup's: refused with a reason, the application goes on"
link_down
wait_status a link connecting
noise a 200 10
meta_fails b-meta /dev/ram3
link_up
wait_status a link refused
expect_reason a "cannot write its metadata device"
expect_reason b "cannot write its metadata device"
expect_log "not mirroring: the backup cannot write its metadata device"
noise a 300 10
expect_field a link refused
expect_field b state consistent

note "mended: goes on by itself"
meta_mended b-meta /dev/ram3
pair_equal a
wait_status b state consistent
expect "" "$(reason_of a)" "reason of a"
expect "" "$(reason_of b)" "reason of b"
# shellcheck disable=SC2016 # each time anew
wait_for '[ "$(status_field a generation)" = "$(status_field b generation)" ]'

note "the backup's, when a copy begins"
become primary a backlog 1 on_full behind
wait_for "in_step a"
link_down
wait_status a link connecting
noise a 400 600
wait_status a sync behind
meta_fails b-meta /dev/ram3
link_up
wait_status a link refused
expect_reason b "cannot write its metadata device"
noise a 1000 10
meta_mended b-meta /dev/ram3
pair_equal a
wait_status b state consistent

note "the primary's: clean regions cannot be written, dirty ones can"
wait_status a dirty 0
expect_field a metadata ok
noise a 0 1
while noise a 0 1; do
	sleep 0.3
done &
HOT=$!
meta_fails a-meta /dev/ram2
refuse noise a 2000 1
expect_field a metadata failed
expect_log "the metadata device refused a write"
sleep 12
refuse noise a 3000 1
kill $HOT || fail "a write to a dirty region failed"
wait "$HOT" || true
noise a 1 5
expect_field a link connected
wait_for "in_step a"

note "mended"
meta_mended a-meta /dev/ram2
noise a 2000 1
expect_field a metadata ok
expect_log "the metadata device takes writes again"
pair_equal a
expect_field b state consistent

# bad_start SECTORS: so many of the primary's metadata device neither read nor write
bad_start()
{
	swap_table a-meta "0 $1 error
$1 $(($(sectors /dev/ram2) - $1)) linear /dev/ram2 $1"
}

note "copies of the primary's superblock cannot be read: refused, nothing is forgotten"
dm remove a
bad_start 8
refuse become primary a
expect_log "copy 0 of the superblock cannot be read"
expect_log "it refused the superblock"
[ ! -b /dev/mapper/a ] || dm remove a
bad_start 16
refuse become primary a
expect_log "it cannot be read"
[ ! -b /dev/mapper/a ] || dm remove a
meta_mended a-meta /dev/ram2
become primary a
noise a 4000 10
pair_equal a
expect_field a copied 0
pair_down
teardown
