"""Which names are allowed, and which are the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wire.display import safe
from wire.names import fold, is_room, nick_from, valid_nick, valid_room


def test_case_is_folded_as_ascii_says() -> None:
    """CASEMAPPING=ascii: `a` to `z` are lower case of `A` to `Z`, and no other characters are the same."""
    assert fold("#Room[]\\~ÄÖ") == "#room[]\\~ÄÖ"
    assert fold("ABCXYZ[]") == "abcxyz[]"
    assert fold("\N{KELVIN SIGN}") == "\N{KELVIN SIGN}"  # lower() would make it k


@given(st.text())
def test_folding_twice_is_folding_once(name: str) -> None:
    assert fold(fold(name)) == fold(name)
    assert len(fold(name)) == len(name)


@pytest.mark.parametrize("name", ["a", "Bob", "[x]", "\\`_^{|}", "a-1", "x" * 30])
def test_nicks(name: str) -> None:
    assert valid_nick(name, 30)


@pytest.mark.parametrize(
    "name", ["", "1a", "-a", "a b", "a,b", "a*", "a?", "a!b", "a@b", "#a", ":a", "$a", "+a", "~a", "a.b", "ä", "a\n", "x" * 31]
)
def test_no_nicks(name: str) -> None:
    assert not valid_nick(name, 30)


@pytest.mark.parametrize("name", ["#a", "##", "#Straße", "#日本語", "#a.b/c", "#☃️", "#" + "x" * 63])
def test_rooms(name: str) -> None:
    assert valid_room(name, 64)
    assert is_room(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "#", "a", "&a", "#a b", "#a,b", "#a:b", "#a*", "#a?", "#a\x07", "#a\n", "#a\x7f", "#a\x85", "#a\xa0"),
        *("#a\u200b", "#a\u202e", "#a\ufeff", "#" + "x" * 64, "#" + "ä" * 32),
        # spaces and invisible characters further up
        *("#a\u061c", "#a\u00ad", "#a\u1680", "#a\u2003b", "#a\u205fb", "#a\u3000b", "#a\u3164", "#a\ufffa", "#a\U000e0041"),
        "#a\ud800",
    ],
)
def test_no_rooms(name: str) -> None:
    assert not valid_room(name, 64)


@given(st.text().map("#".__add__))
def test_a_room_can_be_shown_as_it_is(name: str) -> None:
    if valid_room(name, 1 << 20):
        assert safe(name) == name
        assert not {unicodedata.category(c) for c in name} & {"Cc", "Cs", "Zs", "Zl", "Zp"}


def test_is_room() -> None:
    assert is_room("#")
    assert not is_room("")
    assert not is_room("a#")


@pytest.mark.parametrize(
    ("text", "nick"),
    [
        ("Alice Smith", "Alice_Smith"),
        ("  bob\r\n", "bob"),
        ("4chan", "_4chan"),
        ("-x", "_-x"),
        ("日本", "guest"),
        ("", "guest"),
        ("___", "guest"),
        ("Zoë!", "Zo"),
        ("1234567890", "_12345678"),
    ],
)
def test_the_nick_nearest_to_a_name(text: str, nick: str) -> None:
    assert nick_from(text, 9) == nick[:9]


@given(st.text() | st.text("-_0a ["), st.integers(5, 64))
@example("-", 9)
def test_that_nick_is_always_valid(text: str, longest: int) -> None:
    assert valid_nick(nick_from(text, longest), longest)
