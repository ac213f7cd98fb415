# SPDX-License-Identifier: GPL-2.0-only
"""What the demonstration is told with: its guests, commands and verdicts."""

import json
import os
import re
import signal
import textwrap
import time
import types

from guest import Guest, GuestError
from lab import Lab
from scan import complaints

TIMEOUT = 900
COPY_BYTES = 1 << 20
WIDTH = 90
DELAY_MS = 10

ADDRESSES = {"p": "10.77.0.1", "b": "10.77.0.2"}
# MiB: two volumes, one for measuring, and the metadata of the volumes
DISKS = {"vda": 256, "vdb": 16, "vdc": 32, "vdd": 1, "vde": 1}
VOLUMES = (0, 1)
META = ("/dev/vdd", "/dev/vde")


class DemoFailure(Exception):
    """The story cannot go on."""


class Teller:
    """Prints steps, commands and verdicts; remembers which did not hold."""

    def __init__(self, steps):
        self._started = time.monotonic()
        self._steps = steps
        self._step = 0
        self.held = 0
        self.failed = []

    def seconds(self):
        return time.monotonic() - self._started

    def step(self, title):
        self._step += 1
        print(f"\n[{self.seconds():5.1f} s] {self._step}/{self._steps}  "
              f"{title}", flush=True)

    def say(self, text):
        for line in text.splitlines():
            print("      " + line.rstrip(), flush=True)

    def say_wrapped(self, text):
        for line in text.splitlines():
            self.say(textwrap.fill(line, WIDTH, subsequent_indent="    "))

    def check(self, condition, text):
        if condition:
            self.held += 1
        else:
            self.failed.append(text)
        self.say(("ok    " if condition else "FAIL  ") + text)


class Host:
    """A guest, at whose prompt the operator types commands that are shown."""

    def __init__(self, guest, teller):
        self.guest = guest
        self.disks = ["/dev/vda", "/dev/vdb"]
        self.sectors = [DISKS[disk] << 11 for disk in ("vda", "vdb")]
        self.words = "ack received"     # of its tables as the primary
        self._teller = teller

    def quiet(self, script):
        """Run what is no part of the story; returns what it prints."""
        return self.guest.sh(script, TIMEOUT)

    def type(self, command, show=True):
        """Show a command and run it; shows and returns what it prints."""
        prompt = self.guest.name + "# "
        for line in command.splitlines():
            self._teller.say(prompt + line)
            prompt = " " * len(prompt)
        rc, output = self.guest.run("exec 2>&1\n" + command, TIMEOUT)
        if show or rc:
            self._teller.say_wrapped(output.strip("\n"))
        if rc:
            raise DemoFailure(f"{self.guest.name}: exit code {rc}: {command}")
        return output

    def status(self, name):
        """The status of a target: {field: value}."""
        words = self.quiet(f"dmsetup status {name}").split()[3:]
        return dict(zip(words[::2], words[1::2]))

    def wait_status(self, name, **wanted):
        deadline = time.monotonic() + TIMEOUT
        while True:
            status = self.status(name)
            if all(status.get(field) == value
                   for field, value in wanted.items()):
                return status
            if time.monotonic() > deadline:
                raise DemoFailure(f"{name} never had {wanted}: {status}")
            time.sleep(0.2)

    def mount(self):
        self.type("mkdir -p /mnt/demo && "
                  "mount -t ext4 /dev/mapper/vol0 /mnt/demo")

    def far_away(self):
        self.type(f"tc qdisc add dev eth0 root netem delay {DELAY_MS}ms "
                  "limit 100000")

    def load_module(self):
        self._teller.say(self.guest.name + "# insmod dm-hybridmirror.ko"
                         f"          (kernel {self.guest.kernel.release})")
        self.quiet("load_module; need_modules dm-delay sch_netem")


def table(target, sectors, devices, host, port, words):
    """A line for dmsetup; host is who listens."""
    return (f"0 {sectors} {target} {devices} {ADDRESSES[host]} {port} "
            f"{len(words.split())} {words}")


