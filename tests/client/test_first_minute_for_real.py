"""The first minute with a real server and a real terminal: the question, the hint, coming back; and an invitation."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from client import known, pins
from client.address import Address, parse_link
from tests.client.fake_server import Waits
from tests.client.test_terminal import Tmux
from tests.e2e.process import ROOT, ServerProcess, make_certificates, python, serving


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("first-minute")
    with serving(make_certificates(folder / "certs"), folder / "data", covered=False) as server:
        yield server


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_a_person_comes_and_comes_back(real: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_CA", raising=False)
    client = f"{sys.executable} -W error -m client"
    twice = f"cd {ROOT}; {client} localhost:{real.port} 2>{tmp_path}/1; {client} 2>{tmp_path}/2; echo left with $?; sleep 60"
    tmux = Tmux(f"sh -c {shlex.quote(twice)}", f"parley-{os.getpid()}-{time.monotonic_ns()}")
    address = Address("localhost", real.port)
    try:
        tmux.shows("Enter your name:")
        tmux.keys("ada", "Enter")
        tmux.shows(f"Trust this authority for localhost:{real.port} from now on? [y/N]")
        rows = "\n".join(tmux.screen())
        assert "    authority  O=Parley, CN=Parley CA " in rows
        assert pins.find(address) is None
        tmux.keys("y", "Enter")
        tmux.shows("this server lets you keep your name: /register makes an account")
        tmux.shows("[#lobby]")
        tmux.keys("/join #dev", "Enter")
        tmux.shows("in #dev: ada")
        Waits.until(lambda: tmux.screen()[-1] == "[#dev]", lambda: f"the prompt, at the end of {tmux.screen()}")
        tmux.keys("C-d")
        tmux.shows(f"  1  localhost:{real.port} as ada, #lobby #dev")
        tmux.keys("", "Enter")
        tmux.shows("[#dev] -- in #dev: ada")
        Waits.until(lambda: tmux.screen()[-1] == "[#lobby]", lambda: f"the prompt, at the end of {tmux.screen()}")
        assert not [row for row in "\n".join(tmux.screen()).partition("Which one?")[2].splitlines() if "keep your name" in row]
        tmux.keys("C-d")
        tmux.shows("left with 0")
    finally:
        tmux.close()
    assert (tmp_path / "1").read_text() + (tmp_path / "2").read_text() == ""
    found = known.find(address)
    assert found is not None
    assert (found.name, found.rooms, found.told) == ("ada", ("#lobby", "#dev"), ("accounts",))


def test_an_invitation_is_one_command(real: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_CA", raising=False)
    made = python("server", "invite", "--certs", str(real.certs), "--host", f"localhost:{real.port}", "--room", "#dev")
    assert (made.returncode, made.stderr) == (0, "")
    link, *command = made.stdout.splitlines()
    arguments = shlex.split("\n".join(command).replace("\\\n", " "))[1:]
    assert arguments[:2] == ["-m", "client"]

    def join(*more: str) -> subprocess.CompletedProcess[str]:
        joining = [sys.executable, *more, "--name", "eve"]
        return subprocess.run(joining, input="hello\n", capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)

    done = join(*arguments)
    assert (done.returncode, done.stdout[6:]) == (0, "<eve> hello\n"), done.stderr
    pin = pins.find(Address("localhost", real.port))
    assert pin is not None
    assert pin.fingerprint == parse_link(link).ca
    wrong = join("-m", "client", link[:-4] + ("0000" if link[-4:] != "0000" else "1111"))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("The invitation or --fingerprint names another authority for")
