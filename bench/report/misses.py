# SPDX-License-Identifier: BSD-2-Clause
"""Why targets are missed: docs/performance/misses.md, written by hand.

A heading names one or more targets ("## 5, 6"), the text below it says why, and after "To give:" what would have to give.
"""
import re
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs/performance/misses.md"
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
GIVE = re.compile(r"\bTo\s+give:")  # wherever a line ends


def parse(text, known):
    """{(names): text}; ValueError says what is wrong."""
    parts, found, seen = HEADING.split(text)[1:], {}, set()
    for heading, body in zip(parts[0::2], parts[1::2]):
        names = tuple(name.strip() for name in heading.split(","))
        for name in names:
            if name not in known:
                raise ValueError(f"there is no target {name}")
            if name in seen:
                raise ValueError(f"target {name} is explained twice")
            seen.add(name)
        said = GIVE.split(body)
        if len(said) < 2 or not all(part.strip() for part in said):
            raise ValueError(f"{heading}: says not both why and, after 'To give:', what would have to give")
        found[names] = body.strip()
    return found


def read(known, path=FILE):
    return parse(path.read_text(encoding="utf-8"), known)


def unexplained(missed, explained):
    """Of the names of targets those that no section has."""
    have = {name for names in explained for name in names}
    return [name for name in missed if name not in have]
