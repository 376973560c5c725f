#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each source, script, build and configuration file starts with its licence.

    spdx.py ROOT
"""
import os
import subprocess
import sys
from pathlib import Path

LINE = "SPDX-License-Identifier: BSD-2-Clause"
WITHIN = 5  # lines
# prose and data: the former has LICENSE beside it, the latter no comments
EXEMPT_SUFFIXES = {".md", ".json", ".jsonl", ".svg", ".png", ".txt", ".csv", ".seed"}
EXEMPT_NAMES = {"LICENSE"}


def files_of(root):
    """What git tracks or would track; without git, all but build trees."""
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-coz", "--exclude-standard"]
    try:
        listing = subprocess.run(command, check=True, capture_output=True).stdout.decode()
        return [root / name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
            found += [Path(folder, name) for name in names]
        return found


def main(root):
    root = Path(root).resolve()
    checked = 0
    missing = []
    for path in sorted(files_of(root)):
        exempt = path.suffix in EXEMPT_SUFFIXES and path.name != "CMakeLists.txt" or path.name in EXEMPT_NAMES
        if exempt or path.is_symlink() or not path.is_file():
            continue
        checked += 1
        with path.open(errors="replace") as file:
            head = "".join(line for _, line in zip(range(WITHIN), file))
        if LINE not in head:
            missing.append(path)
    for path in missing:
        print(f"{path.relative_to(root)}: no `{LINE}` in the first {WITHIN} lines")
    print(f"{checked} files")
    return 1 if missing or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
