"""What an account finds after it was away, with the client's protocol and a real server."""

from __future__ import annotations

from pathlib import Path

from client import events as e
from client.irc import IrcProtocol
from client.login import Login
from tests.server.harness import Client, Running, running_server

PASSWORD = "correct-horse-battery"


class Device:
    """The client's protocol, over the test client's socket."""

    def __init__(self, server: Running) -> None:
        self.shown: list[e.Event] = []
        self.protocol = IrcProtocol("alice", ["#a"], login=Login("alice", PASSWORD), fallback=True)
        self._server = server
        self._socket: Client | None = None

    def connect(self) -> None:
        self._socket = Client(self._server)
        self.protocol.connected()

    def work(self, until: type[e.Event]) -> list[e.Event]:
        """Carry lines until there was such an event."""
        assert self._socket is not None
        found: list[e.Event] = []
        while not any(isinstance(event, until) for event in found):
            self._socket.send_raw(b"".join(self.protocol.take()))
            found += self.protocol.receive(f"{self._socket.line()}\r\n".encode())
        self.shown += found
        return found

    def lose(self) -> None:
        assert self._socket is not None
        self._socket.close()
        self.protocol.disconnected()


def test_private_talk_that_began_on_another_device_meanwhile(tmp_path: Path) -> None:
    """ "`CHATHISTORY TARGETS` from the last time seen finds private talk that began meanwhile." (docs/protocol.md)"""
    with running_server(tmp_path) as server, Client(server, "alice") as phone, Client(server, "bob") as bob:
        assert "900" in phone.numerics(f"NS REGISTER {PASSWORD}")
        device = Device(server)
        device.connect()
        device.work(e.CaughtUp)
        bob.ask("JOIN #a", "PRIVMSG #a :hello")
        device.work(e.Said)
        device.lose()
        bob.ask("PRIVMSG alice :one", "PRIVMSG alice :two")
        assert len([line for line in phone.sync() if "PRIVMSG" in line]) == 2
        device.connect()
        while not (told := [event for event in device.shown if isinstance(event, e.Said) and event.room == "bob"]):
            device.work(e.CaughtUp)
        assert [(said.text, said.replayed) for said in told] == [("one", True), ("two", True)]
        assert [event.text for event in device.shown if isinstance(event, e.Said) and event.room == "#a"] == ["hello"]
        device.lose()


def test_a_private_line_that_was_stored_is_not_stored_again(tmp_path: Path) -> None:
    """Without an account the conversation has ended with the session; the id says that it is stored, and it is shown."""
    with running_server(tmp_path) as server, Client(server, "bob") as bob:
        device = Device(server)
        device.protocol = IrcProtocol("alice", ["#a"], fallback=True)
        device.connect()
        device.work(e.CaughtUp)
        device.protocol.say("bob", "once")
        assert device._socket is not None
        device._socket.send_raw(b"".join(device.protocol.take()))
        bob.until(":once")
        device.lose()
        device.connect()
        while device.protocol.backlog:
            device.work(e.Said)
        assert [(event.text, event.own) for event in device.shown if isinstance(event, e.Said)] == [("once", True)]
        assert [line for line in bob.sync() if "PRIVMSG" in line] == []
        device.lose()
