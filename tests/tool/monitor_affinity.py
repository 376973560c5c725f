# SPDX-License-Identifier: BSD-2-Clause
"""dhp monitor on the real machine: another process widens its affinity, and the newcomer is reported."""

import json
import os
import subprocess
import sys

from tool import SKIPPED, TOOL, allowed_cpus, expect

cpus = allowed_cpus()
if len(cpus) < 2:
    print("skipped: this process may use one CPU only")
    sys.exit(SKIPPED)

command = ["taskset", "-c", str(cpus[0]), TOOL, "monitor", "--json", "--poll-ms", "10", "--seconds", "30"]
process = subprocess.Popen(command, stdout=subprocess.PIPE)
seen = []


def wait_for(what, **wanted):
    """Also among the lines that came before what was waited for last: two threads of the monitor write."""
    while not any(all(line.get(key) == value for key, value in wanted.items()) for line in seen):
        line = process.stdout.readline()
        if not line:
            process.kill()
            expect(False, what, seen)
        seen.append(json.loads(line))


wait_for("the first CPU was there", channel="asynchronous", existing=True)
os.sched_setaffinity(process.pid, cpus[:2])
wait_for("Start", channel="synchronous", event="start", cpu=cpus[1], existing=False)
wait_for("Complete", channel="synchronous", event="complete", cpu=cpus[1])
wait_for("usable has grown", channel="counts", usable=2)
os.sched_setaffinity(process.pid, cpus[:1])
wait_for("usable has shrunk, active has not", channel="counts", usable=1, active=2)
process.terminate()
process.communicate(timeout=60)
expect(process.returncode == 0, "status 0", process.returncode)
