"""A mistake on the command line is one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from loadtest.options import Refused, Settings

GOOD: dict[str, Any] = {"host": "127.0.0.1:6697", "ca": "ca.pem"}


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
        ({"server_pid": 2**30}, "--server-pid"),
        ({"objective": ["p99 please"]}, "An objective reads like"),
    ],
)
def test_mistakes(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        Settings.of({**GOOD, **change})
    assert "\n" not in str(refused.value)


def test_settings_cross_to_workers() -> None:
    settings = Settings.of({**GOOD, "objective": ["loss==0"], "run_time": 5})
    assert Settings.from_dict(settings.to_dict() | {"objective": ["loss==0"]}) == settings
