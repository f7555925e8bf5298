"""The view: what is shown for each event, and that nothing shown can do harm."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import events as e
from client.events import Kind
from client.view import MOST_BUFFERS, Mark, Past, Printer, View

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def view() -> View:
    return View("#lobby", lambda: NOW)


def rows(*events: e.Event) -> list[str]:
    v, p = view(), Printer()
    return [row for event in events for line in v.feed(event) for row in p.render(line, v.current)]


@pytest.mark.parametrize(
    ("event", "row"),
    [
        (e.Registered("al"), "-- connected as al"),
        (e.Registered("al", again=True), "-- connected again as al"),
        (e.NameRefused("al", taken=True), "!! The name al is taken: enter another one."),
        (e.NameRefused("al", taken=False), "!! The name al is not allowed here: enter another one."),
        (e.Joined("#lobby", "bob"), "-- bob joined #lobby"),
        (e.Parted("#lobby", "bob", "tea"), "-- bob left #lobby (tea)"),
        (e.Parted("#lobby", "al", own=True), "-- you left #lobby"),
        (e.Parted("#lobby", "bob", " "), "-- bob left #lobby"),
        (e.Parted("#lobby", "bob", " ", by="op"), "-- bob was put out of #lobby by op"),
        (e.Gone("bob", ("#lobby",), "Quit: "), "-- bob is gone"),
        (e.Gone("bob", ("#lobby",), "Quit:"), "-- bob is gone"),
        (e.Gone("bob", ("#lobby",), "Quit: tea"), "-- bob is gone (Quit: tea)"),
        (e.Parted("#lobby", "al", "x", own=True, by="op"), "-- you were put out of #lobby by op (x)"),
        (e.Parted("#lobby", "bob", by="op"), "-- bob was put out of #lobby by op"),
        (e.Gone("bob", ("#lobby",), "bye"), "-- bob is gone (bye)"),
        (e.Renamed("bob", "rob"), "-- bob is now rob"),
        (e.Renamed("al", "ally", own=True), "-- you are now ally"),
        (e.Topic("#lobby", "tea"), "-- topic of #lobby: tea"),
        (e.Topic("#lobby", ""), "-- #lobby has no topic"),
        (e.Topic("#lobby", "tea", "bob"), "-- bob set the topic of #lobby: tea"),
        (e.Members("#lobby", ("a", "b")), "-- in #lobby: a, b"),
        (e.Members("#lobby", tuple("abcdefgh" * 10)), f"-- in #lobby: {', '.join('abcdefgh' * 7)}, a, b, c, d and 20 more"),
        (e.Info("motd"), "-- motd"),
        (e.Failed("no"), "!! no"),
        (e.NotSent("#lobby", "hi", "muted"), "!! not sent to #lobby (muted): hi"),
        (e.NotSent("#lobby", "hi", "cut", doubtful=True), "!! nobody knows whether this arrived (cut): hi"),
        (e.CaughtUp("#lobby", complete=False), "-- some messages in #lobby may be missing here"),
        (e.Closing("bye"), "-- the server closes the connection (bye)"),
        (e.Lost(2.06), "-- Connection lost; next try in 2.1 s"),
        (e.Lost(2.06, "Nobody there."), "-- Nobody there. Next try in 2.1 s"),
    ],
)
def test_rows(event: e.Event, row: str) -> None:
    assert rows(event) == [f"12:30 {row}"]


def test_our_own_coming_in() -> None:
    assert rows(e.Joined("#dev", "al", own=True), e.CaughtUp("#dev")) == ["12:30 [#dev] -- you joined #dev"]


def test_silent_events() -> None:
    assert rows(e.CaughtUp("#lobby"), e.Drained(), e.Event()) == []


def test_what_is_said() -> None:
    later = NOW + timedelta(days=1)
    assert rows(
        e.Said("#lobby", "bob", "\x02hi\x0f"),
        e.Said("#lobby", "bob", "waves", Kind.ACTION),
        e.Said("bob", "bob", "psst", Kind.NOTICE, at=later),
        e.Said("#lobby", "bob", "x", at=datetime.max.replace(tzinfo=UTC)),
    ) == [
        "-- Sunday, 01 March 2026",
        "12:30 <bob> hi",
        "12:30 * bob waves",
        "-- Monday, 02 March 2026",
        "12:30 [bob] -bob- psst",
        "-- Friday, 31 December 9999",
        "23:59 <bob> x",
    ]


def test_times_that_no_calendar_has() -> None:
    east = View("#r", lambda: NOW.astimezone(datetime.strptime("+1400", "%z").tzinfo))
    assert east.feed(e.Said("#r", "bob", "x", at=datetime.max.replace(tzinfo=UTC)))[0].at == NOW


def test_unread_and_topic() -> None:
    v = view()
    v.feed(e.Said("#dev", "bob", "hi"))
    v.feed(e.Topic("#dev", "code"))
    assert (v.buffer("#DEV").unread, v.buffer("#lobby").unread, v.buffer("#dev").topic) == (1, 0, "code")
    v.switch("#dev")
    assert (v.buffer("#dev").unread, v.front.marked) == (1, 0)
    assert v.read(v.front) == NOW
    assert v.read(v.front) is None
    assert v.buffer("#dev").unread == 0
    assert v.note("x", Mark.ERROR).mark is Mark.ERROR
    v.feed(e.Registered("al"))
    v.feed(e.Renamed("al", "ally", own=True))
    assert v.nick == "ally"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.view.view.MOST_BYTES", 1_000_000)
    v = view()
    for i in range(5000):
        v.feed(e.Said("#lobby", "bob", str(i)))
    lobby = v.buffer("#lobby")
    assert 900_000 < lobby.entries.size <= 1_000_000
    assert (lobby.past, lobby.entries.end, lobby.entries[4999].text) == (Past.FULL, 5000, "4999")
    v.feed(e.Older("#lobby", (e.Said("#lobby", "bob", "old", msgid="o"),)))
    assert (lobby.past, lobby.entries.find("o")) == (Past.FULL, None)
    for i in range(MOST_BUFFERS * 2):
        v.feed(e.Said(f"n{i}", f"n{i}", "hi"))
    assert len(v.buffers) == MOST_BUFFERS
    assert v.find("#lobby") is lobby, "the one in front stays"
    assert (
        v._tally.size
        == sum(b.entries.size for b in v.buffers.values())
        == sum(x.weight for b in v.buffers.values() for x in b.entries)
    )


HOSTILE = st.text(
    st.characters() | st.sampled_from("\x1b\x9b\x9d\x07\r\n\x08\u202e\u2066\u200f\u2028\x00\x7f"), max_size=40
) | st.sampled_from(["\x1b]52;c;aGk=\x07", "\x1b[2J", "\x9b31m", "a\u202eb", "\r-- forged", "x\n12:30 <bob> forged"])


@given(HOSTILE, HOSTILE, HOSTILE)
def test_whatever_is_received_is_one_safe_line(a: str, b: str, c: str) -> None:
    shown = rows(
        e.Said(a, b, c),
        e.Topic(a, b, c),
        e.Topic(a, b),
        e.Members(a, (b, c)),
        e.Parted(a, b, c, by=c),
        e.Gone(a, (b,), c),
        e.Renamed(a, b),
        e.Info(a),
        e.Failed(b),
        e.NotSent(a, b, c),
        e.Closing(a),
        e.Lost(1, b),
        e.NameRefused(c, taken=True),
        e.Registered(a),
        e.Joined(a, b),
    )
    for row in shown:
        for char in row:
            assert unicodedata.category(char) not in ("Cc", "Zl", "Zp", "Cs"), ascii(row)
            assert char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c", ascii(row)
