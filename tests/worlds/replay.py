#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A failure that was found is made again from what was printed.

    replay.py PROGRAM WORLD...

Each world of the program fails. Its schedule, given back, fails in the same way and names the same steps; another schedule, and text
that is none, do not.
"""
import re
import subprocess
import sys


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def steps_of(text):
    return [" ".join(line.split()[:2]) for line in text.splitlines() if re.match(r"\s+\d+\s+\w", line)]


def main(program, *worlds):
    for world in worlds:
        status, found = run(program, "--only", world)
        schedule = re.search(r"--replay (\w+)", found)
        why = re.search(rf"^{world}: (.*) \(seed", found, flags=re.M)
        assert status == 0 and schedule and why, found
        status, again = run(program, "--only", world, "--replay", schedule.group(1))
        assert status == 1 and why.group(1) in again, again
        assert steps_of(found) == steps_of(again) and steps_of(again), found + again
        status, other = run(program, "--only", world, "--replay", "a1000b1000c1000")
        assert status == 0 and "passed" in other, other
    for wrong in ("", "a", "a0", "7", "a1-", "a99999999999"):
        status, said = run(program, "--only", worlds[0], "--replay", wrong)
        assert status == 2 and "not a schedule" in said, (wrong, said)
    assert run(program, "--only", "no_such_world")[0] == 2
    assert run(program, "--nonsense")[0] == 2
    print(f"{len(worlds)} failures made again")


main(*sys.argv[1:])
