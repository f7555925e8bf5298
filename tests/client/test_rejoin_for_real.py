"""Coming back to a room, with the client's protocol and view and a real server: what was said meanwhile is there, once, in order.

"To resume without a gap: `CHATHISTORY AFTER` from the last msgid seen" (docs/protocol.md)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from client import events as e
from client.view import Past, View
from tests.client.test_core_for_real import Device
from tests.server.harness import Client, Running, running_server

MEANWHILE = [str(number) for number in range(300)]
NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running_server(tmp_path) as server:
        yield server


@pytest.fixture
def bob(server: Running) -> Iterator[Client]:
    """Was there first: an operator."""
    with Client(server, "bob") as bob:
        bob.ask("JOIN #a", *[f"PRIVMSG #a :long ago {number}" for number in range(120)])
        yield bob


class Reader:
    """Alice, and what she sees of #a."""

    def __init__(self, server: Running) -> None:
        self.device = Device(server, wait=False)
        self.view = View("#a", lambda: NOW)
        self.until(e.CaughtUp)

    def until(self, kind: type[e.Event]) -> None:
        """Takes in what happens, up to the first of these."""
        while True:
            event = self.device.first(e.Event)
            self.view.feed(event)
            if isinstance(event, kind):
                return

    def says(self, text: str) -> None:
        assert self.device.protocol.say("#a", text)
        while text not in self.texts():
            self.until(e.Said)

    def scrolls_up(self) -> None:
        """To the beginning of the room."""
        while self.view.wants_older(self.view.front):
            self.device.protocol.older("#a")
            self.until(e.Older)
        assert self.view.front.past is Past.START

    def texts(self) -> list[str]:
        entries = self.view.buffer("#a").entries
        return [entries[number].text for number in range(entries.first, entries.end) if entries[number].spoken]


def everything(own: str) -> list[str]:
    return [*(f"long ago {number}" for number in range(120)), own, *MEANWHILE, "back"]


def talks_on(bob: Client) -> None:
    bob.ask(*[f"PRIVMSG #a :{text}" for text in MEANWHILE])


def comes_back(alice: Reader) -> None:
    """And finds everything, once, in order."""
    alice.device.protocol.join("#a")
    alice.until(e.CaughtUp)
    alice.view.switch("#a")
    alice.says("back")
    alice.scrolls_up()
    assert alice.texts() == everything("before")
    alice.device.lose()


def test_who_left_and_comes_back_finds_all_that_was_said(server: Running, bob: Client) -> None:
    alice = Reader(server)
    alice.says("before")
    alice.device.protocol.part("#a", "lunch")
    alice.until(e.Parted)
    talks_on(bob)
    comes_back(alice)


def test_who_was_put_out_and_comes_back_too(server: Running, bob: Client) -> None:
    alice = Reader(server)
    alice.says("before")
    bob.ask("KICK #a alice :out")
    alice.until(e.Parted)
    talks_on(bob)
    comes_back(alice)


def test_who_was_not_let_in_after_a_reconnect_and_is_later(server: Running, bob: Client) -> None:
    alice = Reader(server)
    alice.says("before")
    alice.device.lose()
    bob.ask("MODE #a +b alice!*@*")
    alice.device.connect()
    alice.until(e.Failed)
    talks_on(bob)
    bob.ask("MODE #a -b alice!*@*")
    comes_back(alice)


def test_a_room_that_was_closed_is_read_anew(server: Running, bob: Client) -> None:
    """What was shown of it is forgotten: it is shown again, not taken for what is here."""
    alice = Reader(server)
    alice.says("before")
    alice.view.switch("elsewhere")
    alice.device.protocol.forget("#a")
    alice.view.close("#a")
    alice.until(e.Parted)
    talks_on(bob)
    comes_back(alice)
