"""Print the table of attacks and faults, a line a row, from what `pytest -m attack --attack-results FILE` wrote.

    python -m tests.attack [FILE] [--markdown]

The exit code is 1 where a row failed, or has no test that passed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.attack.rows import ELSEWHERE, ROWS

FILE = Path("attack-results.jsonl")
MIB = 1 << 20
HEADINGS = ("row", "attack or fault", "passes when", "outcome", "echo p99: quiet, attacked", "memory", "figures")


@dataclass
class Found:
    """What the tests of one row came to."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    accounts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, result: dict[str, Any]) -> None:
        """One test more."""
        self.accounts += result["accounts"]
        if result["outcome"] == "passed":
            self.passed += 1
        elif result["outcome"] == "skipped":
            self.skipped.append(result["why"].removeprefix("Skipped: "))
        else:
            self.failed.append(result["test"].rpartition("::")[2])

    @property
    def outcome(self) -> str:
        """In a few words."""
        if self.failed:
            return "FAILED: " + ", ".join(self.failed)
        missing = "".join(f"; skipped: {why}" for why in dict.fromkeys(self.skipped))
        return f"passed ({self.passed})" + missing if self.passed else "MISSING" + missing

    @property
    def holds(self) -> bool:
        return bool(self.passed) and not self.failed


def read(path: Path) -> dict[str, Found]:
    """What was found, by row. A test that was run again counts as it was the last time."""
    last = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        result = json.loads(text)
        last[result["test"]] = result
    found: dict[str, Found] = defaultdict(Found)
    for result in last.values():
        for name in result["rows"]:
            found[name].add(result)
    return found


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _figures(account: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in account["figures"].items())


def rows(found: dict[str, Found]) -> Iterator[tuple[str, ...]]:
    """The cells of each row of the table."""
    for name, row in ROWS.items():
        if name in ELSEWHERE:
            yield (name, row.what, row.passes, f"does not apply: {ELSEWHERE[name]}", "", "", "")
            continue
        one = found.get(name, Found())
        echoes = [f"{_ms(a['quiet']['p99_ms'])}, {_ms(a['attacked']['p99_ms'])} ms" for a in one.accounts if "quiet" in a]
        grown = [f"{a['grown'] / MIB:+.1f} MiB" for a in one.accounts if "quiet" in a]
        figures = [text for text in map(_figures, one.accounts) if text]
        yield (name, row.what, row.passes, one.outcome, "; ".join(echoes), "; ".join(grown), "; ".join(figures))


def as_text(cells: Iterable[tuple[str, ...]]) -> str:
    """For a terminal: one line a row."""
    lines = []
    for name, what, passes, outcome, echoes, grown, figures in cells:
        measured = " | ".join(part for part in (echoes and f"p99 {echoes}", grown, figures) if part)
        lines.append(f"{name:<4} {outcome:<12} {what} -> {passes}" + (f" [{measured}]" if measured else ""))
    return "\n".join(lines)


def as_markdown(cells: Iterable[tuple[str, ...]]) -> str:
    """For a document."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *cells]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main(argv: list[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description="The table of attacks and faults, a line a row.")
    parser.add_argument("results", nargs="?", type=Path, default=FILE, help="what `pytest --attack-results` wrote (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="as a table for docs/attacks.md")
    args = parser.parse_args(argv)
    try:
        found = read(args.results)
    except OSError as error:
        print(f"{args.results}: {error.strerror}; run: make attack", file=sys.stderr)
        return 1
    print((as_markdown if args.markdown else as_text)(rows(found)))
    wanted = [name for name in ROWS if name not in ELSEWHERE]
    bad = [name for name in wanted if name not in found or not found[name].holds]
    print(f"\n{len(wanted) - len(bad)} of {len(wanted)} rows hold" + (f"; not: {', '.join(bad)}" if bad else "."))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
