"""Invariant 2: every member sees a room's events in the same order, none twice, none missing, across reconnects."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.inside import InsideServer, Log, settings_for
from tests.e2e.irc import FULL, Client, Line

ROOMS = ("#a", "#b", "#c")
MESSAGES = 150
DONE = "that was all"


@pytest.fixture(params=[("sqlite", 1), ("sqlite", 3), ("memory", 3)], ids=["sqlite-1", "sqlite-3", "memory-3"])
def server(request: pytest.FixtureRequest, certs: Path, data: Path, log: Log) -> Iterator[InsideServer]:
    kind, workers = request.param
    with InsideServer(settings_for(certs, data, f"store.kind={kind}", f"workers.count={workers}")) as running:
        yield running


class Member(threading.Thread):
    """Reads until every sender is done; where it `drops`, it breaks its connection now and then and catches up."""

    def __init__(self, server: InsideServer, nick: str, *, caps: tuple[str, ...] = FULL, drops: bool = False) -> None:
        super().__init__(name=nick, daemon=True)
        self.got: dict[str, list[Line]] = {room: [] for room in ROOMS}
        self._server = server
        self._caps = caps
        self._drops = drops
        self._chance = random.Random(nick)
        self._client = Client(server.port, server.ca, nick, *ROOMS, caps=caps)
        self.error: BaseException | None = None
        self.again = 0

    def run(self) -> None:
        try:
            left = {room: set(ROOMS) for room in ROOMS}
            while any(left.values()):
                line = self._client.line()
                if line.command == "PRIVMSG":
                    self.got[line.params[0]].append(line)
                    if line.text == DONE:
                        left[line.params[0]].discard(line.nick.replace("sender-", "#"))
                    elif self._drops and self._chance.random() < 0.008:
                        self._reconnect()
        except BaseException as error:
            self.error = error
        finally:
            self._client.close()

    def _reconnect(self) -> None:
        self._client.close()
        self.again += 1
        last = {room: lines[-1].msgid if lines else "00000000000000" for room, lines in self.got.items()}
        self._client = Client(self._server.port, self._server.ca, f"{self.name}-{self.again}", caps=self._caps)
        # JOIN and CHATHISTORY in one write are carried out together: what follows by itself begins where the history ends.
        for room in ROOMS:
            self._client.send(f"JOIN {room}", f"CHATHISTORY AFTER {room} msgid={last[room]} 1000")


def speak(server: InsideServer, room: str) -> None:
    """Say things in all rooms; the sender's nick names the room it comes from."""
    with Client(server.port, server.ca, f"sender-{room[1:]}", *ROOMS) as client:
        chance = random.Random(room)
        left = dict.fromkeys(ROOMS, MESSAGES)
        while any(left.values()):
            burst = []
            for _ in range(chance.choice((1, 3, 20))):
                target = chance.choice([name for name, number in left.items() if number])
                left[target] -= 1
                burst.append(f"PRIVMSG {target} :{room} {left[target]}")
                if not any(left.values()):
                    break
            client.send(*burst)
            client.ping()
        client.send(*[f"PRIVMSG {target} :{DONE}" for target in ROOMS])
        client.ping()


def test_all_see_the_same_order_once(server: InsideServer) -> None:
    keeper = server.client("keeper", *ROOMS, caps=FULL)
    members = [Member(server, f"steady{n}") for n in range(3)]
    members += [Member(server, f"bare{n}", caps=("message-tags",)) for n in range(2)]
    members += [Member(server, f"dropper{n}", drops=True) for n in range(3)]
    senders = [threading.Thread(target=speak, args=(server, room), daemon=True) for room in ROOMS]
    for thread in (*members, *senders):
        thread.start()
    for thread in (*senders, *members):
        thread.join(90)
    for member in members:
        assert member.error is None, f"{member.name}: {member.error!r}"
    assert sum(member.again for member in members) >= 3, "nobody reconnected"
    for room in ROOMS:
        wanted = [(line.msgid, line.nick, line.text) for line in keeper.history(room)]
        assert len(wanted) == len(ROOMS) * (MESSAGES + 1)
        for member in members:
            found = [(line.msgid, line.nick, line.text) for line in member.got[room]]
            assert found == wanted, f"{member.name} saw {room} otherwise: {len(found)} of {len(wanted)}, {member.again} reconnects"


def test_an_event_in_several_rooms_comes_once_and_in_its_place(server: InsideServer) -> None:
    """A nick change or a quit stands in every shared room's log under one id; a connection gets it once."""
    both = server.client("both", "#a", "#b", caps=FULL)
    one = server.client("one", "#b", caps=FULL)
    for turn in range(30):
        mover = server.client(f"mover{turn}", "#a", "#b", "#c", caps=FULL)
        mover.send("PRIVMSG #a :before", f"NICK moved{turn}", "PRIVMSG #b :after", "QUIT :done")
        for client, wanted in ((both, ["PRIVMSG", "NICK", "PRIVMSG", "QUIT"]), (one, ["NICK", "PRIVMSG", "QUIT"])):
            client.until("QUIT")
            commands = [line.command for line in client.seen if line.nick in (f"mover{turn}", f"moved{turn}")]
            assert [command for command in commands if command != "JOIN"] == wanted
    both.ping()
    assert sum(line.command == "QUIT" for line in both.seen) == 30


def test_history_and_what_follows_have_neither_gap_nor_overlap(server: InsideServer) -> None:
    stop = threading.Event()

    def chatter() -> None:
        with Client(server.port, server.ca, "chatter", "#a") as client:
            number = 0
            while not stop.is_set():
                client.say("#a", *[f"{number + i}" for i in range(5)])
                client.ping()
                number += 5

    thread = threading.Thread(target=chatter, daemon=True)
    thread.start()
    try:
        for turn in range(15):
            with Client(server.port, server.ca, f"late{turn}", caps=FULL) as late:
                late.send("JOIN #a", "CHATHISTORY LATEST #a * 50")
                late.until("BATCH", where=lambda line: line.params[0][0] == "-")
                for _ in range(30):
                    late.until("PRIVMSG")
                numbers = [int(line.text) for line in late.messages("#a")]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    finally:
        stop.set()
        thread.join(90)
