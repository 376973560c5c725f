# SPDX-License-Identifier: BSD-2-Clause
"""dhp monitor ends by itself after --seconds, on SIGINT and on SIGTERM, always with status 0."""

import json
import signal
import subprocess
import time

from tool import TOOL, allowed_cpus, expect, fine, objects

begun = time.monotonic()
lines = objects(fine("monitor", "--json", "--seconds", "0.5").out)
expect(0.4 < time.monotonic() - begun < 30, "about half a second")
cpus = [line["cpu"] for line in lines if line["channel"] == "synchronous" and line["event"] == "complete"]
expect(sorted(cpus) == allowed_cpus(), "what exists is reported", lines)

begun = time.monotonic()
fine("monitor", "--backend", "sim", "--processors", "64", "--seconds", "0.3")
expect(time.monotonic() - begun < 5, "--seconds also ends a script that would take longer")

for number in (signal.SIGINT, signal.SIGTERM):
    process = subprocess.Popen([TOOL, "monitor", "--json"], stdout=subprocess.PIPE)
    first = process.stdout.readline()
    expect(json.loads(first)["channel"] == "counts", "lines come at once", first)
    process.send_signal(number)
    process.communicate(timeout=60)
    expect(process.returncode == 0, f"status 0 after signal {number}", process.returncode)
