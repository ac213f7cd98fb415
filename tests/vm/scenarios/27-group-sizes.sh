#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Holding completions makes larger groups, and ordering flush has far fewer

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh

load_module
hosts_up
ram_disks 2 8

# groups [ARGUMENT...]: prints how many the same updates take
groups()
{
	mk_backup back /dev/ram1 "$B4" 7000
	mk_primary front /dev/ram0 "$B4" 7000 sync clean ack local "$@"
	wait_status front link connected
	fio --name=groups --filename=/dev/mapper/front --rw=randwrite --bs=4k \
		--size=8m --io_size=2m --ioengine=libaio --iodepth=16 \
		--iodepth_batch=16 --direct=1 --fsync=64 --randseed=7 \
		--minimal >/dev/null || fail "fio $*"
	note "$*: $(status_field front seq) updates" \
		"in $(status_field front group) groups" >&2
	[ "$(status_field front seq)" -ge 512 ] || fail "too few updates"
	status_field front group
	dm remove front
	dm remove back
}

plain=$(groups ordering completion)
held=$(groups ordering completion defer_us 2000)
flush=$(groups ordering flush)
none=$(groups ordering none)

[ "$held" -lt "$plain" ] || fail "$held groups with defer_us, $plain without"
[ $((flush * 4)) -lt "$plain" ] ||
	fail "$flush groups in order of flushes, $plain in that of completions"
expect 1 "$none" "number of groups without order"
expect_same /dev/ram0 /dev/ram1
teardown
