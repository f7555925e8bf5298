"""`python -m bench.client`: how fast the full-screen client is, as a person has it: the real one, in a terminal, on a real server.

Seen from outside: a pseudo-terminal is read, and a time is from a key, or a message, to the bytes that show it. The messages that
one opens a room of, that come in a flood, and that are shown, are counted out; each key is a letter that stands nowhere else.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from bench.slow_crowd import Where, context_for
from bench.slow_readers import Process

_PATIENCE = 120.0  # seconds for anything
_BATCH = 1000
_TICK = 0.01  # seconds between two bursts of a flood
_LETTERS = 0x4E00  # from here on: a letter for each key


class Talker:
    """Somebody else, who has a lot to say. What comes back is read and thrown away."""

    def __init__(self, where: Where, nick: str) -> None:
        raw = socket.create_connection(("127.0.0.1", where.port), _PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock: ssl.SSLSocket = context_for(where.ca).wrap_socket(raw, server_hostname="localhost")
        self._rest = b""
        self._tokens = 0
        self._sock.sendall(f"NICK {nick}\r\nUSER u 0 * :u\r\n".encode())
        self.until(b" 422 ", b" 376 ")

    def until(self, *marks: bytes) -> float:
        """Read up to one of these; when that was."""
        got = self._rest
        while not any(mark in got for mark in marks):
            data = self._sock.recv(1 << 16)
            if not data:
                raise ConnectionError("the server closed the connection")
            got = got[-1000:] + data
        self._rest = b""
        return time.monotonic()

    def send(self, *lines: str) -> None:
        """Lines, and no wait."""
        self._sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def ping(self) -> None:
        """Wait until the server has taken in everything."""
        self._tokens += 1
        self.send(f"PING t{self._tokens}")
        self.until(b" :t%d\r\n" % self._tokens, b" t%d\r\n" % self._tokens)

    def fill(self, room: str, count: int) -> None:
        """So many messages in a room."""
        self.send(f"JOIN {room}")
        for begin in range(0, count, _BATCH):
            self.send(*[f"PRIVMSG {room} :message {n} of a talk that goes on for long" for n in range(begin, begin + _BATCH)])
            self.ping()

    def flood(self, room: str, rate: int, seconds: float, stop: threading.Event) -> None:
        """At a steady rate."""
        began, said = time.monotonic(), 0
        while not stop.wait(_TICK) and (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate)
            self.send(*[f"PRIVMSG {room} :flood {n} and something more to read" for n in range(said, due)])
            said = due


class Person:
    """The client in a terminal."""

    def __init__(self, where: Where, folder: Path, size: tuple[int, int]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        (folder / "parley").mkdir(exist_ok=True)
        row = {"address": f"localhost:{where.port}", "last_used": "2026-01-01T00:00:00+00:00", "told": ["accounts"]}  # no offer
        (folder / "parley" / "servers.json").write_text(json.dumps({"servers": [row]}))
        environment = {**os.environ, "TERM": "xterm-256color", "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
        command = [sys.executable, "-m", "client", f"localhost:{where.port}", "--ca", str(where.ca), "--name", "ada"]
        self._process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
        os.close(slave)
        self.use = Process(self._process.pid)
        self._written = b""

    def press(self, text: str) -> float:
        """Keys; when."""
        self._written = b""
        now = time.monotonic()
        os.write(self._master, text.encode())
        return now

    def until(self, text: str) -> float:
        """Read until this is drawn; when that was."""
        wanted, deadline = text.encode(), time.monotonic() + _PATIENCE
        while wanted not in self._written:
            if not self.read(deadline - time.monotonic()):
                raise TimeoutError(f"{text} is not drawn: {self._written[-500:]!r}")
        return time.monotonic()

    def read(self, patience: float) -> bool:
        """What is drawn, if anything is in so many seconds."""
        if not select.select([self._master], [], [], max(patience, 0))[0]:
            return False
        self._written = self._written[-65536:] + os.read(self._master, 1 << 16)
        return True

    def rest(self, seconds: float) -> None:
        """Look on for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.read(left)

    def leave(self) -> None:
        """Ctrl+Q, and the end."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_PATIENCE)
        os.close(self._master)


def keys(person: Person, seconds: float) -> list[float]:
    """A key every 100 ms: milliseconds until each is on the screen."""
    found, number = [], 0
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        letter = chr(_LETTERS + number)
        at = person.press(letter)
        found.append((person.until(letter) - at) * 1e3)
        number += 1
        person.rest(at + 0.1 - time.monotonic())
        if number % 40 == 0:
            person.press("\x15")  # an empty line again
    return found


def quantiles(found: list[float]) -> dict[str, float]:
    """Median, the 99th of a hundred, and the worst."""
    found = sorted(found)
    return {
        "p50": round(found[len(found) // 2], 1),
        "p99": round(found[int(0.99 * (len(found) - 1))], 1),
        "max": round(found[-1], 1),
    }


def opening(where: Where, folder: Path, size: tuple[int, int], stored: int, rounds: int = 9) -> dict[str, object]:
    """Milliseconds from Enter to the last screen of a room that was not open; and until somebody else has the reply alone."""
    newest = f"message {stored - 1} of"
    drawn, replies = [], []
    for number in range(rounds):
        other = Talker(where, f"other{number}")
        other.send("CAP REQ :batch message-tags server-time draft/chathistory draft/event-playback")
        other.ping()
        at = time.monotonic()
        other.send("JOIN #big", "CHATHISTORY LATEST #big * 50")
        replies.append((other.until(newest.encode()) - at) * 1e3)
        person = Person(where, folder, size)
        try:
            other.send("JOIN #lobby")
            person.until("message to #lobby")
            keys(person, 1)
            person.press("\x15/join #big")
            person.until("#big")
            person.rest(0.4)  # what was typed has been drawn, and nothing else is: as it is when a person comes to Enter
            drawn.append((-person.press("\r") + person.until(newest)) * 1e3)
        finally:
            person.leave()
    return {"drawn_ms": quantiles(drawn), "reply_ms": quantiles(replies)}


def measure(where: Where, folder: Path, size: tuple[int, int], stored: int, rate: int, seconds: float) -> dict[str, object]:
    """All of it."""
    talker = Talker(where, "talker")
    talker.fill("#big", stored)
    talker.send("JOIN #lobby")
    opened = opening(where, folder, size, stored)
    person = Person(where, folder, size)
    try:
        person.until("message to")
        talker.until(b":ada!")
        talker.send("PRIVMSG #lobby :welcome")
        person.until("welcome")
        result: dict[str, object] = {"size": size, "opening": opened, "start_mib": round(person.use.memory(), 1)}
        result["key_idle_ms"] = quantiles(keys(person, min(seconds, 5)))
        stop = threading.Event()
        flood = threading.Thread(target=talker.flood, args=("#lobby", rate, seconds + 1, stop))
        cpu, began = person.use.cpu(), time.monotonic()
        flood.start()
        result["key_in_flood_ms"] = quantiles(keys(person, seconds))
        result["cpu_in_flood"] = round((person.use.cpu() - cpu) / (time.monotonic() - began), 2)
        stop.set()
        flood.join()
        cpu, began = person.use.cpu(), time.monotonic()
        talker.fill("#lobby", stored)
        sent = time.monotonic() - began
        last = person.until(f"message {stored - 1} of") - began
        result["all_at_once"] = {
            "messages": stored,
            "sent_s": round(sent, 1),
            "shown_s": round(last, 1),
            "cpu_s": round(person.use.cpu() - cpu, 1),
        }
        result["mib"] = round(person.use.memory(), 1)
    finally:
        person.leave()
    return result


def main() -> int:
    """Start a server and measure."""
    from loadtest.targets.process import Cores  # noqa: PLC0415 - only the script needs other servers
    from loadtest.targets.recipes import READY  # noqa: PLC0415
    from loadtest.targets.running import Started, certificates  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m bench.client", description=__doc__)
    parser.add_argument("--stored", type=int, default=100_000, help="messages of a room (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=1000, help="messages a second in the flood (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="of flood (default: %(default)s)")
    given = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        certs = certificates(Path(scratch) / "certs")
        for size in ((80, 24), (160, 50)):
            with Started(READY["parley"], certs, Path(scratch), Cores.here()).running() as address:
                where = Where(int(address.host.rpartition(":")[2]), certs / "ca.pem")
                results.append(measure(where, Path(scratch), size, given.stored, given.rate, given.seconds))
    print(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
