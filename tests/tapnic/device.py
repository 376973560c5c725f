#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The driver of examples/tapnic seen from outside: what it answers, what it drops and counts, what it refuses and goes on without.

    device.py TAPNIC

Status 77: network namespaces or TAP interfaces are not allowed here.
"""
import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
import time

TAPNIC = sys.argv[1]
NETNS = f"tapnic-test-{os.getpid()}"
WAIT = 20  # seconds until something that must happen counts as missing
MAC = bytes((2, 0, 0, 0, 0x77, 1))
TUNSETIFF, TAP, MULTI_QUEUE, NO_PI = 0x400454CA, 0x0002, 0x0100, 0x1000
failures = []


def check(holds, what, shown=""):
    print(("ok      " if holds else "FAILED  ") + what + ("" if holds else f"\n{shown}"))
    if not holds:
        failures.append(what)


def ip(*words):
    return subprocess.run(("ip", *words), capture_output=True, text=True)


class Driver:
    """It runs in this process's namespace, its interface in NETNS."""

    def __init__(self, *arguments, interface="nic0"):
        self.path = f"/tmp/{NETNS}.out"
        with open(self.path, "w") as out:
            self.process = subprocess.Popen((TAPNIC, "--backend", "sim", *arguments, f"{interface}@{NETNS}"),
                                            stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, text=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def output(self):
        with open(self.path) as out:
            return out.read()

    def says(self, text, times=1):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if self.output().count(text) >= times:
                return True
            if self.process.poll() is not None:
                return self.output().count(text) >= times
            time.sleep(0.02)
        return False

    def expect(self, what, text, times=1):
        check(self.says(text, times), what, self.output())

    def stops(self):
        """How often it has been stopped so far."""
        asked = self.output().count("totals end")
        self.tell("totals")
        return int(re.findall(r"^total stops: (\d+)", self.output(), re.M)[-1]) if self.says("totals end", asked + 1) else -1

    def quit(self):
        """Its status and its counters."""
        if self.process.poll() is None:
            self.process.stdin.close()
        status = self.process.wait(WAIT)
        text = self.output()
        os.unlink(self.path)
        check(not re.search("ThreadSanitizer|AddressSanitizer|runtime error", text), "no sanitizer complains", text)
        return status, {name: int(count) for name, count in re.findall(r"^total (.*?): (\d+)", text, re.M)}


def inside(work):
    """work() in a process of its own in NETNS; what it returns is its status."""
    child = os.fork()
    if child == 0:
        try:
            with open(f"/run/netns/{NETNS}") as there:
                if LIBC.setns(there.fileno(), 0x40000000) != 0:
                    os._exit(3)
            os._exit(0 if work() else 1)
        except OSError as error:
            print(error)
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# ---- stories ----

def ping():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(WAIT)
    body = struct.pack("!HH", 7, 1) + b"are you there"
    s.sendto(struct.pack("!BBH", 8, 0, checksum(b"\x08\0\0\0" + body)) + body, ("10.77.0.1", 0))
    while True:
        got = s.recv(2048)[20:]
        if got[0] == 0 and got[4:] == body:
            return True


def echo():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(WAIT)
    s.sendto(b"x" * 1400, ("10.77.0.1", 7))
    return s.recv(2048) == b"x" * 1400


def packet(protocol, inner, length=None, options=b"", flags=0, spoil=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0,
                       20 + len(options) + len(inner) if length is None else length, 1, flags, 64, protocol, 0,
                       bytes((10, 77, 0, 2)), bytes((10, 77, 0, 1))) + options
    return head[:10] + struct.pack("!H", checksum(head) ^ spoil) + head[12:] + inner


def send_bad_frames():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("nic0", 0))
    head = MAC + bytes((2, 0, 0, 0, 0, 9)) + b"\x08\0"
    for _ in range(10):
        s.send(head + packet(1, b"\x08\0\0")[:-1])
        s.send(head + packet(1, b"\x08\0", length=500))
        s.send(head + packet(1, b"\x08\0\xf7\xff\0\0\0\0", options=b"\x07\x09\0\0"))
        s.send(head + packet(1, b"\x08\0\xf7\xff\0\0\0\0", spoil=1))
        s.send(head + packet(1, b"\x08\0\xf7\xff\0\0\0\0", flags=0x2000))
        s.send(head + packet(6, b"\0" * 20))
        s.send(head + b"\0" * 2500)
    return True


