#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The command that plays the scenarios, without a machine: what it says when something is missing, that it never hangs and
leaves nothing running, and what a report says. QEMU and the other tools are stubs.
"""
import io
import json
import lzma
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import kernels  # noqa: E402
from guest import Event, Guest  # noqa: E402
from report import Report  # noqa: E402
from result import Arrival, Result  # noqa: E402

# Opens the sockets, speaks the monitor's greeting and answers it. "mute": the guest says nothing; "boots": it answers
# each line with a failure.
QEMU = """#!%s
import os, re, socket, sys, threading
def serve(name, answer):
    server = socket.socket(socket.AF_UNIX)
    server.bind(re.search(r"path=(\\S+/" + name + r"),", " ".join(sys.argv)).group(1))
    server.listen()
    return threading.Thread(target=answer, args=(server,))
def monitor(server):
    file = server.accept()[0].makefile("rwb", 0)
    file.write(b'{"QMP": {}}\\n')
    for line in file:
        file.write(b'{"event": "NOISE"}\\n{"return": {}}\\n')
def serial(server):
    file = server.accept()[0].makefile("rwb", 0)
    if %r == "boots":
        file.write(b"= 0\\n")
    for line in file:
        file.write(b"no such thing\\n= 7\\n")
open(%r, "w").write(str(os.getpid()))
threads = [serve("monitor", monitor), serve("serial", serial)]
for thread in threads: thread.start()
"""


class Harness(unittest.TestCase):
    """A folder with stubs for PATH, a build with programs of nothing, and a kernel."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.bin, self.out, self.build, self.pid = (self.root / name for name in ("bin", "out", "build", "pid"))
        self.bin.mkdir()
        for name in ("busybox", "cpio", "ldd"):
            self.stub(name, "#!/bin/sh\n")
        tests = [f"tests/test_linux_{source.stem}" for source in (HERE.parent / "linux").glob("*.c")]
        for name in ("tests/vm/vm_watch", "tools/dhp", "stress/torture", "examples/tapnic", "examples/tapnic_traffic", *tests):
            (self.build / name).parent.mkdir(parents=True, exist_ok=True)
            (self.build / name).touch()
        kernels = self.out / "kernels"
        kernels.mkdir(parents=True)
        for series in ("6.1.9", "6.1.10", "6.12.1"):
            (kernels / f"vmlinuz-{series}-test").touch()
            (kernels / f"tun-{series}-test.ko").touch()
        (kernels / "vmlinuz-6.1.11-test").touch()  # without its module

    def tearDown(self):
        self.folder.cleanup()

    def stub(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def qemu(self, kind):
        self.stub("qemu-system-x86_64", QEMU % (sys.executable, kind, str(self.pid)))

    def begin(self, *options):
        return subprocess.Popen([sys.executable, "-B", str(HERE / "run.py"), "--build", str(self.build), "--out", str(self.out), *options],
                                env={"PATH": str(self.bin), "TMPDIR": str(self.root)}, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)

    def run_it(self, *options):
        process = self.begin(*options)
        output = process.communicate(timeout=60)[0]
        return process.returncode, output

    def assert_no_machine(self):
        self.assertRaises(ProcessLookupError, os.kill, int(self.pid.read_text()), 0)
        self.assertEqual(list(self.root.glob("dhp-vm-*")), [])

    # ---- what is missing ----

    def test_missing_programs_are_named_with_what_installs_them(self):
        (self.bin / "cpio").unlink()
        status, output = self.run_it("--quick")
        self.assertEqual(status, 2)
        self.assertEqual(output, "vm: not installed: qemu-system-x86_64, cpio; tools/install-deps --for vm\n")

    def test_a_busybox_that_is_not_static_is_refused(self):
        self.qemu("boots")
        self.stub("ldd", "#!/bin/sh\necho '	/lib/libc.so.6 (0x1)'\n")
        status, output = self.run_it("--quick")
        self.assertEqual((status, output), (2, "vm: busybox is not static: tools/install-deps --for vm\n"))

    def test_programs_that_are_not_built_are_named(self):
        self.qemu("boots")
        (self.build / "tools/dhp").unlink()
        status, output = self.run_it("--quick")
        self.assertEqual(status, 2)
        self.assertIn(f"vm: not built: {self.build / 'tools/dhp'}; make build\n", output)

    def test_without_kernels_and_package_manager_it_says_where_to_put_one(self):
        self.qemu("boots")
        for kernel in (self.out / "kernels").iterdir():
            kernel.unlink()
        status, output = self.run_it("--quick")
        self.assertEqual(status, 2)
        self.assertIn("vm: no apt-cache here; put kernels into build/vm/kernels", output)

    def test_without_network_it_says_so(self):
        self.qemu("boots")
        for kernel in (self.out / "kernels").iterdir():
            kernel.unlink()
        self.stub("apt-cache", "#!/bin/sh\necho '  Depends: linux-image-6.1.0-1-test'\n")
        self.stub("apt-get", "#!/bin/sh\necho 'could not resolve' >&2\nexit 100\n")
        status, output = self.run_it("--quick")
        self.assertEqual(status, 2)
        self.assertIn("vm: cannot download linux-image-6.1.0-1-test: could not resolve; is there a network", output)

    def test_unknown_names_are_refused_with_those_that_are_known(self):
        for options, known in ((["--kernels"], "6.1, 6.12"), (["--scenarios"], "arrive, offline"),
                               (["--module", "--scenarios"], "loaded, added")):
            status, output = self.run_it(*options, "nonsense")
            self.assertEqual(status, 2)
            self.assertIn(f"nonsense is none of: {known}", output)

    # ---- the module ----

    def module_tools(self):
        self.qemu("boots")
        for name in ("make", "gcc-12", "dpkg-deb"):
            self.stub(name, "#!/bin/sh\n")

    def test_the_module_wants_its_own_compiler(self):
        self.module_tools()
        (self.bin / "gcc-12").unlink()
        status, output = self.run_it("--module", "--quick")
        self.assertEqual((status, output), (2, "vm: not installed: gcc-12; tools/install-deps --for vm\n"))

    def test_headers_that_are_gone_from_the_lists_are_named_with_what_to_do(self):
        self.module_tools()
        self.stub("apt-cache", "#!/bin/sh\n")
        self.stub("apt-get", "#!/bin/sh\n")
        status, output = self.run_it("--module", "--quick")
        self.assertEqual(status, 2)
        self.assertIn("vm: the package lists have no headers of 6.1.10-test any more; remove build/vm/kernels/vmlinuz-6.1.10-test", output)

    def test_a_module_that_cannot_be_built_is_told_with_the_words_of_its_build(self):
        self.module_tools()
        (self.out / "headers/6.1.10-test/usr/src/linux-headers-6.1.10-test").mkdir(parents=True)
        for name in ("sed", "sh", "dirname"):
            (self.bin / name).symlink_to(shutil.which(name))
        status, output = self.run_it("--module", "--quick")
        self.assertEqual(status, 2)
        self.assertIn("holds no headers of a kernel", output)

    # ---- machines that do not do what they should ----

    def test_a_machine_that_does_not_start_fails_its_scenario(self):
        self.stub("qemu-system-x86_64", "#!/bin/sh\necho no such option >&2\nexit 1\n")
        status, output = self.run_it("--quick")
        self.assertEqual(status, 1)
        self.assertIn("FAILED the scenario came to its end: MachineError: QEMU does not start", output)
        self.assertEqual((self.out / "log/6.1-arrive.qemu").read_text(), "no such option\n")

    def test_a_guest_that_says_nothing_ends_at_the_limit(self):
        self.qemu("mute")
        status, output = self.run_it("--quick", "--limit", "1")
        self.assertEqual(status, 1)
        self.assertIn("the limit of 1 s is reached; GuestError: it does not boot", output)
        self.assert_no_machine()

    def test_a_command_that_fails_in_the_guest_fails_the_scenario_and_the_next_one_is_played(self):
        self.qemu("boots")
        status, output = self.run_it("--kernels", "6.1,6.12", "--scenarios", "arrive,cpuset1")
        self.assertEqual(status, 1)
        self.assertEqual(output.count("GuestError: rule: status 7: no such thing"), 2)
        self.assertIn("== Linux 6.1.10-test", output)           # the newest
        self.assertEqual(output.count("-- cpuset1"), 1)         # only where there is such a thing
        self.assertEqual(json.loads((self.out / "report.json").read_text())["checks_failed"], 3)
        self.assert_no_machine()

    def test_nothing_is_left_when_it_is_ended(self):
        for number, status in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            self.qemu("mute")
            process = self.begin("--quick")
            while not (self.pid.exists() and self.pid.read_text()):
                time.sleep(0.01)
            while not list(self.root.glob("dhp-vm-*/serial")):
                time.sleep(0.01)
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, status)
            self.assert_no_machine()
            self.pid.unlink()


