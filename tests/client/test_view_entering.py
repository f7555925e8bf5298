"""Coming into a room: its history is older than that, and stands above it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from client import events as e
from client.view import View
from client.view.happened import MOST_LATER

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ME = e.Joined("#dev", "al", own=True, at=NOW)
ids = count()


def said(text: str, seconds: int, *, replayed: bool = False) -> e.Said:
    return e.Said("#dev", "bob", text, at=NOW + timedelta(seconds=seconds), msgid=str(next(ids)), replayed=replayed)


@pytest.fixture
def view() -> View:
    view = View("#dev", lambda: NOW)
    view.feed(e.Registered("al"))
    return view


def texts(view: View) -> list[str]:
    return [entry.text for entry in view.buffer("#dev").entries]


def test_the_history_stands_above(view: View) -> None:
    assert view.feed(ME) == []
    assert view.front.joined
    view.feed(said("one", -2, replayed=True))
    view.feed(said("two", -1, replayed=True))
    assert [entry.text for entry in view.feed(e.CaughtUp("#dev"))] == ["you joined #dev"]
    view.feed(said("three", 1))
    assert texts(view) == ["one", "two", "you joined #dev", "three"]
    assert view.feed(e.CaughtUp("#dev")) == []


def test_so_it_does_above_what_happened_meanwhile(view: View) -> None:
    view.feed(ME)
    printed = [view.feed(e.Joined("#dev", "ada")), view.feed(e.Gone("eve", ("#dev",), "Quit: "))]
    assert [len(rows) for rows in printed] == [1, 1]
    assert view.front.members["ada"].nick == "ada"
    for event in (e.Topic("#dev", "tea", "bob"), e.ModeSet("#dev", "op", "+m"), e.Parted("#dev", "ada", "x", by="op")):
        assert view.feed(event) == []
    assert view.front.topic == "tea"
    view.feed(said("one", -2, replayed=True))
    view.feed(e.CaughtUp("#dev"))
    assert texts(view) == [
        "one",
        "you joined #dev",
        "ada joined · eve left",
        "bob set the topic of #dev: tea",
        "op sets mode +m in #dev",
        "ada was put out of #dev by op (x)",
    ]


@pytest.mark.parametrize("replayed", [True, False])
def test_what_was_said_after_that_stands_below(view: View, *, replayed: bool) -> None:
    """What is said while the history is read may be in it, or is told behind it."""
    view.feed(ME)
    view.feed(said("one", -2, replayed=True))
    assert [entry.text for entry in view.feed(said("two", 2, replayed=replayed))] == ["you joined #dev", "two"]
    view.feed(e.CaughtUp("#dev"))
    assert texts(view) == ["one", "you joined #dev", "two"]


def test_without_times_it_waits_for_the_end(view: View) -> None:
    view.feed(e.Joined("#dev", "al", own=True))
    view.feed(said("one", 5, replayed=True))
    view.feed(e.CaughtUp("#dev"))
    assert texts(view) == ["one", "you joined #dev"]


def test_a_connection_that_breaks_meanwhile(view: View) -> None:
    view.feed(ME)
    view.feed(said("one", -2, replayed=True))
    assert [entry.text for entry in view.feed(e.Lost(1))] == ["you joined #dev", "Connection lost; next try in 1.0 s"]
    assert texts(view) == ["one", "you joined #dev"]
    view.feed(ME)
    view.feed(e.CaughtUp("#dev"))
    assert texts(view)[2:] == ["you joined #dev"]


def test_going_again_meanwhile(view: View) -> None:
    view.feed(ME)
    view.feed(e.Parted("#dev", "al", own=True))
    assert texts(view) == ["you joined #dev", "you left #dev"]


def test_not_for_long_where_much_happens(view: View) -> None:
    view.feed(ME)
    for number in range(MOST_LATER):
        view.feed(e.Joined("#dev", f"n{number}"))
    assert texts(view) == ["you joined #dev", "n0, n1, n2, n3, n4, n5, n6, n7 joined"]
    view.feed(e.Topic("#dev", "tea", "bob"))
    assert texts(view)[-1] == "bob set the topic of #dev: tea"
