"""One plot: from lines, areas, bands and rules to SVG, with the numbers for the read-out and for the table. Pure.

The picture is WIDTH x HEIGHT units and grows with its column. Colours are classes (plot.css), so that one picture serves light,
dark and paper. What the script needs for the read-out stands in `data-hover`; without a script the picture and the table say the
same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, Final, Literal, NamedTuple

from loadtest.report.markup import number, plain, tag, text
from loadtest.report.scales import Scale
from loadtest.report.series import MOST, Point, grouped, thin

WIDTH: Final = 760
HEIGHT: Final = 300
LEFT: Final = 62
RIGHT: Final = 104
TOP: Final = 26
BOTTOM: Final = 30
COLOURS: Final = 6
TABLE_ROWS: Final = 60
_LETTER: Final = 5.8  # how wide one is, about, in the plots' 11 px
_BOLD: Final = 6.8


class Table(NamedTuple):
    """Plain text; `note` says what was left out."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


class Plot(NamedTuple):
    """`key` is unique in a page; `note` is one sentence; `svg` needs the page's style sheet."""

    key: str
    title: str
    note: str
    svg: str
    table: Table


class Line(NamedTuple):
    """`look` is a class of plot.css: c0 to c5 for things of equal rank, p50 to max for percentiles."""

    name: str
    points: Sequence[Point]
    look: str
    steps: bool = False  # holds a value until the next
    dots: bool = False
    label: bool = True  # its name stands at its end


class Area(NamedTuple):
    """Filled between two values of each x; a None in either is a gap."""

    points: Sequence[tuple[float, float | None, float | None]]
    look: str


class Span(NamedTuple):
    """A stretch of the x axis: a phase, a phase that is measured, or one in which the generator was not sound."""

    start: float
    end: float
    name: str
    kind: Literal["phase", "measured", "invalid"]


class Rule(NamedTuple):
    """A line right across at a value of an axis, with a word to it."""

    axis: Literal["x", "y"]
    value: float
    name: str


class Mark(NamedTuple):
    """A single point that matters."""

    x: float
    y: float
    name: str
    look: str
    shape: Literal["ring", "dot", "cross"] = "dot"


Say = Callable[[float], str]


class Frame(NamedTuple):
    """The axes, and how a value of each is said. Plots of the same `group` share a cursor: their x axes must be the same."""

    x: Scale
    y: Scale
    say_x: Say
    say_y: Say
    group: str = ""

    def px(self, value: float) -> float:
        return LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT)

    def py(self, value: float) -> float:
        return HEIGHT - BOTTOM - self.y.at(value) * (HEIGHT - TOP - BOTTOM)


