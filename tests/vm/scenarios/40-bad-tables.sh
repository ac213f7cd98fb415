#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Each mistake in a table line or a message is refused, in words of its own
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

SECTORS=32768

load_module
hosts_up
ram_disks 3 16

# bad TARGET WORDS LINE: refused with these words
bad()
{
	refuse dm create bad --table "0 $SECTORS $1 $3" 2>/dev/null
	dmesg | grep 'device-mapper: table:' | tail -n 1 |
		grep -qF -- "$2" || fail "not '$2' for '$1 $3' but: $(dmesg |
		grep device-mapper: | tail -n 2)"
}

primary()
{
	bad hybridmirror "$@"
}

backup()
{
	bad hybrid-backup "$@"
}

both()
{
	bad hybridmirror "$1" "$2"
	bad hybrid-backup "$1" "$2"
}

good="/dev/ram0 - $B4 7000"

# the fixed words
both "Too few arguments" ""
both "Too few arguments" "/dev/ram0 - $B4"
primary "Cannot open the data device" "/dev/nothing - $B4 7000 2 sync clean"
backup "Cannot open the data device" "/dev/nothing - $B4 7000"
both "Cannot open the metadata device" "/dev/ram0 /dev/nothing $B4 7000"
both "The metadata device is the data device" "/dev/ram0 /dev/ram0 $B4 7000"
dm create small --table "0 16 linear /dev/ram1 0"
both "The metadata device is too small" "/dev/ram0 /dev/mapper/small $B4 7000"
dm remove small
primary "Invalid address" "/dev/ram0 - backup.example 7000 2 sync clean"
primary "Invalid address" "/dev/ram0 - 10.77.0 7000 2 sync clean"
primary "Invalid address" "/dev/ram0 - fd77::1::2 7000 2 sync clean"
backup "Invalid address" "/dev/ram0 - 10.77.0.256 7000"
both "Invalid port" "/dev/ram0 - $B4 0"
both "Invalid port" "/dev/ram0 - $B4 65536"
both "Invalid port" "/dev/ram0 - $B4 http"
both "Invalid port" "/dev/ram0 - $B4 -1"
both "Invalid port" "/dev/ram0 - $B4 99999999999999999999999999"

# the number of words
both "Invalid number of arguments" "$good x"
both "Fewer words than" "$good 4 backlog 1"
both "More words than" "$good 0 backlog 1"
both "More words than" "$good 2 backlog 1 volume 3"

# words and values
both "Unknown argument" "$good 2 colour red"
both "Unknown argument" "$good 2 BACKLOG 1"
primary "ack needs a value" "$good 3 sync clean ack"
both "backlog needs a value" "$good 1 backlog"
both "backlog is given twice" "$good 4 backlog 1 backlog 1"
primary "Invalid value for ack" "$good 2 ack remote"
primary "Invalid value for ordering" "$good 2 ordering strict"
primary "Invalid value for on_full" "$good 2 on_full drop"
primary "Invalid value for on_disconnect" "$good 2 on_disconnect drop"
primary "Invalid value for defer_us" "$good 2 defer_us 1000001"
primary "Invalid value for defer_us" "$good 2 defer_us -1"
primary "Invalid value for sync" "$good 2 sync maybe"
primary "Invalid value for region" "$good 2 region 32"
primary "Invalid value for region" "$good 2 region 100"
primary "Invalid value for region" "$good 2 region 131072"
both "Invalid value for backlog" "$good 2 backlog 0"
both "Invalid value for backlog" "$good 2 backlog 65537"
both "Invalid value for backlog" "$good 2 backlog 1M"
both "Invalid value for volume" "$good 2 volume 16"
both "Invalid value for volume" "$good 2 volume one"
both "Invalid value for set" \
	"$good 2 set 1234567890123456789012345678901234567890123456789012345678901234"
both "key and tls are not available" "$good 2 key secret"
both "key and tls are not available" "$good 2 tls gcm"
backup "apply log needs a metadata device" "$good 2 apply log"
backup "Invalid value for apply" "$good 2 apply never"
backup "ack is for the hybridmirror target only" "$good 2 ack local"
backup "ordering is for the hybridmirror target only" "$good 2 ordering none"
backup "on_full is for the hybridmirror target only" "$good 2 on_full stall"
backup "on_disconnect is for the hybridmirror" "$good 2 on_disconnect stall"
backup "defer_us is for the hybridmirror target only" "$good 2 defer_us 1"
backup "sync is for the hybridmirror target only" "$good 2 sync clean"
primary "apply is for the hybrid-backup target only" "$good 2 apply auto"

# sizes
SECTORS=32776
primary "The data device is smaller" "$good 2 sync clean"
backup "The data device is smaller" "$good"
SECTORS=32768
need_modules loop
truncate -s 16M /dev/shm/large
large=$(losetup --find --show --sector-size 4096 /dev/shm/large)
SECTORS=32761
primary "not a multiple of the logical block" "$large - $B4 7000 2 sync clean"
SECTORS=32768

# what is formatted keeps the size of its regions
note "regions"
for region in 128 64; do
	on p dm create front --table \
		"0 $SECTORS hybridmirror /dev/ram0 /dev/ram2 $B4 7000 4 sync clean region $region"
	write_block 1
	expect_field front dirty $((128 << 10))
	dm remove front
done
expect_log "the size of a region stays 128 KiB, as formatted"

# sets
note "sets"
mk_primary front /dev/ram0 "$B4" 7000 sync clean set s volume 1
on p dm create second --notable
refuse_join()
{
	refuse on p dm load second --table \
		"0 $SECTORS hybridmirror /dev/ram2 - $2" 2>/dev/null
	dmesg | grep 'device-mapper: table:' | tail -n 1 | grep -qF "$1" ||
		fail "not '$1' but: $(dmesg | grep device-mapper: | tail -n 2)"
}
refuse_join "same volume number" "$B4 7000 6 sync clean set s volume 1"
refuse_join "Only ack and volume may differ" \
	"$B4 7000 8 sync clean set s volume 2 backlog 1"
refuse_join "Only ack and volume may differ" \
	"$B4 7000 8 sync clean set s volume 2 ordering none"
refuse_join "Only ack and volume may differ" \
	"$B4 7001 6 sync clean set s volume 2"
refuse_join "The address must be the same" \
	"$B6 7000 6 sync clean set s volume 2"
dm remove second
dm remove front

# messages
note "messages"
mirror_up
for message in nonsense "resume now" release=1 ""; do
	# shellcheck disable=SC2086 # words
	refuse dm message front 0 $message 2>/dev/null
	# shellcheck disable=SC2086 # words
	refuse dm message back 0 $message 2>/dev/null
done
refuse dm message back 0 release 2>/dev/null
refuse dm message back 0 give_up 2>/dev/null
refuse dm message back 0 force 2>/dev/null
refuse dm message front 0 copy 2>/dev/null
refuse dm message front 0 copy rate fast 2>/dev/null
refuse dm message front 0 copy floor 0 2>/dev/null
expect_log "a primary knows resume, release, copy pause"
expect_log "a backup knows resume, give_up, force and drop_volume"
expect_log "there is nothing to give up"
expect_log "there is nothing to force"
# harmless ones
dm message front 0 release
dm message back 0 resume
dm message front 0 resume
write_block 1
expect_mirrored

# the table says what was given
expect "sync clean" "$(dm table front | cut -d ' ' -f 9-)" "table"
# nothing may write to the backup, or be mirrored twice at the same time
refuse dd if=/dev/zero of=/dev/mapper/back bs=4k count=1 oflag=direct 2>/dev/null
expect_mirrored
mirror_down
teardown
