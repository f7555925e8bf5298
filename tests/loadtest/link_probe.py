"""One connection of the harness that obeys: a command a line on stdin, an event a line on stdout.

    python -m tests.loadtest.link_probe HOST:PORT CA

Commands: open [BUFFER], again (resume the session of the one before), send TEXT, fill (send without an end), pause, resume, read N,
close, abrupt, state, bug.
Events: opened RESUMED, received N, closed WHY, state BACKLOG SESSION, failed WHAT.
"""

from __future__ import annotations

from loadtest import connection  # first: it imports locust, which patches the standard library

# isort: split
import ssl
import sys
import time

from gevent.fileobject import FileObjectThread

from loadtest.options import Settings
from loadtest.reactor import Reactor


def say(*words: object) -> None:
    print(*words, flush=True)


class Probe:
    """The listener, and whoever tells it what to do."""

    def __init__(self, host: str, ca: str) -> None:
        self._settings = Settings(host=host, ca=ca)
        self._address = connection.resolve(self._settings)
        self._tls = connection.context(self._settings)
        self._reactor = Reactor(lambda why: say("failed", repr(why)))
        self._link = self._new()

    def _new(self) -> connection.Connection:
        return connection.Connection(self._reactor, self, lambda why: connection.explain(why, self._settings))

    def opened(self) -> None:
        say("opened", self._link.resumed)

    def received(self, data: bytes, now: int) -> None:
        assert data.endswith(b"\n")
        assert now <= time.monotonic_ns()
        say("received", len(data), data[:20].split(b"\r")[0].decode())

    def closed(self, why: str) -> None:
        say("closed", why)

    def _open(self, buffer: int = 0, session: ssl.SSLSession | None = None) -> None:
        self._link = self._new()
        say("session before", self._link.session)
        self._link.open(
            self._tls,
            self._address,
            "localhost",
            connection.source_for(self._address, 9),
            session=session,
            receive_buffer=buffer,
        )

    def _bug(self) -> None:
        raise RuntimeError("a bug")

    def obey(self, command: str, rest: list[str]) -> None:
        link = self._link
        if command == "open":
            self._open(int(rest[0]) if rest else 0)
        elif command == "again":
            self._open(session=link.session)
        elif command == "send":
            say("sent", link.send(" ".join(rest).encode() + b"\r\n"))
        elif command == "fill":
            say("filled", all(link.send(b"x" * 4094 + b"\r\n") for _ in range(8192)))
        elif command == "read":
            link.read_some(int(rest[0]))
        elif command == "pause":
            link.pause()
        elif command == "resume":
            link.resume()
        elif command == "close":
            link.close()
            link.close()
        elif command == "abrupt":
            link.close(abrupt=True)
        elif command == "bug":
            self._reactor.at(time.monotonic_ns(), self._bug)
        elif command == "state":
            say("state", link.backlog, link.session is not None)


def main() -> None:
    probe = Probe(sys.argv[1], sys.argv[2])
    for line in FileObjectThread(sys.stdin):
        command, *rest = line.split()
        probe.obey(command, rest)


if __name__ == "__main__":
    main()
