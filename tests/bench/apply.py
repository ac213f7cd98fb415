#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What order costs the backup: how many writes it performs in a second.

The primary writes 4 KiB at random as fast as it is let. With `ordering none` the
backup performs writes as they come; its rate then is what the disk can do.
"""

import argparse
import json
import os
import statistics
import sys

import plot
from contestants import FULL, Contestant
from harness import GuestError, RESULTS, boot_files, machine, revision, scratch
from lab import ScenarioFailure
from pair import Pair
from run import keep_logs, logs_folder

# of the backup: by groups in some ordering, unordered, or by the log
WAYS = ("completion", "flush", "log", "none")
KINDS = (("equal", "all places alike"),
         ("spread", "times spread, lognormal, sigma 0.5"),
         ("tail", "one place of 100 ten times slower"))
ALL = "exhibit,equal,spread,tail"
DEPTHS = (1, 4, 16, 64, 256)
RAMP = 2


def mirror(way):
    apply, ordering = ("log", "completion") if way == "log" else ("group", way)
    return Contestant("hm-" + way, "mirror, " + way,
                      f"mirror {apply} ack local {FULL} ordering {ordering}",
                      True)


EXHIBIT = [mirror(way) for way in WAYS] + [
    Contestant("drbd-A", "DRBD A", "drbd A", True),
    Contestant("drbd-A-tuned", "DRBD A, tuned", "drbd A tuned", True),
    Contestant("drbd-A-undrained", "DRBD A, tuned, order off (not safe)",
               # nor does it keep overlapping writes in order: the copy may differ
               "drbd A tuned undrained", False)]
QUICK = ("hm-completion", "hm-log", "hm-none", "drbd-A-tuned")


class Apply:
    """Measures on one pair of guests."""

    def __init__(self, pair, seconds, queue_depths):
        self.pair = pair
        self.seconds = seconds
        self.queue_depths = queue_depths

    def slow(self, end, kind, seed):
        self.pair.sh(end, f"slow_disk {kind} {seed} /dev/vda")
        self.pair.device[end] = "/dev/mapper/slow"

    def even(self, *ends):
        for end in ends:
            self.pair.device[end] = "/dev/vda"
            self.pair.sh(end, "dm remove slow")

    def rate(self, contestant, load):
        """Writes that the backup performs in a second under a load of fio's."""
        pair, name = self.pair, contestant.words.split()[0]
        pair.up(contestant)
        job = pair.run_bg("p", f"load_fio {RAMP + self.seconds + 2} {load}")
        rate = float(pair.sh("b", f"sleep {RAMP}\n"
                             f"apply_rate {name} {self.seconds}"))
        rc, output = job.wait()
        if rc:
            raise GuestError("fio: " + output)
        pair.settle(contestant)
        pair.down(contestant)
        if not contestant.copies:
            pair.equalize()
        return rate

    def depths(self, kind, repeats):
        """{way: [(depth, median rate), ...]}"""
        found = {way: [] for way in WAYS}
        for seed, end in enumerate("pb"):
            self.slow(end, kind, seed + 1)
        for depth in self.queue_depths:
            rates = {way: [] for way in WAYS}
            for _ in range(repeats):
                for way in WAYS:
                    rates[way].append(self.rate(
                        mirror(way),
                        f"--rw=randwrite --bs=4k --iodepth={depth}"))
            for way in WAYS:
                found[way].append((depth, statistics.median(rates[way])))
                print(f"{kind}, depth {depth}, {way}:",
                      ", ".join(f"{rate:,.0f}/s" for rate in rates[way]),
                      flush=True)
        self.even("p", "b")
        return found

    def exhibit(self, contestants, repeats):
        """{title: [rate, ...]}"""
        found = {contestant.title: [] for contestant in contestants}
        self.slow("b", "quarter", 1)
        for _ in range(repeats):
            for contestant in contestants:
                rate = self.rate(contestant, "--rw=randwrite --bs=4k "
                                 "--iodepth=1 --numjobs=16 --group_reporting")
                found[contestant.title].append(rate)
                print(f"exhibit, {contestant.title}: {rate:,.0f}/s",
                      flush=True)
        self.even("b")
        return found


