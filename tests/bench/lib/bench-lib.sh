# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# The contestants of a benchmark, for the shell of a guest; after guest-lib.sh.
#
# Each has two functions, NAME_backup_up and NAME_primary_up, which are called
# with the words of its table line, two more to take it down, and NAME_settled,
# for the primary, which says whether the backup has everything. They work with
# DISK and META, the devices of this end, OWN and PEER, the addresses of the two
# ends, SECTORS, the size of what is mirrored, and END, p or b. What is tested is
# then the device "$(tested)".

PORT=7000

# MiB of memory that each end of this mirror may take
BACKLOG=64

# ---- ends ----

# end_is END DISK META OWN PEER SECTORS
end_is()
{
	END=$1 DISK=$2 META=$3 OWN=$4 PEER=$5 SECTORS=$6
}

tested_is()
{
	echo "$1" >/run/tested
}

tested()
{
	cat /run/tested
}

# Zero the beginning of the metadata device.
meta_blank()
{
	dd if=/dev/zero of="$META" bs=64k count=4 oflag=direct 2>/dev/null
	uncache "$META"
}

# ---- the disk alone ----

bare_backup_up() { :; }
bare_primary_up() { tested_is "$DISK"; }
bare_settled() { :; }
bare_goal() { :; }
bare_primary_down() { :; }
bare_backup_down() { :; }

linear_backup_up() { :; }

linear_primary_up()
{
	need_modules dm-mod
	dm create linear --table "0 $SECTORS linear $DISK 0"
	tested_is /dev/mapper/linear
}

linear_settled() { :; }
linear_goal() { :; }
linear_primary_down() { dm remove linear; }
linear_backup_down() { :; }

# ---- this mirror ----

mirror_load()
{
	need_modules crc32c-intel
	[ -d /sys/module/dm_hybridmirror ] || load_module
}

# mirror_backup_up APPLY ARGUMENT...: the arguments are the primary's
mirror_backup_up()
{
	mirror_load
	meta_blank
	dm create back --table \
		"0 $SECTORS hybrid-backup $DISK $META $OWN $PORT \
		4 backlog $BACKLOG apply $1"
}

# mirror_primary_up APPLY ARGUMENT...: the first is the backup's
mirror_primary_up()
{
	shift
	mirror_load
	meta_blank
	dm create front --table "0 $SECTORS hybridmirror $DISK $META $PEER \
		$PORT $(($# + 4)) sync clean backlog $BACKLOG $*"
	wait_status front link connected
	tested_is /dev/mapper/front
}

# All that was written is on the backup's disk.
mirror_settled()
{
	# shellcheck disable=SC2046 # a word for each field
	set -- $(hm-status front link sync unsynced seq durable)
	[ "$1 $2 $3" = "connected streaming 0" ] && [ "$4" = "$5" ]
}

mirror_goal() { :; }
mirror_primary_down() { dm remove front; }
mirror_backup_down() { dm remove back; }

# ---- DRBD 8.4, the kernel's own ----

drbd_set()
{
	drbdsetup-84 "$@" || fail "drbdsetup $*"
}

# One minor for each end, since both may be in one guest.
drbd_minor()
{
	if [ "$END" = p ]; then
		echo 0
	else
		echo 1
	fi
}

# The port that an end has, likewise.
drbd_port()
{
	if [ "$1" = p ]; then
		echo 7788
	else
		echo 7789
	fi
}

# drbd_up PROTOCOL [tuned] [undrained]
drbd_up()
{
	local minor peer=b disk_options='' net_options=''

	need_modules libcrc32c crc32c lru_cache
	[ -d /sys/module/drbd ] || modprobe drbd usermode_helper=disabled
	minor=$(drbd_minor)
	[ -b "/dev/drbd$minor" ] || mknod "/dev/drbd$minor" b 147 "$minor"
	[ "$END" = p ] || peer=p
	if [ "${2:-}" = tuned ]; then
		disk_options="--al-extents=6007 --disk-flushes=no --md-flushes=no"
		net_options="--max-buffers=8000 --sndbuf-size=10M"
	fi
	if [ "${3:-}" = undrained ]; then
		disk_options="$disk_options --disk-drain=no --disk-barrier=no"
	fi
	meta_blank
	mkdir -p /run/lock /var/lock /var/lib/drbd
	drbdmeta --force "$minor" v08 "$META" flex-external create-md \
		>/run/drbdmeta 2>&1 || fail "drbdmeta: $(cat /run/drbdmeta)"
	drbd_set new-resource "$END"
	drbd_set new-minor "$END" "$minor" 0
	# shellcheck disable=SC2086 # words of options
	drbd_set attach "$minor" "$DISK" "$META" flexible \
		--size="$((SECTORS / 2))K" $disk_options
	# shellcheck disable=SC2086
	drbd_set connect "$END" "ipv4:$OWN:$(drbd_port "$END")" \
		"ipv4:$PEER:$(drbd_port $peer)" --protocol="$1" $net_options
}

