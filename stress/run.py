#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tortures one part of the library after another, on simulated processors and on this machine, and says how each run ended.

    run.py [--build FOLDER] [--seconds N] [--seed N] [--record] [-- OPTION...]    N seconds in all; options go to torture

--record adds the runs in which every rule held to stress/record.txt, with seeds that do not stand there. Ends with 1 at the first run
in which a rule was broken, a sanitizer spoke or nothing ran, and prints the whole report of it; and after a minute or more in all,
if there is a rule that nobody looked at.
"""
import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
import record  # noqa: E402, beside this file

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("arrays", "epochs", "work", "notification", "devices", "all")
BACKENDS = ("sim", "linux")
CANNOT_RUN = 3
LONG_ENOUGH = 60  # seconds in all after which each rule has been looked at
NOT_COUNTED = {"hung"}  # is looked at by whoever waits
PATIENCE = 240  # seconds that a run may take longer than it was told; torture itself finds out after 120


def number(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def oldest(text):
    """The greatest age that a reader saw, and how often."""
    ages = {int(age): int(count) for age, count in re.findall(r" (\d): (\d+)", text.split("\nage,")[-1].split("\nrule")[0])}
    return max((age for age, count in ages.items() if count), default=0)


def checked(text):
    """{rule: how often it was looked at}"""
    return {rule: int(count) for rule, count in re.findall(r"^([a-z-]+) +(\d+) +\d+$", text.split("\nrule ")[-1], re.MULTILINE)}


def verdict(status, backend, rounds):
    if status == CANNOT_RUN and backend == "linux" and rounds == 0:
        return "cannot run here"
    return "every rule held" if status == 0 and rounds > 0 else f"STATUS {status}"


def torture(program, part, backend, seconds, seed, options):
    command = [str(program), "--only", part, "--backend", backend, "--seconds", str(seconds), "--seed", str(seed), *options]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False, timeout=seconds + PATIENCE)
    except subprocess.TimeoutExpired as expired:
        return 1, (expired.stdout or b"").decode(errors="replace") + "\nit does not end"
    return done.returncode, done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("options", nargs="*")
    options = parser.parse_args()
    program = options.build / "stress/torture"
    seed = options.seed if options.seed is not None else record.next_seed() if options.record else int(time.time())
    held, looks, broken = [], {}, False
    each = max(2, options.seconds // (len(PARTS) * len(BACKENDS)))
    print(f"{'':20} {'seconds':>7} {'seed':>12} {'rounds':>7} {'arrivals':>9} {'left':>6} {'routines':>10} {'stalls':>7} {'refused':>8} {'oldest':>6}")
    for i, (backend, part) in enumerate((backend, part) for backend in BACKENDS for part in PARTS):
        status, text = torture(program, part, backend, each, seed + i, options.options)
        counts = [number(rf"^{words} +(\d+)$", text) for words in (
            "rounds", "processors added", "times that processors left", "routines run", "threads stopped in the middle",
            "allocations and threads refused")]
        said = verdict(status, backend, counts[0])
        print("{:20} {:7} {:12} {:7} {:9} {:6} {:10} {:7} {:8} {:6}  {}".format(
            f"{part}, {backend}", each, seed + i, *counts, oldest(text), said), flush=True)
        if said.startswith("STATUS"):
            print(text)
            broken = True
            break
        for rule, count in checked(text).items():
            looks[rule] = looks.get(rule, 0) + count
        if status == 0 and counts[1] > 0:
            held.append((part, backend, options.build.name, number(r" (\d+) threads, ", text), each, seed + i))
    if options.record:
        record.add(held)
    unseen = sorted(rule for rule, count in looks.items() if count == 0 and rule not in NOT_COUNTED)
    if options.seconds >= LONG_ENOUGH and not broken and unseen:
        print(f"nobody looked at: {', '.join(unseen)}")
        broken = True
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
