# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# Rounds of hm-stamp on a mirror, for the shell of a guest; after guest-lib.sh.
#
# The backup writes to a device that lies on a gate: what has passed the gate is
# on the disk. Closing the gate loses all that comes later without a word, so
# the disk keeps the content of one instant, as after a power cut.

# Milliseconds for dm-delay: until its table is swapped
# shellcheck disable=SC2034 # for the scenarios
NEVER=100000000

SEED=$(seed)
ROUND=0
STAMP=''

# gate_on DEVICE: creates /dev/mapper/gate
gate_on()
{
	need_modules dm-zero
	dm create gate --table "$(linear_table "$1")"
}

gate_open()
{
	swap_table gate "$(linear_table "$1")"
}

gate_close()
{
	swap_table gate "0 $(sectors /dev/mapper/gate) zero" --noflush --nolockfs
}

# pause MS: at most so long, as the seed says
pause()
{
	sleep "$(awk -v seed="$((SEED + ROUND))" -v ms="$1" \
		'BEGIN { srand(seed); printf "%.3f", rand() * ms / 1000 }')"
}

# stamp_start ORDERING DEVICE...: write in the background
stamp_start()
{
	local ordering=$1 more=''

	shift
	ROUND=$((ROUND + 1))
	[ "$ordering" != flush ] || more="--flush-every 6 --dsync-every 5"
	# shellcheck disable=SC2086 # words of options
	hm-stamp write --seed "$((SEED + ROUND))" --writers 16 --think 40000 \
		--ordering "$ordering" $more --log /run/acked.now "$@" \
		>/run/stamp.out 2>&1 &
	STAMP=$!
}

# What has been acknowledged up to now; a bound from below
stamp_acked()
{
	cp /run/acked.now /run/acked
}

# stamp_stop [NAME...]: end it; primaries whose writes wait for a dead link
stamp_stop()
{
	local name

	kill -TERM "$STAMP"
	for name; do
		dm message "$name" 0 release
	done
	wait "$STAMP" || fail "hm-stamp write: $(cat /run/stamp.out)"
}

# stamp_check OPTION|IMAGE...
stamp_check()
{
	hm-stamp check --seed "$((SEED + ROUND))" "$@" ||
		fail "round $ROUND, repeat it with HM_SEED=$SEED"
}

# stamp_arrives NAME NUMBER: wait until the backup has received so many more
stamp_arrives()
{
	wait_for "[ \"\$(status_field '$1' received)\" -ge \
		'$(($(status_field "$1" received) + $2))' ]"
}

# stamp_under_way NAME NUMBER: wait until the backup has applied so many
stamp_under_way()
{
	wait_for "[ \"\$(status_field '$1' applied)\" -ge '$2' ]"
}
