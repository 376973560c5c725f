#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each clause that headers, engine, tests, stress, examples, README.md or the driver guide name has its line in docs/semantics.md.

    clauses.py ROOT
    clauses.py --self-test

Clauses are named `S-128` in prose, `S-1xx` for a whole section, and `_S128` at the end of a test's name. Found to be wrong:

 - a clause named and not on the page, or a number that has not three digits;
 - on the page: a number twice, out of order, under another section's heading, or without a mark.
"""
import re
import sys
import tempfile
from pathlib import Path

PAGE = "docs/semantics.md"
PLACES = ("include", "engine", "tests", "stress", "examples", "README.md", "docs/driver-guide.md")
SUFFIXES = {"", ".c", ".h", ".cpp", ".py", ".sh", ".md", ".txt", ".map"}

MENTION = re.compile(r"(?<![A-Za-z0-9_])S-(\d+(?:xx)?)|(?<=[a-z0-9])_S(\d+)")
LINE = re.compile(r"- \*\*S-(\d+)\*\* (\[[DIO](?:/[DIO])*\] \S)?")
SECTION = re.compile(r"## (\d)\. ")


def page(text):
    """(the clauses, what is wrong with the page)"""
    wrong, clauses, section, last = [], set(), None, ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = SECTION.match(line)
            section = heading.group(1) if heading else None
        found = LINE.match(line)
        if not found:
            continue
        number = found.group(1)
        if len(number) != 3 or number[0] != section:
            wrong.append(f"{PAGE}: S-{number} stands in section {section}")
        if number in clauses:
            wrong.append(f"{PAGE}: S-{number} has two lines")
        elif number < last:
            wrong.append(f"{PAGE}: S-{number} comes after S-{last}")
        if not found.group(2):
            wrong.append(f"{PAGE}: S-{number} has no mark, or no text")
        clauses.add(number)
        last = max(last, number)
    return clauses, wrong


def files(root):
    for place in PLACES:
        path = root / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and file.suffix in SUFFIXES and not file.samefile(__file__):
                yield file


def check(root):
    root = Path(root)
    clauses, wrong = page((root / PAGE).read_text())
    sections = {clause[0] + "xx" for clause in clauses}
    named = set()
    for file in files(root):
        for count, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            for mention in MENTION.finditer(line):
                number = mention.group(1) or mention.group(2)
                named.add(number)
                if number not in clauses | sections:
                    wrong.append(f"{file.relative_to(root).as_posix()}:{count}: S-{number} is not in {PAGE}")
    return wrong, len(clauses), len(named & clauses)


GOOD = "## 0. A\n- **S-001** [D] x\n- **S-017** [D/O] y\n## 1. B\n- **S-128** [I] z\n## Other\n"

# story, docs/semantics.md, engine/x.c, number of faults
FIXTURES = [
    ("all known", GOOD, "/* S-001, S-128 */ void f_S017(void);\n", 0),
    ("nothing named", GOOD, "int x;\n", 0),
    ("a clause in a comment that is not there", GOOD, "/* S-002 */\n", 1),
    ("a clause in a name that is not there", GOOD, "void f_S001_S002(void);\n", 1),
    ("both ends of a range count", GOOD, "void f_S002_to_S003(void);\n", 2),
    ("several on one line", GOOD, "/* S-001, S-002 to S-016 */\n", 2),
    ("two digits", GOOD, "/* S-17 */\n", 1),
    ("four digits", GOOD, "/* S-0017 */ void f_S0017(void);\n", 2),
    ("a section", GOOD, "/* S-1xx */\n", 0),
    ("a section that is not there", GOOD, "/* S-7xx */\n", 1),
    ("no clauses", GOOD, "long n = sysconf(_SC_PAGESIZE); /* CLASS-002, DHP_S002, x86_64-S-002 */\n", 1),
    ("a number twice", GOOD.replace("S-017", "S-001"), "", 1),
    ("out of order", GOOD.replace("S-001", "S-018"), "", 1),
    ("under another section", GOOD.replace("## 1.", "## 2."), "", 1),
    ("under no section", GOOD.replace("## 1. B", "## B"), "", 1),
    ("no mark", GOOD.replace(" [I]", ""), "", 1),
    ("an unknown mark", GOOD.replace("[I]", "[X]"), "", 1),
    ("no text", GOOD.replace("[I] z", "[I]"), "", 1),
]


def self_test():
    failed = 0
    for story, text, source, faults in FIXTURES:
        with tempfile.TemporaryDirectory() as directory:
            for name, content in ((PAGE, text), ("engine/x.c", source)):
                path = Path(directory, name)
                path.parent.mkdir()
                path.write_text(content)
            wrong, _, _ = check(directory)
            if len(wrong) != faults:
                failed += 1
                print(f"{story}: expected {faults} faults, found {len(wrong)}", *wrong, sep="\n\t")
    print(f"{len(FIXTURES)} fixtures")
    return 1 if failed else 0


def main(root):
    wrong, clauses, named = check(root)
    for line in wrong:
        print(line)
    print(f"{clauses} clauses, {named} of them named")
    return 1 if wrong or not clauses else 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1] == "--self-test" else main(sys.argv[1]))
