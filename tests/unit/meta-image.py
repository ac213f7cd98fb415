#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write images of metadata devices, by the words of on-disk-format.rst alone.

usage: meta-image.py IMAGE new [SECTORS SHIFT [REGION...]]
       meta-image.py IMAGE super COPY [FIELD=VALUE...]
       meta-image.py IMAGE flip BYTE

"new" makes an image without a superblock, in whose bitmap the regions are
dirty; "super" writes a copy of the superblock; "flip" damages a byte.
"""

import struct
import sys

BLOCK, SECTOR = 4096, 512
PER_SECTOR = 496 * 8
PER_BLOCK = PER_SECTOR * 8


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc


def bitmap_blocks(sectors, shift):
    regions = -(-sectors >> shift) if sectors else 0
    return -(-regions // PER_BLOCK)


def bitmap_sector(index, dirty):
    bits = bytearray(PER_SECTOR // 8)
    for region in dirty:
        if region // PER_SECTOR == index:
            bits[region % PER_SECTOR // 8] |= 1 << region % 8
    crc = crc32c(struct.pack("<4sIQ", b"HYMB", 0, index) + bits)
    return struct.pack("<4sIQ", b"HYMB", crc, index) + bits


def new(path, sectors="2048", shift="11", *regions):
    blocks = bitmap_blocks(int(sectors), int(shift))
    dirty = [int(region) for region in regions]
    with open(path, "wb") as image:
        image.write(bytes(2 * BLOCK))
        for index in range(blocks * 8):
            image.write(bitmap_sector(index, dirty))


def superblock(fields):
    value = dict(sequence="1", version="1", flags="0", set="", volume="0",
                 role="1", shift="11", covered="0", sectors="2048", blocks="",
                 generations="", stream="00" * 16, seq="0", group="0",
                 since="0", members="", volume_uuid="11" * 16, set_uuid="22" * 16)
    value.update(field.split("=", 1) for field in fields)

    def number(name):
        return int(value[name], 0)

    blocks = value["blocks"] or bitmap_blocks(number("sectors"),
                                              number("shift"))
    generations = [int(one, 16) for one in value["generations"].split(",")
                   if one]
    generations += [0] * (8 - len(generations))
    head = struct.pack("<8sHH", b"HYMSUPER", number("version"),
                       number("flags"))
    body = struct.pack("<Q16s16s64sHBBB3xQI4x8Q16sQQQH262x",
                       number("sequence"),
                       bytes.fromhex(value["volume_uuid"]),
                       bytes.fromhex(value["set_uuid"]),
                       value["set"].encode(), number("volume"),
                       number("role"), number("shift"), number("covered"),
                       number("sectors"), int(blocks), *generations,
                       bytes.fromhex(value["stream"]), number("seq"),
                       number("group"), number("since"),
                       int(value["members"] or 1 << number("volume")))
    crc = crc32c(head + bytes(4) + body)
    return head + struct.pack("<I", crc) + body


def put_super(path, copy, *fields):
    sector = superblock(fields)
    assert len(sector) == SECTOR
    with open(path, "r+b") as image:
        image.seek(int(copy) * BLOCK)
        image.write(sector)


def flip(path, at):
    with open(path, "r+b") as image:
        image.seek(int(at))
        byte = image.read(1)[0]
        image.seek(int(at))
        image.write(bytes([byte ^ 0x10]))


if __name__ == "__main__":
    {"new": new, "super": put_super, "flip": flip}[sys.argv[2]](
        sys.argv[1], *sys.argv[3:])
