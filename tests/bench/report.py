#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The report of a benchmark: report.py FOLDER makes it anew from bench.json."""

import json
import os
import statistics
import sys

import plot
from contestants import CONTESTANTS
from workloads import LINKS, WORKLOADS

GIB = 1 << 30
LEGEND = """
Each figure is the median of {repeats} rounds of {seconds} s, with the least and
the greatest behind IOPS. *bound*: MiB/s if a write cost what it costs dm-linear
plus what its bytes cost bare TCP on this link, one after the other. *CPU*:
seconds of the host's processors for each GiB mirrored, primary + backup.
*behind*: seconds after the end of the load until the backup had everything.
Milliseconds for p50, p99 and p99.9: of a write; in the file system's load of an
fsync.
"""


def select(samples, **wanted):
    return [sample for sample in samples
            if all(sample[key] == value for key, value in wanted.items())]


def median(samples, key):
    return statistics.median(sample.get(key, 0) for sample in samples)


def bound(samples, link, workload):
    """MiB/s"""
    linear = select(samples, contestant="linear", link=link, workload=workload)
    if not linear:
        return None
    return 1 / (1 / median(linear, "mibs") + 1 / median(linear, "tcp"))


def cpu(samples, end):
    """Seconds for each GiB"""
    return statistics.median(
        sample["cpu_" + end] * GIB / max(sample["bytes"], 1)
        for sample in samples)


def row(title, cells, limit):
    iops = [sample["iops"] for sample in cells]
    rate = median(cells, "mibs")
    words = [title, f"{median(cells, 'iops'):,.0f} "
             f"({min(iops):,.0f}-{max(iops):,.0f})", f"{rate:.1f}",
             f"{limit:.1f}" if limit else "-"]
    words += [f"{median(cells, key):.2f}" for key in ("p50", "p99", "p999")]
    words += [f"{cpu(cells, 'p'):.0f} + {cpu(cells, 'b'):.0f}",
              f"{median(cells, 'settle'):.1f}"]
    if "transactions" in cells[0]:
        words.append(f"{median(cells, 'transactions'):,.0f}")
    return words


def table(samples, link, workload):
    """Lines of Markdown"""
    head = ["", "IOPS", "MiB/s", "bound", "p50", "p99", "p99.9", "CPU",
            "behind"]
    if workload == "files":
        head.append("transactions")
    limit = bound(samples, link, workload)
    rows = []
    for contestant in CONTESTANTS:
        cells = select(samples, contestant=contestant.key, link=link,
                       workload=workload)
        if cells:
            rows.append(row(contestant.title, cells, limit))
    return ["| " + " | ".join(words) + " |"
            for words in [head, ["---"] + ["---:"] * (len(head) - 1)] + rows]


def write(folder, about, samples):
    """Write report.md and the plots."""
    lines = ["# Benchmark of " + about["revision"], "", about["machine"]]
    lines += LEGEND.format(**about).splitlines()
    for link, link_title in LINKS:
        of_link = select(samples, link=link)
        if not of_link:
            continue
        lines += ["", f"## Link: {link_title}; bare TCP "
                  f"{median(of_link, 'tcp'):.1f} MiB/s"]
        for workload in WORKLOADS:
            if not select(of_link, workload=workload.key):
                continue
            lines += ["", "### " + workload.title, ""]
            lines += table(samples, link, workload.key)
        plot.contestants(folder, link, link_title, of_link)
    path = os.path.join(folder, "report.md")
    with open(path, "w") as out:
        out.write("\n".join(lines) + "\n")
    print("report:", os.path.relpath(path))


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "bench.json")) as source:
        data = json.load(source)
    write(folder, data["about"], data["samples"])


if __name__ == "__main__":
    main()
