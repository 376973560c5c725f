# SPDX-License-Identifier: BSD-2-Clause
"""What happens to the machine under load, and what must hold then.

Each scenario is a function (guest, result) with the machine it wants; Context has the steps that several of them use.
"""
import time

from result import Arrival

CPUS = "/sys/devices/system/cpu"
MEMORY = "/sys/devices/system/memory"
# Circulating items, each of which keeps one processor busy: twice as many as two host cores can run at once.
BUSY = 4
QUIET = 1.0  # seconds in which nothing must happen; ten looks of the library


def scenario(usual=True, **machine):
    """The machine it wants; not usual: only when asked for by name."""
    def mark(function):
        function.machine, function.usual = machine, usual
        return function
    return mark


class Steps:
    """The machine, its guest, and the result that they fill."""

    def __init__(self, guest, result, series):
        self.guest, self.machine, self.result = guest, guest.machine, result
        self.by_slot = series != "6.1"  # how the kernel numbers newcomers; 6.1: in the order of arrival
        self.active = 0

    def watch(self, *options):
        self.guest.watch(*options)
        self.active = len(self.guest.events("complete"))
        self.result.check(self.active > 0, "the processors of the start are there", self.active)

    def plug(self, *slots, what=None):
        """All of them at once; waits until each has run its first item."""
        mark = self.guest.mark()
        commands = [self.machine.add_processor(slot) for slot in slots]
        added = self._added(mark, len(slots))
        if not self.result.check(len(added) == len(slots), f"slot {slots}: the kernel says add", added):
            return []
        cpus = list(slots) if self.by_slot else [int(event.words[2][3:]) for event in added]
        self.result.check({f"cpu{cpu}" for cpu in cpus} == {event.words[2] for event in added},
                          f"slot {slots}: numbered as this kernel does", [event.words[2] for event in added])
        for slot, command, cpu in zip(slots, commands, cpus):
            self._arrival(what or f"slot {slot}", cpu, command, mark)
        return cpus

    def _added(self, mark, count):
        def all_of_them():
            added = self.guest.events("uevent", "add", "cpu", since=mark)
            return added if len(added) >= count else None
        return self.machine.wait(all_of_them, self.guest.patience) or self.guest.events("uevent", "add", "cpu", since=mark)

    def _arrival(self, what, cpu, command, mark):
        """In order, and whole: add, Start, Complete, announced, its first item."""
        guest = self.guest
        first = guest.find_event("first", since=mark, cpu=cpu)
        complete = guest.find_event("complete", since=mark, cpu=cpu)
        starts = guest.events("start", since=mark, cpu=cpu)
        heard = [guest.find_event("uevent", "add", "cpu", f"cpu{cpu}", since=mark),
                 guest.find_event("uevent", "online", "cpu", f"cpu{cpu}", since=mark),
                 starts and starts[-1], complete, first]
        if not self.result.check(all(heard), f"cpu {cpu} arrives", [event and event.kind for event in heard]):
            return
        add, _, start, complete, _ = heard
        self.result.check(add.time < start.time < complete.time and start.time < first.time,
                          f"cpu {cpu}: add, Start, Complete in this order, nothing runs before Start",
                          [event.time for event in heard])
        self._failures(cpu, mark, starts, complete)
        self.active += 1
        self.result.arrivals.append(Arrival(what, cpu, first.fields["node"], command,
                                            [guest.host_time(event) for event in heard]))

    def _failures(self, cpu, mark, starts, complete):
        """The kernel shows a CPU a moment before a thread can be pinned to it; then there is one more try."""
        failures = self.guest.events("failure", since=mark, cpu=cpu)
        self.result.check(len(starts) == len(failures) + 1 and
                          all(event.fields["status"] == "DHP_NO_AFFINITY" for event in failures),
                          f"cpu {cpu}: no Failure, or one for each earlier Start, as it could not be pinned to yet",
                          [event.words for event in failures])
        if failures:
            self.result.finding(f"cpu {cpu}: {len(failures)} Start ended in Failure, the CPU could not be pinned to yet; "
                                f"Complete came {(complete.time - starts[0].time) * 1000:.0f} ms after the first Start")

    def indexes(self):
        """Every processor got the next index, one Start and one Complete."""
        starts = len(self.guest.events("start")) - len(self.guest.events("failure"))
        completes = [event.number("index") for event in self.guest.events("complete")]
        self.result.check(sorted(completes) == list(range(self.active)), "indexes are dense, in order of arrival", completes)
        self.result.check(completes == sorted(completes), "they arrived in order", completes)
        self.result.check(starts == len(completes), "one Start for each Complete or Failure", starts)
        arrived = [event.words[0] for event in self.guest.events("arrival")]
        self.result.check(len(set(arrived)) == self.active, "each was announced on the asynchronous channel", arrived)

    def slots_stay(self, before, after):
        moved = [index for index in before
                 if index not in after or before[index].fields["slot"] != after[index].fields["slot"]
                 or before[index].fields["cpu"] != after[index].fields["cpu"]]
        self.result.check(not moved, "every slot stays where it was, with its CPU", moved)

    def progress(self, seconds=0.5):
        """{index: how many items aimed at it ran in that time, and how many of them on another CPU}"""
        before = self.guest.report()
        time.sleep(seconds)
        after = self.guest.report()
        return {index: tuple(after[index].number(name) - before[index].number(name) for name in ("aimed", "elsewhere"))
                for index in before}

    def all_home(self, when):
        """Every processor's aimed work runs on its CPU again, a few looks after the last change."""
        end = time.monotonic() + self.guest.patience / 3
        while True:
            seen = self.progress()
            if all(ran > 0 and elsewhere == 0 for ran, elsewhere in seen.values()) or time.monotonic() > end:
                break
        away = {index: numbers for index, numbers in seen.items() if numbers[0] == 0 or numbers[1] > 0}
        self.result.check(not away, f"{when}: aimed work runs where it belongs", away)

    def end(self):
        self.result.account(self.guest.end_watch())
        lost = self.guest.events("uevent", "lost")
        self.result.check(not lost, "no uevent was lost in the guest", len(lost))


