# SPDX-License-Identifier: GPL-2.0-only
# Whenever the power fails, the backup's disk and its log are a beginning of the stream, and no shorter one than a moment before
#
# Data and metadata of the backup lie on one disk, which keeps a log of what
# reaches it, in order.
"""Each prefix of the log is what a power cut may leave; what is appended may be torn."""

import json
import os
import random
import subprocess
import sys

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from build import HM_META  # noqa: E402
from logwrites import DISCARD, MARK, read_log  # noqa: E402

DATA, META = 4 << 20, 5 << 20

LIFE = f"""
load_module peer_timeout_ms=2000
hosts_up
ram_disks 3 {(DATA + META) >> 20}
log_writes_disk logged /dev/ram1 /dev/vda
dm create b-data --table "0 {DATA >> 9} linear /dev/mapper/logged 0"
dm create b-meta --table "0 {META >> 9} linear /dev/mapper/logged {DATA >> 9}"
dm create a-data --table "0 {DATA >> 9} linear /dev/ram0 0"
dm create a-meta --table "0 {META >> 9} linear /dev/ram2 0"
HOST_P=p HOST_B=b
. /hm/mirror-lib.sh
. /hm/pair-lib.sh
A_DISK=/dev/mapper/a-data A_META=/dev/mapper/a-meta
B_DISK=/dev/mapper/b-data B_META=/dev/mapper/b-meta
load()
{{
    fio --name=load --filename=/dev/mapper/a --rw=randwrite --direct=1 \
        --bsrange=512-64k --ioengine=libaio --iodepth=16 --norandommap \
        --size={DATA} --io_size="$1" --randseed="$2" --fsync=50 \
        --output=/run/fio.out || fail "$(cat /run/fio.out)"
}}
become backup b apply log
become primary a sync clean on_disconnect stall
wait_for "in_step a"
expect_field b order log
load 4m 1
blkdiscard -z -o 1048576 -l 524288 /dev/mapper/a
blkdiscard -o 2097152 -l 524288 /dev/mapper/a || note "no discards here"
load 5m 2 &
pid=$!
wait_for '[ "$(status_field b appends)" -gt 60 ]'
link_down
wait_for '[ "$(status_field b link)" != connected ]'
link_up
wait $pid || fail "the load"
load 3m 3
pair_equal a
pair_down
for name in b-data b-meta a-data a-meta logged; do
    dm remove $name
done
teardown
"""


class Disk:
    """The backup's disk after some entries of its log."""

    def __init__(self, lab):
        self.lab = lab
        self.data = bytearray(DATA)
        self.meta = bytearray(META)
        self.path = os.path.join(lab.folder, "meta.img")
        with open(self.path, "wb") as image:
            image.write(self.meta)

    def write(self, byte, data):
        if byte < DATA:
            self.data[byte:byte + len(data)] = data
            return
        self.meta[byte - DATA:byte - DATA + len(data)] = data
        with open(self.path, "r+b") as image:
            image.seek(byte - DATA)
            image.write(data)

    def says(self):
        """What hm-meta makes of the metadata"""
        result = subprocess.run([HM_META, "dump", "--json", "--log", self.path],
                                text=True, check=False, stdout=subprocess.PIPE)
        says = json.loads(result.stdout)
        self.lab.check(result.returncode == 0 or says["verdict"] == "empty",
                       "the metadata does not load: " + result.stdout)
        return says


class Stream:
    """All updates that were seen in the log, and the disk that they make."""

    def __init__(self, lab):
        self.lab = lab
        self.updates = []
        self.done = 0
        self.disk = bytearray(DATA)

    @staticmethod
    def perform(disk, update):
        sector, sectors, data = update
        disk[sector * 512:(sector + sectors) * 512] = data

    def learn(self, says, meta):
        """Updates that the log has, with their data"""
        found = []
        for seq, _, kind, sector, sectors, byte, size in says.get("log", []):
            data = bytes(meta[byte:byte + size]) if kind == "write" else \
                bytes(sectors * 512)
            found.append((sector, sectors, data))
            self.lab.check(seq <= len(self.updates) + 1,
                           f"update {seq} follows {len(self.updates)}")
            if seq > len(self.updates):
                self.updates.append(found[-1])
        return found

    def up_to(self, seq):
        """The disk with exactly the first seq updates"""
        while self.done < seq:
            self.perform(self.disk, self.updates[self.done])
            self.done += 1
        return self.disk


def check(disk, stream, least):
    """A power cut now: replayed, the disk is a beginning; returns its length."""
    says = disk.says()
    log = stream.learn(says, disk.meta)
    seq = max(says.get("seq", 0), says.get("log_seq", 0))
    disk.lab.check(seq >= least, f"{seq} updates, and there were {least}")
    replayed = bytearray(disk.data)
    for update in log:
        stream.perform(replayed, update)
    if says.get("logged"):
        disk.lab.check(replayed == stream.up_to(seq),
                       f"not the first {seq} updates: {says}")
    return seq, bool(log)


def follow(lab, entries, dice):
    """Every prefix; returns the length of the longest stream, and the replays."""
    disk, stream = Disk(lab), Stream(lab)
    least, replays = 0, 0
    for number, entry in enumerate(entries):
        if entry.flags & MARK or not entry.sectors:
            continue
        data = bytes(entry.sectors * 512) if entry.flags & DISCARD else \
            entry.data
        # what the disk has of an update that is in the log does not matter
        torn = dice.randrange(entry.sectors) * 512 \
            if entry.sector * 512 >= DATA else 0
        try:
            for part in (data[:torn], data) if torn else (data,):
                disk.write(entry.sector * 512, part)
                least, replayed = check(disk, stream, least)
                replays += replayed
        except Exception:
            lab.log(f"entry {number}: {entry}, torn at byte {torn}")
            raise
    lab.check(disk.data == stream.up_to(len(stream.updates)),
              "the last prefix is not the whole stream")
    return least, replays


def run(lab):
    log = lab.disk("log", 128)
    guest = lab.guest("guest", disks=[log])
    guest.boot()
    guest.sh(LIFE)
    entries = read_log(log.path)
    updates, replays = follow(lab, entries, random.Random(lab.seed))
    lab.log(f"{len(entries)} entries, {updates} updates, {replays} replays")
    lab.check(updates > 300 and replays > 300, "too little was tried")