def role_table(host, role, volume):
    """What makes a host the primary or the backup of a volume."""
    devices = f"{host.disks[volume]} {META[volume]}"
    words = f"set demo volume {volume}"
    if role == "backup":
        return table("hybrid-backup", host.sectors[volume], devices,
                     host.guest.name, 7000, words)
    peer = "b" if host.guest.name == "p" else "p"
    return table("hybridmirror", host.sectors[volume], devices, peer, 7000,
                 f"{words} {host.words}")


def create_volumes(host, role):
    for volume in VOLUMES:
        host.type(f"dmsetup create vol{volume} --table \\\n"
                  f"    '{role_table(host, role, volume)}'")


def become(host, role):
    """Exchange the role of a host: all volumes rest before the first goes on."""
    for volume in VOLUMES:
        host.type(f"dmsetup load vol{volume} --table \\\n"
                  f"    '{role_table(host, role, volume)}'")
    host.type("dmsetup suspend vol0 && dmsetup suspend vol1")
    host.type("dmsetup resume vol0 && dmsetup resume vol1")
    if role == "primary":
        host.type("blockdev --flushbufs /dev/mapper/vol0 && "
                  "blockdev --flushbufs /dev/mapper/vol1")


class DemoLab(Lab):
    """Two guests with a kernel each, and photographs of the backup's disks."""

    def __init__(self, boot_files, folder, log):
        scenario = types.SimpleNamespace(smp=1, memory=None, command_line="",
                                         allowed=[])
        super().__init__(scenario, boot_files["p"], folder, log)
        self._boot_files = boot_files

    def guest(self, name, **options):
        boot = self._boot_files[name]
        guest = Guest(name, boot.kernel, boot.initramfs, boot.tools,
                      self.folder, **options)
        self.guests.append(guest)
        return guest

    def blank(self, *names_and_sizes):
        return [self.disk(name, mib) for name, mib in names_and_sizes]

    def complaints(self):
        """What the kernels had to complain of, those of the dead as well."""
        found = []
        for guest in self.guests:
            text = guest.console()
            if guest.alive():
                text += guest.dmesg()
            found += [f"{guest.name}: {line}" for line in complaints(text)]
        return found

    def explain(self):
        try:
            super().explain()
        except (GuestError, OSError) as error:
            self.log(error)


def _stopped(pid):
    """Has every thread of a process stopped? Then none is within a write."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat") as stat:
            if stat.read().rpartition(")")[2].split()[0] not in "Tt":
                return False
    return True


def _copy(source, target):
    """Copy into a blank file that a guest has open already."""
    with open(source, "rb") as image, open(target, "r+b") as photo:
        while True:
            data = image.read(COPY_BYTES)
            if not data:
                return
            if data.count(0) == len(data):
                photo.seek(len(data), os.SEEK_CUR)
            else:
                photo.write(data)


def cut_power_and_photograph(victim, witness, pairs):
    """Kill a guest; copy disks of another as they are at that instant.

    The witness stands still meanwhile, so that all its disks are copied at one
    point of its time; it sees the copies as disks it has never read before.
    """
    os.kill(victim.pid, signal.SIGKILL)
    os.kill(witness.pid, signal.SIGSTOP)
    try:
        while not _stopped(witness.pid):
            time.sleep(0.001)
        for disk, photo in pairs:
            _copy(disk.path, photo.path)
    finally:
        os.kill(witness.pid, signal.SIGCONT)
    victim.kill()


def fio_writes(host, target, depth, seconds):
    """Random writes of 4 KiB; returns (IOPS, mean latency in ms)."""
    output = host.quiet(
        f"fio --name=demo {target} --rw=randwrite --bs=4k --direct=1 "
        f"--ioengine=libaio --iodepth={depth} --time_based --ramp_time=1 "
        f"--runtime={seconds} --output-format=json")
    write = json.loads(output[output.index("{"):])["jobs"][0]["write"]
    return write["iops"], write["clat_ns"]["mean"] / 1e6


def last_number(pattern, text):
    """The number in the last complete line that matches, or 0."""
    whole = text[:text.rfind("\n") + 1]
    found = re.findall(rf"^{pattern}\r?$", whole, re.M)
    return int(found[-1]) if found else 0
