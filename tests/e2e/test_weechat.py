"""Debian's WeeChat in a terminal: it checks our certificate, joins, talks, is thrown out, comes back, and shows all of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
    pytest.mark.skipif(shutil.which("weechat-curses") is None, reason="WeeChat is not installed (apt install weechat-curses)"),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux, to see what is shown, is not installed (apt install tmux)"),
]

LOOK = Look(
    said=r"\b{nick} [│|] {text}",
    acted=r" \* [│|] {nick} {text}",
    topic=r'{nick} has changed topic for #lobby to "{topic}"',
    renamed=r"{old} is now known as {new}",
    self_renamed=r"You are now known as {new}",
    kicked=r"{by} has kicked {whom} \({reason}\)",
    list_names="",
    names=(r"[│|]@ivo *$", r"[│|] ?iris *$"),
    to_room="/buffer #lobby",
    to_private="/buffer {nick}",
)
OPTIONS = ("--set", "limits.flood_burst=100", "--certified-listen", "127.0.0.1:0")  # a person does not type that fast

WeeChat = Callable[..., Screen]


@pytest.fixture(scope="module")
def server(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(certs, tmp_path_factory.mktemp("weechat") / "data", *OPTIONS, covered=False) as running:
        register(running, "ida")
        yield running


@pytest.fixture
def weechat(tmp_path: Path) -> Iterator[WeeChat]:
    """`weechat(address, ca, ...)`: WeeChat with a fresh folder, on its way to a server that it calls parley."""
    with ExitStack() as stack:

        def start(address: str, ca: Path, *options: str, nick: str = "ida") -> Screen:
            setup = [
                f"/set weechat.network.gnutls_ca_user {ca}",
                f"/server add parley {address} -ssl -nicks={nick} -autoreconnect_delay=1 {' '.join(options)}",
                "/set irc.network.autoreconnect_delay_growing 1",
                # Else it waits two seconds between commands.
                "/set irc.server.parley.anti_flood_prio_high 0",
                "/set irc.server.parley.anti_flood_prio_low 0",
                "/connect parley",
            ]
            command = ["weechat-curses", "--dir", str(tmp_path / "weechat")]
            for line in ["/set weechat.plugin.autoload irc", *setup]:
                command += ["--run-command", line]
            return stack.enter_context(Screen(command, {"HOME": str(tmp_path)}))

        yield start


def test_weechat_joins_and_shows_all_that_is_said_and_done(server: ServerProcess, weechat: WeeChat) -> None:
    with Client(server.port, server.ca, "ian", "#lobby") as ian:
        screen = weechat(f"localhost/{server.port}", server.ca, "-autojoin=#lobby", nick="ada")
        assert ian.until("JOIN").nick == "ada"
        screen.shows(r"Channel #lobby: 2 nicks")
        talk(screen, LOOK, ian)
        talk_in_private(screen, LOOK, ian)
        be_kicked(screen, LOOK, ian)
        screen.enter("/quit good bye")
        assert "good bye" in ian.until("QUIT").text
        assert screen.ended() == 0


def test_weechat_refuses_another_authority(server: ServerProcess, weechat: WeeChat, tmp_path: Path) -> None:
    foreign = make_certificates(tmp_path / "foreign")
    screen = weechat(f"localhost/{server.port}", foreign / "ca.pem")
    screen.shows("certificate is NOT trusted")
    screen.shows("TLS handshake failed")
    assert "Welcome" not in screen.text()


def test_weechat_refuses_a_name_that_the_certificate_does_not_have(certs: Path, data: Path, weechat: WeeChat) -> None:
    with serving(certs, data, listen="127.0.0.2:0", covered=False) as elsewhere:
        screen = weechat(f"127.0.0.2/{elsewhere.port}", elsewhere.ca)
        screen.shows("hostname in the certificate does NOT match")
        screen.shows("TLS handshake failed")
        assert "Welcome" not in screen.text()
        assert "joined" not in elsewhere.log()


def plain_login(mechanism: str) -> list[str]:
    return [f"-sasl_mechanism={mechanism}", "-sasl_username=ida", f"-sasl_password={PASSWORD}"]


@pytest.mark.parametrize("mechanism", ["plain", "scram-sha-256", "external"])
def test_weechat_logs_in(server: ServerProcess, weechat: WeeChat, mechanism: str) -> None:
    if mechanism == "external":
        options = ["-sasl_mechanism=external", f"-ssl_cert={certificate_of(server.certs, 'ida')}"]
        screen = weechat(f"localhost/{server.bound('certified')}", server.ca, *options)
    else:
        screen = weechat(f"localhost/{server.port}", server.ca, *plain_login(mechanism))
    screen.shows("You are now logged in as ida")
    screen.shows("SASL authentication successful")
    screen.shows("Welcome to the Parley network, ida!")


def test_weechat_comes_back_by_itself_after_a_kill_and_shows_what_was_missed(certs: Path, data: Path, weechat: WeeChat) -> None:
    with serving(certs, data, covered=False) as server, Client(server.port, server.ca, "ian", "#lobby") as ian:
        register(server, "ida")
        screen = weechat(f"localhost/{server.port}", server.ca, "-autojoin=#lobby", *plain_login("plain"))
        assert ian.until("JOIN").nick == "ida"
        ian.say("#lobby", "all is well")
        screen.shows(LOOK.said.format(nick="ian", text="all is well"))
        server.kill()
    say_while_nobody_looks(certs, data, f"while you were away {SNOW}")
    with serving(certs, data, listen=f"127.0.0.1:{server.port}", covered=False):
        screen.shows(LOOK.said.format(nick="ian", text=f"while you were away {SNOW}"))
