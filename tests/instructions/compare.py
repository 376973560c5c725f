#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""usage: compare.py --build FOLDER [--update] [--self-test]

Counts the instructions of the hot paths (paths.c, under callgrind) and compares them with the numbers kept beside this file, one
file for each compiler and major version. Status 1 when a path differs by more than 3 %, in either direction, or is missing: a
change that is meant is recorded with --update. Instructions are counted and nothing is timed, so the result is the same
on a busy machine.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMES = 1000       # as in paths.c
TOLERANCE = 0.03
SLACK = 0.2        # of an instruction: what surrounds a thousand turns

TRIGGER = re.compile(r"^desc: Trigger: Client Request: (\w+)", re.M)
TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.M)


def parse(texts):
    """path -> instructions for one turn. Of a dump's threads the one that did the work counts: the others sleep."""
    counts = {}
    for text in texts:
        name, total = TRIGGER.search(text), TOTAL.search(text)
        if name and total:
            counts[name.group(1)] = max(counts.get(name.group(1), 0), int(total.group(1)))
    return {name: total / TIMES for name, total in counts.items()}


def dump_number(path):
    """Files are out.PID.DUMP-THREAD: in the order in which they were written."""
    return [int(part) for part in re.findall(r"\d+", path.name)]


def count(program):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={folder}/out.%p", "--quiet",
             str(program)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"compare.py: {program} failed under valgrind:\n{done.stdout}")
        return parse(path.read_text(encoding="utf-8", errors="replace") for path in sorted(Path(folder).iterdir(), key=dump_number))


def read(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines if line and not line.startswith("#"))}


def write(path, counts):
    head = "# SPDX-License-Identifier: BSD-2-Clause\n# Instructions of one turn of each path; written by `make instructions UPDATE=1`.\n"
    path.write_text(head + "".join(f"{name} {value:.2f}\n" for name, value in counts.items()), encoding="utf-8")


def verdict(kept, now):
    if kept is None:
        return "not recorded"
    if now is None:
        return "gone"
    if abs(now - kept) <= max(TOLERANCE * kept, SLACK):
        return ""
    return "more" if now > kept else "fewer"


def compare(kept, counts):
    """Prints a table; False when something differs."""
    same = True
    for name in list(counts) + [name for name in kept if name not in counts]:
        was, now = kept.get(name), counts.get(name)
        says = verdict(was, now)
        same = same and not says
        show = lambda value: f"{value:12.2f}" if value is not None else f"{'-':>12}"
        print(f"{name:26} {show(was)} {show(now)}  {says}".rstrip())
    return same


def self_test():
    one = "desc: Trigger: Client Request: a\nsummary: 5000\n"
    assert parse([one, one.replace("5000", "10"), "desc: Trigger: Program termination\nsummary: 9\n"]) == {"a": 5.0}
    assert verdict(100, 102.9) == "" and verdict(100, 103.1) == "more" and verdict(100, 96) == "fewer"
    assert verdict(3, 3.1) == "" and verdict(None, 1) == "not recorded" and verdict(1, None) == "gone"
    assert compare({"a": 5}, {"a": 5}) and not compare({"a": 5}, {"a": 6}) and not compare({"a": 5, "b": 1}, {"a": 5})
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build" / "release")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    folder = options.build / "tests" / "instructions"
    kept_in = HERE / ((folder / "compiler.txt").read_text(encoding="utf-8").strip() + ".txt")
    counts = count(folder / "count_paths")
    if options.update:
        write(kept_in, counts)
        print(f"wrote {kept_in.name}: {len(counts)} paths")
        return 0
    if not kept_in.exists():
        print(f"compare.py: there are no numbers for this compiler ({kept_in.name}): make instructions UPDATE=1 writes them")
        return 0
    print(f"{'instructions of one turn':26} {'kept':>12} {'now':>12}")
    if compare(read(kept_in), counts):
        return 0
    print(f"compare.py: more than {TOLERANCE:.0%} apart; if that is meant: make instructions UPDATE=1", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
