# SPDX-License-Identifier: GPL-2.0-only
"""Which functions of a guest's kernel execute the instructions.

A plugin of QEMU counts all of them, so this is no sampling. Instructions that a
function executes inline are its own; those of what it calls are not.
"""

import bisect
import collections
import os
import re
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
SHOWN = 60
USER = "(user space: fio, shell)"
MODULES_SHOWN = 8

# Rough, and in this order; what no pattern finds is counted as "the rest". What
# the modules do themselves is told by modules.
GROUPS = tuple((title, re.compile(pattern)) for title, pattern in (
    ("modules and user space", r"\[|^\("),
    ("scheduler, wake-ups", r"sched|psi_|^update_(load|curr|rq|min)|load_avg|"
     r"(en|de)queue_(task|entity|pushable)|pick_next|try_to_wake|wake_|wakeup|"
     r"select_task|switch|(set|put)_(next|prev)|ttwu|resched|kthread|"
     r"prepare_to_wait|finish_wait|reweight|cfs|rcu_note|cpuacct|rq_clock"),
    ("TCP, IP, sockets", r"tcp|^_*ip_|skb|^_*sk_|sock|inet|netif|qdisc|"
     r"^_*dev_|loopback|napi|net_rx|nf_|ipv4|dst_|neigh|csum"),
    ("copying data", r"^_*copy|memcpy|memmove|bio_copy|iov_iter|_to_iter|"
     r"_from_iter|check_object"),
    ("clearing pages", r"clear_page|memset|memzero"),
    ("page and slab allocator", r"page(?!_to)|alloc|kfree|kmem|slab|slub|"
     r"mempool|policy|free_|pcp|folio|zone"),
    ("block layer", r"bio|blk|submit|bvec|aio|io_getevents|disk|lookup_ioctx"),
    ("clocks and timers", r"hpet|ktime|clock|timer|tick|tsc"),
    ("locks and RCU", r"lock|rcu|mutex|list_(add|del)"),
    ("system calls, interrupts", r"syscall|sys_|entry|exit|irq|apic"),
    ("the rest", r""),
))


def build(folder):
    """Build the plugin; returns what QEMU is told of it."""
    plugin = os.path.join(folder, "count.so")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC",
                    "-o", plugin, os.path.join(HERE, "count.c")], check=True)
    return ("-plugin", f"{plugin},counts={folder}/counts")


def difference(after, before):
    return {address: count - before.get(address, 0)
            for address, count in after.items()}


def _module(name):
    if name == USER:
        return USER
    return name.partition(" ")[2] or "[kernel]"


def _group(name):
    return next(title for title, pattern in GROUPS if pattern.search(name))


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
        groups = collections.Counter()
        for address, count in counts.items():
            index = bisect.bisect_right(starts, address) - 1
            name = symbols[index][1] if index >= 0 and address > 1 else USER
            totals[name] += count
            modules[_module(name)] += count
            groups[_group(name)] += count
        everything = sum(totals.values())
        for counter, shown in ((groups, len(GROUPS)), (modules, MODULES_SHOWN),
                               (totals, SHOWN)):
            for name, count in counter.most_common(shown):
                print(f"  {count / writes:10.0f} "
                      f"{100 * count / everything:5.1f} %  {name}")
            print()
        print(f"  {everything / writes:10.0f}  in all", flush=True)
