"""Each way in which connecting fails gives one sentence that says what to do and exit code 1. Real TLS throughout."""

from __future__ import annotations

import errno
import io
import os
import socket
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from client import cli
from client.address import Address, parse_address
from client.errors import Trouble, explain
from client.pipe import open_input
from client.trust import LOCAL_CA, SYSTEM, client_context, describe, find_ca
from tests.client.certificates import Authority
from tests.client.conftest import FAST
from tests.client.fake_server import FakeServer, RawServer, drain


def run(port: int, ca: Path, *more: str, host: str = "localhost") -> tuple[int, list[str]]:
    """The client in a pipe: its exit code, and what it said."""
    command = [sys.executable, "-W", "error", "-m", "client", f"{host}:{port}", "--name", "alice", "--ca", str(ca), *more]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=False)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode().splitlines()


def refused(port: int, ca: Path, *more: str, host: str = "localhost") -> str:
    code, said = run(port, ca, *more, host=host)
    assert code == 1, said
    assert len(said) == 1, said
    return said[0]


def test_wrong_ca(server: FakeServer, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    sentence = refused(server.port, other.ca)
    assert sentence == (
        f"The certificate of localhost:{server.port} is not signed by the authority in {other.ca}: "
        "get ca.pem from its operator and pass it with --ca FILE."
    )


def test_wrong_name(authority: Authority, ca: Path) -> None:
    with FakeServer(authority.context("chat.example")) as server:
        assert refused(server.port, ca) == (
            f"The certificate of localhost:{server.port} is not for localhost: connect by the name that its operator gave out."
        )
        assert "is not for 127.0.0.1" in refused(server.port, ca, host="127.0.0.1")


def test_expired_and_not_yet_valid(authority: Authority, ca: Path) -> None:
    with FakeServer(authority.context("localhost", start=-10, days=5)) as server:
        assert "has expired: its operator has to renew it (or this computer's clock is wrong)." in refused(server.port, ca)
    with FakeServer(authority.context("localhost", start=5)) as server:
        assert "is not valid yet: check this computer's clock." in refused(server.port, ca)


def test_nobody_listens(ca: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert refused(port, ca) == (f"Nothing listens at localhost:{port}: check the address and the port, and that the server runs.")


def test_unknown_host(ca: Path) -> None:
    assert refused(6697, ca, host="nowhere.invalid") == (
        "No address is known for nowhere.invalid: check how it is written, and this computer's network."
    )


def test_a_port_without_tls(ca: Path) -> None:
    def serve(sock: socket.socket) -> None:
        sock.recv(100)
        sock.sendall(b":irc.example NOTICE * :*** Looking up your hostname...\r\n")

    with RawServer(serve) as server:
        assert "does not speak TLS: check the port" in refused(server.port, ca)


def test_a_server_that_hangs_up(ca: Path) -> None:
    with RawServer(lambda sock: None) as server:
        assert "closed the connection: check the port (Parley's are 6697, and 12345 with --plain)." in refused(server.port, ca)


def test_a_taken_name(server: FakeServer, ca: Path) -> None:
    server.taken.add("alice")
    assert refused(server.port, ca) == "The name alice is taken or not allowed here: choose another with --name NAME."


def test_a_server_without_proper_ciphers(authority: Authority, ca: Path) -> None:
    with FakeServer(authority.context("localhost", old=True)) as server:
        assert "TLS with localhost" in refused(server.port, ca)


def test_a_server_that_says_nothing(ca: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("client.connection.Timing", lambda: replace(FAST, handshake=0.2))
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115 - the client's
    with RawServer(drain) as server:
        assert cli.main([f"localhost:{server.port}", "--name", "alice", "--ca", str(ca)]) == 1
    sys.stdin.close()
    assert "did not answer in time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a b", "--name", "x"], "'a b' is no server address: write HOST or HOST:PORT, as in localhost:6697.\n"),
        (["a:0", "--name", "x"], "0 is no port: it is a number from 1 to 65535.\n"),
        (["a", "--name", "x", "--room", "#a,b"], "'#a,b' is no room"),
        (["a", "--name", "x", "--ca", "/nowhere"], "The CA file '/nowhere' cannot be used (No such file or directory)"),
        (["a", "--name", "x", "--ca", __file__], "holds no certificate: --ca takes the server's ca.pem."),
    ],
)
def test_mistakes_in_the_command(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 1
    assert sentence in capsys.readouterr().err


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("client.cli.open_input", lambda: io.StringIO("  \n"))
    assert cli.main([]) == 1
    said = capsys.readouterr()
    assert said.out == "Enter server address: Enter server address: \n"
    assert said.err == "An address and a name are needed: python -m client ADDRESS --name NAME\n"
    monkeypatch.setattr("client.cli.open_input", lambda: type("", (io.StringIO,), {"readline": _interrupt})())
    assert cli.main(["localhost"]) == 130


def _interrupt(self: object) -> str:
    raise KeyboardInterrupt


def test_a_closed_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with open_input() as source:
        assert source.read() == ""


A = Address("h", 1)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "did not answer in time"),
        (OSError(errno.ETIMEDOUT, "x"), "did not answer in time"),
        (OSError(errno.EHOSTUNREACH, "x"), "There is no way to h:1"),
        (OSError(errno.EPERM, "x"), "check its firewall"),
        (OSError("odd \x1b"), r"There is no connection to h:1 (odd \x1b)"),
        (BrokenPipeError(), "closed the connection"),
        (ssl.SSLEOFError(), "closed the connection"),
        (Trouble("itself"), "itself"),
    ],
)
def test_explain(error: Exception, words: str) -> None:
    assert words in str(explain(error, A, "us"))


