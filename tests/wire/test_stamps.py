"""Times as text. Source: https://ircv3.net/specs/extensions/server-time"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dialects.irc import stamp
from wire.stamps import parse_stamp


@given(st.integers(0, 253402300799999))
def test_a_time_comes_back(at: int) -> None:
    assert parse_stamp(stamp(at)) == at


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "*",
            "now",
            "2019-01-04T14:33:26Z",
            "2019-01-04T14:33:26.123",
            "2019-02-30T14:33:26.123Z",
            "2019-01-04T24:33:26.123Z",
        ),
        *("2019-01-04T14:33:61.123Z", "0000-01-04T14:33:26.123Z", "2019-01-04T14:33:26.123Z ", "٢019-01-04T14:33:26.123Z"),
    ],
)
def test_what_is_no_time(text: str) -> None:
    """ "YYYY-MM-DDThh:mm:ss.sssZ" """
    assert parse_stamp(text) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(parse_stamp(text), int | None)


def test_a_leap_second() -> None:
    """ "YYYY-MM-DDThh:mm:60.sssZ" (server-time): as good as the second after it."""
    assert parse_stamp("2016-12-31T23:59:60.500Z") == parse_stamp("2017-01-01T00:00:00.500Z")
