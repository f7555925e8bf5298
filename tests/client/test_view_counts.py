"""What is unread, what is worth an alert, and what has our name in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from client import events as e
from client.view import View

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def said(text: str = "hi", room: str = "#dev", nick: str = "bob", when: float = 0, **more: object) -> e.Said:
    return e.Said(room, nick, text, at=at(when), **more)  # type: ignore[arg-type]


@pytest.fixture
def view() -> View:
    view = View("#lobby", lambda: NOW, ["lunch"])
    view.feed(e.Registered("al"))
    view.feed(e.Joined("#dev", "al", own=True))
    return view


def counts(view: View, room: str = "#dev") -> tuple[int, int]:
    return view.buffer(room).unread, view.buffer(room).mentions


def test_live_messages_of_others_count(view: View) -> None:
    view.feed(said())
    view.feed(said("al: hi"))
    view.feed(said(nick="al", own=True))
    view.feed(e.Joined("#dev", "eve"))
    assert counts(view) == (2, 1)
    assert view.read(view.buffer("#dev")) == NOW
    assert counts(view) == (0, 0)


def test_two_live_messages_of_one_moment(view: View) -> None:
    view.feed(said(msgid="a"))
    view.read(view.buffer("#dev"))
    view.feed(said(msgid="b"))
    assert counts(view) == (1, 0), "it has the time up to which we have read, and came after that"


def test_history_counts_from_the_read_marker_on(view: View) -> None:
    view.feed(e.ReadUpTo("#dev", at(5)))
    for when in (4, 5, 6, 7):
        view.feed(said(when=when, replayed=True))
    assert counts(view) == (2, 0)
    view.feed(said(when=8, nick="al", own=True, replayed=True))
    assert counts(view) == (2, 0), "what another of our devices said marks nothing as read"


def test_the_history_of_a_room_that_is_new_to_us_is_no_news(view: View) -> None:
    view.feed(said(replayed=True))
    view.feed(e.CaughtUp("#dev"))
    assert counts(view) == (0, 0)
    view.feed(e.Lost(1))
    view.feed(e.Registered("al", again=True))
    view.feed(said("al?", when=1, replayed=True))
    assert counts(view) == (1, 1), "what was said during a break is"


def test_the_marker_may_come_after_the_history(view: View) -> None:
    for when in range(10):
        view.feed(said("al" if when == 8 else "x", when=when, replayed=True))
    view.feed(e.ReadUpTo("#dev", at(6)))
    assert counts(view) == (3, 1)


def test_reading_elsewhere(view: View) -> None:
    for when in range(10):
        view.feed(said("al" if when % 2 else "x", when=when))
        view.feed(e.Joined("#dev", f"n{when}"))
    view.feed(e.ReadUpTo("#dev", at(6)))
    assert counts(view) == (3, 2)
    view.feed(e.ReadUpTo("#dev", at(3)))
    assert counts(view) == (3, 2), "never backwards"
    view.feed(e.ReadUpTo("#dev", None))
    view.feed(e.ReadUpTo("#elsewhere", at(1)))
    assert view.find("#elsewhere") is None
    view.switch("#dev")
    assert view.front.marked is not None
    assert view.front.entries[view.front.marked].at == at(7)
    assert view.read(view.front) == at(9)
    assert view.read(view.front) is None
    view.switch("#dev")
    assert view.front.marked is None


def test_the_line_of_what_is_new_stands_before_the_first_unread_message(view: View) -> None:
    view.feed(said("old"))
    view.read(view.buffer("#dev"))
    view.feed(e.Joined("#dev", "eve"))
    view.feed(said("mine", nick="al", own=True))
    view.feed(said("new"))
    view.feed(e.Topic("#dev", "tea", "bob"))
    view.feed(said("newer"))
    view.switch("#dev")
    assert view.front.marked is not None
    assert view.front.entries[view.front.marked].text == "new"


def test_reading_what_is_read_changes_nothing(view: View) -> None:
    view.feed(said())
    view.read(view.buffer("#dev"))
    assert view.take_changes().buffers
    view.read(view.buffer("#dev"))
    view.mark(view.buffer("#dev"))
    changes = view.take_changes()
    assert not changes.buffers, "a front end that reads at each change would never rest"
    assert not changes.entries


def test_what_nobody_can_read_is_not_reported(view: View) -> None:
    view.feed(e.Joined("#dev", "eve"))
    assert view.read(view.buffer("#dev")) is None


def test_alerts(view: View) -> None:
    view.feed(said("nothing"))
    view.feed(said("al: you", replayed=True))
    view.feed(said("psst", room="eve", nick="eve"))
    view.feed(said("al: in front", room="#lobby"))
    view.buffer("#quiet").muted = True
    view.feed(said("al: ssh", room="#quiet"))
    view.feed(said("lunch!"))
    view.feed(e.Invited("#tea", "bob"))
    assert [x.text for x in view.take_changes().alerts] == ["psst", "lunch!", "bob invites you to #tea: /join #tea"]
    assert counts(view, "#quiet") == (1, 1), "muted is not unread"
    view.attended = False
    view.feed(said("al: in front", room="#lobby"))
    for number in range(30):
        view.feed(said(f"al {number}"))
    assert [x.text for x in view.take_changes().alerts] == [f"al {number}" for number in range(10, 30)]


def test_alerts_after_a_break(view: View) -> None:
    view.feed(e.CaughtUp("#dev"))
    view.feed(e.Registered("al", again=True))
    view.feed(said("al: missed", replayed=True))
    view.feed(said("from a stranger", room="zed", nick="zed", replayed=True))
    assert [x.text for x in view.take_changes().alerts] == ["al: missed", "from a stranger"]
    assert counts(view, "zed") == (1, 1)


def test_an_old_mention_is_counted_but_not_called_out(view: View) -> None:
    view.feed(e.ReadUpTo("#dev", at(0)))
    view.feed(said("al: yesterday", when=1, replayed=True))
    assert counts(view) == (1, 1)
    assert view.take_changes().alerts == []


def test_who_is_ignored_is_not_there(view: View) -> None:
    view.ignored.add("bob")
    assert view.feed(said("al!", nick="BOB", msgid="a")) == []
    view.feed(e.Typing("#dev", "bob"))
    view.feed(e.Reacted("#dev", "b", "bob", "+"))
    view.feed(said("mine", nick="al", own=True, msgid="b"))
    view.feed(e.Older("#dev", (said("old", msgid="o"), e.Reacted("#dev", "b", "bob", "+"))))
    assert counts(view) == (0, 0)
    assert [x.text for x in view.buffer("#dev").entries if x.spoken] == ["mine"]
    assert view.typists(view.buffer("#dev")) == []
    assert view.buffer("#dev").entries[view.buffer("#dev").entries.end - 1].reactions == {}


@pytest.mark.parametrize(
    ("nick", "text", "meant"),
    [
        ("al", "al: hi", True),
        ("al", "hi AL", True),
        ("al", "@al!", True),
        ("al", "(al)", True),
        ("al", "[al] `al` {al}", True),
        ("al", "\x02al\x0f", True),
        ("al", "\x034al", True),
        ("al", "also", False),
        ("al", "al_", False),
        ("al", "x-al", False),
        ("al", "al-x", False),
        ("al", "al[away] said", False),
        ("al", "bob|al", False),
        ("al", "LUNCH?", True),
        ("[al]", "[al] hi", True),
        ("[al]", "al hi", False),
        ("al^", "so al^, you", True),
        ("a\\b|{}`", "hi a\\b|{}`!", True),
        ("al.", "alx", False),
    ],
)
def test_mentions(view: View, nick: str, text: str, meant: bool) -> None:
    view.feed(e.Registered(nick))
    assert view.feed(said(text))[-1].mention is meant


def test_the_new_name_is_meant_after_a_change_of_names(view: View) -> None:
    view.feed(e.Renamed("al", "zed", ("#dev",), own=True))
    assert not view.feed(said("al"))[0].mention
    assert view.feed(said("zed"))[0].mention
    view.nick = ""
    assert view.feed(said("lunch"))[0].mention
    assert not View("#a", lambda: NOW).feed(said("anything"))[0].mention


def test_an_answer_to_us_means_us(view: View) -> None:
    view.feed(said("what time is it", nick="al", own=True, msgid="q"))
    assert view.feed(said("noon", reply_to="q"))[0].mention
    assert not view.feed(said("noon", reply_to="other"))[0].mention
