# SPDX-License-Identifier: BSD-2-Clause
"""What a JSON file of dhp_bench says: for each group, range and metric, each contestant's repetitions near and far.

Names are group/variant[/range]. Counters metric@near and metric@far are the medians over the bursts of one repetition (see
bench/frame/place.h); without them the metric "time" is the time of an iteration divided by its items. Counters that end in _ns
are metrics too. A repetition with very few bursts of a place says nothing about that place.
"""
import json
import re
import statistics
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

SUFFIX = re.compile(r"^(real_time|manual_time|process_time|(iterations|repeats|threads|min_time):.*)$")
TO_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
FEW_BURSTS, FEW_SHARE = 4, 0.1  # below either, what a repetition says of a place is left out
BUSY_SHARE = 0.1                # of the CPUs, used by others: from then on the result is unquiet

ONE, NEAR, FAR = "", "near", "far"  # places; ONE: one thread
PLACES = (ONE, NEAR, FAR)


def is_floor(variant):
    return variant == "floor" or variant.startswith("floor_")


def is_ours(variant):
    return variant == "ours" or variant.startswith("ours_")


def is_rival(variant):
    return not is_floor(variant) and not is_ours(variant)


@dataclass
class Figure:
    """Repetitions of one contestant at one job: place -> values in ns."""
    values: dict = field(default_factory=dict)

    def median(self, place):
        return statistics.median(self.values[place]) if self.values.get(place) else None

    def quartiles(self, place):
        """The lower and the upper one, or None."""
        values = self.values.get(place, [])
        return statistics.quantiles(values, n=4, method="inclusive")[::2] if len(values) >= 4 else None

    def spread(self, place):
        """Distance of the quartiles, of the median."""
        quarters, middle = self.quartiles(place), self.median(place)
        return (quarters[1] - quarters[0]) / middle if quarters and middle else None


@dataclass
class Results:
    figures: dict = field(default_factory=dict)  # (group, range, metric) -> variant -> Figure, in order of appearance
    skipped: dict = field(default_factory=dict)  # group/variant/range -> reason
    usage: dict = field(default_factory=dict)    # (group, variant) -> [wall, busy, own] in ms
    context: dict = field(default_factory=dict)
    first_index: dict = field(default_factory=dict)  # group -> number of its first benchmark, as registered
    runs: list = field(default_factory=list)     # what this was put together from

    def each(self):
        return self.runs or [self]

    def groups(self):
        found = dict.fromkeys(group for group, _, _ in self.figures)
        return sorted(found, key=lambda group: self.first_index.get(group, 0))

    def jobs(self, group):
        """(range, metric) of a group, main metric first, ranges in the order of their size."""
        found = [(rng, metric) for name, rng, metric in self.figures if name == group]
        return sorted(found, key=lambda job: (job[1] != self.main_metric(group), range_key(job[0]), job[1]))

    def main_metric(self, group):
        metrics = [metric for name, _, metric in self.figures if name == group]
        return "time" if "time" in metrics or not metrics else metrics[0]

    def median(self, group, variant, rng="", metric=None, place=NEAR):
        figure = self.figures.get((group, rng, metric or self.main_metric(group)), {}).get(variant)
        return figure.median(place) if figure else None

    def quartiles(self, group, variant, rng, metric, place):
        figure = self.figures.get((group, rng, metric), {}).get(variant)
        return figure.quartiles(place) if figure else None

    def best_rival(self, group, rng, metric, place):
        """(ns, variant) of the fastest, or None."""
        of_all = self.figures.get((group, rng, metric), {})
        medians = [(figure.median(place), variant) for variant, figure in of_all.items() if is_rival(variant)]
        return min((pair for pair in medians if pair[0] is not None), default=None)

    def places(self, group, rng, metric):
        figures = self.figures[(group, rng, metric)].values()
        return [place for place in PLACES if any(figure.values.get(place) for figure in figures)]

    def others(self, group=None, variant=None):
        """Share of the CPUs that others used while this (or all of it) ran."""
        usages = [usage for key, usage in self.usage.items() if group in (None, key[0]) and variant in (None, key[1])]
        wall, busy, own = (sum(column) for column in zip([0, 0, 0], *usages))
        return max(0.0, busy - own) / wall if wall else 0.0

    def unquiet(self, group=None, variant=None):
        return self.others(group, variant) > BUSY_SHARE


def range_key(rng):
    return [int(part) if part.isdigit() else 0 for part in rng.split("/")]


def enough(run, key, metric, place):
    counts = {at: run.get(f"{metric}_bursts@{at}", 0) for at in ("near", "far", "lost")}
    base = metric.rsplit("_p", 1)[0]
    if not any(counts.values()):  # a quantile goes with its metric
        counts = {at: run.get(f"{base}_bursts@{at}", 0) for at in ("near", "far", "lost")}
    return counts[place] >= FEW_BURSTS and counts[place] >= FEW_SHARE * sum(counts.values())


def samples_of(run):
    """Every figure of one repetition: (metric, place, ns)."""
    placed = [key for key in run if "@" in key and "_bursts@" not in key]
    for key in placed:
        metric, place = key.split("@")
        if enough(run, key, metric, place):
            yield metric, place, run[key]
    if not any("_bursts@" in key for key in run):
        clock = "real_time" if re.search(r"/(real|manual)_time", run["name"]) else "cpu_time"
        yield "time", ONE, run[clock] * TO_NS[run["time_unit"]] / (run.get("items", 1) or 1)
    for key, value in run.items():
        if key.endswith("_ns") and isinstance(value, (int, float)):
            yield key[:-len("_ns")], ONE, value


def measured_at(path):
    """Of a file that does not say so itself: when it was written, as the others have it."""
    return datetime.fromtimestamp(Path(path).stat().st_mtime).astimezone().isoformat(timespec="seconds")


def read(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    results = Results(context=data.get("context", {}))
    for run in data["benchmarks"]:
        if run.get("run_type", "iteration") != "iteration":
            continue
        parts = [part for part in run["name"].split("/") if not SUFFIX.match(part)]
        group, variant, rng = parts[0], parts[1], "/".join(parts[2:])
        if run.get("error_occurred"):
            results.skipped["/".join(parts)] = run.get("error_message", "")
            continue
        for metric, place, ns in samples_of(run):
            figures = results.figures.setdefault((group, rng, metric), {})
            figures.setdefault(variant, Figure()).values.setdefault(place, []).append(ns)
        at = run.get("family_index", 0)
        results.first_index[group] = min(at, results.first_index.get(group, at))
        usage = results.usage.setdefault((group, variant), [0.0, 0.0, 0.0])
        for i, key in enumerate(("wall_ms", "busy_ms", "own_ms")):
            usage[i] += run.get(key, 0.0)
    return results


def together(runs):
    """One of several: all their repetitions. What is judged run by run is in each()."""
    if len(runs) == 1:
        return runs[0]
    whole = Results(context=runs[0].context, runs=runs)
    for run in runs:
        for job, variants in run.figures.items():
            for variant, figure in variants.items():
                values = whole.figures.setdefault(job, {}).setdefault(variant, Figure()).values
                for place, more in figure.values.items():
                    values.setdefault(place, []).extend(more)
        for key, usage in run.usage.items():
            whole.usage[key] = [a + b for a, b in zip(whole.usage.get(key, [0.0, 0.0, 0.0]), usage)]
        whole.skipped |= run.skipped
        whole.first_index = run.first_index | whole.first_index
    return whole
