# SPDX-License-Identifier: GPL-2.0-only
"""What every benchmark starts from: the harness of tests/vm, with more tools."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "vm"))

# pylint: disable=wrong-import-position
from guest import GUEST_LIB, Guest, GuestError             # noqa: E402
from image import Kernel, tools_disk                        # noqa: E402
from run import BootFiles, scratch_folder, shipped_files    # noqa: E402

# The kernel with which DRBD 8.4 and md's write-behind have been longest
KERNEL = "6.1"
TOOLS = ("drbdsetup-84", "drbdmeta", "nbd-client", "nbd-server", "mdadm")
# crc32c-intel: every processor of these days has it, and so hosts load it
MODULES = ("drbd", "nbd", "md-mod", "raid1", "crc32c-intel")
RESULTS = os.path.join(TOP, "bench-results")


def boot_files(folder, kernel=KERNEL):
    """Kernel, initramfs and tools for guests that run benchmarks."""
    library = os.path.join(HERE, "lib")
    tcp_rate = os.path.join(folder, "tcp-rate")
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", tcp_rate,
                    os.path.join(HERE, "tcp-rate.c")], check=True)
    shipped = shipped_files([], [tcp_rate]) + [
        ("hm/" + name, os.path.join(library, name))
        for name in sorted(os.listdir(library))]
    return BootFiles(Kernel(kernel), folder, tools_disk(TOOLS), True, shipped,
                     MODULES)


def script(libraries, text):
    """A script for a guest, which has read some of lib/."""
    return "".join(f". /hm/{name}\n" for name in libraries) + text


@contextlib.contextmanager
def scratch():
    """A folder in memory; at the end it and all guests are gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    folder = scratch_folder()
    try:
        yield folder
    finally:
        Guest.kill_all()
        shutil.rmtree(folder, ignore_errors=True)


def machine():
    """What the figures were taken on, in one line."""
    with open("/proc/cpuinfo") as cpuinfo:
        model = next((line.split(":")[1].strip() for line in cpuinfo
                      if line.startswith("model name")), "unknown processor")
    return (f"{model}, {os.cpu_count()} processors, load "
            f"{os.getloadavg()[0]:.1f} at {time.strftime('%Y-%m-%d %H:%M')}")


def revision():
    """The commit that is measured, and whether it was changed."""
    result = subprocess.run(
        ["git", "-C", TOP, "describe", "--always", "--dirty"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return result.stdout.strip() or "unknown"
