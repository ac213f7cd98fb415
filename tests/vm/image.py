# SPDX-License-Identifier: GPL-2.0-only
"""What a guest boots from: kernels, initramfs and the disk of tools.

The kernels and the disk of tools are kept in a cache outside the source tree.
An initramfs is small and quickly made, so each run makes its own.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile

from cpio import Cpio

HERE = os.path.dirname(os.path.abspath(__file__))
KERNELS = ("6.1", "6.12", "debug", "kcsan")

# Loaded by the guest's init: what it needs to reach its disks and its host
BOOT_MODULES = ("virtio_pci virtio_blk virtio_net virtio_console "
                "crc32c_generic ext4").split()

# For modprobe in the guest. What a kernel has built in, or lacks, is left out.
MODULES = BOOT_MODULES + """
    dm-mod dm-bufio dm-delay dm-flakey dm-log-writes dm-zero brd null_blk loop
    crc32c libcrc32c veth inet_diag tcp_diag sch_netem sch_tbf
    """.split()

# Commands on the disk of tools, with their libraries; the rest is busybox, which
# starts ten times as quickly in an emulated guest. The scripts' shell is dash:
# busybox's would prefer its own commands to these.
TOOLS = """
    dash dmsetup fio sqlite3 ip tc ss mke2fs mkfs.ext4 e2fsck losetup blkdiscard
    cmp setpriv
    """.split()

# Debian keeps the programs of PostgreSQL apart. They find by their own path what
# else they need.
POSTGRES = "/usr/lib/postgresql/15/bin"
POSTGRES_NEEDS = ("/usr/lib/postgresql/15/lib/plpgsql.so",
                  "/usr/share/postgresql/15/timezonesets/Default")


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("HM_CACHE") or os.path.join(base, "dm-hybridmirror")


@contextlib.contextmanager
def locked(name):
    """Hold a lock of the cache, against other runs."""
    path = os.path.join(cache_folder(), "tmp", name + ".lock")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Kernel:
    """A kernel of the cache, fetched or built if it is not there."""

    def __init__(self, name, fetch=True):
        if name not in KERNELS:
            raise ValueError("unknown kernel " + name)
        self.name = name
        self.folder = os.path.join(cache_folder(), "kernels", name)
        if fetch:
            subprocess.run([os.path.join(HERE, "kernels.sh"), name],
                           check=True)
        self.release = self._read("release")
        self.kdir = self._read("kdir")
        self.modules = os.path.join(self.folder, "lib/modules", self.release)

    def _read(self, name):
        with open(os.path.join(self.folder, name)) as source:
            return source.read().strip()

    @property
    def stock(self):
        return self.name in ("6.1", "6.12")

    @property
    def image(self):
        """The file to start: ELF (quick) if this kernel can, else bzImage."""
        elf = os.path.join(self.folder, "vmlinux")
        return elf if os.path.exists(elf) else \
            os.path.join(self.folder, "bzImage")


def module_name(path):
    return re.sub(r"\.ko$", "", os.path.basename(path)).replace("-", "_")


def module_closure(kernel, wanted):
    """The lines of modules.dep for some modules and all they depend on."""
    lines = {}
    with open(os.path.join(kernel.modules, "modules.dep")) as source:
        for line in source:
            lines[module_name(line.split(":")[0])] = line
    todo = [name.replace("-", "_") for name in wanted]
    found = {}
    while todo:
        name = todo.pop()
        if name in found or name not in lines:
            continue
        found[name] = lines[name]
        todo += [module_name(path) for path in lines[name].split(":")[1].split()]
    return found


def add_modules(archive, kernel, more):
    found = module_closure(kernel, MODULES + list(more))
    target = "lib/modules/" + kernel.release
    for line in found.values():
        path = line.split(":")[0]
        archive.file(os.path.join(target, path),
                     os.path.join(kernel.modules, path))
    archive.data(target + "/modules.dep", "".join(found.values()).encode())
    with open(os.path.join(kernel.modules, "modules.alias")) as source:
        aliases = [line for line in source
                   if line.split()[-1].replace("-", "_") in found]
    archive.data(target + "/modules.alias", "".join(aliases).encode())


def make_initramfs(path, kernel, extra, modules=()):
    """Write an initramfs.

    extra are (guest path, host path) of more files, modules the names of more
    modules of the kernel.
    """
    with Cpio(path) as archive:
        archive.device("dev/console", 5, 1)
        for folder in ("proc", "sys", "dev", "run", "tmp", "root", "mnt",
                       "tools", "etc", "hm/bin"):
            archive.folder(folder)
        archive.file("bin/busybox", shutil.which("busybox"))
        archive.link("bin/sh", "busybox")
        # the kernel asks for modules by this name
        archive.link("sbin/modprobe", "../bin/busybox")
        archive.link("lib64", "tools/usr/lib64")
        archive.link("lib/x86_64-linux-gnu",
                     "../tools/usr/lib/x86_64-linux-gnu")
        archive.link("usr", "tools/usr")
        archive.link("etc/mke2fs.conf", "../tools/etc/mke2fs.conf")
        archive.file("init", os.path.join(HERE, "guest/init"))
        archive.file("hm/agent", os.path.join(HERE, "guest/agent"))
        archive.data("hm/boot-modules", "\n".join(BOOT_MODULES).encode() + b"\n")
        archive.data("hm/kernel", kernel.name.encode() + b"\n")
        add_modules(archive, kernel, modules)
        for guest_path, host_path in extra:
            archive.file(guest_path, host_path)


def libraries(program):
    """The shared libraries of a program, and its loader."""
    listing = subprocess.run(["ldd", program], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return re.findall(r"(?:=> )?(/\S+) \(0x", listing)


def postgres_user():
    """The user and group who may run PostgreSQL."""
    user = pwd.getpwnam("postgres")
    return user.pw_uid, user.pw_gid


def tool_files(more):
    """All files of the disk of tools: {path in the guest: path here}."""
    files = {"/etc/mke2fs.conf": "/etc/mke2fs.conf"}
    search = "/usr/sbin:/usr/bin:/sbin:/bin:/lib/drbd"
    for tool in TOOLS + ["postgres", "psql"] + list(more):
        program = shutil.which(tool, path=f"{POSTGRES}:{search}")
        if not program:
            raise FileNotFoundError(tool + " is missing; run deps.sh")
        folder = "/usr/sbin" if "sbin" in program else "/usr/bin"
        if program.startswith(POSTGRES):
            folder = POSTGRES
        files[os.path.join(folder, tool)] = program
        for library in libraries(program):
            # one place for each, however the loader spelled it
            files["/usr" + library.removeprefix("/usr")] = library
    files.update((path, path) for path in POSTGRES_NEEDS)
    return files


def tools_disk(more=()):
    """Path of the disk of tools, made anew when a tool has changed.

    more are the names of more tools than the tests need.
    """
    files = tool_files(more)
    digest = hashlib.sha256()
    for target, path in sorted(files.items()):
        info = os.stat(path)
        digest.update(f"{target} {info.st_size} {info.st_mtime_ns}\n".encode())
    disk = os.path.join(cache_folder(), f"tools-{digest.hexdigest()[:16]}.ext4")
    with locked("tools"):
        if not os.path.exists(disk):
            make_tools_disk(files, disk)
    return disk


def make_tools_disk(files, disk):
    with tempfile.TemporaryDirectory(prefix="hm-tools-") as tree:
        for target, path in files.items():
            os.makedirs(tree + os.path.dirname(target), exist_ok=True)
            shutil.copy(path, tree + target)
        size = sum(os.stat(path).st_size for path in files.values())
        temporary = disk + ".new"
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096",
                        "-O", "^has_journal", "-d", tree, temporary,
                        f"{size * 5 // 4 // 1024 + 4096}k"], check=True)
        os.rename(temporary, disk)
