"""Nothing that is shown can do harm."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire.display import plain, safe

# https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
anything = st.text(st.characters()) | st.text("\x1b\x9b\x07\r\n\x03\x04\x0f,0123456789abc\u202e\u2066\u2028")


def harmful(text: str) -> set[str]:
    """What of `text` must not get onto a terminal."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDI}


@given(anything)
@example("\x1b]0;title\x07")
@example("\ud800")
def test_no_control_survives(text: str) -> None:
    for shown in (safe(text), plain(text)):
        assert not harmful(shown)
        assert safe(shown) == shown
        assert len(shown.splitlines()) <= 1
        shown.encode()


def test_every_character_there_is() -> None:
    everything = "".join(map(chr, range(0x110000)))
    assert not harmful(safe(everything))
    assert not harmful(plain(everything))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hello, Zoë 日本 😀 שלום", "hello, Zoë 日本 😀 שלום"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\r\nb\x7f\x9b", "a\\x0d\\x0ab\\x7f\\x9b"),
        ("\u202eevil\u2069", "\\u202eevil\\u2069"),
        ("x\U000e0041", "x\\U000e0041"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_is_unsafe_is_written_out(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x02bold\x02 \x1ditalic\x1d \x1funder\x1f \x1estrike \x11mono \x16reverse\x0f", "bold italic under strike mono reverse"),
        # https://modern.ircdocs.horse/formatting#color: one or two digits, and a background behind a comma
        ("\x033,4red \x0312blue\x03 \x03,5", "red blue ,5"),
        ("\x031234", "34"),
        ("\x03", ""),
        ("\x04FF8800,000000hex\x04 \x0412345", "hex 12345"),
        ("\x01ACTION waves\x01", "\\x01ACTION waves\\x01"),
    ],
)
def test_formatting_is_left_out(text: str, shown: str) -> None:
    assert plain(text) == shown
