#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install what building and testing the module needs on Debian 12; "deps.sh bench"
# also what it is compared with, and what draws the plots. Does nothing, quickly,
# when everything is there.

set -eu

PACKAGES=(
	# module, unit tests, fuzzing, style
	build-essential clang libclang-rt-14-dev libcmocka-dev sparse shellcheck
	# checker kernels
	flex bison bc libelf-dev libssl-dev xz-utils zstd cpio
	# guests
	qemu-system-x86 busybox-static fio dmsetup kmod sqlite3 iproute2
	e2fsprogs python3 ca-certificates postgresql-15
)

BENCH_PACKAGES=(gnuplot-nox drbd-utils nbd-client nbd-server mdadm)

die()
{
	echo "deps.sh: $*" >&2
	exit 1
}

# Newest package whose name matches the extended regular expression $1.
newest()
{
	apt-cache pkgnames linux-headers-6. | grep -E "^$1\$" | sort -V | tail -n 1
}

# Names of the kernel header packages; empty when the lists are not there.
header_packages()
{
	newest 'linux-headers-6\.1\.0-[0-9]+-amd64'
	newest 'linux-headers-6\.12\.[0-9]+\+deb12-amd64'
}

# Packages named on the command line which are not installed.
missing()
{
	local installed

	installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' |
		sed -n 's/^ii  *//p')
	printf '%s\n' "$@" | grep -Fxv -e "$installed" || true
}

# PostgreSQL is for the guests: its package shall not begin a database here.
no_cluster()
{
	local conf=/etc/postgresql-common/createcluster.conf

	[ ! -e "$conf" ] || return 0
	mkdir -p "${conf%/*}"
	echo "create_main_cluster = false" >"$conf"
}

main()
{
	local headers want updated=

	[ "$(id -u)" -eq 0 ] || die "must be root to install packages"
	[ "${1:-}" != bench ] || PACKAGES+=("${BENCH_PACKAGES[@]}")
	export DEBIAN_FRONTEND=noninteractive

	headers=$(header_packages)
	if [ "$(echo "$headers" | grep -c .)" -ne 2 ]; then
		apt-get -qq update
		updated=y
		headers=$(header_packages)
	fi
	[ "$(echo "$headers" | grep -c .)" -eq 2 ] ||
		die "no kernel header packages for 6.1 and 6.12"

	# shellcheck disable=SC2086 # one word for each package
	want=$(missing "${PACKAGES[@]}" $headers)
	[ -n "$want" ] || return 0
	[ -n "$updated" ] || apt-get -qq update
	no_cluster
	# shellcheck disable=SC2086
	apt-get -qq install -y --no-install-recommends $want
}

main "$@"
