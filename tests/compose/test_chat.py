"""`docker compose up` with real containers, seen from outside: people and bots talk, and nothing that was seen is lost."""

from __future__ import annotations

import hashlib
import json
import subprocess
from contextlib import suppress

import pytest

from tests.compose.conftest import Stack
from tests.compose.irc import Client, Line

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]

ROOM = "#lobby"
FIND_SERVER = r"""
for entry in /proc/[0-9]*; do
    if tr '\0' ' ' <$entry/cmdline 2>/dev/null | grep -q '^[^ ]*python[0-9.]* -m server '; then echo "${entry#/proc/}"; fi
done
"""


def is_said(line: Line) -> bool:
    return line.command == "PRIVMSG" and line.parameters[0] == ROOM


def said(lines: list[Line]) -> list[tuple[str, str, str]]:
    return [line.said for line in lines if is_said(line) and "batch" not in line.tags]


def answer_to(client: Client, question: str) -> Line:
    """What a bot says to it; asked again until there is one: they may still be on their way into the room."""
    for _ in range(18):
        client.send(f"PRIVMSG {ROOM} :{question}")
        with suppress(TimeoutError):
            return client.until(lambda line: is_said(line) and not line.source.startswith(("iris!", "otto!")), seconds=5)[-1]
    raise AssertionError("no bot answers")


def test_somebody_outside_hears_the_bots_and_joins_in(stack: Stack) -> None:
    with Client(stack.address, stack.ca, "iris") as iris, Client(stack.address, stack.ca, "otto") as otto:
        iris.send(f"JOIN {ROOM}")
        otto.send(f"JOIN {ROOM}")
        otto.synchronise()
        heard = answer_to(iris, "!time")  # whoever was here before is not greeted again
        assert heard.parameters[-1]
        assert heard.tags["msgid"]
        iris.send(f"PRIVMSG {ROOM} :hello from outside")
        got = otto.until(lambda line: is_said(line) and line.parameters[-1] == "hello from outside")[-1]
        assert got.source.startswith("iris!")


def assert_kept(seen: list[tuple[str, str, str]], history: list[Line]) -> None:
    """Each message seen is in the history, once, in the order in which it was seen."""
    kept = [line.said for line in history]
    assert len(set(kept)) == len(kept), "the history holds a message twice"
    positions = [kept.index(message) if message in kept else -1 for message in seen]
    assert -1 not in positions, f"lost: {[message for message in seen if message not in kept]}"
    assert positions == sorted(positions), "the history has another order"


def test_nothing_seen_is_lost_when_the_server_is_killed(stack: Stack) -> None:
    with Client(stack.address, stack.ca, "iris") as iris:
        iris.send(f"JOIN {ROOM}")
        iris.synchronise()
        iris.send(*(f"PRIVMSG {ROOM} :line {number}" for number in range(40)))
        seen = said(iris.until(lambda line: is_said(line) and line.said[:2] == ("iris", "line 12"), seconds=60))
        stack.run("kill", "-s", "KILL", "server")  # in the midst of it
        seen += said(iris.until_closed())
    stack.up()
    with Client(stack.address, stack.ca, "eve") as eve:
        eve.send(f"JOIN {ROOM}")
        history = eve.history(ROOM)
    assert len(seen) >= 13
    assert_kept(seen, history)


def test_messages_and_certificate_outlive_down(stack: Stack) -> None:
    before = hashlib.sha256(stack.ca.read_bytes()).hexdigest()
    with Client(stack.address, stack.ca, "iris") as iris:
        iris.send(f"JOIN {ROOM}", f"PRIVMSG {ROOM} :remember me")
        message = iris.until(lambda line: is_said(line) and line.parameters[-1] == "remember me")[-1].said
    stack.run("down", "--timeout", "15")
    stack.up()
    assert hashlib.sha256(stack.ca.read_bytes()).hexdigest() == before
    with Client(stack.address, stack.ca, "eve") as eve:
        eve.send(f"JOIN {ROOM}")
        assert_kept([message], eve.history(ROOM))


def test_stop_is_graceful(stack: Stack) -> None:
    stack.run("stop", "server", seconds=60)
    name = f"{stack.project}-server-1"
    state = json.loads(subprocess.run(["docker", "inspect", name], capture_output=True, check=True).stdout)[0]["State"]
    assert state["ExitCode"] == 0, state
    stack.up()


def test_health_command_tells_a_server_that_hangs(stack: Stack) -> None:
    health = "python -m server.health --ca /certs/ca.pem"
    process = stack.shell("server", FIND_SERVER).strip()
    assert process.isdecimal(), process
    assert "healthy" in stack.shell("server", health)
    try:
        stack.shell("server", f"kill -STOP {process}")
        stack.shell("server", health, status=1)
    finally:
        stack.shell("server", f"kill -CONT {process}")
    assert "healthy" in stack.shell("server", health)


def test_health_command_tells_that_nobody_is_there(stack: Stack) -> None:
    stack.run("run", "--rm", "--no-deps", "-T", "server", "python", "-m", "server.health", "--ca", "/certs/ca.pem", status=1)


def test_the_client_of_the_image_talks(stack: Stack) -> None:
    with Client(stack.address, stack.ca, "iris") as iris:
        iris.send(f"JOIN {ROOM}")
        iris.synchronise()
        stack.run(
            "run", "--rm", "-T", "client", "python", "-m", "client", "server:6697", "--name", "zoe", text="hello from inside\n"
        )
        iris.until(lambda line: is_said(line) and line.said[:2] == ("zoe", "hello from inside"), seconds=30)
