#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A dm event tells of each change: link up and down, suspended, resumed, behind
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module peer_timeout_ms=3000
hosts_up
ram_disks 2 8
dm create disk --table "$(linear_table /dev/ram1)"
BACK_DISK=/dev/mapper/disk

# Wait by events alone: the number is taken before the state is looked at, so
# none can be missed. A change without an event would be waited for in vain.
event_until()
{
	local number

	note "event: $1 $2 $3"
	while :; do
		number=$(dm info -c --noheadings -o events "$1")
		[ "$(status_field "$1" "$2")" != "$3" ] || break
		dm wait "$1" "$number" >/dev/null || fail "no event"
	done
}

# watch NAME FIELD VALUE...: in the background; WATCHER is to be waited for
watch()
{
	event_until "$@" &
	WATCHER=$!
}

# seen_by COMMAND...: what the watcher waits for comes, and it learns of it
seen_by()
{
	# it is asleep, or about to be: either must work
	sleep 0.3
	"$@"
	wait $WATCHER || fail "the event of: $*"
}

make_back
watch back link connected
seen_by make_front
event_until front link connected

watch front link connecting
seen_by link_cut
event_until back link listening
watch front link connected
seen_by link_up
event_until back link connected

watch front sync suspended
fails()
{
	swap_table disk "$(error_table /dev/ram1)"
	write_block 1
}
seen_by fails
event_until back apply suspended

watch back apply running
mends()
{
	swap_table disk "$(linear_table /dev/ram1)"
	dm message front 0 resume
}
seen_by mends
event_until front sync streaming
event_until front link connected
expect_mirrored

watch front link connecting
seen_by dm remove back
make_back
event_until back state consistent
event_until front sync streaming
expect_mirrored
mirror_down

note "a local error"
dm create local --table "$(linear_table /dev/ram0)"
FRONT_DISK=/dev/mapper/local
make_front
swap_table local "$(error_table /dev/ram0)"
watch front local_errors 1
bad_write()
{
	refuse write_block 1
}
seen_by bad_write
dm remove front
teardown
