#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Demonstrate the mirror: a primary dies in mid-write, its backup takes over,
the old primary returns as the backup, and the roles are switched back.

Two virtual machines, each with a kernel of Debian's: "p", the primary at first,
with 6.12, and "b" with 6.1. Exit status 0 means that everything held that the
mirror promises.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

from build import BuildError
from demo_failback import Failback
from demo_lab import DISKS, DELAY_MS, DemoFailure, DemoLab, Host, Teller, \
    VOLUMES, become, create_volumes, cut_power_and_photograph, fio_writes, table
from demo_load import LEDGERS, Ledger, Stamps, check_file_system, \
    check_ledgers, check_stamps
from guest import Guest, GuestError
from image import HERE, Kernel, tools_disk
from lab import ScenarioFailure
from run import BootFiles, keep_logs, logs_folder, scratch_folder, \
    shipped_files

STEPS = 13
STEPS_BROKEN = 9
KERNELS = {"p": "6.12", "b": "6.1"}
SPEED_SECONDS = 3

# Load until there is so much to lose, but not for ever on a busy machine
LOAD_SECONDS = 12
LOAD_TRANSACTIONS = 20
LOAD_STAMPS = 500
LOAD_LIMIT = 900

NOISE = """
fio --name=noise --directory=/mnt/demo --size=8m --rw=randwrite --bs=4k \
	--direct=1 --ioengine=libaio --iodepth=4 --fsync=32 --thinktime=50ms \
	--time_based --runtime=3600 >/run/noise 2>&1 &
"""


class Settings:
    """What differs when the promise is to be broken on purpose."""

    def __init__(self, broken):
        self.broken = broken
        self.ordering = "none" if broken else "completion"
        # how much slower than the primary's the disks of the backup are
        self.slow_ms = (0, 1000) if broken else (5, 5)


