"""Point 1 of docs/architecture.md's promise, over and over: clients reconnect and go on at the last message, with no gap and no
repeat, also when the server was killed or restarted, and when their own last lines were in flight.

The small numbers are for every day; those with the mark `soak` take minutes: pytest -m soak tests/e2e/test_resume_soak.py -s
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.irc import FULL, Client
from tests.e2e.process import PATIENCE, ServerProcess, eventually
from tests.e2e.resuming import ROOM, Figures, Person, company, figures, settle

PLENTY = 1 << 40


def start(certs: Path, data: Path, port: int = 0, *, module: str = "server") -> ServerProcess:
    options = ("--limits", "off", "--set", "deadlines.drain=0.5")
    return ServerProcess(certs, data, *options, listen=f"127.0.0.1:{port}", module=module, covered=False)


@contextmanager
def talking(people: list[Person]) -> Iterator[None]:
    """The writers say something all the time, whether they are connected or not."""
    over = threading.Event()

    def talk() -> None:
        chance = random.Random(1)
        while not over.wait(0.02):
            for person in people:
                if person.writes:
                    person.write(chance.choice((1, 1, 2, 5)))

    thread = threading.Thread(target=talk, name="talk")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def progress(people: list[Person], count: int) -> None:
    """Wait until `count` more lines of the writers have been confirmed."""
    confirmed = sum(person.own for person in people)
    eventually(lambda: sum(person.own for person in people) >= confirmed + count, "the writers get on")


def judge(what: str, found: Figures) -> None:
    print(f"\n{what}: {found}")
    assert found.said > 0
    assert found.wrong == 0, found


def break_server(certs: Path, data: Path, ends: list[Callable[[ServerProcess], None]]) -> Figures:
    """Have the server end under load, each time at another moment, and start again at the same port."""
    chance = random.Random(len(ends))
    server = start(certs, data)
    try:
        with company(server.port, server.ca, writers=4, readers=2) as people:
            with talking(people):
                for turn, end in enumerate(ends):
                    progress(people, chance.choice((1, 5, 20, 60, 150)))
                    end(server)
                    assert "Traceback" not in server.log(), server.log()
                    server = start(certs, data, server.port, module="tests.e2e.slow_disk" if turn % 2 else "server")
                progress(people, 20)
            settle(people)
        server.stop()
    finally:
        server.kill()
    return figures(people, data)


def cut_network(certs: Path, data: Path, reconnects: int, *bytes_at_most: int) -> Figures:
    """Cut the clients' connections at any byte until there were so many reconnects: in the handshake, the greeting, the talk."""
    chance = random.Random(reconnects)
    breaking = True

    def budget() -> tuple[int, int]:
        if not breaking:
            return PLENTY, PLENTY
        most = chance.choice(bytes_at_most)
        return (chance.randrange(most), PLENTY) if chance.random() < 0.5 else (PLENTY, chance.randrange(most))

    server = start(certs, data)
    try:
        with CuttingProxy(("127.0.0.1", server.port), lambda: (PLENTY, PLENTY)) as proxy:
            with company(proxy.port, server.ca, writers=4, readers=4) as people:
                with talking(people):
                    proxy.change(budget)
                    eventually(
                        lambda: sum(person.greetings - 1 for person in people) >= reconnects,
                        "the clients come back",
                        PATIENCE + reconnects,
                    )
                    breaking = False
                    proxy.change(budget)
                settle(people)
            cuts = proxy.cuts
        server.stop()
    finally:
        server.kill()
    found = figures(people, data)
    found.more["cuts"] = cuts
    return found


def kill(server: ServerProcess) -> None:
    server.kill()


def restart(server: ServerProcess) -> None:
    server.signal(signal.SIGTERM)
    assert server.wait() == 0, server.log()


def test_a_few_kills_and_restarts(certs: Path, data: Path) -> None:
    judge("5 kills and 2 restarts", break_server(certs, data, [kill, restart, kill, kill, restart, kill, kill]))


def test_a_few_reconnects(certs: Path, data: Path) -> None:
    judge("30 reconnects", cut_network(certs, data, 30, 2_000, 6_000, 12_000))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_kills(certs: Path, data: Path) -> None:
    judge("100 kills", break_server(certs, data, [kill] * 100))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_twenty_restarts(certs: Path, data: Path) -> None:
    judge("20 restarts", break_server(certs, data, [restart] * 20))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_reconnects(certs: Path, data: Path) -> None:
    judge("1000 reconnects", cut_network(certs, data, 1000, 2_000, 6_000, 20_000, 60_000))


def test_thousands_passed_meanwhile(certs: Path, data: Path) -> None:
    """The network of one is down while 4,000 messages pass; more come while it catches up."""
    server = start(certs, data)
    try:
        with (
            CuttingProxy(("127.0.0.1", server.port), lambda: (PLENTY, PLENTY)) as proxy,
            company(proxy.port, server.ca, writers=0, readers=1) as (away,),
            Client(server.port, server.ca, "talker", ROOM, caps=FULL) as talker,
        ):
            proxy.hold(True)
            talker.say(ROOM, *[f"talker {number}" for number in range(4000)])
            talker.until_text("talker 3999")
            proxy.hold(False)
            for number in range(4000, 4500):
                talker.say(ROOM, f"talker {number}")
            talker.until_text("talker 4499")
            eventually(lambda: len(away.shown) >= 4500, "all is shown")
            assert away.shown == [f"talker {number}" for number in range(4500)]
            assert away.failed == []
            assert away.greetings == 2
        server.stop()
    finally:
        server.kill()
