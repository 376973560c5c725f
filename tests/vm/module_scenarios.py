# SPDX-License-Identifier: BSD-2-Clause
"""What happens to a machine with the engine in its kernel, and what must hold then.

Each scenario is a function of Module (module_steps.py). The module's own load, from threads and from interrupts, goes on all
the time.
"""
import re

from module_steps import STATUS, Module
from scenarios import scenario
from steps import CPUS

# Each allocation, list and lock of the kernel checks more; and threads are preempted wherever they are.
CHECKS = "slub_debug=FZPU preempt=full"


def module(usual=True, kinds=("plain",), other_kernels=False, **machine):
    def mark(function):
        function.module_kinds, function.other_kernels = kinds, other_kernels
        function.steps = Module
        return scenario(usual, **machine)(function)
    return mark


# ---- processors and memory come ----

@module(boot=2)
def loaded(module):
    """The module is loaded, one processor is plugged, the module goes: the short form."""
    module.load()
    module.until(lambda seen: seen["active"] == 2, "the processors of the start are there")
    cpu, = module.plug(2)
    module.online(cpu, "hot-add")
    module.arrives(cpu, "hot-add")
    module.unload()
    module.end(ends=1)


@module(boot=1, slots=16, nodes=2, append=CHECKS)
def added(module):
    """One by one, a veto, a burst, the other node, offline and back, memory."""
    module.load()
    for slot in (1, 2):
        cpu, = module.plug(slot)
        module.online(cpu, "one by one")
        module.arrives(cpu, "one by one")
    cpu, = module.plug(3)
    module.veto(cpu)
    burst(module, 4, 5, 6)
    cpu, = module.plug(9)
    module.online(cpu, "other node")
    module.arrives(cpu, "other node")
    module.result.check(module.status()["processors"][cpu]["node"] == 1, "the node is the other one")
    module.offline_once(2)
    module.memory("d1")
    module.until(lambda seen: seen["active"] == 8 and seen["arrivals"] == 8 and seen["failed"] == 2, "eight processors, two refusals")
    module.unload()
    module.end(ends=1)


def burst(module, *slots):
    cpus = module.plug(*slots)
    lines = " ".join(f"echo 1 >{CPUS}/cpu{cpu}/online & b{cpu}=$!;" for cpu in cpus)
    ends = "; ".join(f"wait $b{cpu} || echo cpu {cpu}" for cpu in cpus)
    refused = module.guest.run(f"{lines} {ends}")[1]
    module.result.check("cpu" not in refused, "burst: all go online", refused)
    for cpu in cpus:
        module.arrives(cpu, f"burst of {len(cpus)}")


@module(boot=4, append=CHECKS)
def pressed(module):
    """The load never rests, three processors go and return without a pause for 10 seconds, one comes."""
    module.load(options="stress=1")
    cpu, = module.plug(5)
    switching_begins(module)
    module.online(cpu, "meanwhile")
    module.until(lambda seen: cpu in seen["processors"], f"meanwhile: cpu {cpu} arrives")
    module.guest.ok("sleep 10")
    switching_ends(module)
    module.until(lambda seen: seen["usable"] == 5 and seen["active"] == 5, "after that all are usable")
    for cpu in sorted(module.status()["processors"]):
        module.works_on(cpu, "after that")
    module.result.check(module.status()["elsewhere"] > 0, "aimed work ran elsewhere when its processor was away")
    module.unload()
    module.end(ends=1)


def switching_begins(module):
    module.guest.ok("rm -f /tmp/end")
    module.guest.ok(f"(n=0; until [ -e /tmp/end ]; do for c in 1 2 3; do echo 0 >{CPUS}/cpu$c/online; done; "
                    f"for c in 3 1 2; do echo 1 >{CPUS}/cpu$c/online; done; n=$((n+6)); done; echo $n >/tmp/switches) 3>&- >/tmp/said 2>&1 & "
                    "switching=$!")


def switching_ends(module):
    module.guest.ok("touch /tmp/end; wait $switching", 120)
    said = module.guest.ok("cat /tmp/said")
    module.result.check(said == "", "each switch succeeded", said[:400])
    module.result.fact(f"{module.guest.ok('cat /tmp/switches')} switches")


# ---- the module comes and goes ----

TIMES = 20


@module(boot=4, append=CHECKS)
def unloaded(module):
    """20 times loaded and unloaded while processors go and return; then at every moment of an arrival; a load during one."""
    switching_begins(module)
    for _ in range(TIMES):
        module.guest.ok(f"insmod /modules/{module.series}-plain.ko && rmmod dhp_kmod")
    module.result.check(True, f"{TIMES} times loaded and unloaded")
    switching_ends(module)
    module.left_nothing("after that")
    for delay_us in (0, 0, 1000, 2000, 4000, 8000, 16000, 32000):
        unload_during_an_arrival(module, delay_us)
    unload_during_a_start(module)
    for delay_us in (0, 5000, 50000, 100000):
        load_during_an_arrival(module, delay_us)
    module.end(ends=TIMES + 8 + 1 + 4)


