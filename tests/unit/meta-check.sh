#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Proves hm-meta, and the words about the format, on images that are made from
# these words by other code (meta-image.py).
#
# HM_META names the binary (tools/hm-meta, brought up to date); the images go
# below TMPDIR.

set -u

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${HM_META:-}" ]; then
	make -s -C "$here/../../tools" hm-meta || exit 2
	HM_META=$here/../../tools/hm-meta
fi

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 2' INT TERM HUP
cd "$dir" || exit 2

passed=0
failed=0

# expect NAME STATUS TEXT COMMAND...: the command has to exit with STATUS and
# to print TEXT (a basic regular expression).
expect()
{
	name=$1
	want=$2
	text=$3
	shift 3
	"$@" >out 2>&1
	got=$?
	if [ "$got" = "$want" ] && grep -q -- "$text" out; then
		echo "ok $name"
		passed=$((passed + 1))
	else
		echo "FAIL $name: exit $got instead of $want, or no \"$text\" in:"
		tail -n 30 out | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

# shows NAME TEXT: what was printed last has this too.
shows()
{
	expect "$1" 0 "$2" cat out.kept
}

# keeps: what was printed last is looked at again.
keeps()
{
	cp out out.kept
}

meta()
{
	"$HM_META" "$@"
}

# image IMAGE WHAT...: what the tests stand on; without it they prove nothing.
image()
{
	python3 "$here/meta-image.py" "$@" && return
	echo "FAIL preparation: $*"
	echo "$passed passed, $((failed + 1)) failed"
	exit 1
}

STREAM=0123456789abcdef0123456789abcdef

# A volume of 100000 regions of 64 KiB, the last one with a single sector.
backup()
{
	image "$1" new 12799873 7 0 1 2 31743 31744 99999
	image "$1" super 1 sequence=7 role=2 sectors=12799873 shift=7 \
		generations=a1 covered=1
	image "$1" super 0 sequence=8 role=2 set=orders volume=3 flags=4 \
		sectors=12799873 shift=7 generations=c3,b2,a1 covered=2 \
		stream=$STREAM seq=900 group=70
}

test_backup()
{
	backup a
	expect "a backup" 0 "the metadata is good" meta dump a
	keeps
	shows "its superblocks" "^superblock 0: .*good, sequence 8, the one"
	shows "the other one" "^superblock 1: .*good, sequence 7\$"
	shows "its role" "^role: *backup\$"
	shows "its set" "^set: *orders  22222222-2222-2222-2222-222222222222\$"
	shows "its volume" "^volume: *3  11111111-1111-1111-1111-111111111111\$"
	shows "its size" "^size: *12799873 sectors"
	shows "its state" "^data: *consistent at group 70\$"
	shows "its stream" "^stream: *01234567-.*stopped after update 900\$"
	shows "its newest generation" "^generations: *00000000000000c3  the"
	shows "one that the bitmap reaches" "00000000000000b2  the bitmap"
	shows "one that it does not reach" "00000000000000a1\$"
	shows "its regions" "^region size: *64 KiB\$"
	# Five whole ones, and the last.
	shows "what is dirty" "^dirty regions: *6 of 100000, 328192 bytes\$"
	expect "no ranges unless asked for" 0 "^0\$" \
		sh -c 'grep -c "dirty range" out.kept || true'
	expect "ranges" 0 "^dirty range: *sector 0, 384 sectors\$" \
		meta dump --ranges a
	keeps
	shows "neighbours are one range, across blocks" \
		"sector 4063104, 256 sectors\$"
	shows "the last range is short" "sector 12799872, 1 sectors\$"
}

test_states()
{
	image a new
	image a super 1 role=1 set= generations=a1 covered=1 flags=2
	expect "a primary" 0 "^role: *primary\$" meta dump a
	keeps
	shows "it has no name" "^set: *(no name)  2222"
	shows "its data" "^data: *consistent: as the primary"
	shows "no stream" "^stream: *none\$"
	shows "a fresh peer" "the bitmap will do for a fresh peer"
	shows "nothing is dirty" "^dirty regions: *0 of 1, 0 bytes\$"
	image a super 0 sequence=2 role=2 flags=1 since=1700000000 \
		generations=a1 covered=1
	expect "inconsistent, and since when" 0 \
		"^data: *INCONSISTENT since 2023-11-14T22:13:20Z" meta dump a
	image a super 0 sequence=2 role=2 flags=1
	expect "inconsistent, nobody knows since when" 0 \
		"INCONSISTENT since an unknown time" meta dump a
	keeps
	shows "no generations" "^generations: *none"
	image a super 0 sequence=2 role=2 flags=1 since=0x7fffffffffffffff
	expect "a time that is none" 0 "since 9223372036854775807:" meta dump a
	image a super 0 sequence=2 role=2 generations=a1 covered=1 group=5 \
		stream=$STREAM
	expect "not stopped cleanly" 0 "consistent at group 5 or later\$" \
		meta dump a
	keeps
	shows "the position is unknown" "position unknown\$"
	image a super 0 sequence=2 role=2
	expect "never paired" 0 "nothing was paired yet" meta dump a
}

# json EXPRESSION: of the report, once it is parsed as d.
json()
{
	file=$1
	shift
	meta dump --json --ranges "$file" >report
	status=$?
	python3 -c 'import json, sys
d = json.load(open("report"))
print(eval(sys.argv[1]))' "$1" || return 99
	return $status
}

test_json()
{
	backup a
	expect "JSON can be parsed" 0 "^good\$" json a 'd["verdict"]'
	expect "JSON: copies" 0 "^0 8 \['good', 'good'\]\$" \
		json a 'f"""{d["copy"]} {d["sequence"]} {d["copies"]}"""'
	expect "JSON: who" 0 "^backup orders 3 22222222-2222" \
		json a '" ".join(str(d[k]) for k in ("role", "set", "volume",
			"set_uuid", "volume_uuid"))'
	expect "JSON: state" 0 "^True None True 900 70\$" \
		json a '" ".join(str(d[k]) for k in ("consistent", "since",
			"position", "seq", "group"))'
	expect "JSON: generations" 0 "^2 False \['00000000000000c3', '" \
		json a '" ".join(str(d[k]) for k in ("covered", "covers_fresh",
			"generations"))'
	expect "JSON: regions" 0 "^128 100000 4 0 6 641\$" \
		json a '" ".join(str(d[k]) for k in ("region_sectors",
			"regions", "bitmap_blocks", "damaged_blocks",
			"dirty_regions", "dirty_sectors"))'
	expect "JSON: ranges" 0 \
		"^\[\[0, 384\], \[4063104, 256\], \[12799872, 1\]\]\$" \
		json a 'd["ranges"]'
	image a super 1 sequence=9 role=2 flags=1 since=1700000000 \
		sectors=12799873 shift=7 'set=a"b\c' generations=a1 covered=1
	expect "JSON: a set with a quote and a backslash" 0 '^a"b\\c$' \
		json a 'd["set"]'
	expect "JSON: inconsistent" 0 "^False 2023-11-14T22:13:20Z None\$" \
		json a '" ".join(str(d[k]) for k in ("consistent", "since",
			"stream"))'
	truncate -s 0 b
	truncate -s 8K b
	expect "JSON: nothing there" 2 "^empty \['empty', 'empty'\]\$" \
		json b 'f"""{d["verdict"]} {d["copies"]}"""'
}