class Packages(unittest.TestCase):
    """A kernel is taken out of its package with its module, in either form in which Debian has it, or not at all."""

    def take_out(self, *names):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with tarfile.open(folder / "contents", "w") as contents:
                for path in names:
                    data = lzma.compress(b"module") if path.endswith(".xz") else b"module" if path.endswith(".ko") else b"kernel"
                    entry = tarfile.TarInfo(path)
                    entry.size = len(data)
                    contents.addfile(entry, io.BytesIO(data))
            (folder / "dpkg-deb").write_text(f"#!/bin/sh\ncat {folder}/contents\n")
            (folder / "dpkg-deb").chmod(0o755)
            (folder / "out").mkdir()
            with mock.patch.dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"):
                kernels.take_out(Path("some.deb"), "6.1.7-test", folder / "out")
            return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}

    def test_the_module_lies_beside_its_kernel(self):
        for module in ("./lib/modules/6.1.7-test/kernel/drivers/net/tun.ko", "./usr/lib/modules/6.1.7-test/kernel/drivers/net/tun.ko.xz"):
            self.assertEqual(self.take_out("./boot/vmlinuz-6.1.7-test", module, "./boot/config-6.1.7-test"),
                             {"vmlinuz-6.1.7-test": b"kernel", "tun-6.1.7-test.ko": b"module"})

    def test_a_package_without_either_is_named(self):
        for names in (("./boot/vmlinuz-6.1.7-test",), ("./lib/modules/6.1.7-test/kernel/drivers/net/tun.ko",), ()):
            with self.assertRaisesRegex(kernels.NoKernel, "some.deb holds no ./boot/vmlinuz-6.1.7-test, or no tun.ko"):
                self.take_out(*names)


