# SPDX-License-Identifier: GPL-2.0-only
"""Guests: QEMU virtual machines which run shell scripts for the host.

    guest = Guest("name", kernel, initramfs, tools, folder)
    guest.boot()
    rc, output = guest.run("uname -r", timeout=60)
    job = guest.run_bg("fio ...")           # meanwhile, other guest.run()s
    rc, output = job.wait(300)
    guest.kill()                            # power cut; boot() starts it again

Time-outs only end what would never end. They must be long: on a busy machine
an emulated guest may be a hundred times slower than on an idle one.
"""

import atexit
import ctypes
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import threading
import time

PR_SET_PDEATHSIG = 1
SO_ATTACH_FILTER = 26
SO_DETACH_FILTER = 27
SO_RCVBUFFORCE = 33
CHANNELS = 4
BOOT_TIMEOUT = 600
RUN_TIMEOUT = 600
GUEST_LIB = "/hm/guest-lib.sh"

COMMAND_LINE = (
    "console=ttyS0 quiet nokaslr mitigations=off random.trust_cpu=on "
    # routing interrupts by ACPI takes a KASAN kernel a minute of emulation
    "pci=noacpi "
    # half of the time Debian's kernels take is for tests of ciphers and keys
    "cryptomgr.notests initcall_blacklist=crypto_kdf108_init,jent_mod_init,"
    "init_encrypted,load_system_certificate_list "
    # nor need ticks come in time when the host is busy
    "no_timer_check "
    # any complaint of the kernel ends the guest, and so the scenario
    "panic=-1 oops=panic panic_on_warn=1 hung_task_panic=1 softlockup_panic=1 "
    # but being starved by the host is no complaint
    "sysctl.kernel.hung_task_timeout_secs=240 "
    "sysctl.kernel.watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300 "
    "workqueue.watchdog_thresh=300 "
    # each slab cache under its own name in /proc/slabinfo
    "slab_nomerge log_buf_len=4M "
)

KERNEL_OPTIONS = {
    "6.1": "",
    "6.12": "kfence.sample_interval=100 ",
    "debug": "kasan.fault=panic ",
    # on when the module is loaded
    "kcsan": "kcsan.early_enable=0 ",
}

MEMORY = {"6.1": 768, "6.12": 768, "debug": 2048, "kcsan": 1024}


class GuestError(Exception):
    """A guest which died, or did not answer in time."""


