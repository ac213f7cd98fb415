#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Run fuzz targets, each for so many seconds.
#
# usage: run.sh <build directory> <seconds> <target>...

set -u

build=$1
seconds=$2
shift 2

passed=0
failed=0

fuzz()
{
	local target=$1 log=$build/fuzz-$1.log
	local -a options=(
		"-max_total_time=$seconds" "-artifact_prefix=$build/$target-"
		-max_len=1024 -timeout=10 -print_final_stats=1 -verbosity=1
	)

	if [ -e "$target.dict" ]; then
		options+=("-dict=$target.dict")
	fi
	"$build/fuzz-$target" "${options[@]}" "$build/corpus/$target" \
		>"$log" 2>&1 </dev/null
}

for target in "$@"; do
	if fuzz "$target"; then
		passed=$((passed + 1))
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
			"$build/fuzz-$target.log")
		echo "fuzz-$target: $runs runs, nothing found"
	else
		failed=$((failed + 1))
		tail -n 40 "$build/fuzz-$target.log"
		echo "fuzz-$target: FAILED, see $build/fuzz-$target.log"
	fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ne 0 ]
