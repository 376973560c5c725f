# SPDX-License-Identifier: BSD-2-Clause
"""The guest as a scenario sees it: commands with a status, and what the program vm_watch says, with both clocks compared.

An event carries the guest's time; the line that brings it arrives here a little later. The smallest difference between the
two, over the lines of a second before and after, is the guest's clock as seen from here, but for the fastest line's way (a
millisecond or so). So a time from a command to an event is never shown too short by the comparison.
"""
import re

from machine import MachineError

SIGHT = 1.0  # seconds before and after


class GuestError(Exception):
    """The guest did not answer, or a command failed that had to work."""


class Event:
    def __init__(self, host, text):
        _, time, self.kind, *self.words = text.split()
        self.host, self.time = host, int(time) / 1e9
        self.fields = dict(word.split("=", 1) for word in self.words if "=" in word)

    def number(self, name):
        return int(self.fields[name])

    def fits(self, kind, words, fields):
        return (self.kind == kind and self.words[:len(words)] == list(words)
                and all(self.fields.get(name) == str(value) for name, value in fields.items()))


class Guest:
    def __init__(self, machine, patience=60):
        self.machine = machine
        self.patience = patience
        self.at = 0         # lines looked at for answers
        self.parsed = 0     # lines looked at for events
        self.happened = []
        if self._answer(patience) is None:
            raise GuestError("it does not boot; see the console")

    def _events(self):
        lines = self.machine.lines
        while self.parsed < len(lines):
            host, text = lines[self.parsed]
            self.parsed += 1
            if re.match(r"! \d+ \S", text):
                self.happened.append(Event(host, text))
        return self.happened

    # ---- commands ----

    def _answer(self, seconds):
        output = []

        def found():
            while self.at < len(self.machine.lines):
                text = self.machine.lines[self.at][1]
                self.at += 1
                if re.fullmatch(r"= \d+", text):
                    return int(text[2:]) + 1
                if not text.startswith("!"):
                    output.append(text)
            return None
        status = self.machine.wait(found, seconds)
        return None if status is None else (status - 1, "\n".join(output))

    def run(self, command, seconds=None):
        """(status, output)"""
        self.machine.send(command)
        answer = self._answer(seconds or self.patience)
        if answer is None:
            raise MachineError("the guest has stopped") if self.machine.closed else GuestError(f"no answer to: {command}")
        return answer

    def ok(self, command, seconds=None):
        status, output = self.run(command, seconds)
        if status:
            raise GuestError(f"{command}: status {status}: {output}")
        return output

    # ---- the program watch ----

    def watch(self, *options, within=""):
        """within: what the shell does before it becomes the program."""
        self.ok(f"sh -c '{within} exec vm_watch {' '.join(map(str, options))}' & watch=$!")
        self.await_event("ready")

    def report(self):
        """{index: event} of the processors, asked for now."""
        mark = len(self._events())
        self.ok("kill -USR1 $watch")
        self.await_event("report", since=mark)
        return {event.number("index"): event for event in self.events("processor", since=mark)}

    def end_watch(self):
        """The account of the items; the program has ended well."""
        mark = len(self._events())
        self.ok("kill -TERM $watch")
        account = self.await_event("account", since=mark, seconds=2 * self.patience)
        self.await_event("destroyed", "DHP_OK", since=mark)
        self.ok("wait $watch")
        return account

    def events(self, kind, *words, since=0, **fields):
        return [event for event in self._events()[since:] if event.fits(kind, words, fields)]

    def find_event(self, kind, *words, since=0, seconds=None, **fields):
        """The first one from then on, or None after that time."""
        return self.machine.wait(lambda: next(iter(self.events(kind, *words, since=since, **fields)), None),
                                 seconds or self.patience)

    def await_event(self, kind, *words, since=0, seconds=None, **fields):
        found = self.find_event(kind, *words, since=since, seconds=seconds, **fields)
        if found is None:
            wanted = " ".join([kind, *words, *(f"{name}={value}" for name, value in fields.items())])
            raise GuestError(f"it did not happen: {wanted}")
        return found

    def mark(self):
        """Where `since` begins for what happens from now on."""
        return len(self._events())

    def host_time(self, event):
        near = [other.host - other.time for other in self._events() if abs(other.time - event.time) < SIGHT]
        return event.time + min(near)
