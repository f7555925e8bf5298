"""The exercise's own client, with nothing but its socket wrapped in TLS, and `openssl s_client`, among IRC users."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.irc import Client
from tests.e2e.process import ServerProcess, make_certificates, serving
from tests.e2e.programs import Program

SCRIPT = Path(__file__).with_name("exercise_client.py")


@pytest.fixture(scope="module")
def host() -> str:
    """An address of this machine that is ours alone: the exercise's port is fixed."""
    return f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}.{secrets.randbelow(250) + 2}"


@pytest.fixture(scope="module")
def server(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("exercise")
    certs = make_certificates(folder / "certs", host, "127.0.0.1", "localhost")
    with serving(certs, folder / "data", plain=f"{host}:12345", covered=False) as running:
        yield running


def exercise(server: ServerProcess) -> Program:
    return Program([sys.executable, "-u", str(SCRIPT)], {"SSL_CERT_FILE": str(server.ca)})


def join(program: Program, host: str, name: str) -> None:
    program.shows("Enter server address: ")
    program.enter(f"{host}\n")
    program.shows("Enter your name: ")
    program.enter(f"{name}\n")


def test_the_exercise_client_talks_with_an_irc_user(server: ServerProcess, host: str) -> None:
    with exercise(server) as olga, Client(server.port, server.ca, "ian", "#lobby") as ian:
        join(olga, host, "olga")
        joined = ian.until("JOIN")
        assert joined.nick == "olga"
        ian.say("#lobby", "hello olga")
        olga.shows(r"ian: hello olga\n")
        olga.enter("hello ian, wie geht's? \N{SNOWMAN}\n")
        heard = ian.until("PRIVMSG")
        assert (heard.nick, heard.params) == ("olga", ["#lobby", "hello ian, wie geht's? \N{SNOWMAN}"])
        # What one record carries is one message, whatever the client's `recv` makes of it
        for number in range(8):
            olga.enter(f"message {number}\n")
            assert ian.until("PRIVMSG").text == f"message {number}"
        olga.enter("exit\n")
        assert olga.wait() == 0
        assert ian.until("QUIT").nick == "olga"


def test_two_exercise_clients_talk_with_each_other(server: ServerProcess, host: str) -> None:
    with exercise(server) as olga, exercise(server) as piet:
        join(olga, host, "olga2")
        server.says("olga2 joined")
        join(piet, host, "piet")
        server.says("piet joined")
        olga.enter("anyone there?\n")
        piet.shows("olga2: anyone there\\?\n")
        piet.enter("me\n")
        olga.shows("piet: me\n")
        assert "olga2: anyone" not in olga.shown()  # as in the exercise, nobody hears themselves


def test_the_log_says_what_the_exercise_printed(server: ServerProcess, host: str) -> None:
    with exercise(server) as program:
        join(program, host, "vera")
        server.says(r"New connection from 127\.[0-9.]+ : vera joined\n")
        program.enter("exit\n")
        server.says(r"Connection closed from 127\.[0-9.]+: vera\n")


def test_a_name_that_is_taken_gets_a_number(server: ServerProcess, host: str) -> None:
    with Client(server.port, server.ca, "rosa", "#lobby") as rosa, exercise(server) as other:
        join(other, host, "rosa")
        other.shows("server: you are rosa2 here")
        other.enter("hi\n")
        assert rosa.until_text("hi").nick == "rosa2"


def test_the_exercise_client_refuses_another_authority(server: ServerProcess, host: str, certs: Path) -> None:
    with Program([sys.executable, "-u", str(SCRIPT)], {"SSL_CERT_FILE": str(certs / "ca.pem")}) as mallory:
        join(mallory, host, "mallory")
        mallory.shows("CERTIFICATE_VERIFY_FAILED")
        assert mallory.wait() != 0
    assert "mallory" not in server.log()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program is not installed")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_openssl_s_client_talks_and_gets_its_lines_ended(server: ServerProcess, host: str, end: str) -> None:
    command = ["openssl", "s_client", "-connect", f"{host}:12345", "-CAfile", str(server.ca), "-verify_return_error", "-quiet"]
    command += ["-verify_ip", host, *(["-crlf"] if end == "\r\n" else [])]
    with Client(server.port, server.ca, "jan", "#lobby") as jan, Program(command, dict(os.environ)) as shell:
        shell.enter("sue\n")
        assert jan.until("JOIN").nick == "sue"
        shell.enter("from a shell\n")
        assert jan.until("PRIVMSG").params == ["#lobby", "from a shell"]
        jan.say("#lobby", "one", "two")
        shell.shows("jan: one\njan: two\n")
    server.says(r"Connection closed from 127\.[0-9.]+: sue\n")
