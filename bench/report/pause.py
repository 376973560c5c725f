# SPDX-License-Identifier: BSD-2-Clause
"""Whether what processor 0 measured around arrivals (dhp_pause) differs from what it measured without.

Each arrival makes a pair of windows of the same length. For each quantile the difference within a pair is taken; the table
has the medians of both kinds of window, the median of the differences with a 95 % interval from their order (no
distribution is assumed), and the chance that signs so uneven come about when nothing differs. Pairs in which a processor was
taken away for a whole window are left out and counted.
"""
import json
import math
import statistics
from pathlib import Path

from pictures import gnuplot
from results import measured_at

QUANTILES = ("p50", "p99", "p99.9", "worst")
METRICS = ("insert", "read", "gap")
KINDS = {"RES": "rescheduling (RES)", "CAL": "function calls (CAL)", "TLB": "TLB shoot-downs (TLB)"}
CERTAIN = 0.01  # a chance below it: differs
FEW = 100  # samples of a window: fewer say nothing about its tail


def pairs_of(data):
    """[(with, without)], and how many were left out."""
    windows = data["windows"]
    pairs = list(zip(windows[0::2], windows[1::2]))
    for with_one, without in pairs:
        if not with_one["with"] or without["with"]:
            raise ValueError("its windows are not in pairs")
    good = [pair for pair in pairs if all(window["count"] >= FEW for window in pair)]
    return good, len(pairs) - len(good)


def sign_test(values):
    """Two-sided: the chance of signs at least so uneven."""
    up = sum(1 for d in values if d > 0)
    down = sum(1 for d in values if d < 0)
    n, least = up + down, min(up, down)
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(least + 1)) / 2 ** n
    return min(1.0, 2 * tail)


def interval(values):
    """95 % interval of the median, by order statistics."""
    values, n = sorted(values), len(values)
    rank, tail = 0, 0.0
    while rank < n // 2:
        tail += math.comb(n, rank) / 2 ** n
        if tail > 0.025:
            break
        rank += 1
    rank = max(rank - 1, 0)
    return values[rank], values[n - 1 - rank]


def differences(pairs):
    for metric in METRICS:
        for place, quantile in enumerate(QUANTILES):
            with_ones = [pair[0][metric][place] for pair in pairs]
            without = [pair[1][metric][place] for pair in pairs]
            apart = [a - b for a, b in zip(with_ones, without)]
            low, high = interval(apart)
            yield (metric, quantile, statistics.median(without), statistics.median(with_ones),
                   statistics.median(apart), low, high, sign_test(apart))


def read(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file) | {"date": measured_at(path)}
    pairs_of(data)
    return data


def title(data):
    pairs, left_out = pairs_of(data)
    return f"{data['backend']}: {len(pairs)} pairs of windows, {left_out} left out because a processor was taken away"


def rows(data):
    """ns, both kinds of window."""
    yield ["", "ns", "without", "arrival", "difference", "95 % of it", "chance", "says"]
    for metric, quantile, without, with_one, difference, low, high, chance in differences(pairs_of(data)[0]):
        yield [metric, quantile, f"{without:,.0f}", f"{with_one:,.0f}", f"{difference:+,.0f}", f"{low:+,.0f} to {high:+,.0f}",
               f"{chance:.2f}", "-" if chance >= CERTAIN else "differs"]


def interrupt_rows(data):
    """Of processor 0, by the kernel's counters, in the windows that count."""
    pairs, _ = pairs_of(data)
    yield ["", "without", "arrival"]
    for kind, name in KINDS.items():
        yield [name, f"{sum(pair[1][kind] for pair in pairs)}", f"{sum(pair[0][kind] for pair in pairs)}"]


def step_rows(data):
    """An arrival and its steps, medians."""
    yield ["", "ns"]
    yield ["an arrival", f"{statistics.median(pair[0]['arrival_ns'] for pair in pairs_of(data)[0]):,.0f}"]
    for key, value in data.items():
        if key.startswith("step_"):
            yield [key.split("_", 2)[2][:-len("_ns")], f"{value:,}"]


def tables(data):
    """(what it is, rows)."""
    if pairs_of(data)[0]:
        yield "medians over the windows", list(rows(data))
        yield "interrupts of processor 0 in these windows", list(interrupt_rows(data))
        yield "an arrival and its steps", list(step_rows(data))


def script(data, path):
    """Both kinds side by side: median and worst of each window, in ascending order."""
    pairs, _ = pairs_of(data)
    text = ["set terminal svg size 900,720 background 'white'", f"set output '{path}'", "set logscale y", "set grid y",
            "set key left top", "set xlabel 'windows, in ascending order'", "set multiplot layout 3,1"]
    blocks = []
    for metric in METRICS:
        text.append(f"set ylabel '{metric}, ns'")
        plots = []
        for half, colour in ((1, "#888888"), (0, "#d03030")):
            for place, dash in ((0, 2), (3, 1)):
                name = f"${metric}{half}{place}"
                blocks.append(name + " << E\n" + "\n".join(map(str, sorted(p[half][metric][place] for p in pairs))) + "\nE")
                kind = "around an arrival" if half == 0 else "without"
                plots.append(f"{name} using 0:1 with lines dt {dash} lc rgb '{colour}' title '{QUANTILES[place]} {kind}'")
        text.append("plot " + ", ".join(plots))
    return "\n".join(blocks + text) + "\n"


def draw(data, folder):
    """The file drawn; None without gnuplot, or when nothing was measured."""
    path = Path(folder, f"pause-{data['backend']}.svg")
    return path if pairs_of(data)[0] and gnuplot(script(data, path), path) else None
