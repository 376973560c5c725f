# SPDX-License-Identifier: BSD-2-Clause
"""What the groups measure, and the ratios to the floor that we want to stay below."""
from dataclasses import dataclass

from results import FAR, NEAR, ONE

# group -> title. A group that is not here has its name for a title.
TITLES = {
    "plain_queue": "pointers from one thread to another, no claim: push to run",
    "two_producers": "two producers push pointers at the same time",
    "handover": "jobs for one worker on another, running processor: submit to run",
    "two_submitters": "two submitters to one worker",
    "chain": "a job that submits the next one to its own worker",
    "spawn": "a job that submits thousands to its own worker",
    "balanced_empty": "empty jobs, two submitters and two workers on two processors",
    "balanced_200ns": "jobs of 200 ns, two submitters and two workers on two processors",
    "first_instruction": "from submit to the job's first instruction, worker idle for so many ns",
    "asleep": "from submit to the job's first instruction, worker asleep",
    "add_worker": "from the call that adds a worker to the first job it runs; 1: on its maker's CPU, 2: it may have another",
    "add_stall": "the longest submit while another thread adds a worker",
    "line_one_way": "a cache line from one processor to the other",
    "empty": "what the loop of the benchmarks costs",
}


@dataclass
class Target:
    number: str
    job: str
    group: str
    limit: float          # of the floor
    metric: str = None    # the group's main one
    range: str = ""
    floor: str = "floor"  # the variant that is the floor
    rival: float = None   # also at most so much of the best rival
    ours: str = "ours"


TARGETS = [
    Target("4", "plain balanced items, push to run", "plain_queue", 1.6),
    Target("5", "DPC on another running processor, push to run", "handover", 1.15),
    Target("6", "what the submitter pays for that", "handover", 1.2, metric="submit"),
    Target("7", "two submitters to one processor, of a floor that does not claim", "two_submitters", 1.15, floor="floor_no_claim"),
    Target("7", "two submitters to one processor, claim", "two_submitters", 1.15),
    Target("8", "a DPC that inserts the next on its own processor", "chain", 1.2),
    Target("8", "the same, of a floor that claims", "chain", 1.2, floor="floor_claim"),
    Target("8", "spawn of many", "spawn", 1.2),
    Target("8", "the same, of a floor that claims", "spawn", 1.2, floor="floor_claim"),
    Target("9", "balanced 200 ns items, two sources and two workers", "balanced_200ns", 1.25),
    Target("10", "balanced empty items, two and two", "balanced_empty", 0.5, rival=1.0),
    Target("11", "first instruction, worker awake", "first_instruction", 1.1, range="0"),
    Target("11", "first instruction, idle for 5 us", "first_instruction", 1.4, range="5000"),
    Target("12", "first instruction, worker asleep: median", "asleep", 1.05),
    Target("12", "first instruction, worker asleep: p99", "asleep", 1.05, metric="time_p99"),
    Target("12", "worker asleep: what the submitter pays", "asleep", 1.05, metric="submit"),
    Target("17", "longest stall of a submitter while a worker is added", "add_stall", 2.0),
    Target("18", "processor added to its first item, same CPU", "add_worker", 1.15, range="1"),
    Target("18", "processor added to its first item, any CPU", "add_worker", 1.15, range="2"),
]


def ratio(results, target, place):
    """Ours to the floor, or None."""
    metric = target.metric or (results.main_metric(target.group) if target.group in results.groups() else None)
    ours = results.median(target.group, target.ours, target.range, metric, place)
    floor = results.median(target.group, target.floor, target.range, metric, place)
    return ours / floor if ours is not None and floor else None


def rival_ratio(results, target, place):
    metric = target.metric or (results.main_metric(target.group) if target.group in results.groups() else None)
    ours = results.median(target.group, target.ours, target.range, metric, place)
    best = results.best_rival(target.group, target.range, metric, place)
    return ours / best[0] if ours is not None and best and best[0] else None


def verdict(results, target):
    """met, missed, or not measured; at each place that was measured."""
    seen = False
    for place in (ONE, NEAR, FAR):
        of_floor, of_rival = ratio(results, target, place), rival_ratio(results, target, place)
        if of_floor is None:
            continue
        seen = True
        if of_floor > target.limit or target.rival is not None and of_rival is not None and of_rival > target.rival:
            return "missed"
    return "met" if seen else "not measured"
