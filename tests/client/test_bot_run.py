"""Python bots from files, and on a server: how they are started, found, stopped, and what is said when that goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from client import Bot, Call
from client import events as e
from client.address import Address
from client.bot import run
from client.bot.driver import Running
from client.bot.load import load_bots
from client.bot.script import ScriptError
from tests.client.conftest import FAST
from tests.client.fake_server import PATIENCE, FakeServer, Waits
from wire.message import Message

FIVE_LINES = """
from client import Bot
bot = Bot("{name}")
@bot.command("echo")
def echo(call):
    return call.text
bot.run()
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("PARLEY_ACCOUNT", "PARLEY_PASSWORD", "PARLEY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def running(server: FakeServer, ca: Path) -> Iterator[Callable[[Bot], Running]]:
    """Starts bots; they are in the lobby when they are given, and what is said from then on is no history to them."""
    out: list[Running] = []

    def start(bot: Bot) -> Running:
        out.append(run.start(bot, Address("localhost", server.port), ca, FAST))
        ready = threading.Event()
        bot.event(lambda event: ready.set() if isinstance(event, e.CaughtUp) else None)
        Waits.until(ready.is_set, bot.name)
        return out[-1]

    yield start
    for each in out:
        each.connection.stop()
        assert each.connection.join(PATIENCE)


def test_a_bot_on_a_server(server: FakeServer, running: Callable[[Bot], Running], tmp_path: Path) -> None:
    bot = Bot("robo")
    threads: set[str] = set()

    @bot.command("count", missed=True)
    def count(call: Call) -> str:
        threads.add(threading.current_thread().name)
        bot.state["count"] = bot.state.get("count", 0) + 1
        return f"{call.nick} {bot.state['count']}"

    server.speak("!count")
    running(bot)
    commands = [message for message in server.seen if message.command in ("MODE", "JOIN")]
    assert commands == [Message("MODE", ["robo", "+B"]), Message("JOIN", ["#lobby"])], (
        "who is greeted at its JOIN is known for a bot"
    )
    server.speak("!count")
    Waits.until(lambda: server.said() == ["zoe 1"], "an answer, and none to what was before")
    server.cut_all()
    server.speak("!count")
    Waits.until(lambda: server.said() == ["zoe 1", "zoe 2"], "an answer to what was said meanwhile")
    bot.post(lambda: threads.add(threading.current_thread().name))
    bot.post(lambda: int("x"))
    bot.post(lambda: bot.say("zoe", "posted"))
    Waits.until(lambda: "posted" in server.said(), "what another thread left")
    assert len(threads) == 1
    assert (tmp_path / "state" / "parley" / "bots" / "robo.json").read_text() == '{\n "count": 2\n}'


def test_it_leaves_when_it_wants_to(server: FakeServer, ca: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot = Bot("robo", address=f"localhost:{server.port}", ca=str(ca))

    @bot.ready
    def begin() -> None:
        bot.after(0.1, bot.stop)

    assert bot.run() == 0
    assert server.seen[-1].command == "QUIT"
    assert "robo: connected as robo\n" in capsys.readouterr().err


def test_its_own_command_line(server: FakeServer, ca: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot = Bot("robo")
    bot.ready(bot.stop)
    assert bot.main(["--address", f"localhost:{server.port}", "--ca", str(ca), "--name", "robo2"]) == 0
    assert "robo2: connected as robo2\n" in capsys.readouterr().err
    assert bot.main(["--check"]) == 0
    assert capsys.readouterr().out == "1 bot: robo2\n"
    assert bot.main(["--name", "7up"]) == 1
    assert bot.main(["--address", ":"]) == 1
    assert Bot("robo", account="grace").run() == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("'7up' is no name for a bot")
    assert said[2] == "robo: its account needs a password: in `password_file`, or in $PARLEY_PASSWORD."


def test_a_file_with_bots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.toml"
    (tmp_path / "beside_it.py").write_text("NAME = 'robo'")
    one.write_text("from beside_it import NAME\n" + FIVE_LINES.replace('"{name}"', "NAME") + "same = bot\nother = Bot('more')\n")
    two.write_text('[[bot]]\nname = "greeter"')
    assert run.main([str(one), str(two), "--check"]) == 0, "`run` does nothing while a file is read"
    assert capsys.readouterr().out == "3 bots: robo, more, greeter\n"
    two.write_text('[[bot]]\nname = "ROBO"')
    assert run.main([str(one), str(two), "--check"]) == 1
    assert capsys.readouterr().err == "Two bots are called robo: give one of them another name.\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "FILE: there is no such file."),
        ("", "FILE: a bot's file has a Bot at its top level: bot = Bot(...)."),
        ("x = 1\nx.y", "FILE, line 2: AttributeError: 'int' object has no attribute 'y'"),
        ("x = (", "FILE, line 1: SyntaxError: '(' was never closed"),
        ("import nowhere_to_be_found", "FILE, line 1: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("import sys\n\nsys.exit(3)", "FILE, line 3: SystemExit: 3"),
        ("from client import Bot\nBot('7up')", "FILE, line 2: ValueError: '7up' is no name for a bot"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str | None, sentence: str) -> None:
    file = tmp_path / "robo.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ScriptError) as caught:
        load_bots(file)
    assert str(caught.value).startswith(sentence.replace("FILE", str(file)))
