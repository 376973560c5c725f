# SPDX-License-Identifier: BSD-2-Clause
"""On a terminal the demo draws bars in place; with --plain, or on a dumb one, it prints lines."""

import os
import pty

from tool import TOOL, expect

CLEAR = "\033[J"


def on_terminal(term, *more):
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM=term, LC_ALL="C.UTF-8")
        os.execv(TOOL, ["dhp", "demo", "--backend", "sim", "--processors", "3", "--seconds", "1.5", *more])
    text = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the terminal is gone when its last writer has ended
            break
        if not part:
            break
        text += part
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    expect(status == 0, "status 0", text)
    return text.decode()


bars = on_terminal("xterm")
expect(bars.count(CLEAR) >= 5, "redrawn many times", bars)
last = bars.split(CLEAR)[-2]
expect(last.count("items/s") == 4 and "\u2588" in last, "a bar for each processor, and the total", last)
expect("3 of 3 processors" in last, "how many there are", last)
expect("Fine:" in bars.split(CLEAR)[-1], "the report comes after", bars)

for plain in (on_terminal("xterm", "--plain"), on_terminal("dumb")):
    expect("\033" not in plain and plain.count("arrived as index") == 2, "lines only", plain)
