"""Whatever is done in whatever order, and however far the answers lag: what is on the screen is a piece of the log, whole and in
order, and nothing is owed once everything has been answered.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import events as e
from client.irc import IrcProtocol
from tests.client.in_order import CAROL, ROOM, Server

Step = tuple[str, int, int]
END = 1 << 30
EXAMPLES = 60


class Run:
    """The client against that server. `screen` is what people would see of each."""

    def __init__(self) -> None:
        self.server = Server()
        self.client = IrcProtocol("alice", [ROOM], fallback=True)
        self.screen: dict[str, list[str]] = {ROOM: [], CAROL: []}
        self.said: list[str] = []
        self.not_sent: list[str] = []
        self.server.post(ROOM, "bob", "x", told=False)  # without a place in the log nothing says what of ours arrived
        self.connect()

    def connect(self) -> None:
        """As far as the end of the greeting, which is on its way."""
        self.server.connect()
        self.client.connected()
        for _ in range(2):
            self.move(END, END)

    def see(self, events: list[e.Event]) -> None:
        for event in events:
            match event:
                case e.Said(room=room, msgid=msgid):
                    self.screen[room].append(msgid)
                case e.Older(room=room, events=older):
                    self.screen[room] = [each.msgid for each in older if isinstance(each, e.Said)] + self.screen[room]
                case e.NotSent(text=text):
                    self.not_sent.append(text)

    def move(self, up: int, down: int) -> None:
        """The server deals with some lines, and some of its own arrive."""
        self.send()
        self.server.work(up)
        lines, self.server.outbox = self.server.outbox[:down], self.server.outbox[down:]
        self.see(self.client.receive("".join(f"{line}\r\n" for line in lines).encode()))
        self.send()

    def send(self) -> None:
        self.server.inbox += b"".join(self.client.take()).decode().split("\r\n")[:-1]

    def quiet(self) -> None:
        self.send()
        while self.server.inbox or self.server.outbox:
            self.move(END, END)

    def do(self, what: str, up: int, down: int) -> None:
        client, text = self.client, f"text {len(self.said)}"
        match what:
            case "move":
                self.move(up, down)
            case "post":
                self.server.post(ROOM, "bob", "x")
            case "carol":
                self.server.post(CAROL, CAROL, "x")
            case "say" | "tell":
                self.said.append(text)
                client.say(ROOM if what == "say" else CAROL, text)
            case "older" | "older of carol":
                client.older(ROOM if what == "older" else CAROL)
            case "join":
                client.join(ROOM)
            case "part":
                client.part(ROOM)
            case "close":
                client.forget(ROOM)
            case "kick":
                self.server.kick()
            case "cut":
                self.cut(up)
        self.see(client.events())
        if what == "close":
            self.screen[ROOM] = []

    def cut(self, missed: int) -> None:
        self.client.disconnected()
        for number in range(missed):
            self.server.post((ROOM, CAROL)[number % 2], CAROL, "x", told=False)
        self.connect()

    def check(self) -> None:
        self.quiet()
        self.client.keepalive()
        self.quiet()
        for room in (ROOM, CAROL):
            log, seen = [f"m{entry.seq}" for entry in self.server.of(room)], self.screen[room]
            start = log.index(seen[0]) if seen else 0
            there = room != ROOM or self.server.inside
            assert seen == log[start : len(log) if there and seen else start + len(seen)], f"{room}: none missing, doubled or moved"
        stored = [entry.text for entry in self.server.log if entry.nick == "alice"]
        assert len(stored) == len(set(stored)), "stored once"
        assert set(self.said) <= {*stored, *self.not_sent}, "or said not to be"
        assert not any(room.syncing or room.entering or room.closing for room in self.client.session.rooms.values())
        assert self.client._reader.older_asked == {}
        assert (self.client.backlog, self.client.session.barriers) == (0, {})


def steps(*kinds: str) -> st.SearchStrategy[list[Step]]:
    of = st.sampled_from(["move"] * 5 + ["post"] * 4 + list(kinds))
    return st.lists(st.tuples(of, st.integers(0, 7), st.integers(0, 9)), min_size=20, max_size=60)


@pytest.mark.parametrize(
    "kinds",
    [
        ("say", "cut", "older"),
        ("say", "cut", "join"),
        ("cut", "join", "part", "older"),
        ("say", "join", "kick", "older"),
        ("join", "close", "older", "say"),
        ("carol", "carol", "tell", "older of carol", "cut"),
    ],
    ids=["plain", "join", "part", "kick", "close", "talk"],
)
def test_whatever_happens_nothing_is_lost_doubled_out_of_order_or_owed(kinds: tuple[str, ...]) -> None:
    @settings(deadline=None, max_examples=EXAMPLES, database=None)
    @given(steps(*kinds))
    def property_of(acts: list[Step]) -> None:
        run = Run()
        for act in acts:
            run.do(*act)
        run.check()

    property_of()
