"""Control clients: people who only chat, in a process of their own, so that what the attack costs the attacker is not measured.

    python -m tests.attack.control PORT CA

Each says something in a room of its own twice a second, which flood control allows for ever, and measures until its echo is
there: through the lock, the journal, the disk and the worker. A line on standard input, a name of a phase, begins that phase; the
answer is one line of JSON about the phase before it. An empty line ends it all.
"""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.e2e.irc import context_for

PEOPLE = 48  # so many that the 99th percentile of two seconds is not just the worst of all
SOURCE = "127.0.0.77"  # not where the attacks come from: limits per address are theirs alone
_PERIOD_S = 0.52  # between two lines of one person
_LOST_S = 10.0
_OVERDUE_S = 0.05  # echoes that have not come at the end of a phase count where they are as late as that


class Person:
    """One control client; not blocking once it is in."""

    def __init__(self, number: int, port: int, ca: Path, at: float) -> None:
        raw = socket.create_connection(("127.0.0.1", port), 30, (SOURCE, 0))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context_for(ca).wrap_socket(raw, server_hostname="127.0.0.1")
        self.room = f"#control{number}"
        self.sent = 0.0  # when the line went out that has not come back
        self.next = at
        self.count = 0
        self._rest = b""
        nick = f"control{number}"
        self._write(f"CAP REQ :echo-message\r\nCAP END\r\nNICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN {self.room}\r\n")
        while b" 366 " not in self._rest:
            data = self.sock.recv(65536)
            assert data, f"turned away: {self._rest!r}"
            self._rest += data
        self._rest = b""
        self.sock.settimeout(0)

    def _write(self, text: str) -> None:
        self.sock.sendall(text.encode())

    def speak(self, now: float) -> None:
        """Say the next thing."""
        self.count += 1
        self.sent = now
        self.next = now + _PERIOD_S
        self._write(f"PRIVMSG {self.room} :tick {self.count}\r\n")

    def hear(self) -> float:
        """Read what is there; the seconds that the echo took, 0.0 where it is not there yet. Raises OSError when cut off."""
        with suppress(ssl.SSLWantReadError):
            while True:
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError("cut off")
                self._rest += data
        *lines, self._rest = self._rest.split(b"\r\n")
        took = 0.0
        for line in lines:
            if line.startswith(b"PING "):
                self._write("PONG " + line[5:].decode() + "\r\n")
            elif line.endswith(b" :tick %d" % self.count):
                took = max(time.monotonic() - self.sent, 1e-9)
                self.sent = 0.0
        return took


class Phase:
    """What was measured under one name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.echoes: list[float] = []
        self.faults: list[str] = []

    def summary(self) -> str:
        """One line of JSON; times in milliseconds."""
        ordered = sorted(self.echoes)
        return json.dumps(
            {
                "phase": self.name,
                "echoes": len(ordered),
                "p50_ms": 1000 * ordered[len(ordered) // 2] if ordered else None,
                "p99_ms": 1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else None,
                "max_ms": 1000 * ordered[-1] if ordered else None,
                "faults": self.faults,
            }
        )


def _round(people: list[Person], phase: Phase) -> None:
    now = time.monotonic()
    for person in list(people):
        try:
            if not person.sent and now >= person.next:
                person.speak(now)
            if took := person.hear():
                phase.echoes.append(took)
            elif person.sent and now - person.sent > _LOST_S:
                raise TimeoutError(f"no echo for {_LOST_S:g} s")
        except OSError as error:
            phase.faults.append(f"{person.room}: {error or type(error).__name__}")
            people.remove(person)


def main(port: int, ca: Path) -> None:
    """Until an empty line, or the end of standard input."""
    with suppress(OSError):
        os.nice(-10)  # as people on machines of their own
    begin = time.monotonic()
    people = [Person(number, port, ca, begin + number * _PERIOD_S / PEOPLE) for number in range(PEOPLE)]
    phase = Phase("")
    print("ready", flush=True)
    os.set_blocking(0, False)
    while True:
        soonest = min((person.next for person in people if not person.sent), default=time.monotonic() + 0.1)
        wait = max(0.0, min(0.1, soonest - time.monotonic()))
        ready, _, _ = select.select([0, *[person.sock.fileno() for person in people]], [], [], wait)
        _round(people, phase)
        if 0 in ready:
            name = os.read(0, 4096).decode()
            now = time.monotonic()
            phase.echoes += [
                now - person.sent for person in people if person.sent and now - person.sent > _OVERDUE_S
            ]  # at the least
            print(phase.summary(), flush=True)
            if not name.strip():
                return
            phase = Phase(name.strip())


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
