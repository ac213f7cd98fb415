# SPDX-License-Identifier: GPL-2.0-only
# The primary's machine dies at random moments; the backup takes over a good cut
# timeout: 3600
# takes: 150
"""Nothing that was acknowledged is lost, where "ack" promises so."""

import os
import random
import sys
import time

# pylint: disable=wrong-import-position
sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from failover import acknowledged, stamp_check  # noqa: E402

KILLS = 10
MIB = 4
LEAST = 64
# Some lie below newer ones of the same block.
VISIBLE = 40

# A primary that believes its backup silent, on a busy machine, waits for it:
# what it completed alone would be lost rightly.
MIRROR = """
load_module stall_timeout_ms=1200000
mk_primary front /dev/vda 10.77.0.2 7000 sync clean ack {ack} ordering {ordering} \
    on_disconnect stall
wait_status front link connected
"""

WRITE = """
exec hm-stamp write --seed {seed} --writers 16 --ordering {ordering} \
    --think 20000 --progress-ms 50 {more} /dev/mapper/front
"""


def empty(disk):
    os.truncate(disk.path, 0)
    os.truncate(disk.path, MIB << 20)


def kill_once(lab, pair, disks, number, rng):
    """One life and death of the primary."""
    p, b = pair
    seed = lab.seed + number
    ordering = ("completion", "flush")[number % 2]
    ack = ("received", "received", "local")[number % 3]
    more = "--flush-every 6 --dsync-every 5" if ordering == "flush" else ""
    b.sh("mk_backup back /dev/mapper/slow 10.77.0.2 7000")
    p.sh(MIRROR.format(ack=ack, ordering=ordering))
    job = p.run_bg(WRITE.format(seed=seed, ordering=ordering, more=more))
    b.sh(f'wait_for "[ \\$(status_field back applied) -ge {LEAST} ]"')
    delay = rng.uniform(0, 1.5)
    time.sleep(delay)
    p.kill()
    output = job.output()
    b.sh("dm remove back")
    lab.log(f"kill {number + 1}: seed {seed} ack {ack} ordering {ordering} "
            f"after {delay:.2f} s")
    acked = acknowledged(lab, output, f"acked-{number}.log")
    stamp_check(lab, disks[1].path, seed, "--min-updates", str(VISIBLE),
                *(acked if ack == "received" else ()))


def run(lab):
    rng = random.Random(lab.seed)
    disks = [lab.disk("p0", MIB), lab.disk("b0", MIB)]
    lab.log("seed", lab.seed)
    p, b = lab.pair(p_disks=[disks[0]], b_disks=[disks[1]])
    b.sh("load_module\nslow_region slow /dev/vda 2048 1024 50")
    for number in range(KILLS // 3 if lab.checks else KILLS):
        if number:
            for disk in disks:
                empty(disk)
            p.boot()
            lab.address(p)
        kill_once(lab, (p, b), disks, number, rng)
    b.sh("teardown")
