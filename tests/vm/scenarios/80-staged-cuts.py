# SPDX-License-Identifier: GPL-2.0-only
# Power cuts of two guests at random moments of a staged resync, with take-overs: the backup is what it was, or what the primary has become, and nothing between
# timeout: 3600
# kernels: 6.12 debug
# takes: 150
"""A primary that crashed is back, and its dirty regions are copied under load.

Before the backup adopts what the primary has become, its disk has to hold all that
was acknowledged before the crash; afterwards, all that was acknowledged since, unless
it loses its power, too.
"""

import os
import random
import sys
import time

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from failover import STAMPED, Failover, acknowledged  # noqa: E402

MIB = 12
LOG_MIB = 40        # of the metadata device: all of the volume fits its log
SOME = STAMPED + 500, 20

# KiB/s of the copy, and the cut comes within so many seconds
PACES = ((1024, 4), (4096, 3), (0, 2), (0, 1))


class Stages:
    """Rounds of a crash, a resync and cuts in the middle of it."""

    def __init__(self, lab):
        self.lab = lab
        self.rng = random.Random(lab.seed)
        self.pair = Failover(lab, MIB, LOG_MIB)
        self.primary, self.backup = self.pair.a, self.pair.b
        self.runs = 0
        self.seed = self.job = None
        self.before = None      # seed and options: what the check demands
        self.old = None         # the backup's generation then
        self.ends = []

    def load(self):
        """Stamps of another seed, some of which have arrived."""
        self.runs += 1
        self.seed = self.lab.seed + self.runs
        self.job = self.primary.load(self.seed)

    def acked(self):
        return (self.seed, *acknowledged(self.lab, self.job.output(),
                                         f"acked-{self.runs}.log"))

    # ---- parts of a round ----

    def crash(self):
        """Of the primary, under load."""
        self.primary.become("primary")
        self.pair.in_step(self.primary)
        self.load()
        time.sleep(self.rng.uniform(0, 0.5))
        self.primary.cut()
        self.before = self.acked()
        self.old = self.backup.fields("generation")[0]

    def resync(self, rate, within):
        """The primary is back, and so is its load."""
        name = self.primary.name
        self.pair.boot(self.primary)
        self.primary.sh(f"ip link set eth0 down\nbecome primary {name}\n"
                        f"dm message {name} 0 copy rate {rate}\n"
                        "ip link set eth0 up")
        self.load()
        time.sleep(self.rng.uniform(0, within))

    def is_old(self, generation):
        old = generation == self.old
        self.ends.append("before" if old else "since")
        self.lab.log("it is what it was", self.ends[-1])
        return old

    def check_loaded(self, since):
        """The disk of a backup that was loaded, in either role."""
        old = self.is_old(self.backup.fields("generation")[0])
        self.backup.check(*(self.before if old else since))

    def taken_over(self):
        """The backup is the primary, and the old one its backup."""
        self.backup.noise(*SOME)
        self.primary, self.backup = self.backup, self.primary
        self.backup.become("backup")
        name = self.primary.name
        self.primary.sh(f"wait_for 'dm status {name} | "
                        "grep -qE \"link (connected|refused)\"'")
        if self.primary.fields("link") == ["refused"]:
            self.backup.sh(f"dm message {self.backup.name} 0 give_up")

    # ---- kinds of cuts ----

    def primary_is_lost(self):
        self.primary.cut()
        since = self.acked()
        self.backup.become("primary")
        self.check_loaded(since)
        self.pair.boot(self.primary)
        self.taken_over()

    def backup_is_cut(self):
        """Its disk as the cut left it, unless the log is to be performed."""
        self.backup.cut()
        says = self.backup.says()
        self.lab.check(says["consistent"], "it is not consistent")
        if self.is_old(says["generations"][0]):
            self.backup.check(*self.before)
        self.pair.boot(self.backup)
        self.backup.become("backup")

    def both_are_cut(self):
        """What only the backup's memory had is lost, too."""
        self.primary.cut()
        self.backup.cut()
        self.pair.boot()
        self.backup.become("primary")
        self.check_loaded((self.seed,))
        self.taken_over()

    # ---- all of them ----

    def settle(self):
        """End the load; both disks are equal and a good cut."""
        if self.primary.guest.run("killall -q hm-stamp")[0] == 0:
            self.job.wait()
        self.primary.sh(f"dm message {self.primary.name} 0 copy rate 0")
        self.pair.in_step(self.primary)
        self.backup.sh(f"disk_follows {self.backup.name}")
        self.pair.equal(self.primary)

    def run(self):
        kinds = [self.primary_is_lost, self.backup_is_cut,
                 self.both_are_cut]
        if not self.lab.checks:
            kinds += kinds
        self.rng.shuffle(kinds)
        self.pair.boot()
        self.backup.become("backup")
        self.primary.become("primary", "sync clean")
        for number, kind in enumerate(kinds, 1):
            pace = self.rng.choice(PACES)
            self.lab.log(f"round {number}: {kind.__name__}, {pace[0]} KiB/s, "
                         f"{self.primary.name} is the primary")
            self.crash()
            self.resync(*pace)
            kind()
            self.settle()
        self.lab.log("at the cuts:", *self.ends)
        self.primary.down()
        self.backup.down()


def run(lab):
    lab.log("seed", lab.seed)
    Stages(lab).run()
