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

LIBRARIES = ("bench-lib.sh", "cost-lib.sh")
TIMEOUT = 1800

# Name, and the words for cost_contestant
CONTESTANTS = (
    ("bare disk", "bare"),
    ("mirror, ack local", "mirror ack local"),
    ("mirror, ack received", "mirror ack received"),
    ("DRBD A, tuned", "drbd A tuned"),
)
WORKLOADS = (("4k-1", "4 KiB, depth 1"), ("4k-16", "4 KiB, depth 16"),
             ("128k-8", "128 KiB, depth 8"))


def measure(guest, words):
    """Run all workloads on one contestant; {workload: instructions}."""
    output = guest.sh(script(LIBRARIES, f"cost_contestant {words}"), TIMEOUT)
    return {line.split()[1]: int(line.split()[2])
            for line in output.splitlines() if line.startswith("cost ")}


def row(name, figures, bare):
    cells = []
    for key, _ in WORKLOADS:
        cells.append(f"{figures[key]:,}")
        if bare is not figures:
            cells[-1] += f" ({figures[key] / bare[key]:.1f}x)"
    return f"{name:22}" + "".join(f"{cell:>20}" for cell in cells)


def save(figures):
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, "cost.json")
    with open(path, "w") as out:
        json.dump({"revision": revision(), "machine": machine(),
                   "instructions": figures}, out, indent=1)
    print("in", os.path.relpath(path))


def run(folder, wanted, profile):
    files = boot_files(folder)
    guest = Guest("cost", files.kernel, files.initramfs, files.tools, folder,
                  memory=768, virtual_time=True,
                  qemu=profiler.arguments(folder) if profile else ())
    guest.boot()
    guest.sh(script(LIBRARIES, "cost_prepare"), TIMEOUT)
    print(f"Instructions for each write, both ends together, of {revision()}"
          f"\n{'':22}" + "".join(f"{title:>20}" for _, title in WORKLOADS))
    figures = {}
    for name, words in CONTESTANTS:
        if wanted not in words:
            continue
        started = time.monotonic()
        if profile:
            profiler.begin(folder)
        figures[name] = measure(guest, words)
        bare = figures.get("bare disk", figures[name])
        print(row(name, figures[name], bare) +
              f"   [{time.monotonic() - started:.0f} s]", flush=True)
        if profile:
            profiler.show(guest, folder)
    guest.kill()
    save(figures)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS",
                        help="only contestants with these words")
    parser.add_argument("--profile", action="store_true",
                        help="show which functions execute the instructions; "
                        "the figures themselves are not changed by it")
    arguments = parser.parse_args()
    try:
        with scratch() as folder:
            run(folder, arguments.only, arguments.profile)
    except GuestError as error:
        print("cost.py:", error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
