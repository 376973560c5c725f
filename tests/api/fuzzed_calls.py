#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Each exported function is called by a harness of tests/fuzz, or stands below with the reason why none calls it.

    fuzzed_calls.py ROOT NM OBJECTS...     the harnesses' objects; status 1 when one is neither, or both
    fuzzed_calls.py --self-test

What a harness calls is what its objects leave undefined: so calls by way of a macro or an inline function count, too.
"""
import re
import subprocess
import sys

# Name, or a regular expression of whole names: why not.
OUT = {
    r"dhp_wdk_(assert_failed|fast_fail)": "ends the process",
    r"dhp_wdk_paged_code": "ends the process, at dispatch level; nothing otherwise",
    r"dhp_wdk_status": "a table of constants: wdk.values_and_guids",
    r"DbgPrintEx": "writes text for people",
    r"IoSetDeviceInterfaceState": "changes nothing: the partition enables its interfaces",
    r"ExInitializeRundownProtectionCacheAware": "the one that is allocated is the same, but for whose memory it is",
}

# Called or not, as the build is.
EITHER = {
    r"dhp_counter_add_slow": "by dhp_counter_add, where there is no inline assembly",
    r"dhp_counter_cell_slow": "by dhp_counter_add, where there is",
    r"dhp_lanes_ring": "by the inline half of dhp_lanes_push, where there are restartable sequences",
}


def exported(root):
    listed = subprocess.run([sys.executable, f"{root}/tools/update-map", "--list", "map"], check=True, capture_output=True, text=True)
    return {line.split()[1] for line in listed.stdout.splitlines()}


def called(nm, objects):
    listed = subprocess.run([nm, "--undefined-only", *objects], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in listed.splitlines() if re.match(r"\s+[Uw] ", line)}


def faults(names, calls, out, either):
    wrong = [f"tests/api/fuzzed_calls.py excepts what is not exported: {name}" for name in sorted(set(either) - names)]
    for name in sorted(names - set(either)):
        reasons = [reason for pattern, reason in out.items() if re.fullmatch(pattern, name)]
        if name not in calls and not reasons:
            wrong.append(f"no harness of tests/fuzz calls {name}, and tests/api/fuzzed_calls.py has no reason")
        if name in calls and reasons:
            wrong.append(f"{name} is called by a harness, and tests/api/fuzzed_calls.py says why not: {reasons[0]}")
    wrong += [f"tests/api/fuzzed_calls.py has a reason for what is not exported: {pattern}" for pattern in out
              if not any(re.fullmatch(pattern, name) for name in names)]
    return wrong


def self_test():
    out = {"dhp_b|Ke\\w+": "why"}
    assert faults({"dhp_a", "dhp_b", "KeC"}, {"dhp_a"}, out, {}) == []
    assert faults({"dhp_a", "dhp_b"}, {"dhp_a"}, out, {"dhp_a": "why"}) == faults({"dhp_a", "dhp_b"}, set(), out, {"dhp_a": "why"}) == []
    assert len(faults({"dhp_a", "dhp_b"}, set(), out, {})) == 1, "one that nobody calls"
    assert len(faults({"dhp_a", "dhp_b"}, {"dhp_a", "dhp_b"}, out, {})) == 1, "a reason for what is called"
    assert len(faults({"dhp_a"}, {"dhp_a"}, out, {})) == 1, "a reason for nothing"
    assert len(faults({"dhp_a", "dhp_b"}, {"dhp_a"}, out, {"dhp_c": "why"})) == 1, "an exception for nothing"
    return 0


def main(root, nm, *objects):
    names, calls = exported(root), called(nm, objects)
    wrong = faults(names, calls, OUT, EITHER)
    for line in wrong:
        print(line)
    print(f"{len(names & calls)} of {len(names)} exported functions are called by a harness, the others have a reason")
    return 1 if wrong or not names & calls else 0


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1] == "--self-test" else main(*sys.argv[1:]))
