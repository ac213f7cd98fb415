# SPDX-License-Identifier: GPL-2.0-only
"""Build the module for the guests' kernels, leaving the source tree alone."""

import hashlib
import os
import shutil
import subprocess

from image import HERE, cache_folder, locked

TOP = os.path.dirname(os.path.dirname(HERE))
MODULE = "dm-hybridmirror"
SOURCES = ("Makefile", "Kbuild", MODULE)
GUEST_TOOLS = os.path.join(HERE, "tools")
TOOLS = os.path.join(TOP, "tools")
HM_STAMP = os.path.join(TOOLS, "hm-stamp")
HM_META = os.path.join(TOOLS, "hm-meta")
SUFFIXES = (".c", ".h", "Kbuild", "Makefile")


class BuildError(Exception):
    """The module does not build."""


def source_files():
    for entry in SOURCES:
        path = os.path.join(TOP, entry)
        if os.path.isfile(path):
            yield entry
        for folder, _, names in os.walk(path):
            for name in names:
                if name.endswith(SUFFIXES) and not name.endswith(".mod.c"):
                    yield os.path.relpath(os.path.join(folder, name), TOP)


def same_content(one, other):
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            return first.read() == second.read()
    except FileNotFoundError:
        return False


def refresh(tree):
    """Bring the copy of the sources up to date; what is unchanged is kept."""
    wanted = set(source_files())
    for name in wanted:
        source, target = os.path.join(TOP, name), os.path.join(tree, name)
        if not same_content(source, target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), tree)
            if path.endswith((".c", ".h")) and path not in wanted and \
                    not path.endswith(".mod.c"):
                os.remove(os.path.join(tree, path))


def build_module(kernel, target):
    """Build the module for a kernel and put it at target.

    The copies that are built are kept in the cache, one for each source tree
    and kernel, so that only what has changed is compiled again.
    """
    place = hashlib.sha256(TOP.encode()).hexdigest()[:12]
    name = f"module-{place}-{kernel.name}"
    tree = os.path.join(cache_folder(), "modules", name)
    with locked(name):
        os.makedirs(tree, exist_ok=True)
        refresh(tree)
        result = subprocess.run(
            ["make", "-C", tree, f"-j{os.cpu_count()}",
             "KDIR=" + kernel.kdir, "modules"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode:
            raise BuildError(f"for {kernel.name}:\n{result.stdout}")
        # nothing in a guest reads what a debugger would
        subprocess.run(["strip", "--strip-debug", "-o", target,
                        os.path.join(tree, MODULE, MODULE + ".ko")], check=True)


def build_tools():
    """Build the programs for guests; returns their paths."""
    with locked("guest-tools"):
        for folder, target in ((GUEST_TOOLS, "all"), (TOOLS, "all")):
            result = subprocess.run(["make", "-C", folder, target], text=True,
                                    stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT)
            if result.returncode:
                raise BuildError(f"in {folder}:\n{result.stdout}")
    return [os.path.join(GUEST_TOOLS, "build", name)
            for name in ("hm-forge", "hm-status", "dm", "hm-on")] + \
        [HM_STAMP, HM_META]