def look(n: int) -> str:
    """The class of the n-th of several equals; after the last colour they begin again, dashed."""
    return f"c{n % COLOURS}" + (" again" if n // COLOURS % 2 else "")


def draw(
    key: str,
    title: str,
    note: str,
    frame: Frame,
    lines: Sequence[Line],
    *,
    areas: Iterable[Area] = (),
    spans: Sequence[Span] = (),
    rules: Iterable[Rule] = (),
    marks: Iterable[Mark] = (),
    table: Table | None = None,
) -> Plot:
    """A plot of lines; its table is made of them where none is given."""
    thinned = [line._replace(points=thin(line.points)) for line in lines]
    inner = [
        *(_area(frame, area) for area in areas),
        *(path(frame, line) for line in thinned),
        *(_mark(frame, mark) for mark in marks),
    ]
    labels = _end_labels(frame, thinned)
    table = table or table_of(lines, frame)
    svg = picture(key, title, note, frame, inner, spans=spans, rules=rules, above=labels, hover=_hover(frame, thinned))
    return Plot(key, title, note, svg, table)


def picture(
    key: str,
    title: str,
    note: str,
    frame: Frame,
    inner: Iterable[str],
    *,
    spans: Sequence[Span] = (),
    rules: Iterable[Rule] = (),
    above: str = "",
    hover: dict[str, Any] | None = None,
) -> str:
    """The <svg>: spans below, axes, what is inside, rules, and what stands above all."""
    room = tag("rect", x=LEFT - 4, y=TOP - 4, width=WIDTH - LEFT - RIGHT + 8, height=HEIGHT - TOP - BOTTOM + 8)
    clip = tag("clipPath", room, id=f"{key}-clip")
    hatch = tag("pattern", tag("path", d="M0 8L8 0M-2 2L2 -2M6 10L10 6"), id=f"{key}-hatch", class_="hatch", width=8, height=8,
                patternUnits="userSpaceOnUse")  # fmt: skip
    return tag(
        "svg",
        tag("title", text(title), id=f"{key}-title"),
        tag("desc", text(note or title), id=f"{key}-desc"),
        tag("defs", clip, hatch),
        *(_span(key, frame, span) for span in spans),
        _axes(frame),
        tag("g", *inner, clip_path=f"url(#{key}-clip)") if (inner := list(inner)) else "",
        *(_rule(frame, rule, n) for n, rule in enumerate(rules)),
        above,
        xmlns="http://www.w3.org/2000/svg",
        class_="plot",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        data_hover=json.dumps(hover, ensure_ascii=True, separators=(",", ":")) if hover else None,
    )


def path(frame: Frame, line: Line) -> str:
    """A line, broken at its gaps; a point between two gaps is a dot."""
    parts, dots = [], []
    for is_gap, run in groupby(line.points, key=lambda p: p[1] is None):
        if is_gap:
            continue
        places = [(frame.px(x), frame.py(y)) for x, y in run if y is not None]
        if line.steps:
            places = [p for a, b in pairwise(places) for p in (a, (b[0], a[1]))] + places[-1:]
        if len(places) > 1:
            parts.append("M" + "L".join(f"{number(x)} {number(y)}" for x, y in places))
        dots += [tag("circle", cx=x, cy=y, r=3, class_=f"dot {line.look}") for x, y in places if line.dots or len(places) == 1]
    return (tag("path", d="".join(parts), class_=f"line {line.look}") if parts else "") + "".join(dots)


def table_of(lines: Sequence[Line], frame: Frame) -> Table:
    """A row for each x, or, where these are too many, for each stretch of them, with the largest value in it."""
    held = [{x: y for x, y in line.points if y is not None} for line in lines]
    xs = sorted({x for points in held for x in points})
    rows = []
    for stretch in grouped(xs, TABLE_ROWS):
        first, last = frame.say_x(stretch[0]), frame.say_x(stretch[-1])
        cells = [max((points[x] for x in stretch if x in points), default=None) for points in held]
        said = ["–" if cell is None else frame.say_y(cell) for cell in cells]
        rows.append([first if first == last else f"{first} to {last}", *said])
    note = (
        "Each row is a stretch of time with the largest value in it; results.json has every second." if len(xs) > TABLE_ROWS else ""
    )
    return Table(["", *(line.name for line in lines)], rows, note)


def _axes(frame: Frame) -> str:
    right, foot = WIDTH - RIGHT, HEIGHT - BOTTOM
    out = []
    for value, said in frame.y.ticks:
        y = frame.py(value)
        out.append(tag("path", d=f"M{LEFT} {number(y)}H{right}", class_="grid" if said else "grid faint"))
        out.append(tag("text", text(said), x=LEFT - 7, y=y + 4, class_="tick end") if said else "")
    for value, said in frame.x.ticks:
        x = frame.px(value)
        out.append(tag("path", d=f"M{number(x)} {foot}v4", class_="axis") if said else "")
        out.append(tag("text", text(said), x=x, y=foot + 17, class_="tick middle") if said else "")
    out.append(tag("path", d=f"M{LEFT} {foot}H{right}", class_="axis"))
    return "".join(out)


def _span(key: str, frame: Frame, span: Span) -> str:
    left, right = frame.px(span.start), frame.px(span.end)
    width, foot = right - left, HEIGHT - BOTTOM
    if span.kind == "invalid":
        box = tag("rect", x=left, y=TOP, width=max(width, 1), height=foot - TOP, fill=f"url(#{key}-hatch)")
        strip = tag("rect", x=left, y=foot - 3, width=max(width, 1), height=3, class_="unsound")
        return tag("g", tag("title", text(span.name)), box, strip)
    if width <= 0:
        return ""
    name = plain(span.name)
    room = int((width - 8) / _LETTER)
    shown = name if len(name) <= room else f"{name[: room - 1]}…" if room >= 4 else ""
    return "".join((
        tag("rect", x=left, y=TOP - 18, width=width, height=foot - TOP + 18, class_=f"band {span.kind}"),
        tag("path", d=f"M{number(left)} {TOP - 18}V{foot}", class_="edge"),
        tag("text", text(shown), x=left + 5, y=TOP - 6, class_="phase") if shown else "",
    ))  # fmt: skip


def _rule(frame: Frame, rule: Rule, before: int) -> str:
    """Words beside upright lines stand each a little lower than the one `before`, so that they never meet."""
    scale = frame.x if rule.axis == "x" else frame.y
    if not scale.low <= rule.value <= scale.high:
        return ""
    if rule.axis == "x":
        x = frame.px(rule.value)
        late = x > (LEFT + WIDTH - RIGHT) / 2
        place = {"x": x - 5 if late else x + 5, "y": float(TOP + 12 + 14 * before), "class_": "said end" if late else "said"}
        return tag("path", d=f"M{number(x)} {TOP}V{HEIGHT - BOTTOM}", class_="rule") + tag("text", text(rule.name), **place)
    y = frame.py(rule.value)
    name = tag("text", text(rule.name), x=LEFT + 6, y=y - 5 if y > TOP + 16 else y + 13, class_="said")
    return tag("path", d=f"M{LEFT} {number(y)}H{WIDTH - RIGHT}", class_="rule") + name


def _area(frame: Frame, area: Area) -> str:
    parts = []
    for is_gap, run in groupby(_thin_area(area.points), key=lambda p: p[1] is None or p[2] is None):
        if is_gap:
            continue
        places = [(frame.px(x), frame.py(a), frame.py(b)) for x, a, b in run if a is not None and b is not None]
        there = [f"{number(x)} {number(b)}" for x, _, b in places]
        back = [f"{number(x)} {number(a)}" for x, a, _ in reversed(places)]
        parts.append("M" + "L".join(there + back) + "Z")
    return tag("path", d="".join(parts), class_=f"area {area.look}") if parts else ""


def _thin_area(points: Sequence[tuple[float, float | None, float | None]]) -> Sequence[tuple[float, float | None, float | None]]:
    """Each stretch becomes one point, as wide as its widest."""
    if len(points) <= MOST:
        return points
    out = []
    for n in range(MOST):
        stretch = points[n * len(points) // MOST : (n + 1) * len(points) // MOST]
        low = [a for _, a, b in stretch if a is not None and b is not None]
        high = [b for _, a, b in stretch if a is not None and b is not None]
        out.append((stretch[0][0], min(low, default=None), max(high, default=None)))
    return out


def _mark(frame: Frame, mark: Mark) -> str:
    x, y = frame.px(mark.x), frame.py(mark.y)
    said = tag("title", text(mark.name))
    if mark.shape == "cross":
        return tag("path", said, d=f"M{number(x - 4)} {number(y - 4)}l8 8m0 -8l-8 8", class_=f"cross {mark.look}")
    ring = mark.shape == "ring"
    return tag("circle", said, cx=x, cy=y, r=9 if ring else 4, class_=f"{'ring' if ring else 'dot'} {mark.look}")


def _end_labels(frame: Frame, lines: Sequence[Line]) -> str:
    """The lines' names at their ends, moved apart where they would meet."""
    ends = []
    for line in reversed(lines):  # where two meet, the later line's name lies above
        held = [(x, y) for x, y in line.points if y is not None]
        if held and line.label:
            ends.append((frame.py(held[-1][1]), line))
    ends.sort(key=lambda e: e[0])
    places = spread([y for y, _ in ends], 13.0, float(TOP + 4), float(HEIGHT - BOTTOM))
    return "".join(
        tag("text", text(_short(line.name)), x=WIDTH - RIGHT + 8, y=y + 4, class_=f"name {line.look}")
        for y, (_, line) in zip(places, ends, strict=True)
    )


def _short(name: str) -> str:
    room = int((RIGHT - 8) / _BOLD)
    return name if len(name) <= room else f"{name[: room - 1]}…"


def spread(places: Sequence[float], space: float, low: float, high: float) -> list[float]:
    """The places (in rising order) moved apart by at least `space`, within low and high as far as these have room."""
    out: list[float] = []
    for place in places:
        out.append(max(place, out[-1] + space if out else low))
    limit = max(high, low + space * (len(out) - 1))
    for i in range(len(out) - 1, -1, -1):
        out[i] = min(out[i], limit)
        limit = out[i] - space
    return out


def _hover(frame: Frame, lines: Sequence[Line]) -> dict[str, Any]:
    """For the script: per line where its points are and what they say; xs that lines share stand there once."""
    axes: list[tuple[float, ...]] = []
    out = []
    for line in lines:
        held = [(x, y) for x, y in line.points if y is not None]
        xs = tuple(x for x, _ in held)
        if xs not in axes:
            axes.append(xs)
        out.append({
            "name": plain(line.name), "look": line.look, "on": axes.index(xs),
            "y": [round(frame.py(y), 1) for _, y in held], "said": [frame.say_y(y) for _, y in held],
        })  # fmt: skip
    return {
        "group": frame.group,
        "box": [LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM],
        "xs": [[round(frame.px(x), 1) for x in xs] for xs in axes],
        "at": [[frame.say_x(x) for x in xs] for xs in axes],
        "lines": out,
    }
