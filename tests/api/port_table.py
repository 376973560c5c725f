#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The table of docs/porting.md has every function of engine/port/port.h, and none that no port has to have.

    port_table.py ROOT
    port_table.py --self-test

The first column names functions in back quotes: `port_event_init`; `_wait` is the one before with another last word; and
`port_mutex_*` are all that begin so. What a port has to have besides port.h is in its types, or in base/base.h.
"""
import re
import sys
from pathlib import Path

COMMENT = re.compile(r"/\*.*?\*/", re.S)
FUNCTION = re.compile(r"\b((?:port|dhpi)_\w+)\s*\(")
ROW = re.compile(r"^\| (`(?:port|dhpi)_[^|]*)\|", re.M)
NAME = re.compile(r"`(\w+\*?)`")


def rows(page):
    """The names of the first column, written out."""
    for row in ROW.finditer(page):
        last = ""
        for name in NAME.findall(row.group(1)):
            last = last[:last.rindex("_")] + name if name.startswith("_") else name
            yield last


def functions_of(header):
    return set(FUNCTION.findall(COMMENT.sub("", header)))


def check(header, page, others=""):
    functions, named = functions_of(header), set()
    known = functions | functions_of(others)
    wrong = []
    for name in rows(page):
        meant = {f for f in known if f.startswith(name[:-1])} if name.endswith("*") else {name} & known
        named |= meant
        if not meant:
            wrong.append(f"docs/porting.md: {name} is nothing that a port has to have")
    return wrong + [f"docs/porting.md has no row for {name}" for name in sorted(functions - named)]


HEADER = "/* not port_old() */\nvoid port_a_open(int x);\nbool port_a_close(void);\nvoid port_b_x(void);\nvoid dhpi_stop(void);\n"
PAGE = "| call | means |\n|---|---|\n| `port_a_open`, `_close` | x |\n| `port_b_*` | `port_z` |\n| `dhpi_stop` | y |\n"

# story, the table, number of faults
FIXTURES = [
    ("all there", PAGE, 0),
    ("a function is missing", PAGE.replace(", `_close`", ""), 1),
    ("one that is not there", PAGE.replace("`_close`", "`_close`, `_end`"), 1),
    ("a family that is not there", PAGE.replace("port_b_*", "port_c_*"), 2),
]


def main(argument):
    if argument == "--self-test":
        wrong = [f"{story}: {check(HEADER, page)}" for story, page, count in FIXTURES if len(check(HEADER, page)) != count]
    else:
        root = Path(argument)
        header, types, checks, page = ((root / path).read_text() for path in (
            "engine/port/port.h", "engine/port/skeleton/port_types.h", "engine/base/base.h", "docs/porting.md"))
        wrong = check(header, page, types + checks)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
