#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boot Debian's kernels in QEMU and let processors and memory arrive under load.

    run.py [--build DIR] [--kernels 6.1,6.12] [--scenarios NAME,...] [--quick] [--list] [--limit SECONDS]

Writes build/vm/report.txt, report.json and, for each machine, build/vm/log/KERNEL-SCENARIO.{log,console,qemu}. Status 0:
all checks held; 1: one did not; 2: it cannot run here.
"""
import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

import initramfs
import kernels
import machine
import scenarios
from guest import Guest, GuestError
from report import Report
from result import Result
from steps import Steps

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
QUICK = (["6.1"], ["arrive", "network1"])
PATIENCE = 150  # seconds for one thing to happen; on a quiet machine none takes more than 15
LIMIT = 300     # seconds for one machine; on a quiet one none takes more than 60


class CannotRun(Exception):
    """What is missing, and how to get it."""


def known_scenarios():
    return {name: function for name, function in vars(scenarios).items() if hasattr(function, "machine")}


def programs(build):
    """What goes into the guest, by its path there."""
    found = {"/bin/vm_watch": build / "tests/vm/vm_watch", "/bin/dhp": build / "tools/dhp", "/bin/torture": build / "stress/torture",
             "/bin/tapnic": build / "examples/tapnic", "/bin/tapnic_traffic": build / "examples/tapnic_traffic"}
    for source in sorted((ROOT / "tests/linux").glob("*.c")):
        found[f"/tests/{source.stem}"] = build / f"tests/test_linux_{source.stem}"
    return found


def look_for_what_is_needed(wanted):
    missing = [tool for tool in (machine.QEMU, "busybox", "cpio") if not shutil.which(tool)]
    if missing:
        raise CannotRun(f"not installed: {', '.join(missing)}; tools/install-deps --for vm")
    missing = [str(file) for file in wanted.values() if not file.exists()]
    if missing:
        raise CannotRun(f"not built: {', '.join(missing)}; make build")


def play(name, function, series, kernel, initrd, options):
    """One machine, from its start to its end."""
    result = Result(name)
    host = None
    began = time.monotonic()
    try:
        host = machine.Machine(kernel, initrd, options.out / f"log/{series}-{name}", options.limit, **function.machine)
        guest = Guest(host, PATIENCE)
        result.fact(f"booted in {time.monotonic() - began:.1f} s")
        function(Steps(guest, result, series, options.build))
    except (GuestError, machine.MachineError, OSError) as error:
        late = f"the limit of {options.limit} s is reached; " if host and host.expired else ""
        result.check(False, "the scenario came to its end", f"{late}{type(error).__name__}: {error}")
    finally:
        if host:
            host.stop()
    result.seconds = time.monotonic() - began
    return result


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--out", type=Path, default=ROOT / "build/vm", help="where kernels, logs and reports are")
    parser.add_argument("--kernels", type=lambda text: text.split(","), default=list(kernels.METAPACKAGES))
    parser.add_argument("--scenarios", type=lambda text: text.split(","), default=None)
    parser.add_argument("--quick", action="store_true", help="one kernel, two scenarios: below a minute")
    parser.add_argument("--limit", type=int, default=LIMIT, help=f"seconds for one machine; {LIMIT}")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    options = parser.parse_args()
    options.scenarios = options.scenarios or [name for name, function in known_scenarios().items() if function.usual]
    if options.quick:
        options.kernels, options.scenarios = QUICK
    for chosen, known in ((options.kernels, kernels.METAPACKAGES), (options.scenarios, known_scenarios())):
        for name in chosen:
            if name not in known:
                parser.error(f"{name} is none of: {', '.join(known)}")
    return options


def list_scenarios():
    for name, function in known_scenarios().items():
        print(f"{name:8} {'' if function.usual else '(by name only) '}{function.__doc__.splitlines()[0]}")


def play_all(options, wanted, file):
    """The report of all, as it is written and printed."""
    report, began = Report(), time.monotonic()

    def say(text, whole=None):
        print(text, flush=True)
        print(whole or text, file=file, flush=True)
    for series in options.kernels:
        kernel = kernels.get(options.out / "kernels", series)
        initrd = options.out / f"initrd-{series}.gz"
        initramfs.build(initrd, HERE / "guest/init", {**wanted, "/lib/tun.ko": kernels.tun_of(kernel)})
        name_of_kernel = kernel.name.replace("vmlinuz-", "Linux ")
        say(f"== {name_of_kernel}")
        for name in options.scenarios:
            function = known_scenarios()[name]
            if series in function.kernels:
                result = play(name, function, series, kernel, initrd, options)
                report.add(name_of_kernel, result)
                say(report.scenario(result, whole=False), report.scenario(result, whole=True))
        say(f"\n{report.arrivals(name_of_kernel)}\n")
    say(report.end(time.monotonic() - began))
    report.write_json(options.out / "report.json", time.monotonic() - began)
    return report


def main():
    options = parse()
    if options.list:
        list_scenarios()
        return 0
    wanted = programs(options.build)
    look_for_what_is_needed(wanted)
    log = options.out / "log"
    log.mkdir(parents=True, exist_ok=True)
    with open(options.out / "report.txt", "w") as file:
        report = play_all(options, wanted, file)
    print(f"report: {options.out / 'report.txt'}, logs: {log}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the machine is stopped
    try:
        sys.exit(main())
    except (CannotRun, kernels.NoKernel, FileNotFoundError) as error:
        print(f"vm: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
