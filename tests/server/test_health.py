"""The health command against small TLS servers, well and unwell."""

from __future__ import annotations

import runpy
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server import health
from server.settings.declare import Address
from server.transport.tls import build_context
from tests.server.tls_material import Authority

Script = Callable[[ssl.SSLSocket], None]


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Authority().lay_out(tmp_path_factory.mktemp("certs"))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds are enough for a container's health; here the machine may be busy with other tests."""
    monkeypatch.setattr(health.probe, "__defaults__", (None, 60.0))


@contextmanager
def serving(certs: Path, script: Script) -> Iterator[str]:
    """One connection is taken, TLS begun, and `script` run on it."""
    context = build_context(certs)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)

        def serve() -> None:
            raw, _ = listener.accept()
            raw.settimeout(60)
            try:
                with context.wrap_socket(raw, server_side=True) as peer:
                    script(peer)
            except OSError:
                raw.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)
        assert not thread.is_alive()


def token_of(peer: ssl.SSLSocket) -> bytes:
    verb, token = peer.recv(512).split()
    assert verb == b"PING"
    return token


def say(template: bytes) -> Script:
    """Answer PING with `template`, TOKEN in it replaced, a few bytes at a time; then wait for the other end to go."""

    def script(peer: ssl.SSLSocket) -> None:
        answer = template.replace(b"TOKEN", token_of(peer))
        for at in range(0, len(answer), step := 1 + len(answer) // 100):
            peer.sendall(answer[at : at + step])
        peer.recv(1)

    return script


WELL = [
    b"PONG :TOKEN\r\n",
    b":parley.local PONG parley.local :TOKEN\r\n",
    b"NOTICE * :hello\r\n:parley.local\r\n\r\n:parley.local 451 * PING :no\r\npong parley.local TOKEN\n",
]


@pytest.mark.parametrize("answer", WELL)
def test_a_server_that_answers_is_healthy(certs: Path, capsys: pytest.CaptureFixture[str], answer: bytes) -> None:
    with serving(certs, say(answer)) as address:
        assert health.main(["--ca", str(certs / "ca.pem"), "--address", address]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"healthy: {address}: TLSv1.3, PONG after ")
    assert out.endswith(" ms, certificate good for 30 days\n")
    assert err == ""


UNWELL = [
    (say(b"ERROR :full\r\n"), "the server said 'ERROR :full"),
    (say(b"PONG :other\r\nx" * 2000), "16384 bytes came and no PONG was among them"),
    (token_of, "the server closed the connection instead of answering PING"),
]


@pytest.mark.parametrize(("script", "why"), UNWELL)
def test_a_server_that_does_not_answer_is_unhealthy(
    certs: Path, capsys: pytest.CaptureFixture[str], script: Script, why: str
) -> None:
    with serving(certs, script) as address:
        assert health.main(["--ca", str(certs / "ca.pem"), "--address", address]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"unhealthy: {address}: {why}")
    assert err.count("\n") == 1


def test_the_name_is_verified(certs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(certs, say(b"PONG TOKEN\r\n")) as address:
        assert health.main(["--ca", str(certs / "ca.pem"), "--address", address, "--host", "localhost"]) == 0
    with serving(certs, say(b"PONG TOKEN\r\n")) as address:
        assert health.main(["--ca", str(certs / "ca.pem"), "--address", address, "--host", "other.example"]) == 1
    assert "its certificate does not hold: " in capsys.readouterr().err


def test_the_authority_is_verified(certs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stranger = Authority().lay_out(tmp_path)
    with serving(certs, say(b"PONG TOKEN\r\n")) as address:
        assert health.main(["--ca", str(stranger / "ca.pem"), "--address", address]) == 1
    assert "its certificate does not hold: " in capsys.readouterr().err


@pytest.mark.parametrize("noise", [b"", b"NOTICE * :x\r\n"])
def test_the_budget_is_for_everything_together(
    certs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, noise: bytes
) -> None:
    monkeypatch.setattr(health.probe, "__defaults__", (None, 0.3))

    def drip(peer: ssl.SSLSocket) -> None:
        peer.settimeout(0.02)
        while True:
            if noise:
                peer.sendall(noise)
            try:
                if not peer.recv(512):
                    return
            except TimeoutError:
                continue

    begun = time.monotonic()
    with serving(certs, drip) as address:
        assert health.main(["--ca", str(certs / "ca.pem"), "--address", address]) == 1
    assert time.monotonic() - begun < 20
    assert "no answer within" in capsys.readouterr().err


def test_the_budget_can_run_out_before_the_connection(certs: Path) -> None:
    with pytest.raises(TimeoutError):
        health.probe(Address("127.0.0.1", 1), certs / "ca.pem", budget_s=0)


def test_nobody_there_is_unhealthy(certs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    assert health.main(["--ca", str(certs / "ca.pem"), "--address", address]) == 1
    assert capsys.readouterr().err == f"unhealthy: {address}: Connection refused\n"


def test_a_missing_authority_is_unhealthy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main(["--ca", str(tmp_path / "ca.pem")]) == 1
    assert capsys.readouterr().err == "unhealthy: 127.0.0.1:6697: No such file or directory\n"


def test_it_is_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["health", "--ca", str(tmp_path / "none")])
    monkeypatch.delitem(sys.modules, "server.health")
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("server.health", run_name="__main__")
    assert ended.value.code == 1
    assert "unhealthy" in capsys.readouterr().err
