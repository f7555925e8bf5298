"""A29, A30, A31, and with the same crowd A36 and A37: people who get in each other's way, all at once; and our own bugs."""

from __future__ import annotations

import random
import resource
import signal
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.attack.rows import row
from tests.attack.siege import ATTACK_S, MIB, QUIET_S, Account, Besiege
from tests.attack.tools import EXEMPT, besieged_as, crowd, reset
from tests.e2e.irc import Client, Closed
from tests.e2e.process import ServerProcess, eventually

LIMIT = 128 * MIB


class Actor(threading.Thread):
    """Somebody who does one thing over and over; `goes` says for how long."""

    def __init__(self, server: ServerProcess, nick: str, *lines: str) -> None:
        super().__init__(name=nick)
        self.client = Client(server.port, server.ca, nick, "#fray")
        self.lines = lines
        self.turns = 0
        self.ended = ""
        self.goes = threading.Event()

    def run(self) -> None:
        try:
            while not self.goes.is_set():
                self.client.send(*[line.format(n=self.turns) for line in self.lines])
                self.client.ping()
                self.turns += 1
        except (Closed, OSError, AssertionError) as error:
            self.ended = repr(error)


@row("A29")
def test_kicks_nicks_messages_and_quits_across_each_other(siege: Besiege) -> None:
    """Two workers, and everybody does what concerns everybody else: nobody waits for ever for anybody."""
    with siege("--workers", "2", "--limits", "off", "--set", "store.window_mib=1") as it, it.attack(most_growth=16 * MIB):
        boss = Client(it.server.port, it.server.ca, "boss", "#fray")  # first, and so the operator
        actors = [
            Actor(it.server, "a", "KICK #fray b :out", "PRIVMSG b :you", "JOIN #fray"),
            Actor(it.server, "b", "PRIVMSG a :me", "KICK #fray a :out", "JOIN #fray"),
            Actor(it.server, "c", "NICK c{n}", "PRIVMSG #fray :as c{n}", "JOIN #other", "PART #other"),
            Actor(it.server, "d", *["PRIVMSG #fray :broadcast {n}"] * 8, "NAMES #fray", "WHO #fray"),
            Actor(it.server, "e", "MODE #fray +b *!*@192.0.2.{n}", "TOPIC #fray :{n}", "INVITE b #fray"),
        ]
        boss.send("MODE #fray +ooo a b e")
        boss.ping()
        for actor in actors:
            actor.start()
        while it.goes_on():
            boss.send("KICK #fray d :in the middle of it", "MODE #fray -o+o a a")
            boss.ping()
            actors[3].lines = ("JOIN #fray", *["PRIVMSG #fray :broadcast {n}"] * 8)
        for actor in actors:
            actor.goes.set()
        for actor in actors:
            actor.join(60)
            assert not actor.is_alive(), f"{actor.name} waits for ever"
            assert not actor.ended, f"{actor.name}: {actor.ended}"
            assert actor.turns > 1
        it.figures["rounds"] = sum(actor.turns for actor in actors)
        for client in [boss, *[actor.client for actor in actors]]:
            client.goodbye()


def _lines_to(client: Client) -> bytes:
    """What comes until close_notify. Raises SSLError where the connection is only cut."""
    client.sock.suppress_ragged_eofs = False  # type: ignore[attr-defined]
    found = b""
    while data := client.sock.recv(65536):
        found += data
    return found