test_damage()
{
	backup a
	image a flip 300
	expect "one damaged superblock" 0 "^superblock 0: *damaged\$" meta dump a
	keeps
	shows "the other one counts" "^superblock 1: .* 7, the one that counts"
	image a flip 4396
	expect "two of them" 2 "zero its first 8 KiB" meta dump a
	backup a
	# The second block of the bitmap, with regions 31744 to 63487.
	image a flip 13000
	expect "a damaged bitmap" 2 "region bitmap of the metadata is damaged" \
		meta dump a
	keeps
	shows "which part of it" "1 of 4 blocks of the bitmap are damaged"
	shows "its regions count as dirty" "^dirty regions: *31749 of 100000,"
	backup a
	truncate -s 20480 a
	expect "a bitmap that is cut off" 2 "1 of 4 blocks" meta dump a
	backup a
	image a super 0 sequence=8 role=2 generations=b,a covered=2 \
		sectors=12799873 shift=7 blocks=5
	expect "a good checksum over what cannot be" 2 "superblock.* damaged" \
		meta dump a
}

test_others()
{
	truncate -s 1M empty
	expect "an empty device" 2 "is empty" meta dump empty
	cp empty other
	printf 'x' | dd of=other bs=1 seek=1080 conv=notrunc 2>/dev/null
	expect "a foreign device" 2 "holds something else" meta dump other
	image a new
	image a super 0 version=3
	expect "a newer version" 2 "newer version" meta dump a
	keeps
	shows "and no fields of it" "^superblock 1: *empty\$"
	truncate -s 8191 small
	expect "a device that is too small" 1 "too small" meta dump small
	expect "no such device" 1 "cannot open nowhere" meta dump nowhere
	expect "a directory" 1 "cannot read" meta dump .
}

test_usage()
{
	expect "help" 0 "^usage: hm-meta dump" meta --help
	expect "no subcommand" 1 "^usage" meta
	expect "an unknown subcommand" 1 "no subcommand \"write\"" meta write
	expect "no device" 1 "which device" meta dump
	expect "two devices" 1 "more than one" meta dump a b
	expect "an unknown option" 1 "no option \"--force\"" meta dump --force a
	image a new
	image a super 1
	# shellcheck disable=SC2016 # for the inner shell
	expect "a report that cannot be delivered" 1 "cannot write" \
		sh -c '"$1" dump a >/dev/full' sh "$HM_META"
}

test_backup
test_states
test_json
test_damage
test_others
test_usage

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
