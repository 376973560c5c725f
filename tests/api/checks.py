#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each check of the engine is reached by a test that makes the mistake it names, or stands below as one that no call reaches.
Each public call for passive level is made at another one by tests/unit/misuse_levels.c.

    checks.py ROOT            status 1 when one is neither
    checks.py ROOT --list     all of them, with the test
"""
import re
import sys
from pathlib import Path

# What only a defect of the library itself could reach: the engine checks its own work. With the reason.
OWN = {
    "I1": "the engine sees to it",
    "S-152": "the engine counts",
    "a list is a ring": "memory that was overwritten; no call does so",
    "a node is in one heap once": "a timer that is set is taken out first",
    "the node is in the heap": "likewise",
    "a reader leaves outside its sections": "the call refuses before",
    "a thread takes a lock once": "calls inside callbacks are refused before",
    "dhp/lanes.h knows the distance": "a constant",
    "dhp/lookaside.h knows the distance": "a constant",
    "dhp_counter_add knows the distance": "a constant",
    "nothing queued is ever dropped": "the engine runs what is queued first",
    "the rows of all modules are ready": "prepared before the arrival",
    "a pool block is freed once": "the block is freed memory by then: valgrind and AddressSanitizer say it first",
    "a named event is closed when nobody waits for it": "a race between two threads of the client",
}
CHECK = re.compile(r"DHPI_CHECK\((\d),(.*?)\);", re.DOTALL)
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"\s*$')


def checks_of(root):
    """[(text, file, level)]"""
    found = []
    for path in sorted((root / "engine").rglob("*.[ch]")):
        name = path.relative_to(root).as_posix()
        if "linux_kernel" in name or "skeleton" in name or "fibre" in name or name.endswith("base/base.h"):
            continue
        for level, rest in CHECK.findall(re.sub(r"\\\n", "\n", path.read_text())):
            text = TEXT.search(re.sub(r"/\*.*?\*/", "", rest, flags=re.DOTALL).strip())
            if text:
                found.append((text.group(1), name, int(level)))
    return found


def tests_of(root):
    """{text or clause that a test asserts: [program]}"""
    asserted = {}
    for path in sorted((root / "tests").glob("*/*.c")):
        source = path.read_text()
        if not re.search(r"assert_(each_)?stopped\(", source) or path.parent.name == "support":
            continue
        name = f"{path.parent.name}.{path.stem}"
        for text in re.findall(r'"(S-\d{3})"', source) + re.findall(r'\{ \d, \w+, "([^"]+)" \}', source):
            asserted.setdefault(text, []).append(name)
    return asserted


def reached_by(text, where, asserted):
    if text in asserted:
        return asserted[text][0]
    names = [name for clause, programs in asserted.items() if re.fullmatch(r"S-\d{3}", clause) and clause in text
             for name in programs if name.startswith("wdk.") == ("engine/wdk/" in where)]
    return names[0] if names else None


def passive_calls(root):
    """[name] of public calls that check their level by themselves; the Windows names have tests of their own."""
    body = re.compile(r"^enum dhp_status (dhp_\w+)\([^;{]*\)\n\{\n(.*?)^\}", re.DOTALL | re.MULTILINE)
    return [name for path in sorted((root / "engine").rglob("*.c")) if path.parent.name != "wdk"
            for name, text in body.findall(path.read_text()) if "DHPI_REQUIRE_PASSIVE()" in text]


def main():
    root = Path(sys.argv[1])
    asserted, wrong, seen = tests_of(root), [], set()
    for text, where, level in checks_of(root):
        seen.add(text)
        by = reached_by(text, where, asserted)
        if "--list" in sys.argv[2:]:
            print(f"| {text} | `{where}` | {level} | {'`' + by + '`' if by else 'own: ' + OWN.get(text, '?')} |")
        if by is None and text not in OWN:
            wrong.append(f"{where}: no test makes the mistake of this check: {text}")
        if by is not None and text in OWN:
            wrong.append(f"{by} reaches what is said to be out of reach: {text}")
    wrong += [f"checks.py names a check that there is not: {text}" for text in OWN if text not in seen]
    levels, calls = (root / "tests/unit/misuse_levels.c").read_text(), passive_calls(root)
    wrong += [f"tests/unit/misuse_levels.c does not call {name}" for name in calls if f"CALL({name}," not in levels]
    if len(calls) < 50:
        wrong.append(f"only {len(calls)} calls for passive level were found")
    if len(seen) < 40:
        wrong.append(f"only {len(seen)} checks were found")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
