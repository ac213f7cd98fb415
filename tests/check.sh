#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can be said of the sources without running them: no warning from the
# compiler (W=1), from sparse (C=2), checkpatch --strict, kernel-doc, shellcheck;
# and the rules of the house that a grep can find.

set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# quiet NAME COMMAND...: it must print nothing and succeed
quiet()
{
	local name=$1 out

	shift
	if out=$("$@" 2>&1) && [ -z "$out" ]; then
		echo "ok   $name"
		passed=$((passed + 1))
	else
		echo "FAIL $name"
		echo "$out" | head -n 40
		failed=$((failed + 1))
	fi
}

# The kernel's own scripts come with its source package.
kernel_scripts()
{
	local tar=/usr/src/linux-source-6.12.tar.xz

	[ -f "$tar" ] || apt-get -qq install -y --no-install-recommends \
		linux-source-6.12 >/dev/null || return 1
	tar -C "$scratch" --strip-components=1 --wildcards -xf "$tar" \
		'*/scripts/checkpatch.pl' '*/scripts/spdxcheck.py' \
		'*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' \
		'*/scripts/kernel-doc'
}

builds_cleanly()
{
	local headers=$1

	mkdir "$scratch/${headers##*/}" &&
	cp -r Makefile Kbuild dm-hybridmirror "$scratch/${headers##*/}" &&
	make -C "$scratch/${headers##*/}" modules KDIR="$headers" W=1 C=2 2>&1 |
		grep -E 'warning|error|Error' | grep -v 'Skipping BTF'
	return 0
}

# Accepted, here and nowhere else: a new file needs no MAINTAINERS entry; long
# strings of user-facing text stay in one line; static_assert() inside of a
# function; trace.h is written as all the kernel's are; a macro
# of designated initialisers cannot be put into parentheses; BIT() is of the
# wrong type for sizes; locks are described in the comment above their struct;
# the level is handed to a macro that prints.
CHECKPATCH_IGNORE=FILE_PATH_CHANGES,LONG_LINE_STRING,MACRO_ARG_REUSE,\
COMPLEX_MACRO,MACRO_ARG_PRECEDENCE,OPEN_ENDED_LINE,LINUX_VERSION_CODE,\
CONSTANT_COMPARISON,BIT_MACRO,UNCOMMENTED_DEFINITION,UNNECESSARY_KERN_LEVEL

style()
{
	"$scratch/scripts/checkpatch.pl" --no-tree --strict --terse --quiet \
		--no-summary --max-line-length=100 \
		--ignore "$CHECKPATCH_IGNORE" -f "$@"
}

# trace.h is read by macros that kernel-doc does not know.
documented()
{
	"$scratch/scripts/kernel-doc" -none "$@"
}

core_is_pure()
{
	grep -nE '#include *[<"](linux|net|crypto|asm)/' \
		dm-hybridmirror/core/*.[ch] | grep -v 'core/env\.h'
	return 0
}

versions_in_one_file()
{
	grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION\(' \
		-r dm-hybridmirror --include='*.[ch]' | grep -v '/compat\.h:'
	return 0
}

sizes()
{
	git ls-files '*.c' '*.h' '*.sh' '*.py' | xargs wc -l |
		awk '$2 != "total" && $1 > 800 { print "long file:", $2, $1 }'
	return 0
}

tests/vm/deps.sh || exit 1
kernel_scripts || { echo "no kernel scripts"; exit 1; }
for headers in /usr/src/linux-headers-6.1.*-amd64 \
	       /usr/src/linux-headers-6.12*-amd64; do
	quiet "builds without a warning: ${headers##*-headers-}" \
		builds_cleanly "$headers"
done
mapfile -t sources < <(git ls-files 'dm-hybridmirror/*.[ch]')
mapfile -t styled < <(printf '%s\n' "${sources[@]}" | grep -v '/trace\.h$')
quiet "checkpatch" style "${styled[@]}"
quiet "kernel-doc" documented "${sources[@]}"
mapfile -t scripts < <(git ls-files '*.sh' | xargs grep -lE '^#!.*sh')
quiet "shellcheck" shellcheck -x "${scripts[@]}"
quiet "core/ is pure" core_is_pure
quiet "version checks in one file" versions_in_one_file
quiet "small files" sizes
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
