# SPDX-License-Identifier: BSD-2-Clause
"""A machine in QEMU's software emulation, steered from here: its monitor (QMP) and one serial line into the guest.

Every line that crosses either is kept with the host's time. Lines of the guest that begin with "!" are events (guest.py).
"""
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

QEMU = "qemu-system-x86_64"

# Without each of these some kernel does not take processors, or takes them seldom, under emulation without KVM:
# - 6.12 believes in hot-pluggable processors only under a hypervisor that it knows. This emulation is none, but VMware
#   is recognised by a serial number and an I/O port that QEMU has, if the CPU itself does not name another.
# - MTRRs are set up with all other processors stopped; where two host processors carry sixteen, that takes long.
CPU = "qemu64,-mtrr,-hypervisor"
SMBIOS = "type=1,serial=VMware-guest"
# - One clock for all processors: it need not be tested, nor the delay loop be measured, on each that comes.
APPEND = "console=ttyS0 panic=-1 tsc=reliable lpj=10000000"
# - With 8 or fewer possible processors the kernel sends interrupts in a mode that QEMU 7.2 gets wrong when APIC ids have
#   gaps. Above 255 an x2APIC would be needed, which it does not emulate.
SLOTS_LEAST, SLOTS_MOST = 9, 255


class MachineError(Exception):
    """The monitor refused, or the machine is gone."""


class Machine:
    def __init__(self, kernel, initrd, log, limit, *, boot=1, slots=16, memory="512M", nodes=1, parallel=True, append=""):
        if not SLOTS_LEAST <= slots <= SLOTS_MOST:
            raise ValueError(f"slots: {SLOTS_LEAST} to {SLOTS_MOST}")
        self.folder = Path(tempfile.mkdtemp(prefix="dhp-vm-"))
        self.log = Path(log)
        self.lines = []              # (host time, text) from the guest
        self.seen = threading.Condition()
        self.closed = False
        self.transcript = open(f"{log}.log", "w", buffering=1)
        self.start = time.monotonic()
        self.serial = None
        with open(f"{log}.qemu", "w") as words:
            self.process = subprocess.Popen(self._arguments(kernel, initrd, boot, slots, memory, nodes, parallel, append),
                                            stdin=subprocess.DEVNULL, stderr=words)
        self.expired = False
        self.alarm = threading.Timer(limit, self._expire)
        self.alarm.daemon = True
        self.alarm.start()
        try:
            self._open()
        except BaseException:
            self.stop()
            raise

    def _open(self):
        self.monitor = self._connect("monitor")
        self.monitor_file = self.monitor.makefile("rb")
        self.serial = self._connect("serial")
        threading.Thread(target=self._read_serial, daemon=True).start()
        self._message()              # the greeting
        self.ask("qmp_capabilities")

    def _expire(self):
        """Everybody who waits for the machine learns that it is gone."""
        self.expired = True
        self.note("the limit is reached")
        self.process.kill()

    def _arguments(self, kernel, initrd, boot, slots, memory, nodes, parallel, append):
        def socket_of(name):
            return f"socket,id={name},path={self.folder / name},server=on,wait=off"
        # The machine ends with us. One socket for each slot, so that each can be in any node.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        arguments = guard + [
            QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35",
            "-accel", f"tcg,thread={'multi' if parallel else 'single'}", "-cpu", CPU, "-smbios", SMBIOS,
            "-smp", f"{boot},maxcpus={slots},sockets={slots},cores=1,threads=1",
            "-m", f"{memory},slots=8,maxmem=8G", "-kernel", str(kernel), "-initrd", str(initrd), "-append", f"{APPEND} {append}",
            "-chardev", f"file,id=console,path={self.log}.console", "-serial", "chardev:console",
            "-chardev", socket_of("serial"), "-serial", "chardev:serial",
            "-chardev", socket_of("monitor"), "-mon", "chardev=monitor,mode=control"]
        if nodes > 1:                # the memory is node 0's; the slots are dealt out in equal runs
            arguments += ["-object", f"memory-backend-ram,id=ram0,size={memory}", "-numa", "node,nodeid=0,memdev=ram0"]
            for node in range(1, nodes):
                arguments += ["-numa", f"node,nodeid={node}"]
            for slot in range(slots):
                arguments += ["-numa", f"cpu,node-id={slot * nodes // slots},socket-id={slot}"]
        return arguments

    def _connect(self, name):
        end = time.monotonic() + 20
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(self.folder / name))
                return connection
            except OSError:
                connection.close()
                if time.monotonic() > end or self.process.poll() is not None:
                    raise MachineError("QEMU does not start; its words are in the log's .qemu")
                time.sleep(0.01)

    def note(self, text):
        if self.transcript.closed:
            return
        self.transcript.write(f"[{time.monotonic() - self.start:9.4f}] {text}\n")

    # ---- the monitor ----

    def _message(self):
        line = self.monitor_file.readline()
        if not line:
            raise MachineError("QEMU is gone")
        return json.loads(line)

    def ask(self, command, **arguments):
        self.monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self._message()
            if "error" in message:
                raise MachineError(f"{command}: {message['error'].get('desc')}")
            if "return" in message:
                return message["return"]

    def add_processor(self, slot):
        """Plugs it; the host's time of the command."""
        now = time.monotonic()
        self.note(f"monitor: plug the processor of slot {slot}")
        self.ask("device_add", driver="qemu64-x86_64-cpu", id=f"cpu{slot}",
                 **{"socket-id": slot, "core-id": 0, "thread-id": 0})
        return now

    def add_memory(self, name, mebibytes, node=0):
        now = time.monotonic()
        self.note(f"monitor: plug {mebibytes} MiB of memory, {name}, into node {node}")
        self.ask("object-add", **{"qom-type": "memory-backend-ram", "id": f"ram-{name}", "size": mebibytes << 20})
        self.ask("device_add", driver="pc-dimm", id=name, memdev=f"ram-{name}", node=node)
        return now

    # ---- the serial line ----

    def _read_serial(self):
        rest = b""
        while True:
            try:
                data = self.serial.recv(65536)
            except OSError:
                data = b""
            now = time.monotonic()
            with self.seen:
                if not data:
                    self.closed = True
                    self.seen.notify_all()
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    text = line.decode(errors="replace").strip("\r")
                    self.lines.append((now, text))
                    self.note(f"guest: {text}")
                self.seen.notify_all()

    def send(self, line):
        self.note(f"host: {line}")
        self.serial.sendall(line.encode() + b"\n")

    def wait(self, found, seconds):
        """Until found(), which looks at what came; its result, or None when the time is over or the guest is gone."""
        end = time.monotonic() + seconds
        with self.seen:
            while True:
                result = found()
                if result or self.closed or time.monotonic() >= end:
                    return result
                self.seen.wait(end - time.monotonic())

    def stop(self):
        self.alarm.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.serial:
            self.serial.close()
        with self.seen:              # the reader may be at a line
            self.transcript.close()
        shutil.rmtree(self.folder, ignore_errors=True)
