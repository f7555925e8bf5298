"""The example bots: what they do, without a network; and on a real server, killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from client import Bot
from client import events as e
from client.address import Address
from client.bot import run
from client.bot.load import load_bots
from client.bot.testing import Harness
from client.irc import IrcProtocol
from tests.client.conftest import FAST, Person
from tests.client.fake_server import PATIENCE
from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.process import ServerProcess, make_certificates, serving

EXAMPLES = Path(run.__file__).parents[1] / "examples"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def example(name: str) -> Bot:
    """A bot of its own, as a file makes it."""
    return load_bots(EXAMPLES / f"{name}.py")[0]


def test_a_poll() -> None:
    room = Harness(example("poll"))
    opened = ["Lunch? 1 soup, 2 salad: !vote NUMBER, in the next 10 minutes."]
    assert room.says("ann", "!results") == ["There is no poll here: !poll question? a, b, c"]
    assert room.says("bob", "!vote 1") == ["There is no poll in #lobby."]
    assert room.says("ann", "!poll Lunch? soup, salad, soup,") == opened
    assert room.says("bob", "!vote 2") == []
    assert room.says("eve", "!vote 2", account="eve") == []
    assert room.says("eve_", "!vote 1", account="EVE") == [], "the same account votes again"
    assert room.says("bob", "!vote 1") == []
    for wrong in ("0", "3", "x", "", "²", "99999"):
        assert room.says("mallory", f"!vote {wrong}") == ["mallory: a number from 1 to 2."]
    room.wait(5)
    assert room.says("ann", "!results") == ["Lunch? soup 2, salad 0 (2 votes, closes in 10 minutes)"]
    assert room.says("bob", "!poll More? a, b") == ["One poll at a time. Lunch? soup 2, salad 0 (2 votes, closes in 10 minutes)"]
    assert room.whispers("ann", "vote 2") == ["Tell me where: vote #room NUMBER"]
    assert room.whispers("ann", "vote #LOBBY 2") == ["Counted: salad"]
    assert room.wait(594) == []
    assert room.wait(2) == ["The poll is over. Lunch? soup 2, salad 1 (3 votes)"]
    assert room.says("ann", "!poll Lunch? soup, salad") == opened, "another one can begin"
    assert room.says("eve", "!close") == ["eve: there is no poll of yours here."]
    assert room.says("ann", "!close") == ["The poll is over. Lunch? soup 0, salad 0 (0 votes)"]
    assert dict(room.bot.state) == {}
    assert room.wait(1000) == []


@pytest.mark.parametrize("text", ["", "Lunch", "Lunch?", "Lunch? soup", "Lunch? a,b,c,d,e,f,g,h,i,j,k", f"{'x' * 200}? a, b"])
def test_what_is_no_poll(text: str) -> None:
    assert Harness(example("poll")).says("ann", f"!poll {text}") == [
        "ann: a question, and 2 to 10 choices, as in !poll Tea? black, green, none"
    ]


def test_polls_outlive_restarts_and_lost_connections(tmp_path: Path) -> None:
    path = tmp_path / "poll.json"
    room = Harness(example("poll"), state=path)
    room.says("ann", "!poll Lunch? soup, salad")
    assert room.away(lambda: room.says("bob", "!vote 2", replayed=True)) == []
    room.wait(1)
    again = Harness(example("poll"), state=path, today=NOON + timedelta(minutes=4))
    assert again.says("ann", "!results") == ["Lunch? salad 1, soup 0 (1 vote, closes in 6 minutes)"]
    again.takes = False
    assert again.wait(361) == [], "the room has heard too much: it is tried again"
    again.takes = True
    assert again.wait(10) == ["The poll is over. Lunch? salad 1, soup 0 (1 vote)"]
    room.wait(1)
    late = Harness(example("poll"), state=tmp_path / "other.json", today=NOON)
    late.says("ann", "!poll Lunch? soup, salad")
    after = Harness(example("poll"), state=tmp_path / "other.json", today=NOON + timedelta(days=1))
    assert after.wait(0) == ["The poll is over. Lunch? soup 0, salad 0 (0 votes)"]


def test_votes_are_bounded() -> None:
    room = Harness(example("poll"))
    room.says("ann", "!poll Lunch? soup, salad")
    room.bot.state["#lobby"]["votes"] = {f"nick n{i}": 1 for i in range(5000)}
    assert room.says("bob", "!vote 2") == ["No more votes are counted."]
    assert room.says("n1", "!vote 2") == []
    assert room.bot.state["#lobby"]["votes"]["nick n1"] == 2


def stored(room: Harness) -> list[str]:
    """The server echoes all that was said last."""
    last = room.said[-1]
    return room.gets(e.Said(last.room, room.nick, last.text, own=True))


def test_reminders() -> None:
    room = Harness(example("reminder"))
    assert room.says("ann", "!remind me in 10m look  at the oven") == ["ann: reminder 1, at 12:10."]
    assert room.says("ann", "!remind #LOBBY at 12:00:30 stand-up") == ["ann: reminder 2, at 12:00."]
    assert room.says("bob", "!remind me 1d2h3m4s x") == ["bob: reminder 3, on 2 March at 14:03."]
    assert room.whispers("ann", "reminders") == ["ann: 1: at 12:10 look at the oven; 2: at 12:00 #LOBBY stand-up"]
    assert room.says("ann", "!reminders") == ["ann: 1: at 12:10; 2: at 12:00 #LOBBY"], "what it is about is theirs"
    assert room.whispers("eve", "reminders") == ["eve: none"]
    assert room.says("ann", "!forget 3") == ["ann: you have no reminder '3'; !reminders lists yours."]
    assert room.says("bob", "!forget #3") == ["bob: forgotten."]
    assert room.wait(31) == ["ann: stand-up"]
    assert room.said[-1].room == "#LOBBY"
    assert stored(room) == []
    assert room.wait(600) == ["ann: look at the oven"]
    assert room.said[-1].room == "ann"
    assert stored(room) == []
    assert room.says("ann", "!reminders") == ["ann: none"]
    assert room.wait(200_000) == []


def test_what_is_no_reminder() -> None:
    room = Harness(example("reminder"))
    for text in ("", "me", "you in 10m x"):
        (answer,) = room.says("ann", f"!remind {text}")
        assert answer.startswith("ann: !remind me|#room in "), text
        room.wait(61)
    for when in ("in 0m", "in soon", "at 25:00", "in 9999d", "in 10", "at 12:00+01:00"):
        (answer,) = room.says("bob", f"!remind me {when} x")
        assert "is no time" in answer, when
    assert room.says("eve", "!remind #dev in 10m x") == ["eve: I am not in #dev, only in #lobby."]
    assert room.says("eve", f"!remind me in 1m {'ü' * 121}") == ["eve: that is too long to be said at once."]
    for number in range(20):
        room.wait(61)
        assert room.says("eve", f"!remind me in 9d {number}") == [
            f"eve: reminder {number + 1}, on 10 March at {room.bot.now():%H:%M}."
        ]
    assert room.says("eve", "!remind me in 9d x") == ["eve: that is too many; !reminders lists yours, !forget NUMBER drops one."]


def test_reminders_outlive_restarts(tmp_path: Path) -> None:
    path = tmp_path / "reminder.json"
    room = Harness(example("reminder"), state=path)
    room.says("ann", "!remind me in 10m oven")
    room.wait(1)
    late = Harness(example("reminder"), state=path, today=NOON + timedelta(hours=2))
    said = "ann: oven (this was due at 12:10, when I was away)"
    assert late.wait(0) == [said]
    assert json.loads(path.read_text())["reminders"], "it may not have arrived yet"
    assert late.gets(e.NotSent("ann", said, "No such nick")) == []
    assert late.joins("bob") == []
    assert late.joins("Ann") == [said], "they were not there, and are now"
    assert late.joins("ann") == [], "it is on its way"
    assert stored(late) == []
    late.wait(1)
    assert json.loads(path.read_text())["reminders"] == {}
    assert Harness(example("reminder"), state=path, today=NOON + timedelta(hours=3)).wait(0) == []


def test_a_reminder_that_cannot_be_said_is_said_later() -> None:
    room = Harness(example("reminder"))
    room.says("ann", "!remind me in 30s oven")
    room.says("ann", "!remind me in 31s cake")
    room.takes = False
    assert room.wait(35) == []
    room.takes = True
    room.says("ann", "!forget 2")
    assert room.wait(20) == ["ann: oven"]


# --- on a real server ---


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("bots") / "certs")


@pytest.fixture
def real(certificates: Path, tmp_path: Path) -> Iterator[ServerProcess]:
    """One for each test: what happened in another would be history."""
    with serving(certificates, tmp_path / "data", "--limits", "off", covered=False) as server:
        yield server


@pytest.fixture
def started(real: ServerProcess, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the examples as a process; each one is killed at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        files = [str(EXAMPLES / f"{name}.py") for name in ("poll", "reminder")]
        command = [sys.executable, "-W", "error", "-m", "client.bot", *files, "--address", f"localhost:{real.port}"]
        env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "PARLEY_CA": str(real.ca)}
        with (tmp_path / "log").open("ab") as log:
            processes.append(subprocess.Popen(command, env=env, stderr=log))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait(PATIENCE)


@pytest.fixture
def ann(real: ServerProcess) -> Iterator[Person]:
    person = Person(real.port, real.ca, IrcProtocol("ann", ["#lobby"]))
    person.connection.start()
    person.sees("in #lobby: ann")
    yield person
    person.connection.stop()
    assert person.connection.join(PATIENCE)


def test_votes_while_the_connection_is_lost(
    real: ServerProcess, ann: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with CuttingProxy(("127.0.0.1", real.port), lambda: (1 << 30, 1 << 30)) as network:
        one = run.start(example("poll"), Address("localhost", network.port), real.ca, FAST)
        ann.sees("poll joined #lobby")
        ann.types("!poll Lunch? soup, salad")
        ann.sees("<poll> Lunch? 1 soup, 2 salad: !vote NUMBER")
        network.hold(True)
        ann.sees("poll is gone")
        ann.types("!vote 2")
        ann.types("!poll Tea? green, black")
        ann.sees("<ann> !poll Tea?")
        network.hold(False)
        ann.sees("poll joined #lobby", 2)
        ann.types("!results")
        ann.sees("<poll> Lunch? salad 1, soup 0 (1 vote, closes in 10 minutes)")
        one.connection.stop()
        assert one.connection.join(PATIENCE)
    assert "One poll at a time" not in ann.screen.text(), "nobody waits for an answer to that"
    ann.sees("poll is gone", 2)


def test_on_a_real_server_killed_and_started_again(
    ann: Person, started: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    first = started()
    ann.sees("poll joined #lobby")
    ann.sees("reminder joined #lobby")
    ann.types("!poll Lunch? soup, salad")
    ann.sees("<poll> Lunch? 1 soup, 2 salad: !vote NUMBER")
    ann.types("!vote 2")
    ann.types("!remind #lobby in 1s stand-up")
    ann.sees("<reminder> ann: reminder 1")
    ann.sees("<reminder> ann: stand-up")
    ann.types("!remind me in 2h water the plants")
    ann.sees("<reminder> ann: reminder 2")
    ann.types("!results")
    ann.sees("<poll> Lunch? salad 1, soup 0 (1 vote, closes in 10 minutes)")
    first.kill()
    first.wait(PATIENCE)
    ann.sees("poll is gone")
    file = tmp_path / "parley" / "bots" / "reminder.json"
    data = json.loads(file.read_text())
    data["reminders"]["2"]["due"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    file.write_text(json.dumps(data))
    second = started()
    ann.sees("[reminder] <reminder> ann: water the plants (this was due ")
    ann.sees("poll joined #lobby", 2)
    ann.types("!vote 1")
    ann.types("!close")
    ann.sees("<poll> The poll is over. Lunch? soup 1, salad 0 (1 vote)")
    second.terminate()
    assert second.wait(PATIENCE) == 0
    log = (tmp_path / "log").read_text()
    assert "failed" not in log, log
    assert "Traceback" not in log, log
    ann.sees("poll is gone", 2)
