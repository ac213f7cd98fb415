# SPDX-License-Identifier: GPL-2.0-only
"""What a host-driven scenario works with; see the class Lab."""

import os
import random
import re
import threading
import time

from guest import Disk, Guest, GuestError, Net
from scan import complaints

ADDRESSES = {"p": "10.77.0.1/24", "a": "10.77.0.1/24", "b": "10.77.0.2/24"}


class ScenarioFailure(Exception):
    """Something is not as the scenario wants it."""


class ScenarioSkipped(Exception):
    """The scenario does not apply here."""


class Lab:
    """Guests, disks and links for one run of one scenario on one kernel.

    kernel   name of the kernel
    folder   temporary folder, deleted when the scenario has passed
    seed     for what is random; HM_SEED in the environment repeats a run
    """

    def __init__(self, scenario, boot_files, folder, log):
        self.scenario = scenario
        self.kernel = boot_files.kernel.name
        self.folder = folder
        self.guests = []
        self.seed = int(os.environ.get("HM_SEED", random.randrange(1 << 31)))
        self._boot = boot_files
        self._log = log
        self._nets = []

    # ---- verdicts and messages ----

    def log(self, *words):
        print(time.strftime("%H:%M:%S"), *words, file=self._log, flush=True)

    def check(self, condition, message):
        if not condition:
            raise ScenarioFailure(message)

    def skip(self, reason):
        raise ScenarioSkipped(reason)

    def wait_for(self, condition, message, timeout=300, every=0.2):
        """Poll until condition() is true."""
        deadline = time.monotonic() + timeout
        while not condition():
            self.check(time.monotonic() < deadline, "waited: " + message)
            time.sleep(every)

    # ---- parts ----

    def disk(self, name, mib, write_cache=True):
        """A new disk, all zeroes; its content is in the file disk.path."""
        path = os.path.join(self.folder, name + ".img")
        with open(path, "xb") as image:
            image.truncate(mib << 20)
        return Disk(path, write_cache)

    def link(self):
        """A private link; returns its two ends, for nets=[...] of guests."""
        link = len(self._nets)
        ends = [Net(f"52:54:00:77:{link:02x}:{end:02x}") for end in (1, 2)]
        ends[0].join(ends[1])
        ends[1].join(ends[0])
        self._nets += ends
        return ends

    @property
    def checks(self):
        """Does the kernel check itself, at a tenth of the speed?"""
        return self.kernel in ("debug", "kcsan")

    def guest(self, name, **options):
        """A guest, not yet booted; options are those of Guest."""
        # races take two
        least = 2 if self.kernel == "kcsan" else 1
        options.setdefault("smp", max(self.scenario.smp, least))
        options.setdefault("memory", self.scenario.memory)
        options["options"] = " ".join((options.get("options", ""),
                                       f"hm.seed={self.seed}",
                                       "hm.checks" if self.checks else "",
                                       self.scenario.command_line))
        guest = Guest(name, self._boot.kernel, self._boot.initramfs,
                      self._boot.tools, self.folder, **options)
        self.guests.append(guest)
        return guest

    def boot(self, *guests):
        """Boot guests at the same time."""
        errors = []

        def boot_one(guest):
            try:
                guest.await_boot()
            except GuestError as error:
                errors.append(error)

        # QEMU dies with the thread that starts it, so that is this one
        for guest in guests:
            guest.start()
        threads = [threading.Thread(target=boot_one, args=(guest,))
                   for guest in guests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def pair(self, p_disks=(), b_disks=(), **options):
        """Two linked guests, "p" and "b", booted and with addresses up.

        Their link is lab.cable: its ends have cut() and mend().
        """
        self.cable = ends = self.link()
        pair = [self.guest(name, disks=disks, nets=[end], **options)
                for name, disks, end in (("p", p_disks, ends[0]),
                                         ("b", b_disks, ends[1]))]
        self.boot(*pair)
        for guest in pair:
            self.address(guest)
        return pair

    def address(self, guest):
        """Set up the private link of a guest of a pair, after each boot."""
        guest.sh("link_address " + ADDRESSES[guest.name])

    # ---- the end ----

    def kill_all(self):
        for guest in self.guests:
            guest.kill()

    def cpu_seconds(self):
        return sum(guest.cpu_seconds for guest in self.guests)

    def close(self):
        self.kill_all()
        for net in self._nets:
            net.close()

    def explain(self):
        """Log what may tell why the scenario has failed."""
        for guest in self.guests:
            found = complaints(guest.console(), self.scenario.allowed)
            if found:
                self.log(f"{guest.name}: kernel log:", "\n".join(found))
            # only now: what it prints looks like complaints
            guest.blocked_tasks()

    def _leaks(self, guest):
        """Two scans: what is younger than some seconds is never reported.

        A leak is expected if its report has what the scenario allows.
        """
        guest.run("sleep 6; echo scan >/sys/kernel/debug/kmemleak;"
                  "sleep 1; echo scan >/sys/kernel/debug/kmemleak")
        reports = guest.run("cat /sys/kernel/debug/kmemleak")[1]
        return "".join(
            report for report in re.split(r"^(?=unreferenced )", reports,
                                          flags=re.M)
            if report.strip() and
            not any(re.search(allowed, report)
                    for allowed in self.scenario.allowed))

    def inspect(self):
        """Look for what the kernels have to complain of; ends all guests."""
        for guest in self.guests:
            text = ""
            if guest.alive():
                if self.kernel == "debug":
                    leaks = self._leaks(guest)
                    self.check(not leaks, f"{guest.name} leaks:\n{leaks}")
                text = guest.dmesg()
                guest.kill()
            text += guest.console()
            found = complaints(text, self.scenario.allowed)
            self.check(not found, f"{guest.name}: kernel log: " +
                       "\n".join(found[:10]))