def answers_and_drops():
    driver = Driver()
    driver.expect("it starts with one processor", "ready")
    ip("-n", NETNS, "addr", "add", "10.77.0.2/24", "dev", "nic0")
    ip("-n", NETNS, "link", "set", "nic0", "mtu", "3000", "up")
    check(inside(ping), "it answers ARP and ping")
    check(inside(echo), "it answers UDP echo")
    check(inside(send_bad_frames), "bad frames are sent")
    check(inside(ping), "and it answers afterwards")
    status, totals = driver.quit()
    check(status == 0, "it ends well", status)
    for fate, least in (("truncated", 20), ("malformed", 10), ("bad checksum", 10), ("fragment", 10), ("unwanted", 10),
                        ("oversized", 10), ("answered", 3)):
        check(totals.get(fate, 0) >= least, f"counted: {fate}", totals)


def arrivals_that_fail():
    driver = Driver("--queues", "2")
    driver.expect("it starts", "ready")
    driver.tell("fail\nadd")
    driver.expect("who fails to come up is told of, and its queue goes", "processor 1 does not come")
    driver.tell("add")
    driver.expect("the next attempt gets it again", "queues in use: 2")
    driver.tell("add")
    driver.expect("beyond the limit it refuses", "no queue for processor 2: the limit is 2")
    driver.expect("and the processor does not come", "processor 2 does not come")
    before = driver.stops()
    driver.tell("cancel")
    end = time.monotonic() + WAIT
    while driver.stops() < before + 2 and time.monotonic() < end:
        time.sleep(0.02)
    check(driver.stops() >= before + 2, "after a stop that was cancelled it asks for another one", driver.output())
    driver.tell("nonsense")
    driver.expect("what is no command is named", "no such command: nonsense")
    check(driver.quit()[0] == 0, "it ends well")


def numbered_sockets(count):
    """Sockets of NETNS, each with a flow of its own to the device."""
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{NETNS}") as there:
        LIBC.setns(there.fileno(), 0x40000000)
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        LIBC.setns(home.fileno(), 0x40000000)
    for s in sockets:
        s.connect(("10.77.0.1", 7))
        s.settimeout(WAIT)
        s.send(b"-1")
        s.recv(10)
    return sockets


def flows_in_order():
    """Frames wait in the old queue while their flows move, and more in the new one: whoever begins with those reorders them."""
    driver = Driver()
    driver.expect("it starts", "ready")
    ip("-n", NETNS, "addr", "add", "10.77.0.2/24", "dev", "nic0")
    ip("-n", NETNS, "link", "set", "nic0", "up")
    sockets = numbered_sockets(16)
    driver.tell("short")  # small rings: the old queue is not emptied in one go
    driver.expect("rings are small", "memory is short")
    driver.tell("rates\npause\ntotals")
    driver.expect("frames wait", "totals end")
    sent, last = 0, 56  # rounds; a queue of the kernel has room for 1000 frames
    while sent < 40 or (sent < last and "queues in use: 2" not in driver.output()):
        if sent == 40:
            driver.tell("add")
        for s in sockets:
            s.send(b"%d" % sent)
        sent += 1
        time.sleep(0.001 if sent > 40 else 0)
    driver.expect("flows move, and the newcomer is let in", "queues in use: 2")
    driver.tell("resume")
    got = [[int(s.recv(10)) for _ in range(sent)] for s in sockets]
    check(all(numbers == list(range(sent)) for numbers in got), "every flow comes back whole and in order", got)
    driver.tell("rates")
    driver.expect("that is counted", "rates end", 2)
    check(re.search(r"queue 1 processor 1 at 1: [1-9]", driver.output()), "some of it through the new queue", driver.output())
    check(driver.quit()[0] == 0, "it ends well")


