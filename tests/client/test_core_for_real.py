"""The client's protocol and a real server: what is said, answered, reacted to, taken back; typing, history, LIST, ranks ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from client import events as e
from client.irc import IrcProtocol
from client.login import Login
from tests.server.harness import Client, Running, running_server

PASSWORD = "correct-horse-battery"
E = TypeVar("E", bound=e.Event)


class Device:
    """The client's protocol, over the test client's socket."""

    def __init__(
        self, server: Running, name: str = "alice", room: str = "#a", login: Login | None = None, *, wait: bool = True
    ) -> None:
        self.protocol = IrcProtocol(name, [room], login=login, fallback=True, now=lambda: (self.now, self.now))
        self.now = 0.0
        self.shown: list[e.Event] = []
        self._server = server
        self.connect()
        if wait:
            self.first(e.CaughtUp)

    def connect(self) -> None:
        self._socket = Client(self._server)
        self.protocol.connected()

    def first(self, kind: type[E], fits: Callable[[E], bool] = lambda event: True) -> E:
        """Carry lines until there is such an event that was not asked for yet."""
        while True:
            while self.shown:
                event = self.shown.pop(0)
                if isinstance(event, kind) and fits(event):
                    return event
            self.flush()
            self.shown += self.protocol.receive(f"{self._socket.line()}\r\n".encode())

    def flush(self) -> None:
        self._socket.send_raw(b"".join(self.protocol.take()))

    def says(self, text: str, reply_to: str = "") -> e.Said:
        assert self.protocol.say("#a", text, reply_to=reply_to)
        return self.first(e.Said, lambda said: said.own)

    def lose(self) -> None:
        self._socket.close()
        self.protocol.disconnected()
        self.shown += self.protocol.events()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path) as server:
        yield server


@pytest.fixture
def alice(server: Running) -> Iterator[Device]:
    device = Device(server)
    yield device
    device.lose()


@pytest.fixture
def bob(server: Running, alice: Device) -> Iterator[Device]:
    del alice  # is there first
    device = Device(server, "bob")
    yield device
    device.lose()


def test_several_lines_are_one_message(alice: Device, bob: Device) -> None:
    text = "first\n\n  third " + "x" * 900 + "\nlast"
    assert alice.says(text).text == text
    assert alice.protocol.backlog == 0
    said = bob.first(e.Said)
    assert (said.text, said.nick) == (text, "alice")
    long = "x " * 3500
    assert alice.says(long).text + alice.first(e.Said).text == long, "two, for one has at most 4096 bytes"


def test_a_reply_and_a_reaction_live_and_after_a_reconnect(alice: Device, bob: Device) -> None:
    first = alice.says("a question")
    said = bob.says("an answer", reply_to=first.msgid)
    assert alice.first(e.Said).reply_to == said.reply_to == first.msgid
    bob.protocol.react("#a", first.msgid, "👍")
    mine = bob.first(e.Reacted)
    assert (mine.own, mine.reaction, mine.removed) == (True, "👍", False)
    assert alice.first(e.Reacted) == e.Reacted("#a", first.msgid, "bob", "👍")
    bob.protocol.react("#a", first.msgid, "👍", remove=True)
    bob.flush()
    assert alice.first(e.Reacted).removed
    carol = Device(alice._server, "carol", wait=False)
    again = [carol.first(e.Reacted), carol.first(e.Reacted)]
    assert [(r.msgid, r.removed, r.replayed) for r in again] == [(first.msgid, False, True), (first.msgid, True, True)]
    carol.lose()


def test_taking_back(alice: Device, bob: Device) -> None:
    said = alice.says("tpyo")
    alice.protocol.redact("#a", said.msgid, "a typo")
    assert alice.first(e.Redacted) == bob.first(e.Redacted) == e.Redacted("#a", said.msgid, "alice", "a typo")
    alice.protocol.redact("#a", "nothing", "")
    assert alice.first(e.Failed).text


def test_typing(alice: Device, bob: Device) -> None:
    for _ in range(5):
        alice.protocol.typing("#a")
    alice.protocol.typing("#a", done=True)
    alice.says("there")
    assert [bob.first(e.Typing), bob.first(e.Typing)] == [
        e.Typing("#a", "alice"),
        e.Typing("#a", "alice", active=False, done=True),
    ]
    assert bob.first(e.Said).text == "there"


def test_read_up_to_on_another_device(server: Running, bob: Device) -> None:
    with Client(server, "dora") as phone:
        assert "900" in phone.numerics(f"NS REGISTER {PASSWORD}")
    one, other = (Device(server, "dora", login=Login("dora", PASSWORD)) for _ in range(2))
    said = bob.says("news")
    assert said.at is not None
    assert one.first(e.Said, lambda each: each.text == "news").at == said.at
    one.protocol.read_up_to("#a", said.at)
    one.says("read")
    assert other.first(e.ReadUpTo, lambda read: read.at is not None) == e.ReadUpTo("#a", said.at)
    one.lose()
    other.lose()


def test_older_and_older_until_the_start(alice: Device, bob: Device) -> None:
    for number in range(500):
        alice.protocol.say("#a", str(number))
    alice.first(e.Said, lambda said: said.text == "499")
    bob.first(e.Said, lambda said: said.text == "499")
    carol = Device(alice._server, "carol", room="#b")
    carol.protocol.join("#a")
    seen: list[str] = []
    seen.append(carol.first(e.Said, lambda said: said.room == "#a").text)
    while int(seen[-1]) < 499:
        seen.append(carol.first(e.Said).text)
    pages = 0
    while True:
        carol.protocol.older("#a")
        older = carol.first(e.Older)
        seen = [event.text for event in older.events if isinstance(event, e.Said)] + seen
        pages += 1
        if older.start:
            break
    assert seen == [str(number) for number in range(500)]
    assert pages < 10
    carol.lose()


def test_the_rooms_of_the_server(alice: Device, bob: Device) -> None:
    bob.protocol.join("#small")
    bob.protocol.topic("#small", "few")
    bob.first(e.Topic)
    alice.protocol.list_rooms()
    assert alice.first(e.Listed).rooms == (e.Listing("#a", 2, ""), e.Listing("#small", 1, "few"))


def test_who_ranks_how_and_who_is_away(alice: Device, bob: Device) -> None:
    bob.protocol.names("#a")
    assert bob.first(e.Members) == e.Members("#a", ("alice", "bob"), ("@", ""))
    alice.protocol.send("MODE", "#a", "+v-v+ov", "bob", "bob", "bob", "bob")
    alice.flush()
    assert bob.first(e.ModeSet).by == "alice"
    assert bob.first(e.Ranked) == e.Ranked("#a", "bob", "@+")
    bob.protocol.names("#a")
    assert bob.first(e.Members).ranks == ("@", "@+")
    alice.protocol.send("AWAY", "lunch")
    alice.flush()
    assert bob.first(e.Away) == e.Away("alice", ("#a",), "lunch")
    alice.protocol.send("AWAY")
    alice.flush()
    assert bob.first(e.Away).text is None


def test_what_the_server_offers(server: Running) -> None:
    device = Device(server, wait=False)
    assert device.first(e.Offers).features == frozenset(e.Feature)
    device.lose()


def test_coming_and_going_in_the_history_changes_nothing_now(alice: Device, bob: Device) -> None:
    alice.protocol.send("MODE", "#a", "-t")
    alice.says("before")
    alice.lose()
    with Client(bob._server, "eve") as eve:
        eve.ask("JOIN #a", "PRIVMSG #a :psst", "PART #a :bye")
    bob.protocol.send("NICK", "robert")
    bob.first(e.Renamed)
    bob.protocol.topic("#a", "about something")
    bob.first(e.Topic)
    alice.connect()
    joined = alice.first(e.Joined, lambda event: event.nick == "eve")
    assert (joined.replayed, joined.at is not None) == (True, True)
    assert alice.first(e.Said).text == "psst"
    assert alice.first(e.Parted, lambda event: event.nick == "eve").replayed
    renamed = alice.first(e.Renamed)
    assert (renamed.old, renamed.new, renamed.rooms, renamed.replayed) == ("bob", "robert", ("#a",), True)
    assert alice.first(e.Topic, lambda topic: topic.replayed).by == "robert"
    alice.protocol.names("#a")
    assert alice.first(e.Members).names == ("alice", "robert")
    assert alice.protocol.nick == "alice"


def test_several_lines_whose_echo_was_lost_are_stored_once(alice: Device, bob: Device) -> None:
    """ "It stands on PRIVMSG, NOTICE, TAGMSG and the opening of a `draft/multiline` batch." (docs/protocol.md, "Sending again")"""
    first = alice.says("a question")
    alice.protocol.say("#a", "one\ntwo", reply_to=first.msgid)
    alice.flush()
    assert bob.first(e.Said, lambda said: "\n" in said.text).reply_to == first.msgid
    alice.lose()
    assert alice.protocol.backlog == 1
    alice.connect()
    again = alice.first(e.Said)
    assert (again.text, again.own, again.reply_to) == ("one\ntwo", True, first.msgid)
    alice.says("three")
    assert alice.protocol.backlog == 0
    assert bob.first(e.Said).text == "three"


def test_an_older_page_whose_connection_breaks_is_asked_for_again(alice: Device) -> None:
    for number in range(120):
        alice.protocol.say("#a", str(number))
    alice.first(e.Said, lambda said: said.text == "119")
    bob = Device(alice._server, "bob")
    bob.protocol.older("#a")
    bob.flush()
    bob.lose()
    assert bob.first(e.Older).failed
    bob.connect()
    bob.first(e.CaughtUp)
    bob.protocol.older("#a")
    assert [event.text for event in bob.first(e.Older).events if isinstance(event, e.Said)] == [
        str(number) for number in range(71)
    ], "50 came first, with a JOIN"
    bob.lose()
