"""The client in a pipe, as a process of its own: lines in, lines out, and an exit code that can be relied on."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from client import cli
from client.connection import Timing
from client.pipe import PipeScreen, silence
from tests.client.certificates import Authority
from tests.client.fake_server import PATIENCE, FakeServer, RawServer, Waits
from tests.client.piped import piped
from tests.e2e.process import bare, make_certificates, serving
from wire.message import Message


@contextmanager
def start(port: int, ca: Path, *more: str, name: str = "alice", covered: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """A client in a pipe. `covered=False`: without coverage, for what is about the bytes that come and not about the program."""
    env = {**(os.environ if covered else bare()), "PARLEY_CA": str(ca)}
    with piped("client", f"localhost:{port}", "--name", name, *more, env=env) as child:
        yield child


def run(port: int, ca: Path, said: bytes, *more: str) -> tuple[int, list[str], list[str]]:
    """Exit code, standard output and standard error; times cut off."""
    with start(port, ca, *more) as client:
        out, err = client.communicate(said, timeout=60)
    return client.returncode, [_without_time(o) for o in out.decode().splitlines()], err.decode().splitlines()


def _without_time(row: str) -> str:
    return row.partition(" ")[2]


def test_lines_in_lines_out(server: FakeServer, ca: Path) -> None:
    server.speak("what was before")
    code, out, err = run(server.port, ca, "grüße\n\n/me waves\n//join\r\nlast, without an end".encode())
    assert (code, out) == (
        0,
        ["<zoe> what was before", "<alice> grüße", "* alice waves", "<alice> /join", "<alice> last, without an end"],
    )
    assert all(row[6:8] in ("--", " 0") or row.startswith("--") for row in err), err
    assert server.seen[-1] == Message("QUIT", [""])


def test_everything_asked_for_in_the_pipe(server: FakeServer, ca: Path) -> None:
    command = [sys.executable, "-m", "client"]
    said = f"localhost:{server.port}\nalice\nhello\n".encode()
    done = subprocess.run(
        command, input=said, capture_output=True, env={**os.environ, "PARLEY_CA": str(ca)}, timeout=60, check=True
    )
    assert done.stdout.startswith(b"Enter server address: Enter your name: ")
    assert done.stdout.endswith(b"<alice> hello\n")


def test_nothing_to_say(server: FakeServer, ca: Path) -> None:
    assert run(server.port, ca, b"")[:2] == (0, [])


def test_it_leaves_only_when_everything_is_stored(server: FakeServer, ca: Path) -> None:
    count = 0

    def cut(message: Message) -> str:
        nonlocal count
        count += 1
        return {20: "before", 41: "after"}.get(count, "")

    server.cut = cut
    expected = [f"line {i}" for i in range(300)]
    code, out, err = run(server.port, ca, "\n".join(expected).encode() + b"\n")
    assert code == 0, err
    assert [line.split(" :", 2)[2] for _, _, line in server.log] == expected
    assert out == [f"<alice> {line}" for line in expected]
    assert sum("Connection lost; next try in" in row for row in err) == 2


def test_a_line_longer_than_any_message(server: FakeServer, ca: Path) -> None:
    words = " ".join(f"w{i}" for i in range(12_000))
    code, _, err = run(server.port, ca, words.encode())
    assert code == 0, err
    got = [line.split(" :", 2)[2] for _, _, line in server.log]
    assert "".join(got).replace(" ", "") == words.replace(" ", "")
    assert max(len(line) for line in got) < 512


def test_what_was_not_stored_is_an_exit_code(server: FakeServer, ca: Path) -> None:
    code, out, err = run(server.port, ca, b"/msg nobody hi\nhello\n")
    assert (code, out) == (1, ["<alice> hello"])
    assert any("!! not sent to nobody (No such nick): hi" in row for row in err)
    assert run(server.port, ca, b"/wat\n")[0] == 1


def test_a_room_that_lets_nobody_in(server: FakeServer, ca: Path) -> None:
    server.refuse["#dev"] = "474 {nick} {room} :You are banned"
    code, out, err = run(server.port, ca, b"hi\n", "--room", "dev")
    assert (code, out) == (1, [])
    assert any("!! #dev: You are banned" in row for row in err)


def test_a_name_as_people_write_it(server: FakeServer, ca: Path) -> None:
    with start(server.port, ca, name="Alice Smith") as client:
        _, err = client.communicate(b"", timeout=60)
    assert err.decode().startswith("Your name here is Alice_Smith: letters, digits and ")


def test_output_that_nobody_reads(server: FakeServer, ca: Path) -> None:
    with start(server.port, ca) as client:
        assert client.stdout is not None
        assert client.stdin is not None
        assert client.stderr is not None
        client.stdout.close()
        client.stdin.write(b"one\ntwo\nthree\n")
        client.stdin.close()
        client.stdin = None
        err = client.stderr.read().decode()
        assert client.wait(60) == 0, err
    assert server.said() == ["one", "two", "three"]
    assert "Traceback" not in err


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals(server: FakeServer, ca: Path, sign: signal.Signals, code: int) -> None:
    with start(server.port, ca) as client:
        Waits.until(lambda: server.joined("alice"), "alice in the lobby")
        client.send_signal(sign)
        assert client.wait(PATIENCE) == code
        assert client.stderr is not None
        assert b"Traceback" not in client.stderr.read()
    assert server.seen[-1].command == "QUIT"


def test_quit_before_the_end_of_the_input(server: FakeServer, ca: Path) -> None:
    with start(server.port, ca) as client:
        assert client.stdin is not None
        client.stdin.write(b"/quit\n")
        client.stdin.flush()
        assert client.wait(PATIENCE) == 0


def test_plain(authority: Authority, ca: Path) -> None:
    got: list[bytes] = []

    def serve(sock: object) -> None:
        assert hasattr(sock, "recv")
        while data := sock.recv(65536):
            got.append(data)

    with RawServer(serve, authority.context("localhost")) as server:
        code, out, _ = run(server.port, ca, b"one\ntwo\n", "--plain")
    assert (code, out) == (0, ["<alice> one", "<alice> two"])
    assert got == [b"alice", b"one", b"two"]


def test_plain_in_a_pipe_loses_nothing_to_flood_control(tmp_path: Path) -> None:
    certs, data = make_certificates(tmp_path / "certs"), tmp_path / "data"
    lines = [f"line {i}" for i in range(14)]  # the server's flood control would let ten through, and make the others wait
    with serving(certs, data, covered=False) as server, start(server.plain_port, server.ca, "--plain", name="bob") as bob:
        assert bob.stdin is not None
        assert bob.stdout is not None
        server.says("bob joined")
        with start(server.plain_port, server.ca, "--plain") as alice:
            talk = threading.Thread(target=_talk, args=(bob.stdin, alice))  # a client that left early would answer it with a reset
            talk.start()
            out, err = alice.communicate("\n".join(lines).encode(), timeout=60)
            talk.join(PATIENCE)
        seen = b""
        while (row := bob.stdout.readline()) and b"<alice> line 13" not in row:
            seen += row
        bob.stdin.close()
        bob.stdin = None
        seen += row + bob.stdout.read()
        assert bob.wait(PATIENCE) == 0
    assert alice.returncode == 0, err.decode()
    for shown in (out, seen):
        said = [_without_time(row) for row in shown.decode().splitlines()]
        assert [row for row in said if row.startswith("<alice>")] == [f"<alice> {line}" for line in lines]


def _talk(stdin: IO[bytes], until: subprocess.Popen[bytes]) -> None:
    while until.poll() is None:
        stdin.write(b"are you still here?\n")
        stdin.flush()
        time.sleep(0.5)


def test_plain_waits_for_the_server_to_take_everything(
    authority: Authority, ca: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    got: list[bytes] = []
    over = threading.Event()

    def serve(sock: object) -> None:
        assert hasattr(sock, "recv")
        assert hasattr(sock, "sendall")
        over.wait(1)  # longer than the goodbye of IRC
        for _ in range(2):  # a client that is no longer there answers the first with a reset, and the second fails
            sock.sendall(b"bob: something that comes after the client's goodbye")
            time.sleep(0.2)
        while data := sock.recv(65536):
            got.append(data)

    monkeypatch.setattr("client.connection.Timing", partial(Timing, goodbye=0.2))
    monkeypatch.setenv("PARLEY_CA", str(ca))
    with RawServer(serve, authority.context("localhost")) as server, typed(monkeypatch, b"one\ntwo\n"):
        assert cli.main([f"localhost:{server.port}", "--name", "alice", "--plain"]) == 0
    assert got == [b"alice", b"one", b"two"]
    assert capsys.readouterr().out.count("<alice>") == 2


def test_plain_says_so_where_the_server_went_away(authority: Authority, ca: Path) -> None:
    def serve(sock: object) -> None:
        assert isinstance(sock, ssl.SSLSocket)
        while sock.recv(65536) != b"two":
            pass
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset now

    with RawServer(serve, authority.context("localhost")) as server, start(server.port, ca, "--plain") as client:
        assert client.stdin is not None
        assert client.stderr is not None
        client.stdin.write(b"one\ntwo\n")
        client.stdin.flush()
        while (row := client.stderr.readline()) and b"nobody knows whether this arrived" not in row:
            pass
        assert row.endswith(b": two\n")
        client.stdin.close()
        client.stdin = None
        assert client.wait(PATIENCE) == 1


HOSTILE = {
    "a line of 1 MB": b":s PRIVMSG alice :" + b"x" * 1_000_000 + b"\r\n",
    "no line end for 4 MB": b"y" * 4_000_000 + b"\r\n",
    "CAP LS without end": b":s CAP * LS * :" + b"a=b " * 2000 + b"\r\n" + b":s CAP * LS * :x\r\n" * 5000,
    "garbage ISUPPORT": b":s 005 alice CHATHISTORY=-1 CHATHISTORY=1e9 PREFIX=( =x NICKLEN=\xff " + b"A" * 3000 + b" :x\r\n",
    "numerics without parameters": b"".join(b":s %03d\r\n" % i for i in range(1000)),
    "numerics for somebody else": b"".join(
        b":s %03d eve #lobby x :y\r\n" % i for i in range(1000) if i not in (432, 433, 436, 437)
    ),
    "bytes that are no text": bytes(range(256)) * 200 + b"\r\n",
    "batches": b"".join(b"BATCH +%d chathistory #lobby\r\n" % i for i in range(3000)) + b"BATCH -1\r\nBATCH\r\nBATCH -x\r\n",
    "rooms and people": b"".join(b":alice!u@h JOIN #%d\r\n:n%d!u@h PRIVMSG alice :hi\r\n" % (i, i) for i in range(3000)),
    "escapes": b":\x1b]0;t\x07!u@h PRIVMSG #lobby :\x1b[2J\xc2\x9b31m\xe2\x80\xae\r\n:s 332 alice #lobby :\x1b]52;c;aGk=\x07\r\n",
}


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("before", [True, False], ids=["before the welcome", "after it"])
def test_a_hostile_server(authority: Authority, ca: Path, attack: str, before: bool) -> None:
    over = threading.Event()

    def serve(sock: object) -> None:
        assert hasattr(sock, "sendall")
        parts = [HOSTILE[attack], b":s 001 alice :hi\r\n:alice!u@h JOIN #lobby\r\n"]
        for part in parts if before else parts[::-1]:
            sock.sendall(part)
        sock.sendall(b":bob!u@h PRIVMSG #lobby :the end\r\n")
        over.wait(30)
        heard = b""
        assert hasattr(sock, "recv")
        while b"QUIT" not in heard and (data := sock.recv(65536)):
            heard = heard[-4:] + data

    with RawServer(serve, authority.context("localhost")) as server, start(server.port, ca, covered=False) as client:
        assert client.stdout is not None
        assert client.stderr is not None
        rows = []
        errors: list[bytes] = []
        reader = threading.Thread(target=lambda: errors.append(client.stderr.read() if client.stderr else b""))
        reader.start()
        while (row := client.stdout.readline()) and b"<bob> the end" not in row:
            rows.append(row)
        over.set()
        client.terminate()
        assert client.wait(PATIENCE) in (0, 1), "1: this server had not taken all that it was told"
        reader.join(PATIENCE)
    shown = b"".join(rows) + errors[0]
    assert row, shown[-2000:]
    assert b"Traceback" not in shown
    assert not set(shown) & {*range(10), *range(11, 32), 127}, "a control character"
    assert b"\xc2\x9b" not in shown
    assert "\u202e".encode() not in shown


def test_screens_survive_their_streams(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as out, open(tmp_path / "err", "w") as err:
        screen = PipeScreen(out, err)
        screen.show("a", spoken=True)
        screen.show("b", spoken=True)
        screen.show("c", spoken=False)
        screen.ended()
        silence(out)
        silence(type("", (), {"fileno": lambda self: -1})())
    assert (tmp_path / "err").read_text() == "c\n"


@contextmanager
def typed(monkeypatch: pytest.MonkeyPatch, said: bytes) -> Iterator[None]:
    """Standard input is a pipe, with this in it and an end."""
    read, write = os.pipe()
    os.write(write, said)
    os.close(write)
    with open(read) as source:
        monkeypatch.setattr(sys, "stdin", source)
        yield


def test_within_this_process(
    server: FakeServer, ca: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with typed(monkeypatch, b"hello\n"):
        assert cli.main([f"localhost:{server.port}", "--name", "Al Ice", "--ca", str(ca)]) == 0
    assert "<Al_Ice> hello\n" in capsys.readouterr().out
    server.taken.add("bob")
    with typed(monkeypatch, b""):
        assert cli.main([f"localhost:{server.port}", "--name", "bob", "--ca", str(ca)]) == 1
