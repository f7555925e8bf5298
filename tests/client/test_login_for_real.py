"""Accounts with the client's front ends and a real server: getting one, logging in to it, and what the screen shows of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.input import create_pipe_input

from client.chat import Chat
from client.irc import IrcProtocol
from client.login import Login
from client.plain import PlainProtocol
from client.terminal import Typed
from tests.client.conftest import Rows
from tests.client.test_terminal import Terminal
from tests.e2e.process import ServerProcess, make_certificates, serving

PASSWORD = "s3cret pass word"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("accounts")
    with serving(make_certificates(folder / "certs"), folder / "data", "--limits", "off", covered=False) as server:
        yield server


def in_a_pipe(real: ServerProcess, said: str, *more: str, password: str = PASSWORD) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "client", f"localhost:{real.port}", "--ca", str(real.ca), *more]
    env = {**os.environ, "PARLEY_PASSWORD": password}
    done = subprocess.run(command, input=said, capture_output=True, text=True, env=env, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_an_account_from_the_first_day_on(real: ServerProcess, tmp_path: Path) -> None:
    with create_pipe_input() as keys:
        first = Terminal(real.port, real.ca, keys, IrcProtocol("grace", ["#lobby"]))
        first.sees("in #lobby: grace")
        for line in ("/register", PASSWORD, PASSWORD):
            keys.send_text(f"{line}\n")
        first.sees("-- Account registered")
        first.sees("-- logged in as grace")
        keys.send_text(f"/msg NickServ IDENTIFY grace {PASSWORD}\n")
        first.sees("[NickServ] <grace> IDENTIFY ***")
        first.sees("-NickServ- ")
        keys.send_text("/quit\n")
        assert first.ends() == 0
    assert not [row for row in first.rows if "s3cret" in row or "not sent" in row or "!!" in row]

    with create_pipe_input() as keys:
        login = Login("grace", "wrong", asks=True)
        second = Terminal(real.port, real.ca, keys, IrcProtocol("grace", ["#lobby"], login=login))
        second.sees("Enter the password again, or end the client with /quit.")
        keys.send_text(f"{PASSWORD}\n")
        second.sees("-- logged in as grace")
        second.sees("in #lobby: grace")

        code, out, err = in_a_pipe(real, "from my other device\n", "--account", "grace")
        assert (code, "-- connected as grace_\n" in err) == (0, True), err
        assert out.endswith("<grace_> from my other device\n")
        second.sees("<grace_> from my other device")
        keys.send_text("/quit\n")
        assert second.ends() == 0
    assert not [row for row in second.rows if "s3cret" in row]

    code, out, err = in_a_pipe(real, "not said\n", "--account", "grace", password="wrong")
    assert (code, out) == (1, "")
    assert err == "The server refused the login as grace (SASL authentication failed): the account name or the password is wrong.\n"

    code, out, err = in_a_pipe(real, "not said\n", "--name", "grace")
    assert (code, out) == (1, "")
    assert "(Nickname belongs to the account grace, or looks like it: log in first)" in err
    assert err.endswith("choose another with --name NAME, or log in with --account NAME.\n")

    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    code, out, err = in_a_pipe(real, "hello\n", "--account", "grace", "--password-file", str(file), password="wrong")
    assert (code, out.endswith("<grace> hello\n")) == (0, True), err


def test_a_password_to_a_service_from_a_pipe(real: ServerProcess) -> None:
    code, out, err = in_a_pipe(real, f"/msg NickServ REGISTER {PASSWORD}\n", "--name", "ada")
    assert code == 0
    assert "REGISTER ***" in out
    assert "s3cret" not in out + err


def test_the_up_key_brings_no_password_back() -> None:
    chat = Chat(PlainProtocol("x"), "#lobby", Rows())
    typed = Typed(chat)
    for line in ("hello", "/msg NickServ IDENTIFY s3cret", "/quote OPER a s3cret", "/join #x"):
        typed.append_string(line)
    chat.register()
    typed.append_string("s3cret")
    assert typed.get_strings() == ["hello", "/join #x"]