def tables(about, exhibit, depths):
    """Lines of Markdown"""
    yield from (f"# What order costs the backup, {about['revision']}", "",
                about["machine"], "",
                "## 16 writers; the last quarter of every 16 MiB of the "
                "backup's disk answers 30 ms late", "",
                "| | writes/s | from | to |", "| --- | ---: | ---: | ---: |")
    for title, rates in exhibit.items():
        yield (f"| {title} | {statistics.median(rates):,.0f} | "
               f"{min(rates):,.0f} | {max(rates):,.0f} |")
    for kind, title in KINDS:
        if kind not in depths:
            continue
        yield from ("", f"## Both disks: {title}", "",
                    "| depth | " + " | ".join(WAYS) + " | " +
                    " | ".join(way + " / none" for way in WAYS[:-1]) + " |",
                    "| ---: " * (2 * len(WAYS)) + "|")
        for points in zip(*(depths[kind][way] for way in WAYS)):
            depth, rates = points[0][0], [rate for _, rate in points]
            cells = [f"{rate:,.0f}" for rate in rates]
            cells += [f"{rate / max(rates[-1], 1):.2f}" for rate in rates[:-1]]
            yield f"| {depth} | " + " | ".join(cells) + " |"


def write(folder, about, exhibit, depths):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "apply.json"), "w") as out:
        json.dump({"about": about, "exhibit": exhibit, "depths": depths}, out,
                  indent=1)
    path = os.path.join(folder, "apply.md")
    with open(path, "w") as out:
        out.write("\n".join(tables(about, exhibit, depths)) + "\n")
    for kind, title in KINDS:
        if kind in depths:
            plot.curves(folder, "apply-" + kind, "The backup, " + title,
                        "queue depth", "writes per second", depths[kind])
    print("report:", os.path.relpath(path))


def measure(folder, arguments):
    exhibit, depths = {}, {}
    with open(os.path.join(folder, "apply.log"), "w") as log:
        pair = Pair(boot_files(folder), folder, log)
        # the rate is to be the backup's soon
        pair.backlog = 4
        try:
            apply = Apply(pair, arguments.seconds or
                          (3 if arguments.quick else 6), arguments.depths)
            contestants = [contestant for contestant in EXHIBIT
                           if not arguments.quick or contestant.key in QUICK]
            repeats = 1 if arguments.quick else 3
            if "exhibit" in arguments.only:
                exhibit = apply.exhibit(contestants, repeats)
            for kind, _ in KINDS:
                if kind in arguments.only:
                    depths[kind] = apply.depths(kind, repeats)
        except (GuestError, ScenarioFailure):
            print("logs:", keep_logs(folder, "apply", logs_folder()))
            raise
        finally:
            pair.close()
    return exhibit, depths


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="the exhibit only, once")
    parser.add_argument("--only", metavar="PART,...", default=ALL.split(","),
                        type=lambda words: words.split(","),
                        help=f"of {ALL}")
    parser.add_argument("--depths", metavar="DEPTH,...", default=DEPTHS,
                        type=lambda words: [int(w) for w in words.split(",")],
                        help="of the queue, but for the exhibit")
    parser.add_argument("--seconds", type=int, help="of each measurement")
    parser.add_argument("--output", default=RESULTS, metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.only = ["exhibit"]
    if set(arguments.only) - set(ALL.split(",")):
        parser.error(f"--only takes some of {ALL}")
    about = {"revision": revision(), "machine": machine()}
    try:
        with scratch() as folder:
            found = measure(folder, arguments)
    except (GuestError, ScenarioFailure) as error:
        print("apply.py:", error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    write(arguments.output, about, *found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
