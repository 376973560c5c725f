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

import growth  # noqa: E402
import judge  # noqa: E402
import misses  # noqa: E402
import page  # noqa: E402
import pause  # noqa: E402
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
        return [judge.verdict(found, target) for target in targets.TARGETS if target.group == group and not target.metric][0]

    assert of(10, 11, 50) == "met"
    assert of(10, 12, 50) == "missed"
    assert of(10, 11, 50, far=(10, 20)) == "missed", "far counts too"
    assert of(100, 49, 60, group="balanced_empty") == "met"
    assert of(100, 49, 40, group="balanced_empty") == "missed", "a rival was faster"
    empty = read([])
    assert {judge.verdict(empty, target) for target in targets.TARGETS} == {"not measured"}


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
        drawn = [Path(folder, "docs/performance/chain.svg")]
        page.write(found, path, "make bench", drawn, {("8a", "8c"): "It claims."})
        text = path.read_text()
    for part in ("2030-01-01", "cc 1", "`make bench`", "**unquiet: a load of 3.0", "| ours | 9.00 | 9.00 |",
                 "![chain](performance/chain.svg)", "| 8a | a DPC that inserts the next", "missed: 1 (8)", "1 run, repetitions: 1",
                 "quiet: NO, a load of 3.0",
                 "**8a** a DPC that inserts the next on its own processor: 9.00 ns, floor 1.00 near\n\nIt claims.",
                 "Not measured yet: `make pause`", "Not measured yet: `make growth`"):
        assert part in text, part


@story
def a_picture_has_a_bar_for_each_contestant_and_place():
    found = read([bursts("chain/floor", near=1, far=2), bursts("chain/ours", near=9)])
    text = pictures.script(found, "chain", "x.svg")
    assert '"floor" 1 2' in text and '"ours" 9 ?' in text and "title 'near'" in text and "title 'far'" in text


def runs_of(*ratios, group="spawn", places=("near",)):
    """One run for each, put together: the floor takes 10."""
    return results.together([read([bursts(f"{group}/floor", **{place: 10 for place in places}),
                                   bursts(f"{group}/ours", **{place: 10 * ratio for place in places})]) for ratio in ratios])


def target_named(name):
    return next(target for target in targets.TARGETS if target.name == name)


@story
def a_target_is_met_in_each_run_or_in_the_median_or_missed():
    spawn = target_named("8c")
    assert judge.verdict(runs_of(1.2, 1.1, 1.0), spawn) == "met"
    assert judge.verdict(runs_of(1.3, 1.1, 1.0), spawn) == "met in the median"
    assert judge.verdict(runs_of(1.3, 1.1, 1.25), spawn) == "missed"
    assert judge.verdict(runs_of(1.3, 1.1, 1.0, places=("far",)), spawn) == "met in the median"
    assert judge.verdict(runs_of(1.3, 1.1, 1.25, places=("near", "far")), spawn) == "missed"
    silent = results.together([read([bursts("spawn/floor", near=10), bursts("spawn/ours", near=10)]), read([])])
    assert judge.verdict(silent, spawn) == "met", "a run that says nothing of it does not count"


@story
def each_run_has_its_ratio_and_the_tables_have_all_repetitions():
    found = runs_of(1.3, 1.1, 1.0)
    line = next(line for line in everything(found).splitlines() if "spawn of many" in line)
    assert "1.2x 1.10 1.30 1.10 1.00 -" in " ".join(line.split()) and "met in the median" in line, line
    assert found.figures[("spawn", "", "time")]["ours"].values["near"] == [13, 11, 10]
    assert len(found.each()) == 3 and len(read([]).each()) == 1
    text = everything(results.together([read([bursts("chain/floor", near=1)], warnings="a load of 3.0"), read([])]))
    assert "run 1: unquiet: a load of 3.0" in text and "run 2" not in text, text


