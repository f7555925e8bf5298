"""A worker: an epoll loop and the connections that it owns.

One turn: wait; read every socket that has something; take the lock once, carry out all commands, copy out what is due; then,
without the lock, write. The output of a connection is in the order of the log, with each reply behind all that had happened when
it was given.

Most deliveries go the short way (`_fan_out`): a connection that has everything up to the frontier gets what is new in its room as
the same bytes as everyone else. Those to whom something else is due (their own replies, a room just entered or left, a page of
what they missed) are on `hold`, and go one by one (`_serve`).
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import cast

from server.commands import execute
from server.commands.plain import say
from server.config import Settings
from server.dialects import irc, plain
from server.events import Event, Kind
from server.ports import Store, StoreError
from server.sequencer import PAGE, Pages, Plan, Sequencer
from server.state.model import Room, User
from server.transport import poller
from server.transport.bell import Bell
from server.transport.connection import Connection, Lost, State, reason
from server.transport.deadlines import Do, judge
from server.transport.door import Door
from server.transport.poller import READ, WRITE
from wire import numerics as n
from wire.display import safe
from wire.lines import TOO_LONG
from wire.message import MalformedMessage

log = logging.getLogger("parley")

_SWEEP_S = 1.0  # between two looks at all deadlines
_DELAYED_S = 0.1  # between two looks at connections that flood control holds back
_CONGESTED = 50_000  # events waiting for the journal: no more commands are carried out
_ENDLESS = 65536  # bytes of one line after which nobody believes that its end will come

Slice = tuple[dict[int, list[Connection]], list[Event]]


class Worker(threading.Thread):
    """Owns connections. From other threads only `adopt`, `ring` and `stop` may be called."""

    def __init__(
        self,
        index: int,
        settings: Settings,
        sequencer: Sequencer,
        store: Store,
        door: Door,
        context: Callable[[], ssl.SSLContext],
    ) -> None:
        super().__init__(name=f"worker-{index}", daemon=True)
        self.index = index
        self.dirty: set[Room] = set()
        self.rung: set[User] = set()
        self.waiting = False
        self.frontier = sequencer.committed  # everything up to here has been given to all that are not on hold
        self._settings = settings
        self._limits = settings.limits
        self._sequencer = sequencer
        self._net = sequencer.net
        self._store = store
        self._door = door
        self._context = context
        self._poller = poller.new()
        self._bell = Bell()
        self._poller.register(self._bell.fd, READ)
        self._asleep = False
        self._incoming: deque[tuple[socket.socket, str, bool, str]] = deque()
        self._conns: dict[int, Connection] = {}
        self._unread = bytearray(4)
        self._swept = time.monotonic()
        self._stop_at = 0.0  # monotonic; 0: not stopping
        self._draining = False
        # What this turn found out
        self._opened: list[Connection] = []
        self._active: list[Connection] = []
        self._lost: list[tuple[Connection, str]] = []
        self._gone: list[Connection] = []
        self._rewatch: list[Connection] = []
        self._joined: list[User] = []
        # Who has to be looked at again
        self._due: set[Connection] = set()  # has output of its own, or is behind and may go on
        self._delayed: set[Connection] = set()  # has lines that may not be carried out yet
        self._unsettled: set[Connection] = set()  # waits for the committed end

    # For other threads

    def adopt(self, sock: socket.socket, address: str, is_plain: bool, refused: str) -> None:
        """Take over a socket that was just accepted."""
        self._incoming.append((sock, address, is_plain, refused))
        self.ring()

    def ring(self) -> None:
        """Wake the worker if it sleeps."""
        if self._asleep:
            self._asleep = False
            self._bell.ring()

    def stop(self, grace: float) -> None:
        """Say goodbye to everybody, deliver what is due within `grace` seconds, end. Does not wait for it."""
        self._stop_at = time.monotonic() + grace
        self._bell.ring()

    # The loop

    def run(self) -> None:
        """Until stopped."""
        try:
            while not self._finished():
                self._turn()
        finally:
            for conn in list(self._conns.values()):
                self._forget(conn)
            for sock, address, *_ in self._incoming:
                sock.close()
                self._door.shaken()
                self._door.leave(address)
            self._poller.close()
            self._bell.close()

    def _finished(self) -> bool:
        if not self._stop_at:
            return False
        if not self._draining:
            self._drain()
        return not self._conns or time.monotonic() >= self._stop_at

    def _turn(self) -> None:
        self._wait()
        if self._incoming:
            self._take_incoming()
        now = time.monotonic()
        if now - self._swept >= _SWEEP_S:
            self._sweep(now)
        if self._delayed:
            self._active += self._delayed
            self._delayed.clear()
        if self._opened or self._active or self._lost or self._due or self.rung or self.dirty or self._may_settle():
            with self._sequencer.lock:
                self._work(now)
                slices, plans = self._collect()
            self._deliver(slices, plans)
        if self._gone or self._rewatch or self._joined:
            self._tidy()

    def _wait(self) -> None:
        self._asleep = True
        # Whoever leaves work after this sees that we sleep, and rings; whatever was left before, we see.
        if self.dirty or self.rung or self._incoming or self._due or self._lost or self._stop_at or self._may_settle():
            timeout = 0.0 if not self._stop_at or self._due else 0.02
        elif self._delayed:
            timeout = _DELAYED_S
        else:
            timeout = max(0.0, self._swept + _SWEEP_S - time.monotonic())
        ready = self._poller.poll(timeout)
        self._asleep = False
        bell = self._bell.fd
        for fd, mask in ready:
            if fd == bell:
                self._bell.hush()
                continue
            conn = self._conns.get(fd)
            if conn is None:
                continue
            try:
                if conn.state is not State.OPEN:
                    self._shake(conn)
                else:
                    self._ready(conn, mask)
            except Lost as lost:
                self._lost.append((conn, str(lost)))

    def _may_settle(self) -> bool:
        return bool(self._unsettled) and self._sequencer.committed > self.frontier

    def _take_incoming(self) -> None:
        now = time.monotonic()
        while self._incoming:
            sock, address, is_plain, refused = self._incoming.popleft()
            conn = Connection(sock, address, self.index, now, is_plain=is_plain, refused=refused)
            self._conns[conn.fd] = conn
            self._poller.register(conn.fd, READ)

    def _watch(self, conn: Connection) -> None:
        """Wait for what the connection can use now."""
        wanted = (0 if conn.held else READ) | (WRITE if conn.pending is not None else 0)
        if wanted != conn.watched and conn.state is State.OPEN:
            conn.watched = wanted
            self._poller.modify(conn.fd, wanted)

    # Input

    def _shake(self, conn: Connection) -> None:
        wanted = conn.handshake(self._context())
        if wanted == 0:
            self._door.shaken()
            self._opened.append(conn)
            wanted = READ
            self._read(conn)
        if wanted != conn.watched:
            conn.watched = wanted
            self._poller.modify(conn.fd, wanted)

    def _ready(self, conn: Connection, mask: int) -> None:
        if conn.pending is not None:
            before = len(conn.pending)
            if conn.push(conn.pending):
                self._due.add(conn)
            if conn.pending is None or len(conn.pending) < before:
                conn.moved = time.monotonic()
            self._watch(conn)
        if not conn.held:
            if mask & ~WRITE:
                self._read(conn)
        elif mask & ~(READ | WRITE):
            raise Lost("")  # gone, and we were not even listening

    def _read(self, conn: Connection) -> None:
        records = conn.read(self._unread)
        if records or conn.finishing:
            conn.heard = time.monotonic()
            conn.asked = 0.0
            conn.lines += conn.lines_of(records)
            self._active.append(conn)

    # Under the lock

    def _work(self, now: float) -> None:
        """Carry out everything that has come; the lock is held."""
        net = self._net
        at = self._sequencer.clock(time.time_ns() // 1_000_000)
        for conn in self._opened:
            conn.user = net.connect(conn, conn.address, _shown_address(conn.address), at)
            if conn.refused:
                self._turn_away(conn, conn.refused)
        self._opened.clear()
        congested = self._sequencer.pending() > _CONGESTED
        for conn in self._active:
            if conn.state is State.OPEN:
                self._carry_out(conn, now, at, congested=congested)
        self._active.clear()
        for conn, why in self._lost:
            if conn.user is not None:
                net.disconnect(conn.user, conn.finishing or why or "Connection closed", at)
            self._gone.append(conn)
        self._lost.clear()
        self._sequencer.settle()

    def _turn_away(self, conn: Connection, why: str) -> None:
        assert conn.user is not None
        self._net.send(conn.user, f"ERROR :Closing link: ({why})\r\n".encode())
        conn.user.ended = conn.finishing = why

    def _carry_out(self, conn: Connection, now: float, at: int, *, congested: bool) -> None:
        user = conn.user
        assert user is not None
        lines = conn.lines
        most = self._limits.outbox_kib << 10
        try:
            while lines and not user.ended:
                if congested or user.reply_bytes > most or not self._allowed(conn, now):
                    self._delayed.add(conn)
                    break
                if conn.plain:
                    self._one_plain(conn, user, lines.popleft(), at)
                else:
                    self._one(user, lines.popleft(), at)
            if conn.buffer is not None and conn.buffer.dropped > _ENDLESS:
                self._turn_away(conn, "A line without an end")
        except Exception:  # a bug of ours must not take anyone else's chat down
            log.exception("error while carrying out a command of %s", conn.address)
            self._net.disconnect(user, "Internal error", at)
            self._turn_away(conn, "Internal error")
        if user.ended:
            conn.finishing = user.ended
            lines.clear()
            self._delayed.discard(conn)
            self._net.rung.add(user)
        elif conn.finishing and not lines:
            self._net.disconnect(user, conn.finishing, at)
            self._net.rung.add(user)
        self._hold_input(conn, bool(lines) or bool(user.ended))

    def _hold_input(self, conn: Connection, held: bool) -> None:
        if conn.held != held:
            conn.held = held
            self._rewatch.append(conn)

    def _allowed(self, conn: Connection, now: float) -> bool:
        """Whether flood control lets one more command through now."""
        if not self._limits.enabled:
            return True
        tokens, since = conn.tokens
        if since == conn.accepted:
            tokens = float(self._limits.flood_burst)
        tokens = min(float(self._limits.flood_burst), tokens + (now - since) * self._limits.flood_rate)
        allowed = tokens >= 1
        conn.tokens = (tokens - 1 if allowed else tokens, now)
        return allowed

    def _one(self, user: User, line: bytes, at: int) -> None:
        net = self._net
        try:
            if line is TOO_LONG:
                raise irc.Oversized
            message = irc.read(line, self._limits.line)
        except irc.Oversized:
            net.send(user, f":{net.name} {n.ERR_INPUTTOOLONG} {user.shown} :Input line was too long\r\n".encode())
        except irc.Undecodable:
            net.send(user, f":{net.name} FAIL * INVALID_UTF8 :Your message is not valid UTF-8, and was dropped\r\n".encode())
        except MalformedMessage as error:
            net.send(user, f":{net.name} {n.ERR_UNKNOWNERROR} {user.shown} * :{error}\r\n".encode())
        else:
            was = user.registered
            execute(net, user, message, at)
            if user.registered and not was:
                self._joined.append(user)

    def _one_plain(self, conn: Connection, user: User, record: bytes, at: int) -> None:
        was = user.registered
        text = conn.plain_text(record)
        say(self._net, user, text, at)
        if user.registered and not was:
            self._joined.append(user)

    def _tidy(self) -> None:
        """What the commands made necessary, but is no work for the time under the lock."""
        for user in self._joined:
            log.info("New connection from %s : %s joined", user.address, safe(user.nick))
        self._joined.clear()
        for conn in self._rewatch:
            self._watch(conn)
        self._rewatch.clear()
        for conn in self._gone:
            self._forget(conn)
        self._gone.clear()

    def _collect(self) -> tuple[list[Slice], list[tuple[Connection, Plan]]]:
        """Copy out what is due; the lock is held."""
        since, upto = self.frontier, self._sequencer.committed
        self.frontier = upto
        due = self._due
        self._due = set()
        slices = self._slices(since, upto, due) if self.dirty else []
        if self.rung:
            due.update(cast("Connection", user.link) for user in self.rung)
            self.rung.clear()
        if self._unsettled and upto > since:
            due |= self._unsettled
            self._unsettled.clear()
        plans = []
        for conn in due:
            if conn.pending is None and conn.state is State.OPEN and conn.user is not None:
                self._put_on_hold(conn, since)
                plans.append((conn, self._sequencer.plan(conn.user, conn.cursor, upto, {})))
        self.waiting = bool(self._unsettled)
        return slices, plans

    def _put_on_hold(self, conn: Connection, since: int) -> None:
        if not conn.hold:
            conn.hold = True
            conn.cursor = since

    def _slices(self, since: int, upto: int, due: set[Connection]) -> list[Slice]:
        """What is new in each room that has something new; into `due` those who get it in another way."""
        slices: list[Slice] = []
        users = self._net.users
        for room in self.dirty:
            audience = cast("dict[int, list[Connection]]", room.audience(self.index))
            if not audience:
                continue
            if room.log.floor > since:  # it left the memory before we got here: everybody reads it from the store
                for group in audience.values():
                    due.update(group)
                continue
            events = room.log.between(since, upto)
            if not events:
                continue
            slices.append((audience, events))
            for event in events:
                if event.skip:
                    author = users.get(event.origin)
                    if author is not None and author.link.worker == self.index:
                        due.add(cast("Connection", author.link))
            if plain.RENDER in audience:
                due.update(audience[plain.RENDER])
        self.dirty.clear()
        return slices

    # Output

    def _deliver(self, slices: list[Slice], plans: list[tuple[Connection, Plan]]) -> None:
        if len(slices) == 1:
            audience, events = slices[0]
            for caps, group in audience.items():
                if caps != plain.RENDER:
                    self._fan_out(group, _joined(events, caps))
        elif slices:
            self._fan_out_several(slices)
        for conn, plan in plans:
            self._serve(conn, plan)

    def _fan_out(self, group: Iterable[Connection], data: bytes) -> None:
        """The hot path: the same bytes to everyone who is up to date."""
        if not data:
            return
        size = len(data)
        for conn in group:
            if conn.hold:
                continue
            try:
                written = conn.write(data)
                if written == size:
                    continue
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                self._fall_behind(conn, memoryview(data))
                continue
            except (OSError, ValueError) as error:
                self._lost.append((conn, reason(error)))
                conn.hold = True
                continue
            self._push_rest(conn, memoryview(data)[written:])

    def _push_rest(self, conn: Connection, rest: memoryview) -> None:
        """One TLS record took the first part; write the rest."""
        try:
            if not conn.push(rest):
                assert conn.pending is not None
                self._fall_behind(conn, conn.pending)
        except Lost as lost:
            self._lost.append((conn, str(lost)))
            conn.hold = True

    def _fall_behind(self, conn: Connection, rest: memoryview) -> None:
        """The socket takes no more. All that the connection holds is what was just not written; the rest stays in the logs."""
        conn.pending = rest
        conn.hold = True
        conn.cursor = self.frontier
        conn.moved = time.monotonic()
        self._watch(conn)

    def _fan_out_several(self, slices: list[Slice]) -> None:
        """Several rooms have something new. Who is in more than one of them gets it in one write."""
        shares: dict[Connection, bytes] = {}
        clashes: set[Connection] = set()
        # A copy of an event that stands in several rooms must reach each connection once, and in its place.
        shared = any(event.id != event.seq for _, events in slices for event in events)
        for audience, events in slices:
            for caps, group in audience.items():
                if caps == plain.RENDER:
                    continue
                data = _joined(events, caps)
                for conn in group:
                    if conn.hold:
                        continue
                    if conn in shares:
                        clashes.add(conn)
                        shares[conn] += data
                    else:
                        shares[conn] = data
        if shared:
            for conn in clashes:
                del shares[conn]
            self._serve_clashes(clashes, slices)
        for conn, data in shares.items():
            self._fan_out((conn,), data)

    def _serve_clashes(self, clashes: set[Connection], slices: list[Slice]) -> None:
        since = min(events[0].seq for _, events in slices) - 1
        plans = []
        with self._sequencer.lock:
            for conn in clashes:
                if conn.user is not None:
                    self._put_on_hold(conn, since)
                    plans.append((conn, self._sequencer.plan(conn.user, conn.cursor, self.frontier, {})))
        for conn, plan in plans:
            self._serve(conn, plan)

    def _serve(self, conn: Connection, plan: Plan) -> None:
        """Write what is due to one connection, and settle how it goes on."""
        try:
            if plan.behind:
                plan = self._page_in(conn, plan)
            self._write(conn, plan)
        except StoreError as error:
            log.error("cannot read what %s missed: %s", conn.address, error)
            self._lost.append((conn, "History cannot be read"))
            return
        except Lost as lost:
            self._lost.append((conn, str(lost)))
            return
        conn.cursor = plan.horizon
        user = conn.user
        if user is not None and user.ended and not conn.finishing:
            conn.finishing = user.ended
        if conn.pending is not None:
            conn.moved = time.monotonic()
            self._watch(conn)
        elif plan.horizon < self.frontier:
            self._due.add(conn)
        elif plan.waiting:
            self._unsettled.add(conn)
            self.waiting = True
        elif conn.finishing and not conn.lines:
            self._lost.append((conn, conn.finishing))
        else:
            conn.hold = False

    def _page_in(self, conn: Connection, plan: Plan) -> Plan:
        """Read from the store what is not in memory any more, and plan again."""
        assert conn.user is not None
        pages: Pages = {}
        upto = self.frontier
        while plan.behind:
            for missing in plan.behind:
                pages[missing] = self._store.after(missing.key, missing.after, PAGE, upto=missing.upto, seen_from=missing.since)
            with self._sequencer.lock:
                plan = self._sequencer.plan(conn.user, conn.cursor, upto, pages)
        return plan

    def _write(self, conn: Connection, plan: Plan) -> None:
        if conn.plain:
            for data in self._plain_records(conn, plan):
                if conn.pending is not None:
                    conn.pending = memoryview(bytes(conn.pending) + data)
                else:
                    conn.push(data)
            return
        data = self._rendered(conn, plan)
        if data:
            conn.push(data)

    def _rendered(self, conn: Connection, plan: Plan) -> bytes:
        user = conn.user
        assert user is not None
        parts: list[bytes] = []
        for item in plan.items:
            if isinstance(item, bytes):
                parts.append(item)
            elif isinstance(item, Event):
                if item.id != conn.last_id:
                    parts.append(irc.render(item, user.render))
                conn.last_id = item.id
            else:
                parts.append(item.run(self._store))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @staticmethod
    def _plain_records(conn: Connection, plan: Plan) -> list[bytes]:
        records = []
        for item in plan.items:
            if isinstance(item, Event):
                records.append(plain.render(item, conn.end))
            elif isinstance(item, bytes):
                records.append(plain.reply(item, conn.end))
        return [record for record in records if record]

    # Deadlines and ends

    def _sweep(self, now: float) -> None:
        self._swept = now
        deadlines = self._settings.deadlines
        for conn in list(self._conns.values()):
            verdict = judge(conn, now, deadlines)
            if verdict.do is Do.PING:
                self._ask(conn, now)
            elif verdict.do is Do.CLOSE:
                self._expire(conn, verdict.why)

    def _ask(self, conn: Connection, now: float) -> None:
        if not conn.hold:
            conn.asked = now
            self._fan_out((conn,), f"PING :{self._settings.name}\r\n".encode())

    def _expire(self, conn: Connection, why: str) -> None:
        if conn.state is State.OPEN and conn.pending is None:
            with suppress(Lost):
                conn.push(f"ERROR :Closing link: ({why})\r\n".encode())
        elif conn.pending is not None:
            log.warning("%s was dropped: %s", conn.address, why)
        self._lost.append((conn, why))

    def _drain(self) -> None:
        """The server stops: everyone is told, and gets what is due to them."""
        self._draining = True
        with self._sequencer.lock:
            for conn in list(self._conns.values()):
                if conn.user is None:
                    self._gone.append(conn)
                elif not conn.user.ended:
                    conn.lines.clear()
                    self._turn_away(conn, "Server shutting down")
                    self._hold_input(conn, True)
            self._sequencer.settle()
        self._tidy()

    def _forget(self, conn: Connection) -> None:
        """Close, and let go of everything that knows the connection."""
        if self._conns.get(conn.fd) is not conn:  # closed already; the number may be another's by now
            return
        del self._conns[conn.fd]
        self._poller.unregister(conn.fd)
        if conn.state is not State.OPEN:
            self._door.shaken()
        conn.close()
        self._door.leave(conn.address)
        for group in (self._due, self._delayed, self._unsettled):
            group.discard(conn)
        if conn.user is not None and conn.user.registered:
            log.info("Connection closed from %s: %s", conn.address, safe(conn.user.nick))


def _joined(events: list[Event], caps: int) -> bytes:
    if len(events) == 1:
        return irc.render(events[0], caps)
    if not caps:
        return b"".join([event.line for event in events if event.kind != Kind.TAGMSG])
    return b"".join([irc.render(event, caps) for event in events])


def _shown_address(address: str) -> str:
    """An address as a host name in a prefix; one that starts with a colon would be taken for a trailing parameter."""
    return "0" + address if address[:1] == ":" else address
