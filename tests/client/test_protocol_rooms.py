"""Leaving rooms, coming back to them, and closing them for good."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from client import events as e
from client.irc.session import MOST_ROOMS
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


# --- history that nobody has asked for ---


def pushed(*numbers: int, sort: str = "chathistory", room: str = "#r", ids: bool = True) -> list[str]:
    lines = [msg(n, str(n), batch="batch=p;") for n in numbers]
    lines = lines if ids else [line.replace(f"msgid=m{n};", "") for n, line in zip(numbers, lines, strict=True)]
    return [f":s BATCH +p {sort} {room}", *lines, ":s BATCH -p"]


@pytest.mark.parametrize("sort", ["chathistory", "znc.in/playback"])
@pytest.mark.parametrize("ids", [True, False])
def test_a_server_without_the_command_sends_history_to_who_enters(sort: str, *, ids: bool) -> None:
    """ "joining a channel with InspIRCd's chanhistory mode enabled"; a bouncer, to who comes back. Each entry is shown once."""
    t = Talk("#r")
    t.greet(caps="message-tags server-time echo-message batch")
    assert t.gets(":alice!u@h JOIN #r")[-1] == e.CaughtUp("#r")
    events = t.gets(*pushed(1, 2, sort=sort, ids=ids))
    assert texts(events) == ["1", "2"]
    assert all(event.replayed for event in events if isinstance(event, e.Said))
    t.p.disconnected()
    t.greet(caps="message-tags server-time echo-message batch")
    t.gets(":alice!u@h JOIN #r")
    assert texts(t.gets(*pushed(1, 2, 3, sort=sort, ids=ids))) == ["3"]


def test_a_bouncers_lines_without_a_batch_are_shown_with_their_time() -> None:
    t = Talk("#r")
    t.greet(caps="server-time")
    t.gets(":alice!u@h JOIN #r")
    said = t.gets("@time=2026-01-01T00:00:07.000Z :bob!u@h PRIVMSG #r :old")
    assert said == [e.Said("#r", "bob", "old", at=datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC))]


def test_history_that_was_not_asked_for_moves_no_place() -> None:
    """What is between it and the last that was shown is asked for all the same."""
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(5, "5", batch="batch=1;"))
    assert texts(t.gets(*pushed(1, 5, 9))) == ["1", "9"]
    t.p.disconnected()
    t.greet()
    t.gets(":alice!u@h JOIN #r")
    assert t.sent()[-1] == "CHATHISTORY AFTER #r msgid=m5 3"


def test_what_a_bouncer_sends_while_a_page_is_read_waits_and_is_shown_once() -> None:
    t = Talk("#r")
    t.greet()
    t.gets(":alice!u@h JOIN #r")
    assert t.gets(*pushed(2, 3, sort="znc.in/playback")) == [], "it is no answer to our question"
    page = [msg(n, str(n), batch="batch=1;") for n in (1, 2)]
    assert texts(t.gets(":s BATCH +1 chathistory #r", *page, ":s BATCH -1")) == ["1", "2", "3"]


def test_history_that_comes_with_our_join_is_no_answer_to_our_question() -> None:
    """UnrealIRCd sends it under `+H`, also to who can ask: what was missed before it stands above it all the same."""
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "1", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    data = "".join(f"{line}\r\n" for line in (":alice!u@h JOIN #r", *pushed(4, 5)))
    assert texts(t.p.receive(data.encode())) == []
    assert t.sent()[-1] == "CHATHISTORY AFTER #r msgid=m1 3"
    page = [msg(n, str(n), batch="batch=1;") for n in (2, 3, 4)]
    assert texts(t.gets(":s BATCH +1 chathistory #r", *page, ":s BATCH -1")) == ["2", "3", "4"]
    assert t.sent()[-1] == "CHATHISTORY AFTER #r msgid=m4 3"
    page = [msg(5, "5", batch="batch=1;")]
    assert texts(t.gets(":s BATCH +1 chathistory #r", *page, ":s BATCH -1")) == ["5"]
    assert t.gets(":s BATCH +1 chathistory #r", ":s BATCH -1") == [e.CaughtUp("#r")]


def test_no_history_of_rooms_that_we_are_not_in(t: Talk) -> None:
    for number in range(500):
        assert t.gets(*pushed(1, room=f"#elsewhere{number}"), *pushed(2, room="")) == []
    assert len(t.p.session.rooms) == 1
    assert texts(t.gets(*pushed(3, room="bob", sort="znc.in/playback"))) == ["3"]
    for number in range(MOST_ROOMS + 50):
        t.gets(*pushed(1, room=f"bob{number}"))
    assert len(t.p.session.rooms) == MOST_ROOMS
