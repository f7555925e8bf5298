"""Invariants 4 and 5: one thread per socket; state changes under one lock, and no I/O under it."""

from __future__ import annotations

import ast
import ssl
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pytest

from server.transport.connection import Connection
from tests.e2e.inside import InsideServer, Log, settings_for
from tests.e2e.irc import FULL, Client, tls
from tests.e2e.process import ROOT


def everything_that_happens(server: InsideServer) -> None:
    """A little of all: rooms, slow readers, history, queries, refused input, both dialects, all ways to leave."""
    slow = server.client("slow", "#room", receive=4096)
    people = [server.client(f"p{n}", "#room", f"#side{n % 2}", caps=FULL if n % 2 else ()) for n in range(4)]
    for turn in range(60):
        for client in people:
            client.say("#room", *[f"{turn} {'x' * 400}" for _ in range(20)])
            client.send(f"PRIVMSG p{turn % 4} :hello", "NAMES #room", "LIST", "WHO #room", "TOPIC #room :t", "NONSENSE")
        for client in people:
            client.ping()
    people[1].history("#room", page=200)
    slow.ping()
    assert len(slow.messages("#room")) == 60 * 4 * 20
    people[3].join("#lobby")
    with tls(server.plain_port, server.ca) as plain:
        plain.sendall(b"olga")
        plain.sendall(b"hello")
        people[3].until_text("hello")
    people[0].send("NICK other", "PART #room", "QUIT :bye")
    people[0].goodbye()
    people[1].close()
    with suppress(OSError):  # a line without an end: it may be closed before all of it is sent
        people[2].raw(b"\xff\xfe\r\n" + b"x" * 100_000)
    people[3].ping()


@pytest.fixture
def server(certs: Path, data: Path, log: Log) -> Iterator[InsideServer]:
    with InsideServer(settings_for(certs, data, "workers.count=3", "store.window_mib=1")) as running:
        yield running


# 4. One thread per socket


class Users:
    """Which threads used which of the server's TLS sockets."""

    def __init__(self) -> None:
        self.threads: defaultdict[object, set[str]] = defaultdict(set)
        self.calls: defaultdict[str, int] = defaultdict(int)

    def note(self, key: object, what: str) -> None:
        self.threads[key].add(threading.current_thread().name)
        self.calls[what] += 1


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> Users:
    """Every way to the TLS of a server's connection is watched: the connection's own, and the SSLSocket's below it."""
    found = Users()

    def watch(cls: type, name: str, key: Callable[[Any], object], applies: Callable[[Any], bool]) -> None:
        original = getattr(cls, name)

        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            if applies(self):
                found.note(key(self), name)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(cls, name, watched)

    for name in ("handshake", "read", "push", "close"):
        watch(Connection, name, id, lambda conn: True)
    for name in ("do_handshake", "read", "write", "send", "sendall", "recv", "unwrap", "shutdown", "close"):
        watch(ssl.SSLSocket, name, id, lambda sock: bool(sock.server_side))
    shake = Connection.handshake

    def handshake(conn: Connection, context: ssl.SSLContext) -> int:
        wanted = shake(conn, context)
        if wanted == 0:  # these two go past the methods, for speed
            write, receive = conn.write, conn.receive

            def watched_write(data: Any) -> int:
                found.note(id(conn), "TLS write")
                return write(data)

            def watched_receive(size: int) -> bytes:
                found.note(id(conn), "TLS read")
                return receive(size)

            conn.write, conn.receive = watched_write, watched_receive
        keep.append((conn, conn.sock))  # an id is one object's as long as that lives
        return wanted

    keep: list[object] = []
    monkeypatch.setattr(Connection, "handshake", handshake)
    return found


def test_each_socket_has_one_thread(users: Users, server: InsideServer) -> None:
    everything_that_happens(server)
    server.server.stop(1.0)
    assert users.calls["TLS write"] > 300
    assert users.calls["TLS read"] > 300
    assert users.calls["close"] >= 8
    assert {name for threads in users.threads.values() for name in threads} == {"worker-0", "worker-1", "worker-2"}
    shared = {key: threads for key, threads in users.threads.items() if len(threads) > 1}
    assert not shared, f"sockets used by several threads: {shared}"


_RAW = {"recv", "recv_into", "sendall", "do_handshake", "unwrap", "wrap_socket", "_sslobj"}
_TOUCH_SOCKETS = {
    "server/transport/connection.py": _RAW,  # the one place
    "server/transport/bell.py": {"recv"},  # its own pair of sockets, where there is no eventfd
    "server/transport/tls.py": {"do_handshake"},  # the handshake with itself at the start, in memory
    "server/transport/control.py": {"sendall"},  # a Unix socket of the operator's
    "server/observe/http.py": {"recv"},  # plain HTTP, on sockets of its own
    "server/observe/notify.py": {"sendall"},  # a datagram to systemd
    "server/health.py": {"recv", "sendall", "unwrap", "wrap_socket"},  # a client, run as a process of its own
}


