#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Run test programs one after the other and add up what they say.
#
# usage: run.sh <program>...
#
# A cmocka program counts by its tests, and as one more failure if it ends
# badly without saying so. Any other program that prints "N passed, N failed"
# counts by that line, and one that prints neither counts as one.

set -u

passed=0
failed=0

# Sum of the first number of each line of $1 that matches $2.
sum()
{
	sed -nE "s/$2/\\1/p" <<<"$1" | awk '{ n += $1 } END { print n + 0 }'
}

count()
{
	local out=$1 rc=$2 p f

	if grep -q '^\[  PASSED  \]' <<<"$out"; then
		p=$(sum "$out" '^\[  PASSED  \] ([0-9]+) test.*')
		f=$(sum "$out" '^\[  FAILED  \] ([0-9]+) test.*')
	elif grep -qE '^[0-9]+ passed, [0-9]+ failed' <<<"$out"; then
		p=$(sum "$out" '^([0-9]+) passed, [0-9]+ failed.*')
		f=$(sum "$out" '^[0-9]+ passed, ([0-9]+) failed.*')
	else
		p=$((rc == 0))
		f=0
	fi
	if [ "$rc" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	printf '%-24s %3d passed, %d failed\n' "$(basename "$3")" "$p" "$f"
	if [ "$f" -ne 0 ]; then
		printf '%s\n' "$out"
	fi
}

for program in "$@"; do
	out=$(timeout 600 "$program" 2>&1 </dev/null)
	count "$out" $? "$program"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ne 0 ]
