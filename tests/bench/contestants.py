# SPDX-License-Identifier: GPL-2.0-only
"""What is compared with what; a new contestant is one more line."""

import collections

# key     short name, for --only and the plots
# title   for the tables
# words   for NAME_backup_up and NAME_primary_up of lib/bench-lib.sh: NAME, and
#         what these take
# copies  whether there is a copy on the backup to be compared
Contestant = collections.namedtuple("Contestant", "key title words copies")

ACKS = ("local", "received", "applied")
ORDERINGS = ("completion", "flush", "none")
PROTOCOLS = ("A", "B", "C")
# what falls behind is quick until it has to be copied
FULL = "on_full stall"


def _mirror(ack, ordering):
    return Contestant(f"hm-{ack}-{ordering}", f"mirror, {ack}, {ordering}",
                      f"mirror group ack {ack} ordering {ordering} {FULL}",
                      True)


def _logged(ack):
    return Contestant(f"hm-{ack}-log", f"mirror, {ack}, log",
                      f"mirror log ack {ack} ordering completion {FULL}",
                      True)


def _drbd(protocol, tuned):
    if tuned:
        return Contestant(f"drbd-{protocol}-tuned", f"DRBD {protocol}, tuned",
                          f"drbd {protocol} tuned", True)
    return Contestant(f"drbd-{protocol}", f"DRBD {protocol}",
                      f"drbd {protocol}", True)


CONTESTANTS = (
    [Contestant("bare", "bare disk", "bare", False),
     Contestant("linear", "dm-linear", "linear", False)] +
    [_mirror(ack, ordering) for ack in ACKS for ordering in ORDERINGS] +
    [_logged(ack) for ack in ACKS] +
    [_drbd(protocol, tuned) for protocol in PROTOCOLS
     for tuned in (False, True)] +
    [Contestant("md", "md raid1, write-behind", "md", True)])

QUICK = ("linear", "hm-local-completion", "hm-local-log",
         "hm-received-completion", "drbd-A-tuned", "drbd-B-tuned", "md")
