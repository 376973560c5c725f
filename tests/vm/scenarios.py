# SPDX-License-Identifier: BSD-2-Clause
"""What happens to the machine under load, and what must hold then.

Each scenario is a function of Steps (steps.py), marked with the machine that it wants.
"""
import subprocess
import time
from pathlib import Path

from network import Network
from steps import BUSY, CPUS, MEMORY, QUIET, Steps


def scenario(usual=True, kernels=("6.1", "6.12"), **machine):
    """The machine it wants; not usual: only when asked for by name."""
    def mark(function):
        function.machine, function.usual, function.kernels = machine, usual, kernels
        function.steps = getattr(function, "steps", Steps)
        return function
    return mark


# ---- processors come ----

@scenario(boot=1, slots=16, nodes=2)
def arrive(steps):
    """One by one, in a burst, out of order with gaps, onto a node without memory; then memory, into that node too."""
    steps.guest.ok("rule")
    steps.watch("--items", BUSY, "--spin", 50)
    before = steps.guest.report()
    steps.arrivals(ones=(1, 2), burst=(3, 4, 5), gaps=(7, 6), other=9)
    steps.plug_memory("d1", 128, "one block", node=1)
    steps.slots_stay(before, steps.guest.report())
    steps.indexes()
    steps.end()


# ---- processors go and come back ----

HAMMER_SECONDS = 20


@scenario(boot=4, slots=16)
def offline(steps):
    """Offline and online: one, an arrival meanwhile, then round and round for 20 seconds, with another arrival."""
    guest = steps.guest
    guest.ok("rule")
    steps.watch("--items", BUSY, "--spin", 50)
    before = guest.report()
    steps.offline_once(cpu=2, index=2)
    guest.ok(f"echo 0 >{CPUS}/cpu1/online")
    steps.plug(5, what="while cpu 1 is offline")
    guest.ok(f"echo 1 >{CPUS}/cpu1/online")
    hammer(steps)
    steps.slots_stay(before, guest.report())
    steps.indexes()
    steps.end()
    stats = guest.events("stats")
    steps.result.check(stats and stats[-1].number("diverted") > 0, "work that ran elsewhere was counted", stats and stats[-1].words)


def hammer(steps):
    guest, result = steps.guest, steps.result
    mark = guest.mark()
    guest.ok(f"(end=$(($(date +%s)+{HAMMER_SECONDS})); n=0; while [ $(date +%s) -lt $end ]; do "
             f"for c in 1 2 3; do echo 0 >{CPUS}/cpu$c/online; done; for c in 3 1 2; do echo 1 >{CPUS}/cpu$c/online; done; "
             f"n=$((n+6)); done; echo $n >/tmp/switches) & hammer=$!")
    steps.plug(6, what="while three go and return")
    guest.ok("wait $hammer", HAMMER_SECONDS + guest.patience)
    steps.all_home("after that")
    usable = guest.events("change", since=mark)
    result.check(usable and usable[-1].number("usable") == steps.active, "after that every processor is usable",
                 usable and usable[-1].words)
    again = [event.words for event in guest.events("start", since=mark) if event.fields["cpu"] in "0123"]
    result.check(not again, "none that returned is started again", again)
    result.fact(f"{HAMMER_SECONDS} s of {guest.ok('cat /tmp/switches')} switches: {len(guest.events('uevent', since=mark))} uevents, "
                f"{len(usable)} calls of the change channel")


# ---- the set that the process may use is rewritten ----

