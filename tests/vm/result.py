# SPDX-License-Identifier: BSD-2-Clause
"""What a scenario found: checks that must hold, the time line of each arrival, and what is worth knowing about the library.

A finding is no failure: it is what the library does not do yet, seen on a real change.
"""

STEPS = ("uevent add", "online", "Start", "Complete", "first item")


class Arrival:
    """One processor: the host's times of what happened to it."""

    def __init__(self, what, cpu, node, command, times):
        self.what, self.cpu, self.node, self.command, self.times = what, cpu, node, command, times
        self.lost = "?"

    def cells(self):
        shown = [f"{(time - self.command) * 1000:.0f}" if time is not None else "-" for time in self.times]
        return [self.what, str(self.cpu), str(self.node), *shown, str(self.lost)]


class Result:
    def __init__(self, name):
        self.name = name
        self.lines, self.arrivals, self.findings, self.facts = [], [], [], []
        self.failures = 0

    def check(self, holds, what, seen=""):
        self.failures += not holds
        self.lines.append(f"{'ok    ' if holds else 'FAILED'} {what}{'' if holds or seen == '' else f': {seen}'}")
        return holds

    def finding(self, text):
        self.findings.append(text)

    def fact(self, text):
        self.facts.append(text)

    def account(self, event):
        """Nothing lost, nothing twice: the one check that every scenario ends with."""
        for arrival in self.arrivals:
            arrival.lost = event.fields["lost"]
        self.fact(f"{event.fields['inserted']} items inserted, {event.fields['ran']} ran")
        self.check(event.number("lost") == 0, "no item was lost", event.words)
        self.check(event.number("doubled") == 0, "no item ran twice", event.words)
        self.check(event.number("refused") == 0, "no insert was refused", event.words)
        self.check(event.number("ran") > 0, "items ran", event.words)

    def text(self, whole):
        """Whole, or without what held."""
        held = len(self.lines) - self.failures
        lines = [f"== {self.name}: {held} checks held, {self.failures} failed"]
        lines += [f"  {line}" for line in self.lines if whole or not line.startswith("ok")]
        if self.arrivals:
            heads = ["  ms after the command", "cpu", "node", *STEPS, "lost"]
            rows = [heads] + [["  " + cells[0], *cells[1:]] for cells in (a.cells() for a in self.arrivals)]
            widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
            lines += ["  ".join(cell.ljust(widths[0]) if column == 0 else cell.rjust(widths[column])
                                for column, cell in enumerate(row)) for row in rows]
        lines += [f"  {fact}" for fact in self.facts]
        lines += [f"  finding: {finding}" for finding in self.findings]
        return "\n".join(lines)
