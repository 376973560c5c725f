#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each function that claims to be lock-free or wait-free is one of those that tests/liveness stops anywhere.

    liveness_claims.py ROOT
    liveness_claims.py --self-test

The claims are the Progress lines of the contracts in include/dhp; the tests' table is tests/liveness/calls.c. A claim that is
that of another call ("as dhp_timer_set", "as the native calls") needs no row; one that leaves something to a lock is no claim. A
row about nothing is wrong, too, and so is one that says wait-free where the contract does not, or only lock-free where the
contract says wait-free and nothing else. base.h tells the reader of a contract where to look: the files that it names are these.
"""
import re
import sys
import tempfile
from pathlib import Path

CLAIM = re.compile(r"\b(lock-free|wait-free|obstruction-free)\b")
# Of several functions under one contract; the rest of them only names what is claimed elsewhere, or waits.
NOT_MEANT = {
    "KeWaitForSingleObject": "it waits",
    "IoSizeofWorkItem": "but for a spin lock", "IoInitializeWorkItem": "likewise", "IoUninitializeWorkItem": "likewise",
    "IoQueueWorkItemEx": "likewise", "IoAllocateWorkItem": "likewise", "IoFreeWorkItem": "likewise",
    "IoQueueWorkItem": "likewise",
}


def claims(root):
    """Function -> what its contract says about progress."""
    found = {}
    for header in sorted((root / "include" / "dhp").glob("*.h")):
        text = header.read_text(encoding="utf-8")
        for match in re.finditer(r"/\*((?:(?!\*/).)*)\*/\n((?:DHP_API|static inline)(?:(?!/\*).)*)", text, re.S):
            progress = re.search(r"\n \* Progress  ((?:.|\n)*?)\n \* [A-Z]", match.group(1))
            if not progress:
                continue
            said = re.sub(r"\s*\n \*\s*", " ", progress.group(1))
            for function in re.findall(r"^(?:DHP_API|static inline)[^\n]*?\b(\w+)\(", match.group(2), re.M):
                found[function] = said
    return found


def rows(root):
    text = (root / "tests" / "liveness" / "calls.c").read_text(encoding="utf-8")
    table = text[text.index("const struct call calls[]"):]
    found = {}
    for match in re.finditer(r'\{\s*((?:"[^"]*"\s*)+),\s*(LOCK_FREE|WAIT_FREE),', table):
        for name in re.sub(r'"\s*"|"', "", match.group(1)).split():
            found[name] = match.group(2)
    return found


# What base.h says of where a claim's test is; the last one has to run all rows of the first.
PLACES = ("tests/liveness/calls.c", "tests/api/liveness_claims.py", "tests/liveness/stopped_anywhere.c")


def misled(root):
    """What of the sentence in base.h is not so."""
    said = re.search(r"\*\s+Progress  (.*?)\n \*/", (root / "include/dhp/base.h").read_text(encoding="utf-8"), re.S)
    wrong = [f"include/dhp/base.h does not say that claims of progress are tested by {place}" for place in PLACES
             if not said or place not in said.group(1)]
    wrong += [f"include/dhp/base.h names {place}, and there is none" for place in PLACES if not (root / place).is_file()]
    if (root / PLACES[2]).is_file() and "calls_count" not in (root / PLACES[2]).read_text(encoding="utf-8"):
        wrong.append(f"{PLACES[2]} does not go through the table of {PLACES[0]}")
    return wrong


def faults(root):
    known, tested, wrong = claims(root), rows(root), misled(root)
    claimed = {name for name, said in known.items() if CLAIM.search(said)}
    for name in sorted(claimed - set(tested) - set(NOT_MEANT)):
        wrong.append(f"{name} claims to be {known[name]}, and no row of tests/liveness/calls.c stops it")
    for name in sorted(set(tested) - set(known)):
        wrong.append(f"tests/liveness/calls.c: {name} has no contract with a claim")
    for name in sorted(set(NOT_MEANT) - claimed):
        wrong.append(f"{name} is excepted and claims nothing")
    for name, claim in sorted(tested.items()):
        if claim == "WAIT_FREE" and name in known and "wait-free" not in known[name] and not known[name].startswith("as "):
            wrong.append(f"{name} is tested as wait-free and claims to be {known[name]}")
        if claim == "LOCK_FREE" and re.findall(CLAIM, known.get(name, "")) == ["wait-free"]:
            wrong.append(f"{name} claims to be {known[name]} and is tested as lock-free")
    return wrong, f"{len(claimed)} functions claim never to wait, {len(tested)} are stopped"


HEADER = """
/*
 * Progress  lock-free
 * %s
 */
/*
 * dhp_one - .
 *
 * Progress  %s
 * Orders    -
 */
DHP_API void dhp_one(void);
"""


def self_test():
    def found(claim, row, places=PLACES):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for place in PLACES + ("include/dhp/base.h",):
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                (root / place).write_text("calls_count")
            (root / "include/dhp/base.h").write_text(HEADER % (" ".join(places), claim))
            (root / PLACES[0]).write_text("const struct call calls[] = {\n" + row + "\n};\n")
            return [line for line in faults(root)[0] if "is excepted" not in line]

    row = '{ "dhp_one", %s, NOTHING, one },'
    assert found("wait-free", row % "WAIT_FREE") == [], found("wait-free", row % "WAIT_FREE")
    assert found("blocking", "") == []
    for story in (found("wait-free", ""), found("lock-free", row % "WAIT_FREE"), found("wait-free", row % "LOCK_FREE"),
                  found("blocking", row.replace("one", "two") % "LOCK_FREE"), found("blocking", "", PLACES[:2])):
        assert len(story) == 1, story
    return 0


def main():
    if sys.argv[1] == "--self-test":
        return self_test()
    wrong, summary = faults(Path(sys.argv[1]))
    for line in wrong:
        print(line)
    print(summary)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
