#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Proves hm-stamp's checker on image files: it accepts what is a good cut and
# finds what is none. A checker that never complains would pass every other
# test of the mirror.
#
# HM_STAMP names the binary (tools/hm-stamp, built if it is missing); the
# images go below TMPDIR.

set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
HM_STAMP=${HM_STAMP:-$top/tools/hm-stamp}
[ -x "$HM_STAMP" ] || make -s -C "$top/tools" hm-stamp || exit 2

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
		tail -n 20 out | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

stamp()
{
	"$HM_STAMP" "$@"
}

# must COMMAND...: what the tests stand on; without it they prove nothing.
must()
{
	"$@" >must.out 2>&1 && return
	echo "FAIL preparation: $*"
	cat must.out
	echo "$passed passed, $((failed + 1)) failed"
	exit 1
}

blank()
{
	for image; do
		rm -f "$image"
		truncate -s 4M "$image" || exit 2
	done
}

# put FROM TO BLOCK: copies one block of 4096 bytes.
put()
{
	must dd if="$1" of="$2" bs=4096 skip="$3" seek="$3" count=1 \
		conv=notrunc
}

# update_in IMAGE BLOCK: the number of the update in it.
update_in()
{
	stamp show "$1" "$2" | sed -n 's/.*writer [0-9]* update \([0-9]*\).*/\1/p'
}

# journal NAME VOLUMES OPTION...: a run whose updates are kept. The writers
# wait between updates, so that each gets its share even where writing takes no
# time.
journal()
{
	journal_name=$1
	images=
	i=0
	while [ $i -lt "$2" ]; do
		images="$images run.$i"
		i=$((i + 1))
	done
	shift 2
	# shellcheck disable=SC2086 # a list of plain names
	blank $images
	# shellcheck disable=SC2086
	must stamp write --think 500 "$@" --journal "$journal_name" $images
}

# replay_into IMAGE OPTION... JOURNAL: a fresh image of one volume.
replay_into()
{
	target=$1
	shift
	blank "$target"
	must stamp replay "$@" "$target"
}

test_good_runs()
{
	blank a b c
	expect "write to three volumes" 0 "^ACKED w0:[0-9]* w1:" \
		stamp write --seed 11 --updates 3000 --log log \
		--progress-ms 10 --think 300 a b c
	expect "a complete run is a good cut" 0 \
		"^good cut: 16 writers, 3000 updates visible.* 0 violations" \
		stamp check --min-updates 3000 a b c
	expect "nothing acknowledged by the log is missing" 0 \
		" 0 lost acknowledged updates" stamp check --acked log a b c
	expect "a log can be shown" 0 "^ACKED w0:" stamp show log
	expect "too few updates fail" 1 "too few updates: 3000" \
		stamp check --min-updates 3001 a b c
	expect "violations that are expected but missing fail" 1 \
		"there are none" stamp check --expect-violations a b c
	expect "volumes in another order are found" 1 "NOT a good cut" \
		stamp check b a c
	expect "a volume that is left out is refused" 2 "3 volumes" \
		stamp check a b
	expect "the seed of an earlier run is refused" 2 "another seed" \
		stamp write --seed 11 --updates 10 a b c
	for size in 512 65536; do
		blank a
		must stamp write --block-size $size --writers 8 --updates 500 a
		expect "blocks of $size bytes" 0 "^good cut: 8 writers, 500 " \
			stamp check a
	done
	blank a
	must stamp write --writers 64 --blocks 64 --updates 2000 \
		--think 1000 a
	expect "64 writers with one block each" 0 "2000 updates visible in 64 " \
		stamp check a
}

test_empty()
{
	blank a
	expect "an empty image is a good cut, and said to be empty" 0 \
		"^good cut: the images are empty" stamp check a
	expect "an empty image has too few updates" 1 "too few updates" \
		stamp check --min-updates 1 a
	expect "an empty image lacks what was acknowledged" 1 \
		" 7 lost acknowledged updates" stamp check --acked "w0:3 w1:4" a
	printf 'x' | dd of=a bs=1 seek=5000 conv=notrunc 2>/dev/null
	expect "an image with foreign data only is reported" 1 \
		"neither blank nor" stamp check a
	expect "foreign data from before the run can be allowed" 0 \
		"^good cut" stamp check --foreign-ok a
}

test_prefixes()
{
	# Few blocks, so that each was written many times by any of these.
	journal j 1 --seed 21 --writers 4 --blocks 16 --updates 900
	for n in 1 2 17 100 333 899 900; do
		replay_into a --first $n j
		expect "the first $n updates are a good cut" 0 \
			"^good cut: 4 writers, $n updates visible" \
			stamp check a
	done
	replay_into old --first 300 j
	expect "how far an image is behind" 0 \
		"behind the reference by 600 updates" \
		stamp check --reference a old
	blank b
	expect "how far an empty image is behind" 0 \
		"behind the reference by 900 updates" \
		stamp check --reference a b
}

