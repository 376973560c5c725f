# SPDX-License-Identifier: BSD-2-Clause
"""dhp demo with simulated processors: the whole job on any machine, also one CPU."""

import os
import tempfile

from demo_checks import demo
from tool import expect, run

result, text = demo("--backend", "sim", "--processors", "5", "--seconds", "3")
expect(result["backend"] == "sim" and len(result["processors"]) == 5, "five processors", result)
expect(abs(result["seconds"] - 3) < 1, "three seconds", result["seconds"])
expect(text.count("arrived as index") == 4, "a line for each arrival", text)

with tempfile.TemporaryDirectory() as folder:
    short, odd = os.path.join(folder, "one <byte> & \"quotes\""), os.path.join(folder, "odd")
    with open(short, "wb") as file:
        file.write(b"x")
    with open(odd, "wb") as file:
        file.write(os.urandom(3 * 4096 + 17))
    result, text = demo("--backend", "sim", "--processors", "3", "--seconds", "1", short, odd)
    expect(result["files"] == [short, odd], "names survive JSON", result["files"])
    expect((result["blocks"], result["bytes"]) == (5, 3 * 4096 + 18), "short blocks count", result)
    expect(result["rounds"] > 10, "few blocks are read many times", result)

seven = ("--backend", "sim", "--processors", "7", "--groups", "3", "--gap", "5", "--seed", "11", "--seconds", "1")
first, again = demo(*seven)[0], demo(*seven)[0]
cpus = [one["cpu"] for one in first["processors"]]
expect(cpus == [one["cpu"] for one in again["processors"]], "the same seed gives the same arrivals", cpus)

# The last two arrivals fall away when the run is interrupted: the account is made all the same, and the status tells.
done = run("demo", "--backend", "sim", "--processors", "4", "--seconds", "60", "--step-seconds", "1",
           prefix=("timeout", "--preserve-status", "-s", "INT", "2"))
expect(done.status == 1 and "Interrupted" in done.out and "lost 0   doubled 0" in done.out, "interrupted", done)
