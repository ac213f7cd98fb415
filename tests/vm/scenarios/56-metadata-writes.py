# SPDX-License-Identifier: GPL-2.0-only
# Whenever the power fails, the metadata loads, names each region before it is written, and says inconsistent before the first copy
#
# Data and metadata of each host lie on one disk, which keeps a log of what
# reaches it, in order.
"""Each prefix of the log is what a power cut may leave."""

import json
import os
import subprocess
import sys

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from build import HM_META  # noqa: E402
from logwrites import DISCARD, FLUSH, MARK, read_log  # noqa: E402

DATA, META = 16 << 20, 2 << 20

SETUP = """
load_module
hosts_up
ram_disks 2 18
for host in a b; do
    case $host in a) ram=/dev/ram0 log=/dev/vda ;; *) ram=/dev/ram1 log=/dev/vdb ;; esac
    log_writes_disk $host-logged $ram $log
    dm create $host-data --table "0 32768 linear /dev/mapper/$host-logged 0"
    dm create $host-meta --table "0 4096 linear /dev/mapper/$host-logged 32768"
done
"""

LIFE = """
HOST_P=p HOST_B=b
. /hm/mirror-lib.sh
. /hm/pair-lib.sh
A_DISK=/dev/mapper/a-data A_META=/dev/mapper/a-meta
B_DISK=/dev/mapper/b-data B_META=/dev/mapper/b-meta
become backup b
become primary a backlog 1 on_full behind
noise a 0 20
wait_for "in_step a"
noise a 300 20
noise a 2000 20
link_down
noise a 1000 400
link_up
wait_for "in_step a"
dm suspend a
become backup a
become primary b
wait_for "in_step b"
noise b 3000 20
pair_equal b
pair_down
"""

END = """
HOST_P=p HOST_B=b
for host in a b; do
    dm remove $host-data
    dm remove $host-meta
    dm remove $host-logged
done
teardown
"""


class Prefix:
    """The metadata of a host after some entries of its log."""

    def __init__(self, lab, host):
        self.lab = lab
        self.host = host
        self.meta = bytearray(META)
        self.path = os.path.join(lab.folder, f"{host}-meta.img")
        self.says = None

    def write(self, entry):
        at = entry.sector * 512 - DATA
        self.meta[at:at + len(entry.data)] = entry.data

    def load(self, number):
        """What hm-meta makes of it; it must load."""
        with open(self.path, "wb") as image:
            image.write(self.meta)
        result = subprocess.run([HM_META, "dump", "--json", "--ranges",
                                 self.path], text=True, check=False,
                                stdout=subprocess.PIPE)
        self.says = json.loads(result.stdout)
        good = result.returncode == 0 or self.says["verdict"] == "empty"
        self.lab.check(good, f"{self.host}: after entry {number}: "
                       f"{result.stdout}")

    def dirty(self, entry):
        """Are all sectors of a write in regions that are dirty?"""
        first, end = entry.sector, entry.sector + entry.sectors
        for start, count in self.says.get("ranges", []):
            if start <= first < start + count:
                first = start + count
        return first >= end


def follow(lab, host, entries):
    """Every prefix loads; returns what its data writes found."""
    prefix = Prefix(lab, host)
    prefix.load(-1)
    found = []
    for number, entry in enumerate(entries):
        if entry.flags & (DISCARD | MARK) or not entry.data:
            continue
        if entry.sector * 512 >= DATA:
            prefix.write(entry)
            prefix.load(number)
            continue
        says = prefix.says
        if says.get("role") == "primary" and not prefix.dirty(entry):
            lab.log(f"{host}: entry {number}, sectors {entry.sector}+"
                    f"{entry.sectors}: not in {says.get('ranges')}")
        found.append((says.get("role"), says.get("consistent"),
                      prefix.dirty(entry)))
    lab.log(f"{host}: {len(entries)} entries, {len(found)} data writes, "
            f"{sum(1 for e in entries if e.flags & FLUSH)} flushes")
    return found


def run(lab):
    logs = [lab.disk("a-log", 96), lab.disk("b-log", 96)]
    guest = lab.guest("guest", disks=logs)
    guest.boot()
    guest.sh(SETUP + LIFE + END)
    found = {host: follow(lab, host, read_log(log.path))
             for host, log in zip("ab", logs)}
    for host in "ab":
        alone = [f for f in found[host] if f[0] == "primary"]
        lab.check(alone, f"{host} was never the primary")
        lab.check(all(dirty for _, _, dirty in alone),
                  f"{host} wrote to regions that were not dirty")
    # the first pairing copies everything, and an outage was copied
    copied = [f for f in found["b"] if f[1] is False]
    lab.check(len(copied) > 16, "b was never inconsistent")
    lab.check(found["b"][0][1] is False,
              "b took a copy before it said that it is inconsistent")
    lab.check(any(f[0] == "backup" and f[1] for f in found["b"]),
              "b was never consistent")
