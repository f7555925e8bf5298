"""A mistake on the command line is one sentence; what is not said there comes from the scenario's file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from loadtest.options import Refused, Settings, add_arguments, script_of
from loadtest.scenarios import SCENARIOS

GOOD: dict[str, Any] = {"host": "127.0.0.1:6697", "ca": "ca.pem"}


class Parser(argparse.ArgumentParser):
    """Takes what Locust's takes."""

    def add_argument(self, *names: Any, **how: Any) -> Any:
        for more in ("env_var", "include_in_web_ui"):
            how.pop(more, None)
        return super().add_argument(*names, **how)


def parsed(*words: str) -> Settings:
    parser = Parser()
    add_arguments(parser, list(SCENARIOS))
    return Settings.of(vars(parser.parse_args(["--ca", "ca.pem", *words])), "127.0.0.1:6697")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1:7000", ("127.0.0.1", 7000)),
        ("chat.example", ("chat.example", 6697)),
        ("ircs://chat.example:9/", ("chat.example", 9)),
        ("[::1]:6697", ("::1", 6697)),
        ("[::1]", ("::1", 6697)),
    ],
)
def test_addresses(host: str, address: tuple[str, int]) -> None:
    assert Settings.of({**GOOD, "host": host}).address == address


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"host": None}, "Say which server"),
        ({"host": "irc://x:1"}, "TLS always"),
        ({"host": "x:port"}, "HOST:PORT"),
        ({"host": "x:99999"}, "HOST:PORT"),
        ({"ca": None}, "PARLEY_CA"),
        ({"rooms": 0}, "--rooms must be more than 0"),
        ({"connect_rate": -1.0}, "--connect-rate must be more than 0"),
        ({"message_size": 600}, "512 bytes"),
        ({"storm_share": 101}, "--storm-share is a share in percent"),
        ({"storm_by": "axe"}, "--storm-by is fin or rst"),
        ({"knee_factor": 1.0}, "--knee-factor must be more than 1"),
        ({"server_pid": 2**30}, "--server-pid"),
        ({"objective": ["p99 please"]}, "An objective reads like"),
        ({"objective": ["delivery.p99<1s"]}, "No run has a figure 'delivery.p99'"),
        ({"objective": ["deliver.p99<250"]}, "say us, ms or s"),
        ({"rate": "nan"}, "--rate must be a number"),
        ({"rate": float("inf")}, "--rate must be a number"),
        ({"rooms": "9" * 400}, "--rooms must be a whole number"),
        ({"visit_messages": -1}, "--visit-messages must not be less than 0"),
        ({"drain": -5.0}, "--drain must not be less than 0"),
        (
            {"source_address": "10.0.0.1,chat.example"},
            "--source-address takes IP addresses, separated by commas, not 'chat.example'",
        ),
        ({"phases": "nowhere.toml"}, "nowhere.toml cannot be read"),
        ({"rooms": "many"}, "--rooms must be a whole number"),
        ({"rooms": 2.5}, "--rooms must be a whole number"),
        ({"rate": True}, "--rate must be a number"),
        ({"resume": "perhaps"}, "--resume must be true or false"),
    ],
)
def test_mistakes(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        Settings.of({**GOOD, **change})
    assert "\n" not in str(refused.value)


def test_settings_cross_to_workers() -> None:
    settings = Settings.of({**GOOD, "objective": ["loss==0"], "run_time": 5})
    assert Settings.from_dict(settings.to_dict() | {"objective": ["loss==0"]}) == settings


def test_the_scenarios_file_says_what_the_command_line_does_not() -> None:
    assert parsed().scenario == "room"
    big = parsed("--scenario", "big-room", "--members", "30")
    assert (big.rooms, big.members, big.rate) == (1, 30, 2.0)


def test_the_web_pages_form_gives_text() -> None:
    settings = Settings.of({**GOOD, "rooms": "7", "rate": "2.5", "resume": "true", "caps": "", "scenario": "storm"})
    assert (settings.rooms, settings.rate, settings.resume, settings.caps) == (7, 2.5, True, "")


def mine(folder: Path, options: str) -> str:
    file = folder / "mine.toml"
    file.write_text(f'scenario = "dm"\n[options]\n{options}\n[[phases]]\nseconds = 1\n')
    return str(file)


def test_ones_own_phases_file_names_its_scenario(tmp_path: Path) -> None:
    settings = parsed("--phases", mine(tmp_path, "pairs = 3\nmessage-size = 60\nrate = 2"))
    assert (settings.scenario, settings.pairs, settings.message_size, settings.rate) == ("dm", 3, 60, 2.0)
    assert script_of(settings).scenario == "dm"
    assert parsed("--phases", settings.phases, "--scenario", "room", "--rate", "9").rate == 9
    assert not settings.watches_server


def test_a_misspelt_figure_in_a_file_is_noticed_before_the_run(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('scenario = "room"\nobjectives = ["delivr.p99<1s"]\n[[phases]]\nseconds = 1\n')
    with pytest.raises(Refused, match=r"No run has a figure 'delivr\.p99'"):
        parsed("--phases", str(file))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_all_that_the_scenarios_hold_a_run_against_is_known(scenario: str) -> None:
    assert script_of(parsed("--scenario", scenario)).objectives


def test_source_addresses() -> None:
    assert parsed("--source-address", "10.0.0.1, ::1").source_address == "10.0.0.1, ::1"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("speed = 3", "mine.toml, options: there is no option speed"),
        ('host = "x"', "there is no option host"),
        ('pairs = "many"', "options: pairs must be a whole number"),
        ("pairs = true", "options: pairs must be a whole number"),
        ("caps = 3", "options: caps must be a text"),
    ],
)
def test_a_mistake_in_a_files_options_is_one_sentence(tmp_path: Path, options: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        parsed("--phases", mine(tmp_path, options))
