"""What was said meanwhile: read from the history when a room is entered, page by page, and held until it is there."""

from __future__ import annotations

import pytest

from client import events as e
from client.history import MOST_HELD, Item, Room
from tests.client.talk import Talk, msg, page, texts


def test_messages_wait_for_the_room_and_its_history() -> None:
    t = Talk("#r")
    t.p.say("#r", "early")
    t.greet()
    assert t.sent() == ["JOIN #r"]
    events = t.gets(":alice!u@h JOIN #r", msg(5, "live"))
    assert texts(events) == [], "held until the history is there"
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    events = t.gets(":s BATCH +1 chathistory #r", msg(4, "old", batch="batch=1;"), msg(5, "live", batch="batch=1;"), ":s BATCH -1")
    assert texts(events) == ["old", "live"]
    assert events[-1] == e.CaughtUp("#r")
    assert t.sent() == ["PRIVMSG #r early"]
    assert t.p.backlog == 1
    own = t.gets(msg(6, "early", "alice"))
    assert isinstance(own[0], e.Said)
    assert own[0].own
    assert t.p.backlog == 0


def test_history_after_a_reconnect_page_by_page() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "one", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    assert t.sent() == ["JOIN #r"]
    t.gets(":alice!u@h JOIN #r")
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3"]
    first_page = list(t.pings)
    page = [msg(i, str(i), batch="batch=2;") for i in (2, 3, 4)]
    assert texts(t.gets(":s BATCH +2 chathistory #r", *page, ":s BATCH -2")) == ["2", "3", "4"]
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m4 3"]
    for token in first_page:
        assert t.gets(f":s PONG s :{token}") == [], "the first page's PONG does not end the second"
    assert t.gets(":s BATCH +3 chathistory #r", ":s BATCH -3") == [e.CaughtUp("#r")]


def test_a_page_of_nothing_new_is_the_last() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", *[msg(i, str(i), batch="batch=1;") for i in (1, 2, 3)])
    t.p.disconnected()
    t.greet()
    page = [msg(i, str(i), batch="batch=2;") for i in (1, 2, 3)]
    events = t.gets(":alice!u@h JOIN #r", ":s BATCH +2 chathistory #r", *page, ":s BATCH -2")
    assert events[-1] == e.CaughtUp("#r")
    assert texts(events) == []


def test_what_was_held_when_the_connection_breaks_comes_with_the_next_history() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "one", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    assert texts(t.gets(":alice!u@h JOIN #r", msg(3, "three"))) == []
    t.p.disconnected()
    t.greet()
    history = [msg(i, str(i), batch="batch=1;") for i in (2, 3)]
    t.sent()
    t.gets(":alice!u@h JOIN #r")
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3"]
    assert texts(t.gets(":s BATCH +1 chathistory #r", *history, ":s BATCH -1")) == ["2", "3"]


