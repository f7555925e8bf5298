"""Reading results.json and comparison.json as columns: what a run or a comparison wrote is a baseline for the next."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loadtest import results
from loadtest.compare import comparison
from loadtest.compare.comparison import Column, Round, one_line
from loadtest.histogram import Histogram
from loadtest.options import Refused

# What a file that is no (whole) result raises when it is read as one.
BROKEN: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def load(path: Path) -> dict[str, Any]:
    """A results.json, whole. Raises Refused."""
    data = _json(path)
    if data.get("kind") == comparison.KIND:
        raise Refused(f"{path} is a comparison, not the results of a run.")
    _check_version(path, data, results.VERSION)
    return data


def baseline(text: str, extra: tuple[str, ...] = ()) -> list[Column]:
    """The columns of FILE, or the one that FILE#NAME picks. Raises Refused."""
    path, _, wanted = text.partition("#") if not Path(text).exists() else (text, "", "")
    data = _json(Path(path))
    is_comparison = data.get("kind") == comparison.KIND
    _check_version(Path(path), data, comparison.VERSION if is_comparison else results.VERSION)
    try:
        columns = _columns(data) if is_comparison else [_single(data, extra)]
        where = data["machine"]["processor"] if is_comparison else ""
    except BROKEN as why:
        raise Refused(f"{path} cannot be used: it is not what the load test writes ({type(why).__name__}: {why}).") from None
    found = [c for c in columns if not wanted or c.name == wanted]
    if not found:
        raise Refused(f"{path} has no target {wanted}: it has {', '.join(c.name for c in columns)}.")
    when = str(data.get("made") or data.get("started") or "before")
    for column in found:
        column.baseline = True
        column.notes = (*column.notes, f"measured {when}{f' on {where}' if where else ''}; what else ran then is not known")
        column.name = f"{column.name} ({Path(path).name})"
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise Refused(f"{path} cannot be read: {why.strerror}.") from None
    except ValueError:
        raise Refused(f"{path} is no JSON: give a results.json or a comparison.json.") from None
    if not isinstance(data, dict) or "version" not in data:
        raise Refused(f"{path} is neither a results.json nor a comparison.json.")
    return data


def _check_version(path: Path, data: Mapping[str, Any], known: int) -> None:
    if data["version"] != known:
        raise Refused(f"{path} has version {data['version']}, and this load test reads version {known}: measure it again.")


def _single(data: Mapping[str, Any], extra: tuple[str, ...]) -> Column:
    target = data.get("target") or {}
    name = target.get("name") or data["settings"]["host"]
    out = comparison.column(one_line(name), [(1, data)], extra)
    if not data["generator"]["valid"]:
        out.notes = ("the generator was starved in this run, so its times say little",)
    return out


def _columns(data: Mapping[str, Any]) -> list[Column]:
    out = []
    for target in data["targets"]:
        column = Column(
            name=one_line(target["name"]),
            version=one_line(target["version"]),
            notes=tuple(one_line(note) for note in target["notes"]),
            rounds=[_round(run) for run in target["runs"]],
            dropped=[_dropped(d) for d in target["dropped"]],
            tls=list(target["tls"]),
            histograms={name: Histogram.from_dict(h) for name, h in target["histograms"].items()},
            p99=[(float(t), None if value is None else float(value)) for t, value in target["p99"]],
            options=dict(data["options"]),
            scenario=data["scenario"],
            load=data["load"],
        )
        if column.rounds and not target["baseline"]:  # a baseline of a baseline is not handed on
            out.append(column)
    return out


def _round(run: Mapping[str, Any]) -> Round:
    reasons = [one_line(reason) for reason in run["reasons"]]
    return Round(run["round"], run["exit_code"], reasons, {k: float(v) for k, v in run["figures"].items()})


def _dropped(run: Mapping[str, Any]) -> dict[str, Any]:
    return {**run, "reasons": [one_line(reason) for reason in run["reasons"]], "faults": dict(run["faults"])}


def check_same_load(columns: Sequence[Column]) -> None:
    """Figures of different loads say nothing about each other. Raises Refused."""
    for first, other in itertools.pairwise(columns):
        if other.scenario != first.scenario:
            raise Refused(f"{other.name} was measured with the scenario {other.scenario}, {first.name} with {first.scenario}.")
        both = first.options.keys() & other.options.keys()  # a later version may have more options
        unlike = [key for key in sorted(both) if _plain(first.options[key]) != _plain(other.options[key])]
        if unlike:
            words = ", ".join(f"{key} {other.options[key]} (not {first.options[key]})" for key in unlike[:5])
            raise Refused(f"{other.name} was measured with another load: {words}; use the same options.")


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(value))
