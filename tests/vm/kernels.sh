#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Provide the kernels the guests run, in a cache outside the source tree:
#
#   6.1, 6.12  Debian's images, fetched but never installed
#   debug      linux-source-6.12 with KASAN, lockdep, kmemleak, ODEBUG, ...
#   kcsan      linux-source-6.12 with the data race detector
#
# usage: kernels.sh NAME...
#
# Each ends up as $HM_CACHE/kernels/NAME, which appears only when complete:
#
#   vmlinux, bzImage  what to start; vmlinux only if it starts through PVH
#   release           the kernel release
#   kdir              the folder to build modules against
#   lib/modules/...   its modules, decompressed, with modules.dep
#   key               what it was made from; a change rebuilds it

set -eu

HERE=$(dirname "$(readlink -f "$0")")
CACHE=${HM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dm-hybridmirror}
JOBS=${HM_BUILD_JOBS:-$(nproc)}

die()
{
	echo "kernels.sh: $*" >&2
	exit 1
}

note()
{
	echo "kernels.sh: $*" >&2
}

# Fetch Debian package $1 and unpack it into folder $2.
unpack_package()
{
	local tmp=$2.deb

	rm -rf "$tmp"
	mkdir -p "$tmp" "$2"
	# apt drops privileges, and could not write into a private folder
	(cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download "$1")
	dpkg-deb -x "$tmp"/*.deb "$2"
	rm -rf "$tmp"
}

# The release of the newest headers of kernel series $1.
debian_release()
{
	local pattern

	case $1 in
	6.1) pattern='6\.1\.0-[0-9]+-amd64' ;;
	6.12) pattern='6\.12\.[0-9]+\+deb12-amd64' ;;
	esac
	dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 'linux-headers-6.*' |
		sed -n -E "s/^ii +linux-headers-($pattern)\$/\1/p" |
		sort -V | tail -n 1
}

# Put the finished folder $2 in the place of kernel $1.
publish()
{
	rm -rf "$CACHE/kernels/$1"
	mv "$2" "$CACHE/kernels/$1"
}

# True if kernel $1 is there and was made from $2.
have()
{
	[ "$(cat "$CACHE/kernels/$1/key" 2>/dev/null)" = "$2" ]
}

# Fetch Debian's kernel of series $1.
get_debian()
{
	local name=$1 release tmp

	release=$(debian_release "$name")
	[ -n "$release" ] || die "no headers for $name; run deps.sh"
	! have "$name" "$release" || return 0

	note "fetching $release"
	tmp=$CACHE/tmp/$name
	rm -rf "$tmp"
	unpack_package "linux-image-$release" "$tmp/image"
	mv "$tmp/image/boot/vmlinuz-$release" "$tmp/bzImage"
	mv "$tmp/image/lib" "$tmp/lib"
	rm -rf "$tmp/image"
	find "$tmp/lib" -name '*.ko.xz' -print0 | xargs -0 -r xz -d
	depmod -b "$tmp" "$release"
	python3 "$HERE/extract_vmlinux.py" "$tmp/bzImage" "$tmp/vmlinux"
	echo "$release" >"$tmp/release"
	echo "/lib/modules/$release/build" >"$tmp/kdir"
	echo "$release" >"$tmp/key"
	publish "$name" "$tmp"
}

# Unpack linux-source-6.12 once; prints where.
source_tree()
{
	local version tmp tree

	version=$(apt-cache policy linux-source-6.12 |
		sed -n 's/^  Candidate: //p')
	tree=$CACHE/src/linux-$version
	if [ ! -d "$tree" ]; then
		note "unpacking linux-source-6.12 $version"
		tmp=$CACHE/tmp/src
		rm -rf "$tmp"
		unpack_package linux-source-6.12 "$tmp"
		mkdir -p "$tmp/tree" "$CACHE/src"
		tar -C "$tmp/tree" --strip-components=1 \
			-xf "$tmp/usr/src/linux-source-6.12.tar.xz"
		mv "$tmp/tree" "$tree"
		rm -rf "$tmp"
	fi
	echo "$tree"
}

# The fragments which make the configuration of checker kernel $1.
fragments()
{
	echo "$HERE/kernel/hm-checker.config" "$HERE/kernel/hm-$1.config"
}

# Write the configuration of checker kernel $1 (source $2) into folder $3.
configure()
{
	make -s -C "$2" O="$3" x86_64_defconfig kvm_guest.config
	# shellcheck disable=SC2046 # two files
	(cd "$3" && "$2/scripts/kconfig/merge_config.sh" -m -O "$3" \
		"$3/.config" $(fragments "$1") >/dev/null)
	make -s -C "$2" O="$3" olddefconfig
	# olddefconfig quietly drops what it cannot have: the checkers must stay
	# shellcheck disable=SC2046
	grep -hE '^CONFIG_[A-Z0-9_]+=[ym]' $(fragments "$1") |
		while read -r option; do
			grep -qx "$option" "$3/.config" ||
				die "$1: lost $option"
		done
}

# Build checker kernel $1. The build folder is kept: modules are built against
# it, and an interrupted build goes on where it was.
get_checker()
{
	local name=$1 tree key build tmp

	tree=$(source_tree)
	# shellcheck disable=SC2002,SC2046
	key="$(basename "$tree") $(cat $(fragments "$name") | sha256sum)"
	! have "$name" "$key" || return 0

	build=$CACHE/build/$name
	note "building the $name kernel; log in $build.log"
	mkdir -p "$build"
	{
		configure "$name" "$tree" "$build" &&
			make -C "$tree" O="$build" -j"$JOBS" bzImage modules
	} >"$build.log" 2>&1 || die "$name: build failed, see $build.log"

	tmp=$CACHE/tmp/$name
	rm -rf "$tmp"
	mkdir -p "$tmp"
	make -s -C "$tree" O="$build" INSTALL_MOD_PATH="$tmp" \
		modules_install >>"$build.log" 2>&1
	cp "$build/arch/x86/boot/bzImage" "$build/vmlinux" "$tmp"
	cp "$build/include/config/kernel.release" "$tmp/release"
	echo "$build" >"$tmp/kdir"
	echo "$key" >"$tmp/key"
	publish "$name" "$tmp"
}

get()
{
	case $1 in
	6.1 | 6.12) get_debian "$1" ;;
	debug | kcsan) get_checker "$1" ;;
	*) die "unknown kernel '$1'" ;;
	esac
}

main()
{
	local name

	mkdir -p "$CACHE/kernels" "$CACHE/build" "$CACHE/tmp"
	for name; do
		# one maker of each kernel at a time; the source is shared
		(
			flock 8
			get "$name"
		) 8>"$CACHE/tmp/$name.lock" || exit 1
	done
}

main "$@"
