#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run test scenarios in virtual machines.

A scenario is a file in scenarios/. NAME.sh runs inside one guest, with the
helpers of lib/guest-lib.sh, and passes by exiting with 0 (77: skipped). NAME.py
is driven by the host: it defines run(lab), with a Lab of lab.py, and passes by
returning. Either fails if a kernel has complained. The comments at its top are

    # What it proves, in one line
    # kernels: 6.1 6.12 debug      the default is these three
    # racy                         also to be run on kcsan
    # smp: 2                       processors of a guest (1)
    # mem: 1024                    memory of a guest in MiB
    # timeout: 3600                seconds after which it hangs (1800)
    # takes: 60                    seconds, roughly; the longest begin first (30)
    # cmdline: slub_debug=FZPU     options for the kernel
    # allow: REGULAR EXPRESSION    a complaint of the kernel that is expected
    # module: no                   does without the module
"""

import argparse
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from build import BuildError, build_module, build_tools
from guest import Guest, GuestError
from image import HERE, KERNELS, Kernel, cache_folder, make_initramfs, \
    tools_disk
from lab import Lab, ScenarioFailure, ScenarioSkipped

SKIPPED = 77
KEPT_LOGS = 30
TAIL_LINES = 25


class Scenario:
    """A file of scenarios/ and what its header says."""

    def __init__(self, path):
        self.path = path
        self.name, self.kind = os.path.splitext(os.path.basename(path))
        header = self._header()
        self.summary = header[0] if header else self.name
        fields = dict(re.findall(r"^([a-z]+): *(.*)$", "\n".join(header), re.M))
        self.kernels = fields.get("kernels", "6.1 6.12 debug").split()
        if "racy" in header:
            self.kernels.append("kcsan")
        self.smp = int(fields.get("smp", 1))
        self.memory = int(fields["mem"]) if "mem" in fields else None
        self.timeout = int(fields.get("timeout", 1800))
        self.takes = int(fields.get("takes", 30))
        self.command_line = fields.get("cmdline", "")
        self.allowed = [line.split(":", 1)[1].strip() for line in header
                        if line.startswith("allow:")]
        self.needs_module = fields.get("module") != "no"

    def _header(self):
        lines = []
        with open(self.path) as source:
            for line in source:
                if not line.startswith("#"):
                    break
                lines.append(line.strip("#! \n"))
        return [line for line in lines if line and
                not re.match(r"SPDX|/|shellcheck", line)]


class BootFiles:
    """All the files a guest with some kernel starts from."""

    def __init__(self, kernel, folder, tools, module, shipped, modules=()):
        self.kernel = kernel
        self.tools = tools
        self.initramfs = os.path.join(folder, f"initramfs-{kernel.name}")
        extra = list(shipped)
        if module:
            built = os.path.join(folder, f"module-{kernel.name}.ko")
            build_module(kernel, built)
            extra.append(("hm/dm-hybridmirror.ko", built))
        make_initramfs(self.initramfs, kernel, extra, modules)


def find_scenarios(folder, pattern):
    found = [Scenario(os.path.join(folder, name))
             for name in sorted(os.listdir(folder))
             if name.endswith((".sh", ".py"))]
    return [s for s in found if re.search(pattern, s.name)]


def shipped_files(scenarios, more):
    """What else goes into the guests: (path in the guest, path here)."""
    library = os.path.join(HERE, "lib")
    files = [("hm/" + name, os.path.join(library, name))
             for name in sorted(os.listdir(library))]
    files += [(f"hm/scenarios/{s.name}.sh", s.path)
              for s in scenarios if s.kind == ".sh"]
    return files + [("hm/bin/" + os.path.basename(path), path)
                    for path in build_tools() + more]


def boot_at_last(lab, guest):
    """Emulators have died while a kernel patched itself: nothing of ours ran."""
    try:
        guest.boot()
    except GuestError as error:
        lab.log(error, "- once more")
        os.rename(guest.console_path, guest.console_path + ".first")
        guest.boot()


def run_shell(lab, scenario):
    guest = lab.guest("guest")
    boot_at_last(lab, guest)
    rc, output = guest.run(f"exec /bin/sh -eu /hm/scenarios/{scenario.name}.sh",
                           scenario.timeout)
    lab.log(output)
    if rc == SKIPPED:
        lab.skip(output.strip().splitlines()[-1])
    lab.check(rc == 0, f"exit code {rc}")


def run_python(lab, scenario):
    spec = importlib.util.spec_from_file_location(
        "scenario_" + re.sub(r"\W", "_", scenario.name), scenario.path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.run(lab)


def run_one(scenario, boot_files, folder):
    """Run a scenario; returns its verdict and the processor's seconds."""
    with open(os.path.join(folder, "scenario.log"), "w") as log:
        lab = Lab(scenario, boot_files, folder, log)
        return judge(scenario, lab), lab.cpu_seconds()


