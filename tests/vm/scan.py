# SPDX-License-Identifier: GPL-2.0-only
"""Find the complaints of a kernel in its log."""

import re

COMPLAINTS = re.compile("|".join((
    r"\bWARNING:", r"\bBUG\b", r"\bOops\b", r"kernel BUG at", r"\bINFO:",
    r"Call Trace", r"Kernel panic", r"KASAN", r"KCSAN: ", r"UBSAN", r"KFENCE",
    r"possible circular", r"possible recursive", r"inconsistent lock state",
    r"suspicious RCU", r"Invalid wait context", r"scheduling while atomic",
    r"sleeping function called", r"blocked for more than", r"hung task",
    r"ODEBUG", r"DEBUG_LOCKS_WARN", r"kmemleak: \d+ new", r"Objects remaining",
    r"soft lockup", r"hard LOCKUP", r"rcu.*detected.*stall",
    r"workqueue lockup", r"general protection", r"page allocation failure",
    r"stack-protector", r"refcount_t:", r"list_(add|del) corruption",
    r"Bad page", r"slab .*: (Poison|Redzone|Object)", r"EXT4-fs error",
    r"unregister_netdevice: waiting", r"NETDEV WATCHDOG",
)))

# What the kernels say of themselves while they boot
HARMLESS = re.compile("|".join((
    r"Command line:", r"kfence: initialized", r"KernelAddressSanitizer init",
    r"kcsan: (enabled|selftest)", r"lockdep: ", r"RCU .*debug",
    r"Unknown kernel command line", r"kasan: ", r"kmemleak: Kernel memory",
)))


def complaints(text, allowed=()):
    """Lines of a kernel log which a scenario must not cause."""
    found = []
    for line in text.splitlines():
        if COMPLAINTS.search(line) and not HARMLESS.search(line) and \
                not any(re.search(pattern, line) for pattern in allowed):
            found.append(line.strip())
    return found
