"""The view, whatever happens in whatever order: nothing raises, everything is safe to show, the bounds and the counts hold."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.view import Buffer, Entry, Printer, View, search
from client.view.members import Member
from wire.names import fold

START = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
BYTES, BUFFERS = 40_000, 6
_UNSEEN = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")

HOSTILE = [
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J",
    "\x9b31m",
    "a\u202eb",
    "\r-- forged",
    "x\n12:30 <bob> forged",
    "[red]x[/]",
    "[@click=bell]y[/]",
    "\ud800",
    "👩‍👩‍👧",
    "al: hi",
    "[al] x",
    "\x02al\x0f",
    "\t",
    "x" * 20_000,
    "\n" * 500,
    "\U000e0001" * 9000,
    "z\u0301" * 50,
    "",
]
texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
nicks = st.sampled_from(["al", "AL", "bob", "Bob", "[eve]", "eve\x1b[2J", "", "n" * 300]) | st.integers(0, 20).map("n{}".format)
rooms = st.sampled_from(["#lobby", "#LOBBY", "#dev", "bob", "al", "", "#\x1b[2J"]) | st.integers(0, 10).map("#r{}".format)
msgids = st.sampled_from(["", "m1", "m2", "m3", "m4", "m" * 600]) | st.integers(0, 40).map("i{}".format)
times = st.none() | st.integers(-3, 6).map(lambda s: START + timedelta(seconds=s)) | st.just(datetime.max.replace(tzinfo=UTC))
flags = st.booleans()
several = st.lists(rooms, max_size=3).map(tuple)

said = st.builds(e.Said, rooms, nicks, texts, st.sampled_from(e.Kind), times, msgids, flags, flags, msgids, nicks, flags)
reacted = st.builds(e.Reacted, rooms, msgids, nicks, st.sampled_from(["👍", "+1", "\x1b[2J", ""]) | texts, flags, flags, flags)
redacted = st.builds(e.Redacted, rooms, msgids, nicks, texts, flags)
moves = (
    st.builds(e.Joined, rooms, nicks, flags, nicks, times, flags)
    | st.builds(e.Parted, rooms, nicks, texts, flags, st.just("") | nicks, times, flags)
    | st.builds(e.Gone, nicks, several, texts, times, flags)
    | st.builds(e.Renamed, nicks, nicks, several, flags, times, flags)
)
in_rooms = (
    st.builds(e.Topic, rooms, texts, st.just("") | nicks, times, flags)
    | st.builds(e.ModeSet, rooms, nicks, texts, times, flags)
    | st.builds(e.CaughtUp, rooms, flags)
    | st.builds(e.Typing, rooms, nicks, flags, flags)
    | st.builds(e.ReadUpTo, rooms, times)
    | st.builds(e.Sending, rooms, st.lists(texts, max_size=3).map(tuple))
    | st.builds(
        e.Members, rooms, st.lists(nicks, max_size=6).map(tuple), st.lists(st.sampled_from(["@", "+", "~@", ""])).map(tuple)
    )
    | st.builds(e.Ranked, rooms, nicks, st.sampled_from(["@", "+", "", "~@" * 30, "\x1b"]))
    | st.builds(e.Away, nicks, several, st.none() | texts)
    | st.builds(e.NotSent, rooms, texts, texts, flags)
    | st.builds(e.Failed, texts, rooms)
    | st.builds(e.Invited, rooms, nicks)
)
pages = st.builds(e.Older, rooms, st.lists(said | reacted | redacted | moves, max_size=8).map(tuple), flags, st.just("") | texts)
others = (
    st.builds(e.Registered, nicks, flags)
    | st.builds(e.NameRefused, nicks, flags, texts)
    | st.builds(e.Lost, st.just(1.0), texts)
    | st.builds(e.Offers, texts, st.frozensets(st.sampled_from(e.Feature)))
    | st.builds(e.Info, texts)
    | st.builds(e.LoggedIn, nicks)
    | st.builds(e.Closing, texts)
    | st.builds(e.Drained)
    | st.builds(e.Listed, st.lists(st.builds(e.Listing, rooms, st.integers(0), texts), max_size=3).map(tuple), flags)
)
events = said | said | reacted | redacted | moves | in_rooms | pages | others
ACTIONS = ["switch", "read", "close", "clear", "ignore", "mute", "expect", "older", "changes", "search", "tick", "note"]
steps = st.lists(events | events | events | st.tuples(st.sampled_from(ACTIONS), rooms, nicks), max_size=40)


def is_shown(text: str) -> bool:
    return not any(unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") or c in _UNSEEN for c in text)


@contextmanager
def small() -> Iterator[None]:
    with patch("client.view.view.MOST_BYTES", BYTES), patch("client.view.view.MOST_BUFFERS", BUFFERS):
        yield


class World:
    """A view, and what is known of it."""

    def __init__(self) -> None:
        self.now = START
        self.view = View("#lobby", lambda: self.now, ["lunch"])
        self.printer = Printer(self.view.answered)
        self.numbered: dict[tuple[Buffer, int], Entry] = {}

    def step(self, step: e.Event | tuple[str, str, str]) -> None:
        added = self.act(*step) if isinstance(step, tuple) else self.view.feed(step)
        for entry in added:
            for row in self.printer.render(entry, self.view.current):
                assert is_shown(row)
                assert row.startswith("-- ") or row[2] == ":", "a row of nobody"
        self.check()

    def act(self, what: str, room: str, nick: str) -> list[Entry]:
        view = self.view
        match what:
            case "switch":
                view.switch(room)
            case "read":
                view.read(view.buffer(room))
            case "close":
                view.close(room)
            case "clear":
                view.clear(view.buffer(room))
            case "ignore":
                view.ignored ^= {fold(nick)}
            case "mute":
                view.buffer(room).muted = True
            case "expect":
                view.expect()
            case "older":
                view.wants_older(view.buffer(room))
            case "changes":
                assert len(view.take_changes().alerts) <= 20
            case "search":
                found = search(view.front, nick, view.front.entries.end)
                assert found is None or view.front.entries[found]
            case "tick":
                self.now += timedelta(seconds=20)
            case "note":
                return [view.note(nick, room=room)]
        return []

    def check(self) -> None:
        view = self.view
        assert view.front in view.buffers.values()
        assert len(view.buffers) <= BUFFERS
        assert sum(buffer.entries.size for buffer in view.buffers.values()) == view._tally.size <= BYTES
        self.numbered = {key: entry for key, entry in self.numbered.items() if key[0] in view.buffers.values()}
        for key, buffer in view.buffers.items():
            assert fold(buffer.target) == key
            self.check_buffer(buffer)
            self.check_entries(buffer)

    def check_buffer(self, buffer: Buffer) -> None:
        assert is_shown(buffer.name)
        assert is_shown(buffer.topic)
        assert 0 <= buffer.mentions <= buffer.unread
        assert (buffer.first_unread is None) is (buffer.unread == 0)
        assert len(self.view.typists(buffer)) <= 20
        assert len(buffer.pending) <= 2000
        assert buffer.members.ordered() == sorted(buffer.members.values(), key=_place)
        for word in [*buffer.words(), *self.view.typists(buffer)]:
            assert is_shown(word)
        for text in buffer.waiting:
            assert all(map(is_shown, text.split("\n")))

    def check_entries(self, buffer: Buffer) -> None:
        entries = buffer.entries
        kept = list(entries)
        assert len(kept) == len(entries) == entries.end - entries.first
        assert entries.size == sum(entry.weight for entry in kept)
        ids = [entry.msgid for entry in kept if entry.msgid]
        assert len(ids) == len(set(ids)), "a message is there twice"
        spoken = [entry for entry in kept if entry.spoken]
        assert entries.newest_spoken() is (spoken[-1] if spoken else None)
        for number, entry in enumerate(kept, entries.first):
            assert self.numbered.setdefault((buffer, number), entry) is entry, "an entry has another number"
            assert entries.find(entry.msgid) == (number if entry.msgid else None)
            lines = entry.text.split("\n")
            assert len(lines) <= (200 if entry.spoken else 1)
            assert len(entry.text) <= 16 * 1024
            for text in (*lines, entry.nick, entry.account, entry.redacted or "", *entry.reactions):
                assert is_shown(text), ascii(text)
            assert entry.redacted is None or not (entry.text or entry.reactions)


def _place(member: Member) -> tuple[int, str]:
    rank = "~&@%+".find(member.ranks[:1]) if member.ranks else 5
    return (5 if rank < 0 else rank, fold(member.nick))


@settings(max_examples=150, deadline=None)
@given(steps)
def test_whatever_happens(steps: list[e.Event | tuple[str, str, str]]) -> None:
    with small():
        world = World()
        for step in steps:
            world.step(step)


class Model:
    """What is unread, counted the simple way: every message of a room with its time, and which of them were news."""

    def __init__(self) -> None:
        self.messages: list[tuple[datetime, bool]] = []  # of others: when, does it mean us
        self.unread: list[bool] = []  # do they mean us
        self.marker: datetime | None = None
        self.caught_up = False

    def said(self, at: datetime, means_us: bool, *, replayed: bool) -> None:
        self.messages.append((at, means_us))
        behind = self.caught_up if self.marker is None else at > self.marker
        if not replayed or behind:
            self.unread.append(means_us)

    def read(self, at: datetime | None) -> None:
        self.marker = at or self.marker
        self.unread = []

    def read_elsewhere(self, at: datetime) -> None:
        if self.marker is None or at > self.marker:
            self.marker = at
            self.unread = [means_us for when, means_us in self.messages if when > at]


seconds = st.integers(0, 9).map(lambda s: START + timedelta(seconds=s))
counted = st.lists(
    st.builds(
        e.Said,
        st.just("#dev"),
        st.sampled_from(["bob", "al"]),
        st.sampled_from(["hi", "al: x", "alas"]),
        at=seconds,
        replayed=flags,
    )
    | st.builds(e.ReadUpTo, st.just("#dev"), seconds)
    | st.just(e.CaughtUp("#dev"))
    | st.just("read"),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(counted)
def test_the_counts_are_those_of_a_simple_model(steps: list[e.Event | str]) -> None:
    view, model = View("#lobby", lambda: START), Model()
    view.feed(e.Registered("al"))
    view.feed(e.Joined("#dev", "al", own=True))
    buffer = view.buffer("#dev")
    for step in steps:
        if isinstance(step, str):
            model.read(view.read(buffer))
            continue
        if isinstance(step, e.Said) and step.nick == "al":
            step = e.Said(step.room, step.nick, step.text, at=step.at, own=True, replayed=step.replayed)
        view.feed(step)
        if isinstance(step, e.Said) and not step.own and step.at is not None:
            model.said(step.at, "al:" in step.text, replayed=step.replayed)
        elif isinstance(step, e.ReadUpTo) and step.at is not None:
            model.read_elsewhere(step.at)
        elif isinstance(step, e.CaughtUp):
            model.caught_up = True
        assert (buffer.unread, buffer.mentions, buffer.marker) == (len(model.unread), sum(model.unread), model.marker)