def test_explain_by_reason() -> None:
    error = ssl.SSLError()
    error.reason = "UNSUPPORTED_PROTOCOL"
    assert "no TLS 1.2 or later" in str(explain(error, A, "us"))
    other = ssl.SSLCertVerificationError()
    other.verify_code, other.verify_message = 47, "permitted subtree violation"
    assert "is refused (permitted subtree violation)" in str(explain(other, A, "us"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost", Address("localhost", 6697)),
        (" chat.example.:7000/", Address("chat.example", 7000)),
        ("ircs://chat.example", Address("chat.example", 6697)),
        ("[::1]:7", Address("::1", 7)),
        ("[::1]", Address("::1", 6697)),
        ("2001:db8::1", Address("2001:db8::1", 6697)),
        ("bücher.example", Address("bücher.example", 6697)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", ":6697", "a:b", "a:99999", "a:-1", "..", ".a", "x" * 70, "a/b", "[::1", "irc://x y"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (server address|port)"):
        parse_address(text)


@pytest.mark.parametrize("bad", [*map(chr, range(0x20)), "\x7f", "\x9b", "\u202e", "\u200b", "\ud800", *"\"'`;&|<>()$!*\\,?=@"])
def test_no_control_character_and_no_shell_is_in_a_host(bad: str) -> None:
    for text in (f"a{bad}b", f"a{bad}b:7", f"ircs://a{bad}b"):
        with pytest.raises(ValueError, match=r"is no server address") as caught:
            parse_address(text)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("host", ["a-b_c.example", "b\u00fccher.example", "xn--bcher-kva.example", "127.0.0.1", "\u4f8b\u3048.jp"])
def test_hosts_as_there_are(host: str) -> None:
    assert parse_address(host).host == host


def test_an_address_shows_as_it_is_written() -> None:
    assert [str(parse_address(a)) for a in ("::1", "a:7")] == ["[::1]:6697", "a:7"]


def test_whom_to_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARLEY_CA", raising=False)
    assert find_ca(None) is None
    assert describe(None) == SYSTEM
    LOCAL_CA.parent.mkdir(parents=True)
    LOCAL_CA.touch()
    assert find_ca(None) == LOCAL_CA
    monkeypatch.setenv("PARLEY_CA", "/other")
    assert find_ca(None) == Path("/other")
    assert find_ca("/given") == Path("/given")
    with pytest.raises(Trouble, match="has an empty name"):
        find_ca("")


def test_the_context_verifies(ca: Path) -> None:
    for context in (client_context(ca), client_context(None)):
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert all("ECDHE" in c["name"] for c in context.get_ciphers() if c["protocol"] == "TLSv1.2")
