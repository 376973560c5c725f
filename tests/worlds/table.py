#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What was explored: the table of README.md, and whether it is still true.

    table.py PROGRAM                     the short form of a program, as ctest runs it: who is exhausted has as many schedules
                                         as the table says
    table.py --long FOLDER [OPTION...]   all programs there at length, as `make worlds` runs them, against the table; with options
                                         of theirs nothing is compared
    table.py --write FOLDER              likewise, and writes the table
    table.py --check                     without a run: its worlds are those of the sources, its mutations those of tests/mutants
    table.py --self-test

Status 1 when a world fails or the table is stale. The number of a world that is not exhausted is the one that it is told to try.
"""
import importlib.util
import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = HERE / "README.md"
BEGIN, END = "<!-- explored -->", "<!-- end of explored -->"

ALGORITHMS = {
    "inbox": "`queue.c`, `insert.c`: push, take, put",
    "remove": "`queue.c`: claim, removal, theft",
    "steal": "`queue.c`: steal",
    "batch": "`insert.c`: several objects at once; `queue.c`: the window begins anew",
    "sleep": "`worker.c`, `timers.c`: park, wake, thieves, ticks",
    "call": "`call.c`",
    "watchdog": "`watchdog.c`",
    "ahead": "`ahead.c`, `work.c`: bring-up",
    "timers": "`timers.c`, without DPCs",
    "pins": "`pin.c`, `pins.c`, `thread.c`",
    "lane": "`lanes.c`, without sequences",
    "epoch": "`epoch.c`",
    "growth": "`array.c`, `set.c`",
    "counter": "`counter.c`",
    "lookaside": "`lookaside.c`, its locked half",
    "rundown": "`rundown.c`, `rundown_percpu.c`",
    "transaction": "`registry.c`, `synchronous.c`",
    "arrival": "`arrival.c`, `change.c`",
    "condition": "`condition.c`",
    "rebalance": "`thread.c`, `round.c`, `device.c`, `watch.c`",
    "hold": "`hold.c`",
    "feed": "`feed.c`",
    "record": "`record.c`, `record_write.c`, `record_said.c`",
    "engine": "all of it",
    "wdk": "`wdk/`: `wait.c`, `irql.c`, `binding.c`, `object.c`, `thread.c`, `workitem.c`",
}


def spaced(number):
    return f"{number:,}".replace(",", " ")


# ---- what is there ----

def worlds_of(text):
    """Names in a program's source, in their order."""
    return re.findall(r'^\t\{ \.name = "(\w+)"', text, re.MULTILINE)


def mutations(root):
    """{program: rows of tests/mutants that its worlds are to notice}; under "" those of the checker itself."""
    loader = SourceFileLoader("mutate", str(root / "tools/mutate"))
    mutate = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutate", loader))
    loader.exec_module(mutate)
    counts = {}
    for row in mutate.table(root):
        programs = [test.partition(".")[2] for test in row["tests"] if test.startswith("worlds.")]
        for program in {program if program in ALGORITHMS else "" for program in programs}:
            counts[program] = counts.get(program, 0) + 1
    return counts


# ---- the table ----

def rows_of(page):
    """{program: [(world, how, schedules, complete)]}"""
    found, program = {}, ""
    for line in page.partition(BEGIN)[2].partition(END)[0].splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 7 and re.fullmatch(r"[\d ]+", cells[4]):
            program = cells[0] or program
            schedules = int(cells[4].replace(" ", ""))
            found.setdefault(program, []).append((cells[2].replace(" ", "_"), cells[3], schedules, cells[5] == "yes"))
    return found


def table_of(rows, mutants):
    lines = ["| program | algorithm | world | strategy | schedules | complete | mutations caught |",
             "|---|---|---|---|---:|---|---|"]
    for program, algorithm in ALGORITHMS.items():
        for i, (world, how, schedules, complete) in enumerate(rows.get(program, [])):
            head = (program, algorithm, str(mutants.get(program, 0))) if i == 0 else ("", "", "")
            lines.append(f"| {head[0]} | {head[1]} | {world.replace('_', ' ')} | {how} | {spaced(schedules)} | "
                         f"{'yes' if complete else 'no'} | {head[2]} |")
    total = sum(row[2] for worlds in rows.values() for row in worlds)
    lines += ["", f"{spaced(total)} schedules. {sum(mutants.values())} mutations, "
              f"of them {mutants.get('', 0)} of the checker itself."]
    return lines


def differences(program, said, found):
    """`found` as rows; what the table says otherwise of the same worlds."""
    told = {world: (how, schedules, complete) for world, how, schedules, complete in said.get(program, [])}
    wrong = []
    for world, *row in found:
        if world not in told:
            wrong.append(f"{program}: {world} is not in the table")
        elif told[world] != tuple(row):
            wrong.append(f"{program}: {world}: the table says {told[world]}, there are {tuple(row)}")
    return wrong


