"""Cutting text to fit: nothing is lost, nothing is too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.text import LEAST, at_most, broken, lines_of, room_for_text, split
from client.tui.cells import cell_len, tame
from wire.display import safe


@pytest.mark.parametrize(
    ("text", "size", "pieces"),
    [
        ("", 5, [""]),
        ("hello", 5, ["hello"]),
        ("hello world", 5, ["hello", "world"]),
        ("hello world", 8, ["hello", "world"]),
        ("helloworld", 5, ["hello", "world"]),
        ("a bc d", 3, ["a", "bc", "d"]),
        ("äöü", 4, ["äö", "ü"]),
        ("    x", 3, ["   ", " x"]),
        ("ab ", 2, ["ab"]),
    ],
)
def test_split(text: str, size: int, pieces: list[str]) -> None:
    assert split(text, size) == pieces


@given(st.text(alphabet="ab ü😀", max_size=80), st.integers(4, 20))
def test_split_loses_only_spaces_that_it_cut_at(text: str, size: int) -> None:
    pieces = split(text, size)
    assert all(len(p.encode()) <= size for p in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    if all(len(word.encode()) < size for word in text.split()) and "  " not in f" {text}":
        assert " ".join(pieces) == text or " ".join(pieces) + " " == text


def test_lines_of() -> None:
    assert lines_of("a\r\nb\0\x01\n\n\rc\udc80") == ["a", "b", "c?"]
    assert lines_of("\n") == []


def test_room_for_text() -> None:
    source = "alice!~u@host"
    size = room_for_text(source, "PRIVMSG", "#r")
    assert len(f":{source} PRIVMSG #r :{'x' * size}\r\n") == 512
    assert room_for_text("x" * 1000, "PRIVMSG", "#r") == LEAST


@given(st.text(), st.integers(2, 50))
def test_rows_are_never_wider_and_nothing_but_spaces_is_lost(text: str, cells: int) -> None:
    text = tame(safe(text))
    rows = broken(text, cells)
    assert all(cell_len(row) <= cells for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")


def test_rows_are_broken_at_spaces() -> None:
    assert broken("0123 4567 89ab", 10) == ["0123 4567", "89ab"]
    assert broken("0123 4567 89ab", 9) == ["0123 4567", "89ab"]
    assert broken("0123456789 a", 4) == ["0123", "4567", "89 a"]
    assert broken("漢字漢字", 5) == ["漢字", "漢字"]
    assert broken("", 5) == [""]
    assert (at_most("a漢", 2), at_most("a漢", 3), at_most("", 0)) == ("a", "a漢", "")
