#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What README.md tells people to run is what .ci/run runs.

    ci_and_readme.py ROOT

The first code block under README.md's heading that speaks of building holds the commands. Each `make demo` and `make
check` in it stands in .ci/run word for word; each make target that .ci/run runs stands in it; and each target exists.
"""
import re
import sys
from pathlib import Path


def build_block(readme):
    match = re.search(r"^#+[^\n]*\bbuild.*?^```\w*\n(.*?)^```", readme, flags=re.S | re.M | re.I)
    return match.group(1) if match else None


def commands(text):
    """Each `make ...` that starts a line of a shell block (or a step of .ci/run), without its comment."""
    found = re.findall(r"^\s*(?:\$ )?(?:step )?\"?(make\b[^\n\"#]*)", text, flags=re.M)
    return [" ".join(command.split()) for command in found]


def targets(command):
    return [word for word in command.split()[1:] if "=" not in word and not word.startswith("-")]


def main(root):
    root = Path(root)
    block = build_block((root / "README.md").read_text())
    if block is None:
        print("README.md has no code block under a heading that speaks of building")
        return 1
    said, run = commands(block), commands((root / ".ci/run").read_text())
    rules = set(re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(), flags=re.M))

    wrong = [f"README.md says `{command}`, which .ci/run does not run" for command in said
             if {"demo", "check"} & set(targets(command)) and command not in run]
    said_targets = {target for command in said for target in targets(command)}
    run_targets = {target for command in run for target in targets(command)}
    wrong += [f".ci/run runs `make {target}`, which README.md's build commands do not name"
              for target in sorted(run_targets - said_targets)]
    wrong += [f"`make {target}` is no rule of the Makefile" for target in sorted((said_targets | run_targets) - rules)]
    if not run:
        wrong.append(".ci/run runs no make command")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