# Uses a (900 updates) and old (300 updates) of test_prefixes.
test_damage()
{
	# Of two blocks of one writer, one does not hold its last update, and
	# hence is demanded by a later update that is visible.
	block=0
	[ "$(update_in a 0)" -lt "$(update_in a 4)" ] || block=4
	cp a bad
	put old bad $block
	expect "old contents of a block are found" 1 \
		"block $block holds update $(update_in old $block) of writer 0" \
		stamp check bad
	expect "violations that are expected are a success" 0 \
		"expected and found" stamp check --expect-violations bad
	blank zero
	cp a bad
	put zero bad $block
	expect "a zeroed block is found" 1 "block $block holds update 0" \
		stamp check bad
	cp a bad
	must dd if=old of=bad bs=512 skip=$((block * 8 + 4)) \
		seek=$((block * 8 + 4)) count=4 conv=notrunc
	expect "a block torn between two updates is found" 1 \
		"block $block is torn" stamp check bad
	cp a bad
	must dd if=zero of=bad bs=512 seek=$((block * 8)) count=1 conv=notrunc
	expect "a block without its beginning is found" 1 \
		"block $block is torn or foreign" stamp check bad
	expect "allowing foreign data does not hide it" 1 \
		"block $block holds update 0" stamp check --foreign-ok bad
	cp a bad
	must dd if=a of=bad bs=4096 skip=$block seek=8 count=1 conv=notrunc
	expect "a block in the wrong place is found" 1 \
		"block 8 holds what belongs into volume 0 block $block" \
		stamp check bad
	cp a bad
	must dd if=old of=bad bs=4096 count=16 conv=notrunc
	put a bad $block
	expect "one new block on an old image is found" 1 "NOT a good cut" \
		stamp check bad
}

# One writer, and blocks enough that none of the 14 updates hits another.
test_removal()
{
	journal c 1 --seed 31 --writers 1 --blocks 1000 --updates 14
	expect "the updates of the test are in different blocks" 0 \
		" 14 updates visible in 14 blocks" stamp check run.0
	for n in 1 5 8 10 13; do
		replay_into a --without $n c
		expect "completion ordering: update $n may not be missing" 1 \
			"holds update 0 of writer 0 instead of $n or" \
			stamp check a
	done
	replay_into a --without 14 c
	expect "completion ordering: the last one may be missing" 0 \
		"^good cut" stamp check a
}

test_flush()
{
	journal f 1 --seed 31 --writers 1 --blocks 1000 --updates 14 \
		--ordering flush --flush-every 8
	for n in 1 5 8; do
		replay_into a --without $n f
		expect "flush ordering: flushed update $n may not be missing" 1 \
			"instead of $n or" stamp check a
	done
	for n in 9 10 13 14; do
		replay_into a --without $n f
		expect "flush ordering: unflushed update $n may be missing" 0 \
			"^good cut" stamp check a
	done
	replay_into a --first 8 --without 3 f
	expect "flush ordering: nothing was issued after the flush" 0 \
		"^good cut" stamp check a
	journal d 1 --seed 31 --writers 1 --blocks 1000 --updates 14 \
		--ordering flush --flush-every 8 --dsync-every 3
	replay_into a --without 9 d
	expect "flush ordering: a FUA write right after a flush is durable" 1 \
		"instead of 9 or" stamp check a
	replay_into a --without 10 --without 11 d
	expect "flush ordering: a FUA write covers none before it" 0 \
		"^good cut" stamp check a
	journal m 3 --seed 32 --writers 8 --updates 3000 --ordering flush \
		--flush-every 3 --dsync-every 5 --log log
	for n in 1 50 999 2222 3000; do
		blank a b c
		must stamp replay --first $n m a b c
		expect "flush ordering: the first $n updates are a good cut" 0 \
			"^good cut" stamp check --min-updates 1 a b c
	done
	expect "flush ordering: nothing flushed is missing" 0 \
		" 0 lost acknowledged" stamp check --acked log a b c
	blank b
	expect "flush ordering: a volume that lost all is found" 1 \
		"^violation: b block" stamp check a b c
}

test_volumes()
{
	journal v 2 --seed 41 --writers 4 --blocks 64 --updates 900
	blank a0 a1 b0 b1
	must stamp replay --first 300 v a0 a1
	must stamp replay --first 600 v b0 b1
	expect "two volumes at the same update" 0 "600 updates" \
		stamp check b0 b1
	expect "the first volume ahead of the second" 1 "^violation: a1 block" \
		stamp check b0 a1
	expect "the second volume ahead of the first" 1 "^violation: a0 block" \
		stamp check a0 b1
}

