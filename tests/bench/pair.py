# SPDX-License-Identifier: GPL-2.0-only
"""Two guests with a link and disks, on which contestants are set up."""

import os
import time
import types

from harness import GUEST_LIB, script
from lab import ADDRESSES, Lab, ScenarioFailure
from workloads import measured

LIBRARIES = ("bench-lib.sh", "load-lib.sh", "apply-lib.sh")
DISK_MIB = 272
# the rest is for md's superblock
TESTED_MIB = 256
META_MIB = 16
TIMEOUT = 3600
TICK = os.sysconf("SC_CLK_TCK")
CHUNK = 1 << 20
TCP_PORT = 9000
TCP_MIB = 48


def cpu_seconds(guest):
    """What a guest has used of the host's processors so far."""
    with open(f"/proc/{guest.pid}/stat") as stat:
        words = stat.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def same_content(one, other, size):
    with open(one, "rb") as first, open(other, "rb") as second:
        for _ in range(0, size, CHUNK):
            if first.read(CHUNK) != second.read(CHUNK):
                return False
    return True


class Pair(Lab):
    """p, the primary, and b, the backup, each on a processor of its own."""

    def __init__(self, boot_files, folder, log):
        scenario = types.SimpleNamespace(smp=1, memory=768, command_line="",
                                         allowed=[])
        super().__init__(scenario, boot_files, folder, log)
        self.disks = {name: [self.disk(f"{name}-disk", DISK_MIB),
                             self.disk(f"{name}-meta", META_MIB)]
                      for name in ADDRESSES}
        self.device = {name: "/dev/vda" for name in ADDRESSES}
        self.backlog = 64
        self.p, self.b = self.pair(self.disks["p"], self.disks["b"])
        self.ends = {"p": self.p, "b": self.b}

    def disk(self, name, mib, write_cache=True):
        """All of it is in memory before it is used."""
        disk = super().disk(name, mib, write_cache)
        with open(disk.path, "r+b") as image:
            for _ in range(mib):
                image.write(bytes(CHUNK))
        return disk

    def guest(self, name, **options):
        processors = sorted(os.sched_getaffinity(0))
        options["cpus"] = {processors["pb".index(name) % len(processors)]}
        return super().guest(name, **options)

    def _script(self, end, text):
        own, peer = (ADDRESSES[name].split("/")[0] for name in
                     (("p", "b") if end == "p" else ("b", "p")))
        return script(
            LIBRARIES, f"BACKLOG={self.backlog}\n"
            f"end_is {end} {self.device[end]} /dev/vdb {own} {peer} "
            f"{TESTED_MIB * 2048}\n{text}")

    def sh(self, end, text, timeout=TIMEOUT):
        return self.ends[end].sh(self._script(end, text), timeout)

    def run_bg(self, end, text):
        return self.ends[end].run_bg(f"set -eu\n. {GUEST_LIB}\n" +
                                     self._script(end, text))

    def shape(self, link):
        for end in ("p", "b"):
            self.sh(end, "shape " + link)

    def tcp_rate(self):
        """MiB/s of bare TCP from p to b."""
        address = ADDRESSES["b"].split("/")[0]
        sink = self.run_bg("b", f"tcp-rate {TCP_PORT}")
        rate = self.sh("p", f"tcp-rate {TCP_PORT} {address} {TCP_MIB}")
        sink.wait(TIMEOUT)
        return float(rate)

    # ---- contestants ----

    def up(self, contestant):
        name, _, words = contestant.words.partition(" ")
        self.sh("b", f"{name}_backup_up {words}")
        self.sh("p", f"{name}_primary_up {words}")

    def settle(self, contestant):
        """Wait until the backup has everything."""
        name = contestant.words.split()[0]
        goal = self.sh("p", f"wait_for {name}_settled 3000\n"
                       f"{name}_goal").strip()
        if goal:
            self.sh("b", f"wait_for '{name}_reached {goal}' 3000")

    def down(self, contestant):
        """Take it down; its copy must be equal."""
        name = contestant.words.split()[0]
        self.sh("p", f"{name}_primary_down")
        self.sh("b", f"{name}_backup_down")
        if not contestant.copies:
            return
        one, other = (self.disks[end][0].path for end in ("p", "b"))
        if not same_content(one, other, TESTED_MIB << 20):
            raise ScenarioFailure(contestant.title + ": the copy differs")

    def equalize(self):
        """Make the backup's disk what the primary's is."""
        one, other = (self.disks[end][0].path for end in ("p", "b"))
        with open(one, "rb") as source, open(other, "r+b") as target:
            for _ in range(TESTED_MIB):
                target.write(source.read(CHUNK))
        for end in ("p", "b"):
            self.sh(end, "uncache $DISK")

    def load(self, contestant, workload, seconds):
        """One run of a workload, until the backup has everything."""
        before = {end: cpu_seconds(guest) for end, guest in self.ends.items()}
        result = measured(self.sh("p", workload.load % seconds))
        loaded = time.monotonic()
        self.settle(contestant)
        result["settle"] = time.monotonic() - loaded
        for end, guest in self.ends.items():
            result["cpu_" + end] = cpu_seconds(guest) - before[end]
        return result
