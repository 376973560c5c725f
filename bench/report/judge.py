# SPDX-License-Identifier: BSD-2-Clause
"""Whether ours stays below a target: in one run, and in several.

Met: in each run, at each place that was measured. Met in the median: the median of the runs' ratios does. One of the 18 is met
when all its rows are that count. Where nothing is asked but that two figures cannot be told apart, a run whose ratio is too high
meets it when the middle halves of the repetitions overlap.
"""
import statistics

from results import NEAR, ONE, PLACES
from targets import TARGETS

MET, MEDIAN, MISSED, NOT_MEASURED = "met", "met in the median", "missed", "not measured"


def metric_of(run, target):
    return target.metric or (run.main_metric(target.group) if target.group in run.groups() else None)


def ours_of(run, target, place):
    return run.median(target.group, target.ours, target.range, metric_of(run, target), place)


def floor_of(run, target, place):
    return run.median(target.floor_group or target.group, target.floor, target.range, metric_of(run, target), place)


def ratio(run, target, place):
    """Ours to the floor, or None."""
    ours, floor = ours_of(run, target, place), floor_of(run, target, place)
    return ours / floor if ours is not None and floor else None


def rival_ratio(run, target, place):
    ours, best = ours_of(run, target, place), run.best_rival(target.group, target.range, metric_of(run, target), place)
    return ours / best[0] if ours is not None and best and best[0] else None


def each_run(results, target, place, of=ratio):
    """One for each run; None where a run says nothing about the place."""
    return [of(run, target, place) for run in results.each()]


def middle(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def alike(run, target, place):
    """The lower quartile of ours is not above the upper one of the floor."""
    ours = run.quartiles(target.group, target.ours, target.range, metric_of(run, target), place)
    floor = run.quartiles(target.floor_group or target.group, target.floor, target.range, metric_of(run, target), place)
    return bool(ours and floor) and ours[0] <= floor[1]


def within(target, of_floor, of_rival, same=False):
    """None: not measured."""
    if of_floor is None:
        return None
    return same or of_floor <= target.limit and (target.rival is None or of_rival is None or of_rival <= target.rival)


def verdict(results, target):
    in_each, in_median = [], []
    for place in PLACES:
        floors, rivals = each_run(results, target, place), each_run(results, target, place, rival_ratio)
        same = [target.noise and alike(run, target, place) for run in results.each()]
        in_each += [within(target, *triple) for triple in zip(floors, rivals, same)]
        in_median.append(within(target, middle(floors), middle(rivals), 2 * sum(same) > len(same)))
    if not any(one is not None for one in in_each):
        return NOT_MEASURED
    if False not in in_each:
        return MET
    return MISSED if False in in_median else MEDIAN


def place_of(results, target):
    """Where the near column has its figures from: what needs one thread has no place."""
    return NEAR if middle(each_run(results, target, NEAR)) is not None else ONE


def missed(results):
    return [target.name for target in TARGETS if verdict(results, target) == MISSED]


def summary(results):
    """{verdict: [numbers]} of the 18: the worst of the rows that count."""
    ranks, found = (MET, MEDIAN, NOT_MEASURED, MISSED), {}
    for target in TARGETS:
        if target.counts:
            worst = found.get(target.number, MET)
            found[target.number] = max(worst, verdict(results, target), key=ranks.index)
    return {rank: [number for number, of in found.items() if of == rank] for rank in ranks}
