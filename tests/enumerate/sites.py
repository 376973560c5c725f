#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares what the enumeration of faults has reached with every call of the library that there is.

    sites.py PROGRAM REPORT ARCHIVE TABLE [whole]

PROGRAM is the test, of which the report was written. Fails when a call that can fail was never reached, when one failed and the
library said nothing although no line of the table says what it does instead, when a status is not in the contract of the
function that gave it, when the library asks the system for something that is not refused and the table has no reason, and when a
line of the table is about nothing (of what the library does without: only in a whole run).
"""
import collections
import os
import re
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RETRIED = {"burst", "steps", "script", "replay", "refill", "rebalance", "requests"}  # their scenario asks again, or is told by other means


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def places(program, addresses):
    """Of each return address: the innermost function of the source, and its file."""
    asked = sorted(addresses)
    # one byte back: inside the call
    text = subprocess.run(["addr2line", "-f", "-e", program], check=True, universal_newlines=True, stdout=subprocess.PIPE,
                          input="".join(f"{address - 1:x}\n" for address in asked)).stdout.splitlines()
    found = {}
    for address, function, where in zip(asked, text[::2], text[1::2]):
        found[address] = (function.split(".")[0], os.path.realpath(where.split(":")[0]))
    return found


def is_engine(path):
    """Also where the objects come from a cache that knows them by another folder."""
    return os.path.exists(os.path.join(SOURCE, "engine", path.rpartition("/engine/")[2])) and "/engine/" in path


def calls_in(program):
    """The return addresses of all calls of what stands between, with its name."""
    calls, waiting = {}, None
    for line in output("objdump", "-d", "--no-show-raw-insn", program).splitlines():
        address = re.match(r"\s+([0-9a-f]+):\s", line)
        if not address:
            continue
        if waiting:
            calls[int(address.group(1), 16)] = waiting
            waiting = None
        call = re.search(r"\bcall\w*\s+[0-9a-f]+ <__wrap_(\w+)>", line)
        if call:
            waiting = call.group(1)
    return calls


def undefined(archive):
    needed, defined = set(), set()
    for line in output("nm", archive).splitlines():
        match = re.match(r"[0-9a-f]*\s*([A-Za-z]) (\S+)$", line)
        if match:
            (needed if match.group(1) == "U" else defined if match.group(1) in "TDBRVW" else set()).add(match.group(2))
    return needed - defined


def contracts():
    """The comment before each declaration of a function, and those it refers to."""
    found = {}
    folder = os.path.join(SOURCE, "include", "dhp")
    for name in sorted(os.listdir(folder)):
        text = open(os.path.join(folder, name), encoding="utf-8").read()
        for match in re.finditer(r"/\*(?:(?!\*/).)*\*/\n((?:DHP_API|static inline)(?:(?!/\*).)*)", text, re.S):
            for function in re.findall(r"\b(dhp_\w+)\(", match.group(1)):
                found[function] = match.group(0)
    return found


def gives(known, function, status):
    text = known[function]
    if "status of the first arrival" in text:
        text += known["dhp_sim_add"]
    for other in re.findall(r"otherwise as (dhp_\w+)", text):
        text += known[other]
    return status in text


def read_table(path):
    table = {"symbol": {}, "place": {}, "without": {}}
    for line in open(path, encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            words, colon, reason = line.partition(" : ")
            kind, *words = words.split()
            if not reason.strip() or kind not in table or (kind != "symbol" and len(words) != 2):
                raise SystemExit(f"{path}: not a line of the table: {line}")
            for key in words if kind == "symbol" else [tuple(words)]:
                table[kind][key] = reason.strip()
    return table


def main():
    program, report, archive, path = sys.argv[1:5]
    whole = sys.argv[5:] == ["whole"]
    table, used, wrong = read_table(path), set(), []
    known, calls = contracts(), calls_in(program)
    reached, points, errors = {}, [], collections.Counter()
    for line in open(report, encoding="utf-8"):
        words = line.split()
        if words[0] == "site":
            reached[int(words[2], 16)] = words[1]
        elif words[0] == "point":
            points.append((words[1], words[2], words[3], int(words[4], 16), words[5]))
    where = places(program, set(calls) | set(reached))
    ours = {address for address in calls if is_engine(where[address][1])}

    harmless = table["symbol"]
    wrapped = {symbol[len("__wrap_"):] for symbol in re.findall(r"__wrap_\w+", output("nm", program))}
    for symbol in sorted(undefined(archive)):
        if symbol in harmless:
            used.add(("symbol", symbol))
        elif symbol not in wrapped:
            wrong.append(f"{symbol}: the library needs it, nobody refuses it, and no reason is written down")

    reached_places = {(where[address][0], calls[address]) for address in ours & set(reached)}
    all_places = {(where[address][0], calls[address]) for address in ours if calls[address] not in harmless}
    for place in sorted(all_places - reached_places):
        if place in table["place"]:
            used.add(("place", place))
        else:
            wrong.append(f"{place[0]}: no scenario reaches its call of {place[1]}")

    for scenario, call, error, address, status in points:
        function, file = where[address]
        if call != "callback" and not is_engine(file):
            continue  # the test's own
        errors[scenario] += 1
        if status == "DHP_OK" and scenario not in RETRIED:
            if (function, call) in table["without"]:
                used.add(("without", (function, call)))
            else:
                wrong.append(f"{scenario}: {call} of {function} failed with {error}, and nobody was told")
        elif status != "DHP_OK" and scenario.startswith("dhp_") and call != "callback" and not gives(known, scenario, status):
            wrong.append(f"{scenario}: {call} of {function} failed with {error}: {status} is not in the contract")

    for kind in table if whole else ["symbol", "place"]:
        for key in table[kind]:
            if kind == "symbol" and table[kind][key].startswith("in builds"):
                continue
            if (kind, key) not in used and "matter of time" not in table["place"].get(key, ""):
                wrong.append(f"{path}: {kind} {key}: there is no such thing any more")
    for line in sorted(set(wrong)):
        print(line)
    print(f"{len(points)} points in {len(errors)} calls of the library, "
          f"{len(reached_places)} of {len(all_places)} places where it asks the system for something")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
