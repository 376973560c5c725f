# SPDX-License-Identifier: BSD-2-Clause
"""Tables of figures, as text for a terminal or for a page."""
from judge import MEDIAN, MET, MISSED, NOT_MEASURED, each_run, middle, place_of, rival_ratio, summary, verdict
from results import FAR, NEAR, ONE, is_floor, is_ours
from targets import TARGETS, TITLES

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
    """near, far and the best rival are medians over the runs."""
    several = len(results.each()) > 1
    rows = [["target", "job", "at most", "near", *(["each run"] if several else []), "far", *(["each run"] if several else []),
             "of best rival", ""]]
    for target in TARGETS:
        row = [target.name, target.job, f"{target.limit:g}x"]
        for place in (place_of(results, target), FAR):
            values = each_run(results, target, place)
            row += [times(middle(values))] + ([" ".join(map(times, values))] if several else [])
        best = middle(each_run(results, target, place_of(results, target), rival_ratio))
        rows.append(row + [times(best), verdict(results, target)])
    return rows


def summary_lines(results):
    """How many of the 18, and which."""
    several = len(results.each()) > 1
    says = {MET: "met in each run" if several else "met", MEDIAN: "met in the median of the runs only", MISSED: "missed",
            NOT_MEASURED: "not measured"}
    for rank, numbers in summary(results).items():
        if numbers:
            yield f"{says[rank]}: {len(numbers)} ({', '.join(numbers)})"


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


def quiet_rows(results):
    """(a run's name, whether it was quiet, why)."""
    for number, run in enumerate(results.each(), 1):
        reasons = [run.context["warnings"]] if run.context.get("warnings") else []
        if run.context.get("cpu_scaling_enabled"):
            reasons.append("frequency scaling is on")
        reasons.append(f"others used {percent(run.others())} of the CPUs meanwhile")
        yield (f"run {number}: " if results.runs else "", len(reasons) == 1 and not run.unquiet(), "; ".join(reasons))


def notes(results):
    """What has to be known before a figure is believed."""
    found = [f"{name}unquiet: {why}" for name, quiet, why in quiet_rows(results) if not quiet]
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
        yield from summary_lines(results)
