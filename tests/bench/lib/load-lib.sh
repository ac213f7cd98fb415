# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a benchmark does to the device "$(tested)"; after bench-lib.sh. Each load
# prints what fio says in JSON, and then "bytes N": what was written.

# written: bytes, since the device exists
written()
{
	local device major minor

	device=$(tested)
	major=$(stat -c %t "$device")
	minor=$(stat -c %T "$device")
	awk '{ printf "%.0f\n", $7 * 512 }' \
		"/sys/dev/block/$((0x$major)):$((0x$minor))/stat"
}

# load_fio SECONDS FIO-OPTION...: on the bare device
load_fio()
{
	local seconds=$1 before

	shift
	before=$(written)
	fio --name=load --filename="$(tested)" --thread --ioengine=libaio \
		--direct=1 --invalidate=0 --norandommap --size=$((SECTORS * 512)) \
		--time_based --ramp_time=500ms --runtime="$seconds" \
		--output-format=json "$@"
	echo "bytes $(($(written) - before))"
}

# Transactions on a line each; the shell of SQLite performs one after the other.
feed()
{
	awk 'BEGIN {
		print "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		for (n = 1; ; n++)
			printf "BEGIN; INSERT INTO t VALUES(%d, " \
				"randomblob(200)); COMMIT;\n", n
	}'
}

# load_files SECONDS: a file system with many small files, each write of which is
# followed by fsync, and a database; prints "transactions N" as well.
load_files()
{
	local before database

	# before the load is measured
	mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=0 "$(tested)"
	mkdir -p /mnt/bench
	mount -t ext4 "$(tested)" /mnt/bench
	sqlite3 /mnt/bench/t.db 'CREATE TABLE t(n INTEGER PRIMARY KEY, x BLOB)'
	sync
	before=$(written)
	feed | timeout "$1" sqlite3 /mnt/bench/t.db >/run/feed 2>&1 &
	database=$!
	fio --name=load --directory=/mnt/bench --thread --ioengine=psync \
		--rw=randwrite --bs=4k --nrfiles=200 --filesize=16k \
		--openfiles=20 --file_service_type=random --fsync=1 \
		--time_based --runtime="$1" --output-format=json
	wait "$database" || true
	echo "transactions $(sqlite3 /mnt/bench/t.db 'SELECT count(*) FROM t')"
	echo "bytes $(($(written) - before))"
	umount /mnt/bench
}

# shape RTT_MS|RATE: what this end's interface does to what it sends; 0: nothing
shape()
{
	need_modules sch_netem sch_tbf
	tc qdisc delete dev eth0 root 2>/dev/null || true
	case $1 in
	0) ;;
	*bit) tc qdisc add dev eth0 root tbf rate "$1" burst 128k latency 300ms ;;
	*) tc qdisc add dev eth0 root netem limit 100000 \
		delay "$(($1 * 500))us" ;;
	esac
}
