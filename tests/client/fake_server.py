"""Servers to test the client against, over real TLS.

FakeServer is a small IRC server with a log, history and echo, in one thread that owns every socket. RawServer runs a function for
each connection: for everything that no proper server does.
"""

from __future__ import annotations

import base64
import contextlib
import queue
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from wire.lines import LineBuffer
from wire.message import Message, format_tags, parse
from wire.names import fold, is_room

CAPS = "message-tags server-time echo-message batch labeled-response cap-notify draft/chathistory"


PATIENCE = 60.0  # seconds for anything that should happen soon: only a failure waits that long


class Waits:
    """What test code waits with: a condition, looked at often, with a deadline."""

    @staticmethod
    def until(true: Callable[[], object], what: str | Callable[[], object] = "", seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
            time.sleep(0.005)


@dataclass(eq=False)
class Peer:
    """A client, as the fake server has it."""

    sock: ssl.SSLSocket
    nick: str = ""
    registered: bool = False
    negotiating: bool = False
    caps: set[str] = field(default_factory=set)
    rooms: set[str] = field(default_factory=set)
    lines: LineBuffer = field(default_factory=lambda: LineBuffer(9000))
    gone: bool = False

    @property
    def source(self) -> str:
        return f"{self.nick}!~u@host"

    def send(self, line: str) -> None:
        if self.gone:
            return
        with contextlib.suppress(OSError):
            self.sock.setblocking(True)
            self.sock.sendall(line.encode() + b"\r\n")
            self.sock.setblocking(False)


class FakeServer:
    """Start it with `with`. What tests may set: `caps`, `page` (CHATHISTORY), `cut` (see `_privmsg`), `refuse` (line by room)."""

    def __init__(self, context: ssl.SSLContext, *, port: int = 0) -> None:
        self.caps = CAPS
        self.page = 1000
        self.history = True
        self.echo_names = True
        self.cut: Callable[[Message], str] = lambda message: ""
        self.deaf: set[str] = set()  # commands that are ignored
        self.refuse: dict[str, str] = {}
        self.taken: set[str] = set()
        self.refuse_logins = 0  # so many, before one is taken
        self.seen: list[Message] = []
        self.log: list[tuple[str, str, str]] = []  # msgid, room, line
        self.markers: dict[str, str] = {}
        self.peers: list[Peer] = []
        self.accepted = 0
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake server")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)

    # --- for tests ---

    def do(self, job: Callable[[], None]) -> None:
        """Run `job` in the server's thread, and wait for it."""
        done = threading.Event()

        def work() -> None:
            try:
                job()
            finally:
                done.set()

        self._jobs.put(work)
        assert done.wait(PATIENCE)

    def cut_all(self) -> None:
        """Lose every connection, as a network does."""

        def cut() -> None:
            for peer in list(self.peers):
                self._drop(peer)

        self.do(cut)

    def speak(self, text: str, room: str = "#lobby", nick: str = "zoe") -> None:
        """Somebody says something."""
        self.do(lambda: self._store(f"{nick}!z@host", "PRIVMSG", room, text))

    def raw(self, line: str) -> None:
        """A line to every client."""

        def send() -> None:
            for peer in self.peers:
                peer.send(line)

        self.do(send)

    def said(self, command: str = "PRIVMSG") -> list[str]:
        return [m.param(1) for m in self.seen if m.command == command]

    def joined(self, nick: str, room: str = "#lobby") -> bool:
        return any(fold(p.nick) == fold(nick) and room in p.rooms for p in self.peers)

    # --- its thread ---

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(0.01):
                    if key.data is None:
                        self._accept()
                    else:
                        self._read(key.data)
                with contextlib.suppress(queue.Empty):
                    while True:
                        self._jobs.get_nowait()()
            for peer in list(self.peers):
                self._drop(peer)
            self._listener.close()

    def _accept(self) -> None:
        raw = self._listener.accept()[0]
        raw.settimeout(PATIENCE)
        self.accepted += 1
        try:
            sock = self._context.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        sock.setblocking(False)
        peer = Peer(sock)
        self.peers.append(peer)
        self._selector.register(sock, selectors.EVENT_READ, peer)

    def _drop(self, peer: Peer) -> None:
        if peer.gone:
            return
        peer.gone = True
        self.peers.remove(peer)
        self._selector.unregister(peer.sock)
        peer.sock.close()
        for other in self.peers:
            if other.rooms & peer.rooms:
                other.send(f":{peer.source} QUIT :gone")

    def _read(self, peer: Peer) -> None:
        while not peer.gone:
            try:
                data = peer.sock.recv(16384)
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            except OSError:
                data = b""
            if not data:
                self._drop(peer)
                return
            for line in peer.lines.feed(data):
                if peer.gone:  # nobody reads what comes behind a QUIT: an answer to what came before it, maybe
                    return
                message = parse(line.decode())
                self.seen.append(message)
                handler = getattr(self, f"_{message.command.lower()}", None)
                if handler and message.command not in self.deaf and not peer.gone:
                    handler(peer, message)

    def _cap(self, peer: Peer, m: Message) -> None:
        match m.param(0):
            case "LS":
                peer.negotiating = True
                peer.send(f":fake CAP * LS :{self.caps}")
            case "REQ":
                peer.caps |= set(m.param(1).split())
                peer.send(f":fake CAP * ACK :{m.param(1)}")
            case "END":
                peer.negotiating = False
                self._welcome(peer)

    def _authenticate(self, peer: Peer, m: Message) -> None:
        if m.param(0) == "PLAIN":
            peer.send("AUTHENTICATE +")
        elif self.refuse_logins:
            self.refuse_logins -= 1
            peer.send(":fake 904 * :Too busy")
        else:
            peer.send(f":fake 900 * *!*@* {base64.b64decode(m.param(0)).split(bytes(1))[1].decode()} :You are now logged in")
            peer.send(":fake 903 * :SASL authentication successful")

    def _nick(self, peer: Peer, m: Message) -> None:
        wanted = m.param(0)
        if wanted in self.taken or any(fold(p.nick) == fold(wanted) and p is not peer for p in self.peers):
            peer.send(f":fake 433 {peer.nick or '*'} {wanted} :Nickname is already in use")
            return
        old, peer.nick = peer.source, wanted
        if peer.registered:
            for other in self.peers:
                other.send(f":{old} NICK {wanted}")
        else:
            self._welcome(peer)

    def _welcome(self, peer: Peer) -> None:
        if not peer.negotiating and peer.nick and not peer.registered:
            peer.registered = True
            peer.send(f":fake 001 {peer.nick} :Welcome")
            peer.send(f":fake 005 {peer.nick} CHATHISTORY={self.page} NICKLEN=32 :are supported")
            peer.send(f":fake 422 {peer.nick} :no motd")

    def _ping(self, peer: Peer, m: Message) -> None:
        peer.send(f":fake PONG fake :{m.param(0)}")

    def _quit(self, peer: Peer, m: Message) -> None:
        peer.send("ERROR :Closing link")
        self._drop(peer)

    def _join(self, peer: Peer, m: Message) -> None:
        room = m.param(0)
        if room in self.refuse:
            peer.send(f":fake {self.refuse[room].format(nick=peer.nick, room=room)}")
            return
        peer.rooms.add(room)
        for other in self.peers:
            if room in other.rooms:
                other.send(f":{peer.source} JOIN {room}")
        if self.echo_names:
            self._names(peer, m)

    def _names(self, peer: Peer, m: Message) -> None:
        names = " ".join(p.nick for p in self.peers if m.param(0) in p.rooms)
        peer.send(f":fake 353 {peer.nick} = {m.param(0)} :@{names}")
        peer.send(f":fake 366 {peer.nick} {m.param(0)} :End")

    def _part(self, peer: Peer, m: Message) -> None:
        for other in self.peers:
            if m.param(0) in other.rooms:
                other.send(f":{peer.source} PART {m.param(0)} :{m.param(1)}")
        peer.rooms.discard(m.param(0))

    def _topic(self, peer: Peer, m: Message) -> None:
        if len(m.params) > 1:
            for other in self.peers:
                other.send(f":{peer.source} TOPIC {m.param(0)} :{m.param(1)}")
        else:
            peer.send(f":fake 331 {peer.nick} {m.param(0)} :No topic")

    def _privmsg(self, peer: Peer, m: Message) -> None:
        how = self.cut(m)
        if how == "before":  # the message never arrived
            self._drop(peer)
            return
        if how == "after":  # it is stored, and the connection breaks before its author hears of it
            self._store(peer.source, m.command, m.param(0), m.param(1), but=peer)
            self._drop(peer)
            return
        if is_room(m.param(0)) and m.param(0) not in peer.rooms:
            peer.send(f":fake 404 {peer.nick} {m.param(0)} :Cannot send to channel")
        elif not is_room(m.param(0)) and not any(p.nick == m.param(0) for p in self.peers):
            peer.send(f":fake 401 {peer.nick} {m.param(0)} :No such nick")
        else:
            self._store(peer.source, m.command, m.param(0), m.param(1))

    _notice = _privmsg

    def _store(self, source: str, command: str, target: str, text: str, but: Peer | None = None) -> None:
        msgid = f"{len(self.log):014x}"
        at = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=len(self.log))).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        line = f"time={at};msgid={msgid} :{source} {command} {target} :{text}"
        self.log.append((msgid, target, line))
        for peer in list(self.peers):
            own = peer.source == source
            concerned = target in peer.rooms or peer.nick == target or own
            if peer is not but and concerned and (not own or "echo-message" in peer.caps):
                peer.send(self._tagged(peer, line))

    def _relay(self, peer: Peer, m: Message) -> None:
        """To everybody whom it concerns, its author too."""
        tags = format_tags({"msgid": f"x{len(self.seen)}", **m.tags})
        params = " ".join([*m.params[:-1], f":{m.params[-1]}"])
        for other in list(self.peers):
            if (m.param(0) in other.rooms or m.param(0) == other.nick or other is peer) and "message-tags" in other.caps:
                other.send(f"@{tags} :{peer.source} {m.command} {params}")

    _tagmsg = _redact = _relay

    def _markread(self, peer: Peer, m: Message) -> None:
        if len(m.params) > 1:
            self.markers[m.param(0)] = m.param(1)
        peer.send(f":fake MARKREAD {m.param(0)} {self.markers.get(m.param(0), '*')}")

    def _list(self, peer: Peer, m: Message) -> None:
        del m
        for room in sorted({room for each in self.peers for room in each.rooms}):
            peer.send(f":fake 322 {peer.nick} {room} {sum(room in each.rooms for each in self.peers)} :")
        peer.send(f":fake 323 {peer.nick} :End")

    @staticmethod
    def _tagged(peer: Peer, line: str, more: str = "") -> str:
        return f"@{more}{line}" if "message-tags" in peer.caps else line.partition(" ")[2]

    def _chathistory(self, peer: Peer, m: Message) -> None:
        kind, room, ref, limit = m.params
        ids = [entry[0] for entry in self.log]
        if not self.history or (ref != "*" and ref.removeprefix("msgid=") not in ids):
            peer.send(f":fake FAIL CHATHISTORY MESSAGE_ERROR {kind} {room} :Messages could not be retrieved")
            return
        entries = [e for e in self.log if e[1] == room]
        newer = [e for e in entries if e[0] > ref.removeprefix("msgid=")]
        older = [e for e in entries if e[0] < ref.removeprefix("msgid=")]
        found = newer[: int(limit)] if kind == "AFTER" else (older if kind == "BEFORE" else entries)[-int(limit) :]
        peer.send(f":fake BATCH +h chathistory {room}")
        for entry in found:
            peer.send(self._tagged(peer, entry[2], "batch=h;"))
        peer.send(":fake BATCH -h")


class RawServer:
    """Accepts connections (with TLS where a context is given) and runs `serve` for each, in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> None:
        self._serve = serve
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._acceptor = threading.Thread(target=self._run, name="raw server")

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._acceptor.join(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self) -> None:
        self._listener.settimeout(0.02)
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                raw = self._listener.accept()[0]
                thread = threading.Thread(target=self._one, args=(raw,), name="raw server's connection")
                self._threads.append(thread)
                thread.start()
        self._listener.close()

    def _one(self, raw: socket.socket) -> None:
        raw.settimeout(PATIENCE)
        try:
            sock = self._context.wrap_socket(raw, server_side=True) if self._context else raw
        except OSError:
            raw.close()
            return
        with contextlib.suppress(OSError), sock:
            self._serve(sock)


def drain(sock: socket.socket) -> None:
    """Read until the peer closes."""
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass
