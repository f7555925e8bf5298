"""What several attacks need: many addresses to come from, servers that are started in odd ways, sockets that end as they like."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.attack.siege import Account, Control, Siege
from tests.e2e.irc import Client, context_for
from tests.e2e.process import PATIENCE, ServerProcess

EXEMPT = ("--set", "limits.exempt=127.0.0.0/8")  # for attacks that are not about the limits per address
CHEAP = (  # passwords, for attacks that are not about them
    *("--set", "accounts.argon2_memory_kib=8", "--set", "accounts.argon2_time=1", "--set", "accounts.scram_iterations=4096"),
    *("--set", "accounts.tries=1000", "--set", "accounts.tries_at=1000"),
)


def address(number: int) -> str:
    """One of 65,000 addresses of this machine, none of them the control clients'."""
    return f"127.1.{number // 250 % 250}.{number % 250 + 1}"


def dial(port: int, number: int = 0, patience: float = PATIENCE) -> socket.socket:
    """A TCP connection from the address of that number."""
    sock = socket.create_connection(("127.0.0.1", port), patience, (address(number), 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def secure(port: int, ca: Path, number: int = 0, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """The same with TLS on it, verified unless `context` says otherwise."""
    raw = dial(port, number)
    try:
        return (context or context_for(ca)).wrap_socket(raw, server_hostname="127.0.0.1")
    except BaseException:
        raw.close()
        raise


def reset(sock: socket.socket) -> None:
    """Close it as a machine does that crashed: RST, no close_notify."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def until_end(sock: socket.socket) -> bytes:
    """All that comes until the peer ends it, however it does."""
    found = b""
    with suppress(OSError):
        while data := sock.recv(65536):
            found += data
    return found


def crowd(server: ServerProcess, size: int, name: str = "one") -> list[Client]:
    """So many people, who are in no room yet."""
    people = [Client(server.port, server.ca) for _ in range(size)]
    for number, person in enumerate(people):
        person.nick = f"{name}{number}"
        person.send(f"NICK {person.nick}", f"USER {person.nick} 0 * :{person.nick}")
    for person in people:
        person.until("376", "422")
    return people


@contextmanager
def environment(**more: str) -> Iterator[None]:
    """What is started in the block has these variables."""
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def besieged_as(
    module: str,
    certs: Path,
    data: Path,
    accounts: list[Account],
    *options: str,
    variables: dict[str, str] | None = None,
    complains: bool = False,
) -> Iterator[Siege]:
    """A siege of `python -m MODULE`, with these environment variables. `complains`: tracebacks in its log are what is wanted."""
    with environment(**(variables or {})):
        server = ServerProcess(certs, data, "--set", "deadlines.drain=0.5", *options, module=module, covered=False)
    try:
        control = Control(server)
        try:
            yield Siege(server, control, accounts)
        finally:
            control.end()
        if complains:
            server.signal(signal.SIGTERM)
            assert server.wait() == 0, server.log()
        else:
            server.stop()
    finally:
        server.kill()