def test_a_place_that_the_server_does_not_know() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(1, "one", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    t.gets(":alice!u@h JOIN #r")
    t.sent()
    assert t.gets(":s FAIL CHATHISTORY INVALID_MSGREFTYPE AFTER #r :no such") == [e.CaughtUp("#r", complete=False)]
    assert t.sent() == ["CHATHISTORY AFTER #r timestamp=2026-01-01T00:00:01.000Z 3"]
    assert t.gets(":s FAIL CHATHISTORY INVALID_PARAMS AFTER #r :no") == [e.CaughtUp("#r", complete=False)]
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    assert t.gets(":s FAIL CHATHISTORY MESSAGE_ERROR LATEST #r :no") == [e.CaughtUp("#r")]
    assert t.gets(":s FAIL CHATHISTORY X :and again") == [e.Failed("and again")]


def test_a_history_that_never_comes() -> None:
    t = Talk("#r")
    t.greet()
    assert t.gets(":alice!u@h JOIN #r", msg(1, "held")) == [e.Joined("#r", "alice", own=True)]
    assert texts(t.pong()) == ["held"]


def test_too_much_to_hold_is_read_from_the_history() -> None:
    """Nothing is shown out of its order: what cannot be held comes with the next page."""
    t = Talk("#r")
    t.greet()
    t.sent()
    t.gets(":alice!u@h JOIN #r", ":s BATCH +1 chathistory #r", msg(1, "first", batch="batch=1;"))
    assert t.sent() == ["CHATHISTORY LATEST #r * 3"]
    for i in range(MOST_HELD // 1000 + 1):
        assert t.gets(f"@msgid=x{i} :bob!u@h PRIVMSG #r :{'x' * 800}") == []
    assert t.gets(":s BATCH -1") == []
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=m1 3"]
    events = t.gets(":s BATCH +2 chathistory #r", "@batch=2;msgid=x0 :bob!u@h PRIVMSG #r :again", ":s BATCH -2")
    assert texts(events) == ["again"]
    assert t.sent() == ["CHATHISTORY AFTER #r msgid=x0 3"]
    assert t.gets(":s BATCH +3 chathistory #r", ":s BATCH -3") == [e.CaughtUp("#r")]


def test_what_could_not_be_held_and_cannot_be_read_is_said_to_be_missing() -> None:
    room = Room("#r")
    room.start("")
    for i in range(MOST_HELD // 1000 + 1):
        assert not room.live(Item(e.Said("#r", "bob", "x" * 800 + str(i)), str(i)))
    assert room.dropped
    t = Talk("#r")
    t.greet()
    t.gets(":alice!u@h JOIN #r")
    for i in range(MOST_HELD // 1000 + 1):
        t.gets(f"@msgid=x{i} :bob!u@h PRIVMSG #r :{'x' * 800}")
    assert t.gets(":s FAIL CHATHISTORY MESSAGE_ERROR LATEST #r :no") == [e.CaughtUp("#r", complete=False)]


def test_without_ids_only_the_history_is_compared_by_time() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r")
    line = "@time=2026-01-01T00:00:01.000Z :bob!u@h PRIVMSG #r :hi"
    assert texts(t.gets(line, line)) == ["hi", "hi"]
    assert texts(t.gets(":bob!u@h PRIVMSG #r :hi", "@time=nonsense :bob!u@h PRIVMSG #r :hi")) == ["hi", "hi"]
    naive = t.gets("@time=2026-01-01T00:00:01 :bob!u@h PRIVMSG #r :no zone")[0]
    assert isinstance(naive, e.Said)
    assert naive.at is not None
    assert naive.at.tzinfo is not None


def test_a_long_time_forgets_the_first() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r")
    for i in range(9000):
        t.gets(f"@msgid={i} :bob!u@h PRIVMSG #r :x")
    assert texts(t.gets("@msgid=8999 :bob!u@h PRIVMSG #r :x")) == []
    assert texts(t.gets("@msgid=0 :bob!u@h PRIVMSG #r :x")) == ["x"]


def test_a_dialogue_that_begins_while_we_are_welcomed_is_shown_as_it_is_said() -> None:
    """It was taken for one that we knew: what was before its first message was read, and stood below that."""
    t = Talk()
    t.greet()
    _, pongs = t.asks()
    assert texts(t.exactly(msg(2, "psst", room="alice"))) == ["psst"]
    t.exactly(*pongs)
    assert t.sent() == []


def test_a_dialogue_that_is_closed_while_we_are_welcomed_is_not_read() -> None:
    t = Talk()
    t.greet()
    t.gets(msg(2, "psst", room="alice"))
    t.p.disconnected()
    t.greet()
    t.p.forget("bob")
    t.pong()
    assert [line for line in t.sent() if " bob" in line] == []


def test_more_than_a_page_that_happens_before_it_comes_stands_above_it() -> None:
    """The page has only the end of it. What is ours, and arrived, is done; what comes after it stands below."""
    t = Talk("#r")
    t.greet()
    _, pongs = t.asks()
    assert t.exactly(":alice!u@h JOIN #r", *pongs) == [e.Joined("#r", "alice", own=True)]
    live = [msg(n, str(n)) for n in range(1, 6)]
    assert t.exactly(*live, "@+draft/react=x;+draft/reply=m1;msgid=q1 :bob!u@h TAGMSG #r", msg(6, "6"), msg(7, "7")) == []
    events = t.exactly(*page("1", "#r", 5, 6, 7))
    assert [getattr(event, "text", getattr(event, "reaction", "")) for event in events[:-1]] == [*"12345", "6", "7", "x"]
    assert events[-1] == e.CaughtUp("#r")
    room = t.p.session.room("#r")
    assert (room.last, room.oldest, room.held) == ("m7", "msgid=m1", 0)


@pytest.mark.parametrize("sort", ["chathistory", "znc.in/playback"])
def test_more_than_a_page_that_comes_with_our_join_stands_above_it(sort: str) -> None:
    t = Talk("#r")
    t.greet()
    _, pongs = t.asks()
    pushed = [msg(n, str(n), batch="batch=h;") for n in range(1, 7)]
    assert texts(t.exactly(":alice!u@h JOIN #r", f":s BATCH +h {sort} #r", *pushed, ":s BATCH -h", msg(7, "7"))) == []
    t.exactly(*pongs)
    assert texts(t.exactly(*page("1", "#r", 5, 6, 7), msg(8, "8"))) == list("12345678")
    room = t.p.session.room("#r")
    assert (room.last, room.oldest) == ("m8", "msgid=m1")


def test_playback_that_reaches_back_behind_what_was_shown_is_left_to_older() -> None:
    t = Talk("#r")
    t.greet()
    t.enter("#r", msg(4, "4", batch="batch=1;"))
    t.p.disconnected()
    t.greet()
    _, pongs = t.asks()
    pushed = [msg(n, str(n), batch="batch=h;") for n in range(2, 7)]
    t.exactly(":alice!u@h JOIN #r", ":s BATCH +h chathistory #r", *pushed, ":s BATCH -h", *pongs)
    assert texts(t.exactly(*page("1", "#r", 5, 6), *page("2", "#r"))) == ["5", "6"]
    assert t.p.session.room("#r").last == "m6"
    t.p.older("#r")
    t.exactly(*page("3", "#r", 2, 3))
    older = t.exactly(*page("4", "#r"))[0]
    assert isinstance(older, e.Older)
    assert texts(list(older.events)) == ["2", "3"]


def test_what_no_history_has_moves_our_place_no_further_back() -> None:
    """Some servers do not store a NOTICE; held, it stands before what the page had last."""
    t = Talk("#r")
    t.greet()
    _, pongs = t.asks()
    t.exactly(":alice!u@h JOIN #r", *pongs, "@msgid=n1 :bob!u@h NOTICE #r :not stored", msg(5, "5"))
    assert texts(t.exactly(*page("1", "#r", 4, 5))) == ["4", "5", "not stored"]
    assert t.p.session.room("#r").last == "m5"
