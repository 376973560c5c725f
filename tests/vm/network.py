# SPDX-License-Identifier: BSD-2-Clause
"""The network driver of examples/tapnic in the guest: two network namespaces, an interface in each, the driver between them, and
numbered traffic to it and through it, all the time, while processors come and go.
"""
import re
import time

SIDES = (("a", "nic0", "10.77.0.2"), ("b", "nic1", "10.77.0.3"))
KINDS = {"echoed": "10.77.0.1 7", "switched": "10.77.0.3 9"}
FLOWS = 32       # of each kind; at 128 places in the indirection table five queues are sure to have some
PER_SECOND = 20  # in each flow; the emulation can do ten times as much on idle host cores
SETTLE = 2.0     # seconds for rates


def inside(namespace, command):
    return f"nsenter --net=/run/netns/{namespace} {command}"


class Network:
    def __init__(self, steps):
        self.guest, self.result, self.machine = steps.guest, steps.result, steps.machine
        self.asked = 0
        status, output = self.guest.run("tapnic nic0 </dev/null 2>&1")
        self.result.check(status == 1 and "this kernel has no TUN/TAP, or its module is not loaded" in output,
                          "without TUN/TAP it says so", output)
        self.guest.ok("insmod /lib/tun.ko; mkdir -p /run/netns; mkfifo /tmp/commands")
        # Debian's default drops what waits long on purpose (CoDel), and in a guest that stands still everything waits.
        self.guest.ok("echo pfifo >/proc/sys/net/core/default_qdisc")
        for namespace, _, _ in SIDES:
            self.guest.ok(f"touch /run/netns/{namespace}; unshare -n mount --bind /proc/self/ns/net /run/netns/{namespace}")
        # The shell keeps the way to it open; nobody else does, so that the driver ends with the shell.
        self.guest.ok("tapnic nic0@a nic1@b </tmp/commands >/tmp/tapnic 2>&1 3>&- & driver=$!; exec 4>/tmp/commands")
        self._said("^ready")
        for namespace, interface, address in SIDES:
            self.guest.ok(inside(namespace, f"ip addr add {address}/24 dev {interface}"))
            self.guest.ok(inside(namespace, f"ip link set {interface} up"))
            # The guest may stand still for seconds when the host is busy; nobody is given up for that.
            for kind in ("ucast", "mcast"):
                self.guest.ok(inside(namespace, f"sh -c 'echo 100 >/proc/sys/net/ipv4/neigh/{interface}/{kind}_solicit'"))
        self.guest.ok(inside("b", "tapnic_traffic echo 10.77.0.3 9") + " 3>&- 4>&- &")
        # Who does not know a station yet keeps a few frames for it and drops the rest; that is not what is counted here.
        for where in KINDS.values():
            self.guest.run(inside("a", f"tapnic_traffic 0.2 {where} 1 20"))
        for kind, where in KINDS.items():
            self.guest.ok(f"{inside('a', f'tapnic_traffic 1000 {where} {FLOWS} {PER_SECOND}')} >/tmp/{kind} 3>&- 4>&- & {kind}=$!")

    def _said(self, pattern, times=1):
        status, output = self.guest.run(f"while [ $(grep -c '{pattern}' /tmp/tapnic) -lt {times} ] && kill -0 $driver; do usleep 20000; "
                                        f"done; grep -c '{pattern}' /tmp/tapnic")
        return status == 0 and int(output.split()[-1]) >= times

    def _output(self):
        return self.guest.run("cat /tmp/tapnic")[1]

    # ---- processors come and go ----

    def uses(self, count, what):
        """It has let in the queues of so many."""
        self.result.check(self._said(f"queues in use: {count}$"), f"{what}: {count} queues are in use", self._output())

    def plug(self, slots, count):
        """All at once; then so many queues are used."""
        began = time.monotonic()
        for slot in slots:
            self.machine.add_processor(slot)
        self.uses(count, f"slots {slots} are plugged")
        self.result.fact(f"{time.monotonic() - began:.1f} s from plugging slots {slots} until frames use {count} queues")

    def rates(self):
        """{(interface, queue): (frames a second, the processor that handled the last one)}"""
        for pause in (0, SETTLE):
            time.sleep(pause)
            self.guest.ok("echo rates >&4")
            self.asked += 1
            self._said("^rates end", self.asked)
        last = self._output().rpartition("rates end")[0].rpartition("rates end")[2]
        return {(interface, int(queue)): (int(rate), int(at)) for interface, queue, at, rate in
                re.findall(r"rate (\w+) queue (\d+) processor \d+ at (\d+): (\d+)/s", last)}

    def all_busy(self, when, at):
        """Each queue of each interface has frames. at: the processors that each may be handled by. On a busy host this may take a while."""
        end = time.monotonic() + self.guest.patience / 3
        while True:
            seen = self.rates()
            fine = len(seen) == 2 * len(at) and all(rate > 0 and where in at[queue] for (_, queue), (rate, where) in seen.items())
            if fine or time.monotonic() > end:
                break
        self.result.check(fine, f"{when}: every queue has its share, and is handled where it should be", seen)
        self.result.fact(f"frames a second, {when}: " + ", ".join(f"{interface}.{queue} {rate} (processor {where})"
                                                                 for (interface, queue), (rate, where) in seen.items()))

    # ---- what must hold ----

    def _dropped(self):
        """Where the guest's kernel says that it dropped something."""
        looks = "cat /proc/net/dev /proc/net/softnet_stat", "grep -E '^(Ip|Udp):' /proc/net/snmp"
        return "".join(f"\n{namespace}: " + self.guest.run(inside(namespace, look))[1] for namespace, _, _ in SIDES for look in looks)

    def end(self):
        """Nothing was lost, nothing reordered; the driver ends well."""
        for kind in KINDS:
            status, _ = self.guest.run(f"kill -TERM ${kind}; wait ${kind}")
            words = self.guest.run(f"cat /tmp/{kind}")[1]
            fine = status == 0 and " 0 lost, 0 reordered" in words
            self.result.check(fine, f"{kind} frames: none is lost or reordered", words if fine else words + self._dropped())
            self.result.fact(f"{kind} by the driver: {words}")
        status, _ = self.guest.run("echo quit >&4; exec 4>&-; wait $driver")
        output = self._output()
        self.result.check(status == 0, "the driver ends well", output)
        for line in re.findall(r"^total ((?:answered|switched|unsent|stops).*)", output, re.M):
            self.result.fact(line)