def judge(scenario, lab):
    """Run a scenario in its lab; returns its verdict."""
    # a scenario may hang in more ways than waiting for a guest's answer
    watchdog = threading.Timer(scenario.timeout + 900, lab.kill_all)
    watchdog.daemon = True
    watchdog.start()
    try:
        (run_shell if scenario.kind == ".sh" else run_python)(lab, scenario)
        lab.inspect()
        return "ok"
    except ScenarioSkipped as reason:
        lab.log("skipped:", reason)
        return "skip"
    except (ScenarioFailure, GuestError) as failure:
        lab.log("FAILED:", failure)
        lab.explain()
    except Exception:  # pylint: disable=broad-except
        lab.log("FAILED:", traceback.format_exc())
    finally:
        watchdog.cancel()
        lab.close()
    return "FAIL"


def tail(path, lines=TAIL_LINES):
    with open(path, errors="replace") as source:
        return "".join("    " + line for line in source.readlines()[-lines:])


def keep_logs(folder, name, logs):
    """Keep what a failed scenario has left, but its disks."""
    target = os.path.join(logs, name)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=lambda where, names: [
        n for n in names if not n.endswith((".log", ".console"))])
    return target


class Runner:
    """Runs scenarios on kernels, some at a time."""

    def __init__(self, folder, logs):
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}
        self._folder = folder
        self._logs = logs
        self._todo = []
        self._lock = threading.Lock()
        self._stopping = False

    def add(self, scenario, boot_files):
        self._todo.append((scenario, boot_files))

    def stop(self):
        self._stopping = True

    def _report(self, verdict, seconds, kernel, scenario, folder):
        """seconds are those of the clock and those of the processors."""
        with self._lock:
            self.counts[verdict] += 1
            done = sum(self.counts.values())
            print("{:4} {:6.1f}s {:6.1f} cpu-s {:5} {}  [{}/{}]".format(
                verdict, *seconds, kernel, scenario.name, done, self.total),
                flush=True)
            if verdict == "FAIL":
                print(tail(os.path.join(folder, "scenario.log")), end="")
                for name in sorted(os.listdir(folder)):
                    if name.endswith(".console"):
                        print(f"  {name}:")
                        print(tail(os.path.join(folder, name), 12), end="")
                kept = keep_logs(folder, f"{kernel}-{scenario.name}",
                                 self._logs)
                print(f"  all of it: {kept}", flush=True)

    def _work(self):
        while not self._stopping:
            try:
                scenario, boot_files = self._todo.pop()
            except IndexError:
                return
            kernel = boot_files.kernel.name
            folder = tempfile.mkdtemp(dir=self._folder)
            started = time.monotonic()
            verdict, used = run_one(scenario, boot_files, folder)
            if not self._stopping:
                self._report(verdict, (time.monotonic() - started, used),
                             kernel, scenario, folder)
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, jobs):
        self.total = len(self._todo)
        # no long one may begin when the others are nearly done
        self._todo.reverse()
        self._todo.sort(key=lambda job: job[0].takes)
        workers = [threading.Thread(target=self._work, daemon=True)
                   for _ in range(jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def scratch_folder():
    """A folder in memory; those of runs that were killed are removed."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else \
        tempfile.gettempdir()
    for name in os.listdir(base):
        match = re.fullmatch(r"hm-vm-(\d+)-\w+", name)
        if match and not os.path.exists("/proc/" + match.group(1)):
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"hm-vm-{os.getpid()}-", dir=base)


def logs_folder():
    """Where the logs of failures are kept; only some runs' are."""
    base = os.path.join(cache_folder(), "logs")
    os.makedirs(base, exist_ok=True)
    for name in sorted(os.listdir(base))[:-KEPT_LOGS]:
        shutil.rmtree(os.path.join(base, name), ignore_errors=True)
    return os.path.join(base, time.strftime("%Y%m%d-%H%M%S-") + str(os.getpid()))


def shell(boot_files, folder):
    """Boot one guest with a shell on this terminal."""
    guest = Guest("shell", boot_files.kernel, boot_files.initramfs,
                  boot_files.tools, folder, options="hm.shell")
    subprocess.run(guest.interactive(), check=False)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kernels", default="6.1,6.12",
                        help="which of " + ",".join(KERNELS))
    parser.add_argument("--jobs", type=int, default=2 * os.cpu_count() + 1,
                        help="scenarios at a time; each waits a good deal")
    parser.add_argument("--filter", default="",
                        help="regular expression for names")
    parser.add_argument("--scenarios", default=os.path.join(HERE, "scenarios"),
                        help="folder with the scenarios")
    parser.add_argument("--ship", action="append", default=[], metavar="FILE",
                        help="a program for the guests' PATH")
    parser.add_argument("--logs", metavar="FOLDER",
                        help="keep the logs of failures here")
    parser.add_argument("--totals", metavar="FILE",
                        help='write "PASSED FAILED SKIPPED" here')
    parser.add_argument("--no-module", action="store_true",
                        help="only scenarios that need no module")
    parser.add_argument("--list", action="store_true",
                        help="show the scenarios and what they prove")
    parser.add_argument("--shell", metavar="KERNEL", choices=KERNELS,
                        help="boot a guest with a shell on this terminal")
    return parser.parse_args()


def prepare(names, scenarios, arguments, folder):
    """The boot files of each kernel."""
    tools = tools_disk()
    module = not arguments.no_module and \
        (arguments.shell or any(s.needs_module for s in scenarios))
    shipped = shipped_files(scenarios, arguments.ship)
    return [BootFiles(Kernel(name), folder, tools, module, shipped)
            for name in names]


def run_all(arguments, folder):
    scenarios = find_scenarios(arguments.scenarios, arguments.filter)
    if arguments.no_module:
        scenarios = [s for s in scenarios if not s.needs_module]
    if arguments.list:
        for scenario in scenarios:
            print(f"{scenario.name:32} {' '.join(scenario.kernels):24} "
                  f"{scenario.summary}")
        return 0
    if arguments.shell:
        shell(prepare([arguments.shell], scenarios, arguments, folder)[0],
              folder)
        return 0

    names = [name for name in arguments.kernels.split(",")
             if any(name in s.kernels for s in scenarios)]
    runner = Runner(folder, arguments.logs or logs_folder())
    for boot_files in prepare(names, scenarios, arguments, folder):
        for scenario in scenarios:
            if boot_files.kernel.name in scenario.kernels:
                runner.add(scenario, boot_files)
    try:
        runner.run(arguments.jobs)
    finally:
        runner.stop()
        Guest.kill_all()
    counts = [runner.counts[verdict] for verdict in ("ok", "FAIL", "skip")]
    if arguments.totals:
        with open(arguments.totals, "w") as totals:
            print(*counts, file=totals)
    print("vm: {} passed, {} failed, {} skipped".format(*counts))
    return 1 if counts[1] or not sum(counts) else 0


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    folder = scratch_folder()
    try:
        return run_all(arguments, folder)
    except BuildError as error:
        print("run.py: the module does not build", error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        Guest.kill_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
