"""What a peer can make grow: every collection has a bound, and so have all of its kind together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from client import events as e
from client.history import LONGEST_NICK
from client.irc import IrcProtocol
from client.irc.reading import MOST_LATER
from client.view import View
from client.view import view as view_module
from client.view.pending import LONGEST_REASON, MOST_EACH, MOST_MESSAGES, Pending
from tests.client.talk import Full, Talk

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LONG = "n" * 9000


@pytest.fixture
def view() -> View:
    view = View("#dev", lambda: NOW)
    view.feed(e.Registered("al"))
    return view


@pytest.fixture
def t() -> Talk:
    talk = Talk("#r")
    talk.greet()
    talk.enter()
    return talk


def kept(p: IrcProtocol) -> int:
    """Characters of the names of members."""
    return sum(len(key) + len(nick) for room in p.session.rooms.values() for key, nick in room.members.items())


def test_long_nicks_are_cut_before_anything_is_kept(t: Talk) -> None:
    for number in range(5):
        t.gets(
            f":{number}{LONG}!u@h JOIN #r",
            f":s 353 alice = #r :@{number}x{LONG} +{number}y{LONG}!u@h",
            f":bob!u@h KICK #r {number}{LONG}",
            f":{number}z{LONG}!u@h NICK {number}{LONG}",
        )
    assert 0 < kept(t.p) <= 2 * LONGEST_NICK * 20
    (said,) = t.gets(f":{LONG} PRIVMSG #r :hi")
    assert isinstance(said, e.Said)
    assert said.nick == "n" * LONGEST_NICK
    assert t.gets(f":n{LONG}!u@h PRIVMSG #r :hi")


def test_a_member_with_a_long_nick_is_still_known_by_it(t: Talk) -> None:
    nick = "n" * LONGEST_NICK
    t.gets(f":{LONG}!u@h JOIN #r")
    assert nick in t.p.session.rooms["#r"].members
    assert isinstance(t.gets(f":bob!u@h KICK #r {LONG}")[0], e.Parted)
    assert nick not in t.p.session.rooms["#r"].members


def test_all_rooms_together_keep_so_many_members(t: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.irc.session.MOST_IN_ALL", 30)
    for room in range(5):
        t.gets(f":alice!u@h JOIN #{room}")
        for number in range(10):
            t.gets(f":n{number}!u@h JOIN #{room}", f":s 353 alice = #{room} :@m{number}")
    assert sum(len(room.members) for room in t.p.session.rooms.values()) == 30


def test_a_list_of_names_that_never_ends_keeps_nothing_twice(t: Talk) -> None:
    t.gets(":s 353 alice = #r :a b c")
    t.gets(":s 366 alice #r :End", ":s 353 alice = #r :d")
    assert set(t.p.session.rooms["#r"].members) == {"d"}
    assert t.gets(":s 366 alice #r :End") == [e.Members("#r", ("d",), ("",))]
    assert t.gets(":s 366 alice #r :End") == []


def test_all_buffers_together_keep_so_many_members(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "MOST_IN_ALL", 30)
    for room in range(5):
        view.feed(e.Joined(f"#{room}", "al", own=True))
        view.feed(e.Members(f"#{room}", tuple(f"n{number}" for number in range(12))))
        for number in range(12):
            view.feed(e.Joined(f"#{room}", f"m{number}"))
    assert [len(buffer.members) for buffer in view.buffers.values() if buffer.target != "#dev"][1:] == [24, 6, 0, 0, 0]


def test_reactions_that_wait_keep_little(view: View) -> None:
    view.feed(e.Redacted("#DEV", "m1", "ada", LONG))
    (waiting,) = view.front.pending.take("m1")
    assert waiting == e.Redacted("#dev", "m1", "ada", "n" * LONGEST_REASON)


def test_all_buffers_together_keep_so_many_that_wait(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.view.spoken.MOST_PENDING", 30)
    for room in range(5):
        view.buffer(f"#{room}")
        for number in range(10):
            view.feed(e.Reacted(f"#{room}", f"m{number}", "ada", "+"))
    assert view.waiting_changes == 30
    assert sum(len(buffer.pending) for buffer in view.buffers.values()) == 30


def test_what_waits_is_counted() -> None:
    pending = Pending()
    for number in range(MOST_MESSAGES + 3):
        for _ in range(MOST_EACH + 2):
            pending.put(e.Reacted("#dev", f"m{number}", "ada", "+"), older=number % 2 == 0)
    assert len(pending) == MOST_MESSAGES * MOST_EACH
    assert len(pending.take("m5")) == MOST_EACH
    assert pending.take("m5") == []
    assert len(pending) == (MOST_MESSAGES - 1) * MOST_EACH


def test_who_never_looks_at_what_has_changed_collects_nothing(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line mode and bots do not; each stranger who writes to us opens a buffer, and the one quiet for longest goes."""
    monkeypatch.setattr(view_module, "MOST_BUFFERS", 5)
    for number in range(50):
        view.feed(e.Said(f"n{number}", f"n{number}", "hi", msgid=f"{number}"))
        view.feed(e.Typing(f"n{number}", f"n{number}"))
        view.feed(e.Joined(f"#n{number}", "al", own=True))
    for number in range(50):
        view.feed(e.Renamed("n49" if number == 0 else f"x{number - 1}", f"x{number}"))
    changes = view.changed
    for keys in (changes.entries, changes.typing, changes.members):
        assert keys <= set(view.buffers)


def test_all_rooms_together_remember_so_much(t: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.irc.session.LOOK_AFTER", 1)
    monkeypatch.setattr("client.irc.session.MOST_REMEMBERED", 100)
    for room in range(10):
        t.gets(*[f"@msgid={room}x{number} :bob!u@h PRIVMSG bob{room} :hi" for number in range(20)])
        t.gets(*[f"@msgid={room}x{number} :n{room}!u@h PRIVMSG alice :hi" for number in range(20)])
    rooms = list(t.p.session.rooms.values())
    assert sum(room.remembered for room in rooms) <= 100
    assert rooms[-1].remembered == 20, "the last is the one that is spoken in now"
    assert t.gets("@msgid=9x19 :n9!u@h PRIVMSG alice :hi") == [], "it is known again"


def test_all_rooms_together_hold_so_much(t: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes with the history, from which it is read then."""
    monkeypatch.setattr("client.irc.session.LOOK_AFTER", 1)
    monkeypatch.setattr("client.irc.session.MOST_HELD", 3100)
    for room in range(5):
        t.gets(f":alice!u@h JOIN #{room}", f"@msgid={room}a :bob!u@h PRIVMSG #{room} :{'x' * 800}")
    rooms = [t.p.session.rooms[f"#{room}"] for room in range(5)]
    assert sum(room.held for room in rooms) <= 3100
    assert [room.dropped for room in rooms] == [True, True, False, False, False]
    t.sent()
    t.gets(":s BATCH +1 chathistory #0", "@batch=1;msgid=0a :bob!u@h PRIVMSG #0 :x", ":s BATCH -1")
    assert t.sent() == ["CHATHISTORY AFTER #0 msgid=0a 3"]


def test_a_page_that_is_kept_for_the_one_before_is_small() -> None:
    t = Full("draft/event-playback", enter=False)
    t.gets(":alice!u@h JOIN #r * :A")
    t.sent()
    large = [f"@batch=1;msgid=j{number} :n!u@h TOPIC #r :{'x' * 2000}" for number in range(MOST_LATER // 2000)]
    t.gets(":s BATCH +1 chathistory #r", *large, ":s BATCH -1")
    assert not [line for line in t.sent() if "BEFORE" in line]
