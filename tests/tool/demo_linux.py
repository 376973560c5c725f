# SPDX-License-Identifier: BSD-2-Clause
"""dhp demo on the real machine: a second process widens our affinity, and every CPU gets its share."""

import sys

from demo_checks import demo
from tool import SKIPPED, allowed_cpus, expect, refused

cpus = allowed_cpus()
done = refused("demo", "--seconds", "1", says=["one CPU only", f"cpu {cpus[0]}", "--backend sim"],
               prefix=("taskset", "-c", str(cpus[0])))
expect(not done.out, "no half report", done)
if len(cpus) < 2:
    print("skipped: this process may use one CPU only")
    sys.exit(SKIPPED)

result, text = demo("--seconds", "3")
expect(result["backend"] == "linux", "the real machine by default", result)
expect([one["cpu"] for one in result["processors"]] == cpus, "every CPU, in the order of the changes", result)
