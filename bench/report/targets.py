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
    "slot_read": "reading this processor's slot, independent reads",
    "slot_apart": "the same, nothing kept between two reads",
    "slot_chain": "the same, each read's address needs the value of the one before",
    "counter_add": "adding to a per-processor counter",
    "counter_sum": "the sum over so many processors, for each",
    "synchronize": "a grace period while a reader is busy on the other processor",
    "defer": "an object replaced and freed after a grace period; floors and ours free 256 at a time",
    "block_pair": "a block of 64 bytes allocated and freed",
    "block_batch": "64 blocks allocated, then freed: for one pair",
    "block_remote": "a block allocated on one processor and freed on the other",
    "extend": "an array extended by 64 slots, pages ready, under a reader",
    "extend_alone": "the same reader while nothing grows",
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
    Target("1", "read this processor's slot, independent reads", "slot_read", 1.1),
    Target("2", "the same, dependent chain", "slot_chain", 1.05),
    Target("3", "add to a per-processor counter", "counter_add", 1.1),
    Target("3", "sum over 64", "counter_sum", 1.1, range="64"),
    Target("3", "sum over 1024", "counter_sum", 1.1, range="1024"),
    Target("4", "plain balanced items, push to run", "plain_queue", 1.6),
    Target("4", "plain items for one other processor, push to run", "plain_queue", 1.6, ours="ours_aimed"),
    Target("5", "DPC on another running processor, push to run", "handover", 1.15),
    Target("6", "what the submitter pays for that", "handover", 1.2, metric="submit"),
    Target("7", "two submitters to one processor, no claim", "two_submitters", 1.15, floor="floor_no_claim", ours="ours_no_claim"),
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
    Target("13", "synchronize with busy workers", "synchronize", 1.1),
    Target("13", "synchronize with a busy reader", "synchronize", 1.1, ours="ours_reader"),
    Target("13", "deferred free per object", "defer", 1.0),
    Target("13", "the same, of a floor to which any thread may defer", "defer", 1.1, floor="floor_shared"),
    Target("13", "the same, by a thread that waits for its own", "defer", 1.0, ours="ours_waiting"),
    Target("14", "lookaside: pair of 64 bytes", "block_pair", 1.15),
    Target("14", "lookaside: batch of 64", "block_batch", 1.15),
    Target("15", "lookaside: freed on the other processor", "block_remote", 1.1),
    Target("16", "grow an array by 64, pages ready", "extend", 1.5),
    Target("17", "longest stall of a submitter while a worker is added", "add_stall", 2.0),
    Target("18", "processor added to its first item, thread created, same CPU", "add_worker", 1.15, range="1"),
    Target("18", "processor added to its first item, thread created, any CPU", "add_worker", 1.15, range="2"),
    Target("18", "processor added to its first item, worker made ahead, same CPU", "add_worker", 1.15, range="1",
           floor="floor_ahead", ours="ours_ahead"),
    Target("18", "processor added to its first item, worker made ahead, any CPU", "add_worker", 1.15, range="2",
           floor="floor_ahead", ours="ours_ahead"),
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
