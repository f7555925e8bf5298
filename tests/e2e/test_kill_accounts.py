"""`kill -9` while people register: an account that somebody was told of is there after the restart, and its password opens it."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count
from pathlib import Path

from tests.e2e.irc import Client, Closed
from tests.e2e.process import ServerProcess
from tests.server.logins import plain

ROUNDS = 3
CHEAP = tuple(
    word
    for setting in ("argon2_memory_kib=8", "argon2_time=1", "scram_iterations=4096")
    for word in ("--set", f"accounts.{setting}")
)


class Registering(threading.Thread):
    """Registers one account after the other, and changes its password, until its connection breaks."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.told: dict[str, str] = {}  # account to password, as the server has confirmed it
        self.maybe: dict[str, str] = {}  # a change that was asked for
        self._client = Client(server.port, server.ca, name)

    def run(self) -> None:
        client = self._client
        with suppress(Closed, OSError):
            for number in count():
                account = f"{self.name}x{number}"
                client.send(f"REGISTER {account} * first")
                client.until("REGISTER")
                self.told[account] = "first"
                self.maybe[account] = "second"
                client.send("NS PASSWD first second")
                client.until("NOTICE", where=lambda line: "changed" in line.text)
                self.told[account] = self.maybe.pop(account)
                client.send("NS LOGOUT")
                client.until("901")


def test_what_was_confirmed_is_there_after_a_kill(certs: Path, data: Path) -> None:
    options = ("--limits", "off", *CHEAP)
    told: dict[str, str] = {}
    maybe: dict[str, str] = {}
    for number in range(ROUNDS):
        server = ServerProcess(certs, data, *options, covered=False)
        people = [Registering(server, f"{name}{number}") for name in ("anna", "bert")]
        for person in people:
            person.start()
        while not all(len(person.told) > 5 for person in people):
            people[0].join(0.01)
        server.kill()
        for person in people:
            person.join(60)
            told |= person.told
            maybe |= person.maybe
    server = ServerProcess(certs, data, *options, covered=False)
    with Client(server.port, server.ca, "witness") as witness:
        for account, password in told.items():
            possible = [password, maybe[account]] if account in maybe else [password]
            assert any(_opens(witness, account, each) for each in possible), f"{account} is lost"
    server.stop()
    assert len(told) > 10 * ROUNDS


def _opens(client: Client, account: str, password: str) -> bool:
    client.send(*plain(account, password))
    return client.until("903", "904").command == "903"
