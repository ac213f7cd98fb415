# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Disks whose writes take a time that depends on the place, and how many writes a
# backup performs; after bench-lib.sh.

# slow_disk_table KIND SEED DEVICE: writes to
#   equal    all places take 8 ms
#   spread   each of 64 places takes its own time, lognormal around 8 ms
#   tail     one place of 100 takes 80 ms, the others 8 ms
#   quarter  the last quarter of every 16 MiB takes 30 ms, the rest nothing
slow_disk_table()
{
	awk -v kind="$1" -v seed="$2" -v device="$3" -v all="$(sectors "$3")" '
	function piece(length_, ms) {
		if (at + length_ > all)
			length_ = all - at
		if (ms)
			print at, length_, "delay", device, at, 0, device, at, ms
		else
			print at, length_, "linear", device, at
		at += length_
	}
	BEGIN {
		srand(seed)
		# that distribution at its 16 quantiles
		split("3 4 5 5 6 7 7 8 8 9 10 11 12 13 15 20", quantile)
		at = 0
		if (kind == "equal")
			piece(all, 8)
		if (kind == "spread")
			while (at < all)
				piece(int(all / 64 / 8) * 8,
				      quantile[1 + int(16 * rand())])
		if (kind == "tail")
			while (at < all)
				piece(int(all / 100 / 8) * 8, n++ == 50 ? 80 : 8)
		while (kind == "quarter" && at < all) {
			piece(24576, 0)
			piece(8192, 30)
		}
	}'
}

# slow_disk KIND SEED DEVICE: creates /dev/mapper/slow
slow_disk()
{
	need_modules dm-mod dm-delay
	slow_disk_table "$@" | dm create slow
}

# applied NAME, on the backup: writes of 4 KiB that are on its disk
applied()
{
	case $1 in
	mirror) hm-status back applied ;;
	drbd) echo $(($(drbd_counter 1 dw) / 4)) ;;
	esac
}

# apply_rate NAME SECONDS, on the backup: prints how many it performs a second
apply_rate()
{
	local from to first last

	# shellcheck disable=SC2034 # the second word
	read -r from last </proc/uptime
	first=$(applied "$1")
	sleep "$2"
	read -r to last </proc/uptime
	last=$(applied "$1")
	awk -v n=$((last - first)) -v from="$from" -v to="$to" \
		'BEGIN { printf "%.1f\n", n / (to - from) }'
}
