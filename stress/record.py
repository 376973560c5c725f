#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""stress/record.txt: what the torture has run with every rule held. Kept, and written on purpose only (`make stress RECORD=1`).

A line for each part, backend, preset and number of threads: the seconds of all runs, and their seeds. Runs are added to it: the
hours of a part are those of the library's life, not of its last version.

    record.py --self-test
"""
import sys
import tempfile
from pathlib import Path

PATH = Path(__file__).resolve().parent / "record.txt"
HEAD = ("# SPDX-License-Identifier: BSD-2-Clause\n"
        "# What the torture has run with every rule held; see record.py.\n"
        "# part backend preset threads seconds seeds\n")


class Wrong(Exception):
    """A line is none of a record."""


def read(path=PATH):
    """{(part, backend, preset, threads): (seconds, [seed])}"""
    found = {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        words = line.split()
        if line.startswith("#") or not words:
            continue
        numbers = words[3:5] + words[5].split(",") if len(words) == 6 else []
        key = (*words[:3], int(words[3])) if numbers and all(number.isdigit() for number in numbers) else None
        if key is None or key in found:
            raise Wrong(f"{path.name}: not a line of a record, or twice: {line}")
        found[key] = (int(words[4]), [int(seed) for seed in words[5].split(",")])
    return found


def add(runs, path=PATH):
    """[(part, backend, preset, threads, seconds, seed)]"""
    found = read(path)
    for *key, seconds, seed in runs:
        before, seeds = found.get(tuple(key), (0, []))
        found[tuple(key)] = (before + seconds, seeds + [seed])
    path.write_text(HEAD + "".join(
        f"{' '.join(map(str, key))} {seconds} {','.join(map(str, seeds))}\n" for key, (seconds, seeds) in sorted(found.items())))


def next_seed(path=PATH):
    """One that was not used; and the time of day stands in none."""
    return 1 + max((seed for _, seeds in read(path).values() for seed in seeds), default=0)


def hours(part, preset, path=PATH):
    """Of all threads together."""
    return sum(key[3] * seconds for key, (seconds, _) in read(path).items() if (key[0], key[2]) == (part, preset)) / 3600


def self_test():
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.txt"
        if read(path) or next_seed(path) != 1 or hours("work", "tsan", path):
            wrong.append("an empty record is not empty")
        add([("work", "sim", "tsan", 16, 900, 1), ("work", "linux", "tsan", 16, 450, 2)], path)
        add([("work", "sim", "tsan", 16, 900, 3), ("work", "sim", "tsan", 8, 900, 4), ("all", "sim", "release", 16, 25, 5)], path)
        if read(path)[("work", "sim", "tsan", 16)] != (1800, [1, 3]) or len(read(path)) != 4 or next_seed(path) != 6:
            wrong.append(f"what was added: {read(path)}")
        if hours("work", "tsan", path) != (16 * 2250 + 8 * 900) / 3600:
            wrong.append(f"hours: {hours('work', 'tsan', path)}")
        for line in ("work sim tsan 16 900\n", "work sim tsan many 900 1\n", "work sim tsan 16 900 1,x\n", 2 * "all sim tsan 1 1 1\n"):
            path.write_text(HEAD + line)
            try:
                read(path)
                wrong.append(f"no fault found in {line}")
            except Wrong:
                pass
    for line in wrong:
        print(line)
    print("self-test:", f"{len(wrong)} wrong" if wrong else "as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else print(__doc__) or 2)
