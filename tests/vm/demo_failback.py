# SPDX-License-Identifier: GPL-2.0-only
"""The second half of the demonstration: the old primary comes back."""

import filecmp
import os
import time

from demo_lab import DISKS, DemoFailure, TIMEOUT, become, create_volumes

MORE_TRANSACTIONS = 10
MIB = 1 << 20


def in_step(primary, backup):
    """Everything is durable on the backup, and it knows what it holds."""
    return (primary["link"], primary["sync"]) == ("connected", "streaming") \
        and primary["seq"] == primary["durable"] \
        and primary["generation"] == backup["generation"]


class Failback:
    """From the backup that took over back to the host that died."""

    def __init__(self, demo):
        self.demo = demo
        self.teller = demo.teller
        self.p, self.b = demo.p, demo.b

    def tell(self):
        self.go_on()
        self.come_back()
        self.switch()
        self.judge()

    # ---- the databases ----

    def start(self, host):
        """The databases go on where they are, with the next transactions."""
        host.mount()
        for ledger in self.demo.ledgers:
            ledger.start(host, self.demo.found.get(ledger.name, 0) + 1)

    def await_more(self):
        """Until so many transactions more were acknowledged."""
        started = time.monotonic()
        ledgers = self.demo.ledgers
        goals = [ledger.acknowledged() + MORE_TRANSACTIONS
                 for ledger in ledgers]
        while True:
            time.sleep(1)
            now = [ledger.acknowledged() for ledger in ledgers]
            self.teller.say("acknowledged: {:4} wal {:4} journal".format(*now))
            if all(have >= goal for have, goal in zip(now, goals)):
                return
            if time.monotonic() - started > TIMEOUT:
                raise DemoFailure("the databases make no progress")

    def stop(self, host):
        host.quiet("killall sqlite3")
        for ledger in self.demo.ledgers:
            ledger.stop()
            self.demo.acked[ledger.name] = ledger.acknowledged()

    # ---- the mirror ----

    def wait(self, condition):
        """Wait for a condition of the status of both."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            p, b = self.p.status("vol0"), self.b.status("vol0")
            if condition(p, b):
                return p, b
            if time.monotonic() > deadline:
                raise DemoFailure(f"waited in vain: {p}, {b}")
            time.sleep(0.2)

    # ---- the story ----

    def go_on(self):
        self.teller.step("b serves alone, and remembers what changes")
        self.start(self.b)
        self.await_more()

    def come_back(self):
        self.teller.step("p boots again, and comes back as the backup, under "
                         "load")
        self.p.guest.boot()
        self.demo.lab.address(self.p.guest)
        self.p.load_module()
        self.p.far_away()
        create_volumes(self.p, "backup")
        _, b = self.wait(lambda p, b: p["state"] == "consistent" and
                         p["generation"] == b["generation"])
        copied = int(b["copied"])
        whole = (DISKS["vda"] + DISKS["vdb"]) * MIB
        self.teller.check(0 < copied < whole // 2,
                          f"copied {copied / MIB:.1f} MiB of "
                          f"{whole / MIB:.0f} MiB: what either of them has "
                          "written alone")
        self.await_more()

    def switch(self):
        self.teller.step("Planned switch: p is the primary again")
        self.stop(self.b)
        self.b.type("umount /mnt/demo")
        self.wait(lambda p, b: in_step(b, p))
        self.teller.say("(b: connected, streaming, and p has everything, "
                        "durably)")
        self.b.type("dmsetup suspend vol0 && dmsetup suspend vol1")
        become(self.b, "backup")
        status = self.p.status("vol0")
        self.teller.check(status["state"] == "consistent",
                          "p says that it is consistent")
        become(self.p, "primary")
        self.p.wait_status("vol0", link="connected", sync="streaming")
        self.p.mount()
        self.demo.judge_host(self.p)

    def judge(self):
        self.teller.step("p serves, b follows; the verdict on both disks")
        self.start(self.p)
        self.await_more()
        self.stop(self.p)
        self.demo.judge_host(self.p)
        p, _ = self.wait(in_step)
        self.teller.check(p["copied"] == "0",
                          "nothing was copied for the switch")
        for disk in ("vda", "vdb"):
            images = [os.path.join(self.demo.folder, f"{host}-{disk}.img")
                      for host in "pb"]
            self.teller.check(filecmp.cmp(*images, shallow=False),
                              f"{disk} holds the same on both hosts")
