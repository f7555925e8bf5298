"""Bots: scripts, what they say and when, and that they cannot talk for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from client import events as e
from client.address import Address
from client.bot import run
from client.bot.brain import MOST_PLANNED, Brain, Saying
from client.bot.limits import MOST_REMEMBERED
from client.bot.script import BotScript, ScriptError, load
from client.errors import Trouble
from client.events import Kind
from tests.client.certificates import Authority
from tests.client.conftest import FAST
from tests.client.fake_server import PATIENCE, FakeServer, Waits

EXAMPLES = Path(run.__file__).parents[1] / "examples"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def bots(tmp_path: Path, text: str) -> list[BotScript]:
    file = tmp_path / "script.toml"
    file.write_text(text)
    return load(file)


def bot(tmp_path: Path, text: str) -> BotScript:
    return bots(tmp_path, '[[bot]]\nname = "robo"\n' + text)[0]


class Life:
    """A brain with a clock that tests turn."""

    def __init__(self, script: BotScript) -> None:
        self.name = script.name
        self.brain = Brain(script)
        self.now = 0.0

    def gets(self, event: e.Event) -> list[Saying]:
        return self.brain.handle(event, self.now, NOON + timedelta(seconds=self.now), self.name)

    def hears(self, text: str, nick: str = "bob", room: str = "#lobby") -> list[str]:
        return [s.text for s in self.gets(e.Said(room, nick, text))]

    def until(self, end: float) -> list[tuple[float, str]]:
        """What it says by itself up to `end`."""
        out = []
        while (due := self.brain.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            out += [(self.now, s.text) for s in self.brain.tick(self.now, NOON + timedelta(seconds=self.now))]
        self.now = end
        return out


def test_lines_by_the_clock(tmp_path: Path) -> None:
    life = Life(
        bot(
            tmp_path,
            """
            [[bot.line]]
            after = 5
            text = "once, in {room}, by {nick}"
            [[bot.line]]
            every = 10
            text = "again {n}"
            [[bot.line]]
            after = 1
            every = 100
            text = "both"
            [[bot.line]]
            at = "12:00:30"
            text = "half past"
            """,
        )
    )
    assert life.brain.deadline() is None
    assert life.gets(e.Joined("#lobby", "robo", own=True)) == []
    assert life.until(35) == [
        (1, "both"),
        (5, "once, in #lobby, by robo"),
        (10, "again 1"),
        (20, "again 2"),
        (30, "half past"),
        (30, "again 3"),
    ]
    life.gets(e.Joined("#lobby", "robo", own=True))
    assert life.until(45) == [(40, "again 4")], "a reconnect changes no timetable"
    assert [t for t, text in life.until(90_000) if text == "half past"] == [86_430]
    life.gets(e.Parted("#lobby", "robo", own=True))
    assert life.brain.deadline() is None


def test_replies(tmp_path: Path) -> None:
    life = Life(
        bot(
            tmp_path,
            r"""
            rooms = ["#lobby", "#dev"]
            [[bot.reply]]
            pattern = '^!say (?P<what>\w+)( loud)?'
            text = "{nick} in {room} says {what}{2} ({n}), {0}, {text}"
            cooldown = 2
            [[bot.reply]]
            where = "#DEV"
            pattern = "dev"
            text = "for developers"
            [[bot.reply]]
            where = "private"
            pattern = "x"
            text = "in private"
            [[bot.reply]]
            where = "rooms"
            pattern = "x"
            text = "in public {choice}"
            choices = ["{nick}"]
            after = 3
            jitter = 2
            """,
        )
    )
    assert life.hears("!say hi") == ["bob in #lobby says hi (1), !say hi, !say hi"]
    assert life.hears("!say hi") == [], "it has to cool down"
    life.now = 2
    assert life.hears("!say {nick}") == []
    assert life.hears("!say ho loud", "eve") == ["eve in #lobby says ho loud (2), !say ho loud, !say ho loud"]
    assert life.hears("dev") == []
    assert life.hears("dev", room="#dev") == ["for developers"]
    assert life.hears("x", room="bob") == ["in private"]
    assert life.hears("x") == []
    ((when, text),) = life.until(20)
    assert text == "in public bob"
    assert 5 <= when <= 7


def test_whom_it_never_answers(tmp_path: Path) -> None:
    life = Life(bot(tmp_path, '[[bot.reply]]\npattern = "."\ntext = "x"\ncooldown = 0'))
    assert life.gets(e.Said("#lobby", "robo", "hi", own=True)) == []
    assert life.gets(e.Said("#lobby", "ROBO", "hi")) == []
    assert life.gets(e.Said("#lobby", "bob", "hi", Kind.NOTICE)) == []
    assert life.gets(e.Said("#lobby", "bob", "hi", Kind.ACTION)) == []
    assert life.gets(e.Said("#lobby", "bob", "hi", replayed=True)) == []
    assert life.gets(e.Info("hi")) == []
    assert life.hears("hi") == ["x"]


def test_fields_in_what_others_say_stay_text(tmp_path: Path) -> None:
    life = Life(bot(tmp_path, "[[bot.reply]]\npattern = '.+'\ntext = '{text}'"))
    assert life.hears("{nick.__class__} {room} {n}") == ["{nick.__class__} {room} {n}"]


def test_greetings(tmp_path: Path) -> None:
    life = Life(bot(tmp_path, 'on_join = "Hello {nick}, you are guest {n}"'))
    assert [s.text for s in life.gets(e.Joined("#lobby", "bob"))] == ["Hello bob, you are guest 1"]
    assert life.gets(e.Joined("#lobby", "BOB")) == []
    assert [s.text for s in life.gets(e.Joined("#lobby", "eve"))] == ["Hello eve, you are guest 2"]
    life.now = 601
    assert [s.text for s in life.gets(e.Joined("#lobby", "bob"))] == ["Hello bob, you are guest 3"]


CHANCY = """
seed = 7
[[bot.line]]
every = 3
jitter = 2
chance = 0.5
text = ["a {choice}", "b {choice}"]
choices = ["1", "2", "3"]
[[bot.reply]]
pattern = "x"
chance = 0.5
cooldown = 0
text = ["yes", "no"]
"""


def test_a_seed_makes_chance_repeatable(tmp_path: Path) -> None:
    def story(script: BotScript) -> list[object]:
        life = Life(script)
        life.gets(e.Joined("#lobby", "robo", own=True))
        return [life.until(100), *[life.hears("x", f"n{i}") for i in range(30)], life.until(200)]

    first = story(bot(tmp_path, CHANCY))
    assert story(bot(tmp_path, CHANCY)) == first
    assert story(bot(tmp_path, CHANCY.replace("7", "8", 1))) != first
    assert [] in first[1:-1]
    assert ["yes"] in first
    assert ["no"] in first


def test_two_bots_that_answer_everything_stop(tmp_path: Path) -> None:
    text = '[[bot.reply]]\npattern = ".+"\ntext = "{text}!"\ncooldown = 0\n'
    ping, pong = (Life(bots(tmp_path, f'[[bot]]\nname = "{n}"\n{text}')[0]) for n in ("ping", "pong"))
    said, count = ["hello"], 0
    speaker, listener = ping, pong
    while said:
        count += 1
        listener.now = speaker.now = count * 0.1
        said = listener.hears(said[0], speaker.name)
        speaker, listener = listener, speaker
        assert count < 100, "an endless conversation"
    assert count == 2 * 12 + 1
    pong.now = ping.now = 1000
    assert pong.hears("again", "ping") == ["again!"], "after a rest it answers again"


def test_memory_is_bounded(tmp_path: Path) -> None:
    life = Life(bot(tmp_path, 'on_join = "hi {nick}"\n[[bot.reply]]\npattern = "."\ntext = "x"\ncooldown = 0\nafter = 1'))
    for i in range(MOST_REMEMBERED * 2):
        life.hears("x", f"n{i}")
        life.gets(e.Joined("#lobby", f"n{i}"))
    assert len(life.brain._turns) == MOST_REMEMBERED
    assert len(life.brain._cooling) == MOST_REMEMBERED
    assert len(life.until(10)) == MOST_PLANNED


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = ", "this is not TOML"),
        ("", "a script has at least one [[bot]]."),
        ("x = 1\n[[bot]]\nname='a'", "FILE, x: there is no such key."),
        ("bot = [1]", "FILE, bot 1: it has to be a table of keys and values."),
        ("[[bot]]", "FILE, bot 1, name: it has to be a nick"),
        ("[[bot]]\nname = 7", "FILE, bot 1, name: it has to be a name."),
        ("[[bot]]\nname = '7up'", "FILE, bot 1 (7up), name: it has to be a nick"),
        ("[bot]\nname = 'a'\nrooms = ['lobby']", "FILE, bot 1 (a), rooms: 'lobby' is no room, as #lobby is."),
        ("[bot]\nname = 'a'\nrooms = []", "rooms: it has to be a text, or a list of texts."),
        ("[bot]\nname = 'a'\naddress = 'a b'", "bot 1 (a), address: 'a b' is no server address"),
        ("[bot]\nname = 'a'\nseed = 'x'", "bot 1 (a), seed: it has to be a whole number."),
        ("[bot]\nname = 'a'\nseed = true", "bot 1 (a), seed: it has to be a whole number."),
        ("[bot]\nname = 'a'\naccount = 'a b'", "bot 1 (a), account: a name has no spaces."),
        ("[bot]\nname = 'a'\npassword_file = 'x'", "bot 1 (a), password_file: it is for an account"),
        ("[bot]\nname = 'a'\nanswers_bots = 1", "bot 1 (a), answers_bots: it has to be true or false."),
        ("[bot]\nname = 'a'\nturns = 0", "bot 1 (a), turns: it has to be from 1 to 1000."),
        ("[bot]\nname = 'a'\ncolour = 1", "bot 1 (a), colour: there is no such key."),
        ("[bot]\nname = 'a'\n[[bot.line]]\nevery = 5", "bot 1 (a), line 1, text: it has to be a text"),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'", "line 1, at, after, every: a line needs `at`, or"),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'\nat = '9:99'", "line 1, at: '9:99' is no time of day"),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'\nat = '09:00+01:00'", "line 1, at: it is this computer's time of day"),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'\nevery = 0", "line 1, every: it has to be from 1 to 1e+08."),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'\nafter = 1\nroom = '#dev'", "line 1, room: the bot is not in '#dev'"),
        (
            "[bot]\nname = 'a'\n[[bot.line]]\ntext = '{text}'\nafter = 1",
            "text: there is no {text}, only {choice}, {n}, {nick}, {room}, {time}.",
        ),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = '{choice}'\nafter = 1", "text: {choice} needs a list of choices."),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'\nafter = 1\nchoices = [1]", "choices: it has to be a text, or a list"),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'\nafter = 1\nchance = 2", "chance: it has to be from 0 to 1."),
        ("[bot]\nname = 'a'\n[[bot.line]]\ntext = 'x'\nafter = 1\nwhen = 2", "line 1, when: there is no such key."),
        ("[bot]\nname = 'a'\n[[bot.reply]]\ntext = 'x'", "reply 1, pattern: a reply needs one."),
        ("[bot]\nname = 'a'\n[[bot.reply]]\ntext = 'x'\npattern = '('", "reply 1, pattern: it is no regular expression"),
        ("[bot]\nname = 'a'\n[[bot.reply]]\ntext = 'x'\npattern = 'x'\nwhere = 'here'", "reply 1, where: the bot is not in 'here'"),
        (
            "[bot]\nname = 'a'\nrest = 5\n[[bot.reply]]\ntext = 'x'\npattern = 'x'\nafter = 5",
            "less than the bot's `rest` of 5 seconds",
        ),
    ],
)
def test_mistakes_name_file_bot_and_key(tmp_path: Path, text: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "script.toml"
    file.write_text(text)
    assert run.main([str(file), "--check"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(str(file))
    assert sentence.replace("FILE", str(file)) in said[0]


def test_other_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = tmp_path / "one.toml"
    one.write_text('[[bot]]\nname = "a"\n[[bot]]\nname = "A"')
    with pytest.raises(ScriptError, match="cannot be read"):
        load(tmp_path / "none.toml")
    for arguments in (["--check", str(one)], [str(one), "--address", ":"]):
        assert run.main(arguments) == 1
    one.write_bytes(b"\xff")
    assert run.main([str(one)]) == 1
    one.write_text('[[bot]]\nname = "a"')
    assert run.main([str(one), "--ca", "/nowhere"]) == 1
    said = capsys.readouterr().err
    assert "Two bots are called a" in said
    assert "/nowhere" in said


def test_the_examples_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--check", *map(str, sorted(EXAMPLES.glob("*.toml")))]) == 0
    assert capsys.readouterr().out == "4 bots: ada, bob, echo, greeter\n"


# --- on a server ---


@pytest.fixture
def running(server: FakeServer, ca: Path) -> Iterator[list[run.Running]]:
    out: list[run.Running] = []
    yield out
    for each in out:
        each.connection.stop()
        assert each.connection.join(PATIENCE)


def launch(server: FakeServer, ca: Path, running: list[run.Running], *scripts: BotScript) -> None:
    for script in scripts:
        running.append(run.start(script, Address("localhost", server.port), ca, FAST))
        Waits.until(lambda script=script: server.joined(script.name), script.name)  # type: ignore[misc]


def test_bots_on_a_server(
    server: FakeServer, ca: Path, running: list[run.Running], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    greeter = bots(tmp_path, '[[bot]]\nname = "greeter"\non_join = "Hello {nick}"')[0]
    echo = bot(tmp_path, '[[bot.line]]\nafter = 0.1\ntext = "tick"\n[[bot.reply]]\npattern = "^!echo (.+)"\ntext = "{1}"')
    server.speak("!echo history")
    launch(server, ca, running, greeter, echo)
    Waits.until(lambda: {"Hello robo", "tick"} <= set(server.said()), "a greeting and a tick")
    server.speak("!echo back")
    Waits.until(lambda: "back" in server.said(), "an answer")
    server.cut_all()
    Waits.until(lambda: server.joined("robo"), "robo again")
    assert "history" not in server.said()
    assert not running[0].driver.say("#lobby", "x\n" * 3000)
    running[0].connection.post(lambda: [running[0].driver.bot.say("#lobby", "x\n" * 30)].clear())
    log = ""

    def logged(text: str) -> bool:
        nonlocal log
        log += capsys.readouterr().err
        return text in log

    Waits.until(lambda: logged("too much was said in #lobby of late: a line was left out"), lambda: log)
    assert "robo: connected as robo\n" in log
    assert "robo: Connection lost; next try in" in log


def test_a_bot_waits_for_its_server(ca: Path, tmp_path: Path, authority: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeServer(authority.context("localhost")) as server:
        port = server.port
    one = run.start(bot(tmp_path, ""), Address("localhost", port), ca, FAST)
    log = ""

    def tried() -> bool:
        nonlocal log
        log += capsys.readouterr().err
        return "Next try in" in log

    Waits.until(tried, "a try")
    again = FakeServer(authority.context("localhost"), port=port)
    again.taken.add("robo")
    with again as server:
        Waits.until(lambda: server.joined("robo_"), "under another name, while its own is taken")
    one.connection.stop()
    assert one.connection.join(PATIENCE)


def test_a_name_that_the_server_refuses(server: FakeServer, ca: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "script.toml"
    file.write_text('[[bot]]\nname = "robo"')
    server.deaf.add("NICK")
    server.do(lambda: None)

    def refuse() -> None:
        for peer in server.peers:
            peer.send(":s 432 * robo :Erroneous nickname")

    def wait_and_refuse() -> None:
        Waits.until(lambda: any(m.command == "NICK" for m in server.seen))
        server.do(refuse)

    helper = threading.Thread(target=wait_and_refuse)
    helper.start()
    assert run.main([str(file), "--address", f"localhost:{server.port}", "--ca", str(ca)]) == 1
    helper.join()
    assert "robo: the server does not allow this name; change it in the script." in capsys.readouterr().err


def test_a_certificate_that_is_refused_ends_it(server: FakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Authority(tmp_path, "other")
    file = tmp_path / "script.toml"
    file.write_text(f'[[bot]]\nname = "robo"\naddress = "localhost:{server.port}"\nca = "{other.ca}"')
    assert run.main([str(file)]) == 1
    assert "robo: The certificate of localhost" in capsys.readouterr().err


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_a_goodbye(server: FakeServer, ca: Path, sign: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-m", "client.bot", *map(str, EXAMPLES.glob("*.toml"))]
    env = {**os.environ, "PARLEY_CA": str(ca), "PARLEY_ADDRESS": f"localhost:{server.port}"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=env) as process:
        for name in ("ada", "bob", "echo", "greeter"):
            Waits.until(lambda name=name: server.joined(name), name, 30)  # type: ignore[misc]
        process.send_signal(sign)
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert [m.command for m in server.seen].count("QUIT") == 4


def test_a_bot_with_an_account(tmp_path: Path, server: FakeServer, ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_PASSWORD", raising=False)
    address = Address("localhost", server.port)
    with pytest.raises(Trouble, match="robo: its account needs a password"):
        run.start(BotScript("robo", account="robo"), address, ca)
    (tmp_path / "pw").write_text("secret\n")
    bot = run.start(BotScript("robo", account="robo", password_file=str(tmp_path / "pw")), address, ca, FAST)
    assert bot.connection.join(PATIENCE), "the fake server offers no SASL"
    assert "offers no login with a password" in bot.failed
