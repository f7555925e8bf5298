"""The phases file: what is understood, and what one sentence says of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest import phases
from loadtest.objectives import parse
from loadtest.options import Refused, Settings
from loadtest.phases import Phase
from loadtest.scenarios import SCENARIOS

GOOD = """
scenario = "room"
objectives = ["deliver.p99<1s"]
[options]
rooms = 3
message-size = 80
[[phases]]
name = "warm-up"
seconds = 5
load = [0.25, 1]
[[phases]]
seconds = 10.5
measured = true
event = "drop"
"""


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "mine.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_file_is_read(tmp_path: Path) -> None:
    script = phases.read(write(tmp_path, GOOD))
    assert script.scenario == "room"
    assert script.objectives == ("deliver.p99<1s",)
    assert script.phases == (Phase("warm-up", 5.0, (0.25, 1.0)), Phase("phase 2", 10.5, (1.0, 1.0), True, "drop"))
    assert [Phase.from_list([*p[:2], list(p[2]), *p[3:]]) for p in script.phases] == list(script.phases)


def change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("= 3", "is no TOML"),
        (b"\xff", "no text in UTF-8"),
        (change('scenario = "room"', "scenario = 1"), "scenario must be the name"),
        (change('scenario = "room"', 'scenari = "room"'), "scenari is no key"),
        (change('["deliver.p99<1s"]', '"deliver.p99<1s"'), "objectives must be a list"),
        (change("deliver.p99<1s", "fast"), "objectives: An objective reads like"),
        (change("[options]", "[[options]]"), "options must be a table"),
        (change("seconds = 5", "seconds = 0"), "phase 1, seconds must be a number"),
        (change("seconds = 5", "seconds = nan"), "phase 1, seconds must be a number"),
        (change("seconds = 5", ""), "phase 1, seconds must be a number"),
        (change("[0.25, 1]", "[1, 2, 3]"), "phase 1, load must be a share"),
        (change("[0.25, 1]", "-1"), "phase 1, load must be a share"),
        (change("[0.25, 1]", "true"), "phase 1, load must be a share"),
        (change('name = "warm-up"', "name = 3"), "phase 1, name must be a text"),
        (change("measured = true", "measured = 1"), "phase 2, measured must be true or false"),
        (change('"drop"', '"explode"'), "phase 2, event must be"),
        (change('name = "warm-up"', 'nam = "x"'), "phase 1, nam is no key"),
        ("", "phases must be one table or more"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_key(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        phases.read(write(tmp_path, text))
    assert sentence in str(refused.value)
    assert "mine.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"nowhere\.toml cannot be read: No such file"):
        phases.read(tmp_path / "nowhere.toml")


def test_scaling_keeps_the_proportions() -> None:
    scaled = phases.scale([Phase("a", 5), Phase("b", 15)], 60)
    assert [p.seconds for p in scaled] == [15, 45]
    assert phases.scale(scaled, 0) == scaled
    assert [(a, b) for a, b, _ in phases.placed(scaled)] == [(0, 15), (15, 60)]
    assert phases.load_of(scaled).seconds == 60


def test_where_none_is_measured_all_are() -> None:
    assert phases.measured([Phase("a", 1), Phase("b", 1)]) == [True, True]
    assert phases.measured([Phase("a", 1), Phase("b", 1, measured=True)]) == [False, True]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_ready_to_run_by_its_name(name: str) -> None:
    script = phases.read(phases.ready(name))
    assert script.scenario == name
    assert script.objectives
    assert all(parse(text) for text in script.objectives)
    settings = Settings.of({"host": "127.0.0.1:6697", "ca": "ca.pem", "scenario": name})
    scenario = SCENARIOS[name](settings, "abc")
    assert scenario.users > 0
    assert scenario.describe()
