"""Which target runs when: A B C A B C, and what is not valid again, so that whatever else the machine does hits all alike.

It calls a function for each run and starts nothing itself. With a folder, finished runs are kept there, and a comparison that was
interrupted goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from loadtest.compare import files
from loadtest.compare.comparison import one_line
from loadtest.options import Refused
from loadtest.results import ERRORS, STARVED

PLAN: Final = "plan.json"

Result = dict[str, Any]


class Slot(NamedTuple):
    """One run: of which target, in which round, and which try it is (0: the first)."""

    target: str
    number: int
    attempt: int

    @property
    def file(self) -> str:
        again = f"-again{self.attempt}" if self.attempt else ""
        return f"{self.number:02}-{self.target}{again}.json"


class Taken(NamedTuple):
    """What a target's runs came to: the valid ones by round, the dropped ones, and how many rounds have none."""

    valid: list[tuple[int, Result]]
    dropped: list[tuple[int, Result]]
    missing: int


Run = Callable[[Slot, Path], Result]


def is_valid(result: Mapping[str, Any]) -> bool:
    """Whether the figures of a run count. Faults that the ledger found count in any case, and are shown in any case."""
    return bool(result["generator"]["valid"]) and result["exit_code"] != STARVED


def _say(line: str) -> None:
    print(line, flush=True)


class Rounds:
    """`repeats`: how often a target's runs may be repeated, over all rounds. `run` writes a result to the path and gives it."""

    def __init__(
        self, targets: Sequence[str], *, rounds: int, repeats: int, run: Run, folder: Path, say: Callable[[str], None] = _say
    ) -> None:
        self._targets = targets
        self._rounds = rounds
        self._left = dict.fromkeys(targets, repeats)
        self._run = run
        self._folder = folder
        self._say = say
        self._taken = {name: Taken([], [], 0) for name in targets}

    def play(self) -> dict[str, Taken]:
        """All rounds, or what is still to be done of them. Raises what `run` does."""
        for number in range(1, self._rounds + 1):
            again = [Slot(name, number, 0) for name in self._targets]
            began = time.monotonic()
            while again:
                again = [retry for slot in again if (retry := self._one(slot)) is not None]
            took, left = time.monotonic() - began, self._rounds - number
            if left and took > 1:
                self._say(f"round {number}/{self._rounds}  took {took:.0f} s; about {took * left / 60:.1f} minutes to go")
        return self._taken

    def _one(self, slot: Slot) -> Slot | None:
        """Run it, unless it has been; gives the run that takes its place where it is not valid."""
        file = self._folder / slot.file
        known = file.exists()
        result = files.load(file) if known else self._run(slot, file)
        try:
            valid = is_valid(result)
            self._say(_words(slot, self._rounds, result, known))
        except (KeyError, TypeError, AttributeError):
            raise Refused(f"{file} is not what the load test writes: remove it, and start again.") from None
        taken = self._taken[slot.target]
        if valid:
            taken.valid.append((slot.number, result))
            return None
        taken.dropped.append((slot.number, result))
        if self._left[slot.target] <= 0:
            self._taken[slot.target] = taken._replace(missing=taken.missing + 1)
            return None
        self._left[slot.target] -= 1
        return slot._replace(attempt=slot.attempt + 1)


def _words(slot: Slot, rounds: int, result: Mapping[str, Any], known: bool) -> str:
    """The line that is printed for a run."""
    kept = " (kept from before)" if known else ""
    end = "not valid, dropped" if not is_valid(result) else {0: "passed", ERRORS: "errors"}.get(result["exit_code"], "failed")
    why = f": {one_line(result['reasons'][0])}" if result["reasons"] else ""
    return f"round {slot.number}/{rounds}  {slot.target:14} {end}{kept}{why}"


def claim(folder: Path, plan: Mapping[str, Any]) -> None:
    """Make the folder ours for this comparison; what is kept there must be of the same. Raises Refused."""
    file = folder / PLAN
    text = json.dumps(plan, indent=1, sort_keys=True) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.read_text(encoding="utf-8") != text:
            raise Refused(f"{folder} holds the runs of another comparison: remove it, or give another folder with --keep.")
        file.write_text(text, encoding="utf-8")
    except OSError as why:
        raise Refused(f"{folder} cannot be used for the runs: {why.strerror}.") from None
