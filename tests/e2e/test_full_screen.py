"""Our full-screen client in a terminal, against our server: joins, talks, scrolls back, loses the server, comes back, ends."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.irc import FULL, Client
from tests.e2e.process import ServerProcess, serving
from tests.e2e.screen import Screen

pytestmark = [
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux, to see what is shown, is not installed (apt install tmux)"),
]

SMALL, LARGE = (80, 24), (160, 50)
LINES = "draft/multiline"
CAPS = (*FULL, LINES, "draft/reply")
OPTIONS = ("--limits", "off")

FullScreen = Callable[..., Screen]


@pytest.fixture(scope="module")
def server(certs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(certs, tmp_path_factory.mktemp("full") / "data", *OPTIONS, covered=False) as running:
        yield running


@pytest.fixture
def full_screen(tmp_path: Path) -> Iterator[FullScreen]:
    """`full_screen(server, name, size)`: the client, on its way into #lobby."""
    with ExitStack() as stack:

        def start(server: ServerProcess, name: str = "ada", size: tuple[int, int] = SMALL, *options: str) -> Screen:
            env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
            command = [sys.executable, "-m", "client", f"localhost:{server.port}", "--ca", str(server.ca), "--name", name, *options]
            return stack.enter_context(Screen(command, env, size))

        yield start


def said(nick: str, text: str) -> str:
    """A message on the screen, under its name."""
    return rf"\b{nick}\b.* {text}"


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_conversation(server: ServerProcess, full_screen: FullScreen, size: tuple[int, int]) -> None:
    name = f"ada{size[0]}"
    with Client(server.port, server.ca, "ian", "#lobby", "#dev", caps=CAPS) as ian:
        screen = full_screen(server, name, size)
        assert ian.until("JOIN").nick == name
        screen.shows(r"message to #lobby")
        screen.enter("hello ian ☃ 雪")
        assert ian.until("PRIVMSG").text == "hello ian ☃ 雪"
        screen.shows(said(name, "hello ian ☃ 雪"))
        ian.say("#lobby", "hello yourself")
        screen.shows(said("ian", "hello yourself"))
        screen.enter("/join #dev")
        assert ian.until("JOIN", where=lambda line: line.params[0] == "#dev").nick == name
        screen.shows("message to #dev")
        screen.key("M-2")  # rooms are listed by name
        screen.shows("message to #lobby")
        ian.say("#dev", "one", "two", "three")
        screen.shows(r"#dev +3\b")
        screen.key("C-q")
        assert ian.until("QUIT").nick == name
        assert screen.ended() == 0