def _die_with_parent():
    """In the child: die when the runner does, even if it is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _have_kvm():
    with open("/proc/cpuinfo") as cpuinfo:
        hardware = re.search(r"\b(vmx|svm)\b", cpuinfo.read())
    return bool(hardware) and os.access("/dev/kvm", os.R_OK | os.W_OK)


class Disk:
    """A virtio disk made of a file, with a volatile write cache or without."""

    def __init__(self, path, write_cache=True, readonly=False, serial=""):
        self.path = path
        self.write_cache = write_cache
        self.readonly = readonly
        self.serial = serial

    def arguments(self, index):
        drive = (f"file={self.path},if=none,id=d{index},format=raw,"
                 f"cache=unsafe,discard=unmap,detect-zeroes=off")
        device = f"virtio-blk-pci,drive=d{index}"
        if self.readonly:
            drive += ",readonly=on"
        else:
            device += ",write-cache=" + ("on" if self.write_cache else "off")
        if self.serial:
            device += ",serial=" + self.serial
        return ["-drive", drive, "-device", device]


class Net:
    """One end of a private link to another guest, over UDP.

    This side keeps the sockets, so that either guest may die and return. What
    a guest cannot take, the kernel drops: the sender never waits for it, which
    a unix socket would make it do until its watchdog complains.
    """

    def __init__(self, mac):
        self.mac = mac
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self._socket.bind(("127.0.0.1", 0))

    def join(self, other):
        self._socket.connect(other._socket.getsockname())

    @property
    def fileno(self):
        return self._socket.fileno()

    def cut(self):
        """From now on, drop what arrives here; no guest is told."""
        # a classic BPF program: return 0
        code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
        self._socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER,
            struct.pack("HL", 1, ctypes.addressof(code)))

    def mend(self):
        self._socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    def drain(self):
        """Forget what was sent to a guest which was not there."""
        try:
            while True:
                self._socket.recv(65536, socket.MSG_DONTWAIT)
        except OSError:
            pass

    def close(self):
        self._socket.close()

    def arguments(self, index):
        return ["-netdev", f"dgram,id=n{index},local.type=fd,"
                f"local.str={self.fileno}",
                "-device", f"virtio-net-pci,netdev=n{index},mac={self.mac}"]


class Job:
    """A script which a guest is running."""

    def __init__(self, guest, channel, ident):
        self._guest = guest
        self._channel = channel
        self._ident = ident
        self._result = None

    def wait(self, timeout=RUN_TIMEOUT):
        """Wait for its end; returns (exit code, what it printed)."""
        if self._result is None:
            self._result = self._channel.finish(self._ident, timeout)
            self._guest.release(self._channel)
        return self._result

    def output(self):
        """What it has printed so far."""
        return self._channel.text() if self._result is None else self._result[1]


class Channel:
    """One virtio serial port, with an agent of the guest behind it."""

    def __init__(self, name):
        self.name = name
        self.host, self.qemu = socket.socketpair()
        self._data = bytearray()
        self._closed = False
        self._changed = threading.Condition()

    def arguments(self, index):
        return ["-chardev", f"socket,id=c{index},fd={self.qemu.fileno()}",
                "-device", f"virtserialport,chardev=c{index},name={self.name}"]

    def start(self):
        """QEMU has its end now: read ours until QEMU is gone."""
        self.qemu.close()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = self.host.recv(65536)
            except OSError:
                data = b""
            with self._changed:
                self._data += data
                self._closed = self._closed or not data
                self._changed.notify_all()
            if not data:
                return

    def text(self):
        with self._changed:
            return self._data.decode(errors="replace")

    def send(self, ident, script):
        content = script.encode()
        with self._changed:
            self._data.clear()
        try:
            self.host.sendall(f"{ident} {len(content)}\n".encode() + content)
        except OSError as error:
            raise GuestError("the guest is gone") from error

    def expect(self, pattern, timeout):
        """Wait for a match; returns it and the text before it."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                match = re.search(pattern, self._data)
                if match:
                    return match, bytes(self._data[:match.start()])
                if self._closed:
                    raise GuestError("the guest died")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise GuestError(f"no answer within {timeout} s")
                self._changed.wait(left)

    def finish(self, ident, timeout):
        match, text = self.expect(b"\n\x01END %d (\\d+)\n" % ident, timeout)
        return int(match.group(1)), text.decode(errors="replace")

    def close(self):
        self.host.close()


