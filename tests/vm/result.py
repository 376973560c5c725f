# SPDX-License-Identifier: BSD-2-Clause
"""What a scenario found: checks that must hold, the time line of each arrival, and what is worth knowing about the library.

A finding is no failure: it is what the library does not do yet, seen on a real change.
"""


class Arrival:
    """One processor, or one memory module: the host's times of what happened to it, and what was lost in its scenario."""

    def __init__(self, what, command, times, **known):
        self.what, self.known = what, known
        self.ms = {step: time and round((time - command) * 1000, 1) for step, time in times.items()}
        self.lost = None  # not known: the scenario did not come to its account

    def cells(self):
        times = ["-" if time is None else f"{time:.0f}" for time in self.ms.values()]
        return [self.what, *map(str, self.known.values()), *times, "?" if self.lost is None else str(self.lost)]

    def facts(self, scenario):
        return {"scenario": scenario, "what": self.what, **self.known, "ms": self.ms, "items_lost": self.lost}


class Result:
    def __init__(self, name):
        self.name = name
        self.lines, self.findings, self.facts = [], [], []
        self.processors, self.modules = [], []  # arrivals
        self.most = 0  # processors at once
        self.failures = 0
        self.seconds = 0.0

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
        for arrival in self.processors + self.modules:
            arrival.lost = event.number("lost")
        self.fact(f"{event.fields['inserted']} items inserted, {event.fields['ran']} ran")
        self.check(event.number("lost") == 0, "no item was lost", event.words)
        self.check(event.number("doubled") == 0, "no item ran twice", event.words)
        self.check(event.number("refused") == 0, "no insert was refused", event.words)
        self.check(event.number("ran") > 0, "items ran", event.words)
