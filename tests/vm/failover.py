# SPDX-License-Identifier: GPL-2.0-only
"""Two guests, either of which can be the primary or the backup of one volume.

    pair = Failover(lab, 12)        # MiB of the volume
    pair.boot()
    pair.b.become("backup")
    pair.a.become("primary", "sync clean")
    pair.a.cut()                    # its power
    pair.b.become("primary")        # pair.a.start(), pair.a.become("backup") ...

The mapped device is named after its host.
"""

import filecmp
import json
import os
import subprocess

from build import HM_META, HM_STAMP

LIB = """
. /hm/mirror-lib.sh
. /hm/pair-lib.sh
A_DISK=/dev/vda A_META=/dev/vdb B_DISK=/dev/vda B_META=/dev/vdb
"""
LEAST = 40
STAMPED = 2048      # blocks of 4 KiB, from the first; the rest is never stamped
MODULE = "load_module peer_timeout_ms=3000 stall_timeout_ms=1200000\n"


def stamp_check(lab, image, seed, *options):
    """hm-stamp must find a good cut in an image."""
    result = subprocess.run([HM_STAMP, "check", "--seed", str(seed), *options,
                             image], text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lab.log(result.stdout.strip())
    lab.check(result.returncode == 0,
              f"not a good cut; repeat it with HM_SEED={lab.seed}")


def meta_says(lab, path):
    """What is in an image of a metadata device, which must be good."""
    result = subprocess.run([HM_META, "dump", "--json", "--ranges", path],
                            text=True, stdout=subprocess.PIPE, check=False)
    lab.check(result.returncode == 0, f"{path}: {result.stdout}")
    return json.loads(result.stdout)


def acknowledged(lab, output, name):
    """Options for stamp_check that demand what a writer has reported."""
    if "ACKED" not in output:
        return ()
    path = os.path.join(lab.folder, name)
    with open(path, "w") as lines:
        lines.write(output)
    return "--acked", path


class Host:
    """A guest with a disk and a metadata device."""

    def __init__(self, lab, name, mib, meta_mib, end):
        self.lab = lab
        self.name = name
        self.disk = lab.disk(name + "-data", mib)
        self.meta = lab.disk(name + "-meta", meta_mib)
        self.guest = lab.guest(name, disks=[self.disk, self.meta], nets=[end])

    def sh(self, script):
        return self.guest.sh(LIB + script)

    def run_bg(self, script):
        return self.guest.run_bg(f"set -eu\n. /hm/guest-lib.sh\n{LIB}{script}")

    def become(self, role, arguments=""):
        self.sh(f"become {role} {self.name} {arguments}")

    def fields(self, *names):
        return self.sh(f"hm-status {self.name} {' '.join(names)}").split()

    def load(self, seed):
        """Write stamps, and wait until some have arrived; returns the job."""
        job = self.guest.run_bg(
            f"exec hm-stamp write --seed {seed} --writers 8 --think 40000 "
            f"--blocks {STAMPED} --progress-ms 50 /dev/mapper/{self.name}")
        self.sh(f". /hm/stamp-lib.sh\nstamp_arrives {self.name} {LEAST}")
        return job

    def noise(self, block, count):
        self.sh(f"noise {self.name} {block} {count}")

    def cut(self):
        self.guest.kill()

    def says(self):
        """What the metadata device says; it must be good."""
        return meta_says(self.lab, self.meta.path)

    def check(self, seed, *options):
        """The disk is a good cut of a run."""
        stamp_check(self.lab, self.disk.path, seed, "--foreign-ok", *options)

    def down(self):
        self.sh(f"dm remove {self.name}\nteardown")


class Failover:
    """Hosts a and b and the link between them.

    meta_mib: of a metadata device; from 6 on it has room for a log
    """

    def __init__(self, lab, mib, meta_mib=1):
        self.lab = lab
        self.cable = lab.link()
        self.a, self.b = (Host(lab, name, mib, meta_mib, end)
                          for name, end in zip("ab", self.cable))

    def boot(self, *hosts):
        """Boot hosts at the same time, up to where they can take a role."""
        hosts = hosts or (self.a, self.b)
        self.lab.boot(*(host.guest for host in hosts))
        for host in hosts:
            self.lab.address(host.guest)
            host.sh(MODULE)

    def other(self, host):
        return self.b if host is self.a else self.a

    def follows(self, primary):
        """Wait until the backup has what the primary had, and knows so."""
        backup = self.other(primary)

        def known():
            return backup.fields("state", "generation") == \
                ["consistent"] + primary.fields("generation")
        self.lab.wait_for(known, f"{backup.name} follows {primary.name}")

    def in_step(self, primary):
        """Likewise, and until nothing is under way."""
        self.follows(primary)
        primary.sh(f"wait_for 'in_step {primary.name}'")

    def equal(self, primary):
        """In step, and the same on both disks."""
        self.in_step(primary)
        self.lab.check(filecmp.cmp(self.a.disk.path, self.b.disk.path,
                                   shallow=False), "the two disks differ")
