"""`kill -9` in a loop under load: what anyone saw, or had echoed, is there after the restart, once, in the same order.

PARLEY_KILL_ROUNDS=100 for more of it.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise, product
from pathlib import Path

import pytest

from server.store.sqlite import SqliteStore
from tests.e2e.irc import FULL, Client, Closed, Line
from tests.e2e.process import ServerProcess, eventually
from wire import msgids

ROUNDS = int(os.environ.get("PARLEY_KILL_ROUNDS", "10"))
ROOMS = ("#lobby", "#attic")
SENDERS, READERS = 3, 2  # a room


@dataclass
class Seen:
    """What one connection was shown, in order, until the kill."""

    name: str
    room: str
    lines: list[Line] = field(default_factory=list)

    @property
    def messages(self) -> list[Line]:
        return [line for line in self.lines if line.command == "PRIVMSG"]


class Load(threading.Thread):
    """A client that says things in bursts and reads, until its connection breaks."""

    def __init__(self, server: ServerProcess, nick: str, room: str, *, speaks: bool) -> None:
        super().__init__(name=nick, daemon=True)
        self.seen = Seen(nick, room)
        self._client = Client(server.port, server.ca, nick, room, caps=FULL)
        self._speaks = speaks

    def hears(self) -> bool:
        """Whether anything that was said has come; also once it has ended."""
        return not self.is_alive() or any(line.command == "PRIVMSG" for line in self._client.seen)

    def run(self) -> None:
        chance = random.Random(self.name)
        client, said = self._client, 0
        try:
            while True:
                burst = chance.choice((1, 1, 2, 5, 40)) if self._speaks else 0
                client.say(self.seen.room, *[f"{self.name} {said + i}" for i in range(burst)])
                said += burst
                last = f"{self.name} {said - 1}"
                while client.line().text != last:
                    pass
        except (Closed, OSError):
            pass
        finally:
            client.close()
            self.seen.lines = [line for line in client.seen if "msgid" in line.tags]


def load(server: ServerProcess, turn: int) -> list[Load]:
    def connected(room: str, number: int) -> Load:
        speaks = number < SENDERS
        return Load(server, f"{room[1]}{'s' if speaks else 'r'}{number}x{turn}", room, speaks=speaks)

    with ThreadPoolExecutor() as pool:  # a slow disk makes each of them wait, but several as long as one
        return list(pool.map(connected, *zip(*product(ROOMS, range(SENDERS + READERS)), strict=True)))


def content(line: Line) -> tuple[str, str, str, str]:
    return line.msgid, line.tags["time"], line.source, line.text


def check_history(seen: Iterable[Seen], history: dict[str, list[Line]]) -> None:
    """All that was seen since the last restart is in `history`, once, and in its order."""
    for room, lines in history.items():
        ids = [line.msgid for line in lines]
        assert ids == sorted(set(ids)), f"{room}: the history is not in order, or has a message twice"
        texts = [line.text for line in lines]
        assert len(texts) == len(set(texts)), f"{room}: a message was stored twice"
    for one in seen:
        known = [content(line) for line in history[one.room]]
        shown = [content(line) for line in one.messages]
        assert shown, f"{one.name} saw nothing: there was no load"
        places = {item: place for place, item in enumerate(known)}
        lost = [item for item in shown if item not in places]
        assert not lost, f"{one.name} saw in {one.room} what is lost: {lost[:5]}"
        order = [places[item] for item in shown]
        # From the first that it saw on, everybody saw all of it: neither a hole nor a swap
        assert order == list(range(order[0], order[0] + len(order))), f"{one.name} saw another order in {one.room}"


def check_senders(history: dict[str, list[Line]]) -> None:
    """What one sender said is stored from the first on without a gap, in the order in which it was sent."""
    said: dict[str, list[int]] = {}
    for lines in history.values():
        for line in lines:
            name, _, number = line.text.partition(" ")
            said.setdefault(name, []).append(int(number))
    for name, numbers in said.items():
        assert numbers == list(range(len(numbers))), f"what {name} said has a gap, or is out of order"


def highest_of(lines: Iterable[Line]) -> int:
    return max((msgids.decode(line.msgid) or 0 for line in lines if "msgid" in line.tags), default=0)


def lowest_of(lines: Iterable[Line]) -> int:
    return min(msgids.decode(line.msgid) or 0 for line in lines if "msgid" in line.tags)


def run_and_kill(server: ServerProcess, turn: int, after: float, above: int) -> list[Seen]:
    """Load, and a kill `after` seconds; every msgid must be `above` those that were ever seen."""
    threads = load(server, turn)
    for thread in threads:
        thread.start()
    eventually(lambda: all(thread.hears() for thread in threads), "everybody hears something")
    time.sleep(after)
    server.kill()
    for thread in threads:
        thread.join()
    seen = [thread.seen for thread in threads]
    assert min(lowest_of(one.lines) for one in seen) > above, "a msgid that somebody saw was given again"
    return seen


def audit(server: ServerProcess, turn: int, seen: list[Seen], since: dict[str, str]) -> dict[str, str]:
    """Hold what was seen before the restart against the history `since` the last audit; gives where the next one begins."""
    with Client(server.port, server.ca, f"auditor{turn}", *ROOMS, caps=FULL) as auditor:
        own = lowest_of(line for line in auditor.seen if line.command == "JOIN")
        history = {room: auditor.history(room, after=since[room]) for room in ROOMS}
        auditor.goodbye()
    check_history(seen, history)
    check_senders(history)
    assert own > max((highest_of(one.lines) for one in seen), default=0), "a msgid that somebody saw was given again"
    return {room: lines[-1].msgid if lines else since[room] for room, lines in history.items()}


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_what_anyone_saw_survives_every_kill(certs: Path, data: Path) -> None:
    chance = random.Random(ROUNDS)
    since = dict.fromkeys(ROOMS, "00000000000000")
    everything: list[Seen] = []
    seen: list[Seen] = []
    highest = 0
    for turn in range(ROUNDS + 1):
        module = "tests.e2e.slow_disk" if turn % 2 else "server"
        workers = "2" if turn % 3 == 2 else "1"
        server = ServerProcess(certs, data, "--limits", "off", "--workers", workers, module=module, covered=False)
        try:
            since = audit(server, turn, seen, since)
            if turn < ROUNDS:
                highest = max(highest, *[highest_of(one.lines) for one in seen], 0)
                seen = run_and_kill(server, turn, 0.15 + chance.random() * 0.4, highest)
                everything += seen
        finally:
            server.kill()
        assert "Traceback" not in server.log(), server.log()
    check_store(everything, data)


def check_store(everything: list[Seen], data: Path) -> None:
    """The whole of it once more at the end, from the disk itself, with joins and quits: each id stands for one thing."""
    store = SqliteStore(data)
    try:
        stored = {room: store.after(room, 0, 1 << 30) for room in ROOMS}
    finally:
        store.close()
    lines = {event.id: event.line.rstrip(b"\r\n") for events in stored.values() for event in events}
    for events in stored.values():
        assert all(one.seq < other.seq and one.at <= other.at for one, other in pairwise(events))
    count = 0
    for one in everything:
        for line in one.lines:
            ident = msgids.decode(line.msgid)
            assert ident is not None
            assert ident in lines, f"{one.name} saw {line}, which is lost"
            said = lines[ident].decode()
            assert said.startswith(f":{line.source} {line.command} ")
            assert said.endswith(line.text)
            count += 1
    print(f"{ROUNDS} kills, {count} sights of {len(lines)} events, all kept")
