# SPDX-License-Identifier: BSD-2-Clause
"""The results of all scenarios, as text for people (report.txt) and for programs (report.json)."""
import json

PROCESSOR_HEADS = {"uevent": "uevent", "online": "online", "start": "Start", "complete": "Complete", "first_item": "first item"}
MODULE_HEADS = {"uevent": "uevent", "first_block": "first block", "last_block": "last block", "event": "High event"}


def table(rows):
    """Columns as wide as they must be, names to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                             for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def arrivals_table(results, kind, heads):
    """[] when nothing of that kind arrived."""
    arrived = [(result.name, arrival) for result in results for arrival in getattr(result, kind)]
    if not arrived:
        return []
    known = arrived[0][1].known
    rows = [["scenario", kind, *known, *heads.values(), "lost"]]
    return table(rows + [[name, *arrival.cells()] for name, arrival in arrived])


class Report:
    def __init__(self):
        self.kernels = {}  # {kernel: [Result]}

    def add(self, kernel, result):
        self.kernels.setdefault(kernel, []).append(result)

    def all(self):
        return [result for results in self.kernels.values() for result in results]

    @property
    def failures(self):
        return sum(result.failures for result in self.all())

    def most(self):
        return max(((result.most, result.name) for result in self.all()), default=(0, ""))

    # ---- for people ----

    def scenario(self, result, whole):
        """Whole, or without what held."""
        held = len(result.lines) - result.failures
        lines = [f"-- {result.name}: {held} checks held, {result.failures} failed, {result.seconds:.0f} s"]
        lines += [f"   {line}" for line in result.lines if whole or not line.startswith("ok")]
        lines += [f"   {fact}" for fact in result.facts if whole]
        lines += [f"   finding: {finding}" for finding in result.findings]
        return "\n".join(lines)

    def arrivals(self, kernel):
        """Every arrival on a kernel: milliseconds from the command that the monitor was given."""
        results = self.kernels.get(kernel, [])
        lines = [f"{kernel}: every arrival, ms after the monitor's command; items lost"]
        lines += arrivals_table(results, "processors", PROCESSOR_HEADS)
        lines += arrivals_table(results, "modules", MODULE_HEADS)
        return "\n".join(lines)

    def end(self, seconds):
        findings = [f"  {kernel}, {result.name}: {finding}"
                    for kernel, results in self.kernels.items() for result in results for finding in result.findings]
        most, name = self.most()
        return "\n".join([f"{len(findings)} findings about the library", *findings,
                          f"most processors in a guest: {most} ({name})",
                          f"{self.failures} checks failed, {seconds:.0f} s"])

    # ---- for programs ----

    def write_json(self, path, seconds):
        kernels = {kernel: {"scenarios": [self._facts(result) for result in results],
                            "processors": [arrival.facts(result.name) for result in results for arrival in result.processors],
                            "modules": [arrival.facts(result.name) for result in results for arrival in result.modules]}
                   for kernel, results in self.kernels.items()}
        whole = {"version": 1, "checks_failed": self.failures, "seconds": round(seconds, 1),
                 "most_processors": self.most()[0], "kernels": kernels}
        path.write_text(json.dumps(whole, indent=1) + "\n")

    @staticmethod
    def _facts(result):
        return {"name": result.name, "seconds": round(result.seconds, 1), "checks": len(result.lines),
                "failed": [line.split(None, 1)[1] for line in result.lines if line.startswith("FAILED")],
                "facts": result.facts, "findings": result.findings}
