#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count the instructions that one mirrored write costs, on both ends together.

One guest, in virtual time, is both the primary and the backup, so the figures
do not depend on how fast this machine is or what else it does.
"""

import argparse
import json
import os
import sys
import time

import profiler
from harness import Guest, GuestError, RESULTS, boot_files, machine, \
    revision, scratch, script
from profiler import Profile

LIBRARIES = ("bench-lib.sh", "cost-lib.sh")
TIMEOUT = 1800

# Name, and the words for cost_up
CONTESTANTS = (
    ("bare disk", "bare"),
    ("mirror, ack local", "mirror group ack local"),
    ("mirror, ack local, log", "mirror log ack local"),
    ("mirror, ack received", "mirror group ack received"),
    ("mirror, ack received, log", "mirror log ack received"),
    ("DRBD A, tuned", "drbd A tuned"),
    ("DRBD B, tuned", "drbd B tuned"),
)
# Title, writes of a short and of a long run, options of fio
WORKLOADS = (
    ("4 KiB, depth 1", (200, 3200), "--rw=randwrite --bs=4k --iodepth=1"),
    ("4 KiB, depth 16", (200, 3200), "--rw=randwrite --bs=4k --iodepth=16"),
    ("128 KiB, depth 8", (50, 650), "--rw=write --bs=128k --iodepth=8"),
)


class Cost:
    """The guest, and what was measured in it."""

    def __init__(self, guest, profile):
        self.guest = guest
        self.profile = profile
        self.figures = {}
        self.switches = {}

    def sh(self, text):
        return self.guest.sh(script(LIBRARIES, text), TIMEOUT)

    def _run(self, writes, options):
        """Instructions, context switches, and instructions by functions."""
        before = self.profile.read() if self.profile else {}
        output = self.sh(f"cost_run {writes} {options}")
        after = self.profile.read() if self.profile else {}
        instructions, switches = (int(word) for word in output.split()[-2:])
        return instructions, switches, profiler.difference(after, before)

    def _workload(self, name, title, runs, options):
        """What fio costs by itself is the same in a short and a long run."""
        short, long = (self._run(count, options) for count in runs)
        writes = runs[1] - runs[0]
        self.figures[name][title] = (long[0] - short[0]) // writes
        self.switches[name][title] = round((long[1] - short[1]) / writes, 1)
        if self.profile:
            print(f"\n{name}, {title}:")
            self.profile.show(profiler.difference(long[2], short[2]), writes)

    def measure(self, name, words):
        """Run all workloads on one contestant."""
        self.sh(f"cost_up {words}")
        self.figures[name], self.switches[name] = {}, {}
        for workload in WORKLOADS:
            self._workload(name, *workload)
        self.sh(f"cost_down {words.split()[0]}")


def row(name, figures, bare):
    cells = []
    for key, _, _ in WORKLOADS:
        cells.append(f"{figures[key]:,}")
        if bare is not figures:
            cells[-1] += f" ({figures[key] / bare[key]:.1f}x)"
    return f"{name:22}" + "".join(f"{cell:>20}" for cell in cells)


def show_switches(cost):
    print("\nContext switches for each write")
    for name, counts in cost.switches.items():
        print(f"{name:22}" + "".join(f"{counts[title]:>20}"
                                     for title, _, _ in WORKLOADS))


def save(cost, mtu):
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, "cost.json")
    with open(path, "w") as out:
        json.dump({"revision": revision(), "machine": machine(),
                   "mtu": mtu, "instructions": cost.figures,
                   "context switches": cost.switches}, out, indent=1)
    print("in", os.path.relpath(path))


def run(folder, arguments):
    files = boot_files(folder)
    plugin = profiler.build(folder) if arguments.profile else ()
    guest = Guest("cost", files.kernel, files.initramfs, files.tools, folder,
                  memory=768, virtual_time=True, qemu=plugin)
    guest.boot()
    cost = Cost(guest, Profile(guest, folder) if arguments.profile else None)
    cost.sh(f"cost_prepare {arguments.mtu}")
    print(f"Instructions for each write, both ends together, of {revision()}"
          f"\n{'':22}" + "".join(f"{title:>20}" for title, _, _ in WORKLOADS))
    for name, words in CONTESTANTS:
        if arguments.only not in words:
            continue
        started = time.monotonic()
        cost.measure(name, words)
        bare = cost.figures.get("bare disk", cost.figures[name])
        print(row(name, cost.figures[name], bare) +
              f"   [{time.monotonic() - started:.0f} s]", flush=True)
    guest.kill()
    show_switches(cost)
    save(cost, arguments.mtu)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS",
                        help="only contestants with these words")
    parser.add_argument("--mtu", type=int, default=65536,
                        help="of the link; 1500: no help from network cards")
    parser.add_argument("--profile", action="store_true",
                        help="show which functions execute the instructions; "
                        "the figures themselves are not changed by it")
    arguments = parser.parse_args()
    try:
        with scratch() as folder:
            run(folder, arguments)
    except GuestError as error:
        print("cost.py:", error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
