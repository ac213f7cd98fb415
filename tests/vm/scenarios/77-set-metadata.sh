#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# One volume of a set loses its metadata, or is a step behind after a power cut: only what differs is copied
# kernels: 6.12 debug
# shellcheck shell=dash

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh
# shellcheck source=tests/vm/lib/pair-lib.sh
. /hm/pair-lib.sh
# shellcheck source=tests/vm/lib/set-lib.sh
. /hm/set-lib.sh

B1_META=/dev/mapper/b1-meta

clean_set()
{
	all_equal 0 1
	wait_status a0 dirty 0
}

# another_disk: volume 1 of the backup gets one, and metadata that is empty
another_disk()
{
	dd if=/dev/urandom of=/dev/ram5 bs=1M count=8 oflag=direct 2>/dev/null
	dd if=/dev/zero of=/dev/ram7 bs=1M count=1 oflag=direct 2>/dev/null
}

# copied_one BEFORE: nothing but volume 1 was
copied_one()
{
	wait_status b0 state consistent
	all_equal 0 1
	expect "$((8 << 20))" "$(($(status_field a0 copied) - $1))" \
		"bytes copied"
}

generation_of()
{
	hm-meta dump --json "$1" | sed -n 's/.*"generations": *\["\([^"]*\)".*/\1/p'
}

load_module
hosts_up
ram_disks 8 8
dm create b1-meta --table "$(linear_table /dev/ram7)"
up b 0
META=$B1_META up b 1
up a 0 sync clean
up a 1 sync clean
noise a0 0 20
noise a1 100 20
clean_set

note "another disk and empty metadata for one volume, loaded after the other"
COPIED=$(status_field a0 copied)
link_down
dm remove b0
dm remove b1
another_disk
up b 0
expect_field b0 state consistent
META=$B1_META up b 1
expect_field b0 state inconsistent
expect_log "nothing is known of its disk"
note "it may not take over"
dm load b0 --table "$(PRIMARY=b set_table b 0)"
dm suspend b0
refuse dm resume b0
dm remove b0
up b 0
link_up
copied_one "$COPIED"

note "likewise, loaded before the other"
clean_set
COPIED=$(status_field a0 copied)
link_down
dm remove b0
dm remove b1
another_disk
META=$B1_META up b 1
expect_field b1 state fresh
up b 0
expect_field b0 state inconsistent
link_up
copied_one "$COPIED"

note "the power is cut when one volume has adopted a generation, the other not"
clean_set
link_down
noise a0 200 20
wait_status a0 link connecting
dm suspend b1-meta
OLD=$(generation_of /dev/ram7)
link_up
wait_for "[ '$OLD' != \"\$(generation_of /dev/ram6)\" ]"
expect "$OLD" "$(generation_of /dev/ram7)" "generation of the second"
for number in 6 7; do
	dd if=/dev/ram$number of=/run/cut$number bs=64k iflag=direct \
		2>/dev/null
done
dm resume b1-meta
all_equal 0 1
for name in a0 a1 b0 b1; do
	dm remove $name
done
for number in 6 7; do
	dd if=/run/cut$number of=/dev/ram$number bs=64k oflag=direct \
		2>/dev/null
done

note "the other is made the primary and written before the first is there"
PRIMARY=b
META=$B1_META up b 1
noise b1 300 20
up b 0
up a 0
up a 1
COPIED=$(status_field b0 copied)
all_equal 0 1
expect_field a0 state consistent
[ $(($(status_field b0 copied) - COPIED)) -lt $((8 << 20)) ] ||
	fail "everything was copied"
for name in a0 a1 b0 b1 b1-meta; do
	dm remove $name
done
teardown
