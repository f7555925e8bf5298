"""`python -m server invite`: the link is one that our client takes, and names the authority that signed."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
from pathlib import Path

import pytest

import certs
from certs import report
from certs.folder import Choices
from client.address import Address, parse_link
from server import cli
from server.invite_cli import _joining, invitation
from server.settings.read import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("invite") / "certs"
    certs.ensure(made, ["localhost", "127.0.0.1", "chat.example", "*.example.net", "2001:db8::1"])
    return made


def invite(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    code = cli.main(["invite", *arguments])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def fingerprint(folder: Path) -> str:
    return report.show(folder / "ca.pem", Choices().time())[0].fingerprint


def test_a_link_and_how_to_join_by_it(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/usr/bin/elsewhere/python")
    code, lines, _ = invite(capsys, "--certs", str(folder), "--room", "#lobby", "--room", "dev", "--room", "#ä%")
    assert code == 0
    assert lines[0] == f"ircs://chat.example:6697/%23lobby,%23dev,%23%C3%A4%25?ca=sha256:{fingerprint(folder)}"
    assert shlex.split(" ".join(lines[1:]).replace("\\ ", "")) == ["/usr/bin/elsewhere/python", "-m", "client", lines[0]]
    link = parse_link(lines[0])
    assert link == (Address("chat.example", 6697), ("#lobby", "#dev", "#ä%"), fingerprint(folder))


def test_the_command_is_typed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the folder, on the path, or anywhere else; and where there is no client, none is named."""
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / ".venv/bin/python"))
    assert _joining("x") == "\n.venv/bin/python -m client \\\n    x"
    monkeypatch.setattr(sys, "executable", "/usr/bin/elsewhere/python")
    assert _joining("x").split() == ["/usr/bin/elsewhere/python", "-m", "client", "\\", "x"]
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/elsewhere/python")
    assert _joining("x").split() == ["python", "-m", "client", "\\", "x"]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert _joining("x") == ""


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--host", "localhost"], "localhost:6697"),
        (["--host", "LOCALHOST:7000"], "LOCALHOST:7000"),
        (["--host", "eu.example.net"], "eu.example.net:6697"),
        (["--host", "2001:db8::1"], "[2001:db8::1]:6697"),
        (["--host", "[2001:db8::1]:7"], "[2001:db8::1]:7"),
        (["--listen", "127.0.0.1:6698"], "chat.example:6698"),
        (["--listen", "127.0.0.1:0", "--host", "localhost:1"], "localhost:1"),
    ],
)
def test_where_people_come_in(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], place: str) -> None:
    code, lines, err = invite(capsys, "--certs", str(folder), *arguments)
    assert (code, err) == (0, "")
    assert lines[0].startswith(f"ircs://{place}/?ca=sha256:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "evil.example"], "the certificate is not for evil.example, and clients would refuse it; it is for localhost, "),
        (["--host", "a.b.example.net"], "is not for a.b.example.net"),
        (["--host", "localhost:99999"], "'localhost:99999' is not possible"),
        (["--host", "localhost:0"], "no port is known"),
        (["--room", "#a b"], "is no room"),
        (["--nonsense"], "there is no such flag"),
        (["--host"], "expected one argument"),
        (["--certs", "/nowhere"], "-m certs init /nowhere`, or"),
    ],
)
def test_mistakes_are_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    code, lines, err = invite(capsys, "--certs", str(folder), *arguments)
    assert (code, lines) == (1, [])
    assert words in err
    assert err.count("\n") == 1


def test_a_certificate_of_another_authority_is_known_to_clients_by_themselves(tmp_path: Path, folder: Path) -> None:
    certs.ensure(tmp_path / "other", ["chat.example"])
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "server").symlink_to((folder / "server").resolve())
    settings = load(["--certs", str(mixed)])
    assert invitation(settings, None, []) == "ircs://chat.example:6697/"
    (mixed / "ca.pem").write_bytes((tmp_path / "other" / "ca.pem").read_bytes())
    assert invitation(settings, None, []) == "ircs://chat.example:6697/"


def test_only_this_machine_and_only_stars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certs.ensure(tmp_path / "local", ["localhost"])
    assert invite(capsys, "--certs", str(tmp_path / "local"))[1][0].startswith("ircs://localhost:6697/?ca=")
    certs.ensure(tmp_path / "compose", ["localhost", "127.0.0.1", "server"])
    assert invite(capsys, "--certs", str(tmp_path / "compose"))[1][0].startswith("ircs://localhost:6697/?ca=")
    certs.ensure(tmp_path / "inside", ["server"])
    assert invite(capsys, "--certs", str(tmp_path / "inside"))[1][0].startswith("ircs://server:6697/?ca=")
    certs.ensure(tmp_path / "star", ["*.example.net"])
    code, _, err = invite(capsys, "--certs", str(tmp_path / "star"))
    assert (code, "say which one with --host NAME" in err) == (1, True)
