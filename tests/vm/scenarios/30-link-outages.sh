#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A link that is cut, unplugged or reset under load: sent again, in order, equal
# racy
# shellcheck shell=dash disable=SC2119

# shellcheck source=tests/vm/lib/guest-lib.sh
. /hm/guest-lib.sh
# shellcheck source=tests/vm/lib/mirror-lib.sh
. /hm/mirror-lib.sh

load_module
hosts_up
ram_disks 2 8

unreceived()
{
	[ "$(status_field front seq)" != "$(status_field front received)" ]
}

# TCP alone mends what is shorter than the module's patience.
short_cut()
{
	local before

	note "silent, short"
	before=$(status_field front disconnects)
	link_cut
	wait_for unreceived
	sleep 1
	link_up
	wait_for settled_now
	load_goes_on
	expect_field front disconnects "$before"
}

# Something has arrived since: with a load, the two are equal only at times.
settled_now()
{
	above front received "$(status_field front received)" ||
		load_goes_on 1
}

# outage COMMAND...: the link goes, the application stays, the link returns
outage()
{
	local connects

	note "$@"
	connects=$(status_field front connects)
	"$@"
	wait_status front link connecting
	load_goes_on 50
	link_up
	wait_above front connects "$connects"
	load_goes_on
}

# reset_by HOST ADDRESS: both ends lose the connection at once
reset_by()
{
	local connects

	note "reset by $1"
	connects=$(status_field front connects)
	if ! on "$1" ss -tK dst "$2" | grep -q ESTAB; then
		note "this kernel cannot reset a connection"
		return
	fi
	wait_above front connects "$connects"
	load_goes_on
}

need_modules inet_diag tcp_diag
for ack in received local applied; do
	note "ack $ack"
	# also the bound of TCP, for connections that begin from now on
	module_parameter peer_timeout_ms 600000
	mirror_up ack $ack on_disconnect continue
	load_start
	[ $ack != received ] || short_cut
	module_parameter peer_timeout_ms 2500
	outage link_cut
	expect_above front resent 0
	if [ $ack = received ]; then
		outage link_down
		reset_by p "$B4"
		reset_by b "$P4"
	fi
	load_stop
	expect_mirrored
	dm status front
	expect_above front connects 1
	expect_field front protocol_errors 0
	expect_field back protocol_errors 0
	mirror_down
done
teardown
