"""The right server by the wrong port: each side says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from client import events as e
from client.irc import IrcProtocol
from client.plain import PlainProtocol
from tests.client.conftest import Person
from tests.client.fake_server import PATIENCE
from tests.server.harness import running_server


def test_irc_at_the_plain_port(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        one = Person(server.plain_port, server.ca, IrcProtocol("alice", ["#lobby"]))
        one.connection.start()
        assert one.connection.join(PATIENCE)
    said = str(one.connection.trouble)
    assert f"localhost:{server.plain_port} refused the connection: This port speaks the plain protocol" in said
    assert "--plain" in said


def test_plain_at_the_irc_port(tmp_path: Path) -> None:
    """It says nothing until it loses patience: there is no line that it could answer."""
    with running_server(tmp_path, deadlines_registration=0.1) as server:
        one = Person(server.port, server.ca, PlainProtocol("alice"))
        one.connection.start()
        assert one.connection.join(PATIENCE)
    assert "This port speaks IRC: leave out --plain" in str(one.connection.trouble)


@pytest.mark.parametrize(
    "line", ["ERROR :Closing link", ":s 451 * :You have not registered", ":s NOTICE * :*** Looking up your name"]
)
def test_how_irc_is_known(line: str) -> None:
    dialect = PlainProtocol("alice")
    dialect.connected()
    dialect.receive(f"{line}\r\n".encode())
    assert dialect.refusal is not None
    assert dialect.refusal.final


@pytest.mark.parametrize(
    "name", ["001", ":001", ":x 001 ", ":x 001 y", ":x NOTICE *", "ERROR ", "ERROR", ":a:", "PING", "@a=b :x 001"]
)
@pytest.mark.parametrize("text", ["hello", "001 hello", "001 you :hello", "NOTICE * :hello", ":)"])
def test_the_first_speaker_may_be_called_like_a_line_of_irc(name: str, text: str) -> None:
    """In the first version of this chat, where any name goes."""
    dialect = PlainProtocol("alice")
    dialect.connected()
    assert [event for event in dialect.receive(f"{name}: {text}\r\n".encode()) if isinstance(event, e.Said | e.Info)]
    assert dialect.refusal is None


@pytest.mark.parametrize("first", ["bob: hi", "* bob waves"])
def test_once_somebody_has_spoken_no_name_makes_it_irc(first: str) -> None:
    """In the first version of this chat, where any name goes."""
    dialect = PlainProtocol("alice")
    dialect.connected()
    dialect.receive(f"{first}\r\n".encode())
    dialect.receive(b":x 123 you :hi\r\n")
    dialect.disconnected()
    dialect.events()
    dialect.connected()
    dialect.receive(b":x 123 you :hi\r\n")
    assert dialect.refusal is None


@pytest.mark.parametrize(
    "line", ["bob: ERROR :no", "* bob :s 451 x", "server: you are bob here", ":) that was fun", "bob: :s 451 x"]
)
def test_what_people_say_is_not_taken_for_it(line: str) -> None:
    dialect = PlainProtocol("alice")
    dialect.connected()
    events = dialect.receive(line.encode())
    assert dialect.refusal is None
    assert any(isinstance(event, e.Said | e.Info) for event in events)
