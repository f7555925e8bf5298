"""Plots of one or several runs, from plain data. Pure; None where there is nothing to draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from loadtest.histogram import Histogram, middle
from loadtest.report import read, scales
from loadtest.report.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Area,
    Frame,
    Line,
    Mark,
    Plot,
    Rule,
    Span,
    Table,
    draw,
    look,
    picture,
)
from loadtest.report.markup import number, plain, tag, text
from loadtest.report.scales import Scale
from loadtest.report.series import Counts, Point, grouped, merged, percentiles
from loadtest.report.units import Unit, clock, show

PERCENTS: Final = (50.0, 90.0, 99.0, 99.9)
SPOKEN: Final = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)  # rows of a spectrum's table
_SHADES: Final = 9  # of a heat map
_COLUMNS: Final = 180
_BANDS: Final = 48


class Bar(NamedTuple):
    """A median with its interval; bars of one `group` stand together under its name."""

    name: str
    median: float
    low: float
    high: float
    note: str = ""
    group: str = ""


class Step(NamedTuple):
    """One step of a knee search; `p99` in microseconds, `delivered` and `rate` a second."""

    delivered: float
    p99: float
    passed: bool
    valid: bool = True
    rate: float = 0.0
    cpu: float | None = None
    why: str = ""


class Capacity(NamedTuple):
    """What a knee search found: its steps, and the last that held (deliveries a second, p99 in microseconds)."""

    steps: Sequence[Step]
    knee: tuple[float, float] | None


def over_time(
    key: str,
    title: str,
    runs: Mapping[str, Sequence[Point]],
    unit: Unit,
    log: bool = False,
    note: str = "",
    *,
    x: Scale | None = None,
    group: str = "",
    looks: Sequence[str] = (),
    spans: Sequence[Span] = (),
    rules: Sequence[Rule] = (),
    areas: Sequence[Area] = (),
) -> Plot | None:
    """A line for each of `runs`: (seconds, value). Plots of one `group` have the same `x` and share a cursor."""
    held = [(t, v) for points in runs.values() for t, v in points if v is not None]
    if not held:
        return None
    values = [v for _, v in held] + [r.value for r in rules if r.axis == "y" and r.value <= 3 * max(v for _, v in held)]
    frame = Frame(
        x or scales.time(min(t for t, _ in held), max(t for t, _ in held)),
        scales.logarithmic(values, unit) if log else scales.linear(values, unit),
        clock,
        lambda v: show(v, unit),
        group,
    )
    lines = [Line(name, points, (looks or [look(i) for i in range(len(runs))])[i]) for i, (name, points) in enumerate(runs.items())]
    return draw(key, title, note, frame, lines, spans=spans, rules=rules, areas=areas)


def spectra(key: str, runs: Mapping[str, Histogram | Counts], title: str = "Percentile spectrum", note: str = "") -> Plot | None:
    """A line a run: the latency that a share of all receipts did not exceed, each further nine as wide as the one before."""
    held = {name: h.filled() if isinstance(h, Histogram) else h for name, h in runs.items()}
    held = {name: counts for name, counts in held.items() if counts}
    if not held:
        return None
    sizes = {name: sum(c for _, c in counts) for name, counts in held.items()}
    x = scales.nines(max(sizes.values()))
    lines = []
    for i, name in enumerate(runs):
        if name in held:
            places = _even(2.0, min(x.high, max(sizes[name], 2.0)), 120)
            values = percentiles(held[name], [100 * (1 - 1 / place) for place in places]) or []
            lines.append(Line(name, list(zip(places, values, strict=True)), look(i)))
    values = [v for line in lines for _, v in line.points if v is not None]
    frame = Frame(x, scales.logarithmic(values, "us"), lambda place: f"{_percent(place)} %", lambda v: show(v, "us"))
    rows = []
    for name, counts in held.items():
        found = percentiles(counts, [*SPOKEN, 100.0]) or []
        enough = [show(v, "us") if sizes[name] * (1 - p / 100) >= 0.999 else "–" for p, v in zip(SPOKEN, found, strict=False)]
        rows.append([name, f"{sizes[name]:,}", *enough, show(found[-1], "us")])
    return draw(key, title, note, frame, lines, table=Table(["", "receipts", *(f"{p:g} %" for p in SPOKEN), "max"], rows))


def bars(key: str, title: str, entries: Sequence[Bar], unit: Unit, note: str = "") -> Plot | None:
    """A bar each, its median written beside it, and a whisker from low to high. The colour follows the name."""
    if not entries:
        return None
    names = list(dict.fromkeys(bar.name for bar in entries))
    groups = list(dict.fromkeys(bar.group for bar in entries))
    lines = len(entries) + sum(1 for g in groups if g)
    scale = scales.linear([v for bar in entries for v in (bar.median, bar.low, bar.high)], unit, 4, 1.0)
    left, right, height = 130, WIDTH - 96, 26 + 26 * lines + 30

    def px(value: float) -> float:
        return left + scale.at(value) * (right - left)

    out, y, edges = [], 14.0, height - 26
    for value, said in scale.ticks:
        out.append(tag("path", d=f"M{number(px(value))} 8V{edges}", class_="grid"))
        out.append(tag("text", text(said), x=px(value), y=edges + 17, class_="tick middle"))
    for group in groups:
        if group:
            out.append(tag("text", text(_cut(group, 60)), x=8, y=y + 15, class_="group"))
            y += 26
        for bar in (b for b in entries if b.group == group):
            out.append(_bar(bar, px, px(max(scale.low, 0.0)), y, f"c{names.index(bar.name) % 6}", unit))
            y += 26
    svg = tag(
        "svg",
        tag("title", text(title), id=f"{key}-title"),
        tag("desc", text(note or title), id=f"{key}-desc"),
        *out,
        xmlns="http://www.w3.org/2000/svg",
        class_="plot",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )
    rows = [
        [*([b.group] if any(groups) else []), b.name, *(show(v, unit) for v in (b.median, b.low, b.high)), b.note] for b in entries
    ]
    return Plot(key, title, note, svg, Table([*(["group"] if any(groups) else []), "", "median", "low", "high", ""], rows))


def capacity_curves(
    key: str, runs: Mapping[str, Capacity], title: str = "Capacity", note: str = "", rules: Sequence[Rule] = ()
) -> Plot | None:
    """p99 over deliveries a second, a curve a run; a ring marks the knee, a cross a step that did not hold."""
    held = [(s.delivered, s.p99) for c in runs.values() for s in c.steps]
    if not held:
        return None
    frame = Frame(
        scales.linear([d for d, _ in held], "count", 7, per="/s"),
        scales.logarithmic([p for _, p in held] + [r.value for r in rules], "us"),
        lambda d: f"{show(d, 'count')}/s",
        lambda v: show(v, "us"),
    )
    lines, marks, rows = [], [], []
    for i, (name, found) in enumerate(runs.items()):
        steps = sorted(found.steps, key=lambda s: s.delivered)
        lines.append(Line(name, [(s.delivered, s.p99) for s in steps if s.valid], look(i), label=len(runs) > 1))
        for s in steps:
            word = "held" if s.passed and s.valid else "not valid" if not s.valid else "did not hold"
            said = f"{show(s.delivered, 'count')}/s: p99 {show(s.p99, 'us')}, {word}{f': {s.why}' if s.why else ''}"
            marks.append(
                Mark(s.delivered, s.p99, said, look(i) if s.valid else "quiet", "dot" if s.passed and s.valid else "cross")
            )
        for s in found.steps:
            word = "not valid" if not s.valid else "held" if s.passed else "did not hold"
            rows.append(
                [name, show(s.rate, "count"), show(s.delivered, "count"), show(s.p99, "us"), show(s.cpu, "cores"), word, s.why]
            )
        if found.knee is not None:
            marks.append(Mark(*found.knee, f"knee: {show(found.knee[0], 'count')} deliveries/s", look(i), "ring"))
    if len(runs) == 1 and (knee := next(iter(runs.values())).knee) is not None:
        rules = [*rules, Rule("x", knee[0], f"knee: {show(knee[0], 'count')}/s, p99 {show(knee[1], 'us')}")]
    table = Table(["", "offered/s", "delivered/s", "p99", "server's cores", "", "why"], rows)
    return draw(key, title, note, frame, lines, marks=marks, rules=rules, table=table)


def cost_curves(key: str, runs: Mapping[str, Capacity], title: str, note: str = "") -> Plot | None:
    """The server's cores over deliveries a second, a line a run; the straighter it is, the better it scales."""
    held = {
        name: sorted((s.delivered, s.cpu) for s in found.steps if s.valid and s.cpu is not None) for name, found in runs.items()
    }
    places = [place for points in held.values() for place in points]
    if not places:
        return None
    frame = Frame(
        scales.linear([d for d, _ in places], "count", 7, per="/s"),
        scales.linear([c for _, c in places], "cores"),
        lambda d: f"{show(d, 'count')}/s",
        lambda v: f"{show(v, 'cores')} cores",
    )
    lines = [Line(name, points, look(i), dots=True) for i, (name, points) in enumerate(held.items())]
    return draw(key, title, note, frame, lines)


