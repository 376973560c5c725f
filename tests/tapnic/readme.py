#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What examples/tapnic/README.md tells people to run prints what it shows, but for numbers and order; and what it names exists.

    readme.py ROOT FOLDER

FOLDER is where the programs are. Status 77: network namespaces or TAP interfaces are not allowed here.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT, FOLDER = Path(sys.argv[1]), sys.argv[2]
HERE = ROOT / "examples/tapnic"
SECONDS = 100


def shown(text):
    """Its lines without numbers; as many queues, say, as there are processors."""
    return {re.sub(r"\d+(\.\d+)?", "N", line).strip() for line in text.splitlines() if line.strip()}


def run(commands):
    commands = commands.replace("build/release/examples", FOLDER).replace("run.sh", f"run.sh --folder {FOLDER}")
    commands = re.sub(r"\blan\b", f"lan{os.getpid()}", commands)
    return subprocess.run(["sh", "-c", commands], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=SECONDS)


def names_that_are_missing(readme):
    sources = "".join(path.read_text() for path in HERE.glob("*.[ch]"))
    names = {name for cells in re.findall(r"^\|.*\|(.*)\|$", readme, flags=re.M) for name in re.findall(r"`(\w+)`", cells)}
    missing = [name for name in sorted(names) if not re.search(rf"\b{name}\(", sources)]
    return missing + [link for link in re.findall(r"\]\(([^)]+)\)", readme) if not (HERE / link).exists()], names


def main():
    readme = (HERE / "README.md").read_text()
    wrong, names = names_that_are_missing(readme)
    stories = re.findall(r"^```sh\n(.*?)^```\n.*?^```\n(.*?)^```", readme, flags=re.M | re.S)
    if len(stories) < 2 or len(names) < 5:
        wrong.append("README.md has too few commands or names: this test does not understand it")
    for commands, expected in stories:
        done = run(commands)
        if done.returncode == 77:
            print(done.stdout, end="")
            return 77
        missing, more = shown(expected) - shown(done.stdout), shown(done.stdout) - shown(expected)
        if done.returncode or missing or more:
            wrong.append(f"{commands}status {done.returncode}\nnot printed: {missing}\nnot in README.md: {more}\n{done.stdout}")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