test_acked()
{
	journal j 1 --seed 51 --writers 4 --updates 900 --log log
	replay_into a --first 800 j
	expect "without acknowledgments, a prefix is good" 0 "^good cut" \
		stamp check a
	expect "lost acknowledged updates are found by the log" 1 \
		"^good cut: .* 100 lost acknowledged updates" \
		stamp check --acked log a
	expect "nothing is lost from the whole" 0 " 0 lost" \
		stamp check --acked log run.0
	stamp show log | grep ACKED >line
	{
		echo "[    1.0] boot"
		echo "RUN seed 50 writers 4"
		echo "ACKED w0:900000 w1:1 w2:1 w3:1"
		echo "RUN seed 51 writers 4"
		printf 'ACKED w0:1 w1:1 w2[   3.0] noise w3:12345\r\n'
		printf '%s\r\n' "$(cat line)"
		printf 'ACKED w0:1'
	} >console
	expect "a recorded console will do, noise and all" 1 \
		" 100 lost acknowledged updates" stamp check --acked console a
	expect "and its line as well" 1 " 100 lost acknowledged updates" \
		stamp check --acked "$(cat line)" a
	expect "a recorded console of a whole run" 0 " 0 lost" \
		stamp check --acked console run.0
	echo "[    1.0] boot" >console
	expect "a console without an ACKED line is no proof" 2 "no ACKED line" \
		stamp check --acked console a
	expect "acknowledgments of another run are refused" 2 "another run" \
		stamp check --acked "w9:1" a
}

# wait_for_lines N FILE: for as long as a busy machine may take.
wait_for_lines()
{
	tries=0
	while [ "$(wc -l <"$2")" -lt "$1" ] && [ $tries -lt 300 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

test_ends()
{
	for signal in KILL TERM; do
		blank a b
		# The lines that are waited for must not be those of before.
		: >console
		# Not through stamp(): $! has to be the writer itself.
		"$HM_STAMP" write --log log --progress-ms 10 --think 500 \
			a b >console 2>&1 &
		pid=$!
		wait_for_lines 50 console
		kill -$signal $pid
		wait $pid 2>/dev/null
		status=$?
		expect "SIG$signal: the log is a lower bound" 0 " 0 lost" \
			stamp check --min-updates 50 --acked log a b
		expect "SIG$signal: so is the console" 0 " 0 lost" \
			stamp check --min-updates 50 --acked console a b
	done
	expect "SIGTERM: the run says what it did" 0 \
		"updates completed in [0-9]* ms\$" tail -n 1 console
	expect "SIGTERM: this is no error" 0 "^0" echo "$status"
	blank a
	expect "--seconds ends a run" 0 "updates completed in 1[0-9][0-9][0-9] ms" \
		stamp write --seconds 1 --think 1000 a
	# A file size limit is the I/O error that needs no privilege.
	blank a
	# shellcheck disable=SC2016 # for the inner shell
	expect "an I/O error ends a run and names device and block" 2 \
		"writing to a failed (block [0-9]*, update" \
		sh -c 'trap "" XFSZ; ulimit -f 1000; exec "$1" write --updates 5000 a' \
		sh "$HM_STAMP"
	cp out console
	expect "what was written until then is a good cut" 0 " 0 lost" \
		stamp check --acked console a
}

test_two_runs()
{
	blank a
	must stamp write --seed 61 --blocks 256 --updates 1000 --think 500 a
	must stamp write --seed 62 --blocks 256 --updates 200 --think 500 a
	expect "stamps of two runs call for --seed" 2 "seed 61" stamp check a
	expect "the later run is a good cut" 0 "200 updates.*seed 62" \
		stamp check --seed 62 a
	expect "the earlier one was overwritten" 0 "expected and found" \
		stamp check --seed 61 --expect-violations a
	expect "a run that never was leaves an empty image" 0 "by the run" \
		stamp check --seed 63 a
}

test_usage()
{
	blank a
	expect "no subcommand" 2 "^usage" stamp
	expect "an unknown subcommand" 2 "no subcommand" stamp prove
	expect "no such device" 2 "cannot use nowhere" \
		stamp write --updates 1 nowhere
	expect "a block size that is no power of two" 2 "power of two" \
		stamp write --block-size 3000 a
	expect "more blocks than there are" 2 "has room for 1024" \
		stamp write --blocks 1025 a
	expect "blocks too small for the vector" 2 "no room" \
		stamp write --block-size 512 --writers 64 a
	expect "flush ordering without flushes" 2 "needs flushes" \
		stamp write --ordering flush --flush-every 0 a
	expect "a number that is none" 2 "must be a number" \
		stamp write --updates many a
	expect "a directory is no volume" 2 "neither a block device" \
		stamp check .
}

test_good_runs
test_empty
test_prefixes
test_damage
test_removal
test_flush
test_volumes
test_acked
test_ends
test_two_runs
test_usage

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
