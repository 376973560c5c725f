#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the fuzzers one after another, and says what they did.

    run.py [--seconds N] [--build FOLDER] [--afl] [NAME...]    default: every program fuzz_NAME of the build

What reaches new code is kept in FOLDER/corpus/NAME and is where the next run goes on. An input by which something does not hold
is kept in FOLDER/findings; the status is then 1. --afl: by AFL++ instead of libFuzzer; the build is then that of `make fuzz-afl`.
"""
import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GRACE = 60  # seconds that a fuzzer may take longer than it was told
SECONDS_LIMIT = 25  # of one input: longer is a hang


def programs(build):
    return sorted(path.name[len("fuzz_"):] for path in (build / "tests/fuzz").glob("fuzz_*")
                  if os.access(path, os.X_OK) and path.is_file())


def dictionary(name):
    path = HERE / "dict" / f"{name}.dict"
    return path if path.is_file() else None


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def libfuzzer(build, name, seconds, kept, findings):
    """(inputs tried, code reached, status)"""
    command = [build / "tests/fuzz" / f"fuzz_{name}", f"-max_total_time={seconds}", f"-timeout={SECONDS_LIMIT}",
               "-rss_limit_mb=4096", "-len_control=20", "-print_final_stats=1", f"-artifact_prefix={findings}/{name}-"]
    words = dictionary(name)
    if words:
        command.append(f"-dict={words}")
    log = build / f"fuzz_{name}.log"
    with log.open("w") as output:
        status = subprocess.run([*map(str, command), str(kept), str(HERE / "corpus" / name)], stdout=output, stderr=output,
                                stdin=subprocess.DEVNULL, check=False, timeout=seconds + SECONDS_LIMIT + GRACE).returncode
    text = log.read_text(errors="replace")
    if status:
        print(text[-6000:])
    return number(r"stat::number_of_executed_units: (\d+)", text), number(r"\bcov: (\d+)", text), status


def aflplusplus(build, name, seconds, kept, findings):
    command = ["afl-fuzz", "-V", str(seconds), "-t", f"{SECONDS_LIMIT * 1000}", "-i", HERE / "corpus" / name, "-o", kept]
    words = dictionary(name)
    if words:
        command += ["-x", words]
    env = dict(os.environ, AFL_NO_UI="1", AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES="1", AFL_SKIP_CPUFREQ="1", AFL_AUTORESUME="1",
               AFL_NO_AFFINITY="1")
    log = build / f"fuzz_{name}.log"
    with log.open("w") as output:
        status = subprocess.run([*map(str, command), "--", str(build / "tests/fuzz" / f"fuzz_{name}")], stdout=output,
                                stderr=output, stdin=subprocess.DEVNULL, env=env, check=False,
                                timeout=seconds + SECONDS_LIMIT + 2 * GRACE).returncode
    if status:
        print(log.read_text(errors="replace")[-6000:])
        return 0, 0, status
    stats = (kept / "default/fuzzer_stats").read_text()
    bad = [path for kind in ("crashes", "hangs") for path in sorted((kept / "default" / kind).glob("id*"))]
    for path in bad:
        (findings / f"{name}-{path.parent.name}-{path.name.split(',')[0].replace(':', '')}").write_bytes(path.read_bytes())
    return number(r"execs_done\s*: (\d+)", stats), number(r"edges_found\s*: (\d+)", stats), 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=int, default=600, help="of each; 600")
    parser.add_argument("--build", type=Path, default=ROOT / "build/fuzz")
    parser.add_argument("--afl", action="store_true")
    options = parser.parse_args()
    there = programs(options.build)
    unknown = [name for name in options.names if name not in there]
    if unknown or not there:
        print(f"no fuzzer {' '.join(unknown)} in {options.build}; there are: {' '.join(there) or 'none'}")
        return 2
    findings = options.build / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    wrong = []
    print(f"{'':12} {'seconds':>7} {'inputs':>11} {'code':>6}", flush=True)
    for name in options.names or there:
        kept = options.build / "corpus" / name
        kept.mkdir(parents=True, exist_ok=True)
        inputs, code, status = (aflplusplus if options.afl else libfuzzer)(options.build, name, options.seconds, kept, findings)
        end = "FOUND SOMETHING" if status else "nothing found"
        print(f"{name:12} {options.seconds:7} {inputs:11} {code:6}  {end}", flush=True)
        wrong += [name] if status else []
    for name in wrong:
        print(f"{name}: the inputs are {findings}/{name}-*; once more: {options.build}/tests/fuzz/fuzz_{name} FILE")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
