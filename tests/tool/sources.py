# SPDX-License-Identifier: BSD-2-Clause
"""dhp info and dhp monitor on a machine whose files are ours: every source says what it sees, one that is lost is told once."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from tool import TOOL, allowed_cpus, expect, fine, refused

NAMES = ["uevent", "affinity", "sysfs", "cpuset", "quota", "topology", "meminfo", "limit", "pressure", "blocks"]
CPUS = ",".join(map(str, allowed_cpus())) + "\n"
GROUP = "sys/fs/cgroup/one"
FILES = {
    "sys/devices/system/cpu/possible": "0-63\n",
    "sys/devices/system/cpu/present": "0-31\n",
    "sys/devices/system/cpu/online": CPUS,
    "proc/meminfo": "MemTotal: 1048576 kB\nMemAvailable: 512000 kB\n",
    "proc/self/cgroup": "0::/one\n",
    "proc/self/mountinfo": "2 1 0:1 / /sys/fs/cgroup rw - cgroup2 c rw\n",
    GROUP + "/cpu.max": "150000 100000\n",
    GROUP + "/memory.max": "max\n",
    "sys/fs/cgroup/cpuset.cpus.effective": "0-63\n",
}


def write(root, path, text):
    """Whoever reads sees the old text or the new one."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    (root / "fresh").write_text(text)
    os.rename(root / "fresh", file)


def look(root):
    seen = json.loads(fine("info", "--json", "--root", str(root)).out)
    return seen, {source["name"]: source for source in seen["sources"]}


def info(root):
    seen, sources = look(root)
    expect(list(sources) == NAMES, "every source has a row", seen)
    expect(seen["quota"] == 2 and seen["present"] == 32 and seen["online"] == len(allowed_cpus()), "the counts", seen)
    for name in ("affinity", "sysfs", "cpuset", "quota", "topology", "meminfo", "limit"):
        expect(sources[name]["works"] and sources[name]["detail"] and sources[name]["blind"], f"{name} is in use", sources)
    for name in ("pressure", "blocks"):
        expect(not sources[name]["works"] and sources[name]["detail"], f"{name} says why not", sources)
    expect("2 processors" in sources["quota"]["detail"], "the limit is named", sources)
    expect(sources["sysfs"]["changes"] == 3 and sources["sysfs"]["malformed"] == 0, "what was found is counted", sources)
    text = fine("info", "--root", str(root)).out
    for word in NAMES + ["Quota", "online", "not seen", "as root", "malformed", "Thread"]:
        expect(word in text, f"the text has {word}", text)
    write(root, GROUP + "/cpu.max", "lots\n")
    seen, sources = look(root)
    expect(sources["quota"]["malformed"] == 1 and not sources["quota"]["works"] and seen["quota"] == 0, "malformed", seen)
    write(root, GROUP + "/cpu.max", FILES[GROUP + "/cpu.max"])


def monitor(root):
    command = [TOOL, "monitor", "--json", "--root", str(root), "--poll-ms", "5", "--seconds", "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    seen = []

    def wait_for(what, **wanted):
        for line in process.stdout:
            seen.append(json.loads(line))
            if all(seen[-1].get(key) == value for key, value in wanted.items()):
                return
        expect(False, what, seen)

    wait_for("the quota at the start", channel="counts", quota=2)
    (root / "proc/meminfo").unlink()
    wait_for("the loss of a source", channel="source", event="dropped", source="meminfo")
    write(root, GROUP + "/cpu.max", "300000 100000\n")
    wait_for("another source goes on", channel="counts", quota=3)
    process.terminate()
    rest, _ = process.communicate(timeout=60)
    seen.extend(json.loads(line) for line in rest.splitlines())
    expect(process.returncode == 0, "status 0", process.returncode)
    expect(len([line for line in seen if line["channel"] == "source"]) == 1, "it is told once", seen)


refused("info", "--root", "/tmp", "--backend", "sim", says=["--root"])
refused("info", "--root", "/dev/null", says=["--root /dev/null: there is no such folder"])
refused("monitor", "--root", "/no/such", says=["--root /no/such: there is no such folder"])
with tempfile.TemporaryDirectory() as folder:
    tree = Path(folder)
    for file_name, content in FILES.items():
        write(tree, file_name, content)
    for name in ("MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE"):
        os.environ.pop(name, None)
    info(tree)
    monitor(tree)
