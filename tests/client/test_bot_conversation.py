"""The two that `make run` and `docker compose up` start: they live when somebody is there, and are silent when nobody is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.bot import run
from client.bot.script import BotScript, load
from client.bot.scripted import scripted
from client.bot.testing import Harness

EXAMPLES = Path(run.__file__).parents[1] / "examples"


class Lobby:
    """The example's bots in one room: what one says, the others hear, marked as a bot's."""

    def __init__(self, scripts: list[BotScript]) -> None:
        self.bots = {script.name: Harness(scripted(script)) for script in scripts}
        self._heard = dict.fromkeys(self.bots, 0)

    def joins(self, nick: str) -> list[str]:
        for bot in self.bots.values():
            bot.joins(nick)
        return self.passes(5)

    def says(self, nick: str, text: str) -> list[str]:
        for bot in self.bots.values():
            bot.says(nick, text)
        return self.passes(5)

    def passes(self, seconds: int) -> list[str]:
        """What the bots say, each line with who says it."""
        out: list[str] = []
        for _ in range(seconds):
            for bot in self.bots.values():
                bot.wait(1)
            for name, text in list(self._news()):
                out.append(f"{name}: {text}")
                for bot in self.bots.values():
                    if bot.nick != name:
                        bot.says(name, text, bot=True)
        return out

    def _news(self) -> Iterator[tuple[str, str]]:
        for name, bot in self.bots.items():
            new = bot.said[self._heard[name] :]
            self._heard[name] = len(bot.said)
            yield from ((name, heard.text) for heard in new)


@pytest.fixture
def lobby() -> Lobby:
    return Lobby(load(EXAMPLES / "conversation.toml"))


def test_nobody_there_is_nothing_said(lobby: Lobby) -> None:
    assert lobby.passes(1) == []
    assert lobby.bots["ada"].wait(30 * 24 * 3600) == []
    assert lobby.bots["bob"].wait(30 * 24 * 3600) == []


def test_who_comes_is_greeted_once(lobby: Lobby) -> None:
    (said,) = lobby.joins("grace")
    assert said.startswith("ada: Welcome, grace!")
    assert lobby.joins("grace") == []
    assert lobby.joins("eve") != []
    for bot in lobby.bots.values():
        assert bot.joins("echo", bot=True) == []


def test_a_crowd_is_not_greeted_one_by_one(lobby: Lobby) -> None:
    ada = lobby.bots["ada"]
    for number in range(500):
        ada.joins(f"n{number}")
    assert len(ada.said) == 1


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("hello", {"ada", "bob"}),
        ("Hi everybody!", {"ada", "bob"}),
        ("hello ada", {"ada"}),
        ("bob: hi", {"bob"}),
        ("!help", {"ada"}),
        ("!time", {"ada"}),
        ("what is the time?", {"ada"}),
        ("how does this work?", {"ada"}),
        ("ada, are you a bot?", {"ada"}),
        ("anybody here?", {"ada"}),
        ("ada: fine weather", {"ada"}),
        ("thanks ada", {"ada"}),
        ("bye", {"ada"}),
        ("!roll", {"bob"}),
        ("!flip", {"bob"}),
        ("bob, shall I stay?", {"bob"}),
        ("and you, bob?", {"bob"}),
        ("bob!", {"bob"}),
        ("thank you, bob", {"bob"}),
        ("I had soup today.", set()),
        ("hello grace", set()),
        ("eve: are you coming?", set()),
    ],
)
def test_who_answers_what(lobby: Lobby, text: str, answers: set[str]) -> None:
    said = lobby.says("grace", text)
    assert {line.partition(":")[0] for line in said} == answers, said
    assert len(said) == len(answers)
    assert lobby.passes(60) == [], "nor does one bot answer the other"


def test_what_the_time_is(lobby: Lobby) -> None:
    assert lobby.says("grace", "!time") == ["ada: grace: it is 12:00 UTC."]


def test_in_private_each_answers_for_itself(lobby: Lobby) -> None:
    ada, bob = lobby.bots["ada"], lobby.bots["bob"]
    assert [*ada.whispers("grace", "x"), *ada.wait(5)] == ["I hear you, grace. !help says what I know."]
    assert [*bob.whispers("grace", "x"), *bob.wait(5)] == ["I only throw dice, grace: !roll, or !flip."]


def test_all_that_help_lists_is_there(lobby: Lobby) -> None:
    (listed,) = lobby.says("grace", "!help")
    for command in re.findall("![a-z]+", listed):
        assert lobby.says("eve", command), command


def test_a_long_line_made_to_keep_a_pattern_busy_does_not(lobby: Lobby) -> None:
    """Each takes milliseconds; a pattern that tries again for each character would take minutes, past the test's deadline."""
    for text in ("hello" + "!" * 40_000 + "x", "?" * 40_000 + "x", "thanks " * 6000, "ada " * 9000 + "x", "\n" * 40_000 + "x"):
        assert len(lobby.says("grace", text)) < 3


def test_a_script_answers_other_bots_where_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "robo.toml"
    text = '[[bot]]\nname = "robo"\non_join = "Hello {nick}"\n[[bot.reply]]\npattern = "x"\ntext = "y"\n'
    for more, answers in (("", False), ("answers_bots = true", True)):
        file.write_text(text.replace("on_join", f"{more}\non_join"))
        room = Harness(scripted(load(file)[0]))
        assert room.joins("eve", bot=True) == ["Hello eve"] * answers
        assert room.says("eve", "x", bot=True) == ["y"] * answers
        assert room.says("ann", "x", bot=False) == ([] if answers else ["y"]), "its cooldown"
