"""A run as one offline HTML file, made of its results.json.

`read` takes the file apart with care. `views` makes the plots of a run from it; `plots` has those that comparisons use too, on
`chart`, `scales`, `series` and `units`. `run_page` and `page` make the HTML. All of it is pure but for reading and writing the
files. What a server said may be in any text: all goes through `markup`, and the page's policy lets no script in but its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loadtest.report import read, run_page
from loadtest.report.read import Unreadable

__all__ = ["Unreadable", "main", "write_html"]


def write_html(result: Mapping[str, Any], path: str | Path) -> None:
    """Write the report of a results.json, whole or not at all. Raises Unreadable, with one sentence, and OSError."""
    target = Path(path)
    html = run_page.render(result)
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(target.name + ".part")
    half.write_text(html, encoding="utf-8")
    half.replace(target)


def main(arguments: Sequence[str]) -> int:
    """RESULTS.json OUT.html; gives the exit code."""
    if len(arguments) != 2:
        asked = bool(set(arguments) & {"-h", "--help"})
        how = "python -m loadtest report RESULTS.json OUT.html"
        print(
            f"usage: {how}" if asked else f"Say which results to show and where to: {how}", file=sys.stdout if asked else sys.stderr
        )
        return 0 if asked else 1
    try:
        write_html(read.load(arguments[0]), arguments[1])
    except Unreadable as why:
        print(why, file=sys.stderr)
        return 1
    except OSError as why:
        print(f"{arguments[1]} cannot be written: {why.strerror or why}.", file=sys.stderr)
        return 1
    print(arguments[1])
    return 0
