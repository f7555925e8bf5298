"""Debian's irssi under a pseudo-terminal: a client that thirty years of servers have been tried with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.irc import Client
from tests.e2e.process import ServerProcess, make_certificates, serving
from tests.e2e.programs import Program

pytestmark = pytest.mark.skipif(shutil.which("irssi") is None, reason="irssi is not installed (apt install irssi)")


@pytest.fixture(scope="module")
def server(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(certs, tmp_path_factory.mktemp("irssi") / "data") as running:
        yield running


@pytest.fixture
def irssi(tmp_path: Path) -> Iterator[Program]:
    home = tmp_path / "irssi"
    env = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "HOME": str(tmp_path)}
    with Program(["irssi", f"--home={home}", "--noconnect", "--nick=ida"], env, terminal=True) as program:
        program.shows("Irssi")
        program.enter("/set cmd_queue_speed 10msec\n/set cmds_max_at_once 100\n")  # else it waits two seconds between commands
        yield program


def connect(ca: Path, port: int, host: str = "localhost") -> str:
    return f"/connect -tls -tls_verify -tls_cafile {ca} {host} {port}\n"


def test_irssi_verifies_joins_talks_and_is_heard(server: ServerProcess, irssi: Program) -> None:
    with Client(server.port, server.ca, "ian", "#lobby") as ian:
        irssi.enter(connect(server.ca, server.port))
        irssi.shows("Welcome to the")
        irssi.enter("/join #lobby\n")
        assert ian.until("JOIN").nick == "ida"
        irssi.shows("Join to #lobby was synced")
        irssi.enter("hello from irssi \u2603\n")
        heard = ian.until("PRIVMSG")
        assert (heard.nick, heard.text) == ("ida", "hello from irssi \u2603")
        ian.say("#lobby", "hello to irssi")
        irssi.shows("ian> *hello to irssi")
        irssi.enter("/msg ian just between us\n")
        assert ian.until("PRIVMSG").params == ["ian", "just between us"]
        irssi.enter("/topic #lobby what we talk about\n")
        irssi.enter("/me waves\n")
        assert ian.until("PRIVMSG").text == "\x01ACTION waves\x01"
        irssi.enter("/quit good bye\n")
        assert "good bye" in ian.until("QUIT").text
        assert irssi.wait() == 0


def test_irssi_refuses_another_authority(server: ServerProcess, irssi: Program, tmp_path: Path) -> None:
    foreign = make_certificates(tmp_path / "foreign")
    joined = server.log().count("ida joined")
    irssi.enter(connect(foreign / "ca.pem", server.port))
    irssi.shows("(?i)could not verify|certificate verify failed|certificate")
    irssi.shows("(?i)unable to connect|connection lost|failed")
    assert "Welcome" not in irssi.shown()
    assert server.log().count("ida joined") == joined


def test_irssi_refuses_a_name_that_the_certificate_does_not_have(certs: Path, data: Path, irssi: Program) -> None:
    with serving(certs, data, listen="127.0.0.2:0") as elsewhere:
        irssi.enter(connect(elsewhere.ca, elsewhere.port, "127.0.0.2"))
        irssi.shows("(?i)host name|hostname|certificate")
        irssi.shows("(?i)unable to connect|connection lost|failed")
        assert "Welcome" not in irssi.shown()
        assert "joined" not in elsewhere.log()
