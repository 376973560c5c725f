# SPDX-License-Identifier: BSD-2-Clause
"""dhp record and dhp monitor --replay: what a recording says is heard again, also when its writer was killed."""

import os
import signal
import subprocess
import sys
import tempfile
import time

from tool import SKIPPED, TOOL, allowed_cpus, expect, fine, objects, refused, run

folder = tempfile.TemporaryDirectory()
FILE = os.path.join(folder.name, "one")


def replay(name, *more, **options):
    done = fine("monitor", "--json", "--replay", name, "--speed", "max", *more, **options)
    return done.out, objects(done.out)


def heard(lines, *keys, **wanted):
    return [tuple(line.get(key) for key in keys) for line in lines if all(line[key] == wanted[key] for key in wanted)]


# ---- a simulation ----

done = fine("record", "--backend", "sim", "--processors", "9", "--seed", "3", FILE)
expect("lines" in done.out, "how many lines there are", done)
text, lines = replay(FILE)
expect(replay(FILE)[0] == text, "two replays are the same, byte for byte", text)
expect(all("time" not in line for line in lines), "no wall clock: the recording knows none", text)
complete = heard(lines, "index", channel="synchronous", event="complete")
expect(complete == [(index,) for index in range(9)], "all came, in their order", text)
played = objects(fine("monitor", "--json", "--replay", FILE, "--speed", "20").out)
expect(played == lines, "the speed changes nothing that is heard", played)

steps = len([line for line in open(FILE) if line.split()[2:3] == ["add"]])
expect(steps == 8, "eight were added", steps)
one = subprocess.run([TOOL, "monitor", "--json", "--replay", FILE, "--speed", "step"], input=b"\n\n\n", capture_output=True,
                     timeout=60)
expect(one.returncode == 0 and len(heard(objects(one.stdout.decode()), "index", event="complete")) == 4,
       "three steps for three lines of input", one)
out = fine("record", "--backend", "sim", "--processors", "3", "-").out
expect(out.startswith("dhp-record 1\n"), "- is the output", out)
piped = subprocess.run([TOOL, "monitor", "--replay", "-", "--speed", "max"], input=out.encode(), capture_output=True, timeout=60)
expect(piped.returncode == 0 and b"index 2" in piped.stdout, "and the input", piped)

page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "record-format.md")
example = "".join(line[4:] for line in open(page) if line.startswith("    ") and line[4] in "d0123456789")
with open(FILE + ".page", "w") as file:
    file.write(example)
expect(heard(replay(FILE + ".page")[1], "event", channel="synchronous", cpu=1) == [("start",), ("complete",)],
       "the example of docs/record-format.md is one", example)

# ---- files that are not as they should be ----

whole = open(FILE, "rb").read()


def written(data):
    name = os.path.join(folder.name, "other")
    with open(name, "wb") as file:
        file.write(data)
    return name


cut = run("monitor", "--replay", written(whole[:-20]), "--speed", "max")
expect(cut.status == 0 and "not complete" in cut.err and "index 8" in cut.out, "a cut last line is left out", cut)
lineless = run("monitor", "--replay", written(b"".join(whole.splitlines(True)[:-1])), "--speed", "max")
expect(lineless.status == 0 and "killed" in lineless.err, "a missing end is said", lineless)
refused("monitor", "--replay", written(b""), says=["line 0", "no recording"])
refused("monitor", "--replay", written(b"\x7fELF\n"), says=["line 1", "no recording"])
refused("monitor", "--replay", written(whole.replace(b"dhp-record 1", b"dhp-record 2")), says=["line 1", "later version"])
refused("monitor", "--replay", written(whole.replace(b" platform ", b" platter ")), says=["not known", "later version"])
refused("monitor", "--replay", written(whole.replace(b"maximum 9", b"maximum 99999999999999999999")), says=["line 2", "number"])
refused("monitor", "--replay", os.path.join(folder.name, "absent"), says=["absent", "No such file"])
refused("monitor", "--replay", folder.name, says=["Is a directory"])
refused("monitor", "--replay", FILE, "--speed", "fast", says=["--speed fast", "max"])
refused("monitor", "--replay", FILE, "--speed", "0", says=["--speed 0"])
refused("monitor", "--replay", FILE, "--backend", "sim", says=["--replay"])
refused("monitor", "--speed", "2", says=["--speed", "--replay"])
refused("monitor", "--replay", "-", "--speed", "step", says=["standard input"])
refused("record", says=["one FILE"])
refused("record", "a", "b", says=["one FILE", "2"])
refused("record", os.path.join(folder.name, "no", "where"), says=["cannot write", "No such file"])
full = refused("record", "--backend", "sim", "/dev/full", says=["cannot write /dev/full", "No space left"], status=1)
expect(not full.out, "nothing else", full)

refused("monitor", "--replay", "/dev/zero", says=["cannot read /dev/zero", "File too large"])

# ---- what waits for somebody else is ended by a signal ----

FIFO = os.path.join(folder.name, "fifo")
os.mkfifo(FIFO)
for words in (["record", "--backend", "sim", FIFO], ["monitor", "--replay", FIFO], ["monitor", "--replay", "-"],
              ["monitor", "--replay", FILE, "--speed", "step"]):
    process = subprocess.Popen([TOOL, *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
    expect(process.returncode in (0, -signal.SIGTERM), f"{words}: ended by the signal", process.returncode)

# ---- this machine, while its affinity changes ----

cpus = allowed_cpus()
if len(cpus) < 2:
    print("skipped: this process may use one CPU only")
    sys.exit(SKIPPED)


def wait_for(name, text):
    end = time.monotonic() + 60
    while text not in open(name).read():
        expect(time.monotonic() < end, f"the recording has {text!r}", open(name).read())
        time.sleep(0.01)


def record_changes(name, end):
    open(name, "w").close()
    process = subprocess.Popen(["taskset", "-c", str(cpus[0]), TOOL, "record", "--poll-ms", "5", name], stdout=subprocess.PIPE)
    wait_for(name, " engine begin ")
    os.sched_setaffinity(process.pid, cpus[:2])
    wait_for(name, f" engine usable {cpus[1]}\n")
    wait_for(name, " engine look poll ")
    os.sched_setaffinity(process.pid, cpus[:1])
    wait_for(name, f" engine unusable {cpus[1]}\n")
    process.send_signal(end)
    process.communicate(timeout=60)
    return process.returncode


for end, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)):
    expect(record_changes(FILE, end) == status, f"status {status}")
    expect(os.uname().nodename not in open(FILE).read() and "/" not in open(FILE).read(), "neither host nor path is inside")
    done = run("monitor", "--json", "--replay", FILE, "--speed", "max")
    expect(done.status == 0 and ("killed" in done.err) == (status != 0), "played, with a note if it was killed", done)
    lines = objects(done.out)
    changes = heard(lines, "event", "cpu", channel="synchronous", existing=False)
    expect(changes == [("start", cpus[1]), ("complete", cpus[1])], "the second CPU came", done)
    expect(heard(lines, "name", channel="asynchronous", existing=False) == [(f"processor-{cpus[1]}",)], "and was told of", done)
    usable = [count for count, in heard(lines, "usable", channel="counts")]
    # A kill may have come before the look was over.
    expect(usable[:2] == [1, 2] and usable[2:] in ([1], []) and (usable[2:] or status), "and went from use again", done)
