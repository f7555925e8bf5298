"""What users do with a server that means harm, said as one JSON object: for test_session.py, in a process that Locust may patch.

python -m tests.loadtest.session_probe CA
"""

from __future__ import annotations

from loadtest import connection  # first: it imports locust, which patches the standard library

# isort: split
import json
import socket
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import gevent

from loadtest.behaviours import misbehave
from loadtest.irc_user import Session
from loadtest.options import Refused, Settings
from loadtest.reactor import Reactor
from loadtest.scenarios import Part

EVIL = b"a\x1b]0;title\x07b" + b"c" * 4000


class Generator:
    """As much of one as these users need."""

    watches = stopping = False
    version = ""

    def __init__(self, settings: Settings, address: tuple[int, Any]) -> None:
        self.settings = settings
        self.address = address
        self.tls = connection.context(settings)
        self.scenario = self.tally = self
        self.reactor = Reactor(lambda why: None)
        self.errors: list[str] = []
        self.hostile: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def part(self, number: int) -> Part:
        del number
        return Part(does="hostile", kind="half-tls")

    def reach(self, number: int) -> int:
        return number

    def nick_of(self, number: int) -> str:
        return f"nick{number}"

    def explain(self, error: Exception) -> str:
        return connection.explain(error, self.settings)

    def error(self, kind: str, why: str) -> None:
        self.errors.append(f"{kind}: {why}")

    def record(self, name: str, nanoseconds: int) -> None:
        assert nanoseconds > 0
        self.hostile["half-tls"][name] += 1


def sentence(act: Callable[[Settings], object], ca: str, **given: str) -> str:
    """Why it is refused; "" where it is not."""
    try:
        act(Settings(**({"host": "127.0.0.1:1", "ca": ca} | given)))  # type: ignore[arg-type]
    except Refused as why:
        return str(why)
    return ""


def refusals(ca: str) -> Iterator[tuple[str, str]]:
    yield "host", sentence(connection.resolve, ca, host="a..b:6697")
    for name in ("a..b", ".a", "a\0b", f"{'.'.join(['a' * 60] * 6)}"):
        yield f"name {name[:4]}", sentence(connection.context, ca, tls_name=name)
    yield "host as a name", sentence(connection.context, ca, host="a..b:6697")
    for source in ("nonsense", "127.0.0.5,192.0.2.1", "127.0.0.5, 127.0.0.6"):
        yield source, sentence(connection.resolve, ca, source_address=source)


def first_from(ca: str, listener: socket.socket, source: str) -> str:
    """Where the connection before the load comes from."""

    def hang_up() -> str:
        peer, (where, _) = listener.accept()
        peer.close()
        return str(where)

    def once(settings: Settings) -> str:
        return connection.try_once(settings, connection.context(settings), connection.resolve(settings))

    server = gevent.spawn(hang_up)
    why = sentence(once, ca, host=f"127.0.0.1:{listener.getsockname()[1]}", source_address=source)
    assert why, "a server that hangs up is none"
    return str(server.get())


def words(generator: Generator) -> dict[str, Any]:
    """What is kept of a server's words."""

    def heard(line: bytes) -> str:
        session = Session(generator, 0, Part("#r"), lambda phase, took: None)  # type: ignore[arg-type]
        session.received(line + b"\r\n", 1)
        return str(session.ready.get()) if session.ready.ready() else ""

    said = {
        "refused": heard(b":s 433 * nick :" + EVIL),
        "error": heard(b"ERROR :" + EVIL),
        "capabilities": heard(b":s CAP * NAK :" + EVIL),
        "nothing": heard(b":s 004 x y " + EVIL),
    }
    return said | {"errors": generator.errors, "version": generator.version}


def reset_at_once(generator: Generator, listener: socket.socket) -> dict[str, int]:
    """One that means harm, and a server that resets its connection before it has said a word."""
    usual = misbehave.KINDS["half-tls"]

    def after_reset(hostile: misbehave.Hostile, sock: socket.socket) -> bool:
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        return usual(hostile, sock)

    misbehave.KINDS["half-tls"] = after_reset
    misbehave.Hostile(generator, 0)._once()  # type: ignore[arg-type]
    return generator.hostile["half-tls"]


def main() -> None:
    ca = sys.argv[1]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings(host=f"127.0.0.1:{listener.getsockname()[1]}", ca=ca)
        address = connection.resolve(settings)
        generator = Generator(settings, address)
        out = {
            "refusals": dict(refusals(ca)),
            "sources": [connection.source_for(address, n, "127.0.0.5, 127.0.0.6") for n in range(3)],
            "first": first_from(ca, listener, "127.0.0.5,127.0.0.6"),
            "source": connection.source_for(address, 9),
            "words": words(generator),
            "hostile": reset_at_once(generator, listener),
        }
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