def cpuset(steps, mount):
    """Narrowed and widened, with a real arrival in between: what comes in arrives, what leaves stays counted, pins are kept."""
    guest, result = steps.guest, steps.result
    guest.ok(f"rule; mkdir /set; {mount}")
    guest.ok("echo 0-1 >/set/w/cpuset.cpus")
    steps.watch("--items", BUSY, "--spin", 50, within="echo $$ >/set/w/cgroup.procs;")
    result.check(steps.active == 2, "only the processors of its set are there", steps.active)
    widen(steps, "0-3", came=(2, 3))
    steps.all_home("widened")
    before = guest.report()
    for _ in range(3):
        rewrite(steps, "0-1", usable=2)
        rewrite(steps, "0-3", usable=4)
        steps.all_home("narrowed and widened")
    mark = guest.mark()
    steps.machine.add_processor(4)
    guest.await_event("uevent", "online", "cpu", "cpu4", since=mark)
    time.sleep(QUIET)
    result.check(not guest.events("start", since=mark), "a processor outside the set does not arrive")
    steps.all_home("a processor came outside the set")
    widen(steps, "0-4", came=(4,))
    guest.ok("for i in $(seq 25); do echo 0-1 >/set/w/cpuset.cpus; usleep 20000; echo 0-4 >/set/w/cpuset.cpus; usleep 20000; done")
    steps.all_home("rewritten 50 times in a second or two")
    after = guest.report()
    steps.slots_stay(before, after)
    steps.indexes()
    loose = sum(event.number("loose") for event in after.values())
    result.fact(f"{loose} of {sum(event.number('aimed') for event in after.values())} aimed items ran in a worker without its pin")
    steps.end()


def rewrite(steps, cpus, usable):
    mark = steps.guest.mark()
    steps.guest.ok(f"echo {cpus} >/set/w/cpuset.cpus")
    change = steps.guest.find_event("change", since=mark, usable=usable)
    steps.result.check(change and change.number("active") == steps.active, f"the set is {cpus}: {usable} usable, active as before",
                       change and change.words)


def widen(steps, cpus, came):
    mark = steps.guest.mark()
    steps.guest.ok(f"echo {cpus} >/set/w/cpuset.cpus")
    for cpu in came:
        arrived = [steps.guest.find_event(kind, since=mark, cpu=cpu) for kind in ("complete", "first")]
        if steps.result.check(all(arrived), f"the set is {cpus}: cpu {cpu} arrives", arrived):
            steps.one_start(cpu, mark)
            steps.gained(1)


@scenario(boot=4)
def cpuset2(steps):
    """The set of the process is rewritten, cgroup v2: what enters it arrives, what leaves is parked, pins survive."""
    cpuset(steps, "mount -t cgroup2 none /set; echo +cpuset >/set/cgroup.subtree_control; mkdir /set/w")


@scenario(boot=4, kernels=("6.1",))
def cpuset1(steps):
    """The same, cgroup v1, which 6.12 does not have."""
    cpuset(steps, "mount -t cgroup -o cpuset none /set; mkdir /set/w; echo 0 >/set/w/cpuset.mems")


# ---- memory comes ----