def during_an_arrival(module, delay_us, command, says="", before="true"):
    """Of cpu 3, which the module did not know before. [status of the command, what else it says, status of the arrival]"""
    output = module.guest.ok(f"{before}; (echo 1 >{CPUS}/cpu3/online; echo $? >/tmp/came) 3>&- >/tmp/said 2>&1 & usleep {delay_us}; {command}; "
                             f"done=$?; wait $!; echo answers $done {says} $(cat /tmp/came)")
    return [int(word) for word in output[output.rindex("answers"):].split()[1:]]


def unload_during_an_arrival(module, delay_us):
    module.switch(3, 0)
    module.load()
    unloaded, came = during_an_arrival(module, delay_us, "rmmod dhp_kmod")
    module.result.check(unloaded == 0, f"unloaded {delay_us} us after an arrival has begun")
    module.result.fact(f"unloaded after {delay_us} us: the processor {'came' if came == 0 else 'was refused'}")
    module.left_nothing(f"unloaded {delay_us} us after an arrival has begun")
    if came != 0:
        module.online(3, "without the module")


SLOW_MS = 3000


def unload_during_a_start(module):
    """A Start that takes so long that the module goes in the middle of it: unloading waits for it, and then nothing is left."""
    module.switch(3, 0)
    module.load(options=f"slow={SLOW_MS}")
    unloaded, middle, came = during_an_arrival(
        module, SLOW_MS * 1000 // 3, f"grep -q 'start cpu 3' {STATUS} && ! test -s /tmp/came; middle=$?; rmmod dhp_kmod",
        says="$middle", before="rm -f /tmp/came")
    module.result.check(unloaded == 0 and middle == 0, "unloaded in the middle of a Start", [unloaded, middle, came])
    module.left_nothing("unloaded in the middle of a Start")
    if came != 0:
        module.online(3, "without the module")


def load_during_an_arrival(module, delay_us):
    module.switch(3, 0)
    loaded, came = during_an_arrival(module, delay_us, f"insmod /modules/{module.series}-plain.ko")
    module.result.check(loaded == 0 and came == 0, f"loaded {delay_us} us after an arrival has begun", [loaded, came])
    module.until(lambda seen: seen["active"] == 4, "all four are there")
    module.switch(3, 0)
    module.until(lambda seen: seen["usable"] == 3, "it goes")
    module.online(3, "it returns")
    module.until(lambda seen: seen["usable"] == 4, "all four are usable")
    module.unload()


# ---- what is refused ----

@module(boot=2, other_kernels=True)
def foreign(module):
    """A module that was built for the other kernel, or for none."""
    status, output = module.insert(series=module.other)
    module.result.check(status != 0 and "invalid module format" in output.lower(), "built for the other kernel: refused", output)
    why = re.search(r"dhp_kmod: (version magic|disagrees about version|\.gnu\.linkonce\.this_module section size)", module.words())
    module.result.check(why, "the kernel says why: what it is asked for first differs between kernels")
    module.guest.ok(f"head -c 20000 /modules/{module.series}-plain.ko >/tmp/cut.ko")
    status, output = module.guest.run("insmod /tmp/cut.ko 2>&1")
    module.result.check(status != 0, "a part of a module: refused", output)
    module.left_nothing("after that")
    module.load()
    status, output = module.insert()
    module.result.check(status != 0 and "exists" in output, "loaded already: refused", output)
    module.unload()
    module.end(ends=1)


FAILURES_MOST = 400


@module(boot=2, kinds=("faults",))
def refused(module):
    """Each allocation and start of a thread while the module is loaded fails once: it is refused, or does without."""
    refusals = lives = left = 0
    for number in range(1, FAILURES_MOST):
        status, output = module.insert("faults", f"fail={number}")
        if status != 0:
            refusals += 1
            if not re.search("Cannot allocate memory|temporarily unavailable", output):
                module.result.check(False, f"failure {number}: a message that says so", output)
            continue
        lives += 1
        left = int(module.guest.ok("cat /sys/module/dhp_kmod/parameters/fail"))
        module.guest.ok("rmmod dhp_kmod")
        if left != 0:
            break
    module.result.check(left != 0 and refusals > 20, "each failure was tried, until there was none any more", [number, refusals])
    module.result.fact(f"{number - 1} things that can fail: {refusals} loads refused, {lives - 1} did without")
    module.left_nothing("after all of them")
    module.load("faults")
    module.works_on(1, "after all of them")
    module.unload()
    module.end(ends=lives + 1)
