# SPDX-License-Identifier: BSD-2-Clause
"""What things cost as the partition grows (dhp_growth): times over the number of processors, with the exponents."""
import json
from pathlib import Path

from pictures import gnuplot
from results import measured_at

CURVES = (("arrival", "arrival_ns", "an arrival, without a worker"), ("with_worker", "with_worker_ns", "an arrival, with a worker"),
          ("snapshot", "snapshot_ns", "a snapshot with all masks"), ("sum", "sum_ns", "the sum of a counter"))


def read(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file) | {"date": measured_at(path)}
    list(rows(data))
    return data


def rows(data):
    yield ["processors", *(f"{title}, ns" for _, _, title in CURVES), "bytes for each that is present"]
    for row in data["rows"]:
        yield [str(row["processors"]), *(f"{row[column]:,}" if row[column] > 0 else "-" for _, column, _ in CURVES),
               f"{row['bytes_each']:,}"]
    yield ["exponent", *(f"{data['exponents'][name]:.2f}" for name, _, _ in CURVES), ""]


def absent(data):
    return f"A processor that could come and is absent: {data['absent_bytes']:.1f} bytes."


def script(data, path):
    text, plots = [], []
    for name, column, title in CURVES:
        points = [f"{row['processors']} {row[column]}" for row in data["rows"] if row[column] > 0]
        text.append(f"${name} << E\n" + "\n".join(points) + "\nE")
        plots.append(f"${name} with linespoints pt 7 ps 0.5 title '{title}: n^{{{data['exponents'][name]:.2f}}}'")
    text.append("$bytes << E\n" + "\n".join(f"{row['processors']} {row['bytes_each']}" for row in data["rows"]) + "\nE")
    plots.append("$bytes axes x1y2 with linespoints pt 6 ps 0.5 dt 2 lc rgb '#666666' title 'bytes for each that is present (right)'")
    text += ["set terminal svg size 800,560 background 'white' enhanced", f"set output '{path}'", "set logscale xyy2",
             "set grid", "set key below maxrows 3", "set xlabel 'processors'", "set ylabel 'ns'", "set ytics nomirror",
             "set y2label 'bytes'", "set y2range [1000:]", "set y2tics", "plot " + ", ".join(plots)]
    return "\n".join(text) + "\n"


def draw(data, folder):
    """The file drawn; None without gnuplot."""
    path = Path(folder, "growth.svg")
    return path if gnuplot(script(data, path), path) else None
