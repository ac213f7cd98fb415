# SPDX-License-Identifier: GPL-2.0-only
"""A writer of cpio archives ("newc") as the kernel unpacks them at boot."""

import os
import stat


class Cpio:
    """An initramfs in the making; parent folders are added as needed."""

    def __init__(self, path):
        self._out = open(path, "wb")
        self._inode = 0
        self._names = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._entry("TRAILER!!!", 0, b"")
        self._out.close()

    def _pad(self):
        self._out.write(b"\0" * (-self._out.tell() % 4))

    def _entry(self, name, mode, data, device=(0, 0)):
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0,
                  device[0], device[1], len(encoded), 0)
        self._out.write(b"070701" + b"".join(b"%08X" % f for f in fields))
        self._out.write(encoded)
        self._pad()
        self._out.write(data)
        self._pad()

    def folder(self, name):
        name = name.strip("/")
        if not name or name in self._names:
            return
        self.folder(os.path.dirname(name))
        self._names.add(name)
        self._entry(name, stat.S_IFDIR | 0o755, b"")

    def data(self, name, content, mode=0o644):
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFREG | mode, content)

    def file(self, name, path):
        """Add the file at path, which keeps its permissions."""
        with open(path, "rb") as source:
            mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
            self.data(name, source.read(), mode)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        """Add a character device."""
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFCHR | 0o600, b"", (major, minor))
