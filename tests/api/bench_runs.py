#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benchmarks of ours and of the floors run to their end, and the report finds a figure for each target.

    bench_runs.py ROOT DHP_BENCH

Says nothing about how fast anything is.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT, PROGRAM = Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(ROOT / "bench/report"))

import results  # noqa: E402
import targets  # noqa: E402

SKIPPED = 77


def main():
    if len(os.sched_getaffinity(0)) < 2:
        print("needs two CPUs")
        return SKIPPED
    groups = sorted({group for target in targets.TARGETS for group in (target.group, target.floor_group) if group})
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "bench.json"))
        subprocess.run([PROGRAM, "--quick", f"--benchmark_filter=^({'|'.join(groups)}|line_one_way|empty)/(floor|ours)",
                        "--benchmark_repetitions=1", "--benchmark_min_time=0.001", f"--benchmark_out={path}",
                        "--benchmark_out_format=json"], check=True, stdout=subprocess.DEVNULL)
        found = results.read(path)
    wrong = [f"{name}: {why}" for name, why in found.skipped.items()]
    for target in targets.TARGETS:
        for group, variant in ((target.floor_group or target.group, target.floor), (target.group, target.ours)):
            if variant not in found.figures.get((group, target.range, target.metric or found.main_metric(group)), {}):
                wrong.append(f"target {target.name}: {group} has no {variant}")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
