"""Invitation links, which may come from anybody."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.address import Address, Link, parse_link
from wire.names import valid_room

CA = "ab" * 32


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("chat.example", Link(Address("chat.example", 6697))),
        ("ircs://chat.example", Link(Address("chat.example", 6697))),
        ("IRCS://chat.example:7000/", Link(Address("chat.example", 7000))),
        ("ircs://[::1]:7/%23a", Link(Address("::1", 7), ("#a",))),
        (f"ircs://h/%23a,%23b,a?ca=sha256:{CA}", Link(Address("h", 6697), ("#a", "#b"), CA)),
        (f"ircs://h?x=1&CA=sha256%3A{CA.upper()}&y", Link(Address("h", 6697), (), CA)),
        ("ircs://h/#a?x", Link(Address("h", 6697), ("#a",))),
        ("ircs://h/%23%C3%A4", Link(Address("h", 6697), ("#ä",))),
        ("ircs://h/%23a,needkey,isnick", Link(Address("h", 6697), ("#a",))),
        ("ircs://h/%23%23a/", Link(Address("h", 6697), ("##a",))),
    ],
)
def test_links(text: str, link: Link) -> None:
    assert parse_link(text) == link


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("irc://h/%23a", "irc:// is no link to here"),
        ("https://h/", "https:// is no link to here"),
        ("ircs://bank.example@evil.example/", "hides its server behind an @"),
        ("ircs://h:0/", "0 is no port"),
        ("ircs://h:99999/", "99999 is no port"),
        ("ircs:///%23a", "is no server address"),
        ("ircs://h/%23a%0D%0AQUIT", "in this link is no room"),
        ("ircs://h/%23a%2Cb", "in this link is no room"),
        ("ircs://h/%1B]0;x", "in this link is no room"),
        ("ircs://h/%23" + "a" * 300, "in this link is no room"),
        ("ircs://h/%23%FF", "is not UTF-8"),
        ("ircs://h/" + ",".join(f"r{i}" for i in range(21)), "more than 20 rooms"),
        ("ircs://h/?ca=sha256:ab", "is no fingerprint"),
        ("ircs://h/?ca=", "is no fingerprint"),
        (f"ircs://h/?ca={CA}&ca={'cd' * 32}", "names two authorities"),
        ("ircs://h/" + "a" * 2000, "longer than 2000 characters"),
    ],
)
def test_hostile_links(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        parse_link(text)
    assert words in str(caught.value)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def read(text: str) -> tuple[Link | None, str]:
    try:
        return parse_link(text), ""
    except ValueError as error:
        return None, str(error)


@given(st.one_of(st.text(), st.text().map(lambda rest: f"ircs://{rest}"), st.text().map(lambda rest: f"ircs://h/{rest}")))
def test_nothing_but_a_sentence_comes_of_any_text(text: str) -> None:
    link, sentence = read(text)
    assert sentence.isascii()
    assert sentence.isprintable()
    assert link is None or all(valid_room(room, 200) for room in link.rooms)
    assert link is None or len(link.ca) in (0, 64)


@given(st.lists(st.text(min_size=1).map("#".__add__).filter(lambda room: valid_room(room, 200)), max_size=4, unique=True))
def test_rooms_come_back(rooms: list[str]) -> None:
    path = ",".join(quote(room, safe="") for room in rooms)
    if len(path) < 1900:
        assert parse_link(f"ircs://h/{path}").rooms == tuple(rooms)
