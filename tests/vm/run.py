#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boot Debian's kernels in QEMU and let processors and memory arrive under load.

    run.py [--module] [--build DIR] [--kernels 6.1,6.12] [--scenarios NAME,...] [--quick] [--list] [--limit SECONDS]

--module: the scenarios of the engine inside the kernel (examples/kmod), which is built for each kernel, instead of those of programs.

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
import module_scenarios
import modules
import scenarios
from guest import Guest, GuestError
from report import Report
from result import Result

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
QUICK = {False: (["6.1"], ["arrive", "network1"]), True: (["6.1"], ["loaded"])}  # of the module?
PATIENCE = 150  # seconds for one thing to happen; on a quiet machine none takes more than 15
LIMIT = 300     # seconds for one machine; on a quiet one none takes more than 60


class CannotRun(Exception):
    """What is missing, and how to get it."""


def known_scenarios(of_module):
    return {name: function for name, function in vars(module_scenarios if of_module else scenarios).items()
            if hasattr(function, "machine")}


def programs(build):
    """What goes into the guest, by its path there."""
    found = {"/bin/vm_watch": build / "tests/vm/vm_watch", "/bin/dhp": build / "tools/dhp", "/bin/torture": build / "stress/torture",
             "/bin/tapnic": build / "examples/tapnic", "/bin/tapnic_traffic": build / "examples/tapnic_traffic"}
    for source in sorted((ROOT / "tests/linux").glob("*.c")):
        found[f"/tests/{source.stem}"] = build / f"tests/test_linux_{source.stem}"
    return found


def built_modules(options):
    """Likewise: the module of each kernel that is played, of each kind that is wanted."""
    played = [known_scenarios(True)[name] for name in options.scenarios]
    kinds = {kind for function in played for kind in function.module_kinds}
    every = any(function.other_kernels for function in played)
    return {f"/modules/{series}-{kind}.ko": modules.build(kernels.get(options.out / "kernels", series), kind, options.out)
            for kind in sorted(kinds) for series in (kernels.METAPACKAGES if every else options.kernels)}


def look_for_what_is_needed(wanted, of_module):
    tools = (machine.QEMU, "busybox", "cpio") + (("make", "gcc-12", "dpkg-deb") if of_module else ())
    missing = [tool for tool in tools if not shutil.which(tool)]
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
        function(function.steps(guest, result, series, options.build))
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
    parser.add_argument("--module", action="store_true", help="of the engine in the kernel")
    parser.add_argument("--scenarios", type=lambda text: text.split(","), default=None)
    parser.add_argument("--quick", action="store_true", help="one kernel, two scenarios: below a minute")
    parser.add_argument("--limit", type=int, default=LIMIT, help=f"seconds for one machine; {LIMIT}")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    options = parser.parse_args()
    options.name = "module" if options.module else "report"
    known = known_scenarios(options.module)
    options.scenarios = options.scenarios or [name for name, function in known.items() if function.usual]
    if options.quick:
        options.kernels, options.scenarios = QUICK[options.module]
    for chosen, known in ((options.kernels, kernels.METAPACKAGES), (options.scenarios, known)):
        for name in chosen:
            if name not in known:
                parser.error(f"{name} is none of: {', '.join(known)}")
    return options


def list_scenarios(of_module):
    for name, function in known_scenarios(of_module).items():
        print(f"{name:8} {'' if function.usual else '(by name only) '}{function.__doc__.splitlines()[0]}")


def play_all(options, wanted, file):
    """The report of all, as it is written and printed."""
    report, began = Report(), time.monotonic()

    def say(text, whole=None):
        print(text, flush=True)
        print(whole or text, file=file, flush=True)
    for series in options.kernels:
        kernel = kernels.get(options.out / "kernels", series)
        initrd = options.out / f"{options.name}-initrd-{series}.gz"
        tun = {} if options.module else {"/lib/tun.ko": kernels.tun_of(kernel)}
        initramfs.build(initrd, HERE / "guest/init", {**wanted, **tun})
        name_of_kernel = kernel.name.replace("vmlinuz-", "Linux ")
        say(f"== {name_of_kernel}")
        for name in options.scenarios:
            function = known_scenarios(options.module)[name]
            if series in function.kernels:
                result = play(name, function, series, kernel, initrd, options)
                report.add(name_of_kernel, result)
                say(report.scenario(result, whole=False), report.scenario(result, whole=True))
        say("" if options.module else f"\n{report.arrivals(name_of_kernel)}\n")
    say(report.end(time.monotonic() - began))
    report.write_json(options.out / f"{options.name}.json", time.monotonic() - began)
    return report


def main():
    options = parse()
    if options.list:
        list_scenarios(options.module)
        return 0
    wanted = {} if options.module else programs(options.build)
    look_for_what_is_needed(wanted, options.module)
    if options.module:
        wanted = built_modules(options)
    log = options.out / "log"
    log.mkdir(parents=True, exist_ok=True)
    with open(options.out / f"{options.name}.txt", "w") as file:
        report = play_all(options, wanted, file)
    print(f"report: {options.out / options.name}.txt, logs: {log}")
    return 1 if report.failures else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the machine is stopped
    try:
        sys.exit(main())
    except (CannotRun, kernels.NoKernel, modules.NotBuilt, FileNotFoundError) as error:
        print(f"vm: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