def take_queues(count):
    """So many of nic0, as another program would."""
    queues = []
    for _ in range(count):
        queues.append(os.open("/dev/net/tun", os.O_RDWR))
        fcntl.ioctl(queues[-1], TUNSETIFF, struct.pack("16sH14x", b"nic0", TAP | MULTI_QUEUE | NO_PI))
    return queues


def queues_of_the_kernel():
    driver = Driver()
    driver.expect("it starts", "ready")
    ready, done = os.pipe(), os.pipe()
    taker = os.fork()
    if taker == 0:
        with open(f"/run/netns/{NETNS}") as there:
            LIBC.setns(there.fileno(), 0x40000000)
        kept = take_queues(255)
        os.write(ready[1], b"%d" % len(kept))
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 10)
    driver.tell("add")
    driver.expect("when the interface has no queue left it says so", "all its queues are in use")
    driver.expect("and the processor does not come", "processor 1 does not come")
    os.write(done[1], b"x")
    os.waitpid(taker, 0)
    driver.tell("add")
    driver.expect("once there are some it comes", "queues in use: 2")
    check(driver.quit()[0] == 0, "it ends well")


def memory():
    driver = Driver()
    driver.expect("it starts", "ready")
    driver.expect("with plenty of memory rings are long", "memory is plentiful: 256 buffers a queue")
    driver.tell("short")
    driver.expect("when memory runs short they shrink", "memory is short: 16 buffers a queue")
    driver.tell("module")
    driver.expect("with a module they grow", "memory is plentiful: 256 buffers a queue", 2)
    check(driver.quit()[0] == 0, "it ends well")


def interface_that_goes():
    driver = Driver()
    driver.expect("it starts", "ready")
    ip("-n", NETNS, "link", "set", "nic0", "up")
    ip("-n", NETNS, "link", "del", "nic0")
    driver.expect("when the interface goes it says so", "the interface is gone")
    driver.tell("totals")
    driver.expect("and waits for commands", "totals end")
    check(driver.quit()[0] == 0, "it ends well")


def refused(what, text, *command):
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT)
    check(run.returncode in (1, 2) and text in run.stderr, what, f"status {run.returncode}\n{run.stderr}")


def refusals():
    refused("no interface", "no interface", TAPNIC)
    for arguments in (("--queues", "0", "nic0"), ("--queues", "257", "nic0"), ("--queues", "2x", "nic0"), ("--queues",),
                      ("--address", "10.0.0", "nic0"), ("--backend", "moon", "nic0"), ("--colour", "red", "nic0"),
                      ("a-name-that-is-too-long",), ("nic0@",), ("a", "b", "c")):
        refused("refused: " + " ".join(arguments), "usage:", TAPNIC, *arguments)
    refused("a namespace that does not exist", "cannot enter network namespace no-such", TAPNIC, "nic0@no-such")
    ip("-n", NETNS, "tuntap", "add", "dev", "single", "mode", "tap")
    refused("an interface with one queue only", "is no tap with multi_queue", TAPNIC, f"single@{NETNS}")
    copy = f"/tmp/{NETNS}.copy"
    subprocess.run(("install", "-m", "755", TAPNIC, copy), check=True)
    refused("nobody may not", "needs CAP_NET_ADMIN", "setpriv", "--reuid=65534", "--clear-groups", copy, "nic0")
    os.unlink(copy)


def main():
    global LIBC
    import ctypes
    LIBC = ctypes.CDLL(None, use_errno=True)
    try:
        allowed = os.path.exists("/dev/net/tun") and ip("netns", "add", NETNS).returncode == 0 and ip(
            "-n", NETNS, "tuntap", "add", "dev", "probe", "mode", "tap").returncode == 0
    except FileNotFoundError:
        allowed = False
    try:
        if not allowed:
            print("skipped: network namespaces or TAP interfaces are not allowed here")
            return 77
        for story in (answers_and_drops, flows_in_order, arrivals_that_fail, queues_of_the_kernel, memory, interface_that_goes,
                      refusals):
            print(f"-- {story.__name__}", flush=True)
            story()
    finally:
        if allowed:
            ip("netns", "del", NETNS)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
