#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Test the runner itself: what must fail fails, and nothing stays behind.

usage: selftest.py [KERNEL]
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

EXPECTED = {"complaint": "FAIL", "crash": "FAIL", "false": "FAIL",
            "skipped": "skip", "allowed": "ok"}


def main():
    kernel = sys.argv[1] if len(sys.argv) > 1 else "6.12"
    with tempfile.TemporaryDirectory() as cache:
        totals = os.path.join(cache, "totals")
        result = subprocess.run(
            [os.path.join(HERE, "run.py"), "--kernels", kernel, "--totals",
             totals, "--scenarios", os.path.join(HERE, "selftest"),
             "--logs", cache], text=True, stdout=subprocess.PIPE)
        with open(totals) as source:
            counts = source.read().split()
    verdicts = dict((name, verdict) for verdict, name in re.findall(
        r"^(ok|FAIL|skip) .*s \S+ +(\w+)  \[", result.stdout, re.M))
    if verdicts != EXPECTED or counts != ["1", "3", "1"] or \
            result.returncode != 1:
        print(result.stdout)
        print("selftest: FAIL:", verdicts, counts, result.returncode)
        return 1
    print("selftest: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
