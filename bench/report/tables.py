# SPDX-License-Identifier: BSD-2-Clause
"""Tables of figures, as text for a terminal or for a page."""
from results import FAR, NEAR, ONE, is_floor, is_ours
from targets import TARGETS, TITLES, ratio, rival_ratio, verdict

PLACE_NAMES = {ONE: "", NEAR: " near", FAR: " far"}


def number(ns):
    if ns is None:
        return "-"
    return f"{ns:.2f}" if ns < 100 else f"{ns:,.0f}"


def times(value):
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def percent(share):
    return "-" if share is None else f"{100 * share:.0f}%"


def order(variant, figure, place):
    """Floors first, then ours, then rivals by their time."""
    kind = 0 if is_floor(variant) else 1 if is_ours(variant) else 2
    median = figure.median(place)
    return (kind, variant if kind < 2 else "", median is None, median or 0)


def job_rows(results, group, rng, metric):
    """Header and rows of one job: for each place the time, its ratios and its spread."""
    figures = results.figures[(group, rng, metric)]
    places = results.places(group, rng, metric)
    if not places:
        return []
    head = ["contestant"]
    for place in places:
        head += [f"ns{PLACE_NAMES[place]}", "of floor", "of best rival", "spread"]
    rows = [head]
    for variant, figure in sorted(figures.items(), key=lambda pair: order(*pair, places[0])):
        row = [variant + (" !" if results.unquiet(group, variant) else "")]
        for place in places:
            median, floor = figure.median(place), results.median(group, "floor", rng, metric, place)
            best = results.best_rival(group, rng, metric, place)
            row += [number(median),
                    times(median / floor if median is not None and floor else None),
                    times(median / best[0] if median is not None and best and best[0] else None),
                    percent(figure.spread(place))]
        rows.append(row)
    return rows


def job_title(group, rng, metric):
    return group + (f"/{rng}" if rng else "") + (f", {metric}" if metric != "time" else "")


def target_rows(results):
    rows = [["target", "job", "at most", "near", "far", "of best rival", ""]]
    for target in TARGETS:
        near = ratio(results, target, NEAR)
        place = NEAR if near is not None else ONE
        rows.append([target.number, target.job, f"{target.limit:g}x", times(near if near is not None else ratio(results, target, ONE)),
                     times(ratio(results, target, FAR)), times(rival_ratio(results, target, place)), verdict(results, target)])
    return rows


def text(rows, indent=""):
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = {i for i, cell in enumerate(rows[0]) if cell in ("contestant", "job", "")}
    return "\n".join(indent + "  ".join(cell.ljust(width) if i in left else cell.rjust(width)
                                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def markdown(rows):
    if not rows:
        return ""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("---" if cell in ("contestant", "job", "") else "---:" for cell in rows[0]) + "|")
    return "\n".join(lines)


def notes(results):
    """What has to be known before a figure is believed."""
    found = []
    if results.context.get("warnings"):
        found.append(f"unquiet: {results.context['warnings']}")
    if results.unquiet():
        found.append(f"unquiet: others used {percent(results.others())} of the CPUs meanwhile")
    if results.context.get("cpu_scaling_enabled"):
        found.append("unquiet: frequency scaling is on")
    if any(results.unquiet(group, variant) for group, variant in results.usage):
        found.append("rows with ! were measured while others used more than a tenth of the CPUs")
    if results.context.get("missing"):
        found.append(f"left out, not installed: {results.context['missing']}")
    reasons = {}
    for name, why in sorted(results.skipped.items()):
        reasons.setdefault(why, []).append(name)
    found += [f"skipped: {why}: {', '.join(names)}" for why, names in reasons.items()]
    return found


def everything(results):
    """All of it, for a terminal."""
    for note in notes(results):
        yield note
    for group in results.groups():
        yield ""
        yield f"{group}: {TITLES.get(group, group)}"
        for rng, metric in results.jobs(group):
            rows = job_rows(results, group, rng, metric)
            if rows and (rng or metric != results.main_metric(group)):
                yield f"  {job_title(group, rng, metric)}"
            yield text(rows, "  ")
    rows = target_rows(results)
    measured = [row for row in rows if row[-1] != "not measured"]
    if len(measured) > 1:
        yield ""
        yield "targets: ours as a multiple of the floor"
        yield text(measured, "  ")
