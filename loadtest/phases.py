"""The phases of a run, and the TOML file that they stand in, with the scenario's options and objectives.

scenario = "room"
objectives = ["deliver.p99<250ms"]

[options]                # the names of the command line, which wins
rooms = 10

[[phases]]
name = "steady"
seconds = 30
load = 1.0               # share of the nominal rate; [0.25, 1.0] is a ramp
measured = true          # latencies count here only; in all phases where none is measured
event = "drop"           # what happens when it starts (storm)
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest import objectives
from loadtest.pacing import Load
from loadtest.refused import Refused

READY: Final = Path(__file__).parent / "scenarios"
EVENTS: Final = ("", "drop")


class Phase(NamedTuple):
    """`load` is the share of the nominal rate at its start and at its end."""

    name: str
    seconds: float
    load: tuple[float, float] = (1.0, 1.0)
    measured: bool = False
    event: str = ""

    @classmethod
    def from_list(cls, data: Sequence[Any]) -> Phase:
        """As it comes out of JSON and the like."""
        name, seconds, load, measured, event = data
        return cls(name, seconds, (load[0], load[1]), measured, event)


class Script(NamedTuple):
    """What a file says. `options` is unchecked: `options.Settings` knows their names and types."""

    path: str
    scenario: str
    objectives: tuple[str, ...]
    options: Mapping[str, Any]
    phases: tuple[Phase, ...]


def ready(name: str) -> Path:
    """The file of a scenario that is ready to run by its name."""
    return READY / f"{name}.toml"


def read(path: Path) -> Script:
    """Raises Refused with a sentence that names file and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as why:
        raise Refused(f"The phases file {path} cannot be read: {why.strerror}.") from None
    except UnicodeDecodeError:
        raise Refused(f"The phases file {path} is no text in UTF-8.") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as why:
        raise Refused(f"The phases file {path} is no TOML: {why}.") from None
    return _Reader(str(path)).script(data)


def scale(phases: Sequence[Phase], seconds: float) -> tuple[Phase, ...]:
    """The same phases, each longer or shorter by the same factor, so that they take `seconds` in all (0: as they are)."""
    factor = seconds / total(phases) if seconds else 1.0
    return tuple(p._replace(seconds=p.seconds * factor) for p in phases)


def total(phases: Iterable[Phase]) -> float:
    return sum(p.seconds for p in phases)


def load_of(phases: Iterable[Phase]) -> Load:
    return Load((p.seconds, *p.load) for p in phases)


def measured(phases: Sequence[Phase]) -> list[bool]:
    """For each phase whether latencies count in it."""
    return [p.measured for p in phases] if any(p.measured for p in phases) else [True] * len(phases)


def placed(phases: Iterable[Phase]) -> list[tuple[float, float, Phase]]:
    """(start, end, phase), in seconds from the start of the load."""
    out = []
    at = 0.0
    for phase in phases:
        out.append((at, at + phase.seconds, phase))
        at += phase.seconds
    return out


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path

    def script(self, data: Mapping[str, Any]) -> Script:
        self._only(data, ("scenario", "objectives", "options", "phases"), "")
        scenario = data.get("scenario", "")
        if not isinstance(scenario, str):
            raise self._wrong("scenario", "the name of a scenario")
        wanted = data.get("objectives", [])
        if not isinstance(wanted, list) or not all(isinstance(o, str) for o in wanted):
            raise self._wrong("objectives", 'a list of expressions, as ["deliver.p99<250ms"]')
        for text in wanted:
            try:
                objectives.parse(text)
            except ValueError as why:
                raise Refused(f"{self._path}, objectives: {why}") from None
        options = data.get("options", {})
        if not isinstance(options, dict):
            raise self._wrong("options", "a table: [options]")
        rows = data.get("phases", [])
        if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
            raise self._wrong("phases", "one table or more: [[phases]]")
        phases = tuple(self._phase(row, n) for n, row in enumerate(rows, 1))
        return Script(self._path, scenario, tuple(wanted), options, phases)

    def _phase(self, row: Mapping[str, Any], number: int) -> Phase:
        where = f"phase {number}, "
        self._only(row, Phase._fields, where)
        name = row.get("name", f"phase {number}")
        if not isinstance(name, str):
            raise self._wrong(where + "name", "a text")
        seconds: Any = row.get("seconds")
        if not _is_number(seconds) or not 0 < seconds < 1e7:
            raise self._wrong(where + "seconds", "a number of seconds, more than 0")
        load = row.get("load", 1.0)
        if _is_number(load):
            load = [load, load]
        if not isinstance(load, list) or len(load) != 2 or not all(_is_number(x) and 0 <= x < 1e6 for x in load):
            raise self._wrong(where + "load", "a share of the rate, as 1.0, or two of them for a ramp, as [0.25, 1.0]")
        if not isinstance(row.get("measured", False), bool):
            raise self._wrong(where + "measured", "true or false")
        if row.get("event", "") not in EVENTS:
            raise self._wrong(where + "event", '"drop", or left out')
        return Phase(name, float(seconds), (float(load[0]), float(load[1])), row.get("measured", False), row.get("event", ""))

    def _only(self, table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
        for key in table:
            if key not in known:
                raise Refused(f"{self._path}: {where}{key} is no key of a phases file; there are {', '.join(known)}.")

    def _wrong(self, key: str, wanted: str) -> Refused:
        return Refused(f"{self._path}: {key} must be {wanted}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not isnan(value)