class Guest:
    """A virtual machine; may be booted, killed and booted again.

    With virtual_time its clock advances by a nanosecond for each instruction,
    and jumps to the next timer when it is idle. How fast the host is does not
    matter then, and a run repeats itself.
    """

    _running = set()

    def __init__(self, name, kernel, initramfs, tools, folder, disks=(),
                 nets=(), smp=1, memory=None, options="", qemu=(), cpus=None,
                 virtual_time=False):
        self.name = name
        self.kernel = kernel
        self.console_path = os.path.join(folder, name + ".console")
        self.log_path = os.path.join(folder, name + ".log")
        self.pid = None
        self.cpu_seconds = 0.0
        self._initramfs = initramfs
        self._disks = list(disks) + [Disk(tools, readonly=True,
                                          serial="hm-tools")]
        self._nets = list(nets)
        self._smp = smp
        self._memory = memory or MEMORY[kernel.name]
        self._options = options
        self._extra = list(qemu)
        self._cpus = cpus
        self._virtual_time = virtual_time
        self._process = None
        self._channels = []
        self._free = queue.LifoQueue()
        self._ident = 0
        self._lock = threading.Lock()

    def _arguments(self):
        command_line = (COMMAND_LINE + KERNEL_OPTIONS[self.kernel.name] +
                        self._options)
        # one processor, but with the barriers of several: without them QEMU
        # loses virtio notifications; and TCG is slow at "rep movsb"
        smp = "1,maxcpus=2" if self._smp == 1 else str(self._smp)
        accel = "kvm" if _have_kvm() else "tcg,thread=multi"
        timing = []
        if self._virtual_time:
            accel = "tcg,thread=single"
            timing = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm"]
        arguments = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config",
            "-no-reboot", "-display", "none", "-accel", accel,
            "-cpu", "max,-erms,-fsrm", "-smp", smp, "-m", f"{self._memory}M",
            "-kernel", self.kernel.image, "-initrd", self._initramfs,
            "-append", command_line,
            "-chardev", f"file,id=console,path={self.console_path},append=on",
            "-serial", "chardev:console", "-device", "virtio-serial-pci",
        ]
        for index, part in enumerate(self._disks):
            arguments += part.arguments(index)
        for index, part in enumerate(self._nets):
            arguments += part.arguments(index)
        for index, part in enumerate(self._channels):
            arguments += part.arguments(index)
        return arguments + timing + self._extra

    def interactive(self):
        """The command line for a guest with its console on this terminal."""
        arguments = self._arguments()
        console = arguments.index("-serial") - 1
        arguments[console] = "stdio,id=console,signal=off"
        return arguments

    def boot(self, timeout=BOOT_TIMEOUT):
        """Start it and wait until it takes scripts."""
        self.start()
        self.await_boot(timeout)

    def start(self):
        """Start it. It dies with the thread that calls this."""
        if self._process:
            raise GuestError(self.name + " is running")
        for net in self._nets:
            net.drain()
        self._channels = [Channel(f"hm-{i}") for i in range(CHANNELS)]
        self._free = queue.LifoQueue()
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                self._arguments(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=self._before_exec,
                pass_fds=[c.qemu.fileno() for c in self._channels] +
                [net.fileno for net in self._nets])
        Guest._running.add(self)
        self.pid = self._process.pid
        for channel in self._channels:
            channel.start()

    def await_boot(self, timeout=BOOT_TIMEOUT):
        for channel in reversed(self._channels):
            self._expect_ready(channel, timeout)
            self._free.put(channel)

    def _before_exec(self):
        _die_with_parent()
        # the runner's Ctrl-C is for the runner, which then kills its guests
        os.setpgid(0, 0)
        if self._cpus:
            os.sched_setaffinity(0, self._cpus)

    def _expect_ready(self, channel, timeout):
        try:
            channel.expect(b"\x01READY\n", timeout)
        except GuestError as error:
            self.kill()
            raise GuestError(f"{self.name} did not boot: {error}") from error

    def log(self, text):
        with open(self.log_path, "a") as log:
            log.write(text)

    def release(self, channel):
        self._free.put(channel)

    def run_bg(self, script):
        """Start a script; returns its Job. At most CHANNELS at a time."""
        try:
            channel = self._free.get_nowait()
        except queue.Empty:
            raise GuestError("all channels are busy") from None
        with self._lock:
            self._ident += 1
            ident = self._ident
        channel.send(ident, script)
        return Job(self, channel, ident)

    def run(self, script, timeout=RUN_TIMEOUT):
        """Run a script; returns (exit code, what it printed)."""
        job = self.run_bg(script)
        try:
            rc, output = job.wait(timeout)
        except GuestError as error:
            self.log(f"$ {script}\n{job.output()}\n[{error}]\n")
            raise GuestError(f"{self.name}: {error}") from error
        self.log(f"$ {script}\n{output}\n[exit code {rc}]\n")
        return rc, output

    def sh(self, script, timeout=RUN_TIMEOUT):
        """Run a script whose every command must succeed; returns its output."""
        rc, output = self.run(f"set -eu\n. {GUEST_LIB}\n{script}", timeout)
        if rc:
            raise GuestError(f"{self.name}: exit code {rc}:\n{script}\n{output}")
        return output

    def alive(self):
        return self._process is not None and self._process.poll() is None

    def _cpu_seconds(self):
        """What this run of it has taken; 0 if it has ended by itself."""
        try:
            with open(f"/proc/{self.pid}/stat") as stat:
                times = stat.read().rpartition(")")[2].split()[11:13]
        except OSError:
            return 0.0
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        """A power cut."""
        if not self._process:
            return
        self.cpu_seconds += self._cpu_seconds()
        self._process.kill()
        self._process.wait()
        self._process = None
        Guest._running.discard(self)
        for channel in self._channels:
            channel.close()

    def wait_exit(self, timeout=RUN_TIMEOUT):
        """Wait until it has ended by itself; False if it has not."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        finally:
            self.kill()
        return True

    def shutdown(self, timeout=RUN_TIMEOUT):
        """Write everything back and power off."""
        if self._process:
            # quicker than to power off; QEMU exits, as it may not reboot
            self.run_bg("sync; reboot -f")
            self.wait_exit(timeout)

    def blocked_tasks(self):
        """Have the kernel print its blocked tasks, when a script hangs."""
        if self.alive() and not self._free.empty():
            try:
                self.run("echo w >/proc/sysrq-trigger; ps", 60)
            except GuestError:
                pass

    def dmesg(self):
        return self.run("dmesg")[1]

    def console(self):
        """All of its console, over all its boots."""
        try:
            with open(self.console_path, errors="replace") as console:
                return console.read()
        except FileNotFoundError:
            return ""

    @classmethod
    def kill_all(cls):
        for guest in list(cls._running):
            guest.kill()


atexit.register(Guest.kill_all)
