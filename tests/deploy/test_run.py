"""What `make run` does, from its first word to its last: ports, what it tells people to type, and that this works."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy import ports
from tests.e2e.process import eventually

ROOT = Path(__file__).parents[2]


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_free_ports_are_no_reason_to_complain() -> None:
    irc, plain = free_ports(2)
    assert ports.complaint({"IRC_PORT": str(irc), "PLAIN_PORT": str(plain)}) == ""


def test_a_taken_port_names_the_variable_and_what_to_set_it_to(taken: int) -> None:
    (plain,) = free_ports(1)  # not the default: a Parley may be running here
    said = ports.complaint({"IRC_PORT": str(taken), "PLAIN_PORT": str(plain)})
    assert said.startswith(f"Port {taken} ")
    found = re.search(r"\n    make run IRC_PORT=(\d+)", said)
    assert found is not None
    assert ports.usable(int(found[1]))
    assert all(len(line) <= 80 for line in said.splitlines())


def test_what_was_chosen_already_stays_chosen(taken: int) -> None:
    (irc,) = free_ports(1)
    said = ports.complaint({"IRC_PORT": str(irc), "PLAIN_PORT": str(taken)})
    assert re.search(rf"\n    make run IRC_PORT={irc} PLAIN_PORT=\d+$", said)


def test_the_two_are_not_the_same() -> None:
    (port,) = free_ports(1)
    said = ports.complaint({"IRC_PORT": str(port), "PLAIN_PORT": str(port)})
    found = re.fullmatch(
        rf"Port {port} can be only one of IRC_PORT and PLAIN_PORT: take another:\n    make run IRC_PORT={port} PLAIN_PORT=(\d+)",
        said,
    )
    assert found is not None, said
    assert int(found[1]) != port
    assert ports.usable(int(found[1]))


@pytest.mark.parametrize("other", ["IRC_PORT", "PLAIN_PORT"])
def test_http_is_neither(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "usable", lambda port: True)
    for name in ports.OTHERS:
        monkeypatch.delenv(name, raising=False)
    said = ports.complaint({"IRC_PORT": "7001", "PLAIN_PORT": "7002"} | {other: "9167", "HTTP_PORT": "9167"})
    rest = {"IRC_PORT": "9167 PLAIN_PORT=7002", "PLAIN_PORT": "7001 PLAIN_PORT=9167"}[other]
    command = f"make run IRC_PORT={rest} HTTP_PORT=9168"
    assert said == f"Port 9167 can be only one of {other} and HTTP_PORT: take another:\n    {command}"


def test_http_may_be_off_or_somebody_elses(taken: int) -> None:
    irc, plain = free_ports(2)
    given = {"IRC_PORT": str(irc), "PLAIN_PORT": str(plain)}
    assert ports.complaint(given | {"HTTP_PORT": "off"}) == ""
    assert ports.complaint(given | {"HTTP_PORT": str(taken)}) == ""
    assert ports.complaint(given | {"HTTP_PORT": "of"}) == "HTTP_PORT is a port, from 1 to 65535, as in: make run HTTP_PORT=9168"


def test_run_says_so_before_it_makes_anything(tmp_path: Path) -> None:
    irc, plain = free_ports(2)
    settings = {"IRC_PORT": irc, "PLAIN_PORT": plain, "HTTP_PORT": irc, "VAR": tmp_path / "var", "PYTHON": sys.executable}
    env = os.environ | {name: str(value) for name, value in settings.items()}
    run = subprocess.run([ROOT / "deploy" / "run.sh"], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith(
        f"Port {irc} can be only one of IRC_PORT and HTTP_PORT: take another:\n    make run IRC_PORT={irc} "
    )
    assert not (tmp_path / "var").exists()


def test_what_else_was_set_stays_set(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the copy that is started so has another's messages and certificates."""
    given = {"IRC_PORT": "6697", "PLAIN_PORT": str(taken)}
    monkeypatch.setattr(ports, "usable", lambda port: port != taken)
    for name in ports.OTHERS:
        monkeypatch.delenv(name, raising=False)
    assert ports.complaint(given).endswith(f"\n    make run PLAIN_PORT={taken + 1}")
    monkeypatch.setenv("VAR", "another var")
    monkeypatch.setenv("HTTP_PORT", "off")
    assert ports.complaint(given).endswith(f"\n    make run PLAIN_PORT={taken + 1} HTTP_PORT=off VAR='another var'")
    monkeypatch.setenv("VAR", "var")
    assert ports.complaint(given).endswith(" HTTP_PORT=off")


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "x", "²", "7" * 5000, "000000006698"])
def test_what_is_no_port_is_said(port: str) -> None:
    assert ports.complaint({"IRC_PORT": port}) == "IRC_PORT is a port, from 1 to 65535, as in: make run IRC_PORT=6698"


def command_of(banner: str, beginning: str) -> list[str]:
    """A command of several lines, as a shell would read it."""
    found = re.search(rf"(?m)^    {re.escape(beginning)}(?:.*\\\n)*.*$", banner)
    assert found is not None, banner
    return shlex.split(found[0].replace("\\\n", " "))


def test_it_says_what_to_type_and_that_works(tmp_path: Path) -> None:
    irc, plain = free_ports(2)
    log = tmp_path / "log"
    settings = {
        "IRC_PORT": str(irc),
        "PLAIN_PORT": str(plain),
        "HTTP_PORT": "off",
        "VAR": str(tmp_path / "var"),
        "PYTHON": sys.executable,
    }
    homes = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    with log.open("wb") as out:
        run = subprocess.Popen(
            [ROOT / "deploy" / "run.sh"], env=os.environ | settings | homes, stdout=out, stderr=out, start_new_session=True
        )
    try:
        eventually(lambda: "Ctrl-C ends it." in log.read_text() or run.poll() is not None, "it is up")
        banner = log.read_text().partition("Parley is up.")[2]
        wide = [line for line in banner.splitlines() if len(line) > 80 and str(tmp_path) not in line]
        assert [line.strip()[:7] for line in wide] == ["'ircs:/"], banner
        join = command_of(banner, "make client")
        python = sys.executable.removeprefix(f"{ROOT}/")  # as it is typed from there
        assert join[2:] == [f"ADDRESS=localhost:{irc}", f"CA={tmp_path}/var/certs/ca.pem"]
        told = subprocess.run(
            [*command_of(banner, shlex.quote(python)), "--name", "grace"],
            cwd=ROOT,
            env=os.environ | homes,
            input=b"hello\n",
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        assert b"<grace> hello" in told.stdout
    finally:
        run.send_signal(signal.SIGINT)
        code = run.wait(60)
    said = log.read_text()
    assert code == 0
    assert said.endswith("\nParley has ended.\n")
    assert "Traceback" not in said
