"""What a bot remembers: whole, whenever it is killed; and what becomes of a file that is no use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import Bot, Call, Message
from client.bot import state as module
from client.bot.state import PAUSE, State
from client.bot.testing import Harness

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


class Kept:
    """A state on a file, and its log."""

    def __init__(self, path: Path | None) -> None:
        self.log: list[str] = []
        self.state = State()
        self.state.open(path, self.log.append)


@settings(max_examples=30, deadline=None)
@given(data=st.dictionaries(st.text(), JSON, max_size=4))
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "kept" / "state.json"
    first = Kept(path)
    first.state.clear()
    first.state.update(data)
    first.state.keep(0.0, at_once=True)
    second = Kept(path)
    assert (dict(second.state), first.log, second.log) == (data, [], [])


def test_it_is_a_dictionary(tmp_path: Path) -> None:
    kept = Kept(None)
    kept.state["a"] = 1
    assert (dict(kept.state), len(kept.state), "a" in kept.state, repr(kept.state)) == ({"a": 1}, 1, True, "State({'a': 1})")
    del kept.state["a"]
    assert not kept.state
    with pytest.raises(TypeError, match="strings, not int"):
        kept.state[1] = "x"  # type: ignore[index]
    assert kept.state.due() is None, "memory only"


def test_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "robo.json"
    kept = Kept(path)
    kept.state.keep(10.0)
    assert not path.exists(), "nothing to keep yet"
    kept.state["votes"] = {}
    kept.state.keep(10.0)
    assert json.loads(path.read_text()) == {"votes": {}}
    assert path.stat().st_mode & 0o077 == 0
    kept.state["votes"]["ann"] = 1  # in place
    assert kept.state.due() == 10.0 + PAUSE
    kept.state.keep(10.1)
    assert json.loads(path.read_text()) == {"votes": {}}, "a moment ago there was another"
    kept.state.keep(10.0 + PAUSE)
    assert json.loads(path.read_text()) == {"votes": {"ann": 1}}
    before = path.stat().st_ino
    assert kept.state["votes"] == {"ann": 1}
    kept.state.keep(20.0)
    assert path.stat().st_ino == before, "looking at it changes nothing"
    del kept.state["votes"]
    kept.state.keep(20.0, at_once=True)
    assert path.read_text() == "{}"
    assert {file.name for file in path.parent.iterdir()} == {"robo.json", ".robo.json.lock"}
    kept.state.close()


def test_handlers_have_it_written(tmp_path: Path) -> None:
    bot = Bot("robo")

    @bot.command("count")
    def count(call: Call) -> str:
        bot.state["count"] = bot.state.get("count", 0) + 1
        return str(bot.state["count"])

    @bot.message("x")
    def silently(message: Message) -> None:
        bot.state["count"] += 1

    path = tmp_path / "robo.json"
    room = Harness(bot, state=path)
    assert room.says("ann", "!count") == ["1"]
    assert room.says("ann", "!count") == ["2"]
    assert json.loads(path.read_text()) == {"count": 2}, "what it says is on disk"
    assert room.says("ann", "x") == []
    assert json.loads(path.read_text()) == {"count": 2}
    room.wait(1)
    assert json.loads(path.read_text()) == {"count": 3}
    assert Harness(bot, state=path).says("ann", "!count") == ["4"]
    bot.post(lambda: bot.state.update(count=7))
    assert json.loads(path.read_text()) == {"count": 4}
    room = Harness(bot, state=path)
    room.wait(1)
    bot.post(lambda: bot.state.update(count=8))
    assert json.loads(path.read_text()) == {"count": 8}
    assert Harness(bot).says("ann", "!count") == ["1"], "without a file it starts empty"


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"a": \xff}', b"[" * 100_000, b'"' + b"x" * 200])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, damage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_STATE", 150_000 if damage.startswith(b"[") else 100)
    path = tmp_path / "robo.json"
    for number in (1, 2):
        path.write_bytes(damage)
        kept = Kept(path)
        assert kept.log == [
            f"the state in {path} is damaged: it was moved to robo.json.damaged-{number}, and the bot starts without"
        ]
        assert (tmp_path / f"robo.json.damaged-{number}").read_bytes() == damage
        assert not kept.state
        kept.state["a"] = number
        kept.state.keep(0.0)
        assert json.loads(path.read_text()) == {"a": number}


def test_what_cannot_be_read_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "robo.json"
    folder.mkdir()
    kept = Kept(folder)
    assert kept.log == [f"the state in {folder} cannot be read (Is a directory): the bot starts without, and keeps none"]
    kept.state["a"] = 1
    assert kept.state.due() is None
    path = tmp_path / "other.json"
    path.write_text("{")

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    kept = Kept(path)
    assert kept.log == [f"the state in {path} is damaged, and cannot be moved aside (Permission denied): the bot keeps none"]
    assert path.read_text() == "{"


def test_what_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Kept(tmp_path / "file2" / "robo.json")
    (tmp_path / "file2").touch()
    for number in range(3):
        kept.state["a"] = number
        kept.state.keep(float(number))
    assert len(kept.log) == 1
    assert "cannot be kept in" in kept.log[0]
    (tmp_path / "file2").unlink()
    kept.state["a"] = 7
    kept.state.keep(9.0)
    assert json.loads((tmp_path / "file2" / "robo.json").read_text()) == {"a": 7}
    kept.state["a"] = {1, 2}
    kept.state.keep(99.0)
    assert kept.log[1] == "the state cannot be kept, for JSON has no such value (Object of type set is not JSON serializable)"
    assert json.loads((tmp_path / "file2" / "robo.json").read_text()) == {"a": 7}


HOLDS = """
import sys
from pathlib import Path
from client.bot.state import State
state = State()
state.open(Path(sys.argv[1]), print)
state["owner"] = "the other"
state.keep(0.0)
print("held", flush=True)
sys.stdin.read()
"""


def test_it_belongs_to_one_process(tmp_path: Path) -> None:
    path = tmp_path / "robo.json"
    sentence = f"the state in {path} belongs to another process, so this one keeps none: end that, or give this bot another name"
    early = Kept(path)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        late = Kept(path)
        assert (late.log, dict(late.state)) == ([sentence], {})
        for kept in (early, late):
            kept.state["owner"] = "me"
            kept.state.keep(0.0)
            assert kept.log == [sentence]
            assert kept.state.due() is None
        assert json.loads(path.read_text()) == {"owner": "the other"}
        process.kill()
        process.communicate()
    after = Kept(path)
    assert (after.log, dict(after.state)) == ([], {"owner": "the other"})
    after.state.close()


KILLED = """
import itertools, sys
from pathlib import Path
from client.bot.state import State
state = State()
state.open(Path(sys.argv[1]), print)
for n in itertools.count():
    state["n"], state["again"], state["much"] = n, n, "x" * 50_000
    state.keep(float(n))
    print(n, flush=True)
"""


def test_killed_at_any_moment_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "robo.json"
    for count in (1, 3, 7, 12):
        with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(count)][-1]
            os.kill(process.pid, signal.SIGKILL)
        data = json.loads(path.read_text())
        assert data["n"] == data["again"] >= said, "what was kept before it said so is there"
        assert len(data["much"]) == 50_000
    assert {file.name for file in tmp_path.iterdir()} <= {"robo.json", ".robo.json.lock", ".robo.json.new"}
