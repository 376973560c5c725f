# SPDX-License-Identifier: BSD-2-Clause
"""usage: python3 bench/report FILE.json [--pictures FOLDER] [--page FILE.md --command TEXT]

Prints one table for each group of a JSON file of dhp_bench: floors, ours, rivals; then the targets. With --pictures draws a
bar chart of each (gnuplot), with --page writes docs/performance.md.
"""
import argparse
import sys

import page
import pictures
import tables
from results import read


def main():
    parser = argparse.ArgumentParser(prog="bench/report", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--pictures", metavar="FOLDER")
    parser.add_argument("--page", metavar="FILE")
    parser.add_argument("--command", default="make bench", metavar="TEXT")
    options = parser.parse_args()
    try:
        results = read(options.file)
    except (OSError, ValueError, KeyError, IndexError) as error:
        print(f"bench/report: cannot read {options.file}: {error}", file=sys.stderr)
        return 1
    for line in tables.everything(results):
        print(line)
    drawn = []
    if options.pictures:
        drawn = pictures.draw(results, options.pictures)
        if not drawn:
            print("bench/report: no pictures: gnuplot is missing (tools/install-deps --for bench)", file=sys.stderr)
    if options.page:
        page.write(results, options.page, options.command, drawn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