class Lines:
    """In the place of a machine: what the guest said, and when it came."""

    def __init__(self, lines):
        self.lines, self.closed = [(0.0, "= 0"), *lines], False

    def wait(self, found, _seconds):
        return found()


class Clocks(unittest.TestCase):
    def test_the_fastest_line_tells_the_difference_of_the_clocks(self):
        guest = Guest(Lines([(105.5, "! 5000000000 tick"), (105.3, "! 5200000000 tick"), (150.0, "! 9000000000 tick"),
                             (105.6, "not an event"), (106.0, "! 5400000000 start cpu=3")]))
        self.assertAlmostEqual(guest.host_time(guest.events("start")[0]), 5.4 + 100.1)

    def test_events_are_found_by_words_and_fields(self):
        event = Event(0.0, "! 1000 uevent add cpu cpu3 node=1")
        self.assertTrue(event.fits("uevent", ("add", "cpu"), {"node": 1}))
        for kind, words, fields in (("start", (), {}), ("uevent", ("online",), {}), ("uevent", (), {"node": 0}), ("uevent", (), {"cpu": 3})):
            self.assertFalse(event.fits(kind, words, fields))


class Reports(unittest.TestCase):
    def setUp(self):
        self.report = Report()
        result = Result("arrive")
        result.check(True, "held")
        result.check(False, "did not hold", "what was seen")
        result.processors.append(Arrival("one by one", 10.0, {"uevent": 10.02, "start": 10.4, "complete": None}, cpu=3, node=1))
        result.modules.append(Arrival("one block", 10.0, {"uevent": 10.05, "first_block": 10.1}, MiB=128, node=0))
        result.finding("something")
        result.most = 9
        self.result = result
        self.report.add("Linux X", result)

    def account(self, lost):
        self.result.account(Event(0.0, f"! 1 account inserted=5 ran={5 - lost} lost={lost} doubled=0 refused=0"))

    def test_times_are_from_the_command_and_what_was_lost_is_known_after_the_account(self):
        self.assertEqual(self.result.processors[0].cells(), ["one by one", "3", "1", "20", "400", "-", "?"])
        self.account(lost=0)
        self.assertEqual(self.result.processors[0].cells()[-1], "0")
        self.assertEqual(self.result.failures, 1)
        self.account(lost=2)
        self.assertEqual(self.result.modules[0].cells(), ["one block", "128", "0", "50", "100", "2"])
        self.assertEqual(self.result.failures, 2)

    def test_the_short_text_has_what_failed_the_long_one_all(self):
        short, whole = (self.report.scenario(self.result, whole) for whole in (False, True))
        self.assertIn("-- arrive: 1 checks held, 1 failed", short)
        self.assertIn("FAILED did not hold: what was seen", short)
        self.assertNotIn("ok     held", short)
        self.assertIn("ok     held", whole)
        self.assertIn("1 findings about the library\n  Linux X, arrive: something\nmost processors in a guest: 9 (arrive)\n"
                      "1 checks failed", self.report.end(1))

    def test_the_file_for_programs_has_every_arrival(self):
        self.account(lost=0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "report.json")
            self.report.write_json(path, 12.34)
            whole = json.loads(path.read_text())
        self.assertEqual((whole["version"], whole["checks_failed"], whole["most_processors"], whole["seconds"]), (1, 1, 9, 12.3))
        kernel = whole["kernels"]["Linux X"]
        self.assertEqual(kernel["processors"], [{"scenario": "arrive", "what": "one by one", "cpu": 3, "node": 1, "items_lost": 0,
                                                 "ms": {"uevent": 20.0, "start": 400.0, "complete": None}}])
        self.assertEqual(kernel["modules"][0]["MiB"], 128)
        self.assertEqual(kernel["scenarios"][0]["failed"], ["did not hold: what was seen"])


if __name__ == "__main__":
    unittest.main()