# ---- processors come ----

@scenario(boot=1, slots=16, nodes=2)
def arrive(steps):
    """One by one, in a burst, out of order with gaps, and onto a node without memory."""
    steps.guest.ok("rule")
    steps.watch("--items", BUSY, "--spin", 50)
    before = steps.guest.report()
    steps.plug(1, what="one by one")
    steps.plug(2, what="one by one")
    steps.plug(3, 4, 5, what="burst of 3")
    steps.plug(7, what="out of order")
    steps.plug(6, what="out of order")
    cpus = steps.plug(9, what="other node")
    first = steps.guest.events("first", cpu=cpus[0]) if cpus else []
    steps.result.check(first and first[0].fields["node"] == "1", "the library names node 1", first and first[0].words)
    steps.slots_stay(before, steps.guest.report())
    steps.indexes()
    steps.end()


# ---- processors go and come back ----

def offline_once(steps, cpu, index):
    """Down and up again, its aimed work going on all the time."""
    guest, result = steps.guest, steps.result
    before = guest.report()
    mark = guest.mark()
    guest.ok(f"echo 0 >{CPUS}/cpu{cpu}/online")
    down = guest.find_event("change", since=mark, usable=steps.active - 1, seconds=10)
    result.check(down and down.number("active") == steps.active, f"cpu {cpu} goes offline: usable one less, active the same",
                 down and down.words)
    ran, elsewhere = steps.progress()[index]
    result.check(ran > 0, f"cpu {cpu} is offline: work aimed at it runs", ran)
    result.fact(f"cpu {cpu} offline: {ran} items aimed at it ran, {elsewhere} of them elsewhere")
    mark = guest.mark()
    guest.ok(f"echo 1 >{CPUS}/cpu{cpu}/online")
    up = guest.find_event("change", since=mark, usable=steps.active, seconds=10)
    result.check(up and up.number("active") == steps.active, f"cpu {cpu} is back: usable again", up and up.words)
    steps.all_home(f"cpu {cpu} is back")
    result.check(not guest.events("start", since=mark, cpu=cpu), f"cpu {cpu} is back: no second Start")
    steps.slots_stay(before, guest.report())


