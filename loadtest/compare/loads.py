"""The load that is to come, read off the harness's arguments: a baseline of another is refused before anything is measured."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from loadtest import phases
from loadtest.compare.comparison import UNLIKE, Column
from loadtest.options import Plain, Settings, add_arguments


def to_come(load: Sequence[str]) -> list[Column]:
    """A column without runs, with the settings as far as they are known. Raises Refused.

    How long it takes is not among them, since that is Locust's option. Nothing, where there is a mistake: the harness names it.
    """
    parser = Plain(add_help=False, allow_abbrev=False, exit_on_error=False)
    add_arguments(parser, sorted(file.stem for file in phases.READY.glob("*.toml")))
    try:
        given, _ = parser.parse_known_args(load)
    except argparse.ArgumentError:
        return []
    told: dict[str, Any] = {name: value for name, value in vars(given).items() if value is not None}
    settings = Settings.of({"ca": "any", **told}, host="127.0.0.1:6697")
    options = {name: value for name, value in settings.to_dict().items() if name not in UNLIKE and name != "run_time"}
    return [Column("this load", options=options, scenario=settings.scenario)]
