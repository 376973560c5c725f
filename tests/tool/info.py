# SPDX-License-Identifier: BSD-2-Clause
"""dhp info tells the truth about this machine and about a simulated one, as text and as JSON."""

import json

from tool import allowed_cpus, expect, fine

here = json.loads(fine("info", "--json").out)
cpus = sorted(one["cpu"] for one in here["processors"] if one["usable"])
expect(cpus == allowed_cpus(), "the usable processors are the CPUs this process may use", here)
expect(here["usable"] == len(cpus) <= here["online"] <= here["present"] <= here["maximum"], "ordered counts", here)
expect(here["usable"] <= here["active"] <= here["present"], "and what is in service", here)
expect(any(source["name"] == "affinity" and source["works"] for source in here["sources"]), "affinity is seen", here)

text = fine("info").out
for word in ("maximum", "present", "online", "active", "usable", "Generation", "Sources of change", "affinity"):
    expect(word in text, f"the text has {word}", text)

sim = json.loads(fine("info", "--json", "--backend", "sim", "--processors", "11", "--groups", "3,5", "--nodes", "2",
                      "--gap", "4", "--seed", "7").out)
expect(sim["maximum"] == sim["active"] == len(sim["processors"]) == 11, "eleven processors", sim)
expect([one["index"] for one in sim["processors"]] == list(range(11)), "dense indices", sim)
expect([(one["group"], one["number"]) for one in sim["processors"]] ==
       [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1), (2, 2)], "groups 3,5,3", sim)
expect({one["node"] for one in sim["processors"]} == {0, 1}, "two nodes", sim)
expect(len({one["cpu"] for one in sim["processors"]}) == 11, "cpu ids are distinct", sim)

again = fine("info", "--json", "--backend", "sim", "--processors", "11", "--gap", "4", "--seed", "7")
expect(again.out == fine("info", "--json", "--backend", "sim", "--processors", "11", "--gap", "4", "--seed", "7").out,
       "the same seed gives the same machine", again)
expect(json.loads(fine("info", "--json", "--backend", "sim").out)["active"] == 8, "eight by default")
