"""How a run stands, in one dict: for the tabs of the web page and the line in the terminal. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from loadtest.objectives import Figures, Objective, evaluate
from loadtest.results import figures_of
from loadtest.timeline import Timeline

RECENT: Final = 5  # seconds
LOOKED_AT: Final = 60

# What stands where no run has begun.
NOTHING: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("run", "scenario", "load", "target", "phase", "aborted"), ""),
    "elapsed": 0.0,
    "left": None,
    "wanted": 0,
    "step": None,
    "steps": [],
}


def picture(facts: Mapping[str, Any], line: Timeline, wanted: Iterable[Objective], lost: int) -> dict[str, Any]:
    """`facts` are those of NOTHING that are known, the state, and how many users there are."""
    faults = line.faults() | {"lost": lost}
    histograms = {name: h for name, h in (line.so_far | line.records()).items() if h.count}
    recent = line.of("deliver", len(line.rows) - RECENT)
    starved = sum(not row["valid"] for row in line.rows[-LOOKED_AT:])
    tried = facts["attempted"]
    numbers = {
        "loss": lost,
        "repeats": faults["repeated"],
        "order": faults["reordered"],
        "foreign": faults["foreign"],
        "connect.fail": facts["failed"] / tried if tried else 0.0,
    }
    outcomes = evaluate(wanted, Figures(numbers, histograms)) if line.rows else []
    return {
        **NOTHING,
        **facts,
        "row": line.rows[-1] if line.rows else None,
        "rows": line.rows,
        "deliver": figures_of(recent) if recent.count else {},
        "totals": dict(line.totals) | faults,
        "figures": {name: figures_of(h) for name, h in histograms.items()},
        "objectives": [o.to_dict() | {"passed": None if o.value is None else o.passed} for o in outcomes],
        "health": {
            "valid": bool(line.rows[-1]["valid"]) if line.rows else True,
            "why": [f"starved in {starved} of the last {min(len(line.rows), LOOKED_AT)} seconds"] if starved else [],
        },
        "errors": line.errors(),
    }
