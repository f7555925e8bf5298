"""Our full-screen client in a terminal, against our server: it talks, scrolls back, loses the server, comes back, and ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conversation import say_while_nobody_looks
from tests.e2e.irc import FULL, Client
from tests.e2e.process import ServerProcess, eventually, serving
from tests.e2e.screen import Screen

pytestmark = [
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux, to see what is shown, is not installed (apt install tmux)"),
]

SMALL, LARGE = (80, 24), (160, 50)
LINES = "draft/multiline"
CAPS = (*FULL, LINES)
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
            (tmp_path / "config" / "parley").mkdir(parents=True, exist_ok=True)
            row = {
                "address": f"localhost:{server.port}",
                "last_used": "2026-01-01T00:00:00+00:00",
                "told": ["accounts"],
            }  # no offer
            (tmp_path / "config" / "parley" / "servers.json").write_text(json.dumps({"servers": [row]}))
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
        screen.key("M-1")  # rooms have numbers, in the order of joining
        screen.shows("message to #lobby")
        ian.say("#dev", "one", "two", "three")
        screen.shows(r"#dev +3\b")
        screen.key("C-q")
        assert ian.until("QUIT").nick == name
        assert screen.ended() == 0


def test_what_is_pasted_is_one_message(server: ServerProcess, full_screen: FullScreen) -> None:
    with Client(server.port, server.ca, "ian", "#paste", caps=CAPS) as ian:
        screen = full_screen(server, "pat", SMALL, "--room", "#paste")
        ian.until("JOIN")
        screen.shows("message to #paste")
        screen.paste("one\n  two\n\nthree")
        screen.shows("three")
        screen.key("Enter")
        opened = ian.until("BATCH")
        assert opened.params[1] == LINES
        heard = [ian.until("PRIVMSG").text for _ in range(4)]
        assert heard == ["one", "  two", "", "three"]
        assert ian.until("BATCH").params == [f"-{opened.params[0][1:]}"]


def test_answers_reactions_help_and_commands(server: ServerProcess, full_screen: FullScreen) -> None:
    with Client(server.port, server.ca, "ian", "#keys", caps=CAPS) as ian:
        screen = full_screen(server, "kay", SMALL, "--room", "#keys")
        ian.until("JOIN")
        ian.say("#keys", "shall we?")
        asked = ian.until("PRIVMSG").msgid
        screen.shows("shall we")
        screen.key("M-Up")
        screen.key("r")
        screen.shows("replying to ian: shall we")
        screen.enter("we shall")
        assert ian.until("PRIVMSG").tags["+draft/reply"] == asked
        screen.shows("╭ ian: shall we")
        screen.key("M-Up")
        screen.key("M-Up")
        screen.key("e")
        screen.shows("a number, an emoji")
        screen.key("1")
        assert ian.until("TAGMSG", where=lambda line: "+draft/react" in line.tags).tags["+draft/reply"] == asked
        screen.shows("👍 1")
        screen.key("F1")
        screen.shows("Keys and commands")
        screen.key("Escape")
        screen.hides("Keys and commands")
        screen.enter("/me waves")
        assert ian.until("PRIVMSG").text == "\x01ACTION waves\x01"
        screen.shows(r"\* kay +waves")
        screen.enter("/part", "/nonsense")
        assert ian.until("PART").nick == "kay"
        screen.shows("nonsense")


def test_scrolling_back_through_5000_messages(certs: Path, data: Path, full_screen: FullScreen) -> None:
    with serving(certs, data, *OPTIONS, covered=False) as server, Client(server.port, server.ca, "ian", "#lobby") as ian:
        for begin in range(0, 5000, 500):
            ian.say("#lobby", *[f"message {number} of many" for number in range(begin, begin + 500)])
            ian.ping()
        screen = full_screen(server, "ada", LARGE)
        screen.shows("message 4999 of many")
        for _ in range(1000):
            for _ in range(5):
                screen.key("PPage")
            if "the conversation begins here" in screen.text():
                break
        screen.shows("the conversation begins here")
        screen.shows("message 0 of many")
        assert "message 1 of many" in screen.text()
        screen.key("C-End")
        screen.shows("message 4999 of many")


@pytest.mark.parametrize("seconds", [0.0, pytest.param(10.0, marks=pytest.mark.soak)])
def test_a_server_that_is_killed_and_comes_back(certs: Path, data: Path, full_screen: FullScreen, seconds: float) -> None:
    with serving(certs, data, *OPTIONS, covered=False) as server, Client(server.port, server.ca, "ian", "#lobby") as ian:
        screen = full_screen(server)
        screen.shows("message to #lobby")
        screen.enter("before")
        ian.until_text("before")
        screen.shows(said("ada", "before"))
        server.kill()
    screen.shows("lost|connecting to")
    screen.enter("first while away", "second while away")
    screen.shows("… first while away")
    time.sleep(seconds)  # not waited for: so long it is gone
    say_while_nobody_looks(certs, data, "meanwhile")
    with serving(certs, data, *OPTIONS, listen=f"127.0.0.1:{server.port}", covered=False) as again:
        with Client(again.port, again.ca, "bob", "#lobby", caps=FULL) as bob:
            eventually(lambda: "ada" in bob.names("#lobby"), "ada is back")
            bob.say("#lobby", "welcome back")
            screen.shows("welcome back")
            eventually(lambda: said_by("ada", bob) == ["before", "first while away", "second while away"], "all of it, once")
        screen.hides("… ")  # nothing waits any more
        text = screen.text()
        order = [text.index(each) for each in ("before", "meanwhile", "first while away", "second while away")]
        assert order == sorted(order), text
        assert all(text.count(each) == 1 for each in ("before", "meanwhile", "first while away", "second while away")), text
        screen.key("C-q")
        assert screen.ended() == 0


def said_by(nick: str, reader: Client) -> list[str]:
    """What the room's history has of somebody."""
    return [line.text for line in reader.history("#lobby") if line.nick == nick and line.command == "PRIVMSG"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_well(server: ServerProcess, full_screen: FullScreen, how: signal.Signals) -> None:
    with Client(server.port, server.ca, "ian", "#ends") as ian:
        screen = full_screen(server, "eve", SMALL, "--room", "#ends")
        ian.until("JOIN")
        screen.shows("message to #ends")
        os.kill(screen.pid, how)
        assert ian.until("QUIT").nick == "eve"
        assert screen.ended() == 0
        assert "#ends" not in screen.text(), "the terminal is as it was before"


def test_it_ends_with_its_terminal(server: ServerProcess, full_screen: FullScreen) -> None:
    with Client(server.port, server.ca, "ian", "#gone") as ian:
        screen = full_screen(server, "gus", SMALL, "--room", "#gone")
        ian.until("JOIN")
        screen.shows("message to #gone")
        status = Path(f"/proc/{screen.pid}/stat")
        screen.hang_up()
        assert ian.until("QUIT").nick == "gus"
        eventually(lambda: not status.exists() or ") Z " in status.read_text(), "the process has ended")
