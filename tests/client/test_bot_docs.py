"""What docs/bots.md shows is what works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from client import Bot
from client.bot.load import load_bots
from client.bot.testing import Harness
from tests.client.fake_server import PATIENCE, FakeServer, Waits

PAGE = (Path(__file__).parents[2] / "docs" / "bots.md").read_text()


def block(beginning: str) -> str:
    """The indented block of the page that begins with these words."""
    found = re.search(rf"(?m)^    {re.escape(beginning)}.*\n(?:(?:    .*)?\n)*", PAGE)
    assert found is not None, beginning
    return textwrap.dedent(found[0]).strip() + "\n"


def bot_of(tmp_path: Path, code: str) -> Bot:
    file = tmp_path / "shown.py"
    file.write_text(code)
    return load_bots(file)[0]


PREAMBLE = "import random\nfrom client import Bot, Call, Join, Message\nfrom client.events import Event\nbot = Bot('robo')\n"


def test_the_first_bot(tmp_path: Path) -> None:
    assert len(block("from client import Bot\n").splitlines()) == 5
    assert Harness(bot_of(tmp_path, block("from client import Bot\n"))).says("ann", "!hello") == ["Hello ann!"]


def test_the_handlers(tmp_path: Path) -> None:
    code = PREAMBLE + block('@bot.message(r"(?i)').replace("...", "pass")
    code += block('@bot.command("roll"') + block('@bot.command("vote"').replace("...", "pass")
    room = Harness(bot_of(tmp_path, code))
    assert room.joins("bob") == ["Welcome to #lobby, bob!"]
    (rolled,) = room.says("ann", "!roll 20")
    assert re.fullmatch(r"ann rolls \d+", rolled)
    assert room.says("ann", "!help") == ["!roll SIDES · !vote"]
    assert room.wait(100_000) == ["A minute has passed."]


def test_karma_and_its_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shown_karma.py").write_text(PREAMBLE + block('@bot.command("karma")'))
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict[str, object] = {}
    exec(block("from client.bot.testing import Harness").replace("from karma", "from shown_karma"), names)
    test = names["test_karma"]
    assert callable(test)
    test(tmp_path)


def test_rights_by_account(tmp_path: Path) -> None:
    room = Harness(bot_of(tmp_path, PREAMBLE + block("ADMINS = ")))
    room.whispers("grace", "quit")
    room.whispers("eve", "quit", account="eve")
    assert not room.stopped
    room.whispers("someone", "quit", account="Grace")
    assert room.stopped


@pytest.mark.skipif(shutil.which("bash") is None, reason="the example is for bash")
def test_a_bot_in_a_shell(server: FakeServer, ca: Path, tmp_path: Path) -> None:
    script = tmp_path / "dice"
    script.write_text(block("#!/usr/bin/env bash").replace(".venv/bin/python", sys.executable))
    env = {**os.environ, "PARLEY_CA": str(ca), "PARLEY_ADDRESS": f"localhost:{server.port}"}
    with subprocess.Popen(["bash", str(script)], env=env, stderr=subprocess.PIPE) as shell:
        Waits.until(lambda: any(m.command == "CHATHISTORY" for m in server.seen), "it listens")
        server.speak("!roll")
        Waits.until(lambda: server.said(), "it answers")
        assert re.fullmatch("zoe rolls [1-6]", server.said()[0])
        shell.kill()
        Waits.until(lambda: server.seen[-1].command == "QUIT", "its other half leaves too")
        assert shell.wait(PATIENCE) != 0


def test_what_another_thread_finds_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"import threading, urllib.request\nURL = {(tmp_path / 'sky').as_uri()!r}\n{PREAMBLE}"
    (tmp_path / "sky").write_text("sunny")
    bot = bot_of(tmp_path, code + block('@bot.command("weather")'))
    room = Harness(bot)
    room.says("ann", "!weather")  # the thread may be quick, or not
    Waits.until(lambda: room.heard("#lobby"), "what the thread left")
    assert room.heard("#lobby") == ["sunny"]
    assert room.logged == []
