#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench/report says of made-up runs what is in them.

    bench_report.py ROOT
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(sys.argv[1])
sys.path.insert(0, str(ROOT / "bench/report"))

import page  # noqa: E402
import pictures  # noqa: E402
import results  # noqa: E402
import tables  # noqa: E402
import targets  # noqa: E402


STORIES = []


def story(function):
    STORIES.append(function)
    return function


def run(name, **counters):
    """One repetition of a benchmark, as the library writes it."""
    entry = {"name": f"{name}/iterations:8/real_time", "run_type": "iteration", "real_time": 1.0, "cpu_time": 1.0,
             "time_unit": "ns", "family_index": 0, "wall_ms": 100.0, "busy_ms": 50.0, "own_ms": 50.0}
    return {**entry, **counters}


def bursts(name, near=None, far=None, metric="time", near_count=100, far_count=100, **more):
    counters = {}
    if near is not None:
        counters |= {f"{metric}@near": near, f"{metric}_bursts@near": near_count}
    if far is not None:
        counters |= {f"{metric}@far": far, f"{metric}_bursts@far": far_count}
    return run(name, **counters, **more)


def read(runs, **context):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"context": context, "benchmarks": runs}, file)
        file.flush()
        return results.read(file.name)


def everything(found):
    return "\n".join(tables.everything(found))


def row(text, start):
    """Cells of the first line that starts so."""
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [start])


@story
def medians_over_repetitions():
    found = read([bursts("handover/floor", near=value) for value in (10, 12, 100)]
                 + [bursts("handover/ours", near=value) for value in (24, 20, 30)])
    assert found.median("handover", "floor") == 12
    assert found.median("handover", "ours") == 24
    assert row(everything(found), "ours")[:3] == ["ours", "24.00", "2.00"]


@story
def near_and_far_are_apart():
    found = read([bursts("handover/floor", near=10, far=40), bursts("handover/floor", near=10, far=60),
                  bursts("handover/ours", near=20, far=50)])
    assert found.median("handover", "floor", place="near") == 10
    assert found.median("handover", "floor", place="far") == 50
    cells = row(everything(found), "ours")
    assert cells[:3] == ["ours", "20.00", "2.00"] and cells[5:7] == ["50.00", "1.00"], cells


@story
def a_repetition_with_few_bursts_of_a_place_is_silent_about_it():
    found = read([bursts("handover/floor", near=10, far=500, far_count=3),
                  bursts("handover/floor", near=10, far=400, near_count=1000, far_count=20)])
    assert found.median("handover", "floor", place="far") is None
    assert found.places("handover", "", "time") == ["near"]
    assert read([bursts("handover/floor", near=10, near_count=3)]).median("handover", "floor") is None


@story
def one_thread_has_its_own_clock_and_items():
    entry = run("slot_read/floor", cpu_time=16.0, items=8)
    entry["name"] = "slot_read/floor"
    wall = run("arrival/ours/16", real_time=3.0, time_unit="us", cpu_time=1.0, add_ns=2000.0)
    found = read([entry, wall])
    assert found.median("slot_read", "floor", place="") == 2
    assert found.median("arrival", "ours", "16", "time", place="") == 3000
    assert found.median("arrival", "ours", "16", "add", place="") == 2000


@story
def the_best_rival_is_neither_floor_nor_ours():
    found = read([bursts("chain/floor", near=2), bursts("chain/floor_claim", near=3), bursts("chain/ours", near=6),
                  bursts("chain/ours_other", near=1), bursts("chain/slow", near=12), bursts("chain/fast", near=4)])
    assert found.best_rival("chain", "", "time", "near") == (4, "fast")
    assert row(everything(found), "ours")[3] == "1.50"
    assert row(everything(found), "slow")[3] == "3.00"


@story
def a_quantile_goes_where_its_metric_goes():
    found = read([bursts("asleep/floor", near=10, **{"time_p99@near": 90, "time_p99@far": 1})])
    assert found.median("asleep", "floor", metric="time_p99") == 90
    assert found.median("asleep", "floor", metric="time_p99", place="far") is None