@story
def of_the_18_one_is_met_when_all_rows_that_count_are():
    def of(chain, spawn, chain_claim):
        found = read([bursts("chain/floor", near=10), bursts("chain/floor_claim", near=10 / chain_claim),
                      bursts("chain/ours", near=10 * chain), bursts("spawn/floor", near=10), bursts("spawn/ours", near=10 * spawn)])
        return next(rank for rank, numbers in judge.summary(found).items() if "8" in numbers)

    assert of(1, 1, 1) == "met" and of(1, 1, 9) == "met", "8b does not count"
    assert of(1, 2, 1) == "missed"
    assert judge.summary(read([bursts("chain/floor", near=1), bursts("chain/ours", near=1)]))["not measured"], "half of it"
    assert len({target.number for target in targets.TARGETS if target.counts}) == 18
    assert len({target.name for target in targets.TARGETS}) == len(targets.TARGETS)


@story
def a_floor_may_be_of_another_group():
    tail = {"access@near": 1, "access_bursts@near": 100}
    found = read([run("extend/ours", **tail, **{"access_p99.9@near": 12}),
                  run("extend_alone/ours", **tail, **{"access_p99.9@near": 10})])
    assert judge.ratio(found, target_named("16b"), "near") == 1.2


@story
def what_cannot_be_told_apart_is_met():
    def of(*ours):
        tail = {"access@near": 1, "access_bursts@near": 100}
        found = read([run("extend/ours", **tail, **{"access_p99.9@near": value}) for value in ours]
                     + [run("extend_alone/ours", **tail, **{"access_p99.9@near": value}) for value in (8, 10, 10, 14, 16)])
        return judge.verdict(found, target_named("16b"))

    assert of(12, 13, 18, 19, 20) == "met", "the median is 1.8, but a quarter of each lies where the other is"
    assert of(16, 17, 18, 19, 20) == "missed"
    assert of(10, 10, 10) == "met", "too few for quartiles, and near enough"
    assert of(18, 18, 18) == "missed"
    spawned = [bursts("spawn/floor", near=value) for value in (8, 10, 10, 14, 16)] \
        + [bursts("spawn/ours", near=value) for value in (12, 13, 18, 19, 20)]
    assert judge.verdict(read(spawned), target_named("8c")) == "missed", "only where nothing else is asked"


@story
def what_is_missed_has_to_be_explained():
    known = {"1", "2", "3"}
    found = misses.parse("# head\n\n## 1, 3\n\nIt waits. To\ngive: much.\n", known)
    assert found == {("1", "3"): "It waits. To\ngive: much."}
    assert misses.unexplained(["1", "2"], found) == ["2"]
    for text, wrong in (("## 9\n\nIt waits. To give: much.\n", "no target 9"), ("## 1\n\nIt waits.\n", "1: says not both"),
                        ("## 1\n\nTo give: much.\n", "1: says not both"), ("## 1\n\nIt waits. To give:\n", "1: says not both"),
                        ("## 1, 1\n\nIt waits. To give: much.\n", "twice")):
        try:
            misses.parse(text, known)
        except ValueError as error:
            assert wrong in str(error), error
        else:
            assert False, text
    misses.read({target.name for target in targets.TARGETS})