def heat_map(
    key: str, title: str, columns: Sequence[tuple[float, float, Counts]], x: Scale, note: str = "", spans: Sequence[Span] = ()
) -> Plot | None:
    """Time over latency: the darker, the more receipts (logarithmic). `columns`: from, to (seconds) and the counts between."""
    if not any(counts for _, _, counts in columns):
        return None
    joined = [_join(columns[min(i) : max(i) + 1]) for i in _stretches(len(columns), _COLUMNS)]
    everything = [middle(bucket) for bucket, _ in merged(c for _, _, c in columns)]
    y = scales.logarithmic(everything, "us")
    frame = Frame(x, y, clock, lambda v: show(v, "us"), "time")
    cells = [_cells(counts, y) for _, _, counts in joined]
    most = max(count for column in cells for count in column.values())
    edges = [y.low * (y.high / y.low) ** (n / _BANDS) for n in range(_BANDS + 1)]
    shades: dict[int, list[str]] = {}
    step = (HEIGHT - TOP - BOTTOM) / _BANDS
    for (start, end, _), column in zip(joined, cells, strict=True):
        left, right = frame.px(start), frame.px(end)
        for band, count in sorted(column.items()):
            shade = min(int(_SHADES * math.log1p(count) / math.log1p(most)), _SHADES - 1)
            place = f"M{number(left)} {number(HEIGHT - BOTTOM - (band + 1) * step)}"
            shades.setdefault(shade, []).append(f"{place}h{number(max(right - left, 0.5))}v{number(step + 0.1)}H{number(left)}z")
    inner = [tag("path", d="".join(parts), class_=f"heat h{shade}") for shade, parts in sorted(shades.items())]
    bands = [f"{show(a, 'us')} to {show(b, 'us')}" for a, b in pairwise(edges)]
    hover = {
        "group": "time",
        "box": [LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM],
        "bands": bands,
        "xs": [[round(frame.px((start + end) / 2), 1) for start, end, _ in joined]],
        "at": [[f"{clock(start)} to {clock(end)}" for start, end, _ in joined]],
        "cells": [[n for cell in sorted(column.items()) for n in cell] for column in cells],
        "lines": [],
    }
    totals: dict[int, int] = {}
    for column in cells:
        for band, count in column.items():
            totals[band] = totals.get(band, 0) + count
    rows = [[bands[band], f"{count:,}"] for band, count in sorted(totals.items())]
    svg = picture(key, title, note, frame, inner, spans=spans, above=_key_of_shades(most), hover=hover)
    return Plot(key, title, note, svg, Table(["latency", "receipts"], rows))


