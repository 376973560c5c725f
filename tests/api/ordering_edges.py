#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each ordering edge has a row in engine/README.md and two ends in the sources.

    ordering_edges.py ROOT
    ordering_edges.py --self-test

In the comments of engine/ an end is written `[edge-name] release`, `[edge-name] acquire`, `[edge-name] either-or a` or
`[edge-name] either-or b`; `[edge-name] fence` names an edge without being an end. Names in brackets that contain a
hyphen name an edge wherever they stand, in the public headers too. Found to be wrong:

 - a named edge without a row in the table (the one whose first column is headed "edge" and holds `edge-name`);
 - a row whose edge has neither release and acquire nor either-or a and either-or b;
 - an operation at_*{release,acquire,acq_rel,seq_cst}* with no edge named in a comment on its line or the four above;
 - a row that neither a model of tests/model names (`Edges: ...` in its head) nor a line `edge NAME: why` of its survivors.txt,
   or both do; and a name there without a row.
"""
import re
import sys
import tempfile
from pathlib import Path

LINES_ABOVE = 4
WRAPPERS = ("engine/port/c11/atomic.h", "engine/port/tsan/ck_pr.h")  # they define the operations

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
END = re.compile(r"\[([a-z][a-z0-9-]*)\]\s+(release|acquire|fence|either-or\s+[ab])\b")
MENTION = re.compile(r"(?<![\w\])])\[([a-z][a-z0-9]*(?:-[a-z0-9]+)+)\]")
OPERATION = re.compile(r"\b(at_\w*(?:release|acquire|acq_rel|seq_cst)\w*)\s*\(")


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def split(text):
    """(code, comments): two texts in which the other's characters, and strings, are blanks."""
    code = TOKEN.sub(lambda m: blank(m.group()), text)
    comments, last = [], 0
    for m in TOKEN.finditer(text):
        comments += [blank(text[last:m.start()]), m.group() if m.group().startswith("/") else blank(m.group())]
        last = m.end()
    return code, "".join(comments) + blank(text[last:])


def unwrapped(comments):
    """A comment's line break and its leading star are white space, so that a name may stand at the end of a line."""
    return re.sub(r"(?<=\n)(\s*)\*(?!/)", r"\1 ", comments)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def rows(readme):
    """Edge names of the table whose first column is headed "edge"."""
    names, in_table = [], False
    for line in readme.splitlines():
        if not line.lstrip().startswith("|"):
            in_table = False
            continue
        first = line.strip().strip("|").split("|")[0].strip()
        if re.fullmatch(r"(the )?edges?", first, flags=re.I):
            in_table = True
        elif in_table and (name := re.fullmatch(r"`([a-z][a-z0-9-]*)`", first)):
            names.append(name.group(1))
        elif in_table and not re.fullmatch(r":?-+:?", first):
            names.append(None)
    return names


def edges_of_model(text):
    """What the head of a model names, over several lines."""
    match = re.search(r"^ \* Edges: ((?:.*\n(?: \*  +.*\n)*))", text, re.M)
    return re.findall(r"[a-z][a-z-]*", match.group(1)) if match else []


def check_models(folder, table):
    modelled = {edge: path.name for path in sorted(folder.glob("*.c")) for edge in edges_of_model(path.read_text())}
    excused = re.findall(r"^edge ([a-z][a-z-]*): \S", (folder / "survivors.txt").read_text(), re.M)
    wrong = [f"tests/model/{name}: edge {edge} has no row in engine/README.md"
             for edge, name in sorted({**modelled, **dict.fromkeys(excused, "survivors.txt")}.items()) if edge not in table]
    for edge in sorted(set(table)):
        if (edge in modelled) == (edge in excused):
            wrong.append(f"edge {edge} has {'both' if edge in excused else 'neither'} a model in tests/model and a reason why not "
                         "in survivors.txt")
    return wrong


def check(root):
    root = Path(root)
    wrong, named, ends = [], {}, {}

    sources = sorted((root / "engine").rglob("*.[ch]"))
    for path in sources + sorted((root / "include").rglob("*.h")):
        where = path.relative_to(root).as_posix()
        code, comments = split(path.read_text())
        comments = unwrapped(comments)
        lines_naming = set()
        for match in MENTION.finditer(comments):
            named.setdefault(match.group(1), f"{where}:{line_of(comments, match.start())}")
            lines_naming.add(line_of(comments, match.start()))
        for match in END.finditer(comments):
            named.setdefault(match.group(1), f"{where}:{line_of(comments, match.start())}")
            lines_naming.add(line_of(comments, match.start()))
            if path in sources:
                ends.setdefault(match.group(1), set()).add(" ".join(match.group(2).split()))
        if path not in sources or where in WRAPPERS:
            continue
        for match in OPERATION.finditer(code):
            line = line_of(code, match.start())
            if not lines_naming.intersection(range(line - LINES_ABOVE, line + 1)):
                wrong.append(f"{where}:{line}: {match.group(1)} names no edge")

    readme = root / "engine" / "README.md"
    table = rows(readme.read_text()) if readme.exists() else []
    if None in table:
        wrong.append("engine/README.md: a row of the edge table does not start with `edge-name`")
    table = [name for name in table if name]
    for name in sorted({name for name in table if table.count(name) > 1}):
        wrong.append(f"engine/README.md: edge {name} has two rows")
    for name, place in sorted(named.items()):
        if name not in table:
            wrong.append(f"{place}: edge {name} has no row in engine/README.md")
    for name in sorted(set(table)):
        found = ends.get(name, set())
        if not ({"release", "acquire"} <= found or {"either-or a", "either-or b"} <= found):
            wrong.append(f"engine/README.md: edge {name} lacks an end in the sources; "
                         f"found: {', '.join(sorted(found)) or 'none'}")
    if (root / "tests/model").is_dir():
        wrong += check_models(root / "tests/model", table)
    return wrong, len(set(table))


