"""A comparison as tables: for the terminal, for Markdown and for the page. They read what `comparison.build` made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from loadtest.compare import figures
from loadtest.compare.figures import Figure

SIGNS: Final = {"better": "+", "worse": "-", "no difference": "=", "different": "~", "unknown": "?"}
LEGEND: Final = (
    "Median of the rounds (its 95 % interval). Against this target, {first} is: + better, - worse, = not different, ~ different but"
    " neither better nor worse, ? not known from one run each. * decides the exit code."
)
_ALWAYS: Final = ("loss",)  # shown also where all are 0
_LONG: Final = frozenset(  # shown in the page only
    {
        *("deliver.max", "connect.tls.p50", "connect.register.p50", "connect.join.p50", "recover.tls.p50", "server.cpu"),
        *("server.threads", "generator.cpu_us_per_delivery", "generator.wait"),
    }
)


def rows(comparison: Mapping[str, Any], *, long: bool = False) -> tuple[list[str], list[list[str]]]:
    """Head and rows, one a figure that any target has, one column a target."""
    targets = comparison["targets"]
    words = {(v["figure"], v["against"]): v for v in comparison["verdicts"]}
    out = []
    for figure in _figures(comparison):
        cells = [t["figures"].get(figure.name) for t in targets]
        if not _worth_showing(figure, cells, comparison["judged"], long):
            continue
        row = [figure.label + (" *" if figure.name in comparison["judged"] else "")]
        for target, cell in zip(targets, cells, strict=True):
            verdict = words.get((figure.name, target["name"]))
            sign = f" {SIGNS[verdict['verdict']]}" if verdict else ""
            row.append(f"{_cell(cell, figure, len(target['runs']))}{sign}")
        out.append(row)
    return ["", *(t["name"] for t in targets)], out


def _figures(comparison: Mapping[str, Any]) -> list[Figure]:
    extra = [name for name in comparison["judged"] if name not in figures.KNOWN]
    return [*(figures.find(name) for name in extra), *figures.KNOWN.values()]


def _worth_showing(figure: Figure, cells: Sequence[Mapping[str, float] | None], judged: Sequence[str], long: bool) -> bool:
    there = [cell for cell in cells if cell is not None]
    if not there or (figure.name in _LONG and figure.name not in judged and not long):
        return False
    return figure.unit != "count" or figure.name in _ALWAYS or any(cell["max"] for cell in there)


def _cell(cell: Mapping[str, float] | None, figure: Figure, rounds: int) -> str:
    if cell is None:
        return "–"
    median = figures.in_words(cell["median"], figure.unit)
    if rounds < 2 or cell["low"] == cell["high"]:
        return median
    low, high = (figures.in_words(cell[end], figure.unit, cell["median"]).partition(" ")[0] for end in ("low", "high"))
    return f"{median} ({low}–{high})"  # in the unit of the median, which is said once


def differences(comparison: Mapping[str, Any]) -> list[str]:
    """How the targets were set up, and what they do or lack."""
    return [f"{t['name']}: {note}." for t in comparison["targets"] for note in t["notes"]]


def remarks(comparison: Mapping[str, Any]) -> list[str]:
    """The other footnotes: what happened in the rounds."""
    known = set(differences(comparison))
    return [note for note in comparison["footnotes"] if note not in known]


def terminal(comparison: Mapping[str, Any], footnotes: Sequence[str] | None = None) -> str:
    """Columns of text, then what has to be known to read them: all footnotes, or those given."""
    head, body = rows(comparison)
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    lines = [_line(head, widths), *(_line(row, widths) for row in body)]
    lines += ["", legend(comparison)] if len(head) > 2 else []
    return "\n".join(
        [
            f"{comparison['scenario']}: {comparison['load']}",
            "",
            *lines,
            *_bulleted(comparison["footnotes"] if footnotes is None else footnotes),
        ]
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def _bulleted(footnotes: Iterable[str]) -> list[str]:
    lines = [f"- {note}" for note in footnotes]
    return ["", *lines] if lines else []


def legend(comparison: Mapping[str, Any]) -> str:
    """What the signs mean; they say what the column that is judged is."""
    names = [v["target"] for v in comparison["verdicts"]] or [t["name"] for t in comparison["targets"]]
    return LEGEND.format(first=names[0])


def markdown(comparison: Mapping[str, Any]) -> str:
    """The table for a file in docs/."""
    head, body = rows(comparison)
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def summary(comparison: Mapping[str, Any]) -> list[str]:
    """The verdict in a few lines, for the end of the output."""
    if comparison["reasons"]:
        return [f"parley: {reason}" for reason in comparison["reasons"]]
    judged = [v for v in comparison["verdicts"] if v["judged"]]
    if not judged:
        return ["parley: compared; nothing was judged"]
    better = len([v for v in judged if v["verdict"] == "better"])
    unknown = len([v for v in judged if v["verdict"] == "unknown"])
    said = f"parley: nothing is worse in {len(judged)} figures judged" + (f", {better} are better" if better else "")
    return [said + (f"; {unknown} not known from one run each, use --rounds" if unknown else "")]