def distribution(key: str, title: str, counts: Counts, note: str = "", noun: str = "messages") -> Plot | None:
    """How often each length of time came, on a log axis, with its median and p99 marked."""
    found = percentiles(counts, [50.0, 99.0])
    if found is None:
        return None
    values = [middle(bucket) for bucket, _ in counts]
    x = scales.logarithmic(values, "us")
    cells = _cells(counts, x)
    total = sum(cells.values())
    shares = [cells.get(band, 0) / total for band in range(_BANDS)]
    edges = [x.low * (x.high / x.low) ** (n / _BANDS) for n in range(_BANDS + 1)]
    y = scales.linear(shares, "share")
    frame = Frame(x, y, lambda v: show(v, "us"), lambda v: show(v, "share"))
    outline: list[Point] = [(edges[0], 0.0), *((edge, share) for edge, share in zip(edges, shares, strict=False)), (edges[-1], 0.0)]
    stepped = [(e, s) for (_, s0), (e, s1) in pairwise(outline) for s in (s0, s1)]
    rules = [Rule("x", value, f"{name} {show(value, 'us')}") for name, value in zip(("p50", "p99"), found, strict=True)]
    spoken = {band: f"{show(edges[band], 'us')} to {show(edges[band + 1], 'us')}" for band in cells}
    rows = [[spoken[band], f"{n:,}", show(n / total, "share")] for band, n in sorted(cells.items())]
    line = Line(f"share of {noun}", outline[1:-1], "c0", steps=True, label=False)
    area = Area([(e, 0.0, s) for e, s in stepped], "c0")
    return draw(key, title, note, frame, [line], areas=[area], rules=rules, table=Table(["", noun, "share"], rows))


