# SPDX-License-Identifier: BSD-2-Clause
"""dhp monitor on a simulated partition: every line is JSON, and the channels keep the order of the contract."""

from tool import expect, fine, objects

COUNT = 9


def story(*more):
    lines = objects(fine("monitor", "--json", "--backend", "sim", "--processors", str(COUNT), *more).out)
    for line in lines:
        expect(set(line) >= {"time", "seconds", "channel", "event"}, "every line has time, channel and event", line)
    expect(lines[0]["channel"] == "counts" and lines[0]["active"] == 1, "the counts come first", lines[0])
    expect(lines == sorted(lines, key=lambda line: line["seconds"]), "times do not go back", lines)
    return lines


def of(lines, channel):
    return [line for line in lines if line["channel"] == channel]


def check_transactions(changes):
    """Start, then Complete or Failure of the same processor, one transaction after another."""
    for start, end in zip(changes[::2], changes[1::2]):
        expect(start["event"] == "start", "a transaction begins with Start", start)
        expect(end["event"] in ("complete", "failure"), "and ends with one of the two", end)
        for key in ("index", "cpu", "group", "number"):
            expect(start[key] == end[key], f"the same {key}", (start, end))
        expect(start["status"] == "DHP_OK", "no status in Start", start)
        expect((end["status"] == "DHP_OK") == (end["event"] == "complete"), "a status in Failure only", end)
    expect(len(changes) % 2 == 0, "no transaction is left open", changes)
    return [end for end in changes[1::2] if end["event"] == "complete"]


lines = story()
changes = of(lines, "synchronous")
complete = check_transactions(changes)
expect([line["index"] for line in complete] == list(range(COUNT)), "indices in the order of arrival", changes)
expect([line["existing"] for line in changes] == [True] * 2 + [False] * 2 * (COUNT - 1), "one was there", changes)
arrivals = of(lines, "asynchronous")
expect(len({line["name"] for line in arrivals}) == COUNT, "an arrival for each", arrivals)
expect(len(arrivals) <= 2 * COUNT, "never more than twice (S-207)", arrivals)
expect(of(lines, "counts")[-1]["active"] == COUNT, "all are active at the end", lines[-1])
memory = of(lines, "memory")
expect(len(memory) == 1 and memory[0]["total_bytes"] == 1 << 30 and memory[0]["condition"] == "high",
       "the memory is said once, processors do not change it (S-308)", memory)
generations = [line["generation"] for line in of(lines, "counts")]
expect(generations == sorted(set(generations)), "generations grow", generations)

order = [line["cpu"] for line in complete]
expect([line["cpu"] for line in check_transactions(of(story("--seed", "1"), "synchronous"))] == order, "seed 1 again")
expect(any([line["cpu"] for line in check_transactions(of(story("--seed", seed), "synchronous"))] != order
           for seed in "2345"), "another seed, another order")

failing = story("--fail-one-in", "1", "--seed", "1")
complete = check_transactions(of(failing, "synchronous"))
expect([line["index"] for line in complete] == list(range(COUNT)), "failures cost no index", complete)
expect(any(line["event"] == "failure" for line in failing), "some failed after Start", failing)
