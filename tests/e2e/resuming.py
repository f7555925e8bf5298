"""Real clients (`client.connection`, `client.irc`) that talk while their server or their network breaks, and what they saw."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from client import events as e
from client.address import Address
from client.connection import Connection, Timing
from client.irc import IrcProtocol
from client.trust import client_context
from server.events import Kind
from server.store.sqlite import SqliteStore
from tests.e2e.process import PATIENCE, eventually

ROOM = "#room"
QUICK = Timing(least_delay=0.05, most_delay=0.2, greeting=PATIENCE, connect=PATIENCE, handshake=PATIENCE)
MOST_WAITING = 40  # messages that a writer has not had confirmed


class Person:
    """A client, and what it was shown (`client.connection.Driver`)."""

    def __init__(self, name: str, port: int, ca: Path, *, writes: bool = False) -> None:
        self.name = name
        self.writes = writes
        self.said = 0
        self.shown: list[str] = []
        self.failed: list[e.Event] = []
        self.own = 0
        self.greetings = 0
        self.caught_up = threading.Event()
        self.drained = threading.Event()
        self.dialect = IrcProtocol(name, [ROOM], fallback=True)
        self.connection = Connection(Address("127.0.0.1", port), client_context(ca), self.dialect, self, patient=True, timing=QUICK)

    def handle(self, event: e.Event) -> None:
        match event:
            case e.Said(room=room, text=text, own=own):
                if room == ROOM:
                    self.shown.append(text)
                    self.own += own
            case e.Registered():
                self.greetings += 1
            case e.CaughtUp(complete=True):
                self.caught_up.set()
            case e.NotSent() | e.CaughtUp():
                self.failed.append(event)
            case e.Drained():
                self.drained.set()

    def deadline(self) -> None:
        return None

    def tick(self) -> None:
        raise AssertionError("nothing was to be due")

    def ended(self) -> None:
        """The thread ends."""

    @property
    def sent_again(self) -> int:
        """How many lines left a second time."""
        return self.dialect.session.outbox.released - self.said

    def write(self, count: int) -> None:
        """Say `count` things more, up or down; from any thread."""
        self.connection.post(lambda: self._write(count))

    def _write(self, count: int) -> None:
        for _ in range(count):
            if self.dialect.backlog < MOST_WAITING:
                # Of every ten two are alike: what they say tells no two messages apart.
                assert self.dialect.say(ROOM, f"{self.name} {self.said - self.said % 10 // 9}")
                self.said += 1


def expected(person: Person) -> list[str]:
    """All that somebody said, in order."""
    return [f"{person.name} {number - number % 10 // 9}" for number in range(person.said)]


@dataclass
class Figures:
    """Messages that are missing, or there more than once, or out of order; over all readers, and in the store."""

    said: int = 0
    sent_again: int = 0
    shown: int = 0
    reconnects: int = 0
    lost_in_store: int = 0
    repeated_in_store: int = 0
    lost_to_readers: int = 0
    repeated_to_readers: int = 0
    out_of_order: int = 0
    reported_unsent: int = 0
    more: dict[str, int] = field(default_factory=dict)

    @property
    def wrong(self) -> int:
        return (
            self.lost_in_store
            + self.repeated_in_store
            + self.lost_to_readers
            + self.repeated_to_readers
            + self.out_of_order
            + self.reported_unsent
        )


def difference(wanted: Iterable[str], found: Iterable[str]) -> tuple[int, int]:
    """How many are missing, and how many are too many."""
    one, other = Counter(wanted), Counter(found)
    return (one - other).total(), (other - one).total()


def figures(people: list[Person], data: Path) -> Figures:
    """Hold what was said against the store (the server has ended), and that against what each of `people` was shown."""
    store = SqliteStore(data)
    try:
        events = [event for event in store.after(ROOM, 0, 1 << 30) if event.kind == Kind.MESSAGE]
    finally:
        store.close()
    stored = [event.line.decode().rstrip("\r\n").partition(" :")[2] for event in events]
    found = Figures(reconnects=sum(person.greetings - 1 for person in people))
    for person in people:
        wanted = expected(person)
        found.said += len(wanted)
        found.sent_again += person.sent_again
        mine = [text for text in stored if text.startswith(f"{person.name} ")]
        lost, repeated = difference(wanted, mine)
        found.lost_in_store += lost
        found.repeated_in_store += repeated
        found.out_of_order += sum(_number(one) > _number(other) for one, other in pairwise(mine))
        lost, repeated = difference(stored, person.shown)
        found.shown += len(person.shown)
        found.lost_to_readers += lost
        found.repeated_to_readers += repeated
        found.out_of_order += sum(one != other for one, other in zip(stored, person.shown, strict=False)) if not lost else 0
        found.reported_unsent += len(person.failed)
    return found


def _number(text: str) -> int:
    return int(text.rpartition(" ")[2])


@contextmanager
def company(port: int, ca: Path, *, writers: int, readers: int) -> Iterator[list[Person]]:
    """So many clients in the room, who were shown all that there was before."""
    people = [Person(f"w{i}", port, ca, writes=True) for i in range(writers)] + [Person(f"r{i}", port, ca) for i in range(readers)]
    try:
        for person in people:
            person.connection.start()
        for person in people:
            assert person.caught_up.wait(PATIENCE), f"{person.name} did not get in"
        yield people
    finally:
        for person in people:
            person.connection.stop()
        for person in people:
            assert person.connection.join(PATIENCE)


def settle(people: list[Person]) -> None:
    """Wait until all that was said is stored, and everybody was shown it."""
    for person in people:
        person.connection.post(person.dialect.drain)
    for person in people:
        assert person.drained.wait(PATIENCE), f"{person.name} waits for {person.dialect.backlog} messages"
    total = sum(person.said for person in people)
    for person in people:
        eventually(lambda person=person: len(person.shown) >= total, f"{person.name} was shown everything")  # type: ignore[misc]
