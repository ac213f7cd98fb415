#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The scenarios on kernels that check themselves: all of them with KASAN and
# lockdep, the racy ones with KCSAN. The kernels are built once and kept.

set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 skipped=0
tests/vm/deps.sh || exit 1
make -s -C tools || exit 1
for kernel in debug kcsan; do
	tests/vm/kernels.sh "$kernel" || exit 1
	totals=$(mktemp)
	python3 tests/vm/run.py --totals "$totals" --kernels "$kernel" \
		${1:+--filter "$1"}
	read -r p f s < <(grep -E '^[0-9]+ [0-9]+ [0-9]+$' "$totals" ||
			  echo 0 1 0)
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	rm -f "$totals"
done
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
