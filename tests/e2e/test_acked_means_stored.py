"""Invariants 1 and 7 of docs/architecture.md, with a disk that can be told to wait or to fail.

1. Acked means stored; seen means stored.
7. A connection's output is in order: what a command caused, and what was committed before it, leaves before the reply to any later
   command.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from server.events import Change, Event
from server.ports import StoreError
from server.store.sqlite import SqliteStore
from tests.e2e.inside import InsideServer, Log, settings_for
from tests.e2e.irc import FULL, Client, Closed
from tests.e2e.process import eventually

A_WHILE = 0.15  # what is shown too early shows at once: the machine has nothing else to wait for


class Disk:
    """Stands before SQLite: `stop` makes it wait, `fail` refuse, `go` work again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._going = threading.Event()
        self._going.set()
        self._refuses = ""
        self.waiting = threading.Event()
        append = SqliteStore.append

        def slow(store: SqliteStore, events: Sequence[Event], changes: Sequence[Change] = ()) -> None:
            if not self._going.is_set():
                self.waiting.set()
                assert self._going.wait(60)
            if self._refuses:
                self.waiting.set()
                raise StoreError(self._refuses)
            append(store, events, changes)

        monkeypatch.setattr(SqliteStore, "append", slow)

    def stop(self) -> None:
        self.waiting.clear()
        self._going.clear()

    def fail(self, why: str) -> None:
        self.waiting.clear()
        self._refuses = why

    def go(self) -> None:
        self._refuses = ""
        self._going.set()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.go()


@pytest.fixture(params=[1, 3], ids=["one worker", "three workers"])
def server(request: pytest.FixtureRequest, certs: Path, data: Path, log: Log, disk: Disk) -> Iterator[InsideServer]:
    settings = settings_for(certs, data, f"workers.count={request.param}")
    with InsideServer(settings) as running:
        yield running
        disk.go()  # before the server is stopped


def trio(server: InsideServer) -> tuple[Client, Client, Client]:
    alice = server.client("alice", "#room", caps=FULL)
    bob = server.client("bob", "#room", caps=FULL)
    carol = server.client("carol", caps=FULL)
    alice.until("JOIN", where=lambda line: line.nick == "bob")
    return alice, bob, carol


def test_nobody_sees_a_message_before_the_disk_has_it(server: InsideServer, disk: Disk) -> None:
    alice, bob, carol = trio(server)
    disk.stop()
    alice.send("PRIVMSG #room :not yet", "PING alice-after", "NOTICE carol :nor this")
    assert disk.waiting.wait(60)
    for client in (alice, bob, carol):
        client.quiet(A_WHILE)
    disk.go()
    assert [alice.line().command for _ in range(3)] == ["PRIVMSG", "PONG", "NOTICE"]
    assert bob.line().text == "not yet"
    assert carol.line().text == "nor this"


def test_no_reply_tells_of_what_the_disk_does_not_have(server: InsideServer, disk: Disk) -> None:
    """Not only messages: NAMES, LIST, WHO and PONG speak of the state, and must not speak of one that a crash would undo."""
    alice, bob, carol = trio(server)
    disk.stop()
    carol.send("JOIN #room")
    assert disk.waiting.wait(60)
    carol.quiet(A_WHILE)
    bob.send("NAMES #room", "LIST", "WHO #room", "WHOIS carol", "PING bob-after")
    alice.send("KICK #room carol", "TOPIC #room :new", "MODE #room +m", "NICK alicia")
    for client in (alice, bob, carol):
        client.quiet(A_WHILE)
    disk.go()
    shown = [line.command for line in (bob.line() for _ in range(4))]
    assert shown[0] == "JOIN"
    assert "PONG" not in shown
    bob.until("PONG")
    assert [line.command for line in alice.ping()][:4] == ["JOIN", "KICK", "TOPIC", "MODE"]
    carol.until("KICK")


def test_a_newcomer_waits_too(server: InsideServer, disk: Disk) -> None:
    alice, _, _ = trio(server)
    disk.stop()
    alice.say("#room", "not yet")
    assert disk.waiting.wait(60)
    dave = server.client("")
    dave.nick = "dave"
    dave.send("NICK dave", "USER dave 0 * :dave", "JOIN #room")
    dave.quiet(A_WHILE)
    disk.go()
    dave.until("001")
    dave.until("366")
    assert [line.text for line in dave.messages("#room")] == []  # it was said before they came