def test_sockets_are_touched_in_one_file() -> None:
    for file in sorted((ROOT / "server").rglob("*.py")):
        name = str(file.relative_to(ROOT))
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & _RAW
        assert used <= _TOUCH_SOCKETS.get(name, set()), f"{name} uses {used}: TLS sockets belong to connection.py"


# 5. No I/O under the lock


class WatchedLock:
    """The sequencer's lock, knowing who holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.holder = 0
        self.taken = 0
        self.longest = 0.0
        self._since = 0.0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.holder = threading.get_ident()
        self.taken += 1
        self._since = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.longest = max(self.longest, time.perf_counter() - self._since)
        self.holder = 0
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()


_IO_MODULES = ("_ssl", "_socket", "socket", "select", "_sqlite3", "sqlite3", "_io", "fcntl", "posix", "mmap", "_queue.Empty")
_RING = "eventfd_write"  # wakes a thread; never blocks
_WAITS = {("time", "sleep"), ("_thread", "acquire")}


def is_io(function: Any) -> bool:
    """Whether a builtin reaches outside the process, or waits."""
    owner = getattr(function, "__self__", None)
    module = getattr(function, "__module__", None) or ""
    if owner is not None and not isinstance(owner, type(sys)):
        module = type(owner).__module__
    name = getattr(function, "__name__", "")
    if name == _RING or name == "fspath":
        return False
    return module.partition(".")[0] in _IO_MODULES or (module, name) in _WAITS


def test_is_io_knows_what_it_is_looking_for(tmp_path: Path) -> None:
    import os  # noqa: PLC0415
    import select  # noqa: PLC0415
    import socket  # noqa: PLC0415
    import sqlite3  # noqa: PLC0415

    with socket.socket() as sock, sqlite3.connect(":memory:") as db, (tmp_path / "file").open("w") as file:
        calls: list[object] = [
            sock.send,
            sock.recv,
            sock.close,
            db.execute,
            db.commit,
            db.cursor().execute,
            file.write,
            os.write,
            os.fsync,
        ]
        with select.epoll() as poll:
            assert all(is_io(call) for call in [*calls, time.sleep, poll.register, select.select])
    db.close()
    harmless: list[object] = [os.eventfd_write, [].append, b"".join, {}.pop, time.monotonic, time.time_ns]
    assert not any(is_io(call) for call in harmless)


def test_nothing_is_read_or_written_under_the_lock(certs: Path, data: Path, log: Log) -> None:
    """Every call of a C function by the server's threads is looked at, and held against who has the lock."""
    settings = settings_for(certs, data, "workers.count=2", "store.window_mib=1")
    lock = WatchedLock()
    found: set[str] = set()
    looked_at: defaultdict[bool, int] = defaultdict(int)

    def look(frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            held = lock.holder == threading.get_ident()
            looked_at[held] += 1
            if held and is_io(arg):
                found.add(f"{arg!r} at {frame.f_code.co_filename}:{frame.f_lineno}")

    server = InsideServer(settings)
    server.server.sequencer.lock = lock  # type: ignore[assignment]
    threading.setprofile(look)  # for threads that begin from here on: the server's
    try:
        with server:
            threading.setprofile(None)
            everything_that_happens(server)
    finally:
        threading.setprofile(None)
    assert lock.taken > 500
    assert looked_at[True] > 10_000
    assert looked_at[False] > 10_000
    assert not found, "\n".join(sorted(found))


def test_a_disk_that_hangs_does_not_keep_the_lock(certs: Path, data: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """While history is being read, or a group written, commands go on being carried out."""
    from server.store.sqlite import SqliteStore  # noqa: PLC0415

    going, reading = threading.Event(), threading.Event()
    after = SqliteStore.after

    def slow(self: SqliteStore, *args: Any, **kwargs: Any) -> Any:
        reading.set()
        going.wait(60)
        return after(self, *args, **kwargs)

    with InsideServer(settings_for(certs, data, "workers.count=2")) as server:
        alice = server.client("alice", "#room", caps=FULL)
        bob = server.client("bob", "#room", caps=FULL)
        alice.say("#room", "one")
        bob.until_text("one")
        monkeypatch.setattr(SqliteStore, "after", slow)
        # alice and bob belong to different workers: connections are dealt out in turn
        alice.send("CHATHISTORY AFTER #room msgid=00000000000000 10")
        try:
            assert reading.wait(60)
            assert bob.ping() == []
            bob.say("#room", "two")
            assert bob.until_text("two")
        finally:
            going.set()
        alice.until_text("two")


def test_clients_are_dealt_out_to_all_workers(server: InsideServer) -> None:
    clients = [server.client(f"n{n}", "#room") for n in range(6)]
    with server.server.sequencer.lock:
        owners = [user.link.worker for user in server.server.sequencer.net.users.values()]
    assert sorted(owners) == [0, 0, 1, 1, 2, 2]
    clients[0].say("#room", "hello all")
    for client in clients[1:]:
        assert isinstance(client, Client)
        client.until_text("hello all")