def report(runs, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.json")
        path.write_text(json.dumps({"context": {}, "benchmarks": runs}))
        page_at = Path(folder, "page.md")
        done = subprocess.run([sys.executable, "-B", str(ROOT / "bench/report"), str(path), *options,
                               *(["--page", str(page_at)] if not options else [])], capture_output=True, text=True, check=False)
        return done, page_at.read_text() if page_at.exists() else ""


@story
def a_miss_that_nobody_explained_fails_when_the_page_is_written():
    late = [bursts("block_remote/floor", near=10), bursts("block_remote/ours", near=100)]
    explained = {name for names in misses.read({target.name for target in targets.TARGETS}) for name in names}
    assert "15" not in explained, "take another target for this story"
    done, text = report(late)
    assert done.returncode == 1 and "target 15 is missed" in done.stderr and "**Not explained yet.**" in text, done
    done, _ = report(late, "--command", "make bench BENCH_ARGS=--quick")
    assert done.returncode == 0 and "target 15 is missed" in done.stderr
    done, text = report([bursts("chain/floor", near=10), bursts("chain/ours", near=100)])
    assert done.returncode == 0 and not done.stderr and "To give: removal" in " ".join(text.split()), done


# ---- what an arrival does, and what it costs ----

def windows(with_ns=20, pairs=40):
    def window(kind, ns):
        return {"with": kind, "count": 1000, "arrival_ns": 50, "RES": 0, "CAL": 0, "TLB": 2 if kind else 1,
                "insert": [ns] * 4, "read": [7] * 4, "gap": [ns, ns, 9, 9]}
    data = {"backend": "sim", "step_1_reserve_ns": 5, "step_4_bring-up_ns": 6000, "date": "2030-01-01",
            "windows": [one for i in range(pairs) for one in (window(True, with_ns + i % 3), window(False, 10 + i % 3))]}
    data["windows"][0]["count"] = 3
    return data


@story
def windows_that_differ_are_seen():
    pairs, left_out = pause.pairs_of(windows())
    assert len(pairs) == 39 and left_out == 1
    table = {row[:2]: row[2:] for row in pause.differences(pairs)}
    without, with_one, difference, low, high, chance = table["insert", "p99"]
    assert (without, with_one, difference, low, high) == (11, 21, 10, 10, 10) and chance < 1e-6
    assert table["read", "worst"][2:] == (0, 0, 0, 1.0) and table["gap", "worst"][5] == 1.0
    assert pause.sign_test([1, -1, 1, -1]) == 1.0 and pause.interval(list(range(1, 40))) == (13, 27)
    said = {tuple(row[:2]): row[-1] for row in pause.rows(windows())}
    assert said["insert", "p99"] == "differs" and said["read", "worst"] == "-"


@story
def arrivals_and_growth_have_their_part_of_the_page():
    row = {"processors": 16, "arrival_ns": 1500, "with_worker_ns": 0, "snapshot_ns": 5, "sum_ns": 7, "bytes_each": 12000}
    grown = {"rows": [row], "exponents": {"arrival": 0.01, "with_worker": 0, "snapshot": 0.4, "sum": 1.1}, "absent_bytes": 54.0,
             "date": "2031-01-01"}
    nobody = windows(pairs=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "docs/performance.md")
        drawn = [Path(folder, "docs/performance", name) for name in ("pause-sim.svg", "growth.svg")]
        page.write(read([]), path, "make bench", drawn, {}, [windows(), nobody], grown)
        text = path.read_text()
    for part in ("sim: 39 pairs of windows, 1 left out", "| insert | p99 | 11 | 21 | +10 | +10 to +10 | 0.00 | differs |",
                 "| TLB shoot-downs (TLB) | 39 | 78 |", "| bring-up | 6,000 |", "Measured: 2030-01-01", "Measured: 2031-01-01",
                 "sim: 0 pairs of windows, 1 left out", "| 16 | 1,500 | - | 5 | 7 | 12,000 |", "| exponent | 0.01 |",
                 "absent: 54.0 bytes",
                 "![pause-sim](performance/pause-sim.svg)", "![growth](performance/growth.svg)"):
        assert part in text, part


@story
def pictures_of_arrivals_and_growth_have_all_curves():
    text = pause.script(windows(), "x.svg")
    assert text.count("with lines") == 12 and "p50 around an arrival" in text and "worst without" in text
    rows = [{"processors": n, "arrival_ns": 5, "with_worker_ns": 0, "snapshot_ns": 5, "sum_ns": n, "bytes_each": 9000}
            for n in (1, 2)]
    text = growth.script({"rows": rows, "exponents": {"arrival": 0, "with_worker": 0, "snapshot": 0, "sum": 1}}, "x.svg")
    assert "$sum << E\n1 1\n2 2\nE" in text and "$with_worker << E\n\nE" in text
    assert "$bytes << E\n1 9000\n2 9000\nE" in text and "$bytes axes x1y2" in text


@story
def a_file_that_cannot_be_read_is_named():
    done = subprocess.run([sys.executable, "-B", str(ROOT / "bench/report"), "/nonexistent.json"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1 and "/nonexistent.json" in done.stderr
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(windows() | {"windows": windows()["windows"][1:]}, file)  # its windows are not in pairs
        file.flush()
        for option in ("--pause", "--growth"):
            done = subprocess.run([sys.executable, "-B", str(ROOT / "bench/report"), option, file.name], capture_output=True,
                                  text=True, check=False)
            assert done.returncode == 1 and file.name in done.stderr, done.stderr


def main():
    for each in STORIES:
        each()
        print(f"{each.__name__}: ok")


if __name__ == "__main__":
    main()