def test_a_disk_that_refuses_keeps_everything_back_until_it_takes_it(server: InsideServer, disk: Disk, log: Log) -> None:
    alice, bob, _ = trio(server)
    disk.fail("The disk is full: nothing more until there is room.")
    alice.send("PRIVMSG #room :kept", "PRIVMSG #room :both", "PING after")
    assert disk.waiting.wait(60)
    alice.quiet(A_WHILE)
    bob.quiet(A_WHILE)
    eventually(lambda: "messages cannot be stored" in log.text, "the log says so")
    disk.go()
    assert [alice.line().text for _ in range(3)] == ["kept", "both", "after"]
    assert [bob.line().text for _ in range(2)] == ["kept", "both"]
    eventually(lambda: "messages are stored again" in log.text, "the log says that it is over")


def test_what_the_disk_never_took_is_not_there_after_a_restart_and_nobody_saw_it(
    certs: Path, data: Path, disk: Disk, log: Log
) -> None:
    with InsideServer(settings_for(certs, data)) as first:
        alice, bob, _ = trio(first)
        alice.say("#room", "stored")
        bob.until_text("stored")
        disk.fail("The disk is full.")
        alice.say("#room", "lost")
        assert disk.waiting.wait(60)
        first.server.stop(0.5)
        for client in (alice, bob):
            with pytest.raises((Closed, OSError)):
                client.until_text("lost")
    disk.go()
    assert "never stored, and never seen" in log.text
    with InsideServer(settings_for(certs, data)) as second:
        carol = second.client("carol", "#room", caps=FULL)
        assert [line.text for line in carol.history("#room")] == ["stored"]


# Order within a connection


def test_pong_means_stored_and_visible_to_every_member(server: InsideServer, data: Path) -> None:
    alice, bob, _ = trio(server)
    for number in range(150):
        alice.send(f"PRIVMSG #room :m{number}", f"PING p{number}")
        assert [alice.line().text, alice.line().text] == [f"m{number}", f"p{number}"]
        assert [line.text for line in bob.ping()] == [f"m{number}"]


def test_pong_to_an_author_without_echo_means_the_same(server: InsideServer) -> None:
    bob = server.client("bob", "#room")
    alice = server.client("alice", "#room")
    bob.ping()
    for number in range(100):
        alice.send(f"PRIVMSG #room :m{number}", f"PRIVMSG bob :p{number}", "PING x")
        assert alice.line().command == "PONG"
        assert [line.text for line in bob.ping()] == [f"m{number}", f"p{number}"]


def test_names_after_a_join_has_everybody(server: InsideServer) -> None:
    watcher = server.client("watcher", "#room")
    for number in range(20):
        guest = server.client(f"guest{number}")
        guest.join("#room")
        # The guest has seen its JOIN, so it is stored; whoever asks from here on must see it
        assert f"guest{number}" in watcher.names("#room")
        guest.send("PART #room", "PING gone")
        guest.until("PONG")
        assert f"guest{number}" not in watcher.names("#room")
        commands = [line.command for line in watcher.seen if line.nick == guest.nick]
        assert commands == ["JOIN", "PART"]


def test_replies_stand_where_they_were_given(server: InsideServer) -> None:
    """Between a person's own messages, each reply comes behind the one before it and before the one after it."""
    alice, bob, _ = trio(server)
    bob.send(*[line for n in range(50) for line in (f"PRIVMSG #room :b{n}", f"PING q{n}")])
    alice.send(*[line for n in range(50) for line in (f"PRIVMSG #room :a{n}", f"PING p{n}")])
    for client, letter, token in ((alice, "a", "p"), (bob, "b", "q")):
        while client.line().text != f"{token}49":
            pass
        own = [line.text for line in client.seen if line.text[:1] in (letter, token) and line.text[1:].isdigit()]
        assert own == [text for n in range(50) for text in (f"{letter}{n}", f"{token}{n}")]
    alice.ping()
    bob.ping()
    assert [line.text for line in alice.messages("#room")] == [line.text for line in bob.messages("#room")]


def test_history_has_its_place_among_the_replies(server: InsideServer) -> None:
    """Several requests in one write: each batch ends where it was asked, before what was said later."""
    alice, bob, _ = trio(server)
    ask = "CHATHISTORY AFTER #room msgid=00000000000000 100"
    alice.send(ask, "PING a", "PRIVMSG #room :one", ask, ask, "PING b", "PRIVMSG #room :two", "PING c", ask, "PING d")
    alice.until("PONG", where=lambda line: line.text == "d")
    begin = next(i for i, line in enumerate(alice.seen) if line.command == "BATCH")
    shown = [line.text if line.command in ("PONG", "PRIVMSG") else line.params[0][0] for line in alice.seen[begin:]]
    batch_one, batch_two = ["+", "one", "-"], ["+", "one", "two", "-"]
    assert shown == ["+", "-", "a", "one", *batch_one, *batch_one, "b", "two", "c", *batch_two, "d"]
    assert [line.text for line in bob.ping()] == ["one", "two"]
