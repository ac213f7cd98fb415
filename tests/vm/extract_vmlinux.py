#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Take the ELF kernel out of a bzImage, to start it through PVH.

Started that way, the guest does not spend seconds of emulation on
decompressing itself.  usage: extract_vmlinux.py BZIMAGE VMLINUX
"""

import struct
import subprocess
import sys

SETUP_SECTS = 0x1f1
PAYLOAD_OFFSET = 0x248
PAYLOAD_LENGTH = 0x24c

# Magic bytes of the compressions distributions use, and what undoes them
DECOMPRESSORS = {
    b"\xfd7zXZ": ["xz", "-dc", "--single-stream"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dc"],
    b"\x1f\x8b": ["gzip", "-dc"],
}


def payload(image):
    """The compressed kernel within the boot image."""
    def field(offset):
        return struct.unpack_from("<I", image, offset)[0]

    start = (image[SETUP_SECTS] + 1) * 512 + field(PAYLOAD_OFFSET)
    # the last four bytes are the uncompressed size, added by the build
    return image[start:start + field(PAYLOAD_LENGTH) - 4]


def decompress(data):
    for magic, command in DECOMPRESSORS.items():
        if data.startswith(magic):
            return subprocess.run(command, input=data, check=True,
                                  stdout=subprocess.PIPE).stdout
    sys.exit("extract_vmlinux.py: unknown compression")


def main():
    with open(sys.argv[1], "rb") as bzimage:
        elf = decompress(payload(bzimage.read()))
    if not elf.startswith(b"\x7fELF"):
        sys.exit("extract_vmlinux.py: not an ELF kernel")
    with open(sys.argv[2], "wb") as vmlinux:
        vmlinux.write(elf)


if __name__ == "__main__":
    main()