class Demo:
    """The story, one step after the other; the state that they share."""

    def __init__(self, settings, folder, log):
        self.settings = settings
        self.folder = folder
        self.log = log
        self.teller = Teller(STEPS_BROKEN if settings.broken else STEPS)
        self.ledgers = [Ledger(name) for name in LEDGERS]
        self.stamps = Stamps()
        self.acked = {}
        self.found = {}
        self.lab = self.p = self.b = None

    def tell(self):
        self.prepare()
        self.boot()
        self.measure()
        self.create()
        self.load()
        self.disaster()
        self.take_over()
        self.judge_photograph()
        self.judge()
        if not self.settings.broken:
            Failback(self).tell()
        found = self.lab.complaints()
        self.teller.check(not found, "neither kernel has complained")
        self.teller.say("\n".join(found[:10]))

    # ---- before ----

    def prepare(self):
        self.teller.step("Packages, kernels, module, tools")
        subprocess.run([os.path.join(HERE, "deps.sh")], check=True)
        kernels = {host: Kernel(name) for host, name in KERNELS.items()}
        self.teller.say("packages and kernels are there; building")
        shipped = shipped_files([], [])
        tools = tools_disk()
        files = {host: BootFiles(kernel, self.folder, tools, True, shipped)
                 for host, kernel in kernels.items()}
        self.lab = DemoLab(files, self.folder, self.log)

    def boot(self):
        self.teller.step("Boot two virtual machines on a private link")
        disks = {host: self.lab.blank(*((f"{host}-{name}", mib)
                                        for name, mib in DISKS.items()))
                 for host in KERNELS}
        photos = self.lab.blank(("b-vdf", DISKS["vda"]),
                                ("b-vdg", DISKS["vdb"]))
        self.pairs = list(zip(disks["b"], photos))
        p, b = self.lab.pair(disks["p"], disks["b"] + photos)
        self.p, self.b = Host(p, self.teller), Host(b, self.teller)
        self.teller.say("p: primary, 10.77.0.1    b: backup, 10.77.0.2    "
                        "blank disks on each")
        self.p.load_module()
        self.b.load_module()

    # ---- its price ----

    def measure(self):
        self.teller.step("What it costs: 4 KiB random writes, no distance, "
                         "the same disk")
        rows = [("dm-linear", None), ("mirror, ack local", "local"),
                ("mirror, ack received", "received")]
        sectors = int(self.p.quiet("sectors /dev/vdc"))
        self.teller.say(f"{'IOPS':24}{'depth 1':>10}{'depth 16':>10}")
        for title, ack in rows:
            self.p.quiet("blkdiscard -z /dev/vdc")
            self.b.quiet("blkdiscard -z /dev/vdc")
            self.speed_up(ack, sectors)
            iops = [fio_writes(self.p, "--filename=/dev/mapper/speed", depth,
                               SPEED_SECONDS)[0] for depth in (1, 16)]
            self.teller.say(f"{title:24}{iops[0]:10.0f}{iops[1]:10.0f}")
            self.speed_down(ack)
        self.teller.say("(under QEMU, and without KVM what the mirror computes "
                        "costs far more than on real hosts)")

    def speed_up(self, ack, sectors):
        if not ack:
            line = f"0 {sectors} linear /dev/vdc 0"
        else:
            line = table("hybridmirror", sectors, "/dev/vdc -", "b", 7001,
                         f"set speed sync clean ack {ack}")
            backup = table("hybrid-backup", sectors, "/dev/vdc -", "b", 7001,
                           "set speed")
            self.b.quiet(f"dmsetup create speed --table '{backup}'")
        self.p.quiet(f"dmsetup create speed --table '{line}'")
        if ack:
            self.p.wait_status("speed", link="connected")

    def speed_down(self, ack):
        self.p.quiet("dmsetup remove speed")
        if ack:
            self.b.quiet("dmsetup remove speed")

    # ---- the mirror ----

    def create(self):
        self.teller.step("Mirror two volumes as one set, at a distance")
        for host in (self.p, self.b):
            host.far_away()
        self.teller.say(f"({DELAY_MS} ms each way: {2 * DELAY_MS} ms there and "
                        "back, as over 2000 km)")
        self.slow_down()
        create_volumes(self.b, "backup")
        self.p.words = ("sync clean ack received on_disconnect stall ordering "
                        + self.settings.ordering)
        create_volumes(self.p, "primary")
        self.p.wait_status("vol0", link="connected", sync="streaming")
        self.p.type("dmsetup status vol0")

    def slow_down(self):
        self.b.disks = [f"/dev/mapper/slow{volume}" for volume in VOLUMES]
        for volume, disk in enumerate(("vda", "vdb")):
            delay = self.settings.slow_ms[volume]
            self.b.type(f"dmsetup create slow{volume} --table \\\n"
                        f"    '0 {self.b.sectors[volume]} delay /dev/{disk} 0 0 "
                        f"/dev/{disk} 0 {delay}'")
        self.teller.say("(writes to b's disks take {} ms and {} ms longer than "
                        "to p's)".format(*self.settings.slow_ms))

    # ---- the load ----

    def load(self):
        self.teller.step("ext4, fio, two databases and stamps on the mirror")
        self.p.type("mkfs.ext4 -q -E nodiscard /dev/mapper/vol0")
        self.p.mount()
        iops, latency = fio_writes(self.p, "--directory=/mnt/demo --size=8m",
                                   16, SPEED_SECONDS)
        self.teller.say(f"fio on ext4, 4 KiB random writes, depth 16: "
                        f"{iops:.0f} IOPS, {latency:.1f} ms each")
        for part in self.ledgers + [self.stamps]:
            part.create(self.p)
        self.teller.say("SQLite, synchronous=FULL: wal.db and journal.db, a "
                        "writer each; fio goes on")
        self.teller.say("p# " + self.stamps.command())
        self.p.quiet(NOISE)
        for part in self.ledgers + [self.stamps]:
            part.start(self.p)
        self.watch()

    def progress(self):
        status = self.p.status("vol0")
        self.acked = {ledger.name: ledger.acknowledged()
                      for ledger in self.ledgers}
        stamps = self.stamps.acknowledged()
        self.teller.say("acknowledged: {:4} wal {:4} journal {:5} stamps | "
                        "lag {} ms: {} updates not received, {} not applied"
                        .format(self.acked["wal"], self.acked["journal"],
                                stamps, status["lag_ms"],
                                int(status["seq"]) - int(status["received"]),
                                int(status["seq"]) - int(status["applied"])))
        return min(self.acked.values()) >= LOAD_TRANSACTIONS and \
            stamps >= LOAD_STAMPS

    def watch(self):
        started = time.monotonic()
        while True:
            time.sleep(2)
            enough = self.progress()
            passed = time.monotonic() - started
            if enough and passed > LOAD_SECONDS:
                return
            if passed > LOAD_LIMIT:
                raise DemoFailure("the load makes no progress")

    # ---- the disaster ----

    def disaster(self):
        self.teller.step("The primary dies in mid-write: SIGKILL, no warning")
        self.p.type("dmsetup status vol0")
        self.b.type("dmsetup status vol0")
        status = self.p.status("vol0")
        self.teller.check(status["sync"] == "streaming" and
                          status["completions"] == "mirrored",
                          "the backup follows, and completions wait for it")
        # asking has held the writers up
        time.sleep(random.uniform(1, 2))
        cut_power_and_photograph(self.p.guest, self.b.guest, self.pairs)
        self.acked = {ledger.name: ledger.acknowledged()
                      for ledger in self.ledgers}
        self.keep_acknowledged()
        self.teller.say("p is dead; at that instant b's disks were "
                        "photographed, for later")
        self.teller.say("acknowledged to the clients: {} and {} transactions, "
                        "{} stamps".format(*self.acked.values(),
                                           self.stamps.acknowledged()))

    def keep_acknowledged(self):
        for name, part in [("stamps", self.stamps)] + \
                [(ledger.name, ledger) for ledger in self.ledgers]:
            path = os.path.join(self.folder, f"acknowledged-{name}.log")
            with open(path, "w") as kept:
                kept.write(part.text())

    def take_over(self):
        self.teller.step("The backup takes over: what it had received is "
                         "finished first")
        started = time.monotonic()
        become(self.b, "primary")
        took = time.monotonic() - started
        said = re.findall(r"stopped; .*update (\d+) of (\d+) received",
                          self.b.guest.dmesg())
        applied, received = said[-1] if said else ("?", "none")
        self.teller.check(applied == received,
                          f"update {applied} of {received} received was the "
                          f"last applied, after {took:.1f} s")
        self.b.mount()

    # ---- the verdict ----

    def judge_photograph(self):
        self.teller.step("The photograph: b's disks at the instant of the "
                         "kill, nothing finished")
        self.b.type("mkdir -p /mnt/photo && mount -t ext4 /dev/vdf /mnt/photo")
        found = check_ledgers(self.teller, self.b, "/mnt/photo")
        output, good = check_stamps(
            self.teller, self.b, "/mnt/photo/stamps /dev/vdg",
            f"--seed {self.stamps.seed} --reference /mnt/demo/stamps "
            "--reference /dev/mapper/vol1")
        self.photograph_good = good
        check_file_system(self.teller, self.b, "/dev/vdf", "/mnt/photo")
        behind = re.search(r"behind the reference by (\d+) updates, (\d+) ms",
                           output)
        if behind:
            self.teller.say("received but not yet applied at the kill: "
                            f"{behind.group(1)} stamps, {behind.group(2)} ms")
        for name, count in found.items():
            self.teller.say(f"{name}.db: acknowledged, but only in b's memory: "
                            f"{max(self.acked[name] - count, 0)} transactions")

    def judge(self):
        self.teller.step("The verdict on what the backup took over")
        self.judge_host(self.b)

    def judge_host(self, host):
        """All that was acknowledged is there; leaves nothing mounted."""
        self.found = check_ledgers(self.teller, host, "/mnt/demo", self.acked)
        check_stamps(self.teller, host, "/mnt/demo/stamps /dev/mapper/vol1",
                     f"--seed {self.stamps.seed} "
                     f"--acked '{self.stamps.acked_line()}'")
        check_file_system(self.teller, host, "/dev/mapper/vol0", "/mnt/demo")


