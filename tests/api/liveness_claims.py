#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each function that claims to be lock-free or wait-free is one of those that tests/liveness stops anywhere.

    liveness_claims.py ROOT

The claims are the Progress lines of the contracts in include/dhp; the tests' table is tests/liveness/calls.c. A claim that is
that of another call ("as dhp_timer_set", "as the native calls") needs no row; one that leaves something to a lock is no claim. A
row about nothing is wrong, too, and so is one that says wait-free where the contract does not.
"""
import re
import sys
from pathlib import Path

CLAIM = re.compile(r"\b(lock-free|wait-free|obstruction-free)\b")
# Of several functions under one contract; the rest of them only names what is claimed elsewhere, or waits.
NOT_MEANT = {
    "KeInitializeEvent": "setting is one exchange and a signal; waiting blocks",
    "KeSetEvent": "likewise", "KeClearEvent": "likewise", "KeReadStateEvent": "likewise",
    "KeInitializeSemaphore": "likewise", "KeReleaseSemaphore": "likewise", "KeReadStateSemaphore": "likewise",
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


def main():
    root = Path(sys.argv[1])
    known, tested, wrong = claims(root), rows(root), []
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
    for line in wrong:
        print(line)
    print(f"{len(claimed)} functions claim never to wait, {len(tested)} are stopped")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
