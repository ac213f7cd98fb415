#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare the mirror with others: two guests, the same disks and link for all.

Writes a report, the raw data and plots into a folder.
"""

import argparse
import json
import os
import sys
import time

import report
from contestants import CONTESTANTS, QUICK
from harness import GuestError, RESULTS, boot_files, machine, revision, scratch
from lab import ScenarioFailure
from pair import Pair
from run import keep_logs, logs_folder
from workloads import LINKS, QUICK_LINKS, QUICK_WORKLOADS, WORKLOADS


class Plan:
    """Which cells are measured, how often and for how long."""

    def __init__(self, arguments):
        quick = arguments.quick
        self.seconds = arguments.seconds or (2 if quick else 5)
        self.repeats = arguments.repeats or (2 if quick else 3)
        self.contestants = self._some(
            CONTESTANTS, arguments.only, QUICK if quick else None)
        self.workloads = self._some(
            WORKLOADS, arguments.workloads, QUICK_WORKLOADS if quick else None)
        self.links = self._some(
            LINKS, arguments.links, QUICK_LINKS if quick else None)

    @staticmethod
    def _some(all_of_them, wanted, default):
        wanted = wanted.split(",") if wanted else default
        return [one for one in all_of_them
                if wanted is None or one[0] in wanted]


class Bench:
    """Takes the samples, round by round."""

    def __init__(self, pair, plan):
        self.pair = pair
        self.plan = plan
        self.samples = []
        self._started = time.monotonic()
        self._total = plan.repeats * len(plan.links) * len(plan.contestants)
        self._done = 0

    def _say(self, text):
        print(f"[{time.monotonic() - self._started:6.0f} s "
              f"{self._done}/{self._total}] {text}", flush=True)

    def _contestant(self, contestant, link, repeat, tcp):
        pair = self.pair
        pair.up(contestant)
        line = []
        for workload in self.plan.workloads:
            sample = pair.load(contestant, workload, self.plan.seconds)
            sample.update(contestant=contestant.key, link=link[0], tcp=tcp,
                          workload=workload.key, repeat=repeat,
                          load=os.getloadavg()[0])
            self.samples.append(sample)
            line.append(f"{sample['iops']:.0f}")
        pair.down(contestant)
        if not contestant.copies:
            pair.equalize()
        self._done += 1
        self._say(f"{link[1]}, {contestant.title}: {' '.join(line)}")

    def run(self):
        for repeat in range(self.plan.repeats):
            for link in self.plan.links:
                self.pair.shape(link[0])
                tcp = self.pair.tcp_rate()
                self._say(f"round {repeat + 1}, {link[1]}: bare TCP "
                          f"{tcp:.1f} MiB/s")
                # by turns from the front and from the back, against drift
                for contestant in self.plan.contestants[::1 - repeat % 2 * 2]:
                    self._contestant(contestant, link, repeat, tcp)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="a few cells, in about five minutes")
    parser.add_argument("--only", metavar="KEYS", help="contestants among " +
                        ",".join(c.key for c in CONTESTANTS))
    parser.add_argument("--workloads", metavar="KEYS", help="among " +
                        ",".join(w.key for w in WORKLOADS))
    parser.add_argument("--links", metavar="KEYS", help="among " +
                        ",".join(key for key, _ in LINKS))
    parser.add_argument("--seconds", type=int, help="of each load")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--output", default=RESULTS, metavar="FOLDER")
    return parser.parse_args()


def measure(folder, plan):
    """Take all samples; what there is is returned even if it ends early."""
    with open(os.path.join(folder, "bench.log"), "w") as log:
        pair = Pair(boot_files(folder), folder, log)
        bench = Bench(pair, plan)
        failure = None
        try:
            bench.run()
        except (GuestError, ScenarioFailure, KeyboardInterrupt) as error:
            failure = error
            print("logs:", keep_logs(folder, "bench", logs_folder()))
        finally:
            pair.close()
    return bench.samples, failure


def main():
    arguments = parse_arguments()
    plan = Plan(arguments)
    about = {"revision": revision(), "machine": machine(),
             "seconds": plan.seconds, "repeats": plan.repeats}
    with scratch() as folder:
        samples, failure = measure(folder, plan)
    os.makedirs(arguments.output, exist_ok=True)
    with open(os.path.join(arguments.output, "bench.json"), "w") as out:
        json.dump({"about": about, "samples": samples}, out, indent=1)
    if samples:
        report.write(arguments.output, about, samples)
    if failure:
        print("bench.py: ended early:", failure or "interrupted",
              file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
