# SPDX-License-Identifier: GPL-2.0-only
# Power cuts of two guests at random moments, also during a resync, with returns and take-overs: good cuts, and equal disks in the end
# timeout: 3600
# kernels: 6.12 debug
# takes: 150
"""Each kind of power cut once, in an order and at moments that the seed says.

As long as writes have to wait for the backup ("stall") it has to hold what was
acknowledged; a primary that goes on alone ("continue") has it all.
"""

import os
import random
import sys
import time

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from failover import STAMPED, Failover, acknowledged  # noqa: E402

MIB = 12
STALL, CONTINUE = "on_disconnect stall", "on_disconnect continue"

# Blocks without stamps: of what a survivor writes, and of what is copied
SOME, MANY = (STAMPED + 500, 20), (STAMPED, 1024)


class Cuts:
    """Rounds of load, cuts and returns; primary and backup change places."""

    def __init__(self, lab):
        self.lab = lab
        self.rng = random.Random(lab.seed)
        self.pair = Failover(lab, MIB)
        self.primary, self.backup = self.pair.a, self.pair.b
        self.round = self.cuts = 0
        self.seed = self.load = None

    # ---- parts ----

    def pause(self, seconds):
        time.sleep(self.rng.uniform(0, seconds))

    def begin(self, arguments):
        """Load under way, for some time."""
        self.primary.become("primary", arguments)
        self.pair.in_step(self.primary)
        self.seed = self.lab.seed + self.round
        self.load = self.primary.load(self.seed)
        self.pause(1)

    def cut(self, *hosts):
        for host in hosts:
            host.cut()
            self.cuts += 1

    def acked(self):
        return acknowledged(self.lab, self.load.output(),
                            f"acked-{self.round}.log")

    def swap(self):
        self.primary, self.backup = self.backup, self.primary

    def check_backup(self):
        """Cut off: its disk is a good cut, unless it says that it is none."""
        says = self.backup.says()
        self.lab.log(f"{self.backup.name} is consistent: {says['consistent']}")
        if says["consistent"]:
            self.backup.check(self.seed)
        return says["consistent"]

    def both_return(self):
        self.pair.boot()
        self.backup.become("backup")
        self.primary.become("primary")

    # ---- kinds of cuts ----

    def primary_taken_over(self):
        self.begin(STALL)
        self.cut(self.primary)
        acked = self.acked()
        self.backup.become("primary")
        self.backup.check(self.seed, *acked)
        self.backup.noise(*SOME)
        self.pair.boot(self.primary)
        self.primary.become("backup")
        self.swap()

    def primary_returns(self):
        self.begin(STALL)
        self.cut(self.primary)
        self.primary.check(self.seed, *self.acked())
        self.pair.boot(self.primary)
        self.primary.become("primary")

    def backup_returns(self):
        self.begin(CONTINUE)
        self.cut(self.backup)
        self.check_backup()
        self.pair.boot(self.backup)
        self.backup.become("backup")
        self.pause(1)

    def both_return_in_their_roles(self):
        self.begin(self.rng.choice((STALL, CONTINUE)))
        hosts = [self.primary, self.backup]
        self.rng.shuffle(hosts)
        self.cut(hosts[0])
        self.pause(0.5)
        self.cut(hosts[1])
        self.check_backup()
        self.primary.check(self.seed, *self.acked())
        self.both_return()

    def both_and_the_backup_takes_over(self):
        """What only the backup's memory had is lost, and nothing else."""
        self.begin(STALL)
        self.cut(self.primary)
        self.pause(0.1)
        self.cut(self.backup)
        good = self.check_backup()
        self.pair.boot()
        if not good:
            self.both_return()
            return
        self.backup.become("primary")
        self.backup.noise(*SOME)
        self.primary.become("backup")
        self.swap()

    # ---- during a resync ----

    def resync(self):
        """The backup was away, and is being copied to."""
        self.begin(CONTINUE)
        self.cut(self.backup)
        self.primary.noise(*MANY)
        # so slowly that it is going on at the next cut
        self.primary.sh(f"dm message {self.primary.name} 0 copy rate 256")
        self.pair.boot(self.backup)
        self.backup.become("backup")
        self.primary.sh(f"wait_status {self.primary.name} link connected")
        self.pause(1)

    def backup_during_resync(self):
        self.resync()
        self.cut(self.backup)
        self.check_backup()
        self.pair.boot(self.backup)
        self.backup.become("backup")
        self.primary.sh(f"dm message {self.primary.name} 0 copy rate 0")

    def primary_during_resync(self):
        self.resync()
        self.cut(self.primary)
        self.primary.check(self.seed, *self.acked())
        self.refused_if_inconsistent()
        self.pair.boot(self.primary)
        self.primary.become("primary")

    def both_during_resync(self):
        self.resync()
        self.cut(self.primary, self.backup)
        self.primary.check(self.seed, *self.acked())
        self.check_backup()
        self.both_return()

    def refused_if_inconsistent(self):
        """A copy that was cut short is no primary."""
        name = self.backup.name
        self.backup.sh(f"wait_status {name} link listening")
        if self.backup.fields("state") == ["inconsistent"]:
            self.backup.sh(f"refuse become primary {name}\n"
                           f"become backup {name}")
        else:
            self.lab.log("the resync had ended")

    # ---- all of them ----

    def run(self):
        kinds = [self.primary_taken_over, self.primary_returns,
                 self.backup_returns, self.both_return_in_their_roles,
                 self.both_and_the_backup_takes_over,
                 self.backup_during_resync, self.primary_during_resync,
                 self.both_during_resync]
        self.rng.shuffle(kinds)
        self.pair.boot()
        self.backup.become("backup")
        self.primary.become("primary", "sync clean")
        for kind in kinds:
            self.round += 1
            self.lab.log(f"round {self.round}: {kind.__name__}, "
                         f"{self.primary.name} is the primary")
            kind()
            self.settle()
        self.lab.log(f"{self.cuts} power cuts")
        self.primary.down()
        self.backup.down()

    def settle(self):
        """End the load; both disks are equal and a good cut."""
        if self.primary.guest.run("killall -q hm-stamp")[0] == 0:
            self.load.wait()
        self.pair.equal(self.primary)
        self.backup.check(self.seed)


def run(lab):
    lab.log("seed", lab.seed)
    Cuts(lab).run()
