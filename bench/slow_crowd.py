"""Members of a room who read, and a crowd of members who do not: the two sides of `bench.slow_readers`.

Messages are numbered, and each member checks that it gets every number once and in order. The crowd lives in a process of its own:
what it costs to read for five hundred people must not delay those whose latency is measured.
"""

from __future__ import annotations

import os
import re
import select
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple

ROOM = "#slow"
SMALL = 4096  # of the kernel's receive buffer of those who are not going to read
_SEGMENT = 1400  # bytes, as on a real network: with loopback's 64 KiB the sender's kernel takes in megabytes before it blocks
_JOINING = 16  # at a time
_MOST_RECORDS = 2  # read from one member before the next has its turn
_PATIENCE = 120.0  # seconds for one step of a registration
_NUMBERS = re.compile(rb" PRIVMSG #slow :m (\d+) ")
_ADDRESSES = 200  # source addresses within 127.0.0.0/8


class Where(NamedTuple):
    """The server."""

    port: int
    ca: Path


class Member:
    """A connection that is registered and in the room. It reads when it is told to."""

    def __init__(self, where: Where, context: ssl.SSLContext, nick: str, *, first: int = 0, receive: int = 0) -> None:
        self.nick = nick
        self.next = first  # the number of the message that comes next
        self.wrong = ""  # the first thing that was out of order
        self.closed = ""  # why there is no more
        self._rest = b""
        raw = socket.socket()
        if receive:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
        raw.settimeout(_PATIENCE)
        raw.bind((f"127.0.{1 + sum(nick.encode()) % _ADDRESSES}.1", 0))
        raw.connect(("127.0.0.1", where.port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(raw, server_hostname="localhost")
        self._until(f"NICK {nick}\r\nUSER u 0 * :u\r\n", b" 376 ", b" 422 ")
        self._until(f"JOIN {ROOM}\r\n", b" 366 ")
        self.sock.setblocking(False)

    def _until(self, text: str, *marks: bytes) -> None:
        self.sock.sendall(text.encode())
        got = b""
        while not any(mark in got for mark in marks):
            data = self.sock.recv(16384)
            if not data:
                raise ConnectionError(f"{self.nick} was not let in: {got[-200:]!r}")
            got += data
        self._rest = got[got.rfind(b"\n") + 1 :]

    def read(self) -> int:
        """Take what has come; how many messages that were."""
        chunks = [self._rest]
        try:
            while data := self.sock.recv(16384):
                chunks.append(data)
                if len(chunks) > _MOST_RECORDS:  # others want to be read from too
                    break
            else:
                self.closed = self.closed or "closed"
        except ssl.SSLWantReadError:
            pass
        except OSError as error:
            self.closed = self.closed or str(error)
        return self._take(b"".join(chunks))

    def _take(self, data: bytes) -> int:
        cut = data.rfind(b"\n") + 1
        lines, self._rest = data[:cut], data[cut:]
        if b"PING" in lines:
            for token in re.findall(rb"(?m)^(?::\S+ )?PING (.*?)\r?$", lines):
                with suppress(OSError):
                    self.sock.send(b"PONG %b\r\n" % token)
        if b"ERROR :" in lines:
            self.closed = lines[lines.rfind(b"ERROR :") + 7 :].strip().decode(errors="replace")
        numbers = [int(found) for found in _NUMBERS.findall(lines)]
        if not numbers:
            return 0
        if not self.wrong and numbers != list(range(self.next, self.next + len(numbers))):
            self.wrong = f"{self.nick} expected {self.next} and got {numbers[0]} to {numbers[-1]}, {len(numbers)} of them"
        self.next = numbers[-1] + 1
        return len(numbers)


class Heard(NamedTuple):
    """What the crowd has come to."""

    messages: int  # read since the last report
    seconds: float
    complete: int  # members who have every message up to the last
    closed: dict[str, int]  # members whose connection ended, by the reason they were given
    wrong: list[str]


def context_for(ca: Path) -> ssl.SSLContext:
    """Verifies against `ca`."""
    return ssl.create_default_context(cafile=ca)


class Crowd:
    """`count` members in a process of their own. They join, and read only while they are told to."""

    def __init__(self, where: Where, count: int, first: int, cores: Sequence[int] = ()) -> None:
        spawn = get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_crowd, args=(theirs, where, count, first, cores), daemon=True)
        self._process.start()
        self._answer()

    def start_reading(self, last: int, seconds: float, only: int = 0) -> None:
        """Have them (or the first `only`) read up to message `last`, for so long at the most; `heard` gives what they got."""
        self._pipe.send((last, seconds, only))

    def heard(self) -> Heard:
        """Wait for the end of the reading."""
        found: Heard = self._answer()
        return found

    def leave(self) -> None:
        """Close all connections. Idempotent."""
        if self._process.is_alive():
            with suppress(OSError):
                self._pipe.send(None)
            self._process.join(_PATIENCE)
        self._pipe.close()

    def _answer(self) -> Any:
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise ConnectionError(answer)
        return answer


def _crowd(pipe: Pipe, where: Where, count: int, first: int, cores: Sequence[int]) -> None:
    if cores:
        os.sched_setaffinity(0, cores)
    os.nice(5)
    context = context_for(where.ca)
    try:
        with ThreadPoolExecutor(_JOINING) as pool:  # some servers take half a second for each
            come = partial(Member, where, context, first=first, receive=SMALL)
            members = list(pool.map(come, [f"slow{n}" for n in range(count)]))
    except OSError as error:
        pipe.send(f"the crowd cannot join: {error}")
        return
    pipe.send(None)
    while (order := pipe.recv()) is not None:
        pipe.send(_read(members, *order))


def _read(members: list[Member], last: int, seconds: float, only: int) -> Heard:
    began = time.monotonic()
    reading = {member.sock.fileno(): member for member in members[: only or None] if not member.closed}
    poller = select.epoll()
    for fd in reading:
        poller.register(fd, select.EPOLLIN)
    messages = 0
    while reading and (left := began + seconds - time.monotonic()) > 0:
        for fd, _ in poller.poll(left):
            member = reading[fd]
            messages += member.read()
            if member.closed or member.next > last:
                poller.unregister(fd)
                del reading[fd]
    poller.close()
    closed: dict[str, int] = {}
    for member in members:
        if member.closed:
            closed[member.closed] = closed.get(member.closed, 0) + 1
    wrong = [member.wrong for member in members if member.wrong]
    return Heard(messages, time.monotonic() - began, sum(member.next > last for member in members), closed, wrong)
