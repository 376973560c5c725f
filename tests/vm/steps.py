# SPDX-License-Identifier: BSD-2-Clause
"""What several scenarios do with the machine, and what must hold whenever it is done."""
import time

from result import Arrival

CPUS = "/sys/devices/system/cpu"
MEMORY = "/sys/devices/system/memory"
# Circulating items, each of which keeps one processor busy: twice as many as two host cores can run at once.
BUSY = 4
QUIET = 1.0  # seconds in which nothing must happen; ten looks of the library
BLOCK = 128  # MiB that the kernel announces at once


class Steps:
    """The machine, its guest, and the result that they fill."""

    def __init__(self, guest, result, series, build):
        self.dhp = build / "tools/dhp"  # on the host
        self.guest, self.machine, self.result = guest, guest.machine, result
        self.by_slot = series != "6.1"  # how the kernel numbers newcomers; 6.1: in the order of arrival
        self.active = 0

    def gained(self, count):
        self.active += count
        self.result.most = max(self.result.most, self.active)

    def watch(self, *options, within=""):
        self.guest.watch(*options, within=within)
        self.gained(len(self.guest.events("complete")))
        self.result.check(self.active > 0, "the processors of the start are there", self.active)

    # ---- processors ----

    def plug(self, *slots, what=None, refused=()):
        """All of them at once; waits until each has run its first item. refused: CPUs that will not arrive."""
        mark = self.guest.mark()
        commands = [self.machine.add_processor(slot) for slot in slots]
        added = self._added(mark, len(slots))
        if not self.result.check(len(added) == len(slots), f"slot {slots}: the kernel says add", added):
            return []
        cpus = list(slots) if self.by_slot else [int(event.words[2][3:]) for event in added]
        self.result.check({f"cpu{cpu}" for cpu in cpus} == {event.words[2] for event in added},
                          f"slot {slots}: numbered as this kernel does", [event.words[2] for event in added])
        for slot, command, cpu in zip(slots, commands, cpus):
            if cpu not in refused:
                self.arrival(what or f"slot {slot}", cpu, command, mark)
        return cpus

    def _added(self, mark, count):
        def all_of_them():
            added = self.guest.events("uevent", "add", "cpu", since=mark)
            return added if len(added) >= count else None
        return self.machine.wait(all_of_them, self.guest.patience) or self.guest.events("uevent", "add", "cpu", since=mark)

    def arrival(self, what, cpu, command, mark):
        """In order, and whole: add, Start, Complete, its first item. A CPU to which no thread can be pinned yet has no Start."""
        guest = self.guest
        seen = {"uevent": guest.find_event("uevent", "add", "cpu", f"cpu{cpu}", since=mark),
                "online": guest.find_event("uevent", "online", "cpu", f"cpu{cpu}", since=mark),
                "start": guest.find_event("start", since=mark, cpu=cpu),
                "complete": guest.find_event("complete", since=mark, cpu=cpu),
                "first_item": guest.find_event("first", since=mark, cpu=cpu)}
        if not self.result.check(all(seen.values()), f"cpu {cpu} arrives", [step for step in seen if seen[step] is None]):
            return
        start = seen["start"].time
        self.result.check(seen["uevent"].time < start < seen["complete"].time and start < seen["first_item"].time,
                          f"cpu {cpu}: add, Start, Complete in this order, nothing runs before Start",
                          [event.time for event in seen.values()])
        self.one_start(cpu, mark)
        self.gained(1)
        self.result.processors.append(Arrival(what, command, {step: guest.host_time(event) for step, event in seen.items()},
                                              cpu=cpu, node=seen["first_item"].number("node")))

    def one_start(self, cpu, mark):
        heard = [event.kind for kind in ("start", "failure") for event in self.guest.events(kind, since=mark, cpu=cpu)]
        self.result.check(heard == ["start"], f"cpu {cpu}: one Start, no Failure", heard)

    def arrivals(self, ones, burst, gaps, other):
        """One by one, in a burst, out of order with gaps, and onto the node that has nothing."""
        for slot in ones:
            self.plug(slot, what="one by one")
        self.plug(*burst, what=f"burst of {len(burst)}")
        for slot in gaps:
            self.plug(slot, what="out of order")
        cpus = self.plug(other, what="other node")
        first = self.guest.events("first", cpu=cpus[0]) if cpus else []
        self.result.check(first and first[0].fields["node"] == "1", "the library names node 1", first and first[0].words)

    def offline_once(self, cpu, index):
        """Down and up again, its aimed work going on all the time."""
        guest, result = self.guest, self.result
        before = guest.report()
        mark = guest.mark()
        guest.ok(f"echo 0 >{CPUS}/cpu{cpu}/online")
        down = guest.find_event("change", since=mark, usable=self.active - 1, seconds=10)
        result.check(down and down.number("active") == self.active,
                     f"cpu {cpu} goes offline: usable one less, active the same", down and down.words)
        ran, elsewhere, _ = self.progress()[index]
        result.check(ran > 0, f"cpu {cpu} is offline: work aimed at it runs", ran)
        result.fact(f"cpu {cpu} offline: {ran} items aimed at it ran, {elsewhere} of them elsewhere")
        mark = guest.mark()
        guest.ok(f"echo 1 >{CPUS}/cpu{cpu}/online")
        up = guest.find_event("change", since=mark, usable=self.active, seconds=10)
        result.check(up and up.number("active") == self.active, f"cpu {cpu} is back: usable again", up and up.words)
        self.all_home(f"cpu {cpu} is back")
        result.check(not guest.events("start", since=mark, cpu=cpu), f"cpu {cpu} is back: no second Start")
        self.slots_stay(before, guest.report())

    # ---- memory ----

    def plug_memory(self, name, mebibytes, what, node=0, high=False):
        """Each of its blocks is announced. high: so is the condition."""
        guest, result = self.guest, self.result
        guest.ok(f"echo online >{MEMORY}/auto_online_blocks")
        mark, blocks = guest.mark(), mebibytes // BLOCK
        command = self.machine.add_memory(name, mebibytes, node)
        condition = guest.find_event("memory", "high", "begins", since=mark) if high else None
        result.check(bool(condition) == high, "the High condition comes with the memory" if high else "it was asked for no condition")
        modules = self._modules(mark, blocks)
        result.check(len(modules) == blocks and len({event.words[0] for event in modules}) == blocks,
                     f"each of its blocks arrives once on the asynchronous channel: {blocks}", [event.words[0] for event in modules])
        added = guest.find_event("uevent", "add", "memory", since=mark)
        if result.check(added and modules, "the kernel and the library tell of it"):
            seen = {"uevent": added, "first_block": modules[0], "last_block": modules[-1], "event": condition}
            result.modules.append(Arrival(what, command, {step: event and guest.host_time(event) for step, event in seen.items()},
                                          MiB=mebibytes, node=node))
        return mark

    def _modules(self, mark, count):
        def all_of_them():
            modules = self.guest.events("module", since=mark)
            return modules if len(modules) >= count else None
        return self.machine.wait(all_of_them, self.guest.patience) or self.guest.events("module", since=mark)

    # ---- what must hold ----

    def indexes(self):
        """Every processor got the next index, one Start and one Complete."""
        starts = len(self.guest.events("start")) - len(self.guest.events("failure"))
        completes = [event.number("index") for event in self.guest.events("complete")]
        self.result.check(sorted(completes) == list(range(self.active)), "indexes are dense, in order of arrival", completes)
        self.result.check(completes == sorted(completes), "they arrived in order", completes)
        self.result.check(starts == len(completes), "one Start for each Complete or Failure", starts)
        self.machine.wait(lambda: len(self._announced()) >= self.active, self.guest.patience)  # it comes when it likes
        announced = self._announced()
        self.result.check(len(announced) == self.active, "each was announced on the asynchronous channel", sorted(announced))

    def _announced(self):
        return {event.words[0] for event in self.guest.events("arrival")}

    def slots_stay(self, before, after):
        moved = [index for index in before
                 if index not in after or before[index].fields["slot"] != after[index].fields["slot"]
                 or before[index].fields["cpu"] != after[index].fields["cpu"]]
        self.result.check(not moved, "every slot stays where it was, with its CPU", moved)

    def progress(self, seconds=0.5):
        """{index: how many items aimed at it ran in that time, how many of them on another CPU, how many in a loose worker}"""
        before = self.guest.report()
        time.sleep(seconds)
        after = self.guest.report()
        return {index: tuple(after[index].number(name) - before[index].number(name) for name in ("aimed", "elsewhere", "loose"))
                for index in before}

    def all_home(self, when):
        """Every processor's aimed work runs on its CPU again, in a worker pinned there, a few looks after the last change."""
        end = time.monotonic() + self.guest.patience / 3
        while True:
            seen = self.progress()
            if all(ran > 0 and elsewhere == 0 and loose == 0 for ran, elsewhere, loose in seen.values()) or time.monotonic() > end:
                break
        away = {index: numbers for index, numbers in seen.items() if numbers[0] == 0 or numbers[1] > 0 or numbers[2] > 0}
        self.result.check(not away, f"{when}: aimed work runs where it belongs, its worker pinned there", away)

    def end(self):
        self.result.account(self.guest.end_watch())
        lost = self.guest.events("uevent", "lost")
        self.result.check(not lost, "no uevent was lost in the guest", len(lost))

    # ---- the tools, beside ----

    def tools_begin(self, prefix):
        """dhp demo and the torture, round after round."""
        self.guest.ok("rm -f /tmp/end")
        for name, command in TOOLS.items():
            self.guest.ok(f"(n=0; until [ -e /tmp/end ]; do {prefix} {command} >/tmp/{name} 2>&1 || exit $?; "
                          f"n=$((n+1)); echo $n >/tmp/{name}.rounds; done) & {name}=$!")

    def tools_end(self):
        """Each ends its round: {name: (status, output of the last round)}"""
        guest = self.guest
        guest.ok("touch /tmp/end")
        ended = {name: (guest.run(f"wait ${name}", 2 * guest.patience)[0], guest.ok(f"cat /tmp/{name}")) for name in TOOLS}
        rounds = [f"{name} {guest.run(f'cat /tmp/{name}.rounds')[1] if status == 0 else 'a part of'}" for name, (status, _) in ended.items()]
        self.result.fact(f"rounds: {', '.join(rounds)}")
        return ended

    def tools_fine(self):
        for name, (status, output) in self.tools_end().items():
            self.result.check(status == 0, f"{name} ends each round with status 0", output)


TOOLS = {"demo": "dhp demo --plain --seconds 6 /bin/busybox", "torture": "torture --backend linux --seed 1 --seconds 4"}
