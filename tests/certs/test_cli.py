"""The command line: what it prints, its exit codes, and one sentence for every mistake."""

from __future__ import annotations

import errno
import getpass
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from certs import files
from certs.cli import main
from tests.certs.kit import NOW, one_sentence


class Run:
    """One run of the command, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object, days: float = 0) -> None:
        capsys.readouterr()
        self.code = main(list(map(str, arguments)), NOW + timedelta(days=days))
        self.out, self.err = capsys.readouterr()

    def mistake(self) -> str:
        """The one sentence, after checking that there is nothing else."""
        assert self.code == 1
        assert self.out == ""
        return one_sentence(self.err)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    assert main(["init", str(tmp_path / "certs"), "--host", "localhost", "--host", "127.0.0.1"], NOW) == 0
    return tmp_path / "certs"


def test_as_people_run_it(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "certs"]
    made = subprocess.run(
        [*command, "init", tmp_path / "c", "--host", "localhost"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (made.returncode, made.stderr) == (0, "")
    assert "ca.pem" in made.stdout
    mistake = subprocess.run([*command, "show", tmp_path / "none"], capture_output=True, text=True, check=False, timeout=60)
    assert (mistake.returncode, mistake.stdout) == (1, "")
    one_sentence(mistake.stderr)


def test_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Run(capsys, "init", tmp_path, "--host", "localhost")
    assert first.code == 0
    assert "Made a certificate authority" in first.out
    again = Run(capsys, "init", tmp_path, "--host", "localhost")
    assert again.code == 0
    assert again.out.startswith("No change:")
    assert "Renewal is due" in Run(capsys, "init", tmp_path, days=29).out


def test_issue_renew_client(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "for 127.0.0.5, good until" in Run(capsys, "issue", directory, "127.0.0.5").out
    assert Run(capsys, "renew", directory).out.count("No change:") == 2
    assert Run(capsys, "renew", directory, days=25).out.count("Made") == 2
    assert Run(capsys, "renew", directory, "--force", days=25).out.count("Made") == 2
    made = Run(capsys, "client", directory, "alice")
    fingerprint = made.out.split()[-1]
    assert fingerprint in Run(capsys, "show", directory).out


def test_show(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run(capsys, "client", directory, "alice")
    shown = Run(capsys, "show", directory)
    assert shown.code == 0
    assert "30 days left" in shown.out
    assert "localhost, 127.0.0.1" in shown.out
    due = Run(capsys, "show", directory, days=25)
    assert due.code == 2
    assert "renewal due" in due.out
    assert "expired" in Run(capsys, "show", directory, days=31).out
    assert Run(capsys, "show", directory / "server" / "cert.pem").code == 0
    assert Run(capsys, "show", directory / "server", days=25).code == 2


def test_a_persons_certificate_does_not_make_the_folder_due(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run(capsys, "client", directory, "alice", "--days", 1)
    assert "renewal due" in Run(capsys, "show", directory, days=0.9).out
    assert Run(capsys, "show", directory, days=0.9).code == 0
    assert Run(capsys, "show", directory / "clients" / "alice" / "cert.pem", days=0.9).code == 2


def test_show_json(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run(capsys, "client", directory, "alice")
    ca, server, person = json.loads(Run(capsys, "show", directory, "--json").out)
    assert [ca["kind"], server["kind"], person["kind"]] == ["ca", "server", "client"]
    assert server["names"] == ["localhost", "127.0.0.1"]
    assert server["days_left"] == 30
    assert server["renewal_due"] is False
    assert ca["permitted"] == ["localhost", "127.0.0.0/8", "::1/128"]
    assert person["subject"] == "CN=alice"
    assert all(len(one["fingerprint"]) == len(one["key_pin"]) == 64 for one in (ca, server, person))


def test_fingerprint_is_that_of_openssl(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", directory / "ca.pem"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = json.loads(Run(capsys, "show", directory / "ca.pem", "--json").out)
    assert shown[0]["fingerprint"] == said.strip().split("=")[1].replace(":", "").lower()


def test_show_a_bare_certificate(directory: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x"]
    bare = tmp_path / "bare.pem"
    empty = tmp_path / "empty.cnf"
    empty.write_text("[req]\ndistinguished_name=dn\n[dn]\n")
    key = tmp_path / "key"
    subprocess.run([*request, "-config", empty, "-keyout", key, "-out", bare], check=True, capture_output=True, timeout=30)
    shown = Run(capsys, "show", bare)
    assert "(server)" in shown.out
    assert "CN=x" in shown.out


def test_verify(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = Run(capsys, "verify", directory, "--host", "localhost")
    assert (good.code, good.err) == (0, "")
    assert Run(capsys, "verify", directory, days=25).code == 2
    bad = Run(capsys, "verify", directory, "--host", "chat.example")
    assert bad.code == 1
    one_sentence(bad.err)


def test_passphrase_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret, directory = tmp_path / "secret", tmp_path / "certs"
    secret.write_bytes(b"correct horse\r\n")
    assert Run(capsys, "init", directory, "--passphrase-file", secret).code == 0
    secret.write_bytes(b"correct horse")
    assert Run(capsys, "renew", directory, "--force", "--passphrase-file", secret).code == 0
    assert "is encrypted" in Run(capsys, "renew", directory, "--force").mistake()
    secret.write_bytes(b"wrong")
    assert "does not open" in Run(capsys, "renew", directory, "--force", "--passphrase-file", secret).mistake()
    for content in (b"", b"\n", b"x" * 1024):
        secret.write_bytes(content)
        assert "1 to 1023 bytes" in Run(capsys, "renew", directory, "--passphrase-file", secret).mistake()
    assert "does not exist" in Run(capsys, "renew", directory, "--passphrase-file", tmp_path / "none").mistake()


def test_passphrase_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    asked: list[str] = []
    answers = iter(["one", "two", "same", "same", "same"])

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr(getpass, "getpass", ask)
    assert "differ" in Run(capsys, "init", tmp_path / "c", "--passphrase").mistake()
    assert Run(capsys, "init", tmp_path / "c", "--passphrase").code == 0
    assert Run(capsys, "renew", tmp_path / "c", "--force", "--passphrase").code == 0
    assert len(asked) == 5


@pytest.mark.parametrize("how", [KeyboardInterrupt, EOFError])
def test_passphrase_not_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: type[BaseException]
) -> None:
    def stop(_: str) -> str:
        raise how

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", stop)
    Run(capsys, "init", tmp_path / "c", "--passphrase").mistake()


def test_passphrase_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert "--passphrase-file" in Run(capsys, "init", tmp_path / "c", "--passphrase").mistake()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["init"],
        ["init", "c", "--days", "many"],
        ["init", "c", "--days", "9999"],
        ["init", "c", "--nonsense"],
        ["init", "c", "--host", "no host"],
        ["init", "c", "--permit", "10.0.0.0/99"],
        ["init", "c", "--owner", "root"],
        ["init", "c", "--owner", "1:"],
        ["init", "c", "--owner", "4294967295"],
        ["init", "c", "--passphrase", "--passphrase-file", "x"],
        ["issue", "c"],
        ["issue", "c", "localhost"],
        ["renew", "c"],
        ["client", "c", "alice"],
        ["client", "c", "al.ice"],
        ["show", "c"],
        ["verify", "c"],
    ],
)
def test_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Run(capsys, *arguments).mistake()
    assert not list(tmp_path.iterdir())


def test_no_certificate_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "`init`" in Run(capsys, "show", tmp_path).mistake()


def test_outside_the_constraints(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = Run(capsys, "issue", directory, "chat.example").mistake()
    assert "localhost, 127.0.0.0/8, ::1/128" in said
    assert "--permit" in said


def test_directory_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f").touch()
    for command in (["init"], ["issue", "localhost"], ["renew"], ["client", "alice"], ["verify"], ["show"]):
        Run(capsys, command[0], tmp_path / "f", *command[1:]).mistake()


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EIO])
def test_disk_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(path: Path, *_: object) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(files, "write", fail)
    assert str(tmp_path) in Run(capsys, "init", tmp_path / "c").mistake()


@pytest.mark.usefixtures("unprivileged")
def test_folder_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shut := Path("/root" if os.getuid() == 0 else tmp_path)).exists()
    if os.getuid() != 0:
        shut.chmod(0)
    try:
        assert "closed to this user" in Run(capsys, "show", shut / "x").mistake()
        assert "closed to this user" in Run(capsys, "init", shut / "x").mistake()
    finally:
        if os.getuid() != 0:
            shut.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Run(capsys, "renew", directory, "--force", "--owner", "10001:10002").code == 0
    assert Run(capsys, "renew", directory, "--force").code == 0
    key = (directory / "server" / "key.pem").stat()
    assert (key.st_uid, key.st_gid, key.st_mode & 0o777) == (10001, 10002, 0o400)


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["init", "--help"])
    assert caught.value.code == 0
    assert "--permit" in capsys.readouterr().out