TABLE = "| edge | released by | acquired by |\n|---|---|---|\n| `slot-publish` | a | b |\n"
RELEASE = "\t/* [slot-publish] release: a reader that finds it finds zeroed slots */\n\tat_store_release_ptr(&a, b);\n"
ACQUIRE = "\tx = at_load_acquire_ptr(&a); /* [slot-publish] acquire */\n"
EITHER = "| `who-first` | a | b |\n"
SIDE_A = "\t/* [who-first] either-or a: either it sees us\n\t * or we see it */\n\tat_fence_seq_cst();\n"
SIDE_B = "\t/* the scan, [who-first]\n\t * either-or b */\n\tat_fence_seq_cst();\n"

# story, engine/README.md, source, number of faults
FIXTURES = [
    ("both ends", TABLE, RELEASE + ACQUIRE, 0),
    ("nothing at all", "", "int x;\n", 0),
    ("a release without an acquire", TABLE, RELEASE, 1),
    ("an acquire without a release", TABLE, ACQUIRE, 1),
    ("a row without ends", TABLE, "int x;\n", 1),
    ("ends without a row", "", RELEASE + ACQUIRE, 1),
    ("a fence is not an end", TABLE, RELEASE + "/* [slot-publish] fence */\n", 1),
    ("both sides of a store-then-load edge", TABLE + EITHER, RELEASE + ACQUIRE + SIDE_A + SIDE_B, 0),
    ("one side of a store-then-load edge", TABLE + EITHER, RELEASE + ACQUIRE + SIDE_A, 1),
    ("one end and one side do not make an edge", TABLE,
     RELEASE + "\t/* [slot-publish] either-or a */\n\tat_fence_seq_cst();\n", 1),
    ("an operation that names nothing", TABLE, RELEASE + ACQUIRE + "\n" * 4 + "\tat_cas_seq_cst_ptr(&a, b, c);\n", 1),
    ("a name five lines above is too far", TABLE, RELEASE + ACQUIRE + "\n" * 4 + "\tat_or_acq_rel_u32(&a, 1);\n", 1),
    ("a name four lines above is near", TABLE, RELEASE + ACQUIRE + "\n" * 3 + "\tat_or_acq_rel_u32(&a, 1);\n", 0),
    ("a relaxed operation names nothing", TABLE, RELEASE + ACQUIRE + "\n" * 9 + "\tat_load_relaxed_u32(&a);\n", 0),
    ("an operation in a comment or a string is none", TABLE,
     RELEASE + ACQUIRE + "\n" * 9 + '/* at_store_release_u32(x) */ const char *s = "at_store_release_u32(x)";\n', 0),
    ("a name in a string is none", TABLE, RELEASE + '\tx = "[slot-publish] acquire";\n', 1),
    ("a name without a row, in passing", TABLE, RELEASE + ACQUIRE + "/* see [epoch-retire] */\n", 1),
    ("an index is not an edge", TABLE, RELEASE + ACQUIRE + "/* table[a-b] and [i] and [0] */\n", 0),
    ("a row twice", TABLE + "| `slot-publish` | a | b |\n", RELEASE + ACQUIRE, 1),
    ("a row that is not a name", TABLE + "| slot publish | a | b |\n", RELEASE + ACQUIRE, 1),
    ("another table", TABLE + "\n| folder | what |\n|---|---|\n| `base-x` | y |\n", RELEASE + ACQUIRE, 0),
]


# story, head of a model, survivors.txt, number of faults; the table has slot-publish
MODELS = [
    ("a model", "/*\n * x\n *\n * Edges: slot-publish\n */\n", "", 0),
    ("a reason", "", "edge slot-publish: it is not C\n", 0),
    ("neither", "", "edge slot-publish:\n", 1),
    ("both", "/*\n * Edges: slot-publish\n */\n", "edge slot-publish: why\n", 1),
    ("a model of no row", "/*\n * Edges: slot-publish no-such\n *        nor-this\n */\n", "", 2),
    ("a reason for no row", "/*\n * Edges: slot-publish\n */\n", "edge no-such: why\n", 1),
]


def self_test_models():
    failed = 0
    for story, head, reasons, faults in MODELS:
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "x.c").write_text(head)
            Path(directory, "survivors.txt").write_text(reasons)
            wrong = check_models(Path(directory), ["slot-publish"])
            if len(wrong) != faults:
                failed += 1
                print(f"{story}: expected {faults} faults, found {len(wrong)}", *wrong, sep="\n\t")
    return failed


def self_test():
    failed = self_test_models()
    for story, readme, source, faults in FIXTURES:
        with tempfile.TemporaryDirectory() as directory:
            engine = Path(directory, "engine")
            engine.mkdir()
            (engine / "README.md").write_text(readme)
            (engine / "x.c").write_text(source)
            wrong, _ = check(directory)
            if len(wrong) != faults:
                failed += 1
                print(f"{story}: expected {faults} faults, found {len(wrong)}", *wrong, sep="\n\t")
    print(f"{len(FIXTURES) + len(MODELS)} fixtures")
    return 1 if failed else 0


def main(root):
    wrong, count = check(root)
    for line in wrong:
        print(line)
    print(f"{count} edges")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1] == "--self-test" else main(sys.argv[1]))
