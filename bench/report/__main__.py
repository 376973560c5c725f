# SPDX-License-Identifier: BSD-2-Clause
"""usage: python3 bench/report [FILE.json...] [--pause FILE.json...] [--growth FILE.json] [--pictures FOLDER]
                            [--page FILE.md --command TEXT]

Prints one table for each group of what dhp_bench wrote: floors, ours, rivals; then the targets. Several files are several runs:
a target is met in each of them, in their median, or missed. After --pause and --growth stands what dhp_pause and dhp_growth
wrote. With --pictures draws all of it (gnuplot), with --page writes docs/performance.md. A missed target that
docs/performance/misses.md does not explain is named; with --page that is an error, after the page is written.
"""
import argparse
import sys

import growth
import judge
import misses
import page
import pause
import pictures
import tables
import targets
from results import read, together


def say(problem):
    print(f"bench/report: {problem}", file=sys.stderr)


def read_all(options):
    """Runs, pauses, growth; None after what cannot be read was named."""
    found = []
    for reader, paths in ((read, options.files), (pause.read, options.pause), (growth.read, options.growth)):
        for path in paths:
            try:
                found.append((reader, reader(path)))
            except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
                return say(f"cannot read {path}: {error!r}")
    return [[one for reader, one in found if reader is which] for which in (read, pause.read, growth.read)]


def print_all(results, pauses, grown):
    lines = list(tables.everything(results)) if results else []
    for data in pauses:
        lines += ["", pause.title(data)]
        for what, rows in pause.tables(data):
            lines += [f"  {what}", tables.text(rows, "  ")]
    if grown:
        lines += ["", tables.text(list(growth.rows(grown)), "  "), f"  {growth.absent(grown)}"]
    print("\n".join(lines))


def draw_all(results, pauses, grown, folder):
    drawn = [pause.draw(data, folder) for data in pauses] + [growth.draw(grown, folder) if grown else None]
    drawn = [path for path in drawn if path] + (pictures.draw(results, folder) if results else [])
    if not drawn:
        say("no pictures: gnuplot is missing (tools/install-deps --for bench), or nothing was measured")
    return drawn


def unexplained(results, explained):
    late = misses.unexplained(judge.missed(results), explained)
    for name in late:
        say(f"target {name} is missed and docs/performance/misses.md does not say why")
    return bool(late)


def main():
    parser = argparse.ArgumentParser(prog="bench/report", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--pause", nargs="+", metavar="FILE", default=[])
    parser.add_argument("--growth", nargs=1, metavar="FILE", default=[])
    parser.add_argument("--pictures", metavar="FOLDER")
    parser.add_argument("--page", metavar="FILE")
    parser.add_argument("--command", default="make bench", metavar="TEXT")
    options = parser.parse_args()
    if not options.files + options.pause + options.growth:
        parser.error("no file")
    if options.page and not options.files:
        parser.error("--page: no runs of dhp_bench")
    found = read_all(options)
    if found is None:
        return 1
    results, pauses, grown = together(found[0]) if found[0] else None, found[1], found[2][0] if found[2] else None
    try:
        explained = misses.read({target.name for target in targets.TARGETS})
    except (OSError, ValueError) as error:
        say(f"docs/performance/misses.md: {error}")
        return 1
    print_all(results, pauses, grown)
    drawn = draw_all(results, pauses, grown, options.pictures) if options.pictures else []
    if options.page:
        page.write(results, options.page, options.command, drawn, explained, pauses, grown)
    return 1 if results and unexplained(results, explained) and options.page else 0


if __name__ == "__main__":
    sys.exit(main())
