# SPDX-License-Identifier: BSD-2-Clause
"""Drawn by gnuplot: a bar chart of each group."""
import shutil
import subprocess
from pathlib import Path

from tables import order
from targets import TITLES

COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44"]
SETTINGS = """
set terminal svg size {width},480 dynamic background rgb 'white' font 'sans-serif,12'
set output '{output}'
set title "{title}" noenhanced
set style data histogram
set style histogram clustered gap 1
set style fill solid border -1
set boxwidth 0.9
set logscale y
set ylabel 'ns'
set grid ytics
set key top left
set xtics rotate by -40 noenhanced
set bmargin 8
plot {plots}
"""


def series(results, group):
    """The main metric's (range, place), as far as measured."""
    main = results.main_metric(group)
    return [(rng, place) for rng, metric in results.jobs(group) if metric == main
            for place in results.places(group, rng, main)]


def label(rng, place):
    return " ".join(part for part in (rng, place) if part) or "ns"


def data_block(results, group, columns):
    main = results.main_metric(group)
    figures = {}
    for rng, place in columns:
        for variant, figure in results.figures[(group, rng, main)].items():
            figures.setdefault(variant, {})[(rng, place)] = figure.median(place)
    first = results.figures[(group, columns[0][0], main)]
    place = columns[0][1]
    known = sorted((variant for variant in figures if variant in first), key=lambda name: order(name, first[name], place))
    for variant in known + [name for name in figures if name not in first]:
        cells = [figures[variant].get(column) for column in columns]
        yield f'"{variant}" ' + " ".join("?" if cell is None else f"{cell:.4g}" for cell in cells)


def script(results, group, output):
    columns = series(results, group)
    if not columns:
        return None
    rows = list(data_block(results, group, columns))
    plots = ", ".join(f"$data using {i + 2}:xtic(1) title '{label(*column)}' linecolor rgb '{COLOURS[i % len(COLOURS)]}'"
                      for i, column in enumerate(columns))
    head = "set datafile missing '?'\n$data << EOD\n" + "\n".join(rows) + "\nEOD\n"
    title = TITLES.get(group, group).replace('"', "'")
    return head + SETTINGS.format(width=max(480, 60 * len(rows) * max(1, len(columns) // 2)), output=output,
                                  title=title, plots=plots)


def gnuplot(commands, path):
    """Draws path; False when it is missing."""
    if not shutil.which("gnuplot"):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gnuplot"], input=commands, text=True, check=True)
    return True


def draw(results, folder):
    """The files drawn; nothing without gnuplot."""
    drawn = []
    for group in results.groups():
        path = Path(folder, f"{group}.svg")
        commands = script(results, group, path)
        if commands is not None and gnuplot(commands, path):
            drawn.append(path)
    return drawn
