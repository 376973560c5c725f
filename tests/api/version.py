#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The build, the headers, the change log and the version map speak of the same release.

    version.py ROOT PROJECT_VERSION
"""
import re
import sys
from pathlib import Path


def main(root, project):
    root = Path(root)
    header = (root / "include/dhp/base.h").read_text()
    parts = [re.search(rf"^#define DHP_VERSION_{part}\s+(\d+)\s*$", header, re.M) for part in ("MAJOR", "MINOR", "PATCH")]
    heading = re.search(r"^## \[?(\d+\.\d+\.\d+)", (root / "CHANGELOG.md").read_text(), re.M)
    nodes = re.findall(r"^DHP_(\d+\.\d+)\s*\{", (root / "engine/libdhp.map").read_text(), re.M)

    found = {
        "include/dhp/base.h": ".".join(part.group(1) if part else "?" for part in parts),
        "CHANGELOG.md, newest heading": heading.group(1) if heading else "none",
    }
    wrong = [f"{where} says {version}, CMakeLists.txt says {project}" for where, version in found.items()
             if version != project]

    # a node only appears when names were added, so the newest may be older than the release, never newer
    numbers = [tuple(map(int, node.split("."))) for node in nodes]
    if not numbers or numbers != sorted(set(numbers)) or numbers[-1] > tuple(map(int, project.split(".")[:2])):
        wrong.append(f"engine/libdhp.map has the nodes {nodes}, CMakeLists.txt says {project}")

    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
