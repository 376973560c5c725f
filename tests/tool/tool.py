# SPDX-License-Identifier: BSD-2-Clause
"""Run the tool and look at what it says. Each test is a script: the tool's path first, status 77 means "skipped"."""

import json
import os
import subprocess
import sys

SKIPPED = 77
TOOL = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DHP_TOOL", "dhp")


class Run:
    def __init__(self, arguments, status, out, err):
        self.arguments, self.status, self.out, self.err = arguments, status, out, err

    def __str__(self):
        return f"dhp {' '.join(self.arguments)}\n status {self.status}\n stdout {self.out}\n stderr {self.err}"


def run(*arguments, prefix=(), timeout=240):
    done = subprocess.run([*prefix, TOOL, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
    return Run(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())


def expect(condition, what, seen=""):
    if not condition:
        sys.exit(f"FAILED: {what}\n{seen}")


def fine(*arguments, **options):
    done = run(*arguments, **options)
    expect(done.status == 0 and not done.err, "status 0 and nothing on stderr", done)
    return done


def refused(*arguments, says, status=2, **options):
    """Ends with the status, says why in one line that begins with the command, and prints no result."""
    done = run(*arguments, **options)
    expect(done.status == status, f"status {status}", done)
    expect(done.err.startswith("dhp"), "the message begins with the name", done)
    for text in says:
        expect(text in done.err, f"the message says {text!r}", done)
    return done


def objects(text):
    """One JSON object a line."""
    return [json.loads(line) for line in text.splitlines()]


def allowed_cpus():
    return sorted(os.sched_getaffinity(0))
