"""What of the settings can change while the server runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.rehash import CHANGEABLE, merged
from server.settings.declare import SettingsError
from server.settings.limits import Limits
from server.settings.people import Operator, OperatorClass
from server.settings.tree import SPECS, Settings


def test_nothing_changed() -> None:
    assert merged(Settings(), Settings()) == (Settings(), "The configuration was read again; changed: nothing")


def test_only_settings_that_exist_can_change() -> None:
    assert SPECS.keys() >= CHANGEABLE


def test_each_goes_where_it_belongs() -> None:
    old = Settings(name="a.example")
    new = replace(
        old,
        name="b.example",
        description="new",
        limits=Limits(topic=100, line=600),
        operators={"x": Operator(certificates=("0" * 64,))},
        operator_classes={"y": OperatorClass()},
    )
    made, report = merged(old, new)
    assert made == replace(new, name="a.example", limits=Limits(topic=100))
    assert report == (
        "The configuration was read again; changed: description, limits.topic, operators, operator_classes; only after a restart:"
        " name, limits.line"
    )


def test_a_mixture_that_makes_no_sense_is_refused() -> None:
    """Each file was right by itself, but the longer line has to wait for a restart."""
    with pytest.raises(SettingsError, match=r"limits\.topic: 800 does not fit a line of 512 bytes"):
        merged(Settings(), Settings(limits=Limits(line=1000, topic=800)))
