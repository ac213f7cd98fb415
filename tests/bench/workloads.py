# SPDX-License-Identifier: GPL-2.0-only
"""The loads, the links, and what is read off one run of a load."""

import collections
import json
import re

# load  the function of lib/load-lib.sh with its options, but the seconds
Workload = collections.namedtuple("Workload", "key title load")


def _random(depth):
    return Workload(f"4k-{depth}", f"4 KiB random, depth {depth}",
                    f"load_fio %d --rw=randwrite --bs=4k --iodepth={depth}")


WORKLOADS = (
    _random(1), _random(16), _random(64),
    Workload("128k-8", "128 KiB sequential, depth 8",
             "load_fio %d --rw=write --bs=128k --iodepth=8"),
    Workload("files", "file system, fsync after each write",
             "load_files %d"),
)
QUICK_WORKLOADS = ("4k-1", "4k-16", "128k-8")

# Key for shape of lib/load-lib.sh, and the title
LINKS = (("0", "no delay"), ("5", "5 ms there and back"),
         ("50", "50 ms there and back"), ("80mbit", "80 Mbit/s"))
QUICK_LINKS = ("0",)

MIB = 1 << 20
PERCENTILES = (("p50", "50.000000"), ("p99", "99.000000"),
               ("p999", "99.900000"))


def _fio(output):
    """The first job of fio's JSON, which lies among other lines."""
    start = output.index("{")
    return json.JSONDecoder().raw_decode(output[start:])[0]["jobs"][0]


def measured(output):
    """What the output of a load says: {measure: value}."""
    job = _fio(output)
    write = job["write"]
    # with fsync after each write, it is the fsync that takes the time
    latency = job["sync"]["lat_ns"] if job["sync"]["total_ios"] \
        else write["clat_ns"]
    result = {"iops": write["iops"], "mibs": write["bw_bytes"] / MIB,
              "bytes": int(re.search(r"^bytes (\d+)", output, re.M)[1])}
    percentiles = latency.get("percentile", {})
    for name, key in PERCENTILES:
        result[name] = percentiles.get(key, 0) / 1e6
    transactions = re.search(r"^transactions (\d+)", output, re.M)
    if transactions:
        result["transactions"] = int(transactions[1])
    return result
