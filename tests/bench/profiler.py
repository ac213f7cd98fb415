# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of a guest's kernel execute the instructions.

A plugin of QEMU counts all of them, so this is no sampling. Instructions that a
function executes inline are its own; those of what it calls are not.
"""

import bisect
import collections
import os
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SHOWN = 60
USER = "(user space: fio, shell)"


def build(folder):
    """Build the plugin; returns what QEMU is told of it."""
    plugin = os.path.join(folder, "count.so")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC",
                    "-o", plugin, os.path.join(HERE, "count.c")], check=True)
    return ("-plugin", f"{plugin},counts={folder}/counts")


def difference(after, before):
    return {address: count - before.get(address, 0)
            for address, count in after.items()}


class Profile:
    """Reads the counters, and tells them by functions."""

    def __init__(self, guest, folder):
        self._guest = guest
        self._path = os.path.join(folder, "counts")
        self._kernel = self._symbols("grep -v '\\[' /proc/kallsyms")

    def _symbols(self, command):
        symbols = []
        for line in self._guest.sh(command, 1800).splitlines():
            words = line.split()
            if len(words) > 2 and words[1] in "tTwW":
                symbols.append((int(words[0], 16), " ".join(words[2:])))
        return symbols

    def read(self):
        """{address: instructions executed there}"""
        with open(self._path, "rb") as counters:
            return {address: count for address, count
                    in struct.iter_unpack("=QQ", counters.read()) if count}

    def show(self, counts, writes):
        """Print the functions, by instructions for each write."""
        symbols = sorted(self._kernel + self._symbols(
            "grep '\\[' /proc/kallsyms || true"))
        starts = [address for address, _ in symbols]
        totals = collections.Counter()
        modules = collections.Counter()
        for address, count in counts.items():
            index = bisect.bisect_right(starts, address) - 1
            name = symbols[index][1] if index >= 0 and address > 1 else USER
            totals[name] += count
            modules[name.partition(" ")[2] if "[" in name else name if
                    name == USER else "[kernel]"] += count
        everything = sum(totals.values())
        for counter, shown in ((modules, 8), (totals, SHOWN)):
            for name, count in counter.most_common(shown):
                print(f"  {count / writes:10.0f} "
                      f"{100 * count / everything:5.1f} %  {name}")
            print()
        print(f"  {everything / writes:10.0f}  in all", flush=True)
