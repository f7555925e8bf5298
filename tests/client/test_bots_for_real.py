"""Bots and the pipe as processes, with a real server, and what they keep when either is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.client.piped import piped
from tests.e2e.irc import FULL, Client
from tests.e2e.process import ServerProcess, make_certificates, serving

POLL = Path(__file__).parents[2] / "client" / "examples" / "poll.py"


def env_of(server: ServerProcess) -> dict[str, str]:
    return {**os.environ, "PARLEY_CA": str(server.ca), "PARLEY_ADDRESS": f"localhost:{server.port}"}


def started(server: ServerProcess, person: Client) -> subprocess.Popen[bytes]:
    """The poll, once it is in the lobby."""
    process = subprocess.Popen([sys.executable, "-m", "client.bot", POLL], env=env_of(server), stderr=subprocess.DEVNULL)
    person.until("JOIN")
    return process


def test_a_poll_goes_on_after_kill_9(tmp_path: Path) -> None:
    """What the bot has said, it remembers: the vote that it has just confirmed is the last thing that it did."""
    with serving(make_certificates(tmp_path / "certs"), tmp_path / "data", "--limits", "off") as server:
        ann = Client(server.port, server.ca, "ann", "#lobby")
        poll = started(server, ann)
        try:
            ann.say("#lobby", "!poll Lunch? soup, salad")
            assert "1 soup, 2 salad" in ann.until("PRIVMSG").text
            ann.say("poll", "vote #lobby 2")
            assert ann.until("PRIVMSG").text == "Counted: salad"
            poll.kill()
            poll.wait()
            poll = started(server, ann)
            ann.say("#lobby", "!results")
            assert ann.until("PRIVMSG").text.startswith("Lunch? salad 1, soup 0 (1 vote, closes in ")
        finally:
            poll.kill()
            poll.wait()


def test_a_pipe_loses_nothing_when_the_server_is_killed(tmp_path: Path) -> None:
    expected = [f"line {number}" for number in range(200)]
    certs, data = make_certificates(tmp_path / "certs"), tmp_path / "data"
    with serving(certs, data, "--limits", "off") as server:
        listen, ann = f"127.0.0.1:{server.port}", Client(server.port, server.ca, "ann", "#lobby")
        with piped("client.bot", "pipe", "--room", "#lobby", "--name", "log", env=env_of(server)) as pipe:
            assert pipe.stdin is not None
            pipe.stdin.write("".join(f"{line}\n" for line in expected[:100]).encode())
            pipe.stdin.flush()
            ann.until_text("line 40")
            server.kill()
            pipe.stdin.write("".join(f"{line}\n" for line in expected[100:]).encode())
            pipe.stdin.flush()
            again = ServerProcess(certs, data, "--limits", "off", listen=listen)
            try:
                _, said = pipe.communicate(timeout=60)
                assert pipe.returncode == 0, said
                reader = Client(again.port, again.ca, "eve", "#lobby", caps=FULL)
                assert [line.text for line in reader.history("#lobby") if line.command == "PRIVMSG"] == expected
            finally:
                again.stop()
