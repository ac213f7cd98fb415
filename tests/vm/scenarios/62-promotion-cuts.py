# SPDX-License-Identifier: GPL-2.0-only
# Power cuts of a backup that is becoming the primary: its volume loads in one of the two roles, and mirroring comes back
# timeout: 3600
# kernels: 6.12 debug
# takes: 150
"""At random moments, in each stage from the load of the table to the first writes.

Once the metadata names it the primary, all that was acknowledged is there; before,
the old primary may also go on.
"""

import os
import random
import sys
import time

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from failover import Failover, acknowledged  # noqa: E402

MIB = 12

# Each line of output is a stage that was reached.
PROMOTION = """
echo begun
dm load {name} --table "$(pair_table primary {name})"
echo loaded
dm suspend {name}
echo suspended
dm resume {name}
echo resumed
for block in 2100 2400 2700 3000; do
    noise {name} $block 4
    echo written $block
done
"""
STAGES = ("begun", "loaded", "suspended", "resumed", "written 2100",
          "written 2400", "written 2700", "written 3000")


class Promotions:
    """Rounds of a dead primary and a backup that dies as well."""

    def __init__(self, lab):
        self.lab = lab
        self.rng = random.Random(lab.seed)
        self.pair = Failover(lab, MIB)
        self.primary, self.backup = self.pair.a, self.pair.b
        self.roles = []

    def primary_dies(self, number):
        """Under load; returns what the backup has to hold."""
        self.primary.become("primary", "on_disconnect stall")
        self.pair.in_step(self.primary)
        load = self.primary.load(self.lab.seed + number)
        time.sleep(self.rng.uniform(0, 0.5))
        self.primary.cut()
        return acknowledged(self.lab, load.output(), f"acked-{number}.log")

    def cut_short(self, stage):
        """A promotion, cut a moment after it was so far; returns the role."""
        job = self.backup.run_bg(PROMOTION.format(name=self.backup.name))
        self.lab.wait_for(lambda: stage in job.output(), stage, every=0.005)
        time.sleep(self.rng.uniform(0, 0.02))
        self.backup.cut()
        says = self.backup.says()
        self.roles.append(says["role"])
        self.lab.log(f"cut after it was {stage}; it says: {says['role']}, "
                     f"consistent: {says['consistent']}")
        self.lab.check(says["consistent"], "a consistent copy is none any more")
        return says["role"]

    def comes_back(self, role):
        """In the role that it has; if that is the old one, in either."""
        self.backup.become(role)
        if role == "backup" and self.rng.random() < 0.5:
            self.lab.log(f"{self.primary.name} is the primary again")
            self.primary.become("primary")
            return
        if role == "backup":
            self.lab.log("once more")
            self.backup.become("primary")
        self.primary.become("backup")
        self.primary, self.backup = self.backup, self.primary

    def round(self, number, stage):
        self.lab.log(f"round {number}: {self.primary.name} is the primary")
        acked = self.primary_dies(number)
        role = self.cut_short(stage)
        self.backup.check(self.lab.seed + number,
                          *(acked if role == "primary" else ()))
        self.pair.boot()
        self.comes_back(role)
        self.pair.equal(self.primary)

    def run(self):
        self.pair.boot()
        self.backup.become("backup")
        self.primary.become("primary", "sync clean")
        stages = list(STAGES)
        self.rng.shuffle(stages)
        for number, stage in enumerate(stages):
            self.round(number, stage)
        self.lab.log("roles at the cuts:", *self.roles)
        self.primary.down()
        self.backup.down()


def run(lab):
    lab.log("seed", lab.seed)
    Promotions(lab).run()