drbd_backup_up() { drbd_up "$@"; }

drbd_is()
{
	[ "$(drbdsetup-84 "$1" 0)" = "$2" ]
}

drbd_primary_up()
{
	drbd_up "$@"
	wait_for "drbd_is cstate Connected"
	# the disks are equal; nothing has to be copied
	drbd_set new-current-uuid 0 --clear-bitmap=yes
	wait_for "drbd_is dstate UpToDate/UpToDate"
	drbd_set primary 0
	tested_is /dev/drbd0
}

# drbd_counter MINOR NAME: KiB
drbd_counter()
{
	awk -v minor="$1:" -v name="$2" '$1 == minor { found = 1; next }
		found { sub(".* " name ":|^ *" name ":", ""); print $1; exit }' \
		/proc/drbd
}

# Nothing waits for the backup: pending, unacknowledged, application's.
drbd_settled()
{
	awk '$1 == "0:" { found = 1; next }
		found { exit !/ lo:0 pe:0 ua:0 ap:0 / }' /proc/drbd
}

# In protocol A only the backup knows what it has: as much as was sent.
drbd_goal()
{
	drbd_counter 0 ns
}

# drbd_reached GOAL, on the backup
drbd_reached()
{
	[ "$(drbd_counter 1 dw)" -ge "$1" ] &&
		awk '$1 == "1:" { found = 1; next }
			found { exit !/ lo:0 pe:0 ua:0 / }' /proc/drbd
}

drbd_down()
{
	local minor

	minor=$(drbd_minor)
	drbdsetup-84 secondary "$minor" >/dev/null 2>&1 || true
	drbd_set disconnect "ipv4:$OWN:$(drbd_port "$END")" \
		"ipv4:$PEER:$(drbd_port "$1")" 2>/dev/null || true
	drbd_set detach "$minor"
	drbd_set del-minor "$minor"
	drbd_set del-resource "$END"
}

drbd_primary_down() { drbd_down b; }
drbd_backup_down() { drbd_down p; }

# ---- md raid1 with write-behind, over NBD ----

NBD_CONFIG=/run/nbd.conf NBD_PORT=10809

md_backup_up()
{
	# mdadm would take an old superblock for a member in use
	dd if=/dev/zero of="$DISK" bs=1M count=16 oflag=direct \
		seek=$((SECTORS / 2048)) 2>/dev/null || true
	# its cache would be written over what others wrote past it
	uncache "$DISK"
	cat >$NBD_CONFIG <<-EOF
		[generic]
		port = $NBD_PORT
		allowlist = true
		[bench]
		exportname = $DISK
		flush = true
		fua = true
	EOF
	nbd-server -C $NBD_CONFIG -p /run/nbd.pid >/run/nbd.log 2>&1 ||
		fail "nbd-server: $(cat /run/nbd.log)"
}

# With 6.1 write-behind begins only if the slow member is the first.
md_primary_up()
{
	need_modules nbd md-mod raid1
	dd if=/dev/zero of="$DISK" bs=1M count=16 oflag=direct \
		seek=$((SECTORS / 2048)) 2>/dev/null || true
	wait_for "nbd-client $PEER $NBD_PORT /dev/nbd0 -N bench \
		>/run/nbd.log 2>&1" 60
	mdadm --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.0 \
		--assume-clean --bitmap=internal --size=$((SECTORS / 2)) \
		/dev/nbd0 "$DISK" >/run/mdadm.log 2>&1 ||
		fail "mdadm: $(cat /run/mdadm.log)"
	echo writemostly >/sys/block/md0/md/dev-nbd0/state
	echo 16383 >/sys/block/md0/md/bitmap/backlog
	tested_is /dev/md0
}

md_settled()
{
	# shellcheck disable=SC2046 # two words
	set -- $(cat /sys/block/nbd0/inflight)
	[ "$1 $2" = "0 0" ]
}

md_goal() { :; }

md_primary_down()
{
	mdadm --stop /dev/md0 >/run/mdadm.log 2>&1 ||
		fail "mdadm: $(cat /run/mdadm.log)"
	nbd-client -d /dev/nbd0 >/dev/null 2>&1
}

md_backup_down()
{
	kill "$(cat /run/nbd.pid)"
	wait_for "! pidof nbd-server >/dev/null"
	uncache "$DISK"
}
