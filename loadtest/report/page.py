"""The HTML around the plots: one file, no network, and a policy under which nothing but our own script and styles can run."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from loadtest.report.chart import Plot
from loadtest.report.markup import tag, text

__all__ = ["cells", "document", "figure", "grid", "section", "standalone", "table", "text", "words"]


def document(title: str, body: str) -> str:
    """The whole file. `body` is markup made by the functions here."""
    style, script = _file("plot.css") + _file("page.css"), _file("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def section(title: str, body: str) -> str:
    """A part of the page; nothing where it has no content."""
    return tag("section", tag("h2", text(title)), body) if body else ""


def grid(plots: Iterable[Plot | None]) -> str:
    """Figures side by side where there is room; nothing where there are none."""
    figures = [figure(plot) for plot in plots if plot is not None]
    return tag("div", *figures, class_="grid") if figures else ""


def figure(plot: Plot) -> str:
    """A plot under its title, with its numbers below."""
    caption = tag("figcaption", tag("h3", text(plot.title)), tag("p", text(plot.note)) if plot.note else "")
    note = tag("p", text(plot.table.note), class_="quiet") if plot.table.note else ""
    numbers = tag(
        "details", tag("summary", "The numbers"), note, tag("div", table(plot.table.head, plot.table.rows), class_="scroll")
    )
    return tag("figure", caption, plot.svg, numbers, id=plot.key)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """Numbers, right-aligned but for the first column. All of it is plain text."""
    return _table(head, [[text(cell) for cell in row] for row in rows], caption, None)


def words(rows: Iterable[tuple[str, object]], caption: str = "") -> str:
    """Names and what they are, both plain text; nothing where there are none."""
    cells = [[text(name), text(value)] for name, value in rows]
    return _table((), cells, caption, "words") if cells else ""


def standalone(plot: Plot) -> str:
    """The picture as an .svg file of its own, which follows light and dark."""
    picture = re.sub(r' data-hover="[^"]*"', "", plot.svg)
    style, paper = tag("style", _file("plot.css")), tag("rect", width="100%", height="100%", fill="var(--paper)")
    opening, _, rest = picture.partition(">")
    title, _, after = rest.partition("</title>")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}>{title}</title>{style}{paper}{after}\n'


def cells(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """As `table`, of cells that are markup already."""
    return _table(head, rows, caption, None)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str, look: str | None) -> str:
    top = tag("thead", tag("tr", *(tag("th", text(cell), scope="col") for cell in head))) if head else ""
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows), "")
    return tag("table", tag("caption", text(caption)) if caption else "", top, body, class_=look)


@cache
def _file(name: str) -> str:
    return files("loadtest.report").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """As a policy names what it lets in."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
