# SPDX-License-Identifier: GPL-2.0-only
# The link of two guests and their disks outlive a power cut of one of them
# module: no
"""Framework test, see above."""


def reaches(guest, address):
    return guest.run(f"ping -q -c 1 -W 5 {address}")[0] == 0


def run(lab):
    disk = lab.disk("b0", 16)
    p, b = lab.pair(b_disks=[disk])
    lab.check(reaches(p, "10.77.0.2"), "no link")
    lab.check(reaches(b, "10.77.0.1"), "no link back")

    b.sh("echo flushed | dd of=/dev/vda conv=fsync")
    job = p.run_bg("ping -c 1000000 -i 0.2 10.77.0.2")
    b.kill()
    lab.check(not reaches(p, "10.77.0.2"), "a dead guest answers")
    b.boot()
    lab.address(b)
    lab.wait_for(lambda: reaches(p, "10.77.0.2"), "the link returns")
    lab.check("flushed" in b.sh("head -c 7 /dev/vda"), "the disk is empty")
    with open(disk.path, "rb") as image:
        lab.check(image.read(7) == b"flushed", "the image is empty")

    p.sh("killall ping")
    rc, _ = job.wait()
    lab.check(rc == 0 or rc > 128, f"ping ended with {rc}")

    lab.cable[0].cut()
    lab.check(not reaches(b, "10.77.0.1"), "a cut link works")
    lab.cable[0].mend()
    lab.check(reaches(b, "10.77.0.1"), "a mended link does not work")

    # more than one frame, both ways
    p.run_bg("nc -l -p 7000 -e sha256sum")
    p.sh("wait_for 'netstat -tln | grep -q :7000'")
    sums = b.sh("dd if=/dev/urandom of=/run/data bs=1M count=8 2>/dev/null; "
                "nc 10.77.0.1 7000 </run/data; sha256sum </run/data").split()
    lab.check(sums[0] == sums[2], "the data differ")
