"""A comparison as plots and as a page, drawn by loadtest.report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from loadtest.compare import figures, tables
from loadtest.histogram import Histogram
from loadtest.report import page
from loadtest.report import plots as draw
from loadtest.report.chart import Plot

_SPECTRA: Final = (
    ("deliver", "Delivery"),
    ("deliver.healthy", "Delivery to healthy clients"),
    ("spread", "First to last recipient of a message"),
    ("recover", "Back after the drop"),
    ("connect.tls", "TLS handshake"),
)
_BARS: Final = (
    "server.cpu_us_per_delivery",
    "deliver.p99",
    "deliver.healthy.p99",
    "spread.p99",
    "recover.max",
    "server.kib_per_connection",
    "server.connect_us_per_connection",
)
_UNITS: Final[Mapping[str, Any]] = {"us": "us", "kib": "kib", "count": "count", "rate": "count", "cores": "cores", "share": "share"}


def of(comparison: Mapping[str, Any], prefix: str = "") -> list[Plot]:
    """Every plot for which there are data; keys begin with `prefix`."""
    return [plot for plot in _all(comparison, prefix) if plot is not None]


def _all(comparison: Mapping[str, Any], prefix: str) -> Iterator[Plot | None]:
    targets = comparison["targets"]
    for key, title in _SPECTRA:
        runs = {t["name"]: Histogram.from_dict(t["histograms"][key]) for t in targets if key in t["histograms"]}
        yield draw.spectra(f"{prefix}spectrum-{key.replace('.', '-')}", runs, title, "All rounds together.")
    times = {t["name"]: t["p99"] for t in targets if t["p99"]}
    yield draw.over_time(
        f"{prefix}p99", "Delivery p99 over time", times, "us", log=True, note="Of each second; median of the rounds."
    )
    for name in _BARS:
        yield bar(comparison, name, prefix)


def bar(comparison: Mapping[str, Any], name: str, prefix: str = "") -> Plot | None:
    """A figure of all targets, with its intervals."""
    figure = figures.find(name)
    entries = []
    for target in comparison["targets"]:
        cell = target["figures"].get(name)
        if cell is not None:
            entries.append(draw.Bar(target["name"], cell["median"], cell["low"], cell["high"]))
    title = figure.label[0].upper() + figure.label[1:]
    note = "Median of the rounds, with its interval. Less is better."
    return draw.bars(f"{prefix}{name.replace('.', '-').replace('_', '-')}", title, entries, _UNITS[figure.unit], note=note)


def section(comparison: Mapping[str, Any], footnotes: Sequence[str], prefix: str = "") -> str:
    """A scenario's part of the page."""
    head, body = tables.rows(comparison, long=True)
    parts = [
        f"<p>{page.text(comparison['load'])}</p>",
        page.table(head, body),
        f'<p class="quiet">{page.text(tables.legend(comparison))}</p>',
        page.grid(of(comparison, prefix)),
        _list(footnotes),
    ]
    return page.section(comparison["scenario"], "".join(parts))


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{page.text(item)}</li>" for item in items) + "</ul>" if items else ""


def document(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """One offline HTML file. Several comparisons are of the same targets."""
    first = comparisons[0]
    title = "Comparison: " + ", ".join(t["name"] for t in first["targets"])
    verdicts = dict.fromkeys(line.removeprefix("parley: ") for c in comparisons for line in tables.summary(c))
    machine = ", ".join(f"{key} {value}" for key, value in first["machine"].items())
    head = f"<h1>{page.text(title)}</h1>" + "".join(f"<p>{page.text(line)}.</p>" for line in verdicts)
    head += f"<p>{page.text(first['made'])}; {page.text(machine)}</p>"
    sections = [section(c, tables.remarks(c), f"{i}-" if len(comparisons) > 1 else "") for i, c in enumerate(comparisons)]
    return page.document(title, head + "".join(sections) + page.section("How the targets differ", _list(tables.differences(first))))
