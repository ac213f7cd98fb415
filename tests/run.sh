#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# All that "make test" runs: unit tests, fuzzers, the model explorer, and the
# scenarios in guests on both of Debian's kernels. With a name: that scenario
# only, on one kernel. Ends with the sums.

set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 skipped=0

# add PASSED FAILED SKIPPED
add()
{
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
}

headline()
{
	printf '\n== %s (%ds)\n' "$*" "$SECONDS"
}

# suite NAME COMMAND...: it must end with "N passed, N failed". What it prints
# comes in one piece, since the guests print, too.
suite()
{
	local name=$1 log result

	shift
	log=$(mktemp)
	{
		headline "$name"
		"$@"
	} >"$log" 2>&1
	result=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" |
		tail -n 1)
	# A suite that cannot say how it went has failed.
	echo "${result:-0 1} 0" >>"$sums"
	echo >>"$log"
	cat "$log"
	rm -f "$log"
}

suites()
{
	suite "unit tests" make -s -C tests/unit check
	suite "fuzzers" make -s -C tests/fuzz check \
		FUZZ_SECONDS="${FUZZ_SECONDS:-10}"
	suite "model explorer" make -s -C tests/model check
}

# The suites beside the guests, who leave some of each processor idle.
everything()
{
	local suites p f s

	sums=$(mktemp)
	# a process group of its own, so that it ends with us
	set -m
	suites &
	suites=$!
	set +m
	# shellcheck disable=SC2064 # the group is known now
	trap "kill -- -$suites 2>/dev/null" EXIT
	headline "guests, Debian's kernels"
	guests --kernels 6.1,6.12
	wait "$suites"
	trap - EXIT
	while read -r p f s; do
		add "$p" "$f" "$s"
	done <"$sums"
	[ "$(wc -l <"$sums")" -eq 3 ] || add 0 1 0
	rm -f "$sums"
}

# guests RUNNER-ARGUMENT...
guests()
{
	local totals

	totals=$(mktemp)
	python3 tests/vm/run.py --totals "$totals" "$@"
	# shellcheck disable=SC2046 # three numbers
	add $(grep -E '^[0-9]+ [0-9]+ [0-9]+$' "$totals" || echo 0 1 0)
	rm -f "$totals"
}

finish()
{
	printf '\n%d passed, %d failed, %d skipped\n' \
		"$passed" "$failed" "$skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

headline "packages"
tests/vm/deps.sh || add 0 1 0

headline "tools"
make -s -C tools || add 0 1 0

if [ $# -gt 0 ]; then
	guests --kernels "${KERNELS:-6.12}" --filter "$1"
	finish
fi

everything
finish