@scenario(boot=2, memory="512M")
def memory(steps):
    """Memory runs short, a module is plugged: its blocks are announced, Low ends, High begins; and one that stays offline."""
    guest, result = steps.guest, steps.result
    steps.watch("--items", 16, "--spin", 50, "--low", 150, "--high", 600)
    available = int(guest.ok("sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) // 1024
    mark = guest.mark()
    guest.ok(f"dd if=/dev/zero of=/tmp/fill bs=1M count={available - 100} 2>/dev/null")
    result.check(guest.find_event("memory", "low", "begins", since=mark), "the Low condition comes when memory is short")
    mark = steps.plug_memory("d1", 1024, "when memory is short", high=True)
    result.check(guest.find_event("memory", "low", "ends", since=mark), "the Low condition ends")
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

VETOED, UNPINNABLE = 4, 6


@scenario(boot=3, slots=16)
def failure(steps):
    """CPUs that the kernel fails to bring up, that a registrant refuses, that no thread can be pinned to; the others arrive."""
    guest, result = steps.guest, steps.result
    guest.ok(f"echo 0 >{CPUS}/cpu2/online")  # of the start: only those have the kernel's switch for failures
    guest.ok("rule")
    steps.watch("--items", 8, "--spin", 50, "--rest", 5000, "--veto", VETOED, "--unpinnable", UNPINNABLE)
    steps.tools_begin("taskset 3")
    before = guest.report()
    kernel_refuses(steps)
    veto(steps)
    pin_fails(steps)
    steps.plug(7, what="after the failures")
    steps.plug_memory("d1", 128, "after the failures")
    steps.slots_stay(before, guest.report())
    steps.tools_fine()
    steps.indexes()
    steps.end()


def kernel_refuses(steps):
    """Once before the CPU runs, once after: the kernel takes it down again. Then it lets it come."""
    guest, result = steps.guest, steps.result
    mark = guest.mark()
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
    guest.ok(f"echo 1 >{CPUS}/cpu2/online")
    if result.check(guest.find_event("complete", since=mark, cpu=2) and guest.find_event("first", since=mark, cpu=2),
                    "at the third try it arrives"):
        steps.gained(1)


def veto(steps):
    """One of a burst is refused by a registrant; and again when it has gone and come."""
    guest, result = steps.guest, steps.result
    mark = guest.mark()
    steps.plug(3, VETOED, 5, what="burst, one of three refused", refused=(VETOED,))
    for times in (1, 2):
        guest.machine.wait(lambda: len(guest.events("failure", since=mark, cpu=VETOED)) >= times, guest.patience)
        time.sleep(QUIET)
        starts = guest.events("start", since=mark, cpu=VETOED)
        result.check(len(starts) == times, f"Start of a refused one, once for each coming: {times}", len(starts))
        guest.ok(f"echo 0 >{CPUS}/cpu{VETOED}/online")
        time.sleep(QUIET)
        if times == 1:
            guest.ok(f"echo 1 >{CPUS}/cpu{VETOED}/online")
    failures = guest.events("failure", since=mark, cpu=VETOED)
    result.check(len(failures) == 2 and all(event.fields["status"] == "DHP_VETOED" for event in failures),
                 "Failure with the reason, each time", [event.words for event in failures])
    result.check(not guest.events("complete", cpu=VETOED), "and no Complete")
    known = [event.number("cpu") for event in guest.report().values()]
    result.check(VETOED not in known, "no processor of that CPU", known)


def pin_fails(steps):
    """The CPU is online, but the system refuses to pin a thread to it: nobody hears of it, until it can be."""
    guest, result = steps.guest, steps.result
    mark = guest.mark()
    command = steps.machine.add_processor(UNPINNABLE)
    guest.await_event("uevent", "online", "cpu", f"cpu{UNPINNABLE}", since=mark)
    guest.await_event("refused", since=mark, cpu=UNPINNABLE)
    time.sleep(QUIET)
    result.check(not guest.events("start", since=mark), "nobody heard Start of a CPU to which no thread can be pinned")
    result.fact(f"pins that were refused within {QUIET:.0f} s: {len(guest.events('refused', since=mark))}")
    guest.ok("kill -USR2 $watch")
    steps.arrival("pin refused for a while", UNPINNABLE, command, mark)


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
    """128, and two with which a third group begins. Wants a machine with little else to do."""
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

@scenario(boot=4, slots=32, nodes=2)
def tools(steps):
    """All kinds of arrivals while dhp demo and the torture run, dhp monitor and dhp record listen; the backend's tests; a replay."""
    guest, result = steps.guest, steps.result
    guest.ok("rule")
    steps.watch("--items", 8, "--spin", 50, "--rest", 5000)
    guest.ok("dhp monitor >/tmp/monitor 2>&1 & monitor=$!")
    guest.ok("dhp record /tmp/recording 2>/tmp/record & record=$!")
    steps.tools_begin("taskset 3")
    steps.arrivals(ones=(4,), burst=(5, 6, 7), gaps=(11, 9), other=20)
    steps.offline_once(cpu=3, index=3)
    steps.plug_memory("d1", 256, "two blocks")
    steps.tools_fine()
    monitored(steps)
    steps.indexes()
    steps.end()
    replayed(steps)
    for test in guest.ok("ls /tests").split():
        status, output = guest.run(f"/tests/{test} 2>&1")
        result.check(status == 0, f"test linux.{test} in the guest", output)


def monitored(steps):
    guest, result = steps.guest, steps.result
    guest.ok("kill -INT $monitor; wait $monitor")
    for words, count in (("synchronous  *complete", steps.active), ("arrival  *processor", steps.active), ("arrival  *memory", None)):
        heard = int(guest.run(f"grep -c '{words}' /tmp/monitor")[1])
        result.check(heard == count or count is None and heard >= 2, f"dhp monitor printed each: {words}", heard)


def heard_of_arrivals(text):
    """Of what dhp monitor prints: each call of the synchronous channel, from the call on, without what was there before."""
    return [line.split("synchronous")[1].split() for line in text.splitlines() if "synchronous" in line and "was there" not in line]


def replayed(steps):
    """On the host, by the simulator, as fast as possible: what dhp monitor heard in the guest is heard again."""
    guest, result = steps.guest, steps.result
    if guest.run("dhp record --help")[0] != 0:
        result.finding("this dhp cannot record")
        return
    status, _ = guest.run("kill -INT $record; wait $record")
    if not result.check(status == 0, "dhp record ends with status 0", guest.run("cat /tmp/record")[1]):
        return
    recording = Path(f"{guest.machine.log}.recording")
    recording.write_text(guest.ok("cat /tmp/recording") + "\n")
    replay = subprocess.run([steps.dhp, "monitor", "--replay", str(recording), "--speed", "max"], capture_output=True, text=True,
                            timeout=guest.patience)
    result.check(replay.returncode == 0, "the recording can be played on the host", replay.stderr)
    there, here = heard_of_arrivals(guest.ok("cat /tmp/monitor")), heard_of_arrivals(replay.stdout)
    result.check(there and there == here, "the replay tells every registrant the same, in the same order", [there, here])


@scenario(boot=4)
def own(steps):
    """The same when one of their own CPUs goes and returns: nothing may be lost; what else they complain of is a finding."""
    guest, result = steps.guest, steps.result
    steps.tools_begin("")
    for _ in range(3):
        time.sleep(1)
        guest.ok(f"echo 0 >{CPUS}/cpu2/online")
        time.sleep(1)
        guest.ok(f"echo 1 >{CPUS}/cpu2/online")
    ended = steps.tools_end()
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


# ---- a network driver with a queue for each ----

@scenario(boot=1, slots=16)
def network(steps):
    """examples/tapnic under traffic: one by one and in a burst, offline and online, one comes while another is away; nothing is lost."""
    guest = steps.guest
    guest.ok("rule")
    net = Network(steps)
    net.uses(1, "at the start")
    home = [[index] for index in range(5)]
    net.all_busy("with 1 processor", home[:1])
    net.plug([1], 2)
    net.plug([2, 3], 4)
    net.all_busy("with 4", home[:4])
    guest.ok(f"echo 0 >{CPUS}/cpu1/online")
    net.all_busy("while one is away", [[0], [0, 2, 3], [2], [3]])
    net.plug([5], 5)
    guest.ok(f"echo 1 >{CPUS}/cpu1/online")
    net.all_busy("with 5, all back", home)
    guest.ok(f"for i in $(seq 10); do for c in 1 2 3; do echo 0 >{CPUS}/cpu$c/online; done; "
             f"for c in 3 1 2; do echo 1 >{CPUS}/cpu$c/online; done; done")
    net.all_busy("after 60 switches", home)
    net.end()


@scenario(usual=False, boot=1, slots=16)
def network1(steps):
    """The short form of it: one arrival."""
    steps.guest.ok("rule")
    net = Network(steps)
    net.all_busy("with 1 processor", [[0]])
    net.plug([1], 2)
    net.all_busy("with 2", [[0], [1]])
    net.end()
