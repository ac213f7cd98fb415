# SPDX-License-Identifier: GPL-2.0-only
# PostgreSQL on ext4 goes from host to host and back, by a power cut, a take-over and a planned switch: no acknowledged row is missing
# timeout: 3600
# kernels: 6.1
# takes: 150
"""A table in which rows are numbered without a gap; each row is a commit."""

import os
import random
import subprocess
import sys
import tempfile
import time

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from demo_lab import last_number  # noqa: E402
from failover import Failover  # noqa: E402
from image import POSTGRES, postgres_user  # noqa: E402

MIB = 64
ROWS = 40

# To be run by postgres's owner, who may not be root
AS_OWNER = "setpriv --reuid={uid} --regid={gid} --clear-groups "

SQL = "PATH=$PATH:" + POSTGRES + """
sql() {{ psql -h /run/pg -U postgres -AqtX -F ' ' -v ON_ERROR_STOP=1; }}
"""

# Small, with a checkpoint every few seconds
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '/run/pg'
max_connections = 8
shared_buffers = 16MB
min_wal_size = 2MB
max_wal_size = 4MB
jit = off
"""

START = SQL + """
mkdir -p /mnt/db /run/pg
chown {uid} /run/pg
mount -t ext4 /dev/mapper/{name} /mnt/db
""" + AS_OWNER + """postgres -D /mnt/db/pg >/run/pg/log 2>&1 &
wait_for 'echo "SELECT 1" | sql >/dev/null 2>&1 || ! kill -0 $!'
kill -0 $! || fail "postgres: $(cat /run/pg/log)"
"""

STOP = """
pid=$(head -n 1 /mnt/db/pg/postmaster.pid)
kill -INT "$pid"
wait_for "! kill -0 $pid 2>/dev/null"
umount /mnt/db
"""

# A row, and its number when psql knows that it is committed
FEED = SQL + """
awk 'BEGIN {{ for (n = {first}; ; n++)
    printf "INSERT INTO counter VALUES (%d);\\n\\\\echo row %d\\n", n, n }}' | sql
"""

ROWS_OF = SQL + """
echo "SELECT count(*), coalesce(min(n), 1), coalesce(max(n), 0) FROM counter" | sql
"""


def database(path, uid, gid):
    """Make a file system with a new database in an image."""
    owner = AS_OWNER.format(uid=uid, gid=gid).split()
    with tempfile.TemporaryDirectory(prefix="hm-pg-") as tree:
        os.chown(tree, uid, gid)
        subprocess.run(owner + [os.path.join(POSTGRES, "initdb"), "-N", "-D",
                                tree + "/pg", "-A", "trust", "-U", "postgres",
                                "--no-locale", "--encoding", "UTF8",
                                "--wal-segsize", "1"], check=True, cwd=tree,
                       stdout=subprocess.DEVNULL)
        with open(tree + "/pg/postgresql.conf", "w") as configuration:
            configuration.write(CONFIGURATION)
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path],
                       check=True)


class Circle:
    """The database, wherever it is."""

    def __init__(self, lab):
        self.lab = lab
        self.rng = random.Random(lab.seed)
        self.pair = Failover(lab, MIB)
        self.acked = 0
        self.feed = None
        self.uid, self.gid = postgres_user()
        database(self.pair.a.disk.path, self.uid, self.gid)

    def words(self, host, **more):
        return {"uid": self.uid, "gid": self.gid, "name": host.name, **more}

    def serve(self, host):
        host.sh(START.format(**self.words(host)))

    def stop(self, host):
        host.sh(STOP)

    def load(self, host):
        """Insert until so many rows more are acknowledged, and some more."""
        first = self.rows(host) + 1
        self.feed = host.run_bg(FEED.format(first=first))
        self.lab.wait_for(lambda: self.acknowledged() >= first + ROWS,
                          f"{host.name}: rows from {first} on")
        time.sleep(self.rng.uniform(0, 1))

    def acknowledged(self):
        self.acked = max(self.acked,
                         last_number(r"row (\d+)", self.feed.output()))
        return self.acked

    def load_ends(self, host):
        host.sh("killall psql")
        self.feed.wait()
        self.acknowledged()

    def rows(self, host):
        """No acknowledged row is missing, and there is no gap."""
        count, low, high = map(int, host.sh(ROWS_OF.format()).split())
        self.lab.log(f"{host.name}: rows {low} to {high}, {count} in all; "
                     f"acknowledged: {self.acked}")
        self.lab.check(low == 1 and high == count, "there is a gap")
        self.lab.check(count >= self.acked, "an acknowledged row is missing")
        return count

    def file_system(self, host):
        """Sound, once its journal was replayed."""
        device = "/dev/mapper/" + host.name
        host.sh(f"mkdir -p /mnt/db\nmount -t ext4 {device} /mnt/db\n"
                f"umount /mnt/db\ne2fsck -fn {device} 2>&1")

    # ---- the circle ----

    def begin(self):
        a, b = self.pair.a, self.pair.b
        self.pair.boot()
        b.become("backup")
        a.become("primary", "on_disconnect stall")
        self.pair.in_step(a)
        self.serve(a)
        a.sh(SQL.format() + "echo 'CREATE TABLE counter (n bigint PRIMARY KEY)'"
             " | sql")
        self.load(a)

    def taken_over(self):
        a, b = self.pair.a, self.pair.b
        a.cut()
        self.acknowledged()
        b.become("primary")
        b.sh("blockdev --flushbufs /dev/mapper/b")
        self.file_system(b)
        self.serve(b)
        self.load(b)

    def comes_back(self):
        """Under load, and with what has changed."""
        a, b = self.pair.a, self.pair.b
        self.pair.boot(a)
        a.become("backup")
        self.pair.follows(b)
        copied = int(b.fields("copied")[0])
        self.lab.log(f"copied {copied} bytes of {MIB << 20}")
        self.lab.check(0 < copied < MIB << 20, "a full copy, or none")

    def switched_back(self):
        a, b = self.pair.a, self.pair.b
        self.load_ends(b)
        self.stop(b)
        self.pair.in_step(b)
        b.sh("dm suspend b")
        b.become("backup")
        a.become("primary", "on_disconnect stall")
        a.sh("blockdev --flushbufs /dev/mapper/a\n"
             "wait_status a link connected")
        self.serve(a)
        self.load(a)
        self.load_ends(a)
        self.rows(a)
        self.stop(a)
        self.file_system(a)
        self.pair.equal(a)
        self.lab.check(a.fields("copied") == ["0"], "the switch was a copy")

    def run(self):
        self.begin()
        self.taken_over()
        self.comes_back()
        self.switched_back()
        self.pair.a.down()
        self.pair.b.down()


def run(lab):
    lab.log("seed", lab.seed)
    Circle(lab).run()