@scenario(boot=4, slots=16)
def offline(steps):
    """Offline and online: one, an arrival meanwhile, and round and round."""
    guest = steps.guest
    guest.ok("rule")
    steps.watch("--items", BUSY, "--spin", 50)
    before = guest.report()
    offline_once(steps, cpu=2, index=2)
    guest.ok(f"echo 0 >{CPUS}/cpu1/online")
    steps.plug(5, what="while cpu 1 is offline")
    guest.ok(f"echo 1 >{CPUS}/cpu1/online")
    mark = guest.mark()
    guest.ok(f"for i in 1 2 3 4 5 6; do for c in 1 3; do echo 0 >{CPUS}/cpu$c/online; done; "
             f"for c in 3 1; do echo 1 >{CPUS}/cpu$c/online; done; done")
    time.sleep(QUIET)
    usable = guest.events("change", since=mark)
    steps.result.check(usable and usable[-1].number("usable") == steps.active, "after all that every processor is usable",
                       usable and usable[-1].words)
    steps.result.fact(f"24 switches: {len(guest.events('uevent', since=mark))} uevents, {len(usable)} calls of the change channel")
    steps.all_home("after all that")
    steps.slots_stay(before, guest.report())
    steps.indexes()
    steps.end()
    stats = guest.events("stats")
    steps.result.check(stats and stats[-1].number("diverted") > 0, "work that ran elsewhere was counted", stats and stats[-1].words)


# ---- memory comes ----

