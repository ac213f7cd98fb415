# SPDX-License-Identifier: GPL-2.0-only
# A promotion may be cut at each write, also in the middle of one of metadata: the volume loads in one of the two roles, and mirroring comes back
# timeout: 3600
# kernels: 6.1 debug
"""The disk of the host that is promoted keeps a log of what reaches it.

Each prefix of the log is what a power cut may leave; of a write of metadata some
sectors may have been written and others not. The metadata of all of them loads,
and where it says something that it did not say before, the hosts go on from there.
"""

import os
import sys

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from failover import meta_says  # noqa: E402
from logwrites import DISCARD, MARK, read_log  # noqa: E402

DATA, META = 8 << 20, 1 << 20
SECTOR = 512

LIB = """
HOST_P=p HOST_B=b
. /hm/mirror-lib.sh
. /hm/pair-lib.sh
A_DISK=/dev/mapper/a-data A_META=/dev/mapper/a-meta
B_DISK=/dev/mapper/b-data B_META=/dev/mapper/b-meta
"""

SETUP = """
load_module
hosts_up
ram_disks 2 9
dm create a-all --table "$(linear_table /dev/ram0)"
log_writes_disk b-all /dev/ram1 /dev/vda
for host in a b; do
    dm create $host-data --table "0 16384 linear /dev/mapper/$host-all 0"
    dm create $host-meta --table "0 2048 linear /dev/mapper/$host-all 16384"
done
"""

# What a wrote last is on both, in regions that are dirty on a.
PROMOTION = LIB + """
become backup b
become primary a sync clean
noise a 0 20
noise a 600 20
wait_for "in_step a"
wait_status b generation "$(status_field a generation)"
link_down
dm remove a
dd if=/dev/ram0 of=/dev/vdb bs=1M oflag=direct 2>/dev/null
dm message b-all 0 mark promotion
become primary b
noise b 10 20
noise b 1500 20
dm message b-all 0 mark end
dm remove b
swap_table b-all "$(linear_table /dev/ram1)"
"""

# The hosts as the cut has left them
RESTORE = LIB + """
dd if=/dev/vdb of=/dev/ram0 bs=1M iflag=direct oflag=direct 2>/dev/null
dd if=/dev/vdc of=/dev/ram1 bs=1M iflag=direct oflag=direct 2>/dev/null
uncache /dev/ram0 /dev/ram1
link_down
become {role} b
link_up
"""

PRIMARY_IS_B = """
become primary b
become backup a
pair_equal b
pair_down
"""

PRIMARY_IS_A = """
become primary a
pair_equal a
pair_down
"""

END = """
HOST_P=p HOST_B=b
for name in a-data a-meta b-data b-meta a-all b-all; do
    dm remove $name
done
teardown
"""


class Disk:
    """Data and metadata of b, as far as the log was followed."""

    def __init__(self, lab):
        self.lab = lab
        self.content = bytearray(DATA + META)
        self.path = os.path.join(lab.folder, "meta.img")
        self.states = []        # (what the metadata says, the disk)
        self.promoted = False

    def write(self, at, data):
        self.content[at:at + len(data)] = data

    def follow(self, entry):
        """A write, sector by sector if it is one of metadata."""
        at = entry.sector * SECTOR
        if at < DATA:
            self.write(at, entry.data)
            return
        for offset in range(0, len(entry.data), SECTOR):
            self.write(at + offset, entry.data[offset:offset + SECTOR])
            self.load()

    def load(self):
        """The metadata loads, and who was promoted remains so."""
        with open(self.path, "wb") as image:
            image.write(self.content[DATA:])
        says = meta_says(self.lab, self.path)
        self.lab.check(says["consistent"], f"no longer consistent: {says}")
        primary = says["role"] == "primary"
        self.lab.check(primary or not self.promoted, "no longer the primary")
        self.promoted = primary
        if not self.states or says != self.states[-1][0]:
            self.states.append((says, bytes(self.content)))


def follow_log(lab, path):
    """The states of the metadata from the mark to the end."""
    entries = read_log(path)
    marks = [n for n, entry in enumerate(entries) if entry.flags & MARK]
    disk = Disk(lab)
    for number, entry in enumerate(entries):
        if number == marks[0]:
            disk.load()
        if entry.flags & (DISCARD | MARK) or not entry.data:
            continue
        if number < marks[0]:
            disk.write(entry.sector * SECTOR, entry.data)
        else:
            disk.follow(entry)
    lab.log(f"{len(entries) - marks[0]} entries since the promotion began, "
            f"{len(disk.states)} states of the metadata")
    return disk.states


def go_on(lab, guest, state, number, says, content):
    """From a state: in the role that it names, and if that is backup in both."""
    with open(state.path, "r+b") as image:
        image.write(content)
    ends = [PRIMARY_IS_B]
    if says["role"] == "backup":
        ends.append(PRIMARY_IS_A)
    lab.log(f"state {number}: {says['role']}, sequence {says['sequence']}, "
            f"{says['copies']}, {len(says['ranges'])} dirty ranges")
    for end in ends:
        guest.sh(RESTORE.format(role=says["role"]) + end)


def run(lab):
    log = lab.disk("log", 64)
    a_disk, state = lab.disk("a", 9), lab.disk("state", 9)
    guest = lab.guest("guest", disks=[log, a_disk, state])
    guest.boot()
    guest.sh(SETUP + PROMOTION)
    states = follow_log(lab, log.path)
    roles = [says["role"] for says, _ in states]
    lab.check(roles[0] == "backup" and roles[-1] == "primary",
              f"not a promotion: {roles}")
    for number, (says, content) in enumerate(states):
        go_on(lab, guest, state, number, says, content)
    guest.sh(END)
