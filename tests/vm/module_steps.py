# SPDX-License-Identifier: BSD-2-Clause
"""What the scenarios of the kernel module do with the machine, and what must hold whenever it is done.

The module tells of itself in /sys/kernel/debug/dhp/status; the kernel's words are read from the console, on the host.
"""
import re
import time
from pathlib import Path

from steps import CPUS, MEMORY

STATUS = "/sys/kernel/debug/dhp/status"
# Of the kernel, or of the module, in capitals.
COMPLAINT = re.compile(r"WARNING:|BUG:|BUG at|Oops|lockup|stall|blocked for more than|general protection|Call Trace|protection fault|"
                       r"corrupt|refcount_t:|KFENCE|Kernel panic|THINGS ARE LEFT|WORK WAS LOST|does not keep its contract|"
                       r"possible recursive|circular locking|inconsistent lock|sleeping function|unreferenced object")
# 6.1 says it of the first processor of a node that had none, with or without the module.
KNOWN = "workqueue cpumask: online intersect > possible intersect"


class Module:
    """The machine, its guest, and the result that they fill."""

    def __init__(self, guest, result, series, _build):
        self.guest, self.machine, self.result = guest, guest.machine, result
        self.series, self.other = series, {"6.1": "6.12", "6.12": "6.1"}[series]
        self.by_slot = series != "6.1"
        guest.ok("echo 20 >/proc/sys/kernel/hung_task_timeout_secs")
        guest.ok("echo offline >/sys/devices/system/memory/auto_online_blocks")
        self.clean_before = self.things()

    # ---- the module ----

    def insert(self, kind="plain", options="", series=None):
        """(status, words)"""
        return self.guest.run(f"insmod /modules/{series or self.series}-{kind}.ko {options} 2>&1")

    def load(self, *words, **chosen):
        status, output = self.insert(*words, **chosen)
        self.result.check(status == 0, "the module is loaded", output)

    def unload(self, what="the module is unloaded"):
        status, output = self.guest.run("rmmod dhp_kmod 2>&1")
        self.result.check(status == 0, what, output)
        self.left_nothing(what)

    def status(self):
        """{word: number} of the counts, "processors": {cpu: {word: number}}, "events": [(time in ms, what, cpu)]"""
        seen = {"processors": {}, "events": []}
        for line in self.guest.ok(f"cat {STATUS}").splitlines():
            words = line.split()
            if words[0] == "event":
                seen["events"].append((int(words[1]) / 1e6, words[2], int(words[4]) if len(words) > 4 else None))
                continue
            numbers = dict(zip(words[::2], map(int, words[1::2])))
            if words[0] == "processor":
                seen["processors"][numbers["cpu"]] = numbers
            else:
                seen.update(numbers)
        return seen

    def heard(self, cpu, since=0):
        return [what for _, what, about in self.status()["events"][since:] if about == cpu]

    def until(self, holds, what):
        """The status is looked at until it holds."""
        end = time.monotonic() + self.guest.patience
        while not (found := holds(self.status())) and time.monotonic() < end:
            time.sleep(0.1)
        return self.result.check(bool(found), what, "" if found else self.status())

    def works_on(self, cpu, what):
        before = self.status()["processors"].get(cpu, {"ran": 0})["ran"]
        self.until(lambda seen: seen["processors"].get(cpu, {"ran": 0})["ran"] > before, f"{what}: cpu {cpu} has work")

    # ---- processors ----

    def plug(self, *slots):
        """The CPUs that came, not online yet."""
        before = self.present()
        for slot in slots:
            self.machine.add_processor(slot)
            self._wait_for(lambda: len(self.present()) > len(before) + slots.index(slot))
        return sorted(self.present() - before)

    def present(self):
        return set(map(int, self.guest.ok(f"cd {CPUS}; ls -d cpu[0-9]*; cd /").replace("cpu", "").split()))

    def _wait_for(self, holds, seconds=None):
        end = time.monotonic() + (seconds or self.guest.patience)
        while not holds() and time.monotonic() < end:
            time.sleep(0.05)

    def switch(self, cpu, on):
        """(status, words)"""
        return self.guest.run(f"echo {on} 2>&1 >{CPUS}/cpu{cpu}/online")

    def online(self, cpu, what):
        status, output = self.switch(cpu, 1)
        self.result.check(status == 0, f"{what}: cpu {cpu} goes online", output)

    def arrives(self, cpu, what):
        """It is online: one Start, one Complete; node and wiring are the kernel's; it works."""
        self.until(lambda seen: cpu in seen["processors"], f"{what}: cpu {cpu} arrives")
        self.result.check(self.heard(cpu) == ["start", "complete"], f"{what}: cpu {cpu}: one Start, one Complete", self.heard(cpu))
        package = int(self.guest.ok(f"cat {CPUS}/cpu{cpu}/topology/physical_package_id"))
        node = int(self.guest.ok(f"cd {CPUS}/cpu{cpu}; ls -d node[0-9]* 2>/dev/null || echo node0; cd /").replace("node", ""))
        self.until(lambda seen: (seen["processors"][cpu]["package"], seen["processors"][cpu]["node"]) == (package, node),
                   f"{what}: cpu {cpu} is of package {package}, node {node}")
        self.works_on(cpu, what)
        times = {what: at for at, what, about in self.status()["events"] if about == cpu}
        self.result.fact(f"cpu {cpu}, {what}: {times.get('complete', 0) - times.get('start', 0):.1f} ms from Start to Complete")

    def veto(self, cpu):
        """The write to `online` fails; without the veto it succeeds."""
        status, output = self.guest.run("echo moon 2>&1 >/sys/kernel/debug/dhp/veto")
        self.result.check(status != 0 and "nvalid" in output, "a veto of what is no number is refused", output)
        self.guest.ok(f"echo {cpu} >/sys/kernel/debug/dhp/veto")
        for again in ("", ", once more"):
            status, output = self.switch(cpu, 1)
            self.result.check(status != 0 and "cancel" in output, f"a veto refuses the CPU to the kernel{again}", output)
            self.result.check(self.guest.ok(f"cat {CPUS}/cpu{cpu}/online") == "0", "it is offline")
        self.result.check(self.heard(cpu) == ["start", "failure"] * 2, "Start and Failure each time", self.heard(cpu))
        self.result.check(cpu not in self.status()["processors"], "it has no slot")
        self.guest.ok("echo -1 >/sys/kernel/debug/dhp/veto")
        self.online(cpu, "without the veto")
        self.until(lambda seen: self.heard(cpu)[4:] == ["start", "complete"], f"without the veto: cpu {cpu} arrives")
        self.works_on(cpu, "without the veto")

    def offline_once(self, cpu):
        before = self.status()
        self.switch(cpu, 0)
        self.until(lambda seen: seen["usable"] == before["usable"] - 1 and seen["active"] == before["active"],
                   f"cpu {cpu} goes offline: usable one less, active the same")
        self.until(lambda seen: seen["diverted"] > before["diverted"], "what was aimed at it goes elsewhere")
        self.online(cpu, "it returns")
        self.until(lambda seen: seen["usable"] == before["usable"] and seen["arrivals"] == before["arrivals"],
                   f"cpu {cpu} returns: usable again, no second arrival")
        self.works_on(cpu, "it returns")

    # ---- memory ----

    def memory(self, name, node=0):
        """One block: it is no news until it is online."""
        def blocks():
            return set(self.guest.ok(f"cd {MEMORY}; ls -d memory[0-9]*; cd /").split())
        before, heard = blocks(), [what for _, what, _ in self.status()["events"]].count("memory")
        self.machine.add_memory(name, 128, node)
        self._wait_for(lambda: blocks() - before)
        for block in blocks() - before:
            self.guest.ok(f"echo online >{MEMORY}/{block}/state")
        self.until(lambda seen: [what for _, what, _ in seen["events"]].count("memory") == heard + 1,
                   "a block of memory arrives when it is online")

    # ---- what must hold ----

    def things(self):
        """What the module could leave behind, counted."""
        return {
            "threads": self.guest.run("ps | grep -c ' \\[dhp-\\| \\[port-test'")[1],
            "debugfs": self.guest.run("ls -d /sys/kernel/debug/dhp")[0],
            "steps of hot-plug": self.guest.run(f"grep -c dhp: {CPUS}/hotplug/states")[1],
            "ranges of memory": self.guest.run("grep -c 'dhp_kmod\\|port_\\| 0x[0-9a-f]*/0x[0-9a-f]* pages\\|0xffffffffc0' /proc/vmallocinfo")[1],
            "modules": self.guest.run("lsmod | grep -c dhp")[1],
        }

    def left_nothing(self, what):
        """Now, or when the kernel has freed lazily what was given back."""
        self._wait_for(lambda: self.things() == self.clean_before, 5)
        self.result.check(self.things() == self.clean_before, f"{what}: nothing is left behind", [self.things(), self.clean_before])

    def words(self):
        return Path(f"{self.machine.log}.console").read_text(errors="replace")

    def end(self, ends=None):
        """ends: how often the module went after it had worked."""
        words = self.words()
        complaints = [line for line in words.splitlines() if COMPLAINT.search(line) and KNOWN not in line]
        self.result.check(not complaints, "the kernel complains of nothing", complaints[:8])
        good = words.count("dhp: gone, nothing lost")
        self.result.check(good == ends if ends is not None else good > 0, "each time nothing was lost and nothing ran twice", good)
        ran = sum(int(number) for number in re.findall(r"dhp: (\d+) ran,", words))
        self.result.fact(f"{ran} items ran, {good} lives of the module")
