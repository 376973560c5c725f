# SPDX-License-Identifier: BSD-2-Clause
"""What the groups measure, and the ratios to the floor that we want to stay below."""
import re
from dataclasses import dataclass

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
    "counter_many": "adding to 32 per-processor counters in turn, for one",
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
    name: str             # the number among the 18, and a letter where that has several rows
    job: str
    group: str
    limit: float          # of the floor
    metric: str = None    # the group's main one
    range: str = ""
    floor: str = "floor"  # the variant that is the floor
    rival: float = None   # also at most so much of the best rival
    ours: str = "ours"
    floor_group: str = None  # where the floor is from, if that is another group
    noise: bool = False      # also met where the middle halves of the repetitions overlap: they cannot be told apart
    counts: bool = True   # False: for the reader's use, not asked for

    @property
    def number(self):
        return re.match(r"\d+", self.name).group()


TARGETS = [
    Target("1", "read this processor's slot, independent reads", "slot_read", 1.1),
    Target("2", "the same, dependent chain", "slot_chain", 1.05),
    Target("3a", "add to a per-processor counter", "counter_add", 1.1),
    Target("3b", "sum over 64", "counter_sum", 1.1, range="64"),
    Target("3c", "sum over 1024", "counter_sum", 1.1, range="1024"),
    Target("3d", "add to 32 per-processor counters in turn, for one", "counter_many", 1.1, counts=False),
    Target("4a", "plain balanced items, push to run", "plain_queue", 1.6),
    Target("4b", "plain items for one other processor, push to run", "plain_queue", 1.6, ours="ours_aimed", counts=False),
    Target("5a", "DPC on another running processor, push to run", "handover", 1.15),
    Target("6a", "what the submitter pays for that", "handover", 1.2, metric="submit"),
    Target("5b", "the same, one call for each", "handover", 1.15, ours="ours_singly", counts=False),
    Target("6b", "the submitter's share of that", "handover", 1.2, metric="submit", ours="ours_singly", counts=False),
    Target("7a", "two submitters to one processor, no claim", "two_submitters", 1.15, floor="floor_no_claim", ours="ours_no_claim"),
    Target("7b", "two submitters to one processor, claim", "two_submitters", 1.15),
    Target("7c", "the same, one call for each", "two_submitters", 1.15, ours="ours_singly", counts=False),
    Target("8a", "a DPC that inserts the next on its own processor", "chain", 1.2),
    Target("8b", "the same, of a floor that claims", "chain", 1.2, floor="floor_claim", counts=False),
    Target("8c", "spawn of many", "spawn", 1.2),
    Target("8d", "the same, of a floor that claims", "spawn", 1.2, floor="floor_claim", counts=False),
    Target("9", "balanced 200 ns items, two sources and two workers", "balanced_200ns", 1.25),
    Target("10", "balanced empty items, two and two", "balanced_empty", 0.5, rival=1.0),
    Target("11a", "first instruction, worker awake", "first_instruction", 1.1, range="0"),
    Target("11b", "first instruction, idle for 5 us", "first_instruction", 1.4, range="5000"),
    Target("12a", "first instruction, worker asleep: median", "asleep", 1.05),
    Target("12b", "first instruction, worker asleep: p99", "asleep", 1.05, metric="time_p99"),
    Target("12c", "worker asleep: what the submitter pays", "asleep", 1.05, metric="submit"),
    Target("13a", "synchronize with busy workers", "synchronize", 1.1),
    Target("13b", "synchronize with a busy reader", "synchronize", 1.1, ours="ours_reader", counts=False),
    Target("13c", "deferred free per object", "defer", 1.0),
    Target("13d", "the same, of a floor to which any thread may defer", "defer", 1.1, floor="floor_shared", counts=False),
    Target("13e", "the same, by a thread that waits for its own", "defer", 1.0, ours="ours_waiting", counts=False),
    Target("14a", "lookaside: pair of 64 bytes", "block_pair", 1.15),
    Target("14b", "lookaside: batch of 64", "block_batch", 1.15),
    Target("15", "lookaside: freed on the other processor", "block_remote", 1.1),
    Target("16a", "grow an array by 64, pages ready", "extend", 1.5),
    Target("16b", "p99.9 of a reader meanwhile, of one while nothing grows: not to be told apart", "extend", 1.1, metric="access_p99.9",
           floor_group="extend_alone", floor="ours", noise=True),
    Target("17", "longest stall of a submitter while a worker is added", "add_stall", 2.0),
    Target("18a", "processor added to its first item, thread created, same CPU", "add_worker", 1.15, range="1"),
    Target("18b", "processor added to its first item, thread created, any CPU", "add_worker", 1.15, range="2"),
    Target("18c", "processor added to its first item, worker made ahead, same CPU", "add_worker", 1.15, range="1",
           floor="floor_ahead", ours="ours_ahead"),
    Target("18d", "processor added to its first item, worker made ahead, any CPU", "add_worker", 1.15, range="2",
           floor="floor_ahead", ours="ours_ahead"),
]
