#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The code and the table of docs/driver-guide.md are those of examples/habits.

    driver_guide.py ROOT [PROGRAM]            PROGRAM: the example, built; without it the table is not looked at
    driver_guide.py --update ROOT [PROGRAM]   write them into the guide
    driver_guide.py --self-test

A line "Broken ([NAME.c](../examples/habits/NAME.c)):" is followed by a C block with the lines of that file between its marks
`/* ---- broken ---- */` and `/* ---- right ---- */`, and by a line "Right:" with a block of those up to the next mark. The first
block without a language is what the program prints. Found to be wrong: a block that differs, a C file of the folder with these
marks that the guide does not show, a mark that is missing, a program that fails.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = "docs/driver-guide.md"
FOLDER = "examples/habits"

MARK = re.compile(r"^/\* ---- (.*) ---- \*/\n", re.M)
SHOWN = re.compile(r"^(?:Broken \(\[(?P<name>\w+\.c)\]\(\.\./examples/habits/(?P=name)\)\)|(?P<right>Right)):\n\n"
                   r"```c\n(?P<code>.*?)^```$", re.M | re.S)
TABLE = re.compile(r"^```\n(?P<table>.*?)^```$", re.M | re.S)


def regions(text):
    """{mark: the lines up to the next mark}"""
    marks = list(MARK.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {mark.group(1): text[mark.end():end].strip("\n") + "\n" for mark, end in zip(marks, ends)}


def sources(root):
    """{file name: its regions} of the files that have something to show"""
    found = {path.name: regions(path.read_text()) for path in sorted((Path(root) / FOLDER).glob("*.c"))}
    return {name: parts for name, parts in found.items() if parts}


def wanted(page, files):
    """[(start, end, what has to stand there)] for the code, and what is wrong"""
    blocks, wrong, shown, name = [], [], [], None
    for match in SHOWN.finditer(page):
        part = "right" if match.group("right") else "broken"
        name = name if part == "right" else match.group("name")
        code = files.get(name, {}).get(part)
        if code is None:
            wrong.append(f"{PAGE} shows the part '{part}' of {name}, which has none")
            continue
        shown.append((name, part))
        blocks.append((match.start("code"), match.end("code"), code, f"the part '{part}' of {FOLDER}/{name}"))
    for name in files:
        wrong += [f"{PAGE} does not show the part '{part}' of {FOLDER}/{name} once"
                  for part in ("broken", "right") if shown.count((name, part)) != 1]
    return blocks, wrong


def printed(program):
    """What the program prints, or None when it fails."""
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    return done.stdout if done.returncode == 0 else None


def look(root, program):
    """(the page as it should be, what is wrong with it)"""
    page = (Path(root) / PAGE).read_text()
    blocks, wrong = wanted(page, sources(root))
    if program is not None:
        table, text = TABLE.search(page), printed(program)
        if text is None:
            wrong.append("the example failed")
        elif table is None:
            wrong.append(f"{PAGE} has no block for what the example prints")
        else:
            blocks.append((table.start("table"), table.end("table"), text, "what the example prints"))
    right = page
    for start, end, text, what in sorted(blocks, reverse=True):
        if page[start:end] != text:
            wrong.append(f"{PAGE}:{page.count(chr(10), 0, start)}: this is not {what}")
            right = right[:start] + text + right[end:]
    return right, wrong


FILE = "int x;\n\n/* ---- broken ---- */\n\nint a;\n\n/* ---- right ---- */\n\nint b;\n\n/* ---- around both ---- */\n\nint c;\n"
GOOD = ("```\nit works\n```\n\nBroken ([a.c](../examples/habits/a.c)):\n\n```c\nint a;\n```\n\nRight:\n\n```c\nint b;\n```\n")

# story, the guide, examples/habits/a.c, what the program prints, number of faults
FIXTURES = [
    ("all the same", GOOD, FILE, "it works", 0),
    ("other code", GOOD.replace("int a;", "int z;"), FILE, "it works", 1),
    ("a line more in the file", GOOD, FILE.replace("int b;\n", "int b;\nint d;\n"), "it works", 1),
    ("a part is not shown", GOOD[:GOOD.index("Right")], FILE, "it works", 1),
    ("a part is not there", GOOD, FILE.replace("/* ---- right ---- */\n", ""), "it works", 3),
    ("another file is meant", GOOD.replace("a.c", "b.c"), FILE, "it works", 4),
    ("other print", GOOD, FILE, "it fails", 1),
    ("nothing for what is printed", GOOD[GOOD.index("Broken"):], FILE, "it works", 1),
    ("the program fails", GOOD, FILE, None, 1),
]


def self_test():
    failed = 0
    for story, page, file, prints, expected in FIXTURES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in ((PAGE, page), (FOLDER + "/a.c", file), (FOLDER + "/main.c", "int main;\n")):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            program = root / "program"
            program.write_text(f"#!/bin/sh\necho '{prints}'\n" if prints else "#!/bin/sh\nexit 1\n")
            program.chmod(0o755)
            wrong = look(root, program)[1]
        if len(wrong) != expected:
            failed += 1
            print(f"{story}: {expected} expected, found {wrong}")
    print(f"{len(FIXTURES)} stories, {failed} failed")
    return 1 if failed else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    update = arguments[0] == "--update"
    root, program = (arguments[update:] + [None])[:2]
    right, wrong = look(root, program)
    if update:
        (Path(root) / PAGE).write_text(right)
        wrong = look(root, program)[1]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