def recovery(key: str, title: str, counts: Counts, dropped: int, note: str = "") -> Plot | None:
    """The share of the `dropped` that was back, over the time since they were dropped."""
    total = sum(c for _, c in counts)
    if not total:
        return None
    dropped = max(dropped, total)
    points: list[Point] = [(0.0, 0.0)]
    seen = 0
    for bucket, count in counts:
        seen += count
        points.append((middle(bucket) / 1e6, seen / dropped))
    end = max(float(points[-1][0]) * 1.04, 1e-3)
    points.append((end, seen / dropped))
    unit: Unit = "us"
    frame = Frame(
        scales.linear([end * 1e6], unit, 7, 1.0),
        scales.linear([1.0], "share", room=1.0),
        lambda v: show(v, unit),
        lambda v: show(v, "share"),
    )
    steps = [(x * 1e6, share) for x, share in points]
    rules, rows = [], []
    for share in (0.5, 0.99, 1.0):
        when = next((x for x, v in steps if v is not None and v >= share - 1e-9), None)
        rows.append([show(share, "share"), "never" if when is None else show(when, unit)])
        if when is not None and share != 0.99:
            rules.append(Rule("x", when, f"{show(share, 'share')} after {show(when, unit)}"))
    area = Area([(x, 0.0, v) for a, b in pairwise(steps) for x, v in (a, (b[0], a[1]))], "c2")
    line = Line("back", steps, "c2", steps=True, label=False)
    return draw(key, title, note, frame, [line], areas=[area], rules=rules, table=Table(["back", "after"], rows))


def percentile_points(result: Mapping[str, Any], percent: float) -> list[Point]:
    """A percentile of the delivery latency for each second of a results.json, for `over_time`. Raises Unreadable."""
    found = [(row.t, percentiles(row.deliver, [percent])) for row in read.whole(result)]
    return [(t, values[0] if values else None) for t, values in found]


def capacity_of(result: Mapping[str, Any]) -> Capacity | None:
    """What a results.json says of its knee search; None where there was none. Raises Unreadable."""
    steps, knee = read.capacity(result)
    return Capacity([Step(*step) for step in steps], knee) if steps else None


def _bar(bar: Bar, px: Callable[[float], float], zero: float, y: float, colour: str, unit: Unit) -> str:
    end, low, high = px(bar.median), px(bar.low), px(bar.high)
    note = f" ({bar.note})" if bar.note else ""
    said = f"{bar.name}: {show(bar.median, unit)}, {show(bar.low, unit)} to {show(bar.high, unit)}{note}"
    whisker = f"M{number(low)} {number(y + 7)}v8m0 -4H{number(high)}m0 -4v8"
    value = f"{show(bar.median, unit)}{f'  {bar.note}' if bar.note else ''}"
    return tag(
        "g",
        tag("title", text(said)),
        tag("text", text(_cut(bar.name, 18)), x=122, y=y + 15, class_="row end"),
        tag("rect", x=min(zero, end), y=y + 2, width=max(abs(end - zero), 1), height=18, class_=f"bar {colour}"),
        tag("path", d=whisker, class_="whisker"),
        tag("text", text(_cut(value, 16)), x=max(end, high) + 7, y=y + 15, class_="value"),
    )


def _cut(words: str, most: int) -> str:
    words = plain(words)
    return words if len(words) <= most else words[: most - 1] + "…"


def _even(low: float, high: float, count: int) -> list[float]:
    """`count` numbers from low to high, each the same factor above the one before; the ends are exact."""
    if high <= low:
        return [low]
    return [*(low * (high / low) ** (n / (count - 1)) for n in range(count - 1)), high]


def _percent(place: float) -> str:
    """The percentile of a place on the spectrum's axis, with as many digits as its nines need."""
    places = max(math.ceil(math.log10(place)), 1)
    return f"{100 * (1 - 1 / place):.{places}f}".rstrip("0").rstrip(".")


def _stretches(count: int, most: int) -> list[list[int]]:
    return [[int(i) for i in stretch] for stretch in grouped(range(count), most)]


def _join(columns: Sequence[tuple[float, float, Counts]]) -> tuple[float, float, Counts]:
    return columns[0][0], columns[-1][1], merged(c for _, _, c in columns)


def _cells(counts: Counts, scale: Scale) -> dict[int, int]:
    """Counts by band of a log scale, lowest band 0."""
    out: dict[int, int] = {}
    for bucket, count in counts:
        value = middle(bucket)
        band = min(int(scale.at(value) * _BANDS), _BANDS - 1)
        out[band] = out.get(band, 0) + count
    return out


def _key_of_shades(most: int) -> str:
    left, width = WIDTH - RIGHT + 10, 12
    out = [tag("text", text(show(most, "count")), x=left + width + 5, y=TOP + 9, class_="tick")]
    for shade in range(_SHADES):
        out.append(tag("rect", x=left, y=TOP + (_SHADES - 1 - shade) * 11, width=width, height=11, class_=f"heat h{shade}"))
    return "".join([*out, tag("text", "1", x=left + width + 5, y=TOP + _SHADES * 11, class_="tick")])
