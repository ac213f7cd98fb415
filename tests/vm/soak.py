#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Repeat the scenarios that a seed decides, each time with a new one.

None begins when the time is over; the one that is running then ends first.
HM_SEED=seed make test T=name repeats what a line says (KERNELS=...: on which
kernel).
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from image import HERE
from run import find_scenarios

KERNELS = ("6.12", "6.1")
SCENARIOS = ("24-random-kills", "55-power-cuts", "60-two-guest-cuts",
             "61-postgres-circle", "62-promotion-cuts", "63-rolling-disaster")


def turns():
    """Kernel and scenario, all of them by turns, for ever."""
    found = find_scenarios(os.path.join(HERE, "scenarios"),
                           "^({})$".format("|".join(SCENARIOS)))
    while True:
        for scenario in found:
            for kernel in KERNELS:
                if kernel in scenario.kernels:
                    yield kernel, scenario.name


def run_once(kernel, name, seed, totals):
    """Returns the sums (passed, failed, skipped) and all that was said."""
    open(totals, "w").close()
    result = subprocess.run(
        [sys.executable, os.path.join(HERE, "run.py"), "--kernels", kernel,
         "--jobs", "1", "--filter", f"^{name}$", "--totals", totals],
        env={**os.environ, "HM_SEED": str(seed)}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with open(totals) as sums:
        words = sums.read().split()
    # a run that cannot say how it went has failed
    return [int(word) for word in words] or [0, 1, 0], result.stdout


def soak(seconds, totals):
    counts = [0, 0, 0]
    started = time.monotonic()
    for kernel, name in turns():
        begun = time.monotonic()
        if begun - started >= seconds:
            return counts
        seed = random.randrange(1 << 31)
        print(f"{kernel:5} {name:20} seed {seed:10} ", end="", flush=True)
        sums, output = run_once(kernel, name, seed, totals)
        counts = [have + more for have, more in zip(counts, sums)]
        verdict = "FAIL" if sums[1] else "ok" if sums[0] else "skip"
        print(f"{verdict:4} {time.monotonic() - begun:6.1f}s", flush=True)
        if sums[1]:
            print(output, end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.NamedTemporaryFile(prefix="hm-soak-") as totals:
        counts = soak(arguments.minutes * 60, totals.name)
    print("\n{} passed, {} failed, {} skipped".format(*counts))
    return 1 if counts[1] or not counts[0] else 0


if __name__ == "__main__":
    sys.exit(main())