def check(page, sources, mutants):
    """Without a run."""
    said, wrong = rows_of(page), []
    for program in sorted(set(said) | set(sources)):
        there = [world for world, *_ in said.get(program, [])]
        if there != sources.get(program, []):
            wrong.append(f"{program}: the table has {there}, the source {sources.get(program, [])}")
    if not wrong and "\n".join(table_of(said, mutants)) != page.partition(BEGIN)[2].partition(END)[0].strip("\n"):
        wrong.append("the mutations, the sums or the form of the table are not those of `table.py --write`")
    return wrong


# ---- runs ----

RESULT = re.compile(r"^(\w+): (.+), (\d+) schedules, \d+ cut short, at most \d+ steps, (complete|failed|not complete), ")
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (\d+) \| (yes|no|found) \| \d+ \|$")


def passed_on(command, pattern):
    """Its status, and the results among its lines."""
    rows = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as child:
        for line in child.stdout:
            print(line, end="", flush=True)
            result = pattern.match(line)
            if result:
                rows.append((result[1], result[2], int(result[3]), result[4] in ("complete", "yes")))
    return child.returncode, rows


def end(status, wrong):
    for line in wrong:
        print(line)
    if wrong:
        print("tests/worlds/README.md is stale: `make worlds UPDATE=1` writes its table")
    return 1 if status or wrong else 0


def run_short(path):
    program = Path(path).name.partition("test_worlds_")[2]
    status, rows = passed_on([path], RESULT)
    return end(status, differences(program, rows_of(PAGE.read_text()), [row for row in rows if row[3]]))


def run_long(folder, options, write):
    found, status, page = {}, 0, PAGE.read_text()
    for path in sorted(Path(folder).glob("test_worlds_*")):
        program = path.name.partition("test_worlds_")[2]
        print(f"| **{program}** | | | | |", flush=True)
        ended, found[program] = passed_on([str(path), "--long", "--table", *options], ROW)
        status = status or ended
    found = {program: rows for program, rows in found.items() if program in ALGORITHMS}
    if options or status:
        return end(status, [])
    if write:
        before, _, rest = page.partition(BEGIN)
        table = "\n".join(table_of(found, mutations(ROOT)))
        PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}")
        return 0
    said = rows_of(page)
    return end(status, [line for program, rows in found.items() for line in differences(program, said, rows)])


def sources():
    return {program: worlds_of((HERE / f"{program}.c").read_text()) for program in ALGORITHMS}


# ---- self-test ----

def self_test():
    rows = {"inbox": [("a_b", "every", 1200, True), ("c", "pct 3", 50, False)], "engine": [("d", "random", 7, False)]}
    mutants = {"inbox": 2, "": 1}
    page = f"x\n{BEGIN}\n" + "\n".join(table_of(rows, mutants)) + f"\n{END}\ny\n"
    there = {"inbox": ["a_b", "c"], "engine": ["d"]}
    wrong = []
    if rows_of(page) != rows:
        wrong.append(f"rows: {rows_of(page)}")
    for story, text, worlds, counts, faults in (
            ("as it should be", page, there, mutants, 0),
            ("a sum is stale", page.replace("1 257", "1 258"), there, mutants, 1),
            ("a mutation is new", page, there, {"inbox": 3, "": 1}, 1),
            ("a world is new", page, {**there, "engine": ["d", "e"]}, mutants, 1),
            ("a world is gone", page, {**there, "inbox": ["c"]}, mutants, 1)):
        if len(check(text, worlds, counts)) != faults:
            wrong.append(f"{story}: {check(text, worlds, counts)}")
    for story, result, faults in (("the same", ("a_b", "every", 1200, True), 0), ("another number", ("a_b", "every", 1201, True), 1),
                                  ("no more exhausted", ("a_b", "every", 1200, False), 1), ("unknown", ("z", "every", 1, True), 1)):
        if len(differences("inbox", rows, [result])) != faults:
            wrong.append(f"{story}: {differences('inbox', rows, [result])}")
    line = "a_b: every, then random, 12 schedules, 3 cut short, at most 9 steps, not complete, 0.1 s"
    if not RESULT.match(line) or RESULT.match(line)[2] != "every, then random" or not ROW.match("| `a_b` | every | 12 | yes | 9 |"):
        wrong.append("results are not read")
    for text in wrong:
        print(text)
    print("self-test:", f"{len(wrong)} wrong" if wrong else "as expected")
    return 1 if wrong else 0


def main(arguments):
    if arguments[:1] == ["--self-test"]:
        return self_test()
    if arguments[:1] == ["--check"]:
        return end(0, check(PAGE.read_text(), sources(), mutations(ROOT)))
    if arguments[:1] in (["--long"], ["--write"]) and len(arguments) > 1:
        return run_long(arguments[1], arguments[2:], arguments[0] == "--write")
    if len(arguments) == 1 and not arguments[0].startswith("--"):
        return run_short(arguments[0])
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
