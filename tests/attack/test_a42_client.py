"""A42: our client, as people start it, against servers that mean it harm."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.attack.rows import row
from tests.attack.siege import MIB
from tests.client.certificates import Authority
from tests.client.fake_server import RawServer
from tests.e2e.process import PATIENCE, ROOT, bare

ESC = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b31m"
WELCOME = ":evil 001 me :Welcome\r\n:evil 422 me :none\r\n"
IN = ":me!u@h JOIN #lobby\r\n:evil 353 me = #lobby :me\r\n:evil 366 me #lobby :End\r\n"
ENOUGH_S = 1.5  # of nastiness, then the server hangs up
GROWTH = 24 * MIB  # above what a client against a friendly server takes


def endless(*lines: str) -> bytes:
    """About a mebibyte of them; {0} becomes a number that grows."""
    text = "".join(f"{line}\r\n" for line in lines)
    return (text * (MIB // len(text) + 1)).encode()


def said(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in lines)


NUMERICS = [line for n in range(1000) for line in (f":evil {n:03} me", f":evil {n:03}", f"{n:03} :")]
NASTY: dict[str, tuple[str, bytes]] = {
    "a line of a mebibyte": ("", b"x" * MIB),
    "a line of a mebibyte, once welcome": (WELCOME + IN, b":a!b@c PRIVMSG #lobby :" + b"y" * MIB),
    "CAP LS continued for ever": ("", endless(f":evil CAP * LS * :{'cap-{0}= ' * 30}")),
    "CAP in bad forms": ("", endless(":evil CAP", ":e CAP *", ":e CAP * LS", "CAP * LS * * * :=== = a= =b sasl=", "CAP * ACK :-")),
    "005 of garbage": (
        WELCOME,
        endless(":evil 005 me CHATHISTORY=99999999999999999999 NICKLEN=-1 LINELEN=x = == CASEMAPPING= \x01\x00", ":evil 005"),
    ),
    "numerics of nothing": (WELCOME, said(*NUMERICS).encode() * 40),
    "batches never closed": (
        WELCOME + IN,
        endless("BATCH +{0} chathistory #lobby", "@batch={0} :a!b@c PRIVMSG #lobby :x"),
    ),
    "history that lies": (
        WELCOME + IN,
        endless(
            "@batch=h;msgid=ZZ;time=9999-99-99T99:99:99Z :me!u@h PRIVMSG #lobby :again",
            "BATCH +h chathistory #lobby",
            "BATCH -h",
            "FAIL CHATHISTORY MESSAGE_ERROR LATEST #lobby :no",
        ),
    ),
    "names with escapes": (
        WELCOME + IN,
        endless(f":{ESC}!u@h JOIN #lobby", f":{ESC}!{ESC}@{ESC} PRIVMSG #lobby :{ESC}", f":{ESC} NOTICE me :{ESC}"),
    ),
    "topics and errors with escapes": (
        WELCOME + IN,
        endless(f":e TOPIC #lobby :{ESC}", f":e 332 me #lobby :{ESC}", f":e 404 me #lobby :{ESC}", f"FAIL X {ESC} :{ESC}"),
    ),
    "rooms without number": (WELCOME, endless(":me!u@h JOIN #{0}", ":evil 353 me = #{0} :a b c d e")),
    "names of us": (
        WELCOME + IN,
        endless(":me!u@h NICK {0}", ":{0}!u@h NICK me", ":me!u@h NICK", ":me!u@h KICK #lobby me", ":me!u@h JOIN #lobby"),
    ),
    "PING without end": (WELCOME + IN, endless("PING :{0}xxxxxxxxxxxxxxxxxxxxxxxx")),
    "broken UTF-8 and zeros": (WELCOME + IN, b":a!b@c PRIVMSG #lobby :\xff\xfe\xed\xa0\x80\x00\r\r\n" * 30_000),
    "ERROR with escapes": ("", said(f"ERROR :{ESC}").encode()),
}


def serve(first: str, nasty: bytes) -> Callable[[socket.socket], None]:
    def one(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(first.encode())
        deadline, number = time.monotonic() + ENOUGH_S, 0
        with suppress(OSError):
            while time.monotonic() < deadline:
                number += 1
                sock.sendall(nasty.replace(b"{0}", b"%d" % number))
                if len(nasty) < 1000:
                    return

    return one


class Victim:
    """`python -m client` in a pipe."""

    def __init__(self, port: int, ca: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "client", f"localhost:{port}", "--name", "me", "--ca", str(ca)],
            cwd=ROOT,
            env=bare(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def peak(self) -> int:
        """The most memory that it has had, in bytes."""
        with suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii"))
            return int(found[1]) << 10 if found else 0
        return 0

    def watch(self, seconds: float) -> tuple[int, bytes, bytes]:
        """Its peak in that time, and all that it showed; it is told to leave then, and has to."""
        peak, deadline = 0, time.monotonic() + seconds
        os.set_blocking(self.process.stdout.fileno(), False)  # type: ignore[union-attr]
        os.set_blocking(self.process.stderr.fileno(), False)  # type: ignore[union-attr]
        shown = [b"", b""]
        while self.process.poll() is None and time.monotonic() < deadline:
            peak = max(peak, self.peak())
            for at, stream in enumerate((self.process.stdout, self.process.stderr)):
                shown[at] += (stream and stream.read(1 << 20)) or b""
            time.sleep(0.02)
        self.process.terminate()
        os.set_blocking(self.process.stdout.fileno(), True)  # type: ignore[union-attr]
        os.set_blocking(self.process.stderr.fileno(), True)  # type: ignore[union-attr]
        out, err = self.process.communicate(timeout=PATIENCE)
        return peak, shown[0] + out, shown[1] + err


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("evil"), "ca")


@row("A42")
def test_nothing_that_a_server_says_crashes_or_fills_the_client(authority: Authority) -> None:
    """All of them at the same time, each with a client of its own: seconds are scarce, and the machine has two cores."""
    context = authority.context("localhost")
    with RawServer(serve(WELCOME + IN, b"PING :x\r\n"), context) as friendly:
        usual = Victim(friendly.port, authority.ca).watch(2.5)[0]
    assert usual
    for group in range(0, len(NASTY), 4):
        names = list(NASTY)[group : group + 4]
        servers = [RawServer(serve(*NASTY[name]), context) for name in names]
        for server in servers:
            server.__enter__()
        try:
            victims = [Victim(server.port, authority.ca) for server in servers]
            with ThreadPoolExecutor() as pool:
                watched = list(pool.map(lambda victim: victim.watch(2.5), victims))
            for name, victim, (peak, out, err) in zip(names, victims, watched, strict=True):
                assert b"Traceback" not in out + err, f"{name}: {err[-2000:].decode(errors='replace')}"
                found = re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", (out + err).decode())
                assert not found, f"{name}: {found} was shown"
                assert victim.process.returncode in (0, 1, 130, 143, -15), f"{name}: {victim.process.returncode}"
                assert peak < usual + GROWTH, f"{name}: {peak / MIB:.0f} MiB, and usually {usual / MIB:.0f}"
        finally:
            for server in servers:
                server.__exit__(None, None, None)


@row("A42")
@pytest.mark.parametrize(
    ("hosts", "how", "reason"),
    [
        (("elsewhere.example",), {}, "localhost"),
        (("localhost",), {"start": -40.0, "days": 30.0}, "expired"),
        (("localhost",), {"start": 2.0}, "not yet valid|not valid"),
    ],
    ids=["another name", "expired", "not yet valid"],
)
def test_a_bad_certificate_is_refused_with_the_reason(
    authority: Authority, hosts: tuple[str, ...], how: dict[str, float], reason: str
) -> None:
    spoken: list[bytes] = []

    def listens(sock: socket.socket) -> None:
        with suppress(OSError):
            spoken.append(sock.recv(65536))

    with RawServer(listens, authority.context(*hosts, **how)) as server:  # type: ignore[arg-type]
        victim = Victim(server.port, authority.ca)
        out, err = victim.process.communicate(timeout=PATIENCE)
    assert victim.process.returncode == 1
    assert re.search(reason, err.decode()), err
    assert b"Traceback" not in err
    assert not b"".join(spoken), "it talked to a server that it could not trust"
    assert not out


@row("A42")
def test_another_authority_is_refused_with_the_reason(authority: Authority, tmp_path: Path) -> None:
    with RawServer(lambda sock: None, Authority(tmp_path, "other").context("localhost")) as server:
        victim = Victim(server.port, authority.ca)
        err = victim.process.communicate(timeout=PATIENCE)[1]
    assert victim.process.returncode == 1
    assert b"Traceback" not in err
    assert re.search("certificate|authority", err.decode()), err