@row("A30")
@row("A36")
@row("A37")
@pytest.mark.timeout(300)
def test_a_thousand_people_half_of_whom_vanish_and_the_end_of_the_server(siege: Besiege) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    options = (*EXEMPT, "--set", "limits.connects_per_address=100000", "--set", "deadlines.drain=8")
    with siege(*options) as it:
        watcher = Client(it.server.port, it.server.ca, "watcher", "#hall")
        # No limit per address holds a thousand people back here, who come, and vanish, all at once: that may be felt, a little.
        with it.attack(most_growth=LIMIT, descriptors=500, most_ms=300):
            people = crowd(it.server, 1000)
            for at in range(0, 1000, 10):
                for person in people[at : at + 10]:
                    person.send("JOIN #hall")
                watcher.ping()
            assert len(watcher.names("#hall")) == 1001
            used = it.server.memory()
            it.figures["MiB with 1,000 clients"] = round(used / MIB)
            assert used < LIMIT
            gone, left = people[::2], people[1::2]
            for person in gone:
                reset(person.sock)
            began = time.monotonic()
            seen = len(watcher.seen)
            quits: set[str] = set()
            while len(quits) < 500:
                line = watcher.line()
                if line.command == "QUIT":
                    quits.add(line.nick)
            it.figures["s until 500 quits were seen"] = round(time.monotonic() - began, 2)
            assert quits == {person.nick for person in gone}
            assert sum(line.command == "QUIT" for line in watcher.seen[seen:]) == 500
        began = time.monotonic()
        it.server.signal(signal.SIGTERM)
        goodbyes = [_lines_to(person) for person in left]
        assert it.server.wait() == 0
        took = time.monotonic() - began
        assert all(said.endswith(b"ERROR :Closing link: (Server shutting down)\r\n") for said in goodbyes)
        it.figures["s from SIGTERM to exit 0"] = round(took, 2)
        assert took <= 10


@row("A36")
def test_a_second_sigterm_ends_at_once(certs: Path, tmp_path: Path) -> None:
    server = ServerProcess(certs, tmp_path / "data", "--set", "deadlines.drain=60", *EXEMPT, "--limits", "off", covered=False)
    try:
        deaf = Client(server.port, server.ca, "deaf", "#room", receive=4096)
        speaker = Client(server.port, server.ca, "speaker", "#room")
        for _ in range(20):
            speaker.say("#room", *["x" * 400] * 500)
            speaker.ping()
        server.signal(signal.SIGTERM)
        server.says("a second signal ends at once")
        began = time.monotonic()
        server.ends_by_another(signal.SIGTERM)
        assert server.wait() == 128 + signal.SIGTERM
        assert time.monotonic() - began < 10
        deaf.close()
    finally:
        server.kill()


def _said_last(client: Client, line: str) -> bytes:
    client.send(line)
    found = b""
    with suppress(OSError, ssl.SSLError):
        while data := client.sock.recv(65536):
            found += data
    return found


@row("A31")
def test_a_bug_in_a_handler_is_one_persons_misfortune(certs: Path, tmp_path: Path, accounts: list[Account]) -> None:
    """Here a traceback in the log is right: it is our bug. The others notice nothing but a QUIT."""
    with besieged_as("tests.attack.broken_handler", certs, tmp_path / "data", accounts, *EXEMPT, complains=True) as it:
        witness = Client(it.server.port, it.server.ca, "witness", "#den")
        it.control.phase("quiet")
        threading.Event().wait(QUIET_S)
        before = (it.server.descriptors(), it.server.memory())
        quiet = it.control.phase("attacked")
        deadline, bugs = time.monotonic() + ATTACK_S, 0
        while time.monotonic() < deadline:
            eve = Client(it.server.port, it.server.ca, "eve", "#den")
            assert b"ERROR :Closing link: (Internal error)\r\n" in _said_last(eve, random.choice(("BOOM", "LATER")))
            witness.until("QUIT")
            with Client(it.server.port, it.server.ca) as nobody:
                assert b"ERROR :Closing link: (Internal error)\r\n" in _said_last(nobody, "BOOM")
            apart = Client(it.server.port, it.server.ca, "apart")
            apart.send("APART")
            apart.until("ERROR")
            apart.goodbye()
            bugs += 3
        it.figures["bugs met"] = bugs
        attacked = it.control.phase("after")
        eventually(lambda: it.server.descriptors() <= before[0], "the descriptors are given back")
        accounts.append(Account(quiet, attacked, it.server.memory() - before[1], it.figures))
        assert attacked.faults == []
        assert attacked.echoes >= 16
        assert it.server.log().count("Traceback") >= bugs
        assert witness.ping() == []
