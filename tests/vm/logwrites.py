# SPDX-License-Identifier: GPL-2.0-only
"""Read what dm-log-writes has logged, and the stamps of hm-stamp in it.

The log has writes in the order in which they completed, those without a flush
as late as that: a flush comes after all that had completed when it was issued.
"""

import struct

MAGIC = 0x6a736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
STAMP_MAGIC = b"HMBSTMP1"
STAMP = struct.Struct("<8sQIIIIQIIQQQ")


class Entry:
    """One write, flush or mark."""

    def __init__(self, sector, sectors, flags, data):
        self.sector = sector
        self.sectors = sectors
        self.flags = flags
        self.data = data

    def __str__(self):
        names = [name for name, bit in (("FLUSH", FLUSH), ("FUA", FUA),
                                        ("DISCARD", DISCARD), ("MARK", MARK))
                 if self.flags & bit]
        return f"{self.sector}+{self.sectors} {' '.join(names)}".strip()


class Stamp:
    """What a block of hm-stamp says of itself."""

    def __init__(self, data):
        (_, self.seed, self.block_size, self.writers, _, _, _, self.volume,
         self.writer, self.block, self.update, _) = STAMP.unpack_from(data)
        self.acked = struct.unpack_from(f"<{self.writers}Q", data, STAMP.size)


def read_log(path):
    """The entries of a log, in order."""
    entries = []
    with open(path, "rb") as log:
        magic, _, count, unit = struct.unpack("<QQQI", log.read(28))
        if magic != MAGIC:
            raise ValueError(path + " is no log of dm-log-writes")
        log.seek(unit)
        for _ in range(count):
            head = log.read(unit)
            sector, sectors, flags, _ = struct.unpack_from("<QQQQ", head)
            data = b"" if flags & (DISCARD | MARK) else \
                log.read(sectors * unit)
            entries.append(Entry(sector, sectors, flags, data))
    return entries


def stamps_of(entry):
    return [Stamp(entry.data)] if entry.data.startswith(STAMP_MAGIC) else []


class PowerCuts:
    """Whether all that a power cut may leave of a log is in order.

    durable[w][k] is the place in the log from which on update k of writer w,
    and all before it, survive; place[w, k] is its own.
    """

    def __init__(self, entries, seed):
        self.entries = entries
        self.found = []         # (place, stamp, flags)
        for place, entry in enumerate(entries):
            self.found += [(place, stamp, entry.flags)
                           for stamp in stamps_of(entry) if stamp.seed == seed]
        self.durable = self._durable()

    def _durable(self):
        flushes = [place for place, entry in enumerate(self.entries)
                   if entry.flags & FLUSH]
        survives = {}
        for place, stamp, flags in self.found:
            later = place if flags & FUA else \
                next((f for f in flushes if f > place), float("inf"))
            survives[stamp.writer, stamp.update] = later
        durable = {}
        for writer, update in sorted(survives):
            durable[writer, update] = max(survives[writer, update],
                                          durable.get((writer, update - 1), -1))
        return durable

    def violations(self):
        """Updates that may survive a power cut without what they rest upon."""
        found = []
        for place, stamp, _ in self.found:
            for writer, update in enumerate(stamp.acked):
                if update and not self.durable.get((writer, update),
                                                   float("inf")) < place:
                    found.append(
                        f"update {stamp.update} of writer {stamp.writer} is "
                        f"entry {place}; update {update} of writer {writer}, "
                        f"acknowledged before, is durable only at "
                        f"{self.durable.get((writer, update), 'no time')}")
        return found