@story
def what_is_missing_or_skipped_is_said():
    failed = run("handover/libuv", error_occurred=True, error_message="needs two CPUs")
    text = everything(read([bursts("handover/floor", near=1), failed], missing="tbb (libtbb-dev)"))
    assert "left out, not installed: tbb (libtbb-dev)" in text
    assert "skipped: needs two CPUs: handover/libuv" in text
    assert not any(line.startswith("  libuv") for line in text.splitlines())


@story
def a_busy_neighbour_is_marked():
    calm = read([bursts("chain/floor", near=1), bursts("chain/ours", near=1)])
    assert "unquiet" not in everything(calm) and " !" not in everything(calm)
    busy = read([bursts("chain/floor", near=1), bursts("chain/ours", near=1, busy_ms=95.0)])
    text = everything(busy)
    assert "unquiet: others used" in text and "ours !" in text and "floor !" not in text
    assert "unquiet: frequency scaling (governor powersave)" in everything(
        read([bursts("chain/floor", near=1)], warnings="frequency scaling (governor powersave)"))


@story
def spread_is_that_of_the_quartiles():
    found = read([bursts("chain/floor", near=value) for value in (100, 100, 90, 110, 1000)])
    figure = found.figures[("chain", "", "time")]["floor"]
    assert abs(figure.spread("near") - 0.1) < 1e-9
    assert read([bursts("chain/floor", near=1)]).figures[("chain", "", "time")]["floor"].spread("near") is None


@story
def verdicts():
    def of(floor, ours, rival, group="handover", far=(None, None)):
        found = read([bursts(f"{group}/floor", near=floor, far=far[0]), bursts(f"{group}/ours", near=ours, far=far[1]),
                      bursts(f"{group}/other", near=rival)])
        return [targets.verdict(found, target) for target in targets.TARGETS if target.group == group and not target.metric][0]

    assert of(10, 11, 50) == "met"
    assert of(10, 12, 50) == "missed"
    assert of(10, 11, 50, far=(10, 20)) == "missed", "far counts too"
    assert of(100, 49, 60, group="balanced_empty") == "met"
    assert of(100, 49, 40, group="balanced_empty") == "missed", "a rival was faster"
    empty = read([])
    assert {targets.verdict(empty, target) for target in targets.TARGETS} == {"not measured"}


@story
def every_target_names_a_group_of_the_sources():
    sources = "".join(path.read_text() for path in (ROOT / "bench").rglob("*.c*"))
    for target in targets.TARGETS:
        assert f'"{target.group}' in sources, target.group


@story
def groups_stand_in_the_order_they_were_registered():
    found = read([bursts("b/floor", near=1, family_index=7), bursts("a/floor", near=1, family_index=9)])
    assert found.groups() == ["b", "a"]


@story
def the_page_has_all_that_is_needed_to_believe_it():
    found = read([bursts("chain/floor", near=1), bursts("chain/ours", near=9)], date="2030-01-01", num_cpus=2, caches=[],
                 compiler="cc 1", warnings="a load of 3.0 before the start")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "docs/performance.md")
        page.write(found, path, "make bench", [Path(folder, "docs/performance/chain.svg")])
        text = path.read_text()
    for part in ("2030-01-01", "cc 1", "`make bench`", "**unquiet: a load of 3.0", "| ours | 9.00 | 9.00 |",
                 "![chain](performance/chain.svg)", "| 8 | a DPC that inserts the next", "missed"):
        assert part in text, part


@story
def a_picture_has_a_bar_for_each_contestant_and_place():
    found = read([bursts("chain/floor", near=1, far=2), bursts("chain/ours", near=9)])
    text = pictures.script(found, "chain", "x.svg")
    assert '"floor" 1 2' in text and '"ours" 9 ?' in text and "title 'near'" in text and "title 'far'" in text


@story
def a_file_that_cannot_be_read_is_named():
    done = subprocess.run([sys.executable, "-B", str(ROOT / "bench/report"), "/nonexistent.json"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1 and "/nonexistent.json" in done.stderr


def main():
    for each in STORIES:
        each()
        print(f"{each.__name__}: ok")


if __name__ == "__main__":
    main()
