# SPDX-License-Identifier: GPL-2.0-only
# Flush and FUA reach the backup's disk in their place: a power cut tears nothing
#
# The backup's disk has a volatile cache and keeps a log of what reaches it.
"""A log is good if whatever is durable finds durable what it rests upon."""

import os
import sys

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from logwrites import FLUSH, FUA, PowerCuts, read_log  # noqa: E402

FLUSH_EVERY, DSYNC_EVERY, UPDATES = 4, 3, 240

SETUP = """
load_module
hosts_up
ram_disks 2 8
slow_region slow /dev/ram1 1024 2048 50
"""

# Writes to the region wait until the table is swapped.
HOLD = "swap_slow slow /dev/ram1 1024 2048 100000000"

LET_GO = '''
wait_for '[ "$(status_field back received)" = "$(status_field front seq)" ]'
swap_table slow "$(linear_table /dev/ram1)"
'''


BEGIN = """
HOST_P=p HOST_B=b
log_writes_disk logged /dev/mapper/slow /dev/vda
mk_backup back /dev/mapper/logged "$B4" 7000
mk_primary front {primary} "$B4" 7000 sync clean ordering {ordering}
wait_status front link connected
"""

END = """
dm remove front
dm remove back
dm remove logged
"""

# A, fsync, B, then C with FUA, then D: a letter fills 4 KiB each
LETTERS = """
letter()
{
    head -c 4096 /dev/zero | tr '\\0' $1 |
        dd of=/dev/mapper/front bs=4k seek=$2 conv=fsync,notrunc 2>/dev/null
}
letter A 1
head -c 4096 /dev/zero | tr '\\0' B >/run/b
dd if=/run/b of=/dev/mapper/front bs=4k seek=2 oflag=direct 2>/dev/null
fio --name=c --filename=/dev/mapper/front --rw=write --bs=4k --size=4k \
    --offset=12k --ioengine=psync --direct=1 --sync=dsync \
    --buffer_pattern='"C"' --minimal >/dev/null
letter D 4
"""


def begin(lab, guest, primary, ordering, boundary):
    guest.sh(BEGIN.format(primary=primary, ordering=ordering))
    have = guest.sh("status_field back boundary").strip()
    lab.check(have == boundary, f"boundary is {have}, expected {boundary}")


def letters(lab, guest, log):
    """The order of four writes, a flush and a FUA, one by one."""
    begin(lab, guest, "/dev/vdb", "flush", "ordered")
    guest.sh(LETTERS + END)
    entries = read_log(log.path)
    place = {}
    for number, entry in enumerate(entries):
        lab.log("log:", number, entry, entry.data[:1])
        if entry.data and entry.data[0] in b"ABCD":
            place[entry.data[:1].decode()] = number
    flushes = [n for n, e in enumerate(entries) if e.flags & FLUSH]
    lab.check(len(place) == 4, f"not all letters are in the log: {place}")
    lab.check(entries[place["C"]].flags & FUA, "C has no FUA")
    lab.check(any(place["A"] < f < min(place["B"], place["C"])
                  for f in flushes), "no flush after A")
    lab.check(any(max(place["B"], place["C"]) < f < place["D"]
                  for f in flushes), "no flush after C")


def stamps(lab, guest, log, number, primary, ordering, order, boundary,
           before_end=""):
    """Returns what is wrong with the log of a run."""
    seed = lab.seed + number
    more = f"--flush-every {FLUSH_EVERY} --dsync-every {DSYNC_EVERY}" \
        if order == "flush" else ""
    lab.log(f"seed {seed}: primary {primary}, ordering {ordering}, "
            f"acknowledged by {order}")
    begin(lab, guest, primary, ordering, boundary)
    guest.sh(f"hm-stamp write --seed {seed} --writers 8 --blocks 1024 "
             f"--updates {UPDATES} --ordering {order} {more} "
             "/dev/mapper/front" + before_end + END)
    cuts = PowerCuts(read_log(log.path), seed)
    lab.check(len(cuts.found) == UPDATES,
              f"{len(cuts.found)} updates of {UPDATES} are in the log")
    if more:
        lab.check(all(bool(flags & FUA) == (stamp.update % DSYNC_EVERY == 0)
                      for _, stamp, flags in cuts.found), "FUA is misplaced")
    return cuts.violations()


def good(lab, *arguments):
    found = stamps(lab, *arguments)
    lab.check(not found, "\n".join(found[:10]))


def run(lab):
    log = lab.disk("log", 64)
    cached = lab.disk("cached", 8)
    guest = lab.guest("guest", disks=[log, cached])
    guest.boot()
    guest.sh(SETUP)
    letters(lab, guest, log)
    # a disk without a volatile cache promises that each write is durable
    good(lab, guest, log, 1, "/dev/ram0", "completion", "completion", "durable")
    good(lab, guest, log, 2, "/dev/vdb", "completion", "flush", "ordered")
    good(lab, guest, log, 3, "/dev/vdb", "flush", "flush", "ordered")
    # the control: this checker finds what is wrong
    guest.sh(HOLD)
    lab.check(stamps(lab, guest, log, 4, "/dev/vdb", "none", "flush",
                     "ordered", LET_GO), "ordering none has violated nothing")
    guest.sh("HOST_P=p HOST_B=b\nteardown")