@scenario(boot=2, memory="512M")
def memory(steps):
    """Memory runs short, a module is plugged: its blocks are announced, Low ends, High begins; and one that stays offline."""
    guest, result = steps.guest, steps.result
    guest.ok(f"echo online >{MEMORY}/auto_online_blocks")
    steps.watch("--items", 16, "--spin", 50, "--low", 150, "--high", 600)
    available = int(guest.ok("sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) // 1024
    mark = guest.mark()
    guest.ok(f"dd if=/dev/zero of=/tmp/fill bs=1M count={available - 100} 2>/dev/null")
    result.check(guest.find_event("memory", "low", "begins", since=mark), "the Low condition comes when memory is short")
    mark = guest.mark()
    command = steps.machine.add_memory("d1", 1024)
    high = guest.find_event("memory", "high", "begins", since=mark)
    result.check(high, "the High condition comes with the memory")
    result.check(guest.find_event("memory", "low", "ends", since=mark), "the Low condition ends")
    guest.machine.wait(lambda: len(guest.events("module", since=mark)) >= 8, 10)
    modules = guest.events("module", since=mark)
    result.check(len({event.words[0] for event in modules}) == 8, "each of its 8 blocks arrives on the asynchronous channel",
                 [event.words[0] for event in modules])
    added = guest.events("uevent", "add", "memory", since=mark)
    if modules and added and high:
        times = [added[0], modules[0], modules[-1], high]
        result.fact("1024 MiB, ms after the command: uevent add {:.0f}, first module {:.0f}, last module {:.0f}, High {:.0f}"
                    .format(*((guest.host_time(event) - command) * 1000 for event in times)))
    stays_offline(steps)
    steps.end()


def stays_offline(steps):
    guest, result = steps.guest, steps.result
    guest.ok(f"echo offline >{MEMORY}/auto_online_blocks")
    mark = guest.mark()
    steps.machine.add_memory("d2", 128)
    block = guest.await_event("uevent", "add", "memory", since=mark).words[2]
    time.sleep(QUIET)
    result.check(not guest.events("module", since=mark), "a block that is not online does not arrive")
    guest.ok(f"echo online >{MEMORY}/{block}/state")
    result.check(guest.find_event("module", since=mark, seconds=10), "it arrives when it goes online")


# ---- processors that do not come ----

@scenario(boot=3)
def failure(steps):
    """A CPU that the kernel cannot bring up, one that a registrant refuses; then both arrive after all."""
    guest, result = steps.guest, steps.result
    guest.ok(f"echo 0 >{CPUS}/cpu2/online")  # of the start: only those have the kernel's switch for failures
    steps.watch("--items", 16, "--spin", 50, "--veto", 3)
    before = guest.report()
    mark = guest.mark()
    kernel_refuses(steps, mark)
    guest.ok(f"echo 1 >{CPUS}/cpu2/online")
    result.check(guest.find_event("complete", since=mark, cpu=2) and guest.find_event("first", since=mark, cpu=2),
                 "at the third try it arrives")
    steps.active += 1
    veto(steps)
    guest.ok("rule")
    steps.plug(4, what="after the failures")
    steps.slots_stay(before, guest.report())
    steps.end()


def kernel_refuses(steps, mark):
    """Once before the CPU runs, once after: the kernel takes it down again."""
    guest, result = steps.guest, steps.result
    for state in ("timers:prepare", "workqueue:online"):
        number = guest.ok(f"sed -n 's/^ *\\([0-9]*\\): {state}$/\\1/p' {CPUS}/hotplug/states")
        guest.ok(f"echo {number} >{CPUS}/cpu2/hotplug/fail")
        status, output = guest.run(f"echo 1 >{CPUS}/cpu2/online")
        result.check(status != 0, f"the kernel fails to bring it up, at {state}", output)
        time.sleep(QUIET)
    result.check(not guest.events("start", since=mark), "nobody heard Start of a CPU that never came online")
    counts = guest.events("change", since=mark)
    result.check(not counts or counts[-1].number("active") == steps.active, "it is present, not active",
                 counts and counts[-1].words)


def veto(steps):
    guest, result = steps.guest, steps.result
    mark = guest.mark()
    steps.machine.add_processor(3)
    guest.await_event("uevent", "add", "cpu", "cpu3", since=mark)
    for times in (1, 2):
        guest.ok(f"echo 1 >{CPUS}/cpu3/online")
        guest.machine.wait(lambda: len(guest.events("failure", since=mark, cpu=3)) >= times, 10)
        time.sleep(QUIET)
        result.check(len(guest.events("start", since=mark, cpu=3)) == times, f"Start of a refused one, once for each coming: {times}",
                     len(guest.events("start", since=mark, cpu=3)))
        guest.ok(f"echo 0 >{CPUS}/cpu3/online")
        time.sleep(QUIET)
    failures = guest.events("failure", since=mark, cpu=3)
    result.check(len(failures) == 2 and all(event.fields["status"] == "DHP_VETOED" for event in failures),
                 "Failure with the reason, each time", [event.words for event in failures])
    result.check(not guest.events("complete", cpu=3), "and no Complete")
    result.check(3 not in guest.report(), "no processor of that index")


# ---- more than 64 ----

def in_groups(steps, count, most_groups):
    numbers = steps.guest.events("complete")
    seen = {event.number("group") for event in numbers}
    steps.result.check(seen == set(range(most_groups)), f"{most_groups} groups", seen)
    wrong = [event.words for event in numbers
             if event.number("group") * 64 + event.number("number") != event.number("cpu")]
    steps.result.check(not wrong, "group and number are those of the CPU", wrong)
    steps.result.check(len(steps.guest.report()) == count, f"{count} processors")
    steps.indexes()
    steps.end()


@scenario(boot=64, slots=72, memory="1G", parallel=False)
def groups(steps):
    """64 processors, and the one with which a second group begins; then two more, out of order."""
    steps.guest.ok("rule")
    steps.watch("--items", 64, "--spin", 20, "--rest", 20000)
    steps.plug(64, what="number 65")
    steps.plug(70, what="number 66")
    steps.plug(66, what="number 67")
    in_groups(steps, 67, 2)


@scenario(usual=False, boot=128, slots=132, memory="2G", parallel=False)
def most(steps):
    """The most that was tried: 128, and two with which a third group begins. Wants a machine with little else to do."""
    steps.guest.ok("rule")
    steps.watch("--items", 64, "--spin", 20, "--rest", 20000)
    steps.plug(129, what="number 129")
    steps.plug(128, what="number 130")
    in_groups(steps, 130, 3)


@scenario(boot=1, slots=255, parallel=False)
def sparse(steps):
    """Slots far apart, the last one possible; on a kernel that numbers by slot, four groups with one processor each."""
    guest = steps.guest
    guest.ok("rule")
    steps.watch("--items", 16, "--spin", 20, "--rest", 10000)
    for slot in (64, 254, 130):
        steps.plug(slot)
    if steps.by_slot:
        groups_seen = [event.number("group") for event in guest.events("complete")]
        steps.result.check(groups_seen == [0, 1, 3, 2], "each is in a group of its own", groups_seen)
    steps.indexes()
    steps.end()


# ---- the tools and tests ----

DEMO = "dhp demo --plain --seconds 12 /bin/busybox"
TORTURE = "torture --backend linux --seed 1 --seconds 8"


def run_both(steps, prefix, meanwhile):
    """{name: (status, output)} of the demo and the torture."""
    guest = steps.guest
    guest.ok(f"{prefix} {DEMO} >/tmp/demo 2>&1 & demo=$!")
    guest.ok(f"{prefix} {TORTURE} >/tmp/torture 2>&1 & torture=$!")
    meanwhile()
    return {name: (guest.run(f"wait ${name}", 2 * guest.patience)[0], guest.ok(f"cat /tmp/{name}"))
            for name in ("demo", "torture")}


@scenario(boot=4)
def tools(steps):
    """dhp demo and the torture run while other CPUs come, go and return; then the tests of the linux backend."""
    guest, result = steps.guest, steps.result
    guest.ok("rule")
    steps.watch("--items", 8, "--spin", 50, "--rest", 5000)

    def come_and_go():
        for slot in (4, 5):
            steps.plug(slot)
            guest.ok(f"echo 0 >{CPUS}/cpu3/online; echo 1 >{CPUS}/cpu3/online")
    for name, (status, output) in run_both(steps, "taskset 3", come_and_go).items():
        result.check(status == 0, f"{name} ends with status 0", output)
    steps.indexes()
    steps.end()
    for test in guest.ok("ls /tests").split():
        status, output = guest.run(f"/tests/{test} 2>&1")
        result.check(status == 0, f"{test} in the guest", output)


@scenario(boot=4)
def own(steps):
    """The same when one of their own CPUs goes and returns: nothing may be lost; what else they complain of is a finding."""
    guest, result = steps.guest, steps.result

    def go_and_return():
        for _ in range(3):
            time.sleep(1)
            guest.ok(f"echo 0 >{CPUS}/cpu2/online")
            time.sleep(1)
            guest.ok(f"echo 1 >{CPUS}/cpu2/online")
    ended = run_both(steps, "", go_and_return)
    status, output = ended["demo"]
    result.check(" lost 0 " in output and " doubled 0" in output, "the demo lost nothing and ran nothing twice", output)
    if status:
        result.finding(f"dhp demo ends with status {status}: {output.splitlines()[-1]}")
    status, output = ended["torture"]
    broken = [line.split("VIOLATED ")[1] for line in output.splitlines() if "VIOLATED " in line]
    result.check(status in (0, 1) and not any(rule.split()[0] in ("lost", "doubled", "hung") for rule in broken),
                 "the torture lost nothing, ran nothing twice and did not hang", output)
    for rule in broken:
        result.finding(f"torture, a CPU of its own goes and returns: {rule}")
