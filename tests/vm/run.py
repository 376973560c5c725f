#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Boot Debian's kernels in QEMU and let processors and memory arrive under load.

    run.py [--build DIR] [--kernels 6.1,6.12] [--scenarios NAME,...] [--quick] [--list]

Writes build/vm/report.txt and, for each machine, build/vm/log/KERNEL-SCENARIO.{log,console,qemu}. Status 0: all checks
held.
"""
import argparse
import signal
import sys
import time
from pathlib import Path

import initramfs
import kernels
import scenarios
from guest import Guest, GuestError
from machine import Machine, MachineError
from result import Result

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
QUICK = (["6.1"], ["arrive"])
PATIENCE = 90  # seconds for one thing to happen; on a quiet machine none takes more than 15


def known_scenarios():
    return {name: function for name, function in vars(scenarios).items() if hasattr(function, "machine")}


def programs(build):
    """What goes into the guest, by its path there."""
    found = {"/bin/vm_watch": build / "tests/vm/vm_watch", "/bin/dhp": build / "tools/dhp", "/bin/torture": build / "stress/torture"}
    for test in sorted((build / "tests").glob("test_linux_*")):
        found[f"/tests/{test.name}"] = test
    return found


def play(name, function, series, kernel, initrd, log):
    """One machine, from its start to its end."""
    result = Result(f"{name}, {kernel.name.replace('vmlinuz-', 'Linux ')}")
    machine = None
    began = time.monotonic()
    try:
        machine = Machine(kernel, initrd, log / f"{series}-{name}", **function.machine)
        guest = Guest(machine, patience=PATIENCE)
        result.fact(f"booted in {time.monotonic() - began:.1f} s")
        function(scenarios.Steps(guest, result, series))
    except (GuestError, MachineError, OSError) as error:
        result.check(False, "the scenario came to its end", f"{type(error).__name__}: {error}")
    finally:
        if machine:
            machine.stop()
    result.fact(f"{time.monotonic() - began:.0f} s in all")
    return result


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--kernels", type=lambda text: text.split(","), default=list(kernels.METAPACKAGES))
    parser.add_argument("--scenarios", type=lambda text: text.split(","), default=None)
    parser.add_argument("--quick", action="store_true", help="one kernel, one scenario: below a minute")
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


def main():
    options = parse()
    if options.list:
        for name, function in known_scenarios().items():
            print(f"{name:8} {'' if function.usual else '(by name only) '}{function.__doc__.splitlines()[0]}")
        return 0
    folder = ROOT / "build/vm"
    log = folder / "log"
    log.mkdir(parents=True, exist_ok=True)
    initrd = folder / "initrd.gz"
    initramfs.build(initrd, HERE / "guest/init", programs(options.build))
    began, failures, findings = time.monotonic(), 0, []
    with open(folder / "report.txt", "w") as report:
        def say(text, whole=None):
            print(text, flush=True)
            print(whole or text, file=report, flush=True)
        for series in options.kernels:
            kernel = kernels.get(folder / "kernels", series)
            for name in options.scenarios:
                result = play(name, known_scenarios()[name], series, kernel, initrd, log)
                say(result.text(whole=False) + "\n", result.text(whole=True) + "\n")
                failures += result.failures
                findings += [f"{series} {name}: {finding}" for finding in result.findings]
        say("\n".join([f"{len(findings)} findings about the library", *(f"  {finding}" for finding in findings)]))
        say(f"{failures} checks failed, {time.monotonic() - began:.0f} s; logs: {log.relative_to(ROOT)}")
    return 1 if failures else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)) # so that the machine is stopped
    try:
        sys.exit(main())
    except (kernels.NoKernel, FileNotFoundError) as error:
        print(f"vm: {error}", file=sys.stderr)
        sys.exit(2)
