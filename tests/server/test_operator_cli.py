"""`python -m server operator hash`."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest

from server.cli import main
from server.passwords import matches
from server.settings.tree import SPECS, TABLES
from server.settings.values import fits


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def given(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def hash_in(line: str) -> str:
    found = re.fullmatch(r'password = "(\$argon2id\$\S+)"\n', line)
    assert found is not None, line
    return found[1]


def test_it_prints_the_line_to_paste(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given(monkeypatch, "correct-horse\n")
    assert main(["operator", "hash"]) == 0
    made = hash_in(capsys.readouterr().out)
    assert matches(made, "correct-horse")
    assert not matches(made, "correct-horse\n")
    assert fits(TABLES["operators"]["password"], made)
    assert not matches("no hash", "correct-horse")


def test_it_asks_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    answers = iter(["correct-horse", "correct-horse", "correct-horse", "another-horse"])
    monkeypatch.setattr("server.operator_cli.getpass", lambda prompt: next(answers))
    assert main(["operator", "hash"]) == 0
    assert matches(hash_in(capsys.readouterr().out), "correct-horse")
    assert main(["operator", "hash"]) == 1


def test_a_terminal_that_is_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt(prompt)

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("server.operator_cli.getpass", interrupted)
    assert main(["operator", "hash"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text", ["", "short\n", "with a space\n", "with\x07bell\n"])
def test_what_is_no_password_for_oper(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str) -> None:
    given(monkeypatch, text)
    assert main(["operator", "hash"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "parley: no hash was made: it takes 8 characters or more without spaces, the same twice\n"


@pytest.mark.parametrize("argv", [["operator"], ["operator", "hash", "my-password"], ["operator", "my-password"]])
def test_a_password_is_no_argument(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert main(argv) == 1
    err = capsys.readouterr().err
    assert err.startswith("usage: python -m server operator hash ")
    assert "my-password" not in err


def test_no_setting_has_the_name_of_a_table() -> None:
    assert not {name for name in TABLES if name in SPECS}


def test_a_server_does_not_load_what_only_commands_need() -> None:
    """Ten MiB of resident memory."""
    check = "import sys, server.cli; print(sys.modules.keys() & {'certs', 'cryptography', 'server.store_cli'})"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (found.stdout.strip(), found.stderr) == ("set()", "")
