"""Debian's irssi in a terminal: it checks our certificate, joins, talks, is thrown out, comes back, and shows all of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conversation import (
    PASSWORD,
    SNOW,
    Look,
    be_kicked,
    certificate_of,
    register,
    say_while_nobody_looks,
    talk,
    talk_in_private,
)
from tests.e2e.irc import Client
from tests.e2e.process import ServerProcess, make_certificates, serving
from tests.e2e.screen import Screen

pytestmark = [
    pytest.mark.skipif(shutil.which("irssi") is None, reason="irssi is not installed (apt install irssi)"),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux, to see what is shown, is not installed (apt install tmux)"),
]

LOOK = Look(
    said=r"<[ @]?{nick}> {text}",
    acted=r" \* {nick} {text}",
    topic=r"{nick} changed the topic of #lobby to: {topic}",
    renamed=r"{old} is now known as {new}",
    self_renamed=r"You're now known as {new}",
    kicked=r"{whom} was kicked from #lobby by {by} \[{reason}\]",
    list_names="/names",
    names=(r"\[@ivo *\] \[ iris *\]",),
    to_room="/window 2",
    to_private="/query {nick}",
)

PLAIN = f"-sasl_mechanism PLAIN -sasl_password {PASSWORD}"
OPTIONS = ("--set", "limits.flood_burst=100", "--certified-listen", "127.0.0.1:0")  # a person does not type that fast


@pytest.fixture(scope="module")
def server(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(certs, tmp_path_factory.mktemp("irssi") / "data", *OPTIONS, covered=False) as running:
        register(running, "ida")
        yield running


@pytest.fixture
def irssi(tmp_path: Path) -> Iterator[Screen]:
    command = ["irssi", f"--home={tmp_path / 'irssi'}", "--noconnect", "--nick=ida"]
    with Screen(command, {"HOME": str(tmp_path)}) as screen:
        screen.shows("Irssi")
        screen.enter("/set cmd_queue_speed 10msec", "/set cmds_max_at_once 100")  # else it waits two seconds between commands
        yield screen


def connect(ca: Path, port: int, host: str = "localhost") -> str:
    return f"/connect -tls -tls_verify -tls_cafile {ca} {host} {port}"


def test_irssi_joins_and_shows_all_that_is_said_and_done(server: ServerProcess, irssi: Screen) -> None:
    with Client(server.port, server.ca, "ian", "#lobby") as ian:
        irssi.enter("/set nick ada", connect(server.ca, server.port))
        irssi.shows("Welcome to the Parley network, ada!")
        irssi.enter("/join #lobby")
        assert ian.until("JOIN").nick == "ada"
        irssi.shows("Join to #lobby was synced")
        talk(irssi, LOOK, ian)
        talk_in_private(irssi, LOOK, ian)
        be_kicked(irssi, LOOK, ian)
        irssi.enter("/quit good bye")
        assert "good bye" in ian.until("QUIT").text
        assert irssi.ended() == 0


def test_irssi_refuses_another_authority(server: ServerProcess, irssi: Screen, tmp_path: Path) -> None:
    foreign = make_certificates(tmp_path / "foreign")
    joined = server.log().count("ida joined")
    irssi.enter(connect(foreign / "ca.pem", server.port))
    irssi.shows("Could not verify TLS servers certificate")
    irssi.shows("Connection lost to localhost")
    assert "Welcome" not in irssi.text()
    assert server.log().count("ida joined") == joined


def test_irssi_refuses_a_name_that_the_certificate_does_not_have(certs: Path, data: Path, irssi: Screen) -> None:
    with serving(certs, data, listen="127.0.0.2:0", covered=False) as elsewhere:
        irssi.enter(connect(elsewhere.ca, elsewhere.port, "127.0.0.2"))
        irssi.shows("None of the Subject Alt Names in the certificate match hostname '127.0.0.2'")
        irssi.shows("Connection lost to 127.0.0.2")
        assert "Welcome" not in irssi.text()
        assert "joined" not in elsewhere.log()


def log_in(irssi: Screen, server: ServerProcess, port: int, sasl: str, tls: str = "") -> None:
    """Connect as `ida`, the way an account is set up in irssi: a network, and a server of it."""
    irssi.enter(
        f"/network add -sasl_username ida {sasl} parley",
        f"/server add -network parley -tls -tls_verify -tls_cafile {server.ca} {tls} localhost {port}",
        "/connect parley",
    )
    irssi.shows("You are now logged in as ida")
    irssi.shows("SASL authentication succeeded")
    irssi.shows("Welcome to the Parley network, ida!")


def test_irssi_logs_in_with_a_password(server: ServerProcess, irssi: Screen) -> None:
    log_in(irssi, server, server.port, PLAIN)


def test_irssi_logs_in_with_a_certificate(server: ServerProcess, irssi: Screen) -> None:
    certificate = certificate_of(server.certs, "ida")
    log_in(irssi, server, server.bound("certified"), "-sasl_mechanism EXTERNAL", f"-tls_cert {certificate}")


def test_irssi_comes_back_by_itself_after_a_restart_and_shows_what_was_missed(certs: Path, data: Path, irssi: Screen) -> None:
    irssi.enter("/set server_reconnect_time 1sec")  # rather than five minutes
    with serving(certs, data, covered=False) as server, Client(server.port, server.ca, "ian", "#lobby") as ian:
        register(server, "ida")
        log_in(irssi, server, server.port, PLAIN)
        irssi.enter("/join #lobby")
        assert ian.until("JOIN").nick == "ida"
        ian.say("#lobby", "all is well")
        irssi.shows(LOOK.said.format(nick="ian", text="all is well"))
    say_while_nobody_looks(certs, data, f"while you were away {SNOW}")
    with serving(certs, data, listen=f"127.0.0.1:{server.port}", covered=False):
        irssi.shows(LOOK.said.format(nick="ian", text=f"while you were away {SNOW}"))
        assert irssi.text().count("all is well") == 1
