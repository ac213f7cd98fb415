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

# suite NAME COMMAND...: it must end with "N passed, N failed"
suite()
{
	local name=$1 log sums

	shift
	headline "$name"
	log=$(mktemp)
	"$@" 2>&1 | tee "$log"
	sums=$(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" |
		tail -n 1)
	rm -f "$log"
	# A suite that cannot say how it went has failed.
	# shellcheck disable=SC2086 # two numbers
	add ${sums:-0 1} 0
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

suite "unit tests" make -s -C tests/unit check
suite "fuzzers" make -s -C tests/fuzz check FUZZ_SECONDS="${FUZZ_SECONDS:-10}"
suite "model explorer" make -s -C tests/model check
headline "guests, Debian's kernels"
guests --kernels 6.1,6.12
finish
