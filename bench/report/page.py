# SPDX-License-Identifier: BSD-2-Clause
"""docs/performance.md, from one run or several."""
import os
import platform
import re
import subprocess
from pathlib import Path

import growth
import pause
from judge import MEDIAN, MISSED, floor_of, ours_of, verdict
from results import PLACES
from tables import PLACE_NAMES, job_rows, job_title, markdown, notes, number, quiet_rows, summary_lines, target_rows
from targets import TARGETS, TITLES

PACKAGES = ("libck-dev liburcu-dev libtbb-dev libconcurrentqueue-dev libreaderwriterqueue-dev libglib2.0-dev libuv1-dev "
            "libboost-dev libdpdk-dev libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev libbenchmark-dev").split()


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def caches(context):
    return ", ".join(f"L{cache['level']} {cache['type'].lower()} {cache['size'] // 1024} KiB"
                     for cache in context.get("caches", []))


def versions():
    try:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES],
                              capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return ", ".join(line for line in done.stdout.splitlines() if len(line.split()) == 2)


def library():
    root = Path(__file__).parents[2]
    version = re.search(r"VERSION ([0-9.]+)", (root / "CMakeLists.txt").read_text(encoding="utf-8").split("project(", 1)[1])
    try:
        done = subprocess.run(["git", "-C", str(root), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    except OSError:
        return version.group(1)
    return f"{version.group(1)} {done.stdout.strip()}".strip()


def repetitions(run):
    return max((len(values) for figures in run.figures.values() for figure in figures.values()
                for values in figure.values.values()), default=0)


def facts(results, command):
    context, runs = results.context, results.each()
    rows = [("date", ", ".join(run.context.get("date", "") for run in runs)),
            ("machine", f"{processor()}, {context.get('num_cpus', '?')} CPUs, {caches(context)}"),
            ("system", f"Linux {platform.release()}, {' '.join(platform.libc_ver())}"),
            ("compiler", context.get("compiler", "")),
            ("library", library()),
            ("rivals", versions()),
            ("command", f"`{command}`: {len(runs)} {'runs' if results.runs else 'run'}, repetitions: {repetitions(runs[0])}"),
            ("quiet", "; ".join(f"{name}{'yes' if quiet else 'NO'}, {why}" for name, quiet, why in quiet_rows(results)))]
    return "\n".join(f"- {name}: {value}" for name, value in rows if value)


def figures_line(results, target):
    """Ours and the floor at each place, in ns."""
    parts = []
    for place in PLACES:
        ours, floor = ours_of(results, target, place), floor_of(results, target, place)
        if ours is not None and floor is not None:
            parts.append(f"{number(ours)} ns, floor {number(floor)}{PLACE_NAMES[place]}")
    return "; ".join(parts)


def misses_part(results, explained):
    """A paragraph for each explanation that is needed, below the figures of its targets."""
    said, together = {name: text for names, text in explained.items() for name in names}, {}
    for target in TARGETS:
        how = verdict(results, target)
        if how in (MISSED, MEDIAN):
            text = said.get(target.name, "**Not explained yet.**" if how == MISSED else "In the median of the runs it is met.")
            together.setdefault(text, []).append(target)
    for text, targets in together.items():
        yield "\n".join(f"- **{target.name}** {target.job}: {figures_line(results, target)}" for target in targets) + f"\n\n{text}\n"


def part_of_group(results, group, drawn, folder):
    yield f"### {group}\n\n{TITLES.get(group, group)}\n"
    if group in drawn:
        yield f"![{group}]({os.path.relpath(drawn[group], folder)})\n"
    for rng, metric in results.jobs(group):
        rows = job_rows(results, group, rng, metric)
        if rows:
            yield f"{job_title(group, rng, metric)}:\n\n{markdown(rows)}\n"


def pause_parts(pauses, drawn, folder):
    yield "## What an arrival does to the processors that are there\n"
    if not pauses:
        yield "Not measured yet: `make pause`.\n"
        return
    yield ("`make pause`: processor 0 runs one DPC after another and measures an *insert*, a *read* of its slot and the *gap* since the\n"
           "one before, in a window around each arrival and in one of the same length without. *difference*: the median over the pairs\n"
           "of windows; *chance*: that signs so uneven come about when nothing differs; below 0.01 it *differs*.\n")
    for data in pauses:
        yield f"### {pause.title(data)}\n\nMeasured: {data['date']}.\n"
        for what, rows in pause.tables(data):
            yield f"{what}:\n\n{markdown(rows)}\n"
        name = f"pause-{data['backend']}"
        if name in drawn:
            yield f"![{name}]({os.path.relpath(drawn[name], folder)})\n"


def growth_parts(grown, drawn, folder):
    yield "## What an arrival costs as the partition grows\n"
    if not grown:
        yield "Not measured yet: `make growth`.\n"
        return
    yield ("`make growth`: simulated processors; *exponent*: the slope from 16 processors on, 0 where the cost does not depend on how\n"
           f"many there are, 1 where it grows as they do. Measured: {grown['date']}.\n")
    yield f"{markdown(list(growth.rows(grown)))}\n\n{growth.absent(grown)}\n"
    if "growth" in drawn:
        yield f"![growth]({os.path.relpath(drawn['growth'], folder)})\n"


def write(results, path, command, pictures, explained, pauses=(), grown=None):
    path = Path(path)
    drawn = {picture.stem: picture for picture in pictures}
    parts = ["<!-- SPDX-License-Identifier: BSD-2-Clause -->\n# Performance\n",
             "Generated by `make bench`, `make pause` and `make growth` on one machine; not edited by hand. Times are medians over",
             "repetitions in random order, of floors, ours and rivals side by side; *spread* is the distance of the quartiles. *near* and",
             "*far*: where a hypervisor moves the two processors about, bursts are filed under how long one cache line takes just before.",
             "What the groups measure stands in `bench/README.md` and at the heads of `bench/kinds/*.h` and `bench/groups/*.c`; what was",
             "tried and what it gave in [log.md](performance/log.md) and [log-arrays.md](performance/log-arrays.md).\n",
             facts(results, command) + "\n"]
    parts += [f"**{note}**\n" for note in notes(results)]
    parts += ["## Targets\n", "Ours as a multiple of the hand-written floor in the same run. Of the 18, whose rows with a letter all have to be met"
              " (" + ", ".join(target.name for target in TARGETS if not target.counts) + " are shown beside them and do not count):\n",
              "\n".join(f"- {line}" for line in summary_lines(results)) + "\n", markdown(target_rows(results)) + "\n",
              "### Why targets are missed, and what would have to give\n", "From [misses.md](performance/misses.md).\n"]
    parts += misses_part(results, explained)
    parts += pause_parts(pauses, drawn, path.parent)
    parts += growth_parts(grown, drawn, path.parent)
    parts += ["## Each group\n"]
    for group in results.groups():
        parts += part_of_group(results, group, drawn, path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")