def verdict(demo):
    """Print the last words; returns the exit status."""
    teller = demo.teller
    print(f"\n[{teller.seconds():5.1f} s] ", end="")
    if demo.settings.broken:
        if not demo.photograph_good:
            print("demo: the order was broken on purpose, and it was noticed")
            return 0
        print("demo: FAILED: the order was broken, and nobody noticed")
        return 1
    if teller.failed:
        print("demo: FAILED: " + "; ".join(teller.failed))
        return 1
    print(f"demo: all {teller.held} checks held")
    return 0


def give_up(demo, reason):
    print(f"\n[{demo.teller.seconds():5.1f} s] demo: FAILED: {reason}",
          flush=True)
    if demo.lab:
        demo.lab.log("FAILED:", reason)
        demo.lab.explain()


def run(settings, folder):
    """Tell the story; returns the exit status."""
    status = 1
    with open(os.path.join(folder, "demo.log"), "w") as log:
        demo = Demo(settings, folder, log)
        try:
            demo.tell()
            status = verdict(demo)
        except (DemoFailure, GuestError, ScenarioFailure, BuildError,
                subprocess.CalledProcessError, OSError) as failure:
            give_up(demo, failure)
        except Exception:  # pylint: disable=broad-except
            give_up(demo, traceback.format_exc())
        finally:
            if demo.lab:
                demo.lab.close()
    if status:
        print("demo: logs:", keep_logs(folder, "demo", logs_folder()))
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--break", dest="broken", action="store_true",
                        help="no ordering and one slow disk: succeed only if "
                        "the checks find that the backup is inconsistent")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    folder = scratch_folder()
    try:
        return run(Settings(arguments.broken), folder)
    except KeyboardInterrupt:
        return 130
    finally:
        Guest.kill_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
