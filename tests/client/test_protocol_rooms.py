"""Leaving rooms, coming back to them, and closing them for good."""

from __future__ import annotations

import pytest

from client import events as e
from client.plain import LOBBY, PlainProtocol
from tests.client.test_protocol import Talk, msg, texts


@pytest.fixture
def t() -> Talk:
    talk = Talk("#r")
    talk.greet()
    talk.enter("#r", msg(1, "one", batch="batch=1;"))
    talk.sent()
    return talk


@pytest.mark.parametrize("gone", [":alice!u@h PART #r", ":bob!u@h KICK #r alice :out"])
def test_coming_back_reads_on(t: Talk, gone: str) -> None:
    t.gets(gone)
    t.gets(":alice!u@h JOIN #r")
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3"]


def test_what_a_server_still_has_is_read_on_from_the_time_where_it_forgot_the_message(t: Talk) -> None:
    """There is no gap that could not be loaded; a page of nothing new is the last."""
    t.gets(":alice!u@h PART #r", ":alice!u@h JOIN #r")
    t.sent()
    t.gets(":s FAIL CHATHISTORY INVALID_MSGREF AFTER #r msgid=m1 :no such")
    assert t.sent() == ["CHATHISTORY AFTER #r timestamp=2026-01-01T00:00:01.000Z 3"]
    assert texts(t.gets(":s BATCH +1 chathistory #r", msg(5, "five", batch="batch=1;"), ":s BATCH -1")) == ["five"]
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m5 3"]
    assert t.gets(":s BATCH +2 chathistory #r", ":s BATCH -2") == [e.CaughtUp("#r")]
    t.gets(":alice!u@h PART #r", ":alice!u@h JOIN #r", ":s FAIL CHATHISTORY INVALID_MSGREF AFTER #r msgid=m5 :no such")
    t.sent()
    assert t.gets(":s BATCH +3 chathistory #r", ":s BATCH -3") == [e.CaughtUp("#r")]
    assert t.sent() == []


def test_a_closed_room_shows_nothing_more_and_is_read_anew(t: Talk) -> None:
    t.p.forget("#r")
    t.p.join("#r")
    assert t.sent() == ["PART #r", "JOIN #r"]
    assert t.gets(msg(2, "two")) == [], "it would open the room again"
    t.gets(":alice!u@h PART #r")
    assert texts(t.enter("#r", msg(1, "one", batch="batch=1;"), msg(2, "two", batch="batch=1;"))) == ["one", "two"]
    assert "CHATHISTORY LATEST #r * 3" in t.said[-3:]
    assert texts(t.gets(msg(3, "three"))) == ["three"]


def test_a_closed_room_whose_page_is_under_way(t: Talk) -> None:
    t.gets(":alice!u@h PART #r", ":alice!u@h JOIN #r", ":s BATCH +2 chathistory #r")
    t.p.forget("#r")
    assert t.gets(msg(2, "two", batch="batch=2;"), ":s BATCH -2") == []


def test_a_closed_room_is_read_anew_where_the_connection_breaks_before_we_are_out(t: Talk) -> None:
    t.p.forget("#r")
    t.p.disconnected()
    t.greet()
    t.p.join("#r")
    assert texts(t.enter("#r", msg(1, "one", batch="batch=1;"))) == ["one"]


def test_a_closed_dialogue_is_read_anew(t: Talk) -> None:
    t.gets(msg(2, "psst", room="alice"))
    t.p.forget("bob")
    assert texts(t.gets(msg(3, "again", room="alice"))) == ["again"]
    t.p.older("bob")
    assert t.sent() == ["CHATHISTORY BEFORE bob msgid=m3 3"]
    older = t.gets(":s BATCH +2 chathistory bob", msg(2, "psst", room="alice", batch="batch=2;"), ":s BATCH -2")
    older += t.gets(":s BATCH +3 chathistory bob", ":s BATCH -3")
    assert [texts(list(event.events)) for event in older if isinstance(event, e.Older)] == [["psst"]]


def test_what_was_asked_for_before_it_was_closed_is_told_to_nobody(t: Talk) -> None:
    t.gets(msg(2, "psst", room="alice"))
    t.p.older("bob")
    t.p.forget("bob")
    assert t.gets(":s BATCH +2 chathistory bob", msg(1, "long ago", room="alice", batch="batch=2;"), ":s BATCH -2") == []
    assert t.p.session.room("bob").oldest == ""


def test_what_is_unknown_is_forgotten_already(t: Talk) -> None:
    t.p.forget("nobody")
    assert t.sent() == []


def test_the_lobby_of_the_plain_dialect_is_never_left() -> None:
    p = PlainProtocol("alice")
    p.forget("bob")
    assert p.events() == []
    p.forget(LOBBY)
    assert [type(event) for event in p.events()] == [e.Failed]
