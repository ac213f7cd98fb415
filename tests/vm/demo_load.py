# SPDX-License-Identifier: GPL-2.0-only
"""What runs on the demonstration's mirror, and how its remains are judged."""

import random
import re

from demo_lab import TIMEOUT, last_number

# The journal modes of SQLite, which each connection has to ask for. In the mode
# DELETE, its default, a commit is not durable before the folder is, for which
# SQLite does not wait, so that a power cut may undo it on any disk.
LEDGERS = {"wal": "WAL", "journal": "TRUNCATE"}

WRITERS = 8
STAMP_BLOCKS = 1024

# One transaction on a line, and its number when the commit has returned: the
# shell of SQLite flushes what it prints before it reads the next line.
FEED = """
feed()
{
	awk -v name="$1" -v mode="$2" -v first="$3" 'BEGIN {
		printf "PRAGMA journal_mode=%s; PRAGMA synchronous=FULL;\\n", mode
		for (n = first; ; n++)
			printf "BEGIN; INSERT INTO ledger VALUES(%d, " \\
				"randomblob(200)); UPDATE counter SET n=%d; " \\
				"COMMIT; SELECT \\"%s %d\\";\\n", n, n, name, n
	}'
}
"""

EXAMINE = """
for name in {names}; do
	echo "integrity $name $(sqlite3 {folder}/$name.db \
		'PRAGMA integrity_check' 2>&1 | tr '\\n' ' ')"
	echo "ledger $name $(sqlite3 -separator ' ' {folder}/$name.db \
		'SELECT count(*), coalesce(min(n), 0), coalesce(max(n), 0),
		 (SELECT min(n) FROM counter), (SELECT max(n) FROM counter)
		 FROM ledger' 2>&1 | tr '\\n' ' ')"
done
"""


class Ledger:
    """A database whose transactions are numbered without a gap."""

    def __init__(self, name):
        self.name = name
        self._before = 0
        self._job = None

    def create(self, host):
        host.quiet(f"""
            sqlite3 /mnt/demo/{self.name}.db >/dev/null '
            PRAGMA journal_mode={LEDGERS[self.name]};
            CREATE TABLE ledger(n INTEGER PRIMARY KEY, filler BLOB);
            CREATE TABLE counter(id INTEGER PRIMARY KEY, n INTEGER);
            INSERT INTO counter VALUES(1, 0), (2, 0), (3, 0), (4, 0);'""")

    def start(self, host, first=1):
        """Write transactions from number first on."""
        if self._job:
            self._before = self.acknowledged()
        self._job = host.guest.run_bg(
            FEED + f"feed {self.name} {LEDGERS[self.name]} {first} | "
            f"sqlite3 -bail /mnt/demo/{self.name}.db")

    def stop(self):
        """Wait for its end, once sqlite3 was killed."""
        self._job.wait(TIMEOUT)

    def text(self):
        return self._job.output()

    def acknowledged(self):
        return max(self._before,
                   last_number(self.name + r" (\d+)", self.text()))


class Stamps:
    """Writers whose updates lie on both volumes of the set by turns.

    On one volume they go to a file of the file system, whose blocks are
    allocated and written beforehand, so that an update is one write to the
    volume; on the other to the bare device.
    """

    def __init__(self):
        self.seed = random.getrandbits(40)
        self._job = None

    def create(self, host):
        host.quiet("dd if=/dev/zero of=/mnt/demo/stamps bs=1M oflag=direct "
                   f"count={STAMP_BLOCKS * 4 // 1024} conv=fsync 2>/dev/null")

    def command(self):
        return (f"hm-stamp write --seed {self.seed} --writers {WRITERS} "
                f"--blocks {STAMP_BLOCKS} --progress-ms 100 \\\n"
                "        /mnt/demo/stamps /dev/mapper/vol1")

    def start(self, host):
        self._job = host.guest.run_bg("exec " + self.command())

    def text(self):
        return self._job.output()

    def acked_line(self):
        """The last whole line, for hm-stamp check."""
        return re.findall(r"^(ACKED .*)\n", self.text(), re.M)[-1].strip()

    def acknowledged(self):
        if "ACKED" not in self.text():
            return 0
        return sum(int(n) for n in re.findall(r":(\d+)", self.acked_line()))


def examine(host, folder):
    """Look at the databases in a folder; returns {name: (verdict, numbers)}."""
    output = host.quiet(EXAMINE.format(names=" ".join(LEDGERS), folder=folder))
    found = {}
    for name in LEDGERS:
        verdict = re.search(rf"^integrity {name} (.*)$", output, re.M).group(1)
        words = re.search(rf"^ledger {name} (.*)$", output, re.M).group(1)
        numbers = [int(word) for word in words.split()] \
            if re.fullmatch(r"[\d ]+", words) else None
        found[name] = (verdict.strip(), numbers)
    return found


def check_ledgers(teller, host, folder, acked=None):
    """Judge the databases; returns {name: transactions found}."""
    counts = {}
    for name, (verdict, numbers) in examine(host, folder).items():
        teller.check(verdict == "ok", f"{name}.db: integrity_check: {verdict}")
        if not numbers or len(numbers) != 5:
            teller.check(False, f"{name}.db cannot be read")
            continue
        count, low, high, counter_low, counter_high = numbers
        counts[name] = count
        whole = low == min(count, 1) and high == count and \
            counter_low == counter_high == count
        teller.check(whole, f"{name}.db: transactions 1 to {high}, {count} in "
                     f"all: no gap, none in part")
        if acked is not None:
            teller.check(count >= acked[name],
                         f"{name}.db: all {acked[name]} acknowledged ones are "
                         f"there; {max(count - acked[name], 0)} more was under "
                         "way")
    return counts


def check_file_system(teller, host, device, folder):
    host.quiet(f"umount {folder}")
    rc, output = host.guest.run(f"e2fsck -fn {device} 2>&1", TIMEOUT)
    summary = output.strip().splitlines()[-1:] or ["no answer"]
    teller.check(rc == 0, f"e2fsck -fn: exit code {rc}: {summary[0]}")
    if rc:
        teller.say(output.strip())


def summary(report):
    """The last line of hm-stamp check, without what is obvious here."""
    line = report.splitlines()[-1] if report else "no answer"
    line = re.sub(r" in \d+ blocks, newest .* UTC", "", line)
    return line.split(";")[0]


def check_stamps(teller, host, images, options):
    """Returns what hm-stamp says, and whether it was content."""
    rc, output = host.guest.run(f"hm-stamp check {options} {images} 2>&1",
                                TIMEOUT)
    output = output.strip()
    if rc:
        teller.say_wrapped("\n".join(output.splitlines()[:3]))
    teller.check(rc == 0, "stamps on both volumes: " + summary(output))
    return output, rc == 0
