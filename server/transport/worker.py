"""A worker: an epoll loop and the connections that it owns.

One turn: wait; read every socket that has something; take the lock once, carry out all commands, copy out what is due; then,
without the lock, write. The output of a connection is in the order of the log, with each reply behind all that had happened when
it was given.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, cast

from server.commands import execute
from server.commands.jobs import Busy, resume
from server.commands.plain import say
from server.commands.registration import reason_of_quit
from server.commands.sasl import expire
from server.commands.server_bans import refusal_of_address
from server.commands.table import REFUSED, Row
from server.dialects import irc, plain
from server.dialects.websocket import parse_origins
from server.ports import Store
from server.sequencer import Sequencer
from server.settings.tree import Settings
from server.state.budget import Flood, Pace
from server.state.model import Job, User
from server.transport import poller
from server.transport.bell import Bell
from server.transport.connection import Connection, Lost, State
from server.transport.deadlines import Do, floods, judge
from server.transport.delivery import Delivery
from server.transport.door import Door
from server.transport.meters import Meters, reason_of_failure
from server.transport.offload import Failed, Offload
from server.transport.poller import READ, WRITE
from wire import msgids
from wire import numerics as n
from wire.display import safe
from wire.lines import TOO_LONG, LineBuffer
from wire.message import MalformedMessage

if TYPE_CHECKING:
    from server.transport.websocket import WebSocket

log = logging.getLogger("parley")
audit = logging.getLogger("parley.audit")

_MOST_HANDSHAKES = 8  # steps of handshakes in one turn, up to a millisecond each; the rest is still there in the next
_MOST_COST = 10.0  # units of flood control that one connection may use up in one turn: its other commands have to wait for the next
_SHARE = 2.0  # of these, everybody has so many in each turn;
_MOST_HEAVY = 40.0  # what goes beyond, of all connections together, is so much. Who has just sent something costly waits for it too
_HEAVY = 3.0  # what a command costs that is
_MOST_EXPIRED = 64  # connections ended in one look at the deadlines; the others a moment later
_STOPPING_S = 0.02  # between two looks at whether all is said
_SWEEP_S = 1.0  # between two looks at all deadlines
_EXPIRE_ON_S = 0.01  # where there was more to end than fits into one look
_DELAYED_S = 0.1  # between two looks at connections that flood control, or what they have not taken in, holds back
_CONGESTED = 50_000  # events waiting for the journal: no more commands are carried out
_CONGESTED_BYTES = 64 << 20  # the same, of what they hold beyond the window
_GOING_AWAY, _POLICY, _INTERNAL, _TRY_LATER = 1001, 1008, 1011, 1013  # what WebSockets are closed with: RFC 6455 7.4 and IANA
_STALLED = (
    "The server cannot store messages now, so nobody is shown them. What you sent waits, and will be delivered once it can;"
    " there is no need to send it again."
)
_GOES_ON = "Messages are stored again. What you sent meanwhile has been delivered."
_ENDLESS = 65536  # bytes of one line after which nobody believes that its end will come


class Worker(threading.Thread):
    """Owns connections. From other threads only `adopt`, `finished`, `ring` and `stop` may be called."""

    def __init__(
        self,
        index: int,
        settings: Settings,
        sequencer: Sequencer,
        store: Store,
        door: Door,
        context: Callable[[str], ssl.SSLContext],
        offload: Offload,
    ) -> None:
        super().__init__(name=f"worker-{index}", daemon=True)
        self.index = index
        self.meters = Meters()
        self.output = Delivery(index, sequencer, store, ring=self.ring, watch=self._watch, meters=self.meters.output)
        self._settings = settings
        self._limits = settings.limits
        self._pace = Pace(settings.limits.flood_burst, settings.limits.flood_rate)
        self._look_s = min(_DELAYED_S, max(0.005, self._pace.burst / self._pace.rate / 2))
        self._look_at = 0.0  # when to look at `_slowed` again, monotonic
        self._sequencer = sequencer
        self._net = sequencer.net
        self._door = door
        self._context = context
        self._offload = offload
        self._poller = poller.new()
        self._bell = Bell()
        self._poller.register(self._bell.fd, READ)
        self._asleep = False
        self._incoming: deque[tuple[socket.socket, str, str, str]] = deque()
        self._results: deque[tuple[Connection, Job, object]] = deque()  # of work done apart
        self._conns: dict[int, Connection] = {}
        self._unread = bytearray(4)
        self.turn = 0  # of `_attend`; this and the next are for the guard
        self.attending: Connection | None = None
        self._swept = time.monotonic()
        self.closed = 0  # connections, so far
        self._stop_at = 0.0  # monotonic; 0: not stopping
        self._draining = False
        self._websocket = _websockets(settings)
        # What this turn found out
        self._opened: list[Connection] = []
        self._active: list[Connection] = []
        self._lost: list[tuple[Connection, str]] = []
        self._stalled: list[tuple[Connection, str]] = []  # took nothing for too long, as the last sweep found
        self._negotiating: list[Connection] = []  # negotiating a login at the last sweep
        self._gone: list[Connection] = []
        self._rewatch: list[Connection] = []
        self._joined: list[User] = []
        self._audit: list[str] = []
        self._told: set[Connection] = set()  # know that the disk takes nothing
        self.rehash: Callable[[], None] = _nothing  # has the main thread read the configuration again
        self._rehash_asked = False
        # Who has to be looked at again
        self._delayed: set[Connection] = set()  # has lines, but has to take in replies first, or the journal has to catch up
        self._heavy = 0.0  # units that were used up in this turn beyond everybody's share
        self._more: list[Connection] = []  # has lines, and has had its share of this turn
        self._slowed: set[Connection] = set()  # has lines for which flood control makes it wait

    # For other threads

    def adopt(self, sock: socket.socket, address: str, dialect: str, refused: str) -> None:
        """Take over a socket that was just accepted."""
        self._incoming.append((sock, address, dialect, refused))
        self.ring()

    def finished(self, conn: Connection, job: Job, result: object) -> None:
        """Take the result of work that was done apart."""
        self._results.append((conn, job, result))
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

    @property
    def connections(self) -> int:
        """How many this worker has."""
        return len(self._conns)

    def run(self) -> None:
        """Until stopped."""
        self.meters.turned = time.monotonic()
        try:
            while not self._finished():
                self._turn()
        except Exception:  # its connections would hang for ever: better to stop in order, and be started again
            log.critical("%s failed; the server ends, and nothing that anyone saw is lost", self.name, exc_info=True)
            os.kill(os.getpid(), signal.SIGTERM)
            raise
        finally:
            self.attending = None
            for conn in list(self._conns.values()):
                self._forget(conn)
            for sock, address, *_ in self._incoming:
                sock.close()
                self._door.shaken()
                self._door.leave(address)

    def release(self) -> None:
        """Give the descriptors back, once the thread has ended: whoever told it to end may still have been ringing."""
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
        if self._more:
            self._active = self._more + self._active  # who has waited comes first
            self._more = []
        self._heavy = 0.0
        if self._delayed:
            self._active += self._delayed
            self._delayed.clear()
        if self._slowed and now >= self._look_at:
            self._look_at = now + self._look_s
            self._active += self._slowed
            self._slowed.clear()
        output = self.output
        if self._opened or self._active or self._lost or self._results or self._negotiating or self._stalled or output.work:
            with self._sequencer.lock:
                self._work(now)
                slices, plans = output.collect()
            output.deliver(slices, plans)
        if self._gone or self._rewatch or self._joined or self._audit:
            self._tidy()
        meters = self.meters
        meters.turn.add(time.monotonic() - meters.turned)

    def _wait(self) -> None:
        self._asleep = True
        # Whoever leaves work after this sees that we sleep, and rings; whatever was left before, we see.
        if (self._incoming and not self._draining) or self._lost or self._results or self._more or self.output.work:
            timeout = 0.0
        elif self._stop_at:
            timeout = _STOPPING_S
        elif self._delayed:
            timeout = _DELAYED_S
        elif self._slowed:
            timeout = max(0.0, self._look_at - time.monotonic())
        else:
            timeout = max(0.0, self._swept + _SWEEP_S - time.monotonic())
        if self.output.reading:
            timeout = min(timeout, max(0.0, self.output.read_after - time.monotonic()))
        ready = self._poller.poll(timeout)
        self.meters.turned = time.monotonic()
        self._asleep = False
        self._attend(ready)

    def _attend(self, ready: list[tuple[int, int]]) -> None:
        """Read, write or go on with the handshake of every connection that is ready."""
        bell = self._bell.fd
        handshakes = 0
        self.turn += 1
        for fd, mask in ready:
            if fd == bell:
                self._bell.hush()
                continue
            conn = self._conns.get(fd)
            if conn is None:
                continue
            if conn.state is not State.OPEN:
                handshakes += 1
                if handshakes > _MOST_HANDSHAKES:
                    continue  # a wave of connections waits for those who chat, not they for it
            self.attending = conn
            try:
                if conn.state is State.OPEN:
                    self._ready(conn, mask)
                else:
                    self._shake(conn)
            except Lost as lost:
                if conn.state is not State.OPEN:
                    self._count_failure(conn, str(lost))
                if conn.sock.fileno() < 0:
                    self._vanished(conn)
                else:
                    self._lost.append((conn, str(lost)))
        self.attending = None

    def _count_failure(self, conn: Connection, why: str) -> None:
        """A handshake came to nothing."""
        self.meters.failed[reason_of_failure(why)] += 1
        if why:
            log.info("%s: %s", conn.address, why, extra={"event": "handshake_failed", "address": conn.address})

    def _take_incoming(self) -> None:
        now = time.monotonic()
        while self._incoming and not self._draining:
            sock, address, dialect, refused = self._incoming.popleft()
            self.meters.adopted += 1
            conn = Connection(sock, address, self.index, now, is_plain=dialect == "plain", refused=refused)
            conn.certified = dialect == "certified"
            if dialect == "websocket":
                conn.buffer = conn.websocket = self._websocket()
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
        wanted = 0
        if conn.state is not State.UPGRADE:
            wanted = conn.handshake(self._context("certified" if conn.certified else ""))
            if wanted == 0:
                self.meters.handshake.add(time.monotonic() - conn.accepted)
        if wanted == 0:
            wanted = READ
            if conn.state is State.UPGRADE:
                self._upgrade(conn)
            else:
                self._open(conn)
                self._read(conn)
        if wanted != conn.watched:
            conn.watched = wanted
            self._poller.modify(conn.fd, wanted)

    def _open(self, conn: Connection) -> None:
        self._door.shaken()
        if not conn.plain and conn.buffer is None:
            conn.buffer = LineBuffer(self._limits.tags + 2 + self._limits.line)
        self._opened.append(conn)

    def _upgrade(self, conn: Connection) -> None:
        """Go on with the opening handshake of a WebSocket: the same deadline, and no user yet."""
        socket_, rest = conn.websocket, b""
        assert socket_ is not None
        for record in conn.read(self._unread):
            rest = rest + record if socket_.answer else socket_.open(record)
        if socket_.answer and not conn.push(socket_.answer):
            raise Lost("the answer to the opening request of a WebSocket was not taken")
        if socket_.refused:
            raise Lost(f"no WebSocket: {safe(socket_.refused)}")
        if socket_.render:
            conn.state = State.OPEN
            self._open(conn)
            self._take(conn, [rest] if rest else [])
        elif conn.finishing:
            raise Lost("")

    def _ready(self, conn: Connection, mask: int) -> None:
        if conn.pending is not None:
            before = len(conn.pending)
            if conn.push_on():
                self.output.due.add(conn)
            if conn.pending is None or len(conn.pending) < before:
                conn.moved = time.monotonic()
            self._watch(conn)
        if not conn.held:
            if mask & ~WRITE:
                self._read(conn)
        elif mask & ~(READ | WRITE):
            raise Lost("")  # gone, and we were not even listening

    def _read(self, conn: Connection) -> None:
        self._take(conn, conn.read(self._unread))

    def _take(self, conn: Connection, records: list[bytes]) -> None:
        if records or conn.finishing:
            conn.heard = time.monotonic()
            conn.asked = 0.0
            conn.urgent = False
            lines = conn.lines_of(records)
            conn.lines += lines
            self.meters.lines_in += len(lines)
            self.meters.read += len(records[0]) if len(records) == 1 else sum(map(len, records))
            self._active.append(conn)
            if conn.websocket is not None:
                self._converse(conn, conn.websocket)

    def _converse(self, conn: Connection, socket_: WebSocket) -> None:
        """What else came than lines: answer a ping, take note of the end."""
        if socket_.ended and not conn.finishing:
            conn.finishing = socket_.ended
            conn.said_goodbye = not socket_.fault
            if socket_.fault:
                log.info("%s: WebSocket error: %s", conn.address, safe(socket_.fault))
        pong, socket_.pong = socket_.pong, b""
        if not pong or socket_.ended:
            return
        if conn.pending is not None:
            conn.records = [pong]  # in the place of an earlier one: only the latest ping has to be answered
        elif not conn.hold:
            self.output.greet(conn, pong)
        elif not conn.push(pong):
            conn.moved = time.monotonic()
            self._watch(conn)

    # Under the lock

    def _work(self, now: float) -> None:
        """Carry out everything that has come; the lock is held."""
        net = self._net
        at = self._sequencer.clock(time.time_ns() // 1_000_000)
        for conn in self._opened:
            conn.user = net.connect(conn, conn.address, net.host_of(conn.address), at)
            if conn.websocket is not None:
                net.reclass(conn.user, conn.websocket.render)
            if self._limits.enabled:
                conn.flood = Flood(self._pace, self._limits.flood_start, now)
            conn.user.certificate = conn.certificate
            if conn.refused:
                self._turn_away(conn, conn.refused, _TRY_LATER)
            elif why := refusal_of_address(net, conn.address, at):
                self.meters.ended["banned"] += 1
                self._turn_away(conn, why)
        self._opened.clear()
        self._end_lost(at)
        self._take_results(at)
        for conn in self._negotiating:
            if conn.user is not None:
                expire(net, conn.user, at)
        self._negotiating.clear()
        for conn, why in self._stalled:
            self._give_up(conn, why, now, at)
        self._stalled.clear()
        congested = self._sequencer.pending() > _CONGESTED or net.window.excess > _CONGESTED_BYTES
        for conn in self._active:
            if conn.state is State.OPEN:
                self._carry_out(conn, now, at, congested=congested)
        self._active.clear()
        if net.audit:
            self._audit += net.audit
            net.audit.clear()
            self._rehash_asked, net.rehash_asked = net.rehash_asked, False  # it is always noted too
        if net.doubted:
            self._ask_doubted(now)
        self._sequencer.settle()

    def _ask_doubted(self, now: float) -> None:
        """Ask those whose nick another session of their account wants whether they are still there; whoever does not answer within
        `deadlines.ghost` is gone.
        """
        for user in [user for user in self._net.doubted if user.link.worker == self.index]:
            self._net.doubted.discard(user)
            conn = cast("Connection", user.link)
            if not (conn.urgent and conn.asked):  # asking again would only give it more time
                conn.asked, conn.urgent = now, True
                self._net.send(user, f"PING :{self._settings.name}\r\n".encode())

    def _end_lost(self, at: int) -> None:
        """Who is gone goes first: the same person may be back already, in this very turn, and want their nick."""
        self._lost += self.output.lost
        self.output.lost.clear()
        for conn, why in self._lost:
            if conn.user is not None:
                if conn.said_goodbye:
                    self._has_read(conn, conn.user)
                self._disconnect(conn, conn.user, self._last_word(conn) or conn.finishing or why or "Connection closed", at)
            self._gone.append(conn)
        self._lost.clear()

    def _last_word(self, conn: Connection) -> str:
        """The reason that came with a QUIT, which flood control still held back when the connection was lost; "" for none."""
        user = conn.user
        if not conn.lines or conn.plain or user is None or user.ended:
            return ""
        with suppress(irc.Oversized, irc.Undecodable, MalformedMessage):
            message = irc.read(conn.lines[-1], self._limits.line, self._limits.tags)
            if message.command == "QUIT":
                return reason_of_quit(self._net, message)
        return ""

    def _take_results(self, at: int) -> None:
        """Finish the commands whose slow part is done; whoever is gone meanwhile has no use for it."""
        while self._results:
            conn, job, result = self._results.popleft()
            user = conn.user
            if user is None or user.job is not job:
                continue
            try:
                self._finish(user, result, at)
                self._leave_to_pool(conn, user, at)  # a second part: one password checked, another one hashed
            except Exception:
                self._broke(conn, user, at)
            self._active.append(conn)  # its next commands, or its end, have waited for this

    def _finish(self, user: User, result: object, at: int) -> None:
        if user.ended:
            user.job = None
        else:
            resume(self._net, user, Busy() if isinstance(result, Failed) else result, at)

    def _leave_to_pool(self, conn: Connection, user: User, at: int) -> None:
        job = user.job
        if job is not None and not self._offload.submit(job.work, lambda result: self.finished(conn, job, result)):
            resume(self._net, user, Busy(), at)

    def _turn_away(self, conn: Connection, why: str, code: int = _POLICY) -> None:
        """Dismiss who is behind `conn`; `code` is what a WebSocket is closed with."""
        assert conn.user is not None
        if conn.websocket is not None:
            conn.websocket.end(code, why)
        self._net.dismiss(conn.user, why)
        conn.finishing = why

    def _carry_out(self, conn: Connection, now: float, at: int, *, congested: bool) -> None:
        user = conn.user
        assert user is not None
        lines = conn.lines
        if conn.said_goodbye:  # with these lines in front of it, which may take their time
            conn.said_goodbye = False
            self._has_read(conn, user)
        try:
            self._next_lines(conn, user, now, at, congested=congested)
        except Exception:
            self._broke(conn, user, at)
        if user.ended:
            conn.finishing = user.ended
            lines.clear()
            self._delayed.discard(conn)
            self._slowed.discard(conn)
            self._net.rung.add(user)
        elif conn.finishing and not lines and user.job is None:
            self._net.disconnect(user, conn.finishing, at)
            self._net.rung.add(user)
        if not lines:
            conn.slowed = 0.0
        self._hold_input(conn, bool(lines) or bool(user.ended))

    def _next_lines(self, conn: Connection, user: User, now: float, at: int, *, congested: bool) -> None:
        """The commands that have come, as far as they may be carried out now."""
        lines = conn.lines
        flood = conn.flood
        most = self._limits.outbox_kib << 10
        cost = 0.0
        while lines and not user.ended and user.job is None:
            if congested or user.reply_bytes > most:
                self._delayed.add(conn)
                break
            if flood is None:
                self._one(conn, user, lines.popleft(), at)
            elif cost >= _MOST_COST or (self._heavy >= _MOST_HEAVY and (conn.heavy or cost >= _SHARE)):
                self._more.append(conn)
                break
            elif flood.ready(self._pace, now):
                took = self._counted(flood, conn, user, lines.popleft(), at)
                cost += took
                if cost > _SHARE:
                    self._heavy += took
            else:
                self._slow(conn, now)
                break
            if user.job is not None:
                self._leave_to_pool(conn, user, at)
        if conn.buffer is not None and conn.buffer.dropped > _ENDLESS:
            self.meters.ended["endless"] += 1
            self._turn_away(conn, "A line without an end")

    def _broke(self, conn: Connection, user: User, at: int) -> None:
        """A bug of ours, just raised, must not take anyone else's chat down."""
        log.exception("error while carrying out a command of %s", conn.address)
        self.meters.ended["internal"] += 1
        self._disconnect(conn, user, "Internal error", at)
        self._turn_away(conn, "Internal error", _INTERNAL)

    def _disconnect(self, conn: Connection, user: User, why: str, at: int) -> None:
        try:
            self._net.disconnect(user, why, at)
        except Exception:
            log.exception("error while ending the session of %s", conn.address)

    def _hold_input(self, conn: Connection, held: bool) -> None:
        if conn.held != held:
            conn.held = held
            self._rewatch.append(conn)

    def _slow(self, conn: Connection, now: float) -> None:
        """Flood control makes it wait: it is not read from until all that was read has been carried out."""
        self._slowed.add(conn)
        conn.slowed = conn.slowed or now

    def _counted(self, flood: Flood, conn: Connection, user: User, line: bytes, at: int) -> float:
        """Carry out a command, and charge what it turned out to cost; gives that."""
        net = self._net
        new = not user.registered
        before = net.seq
        user.spent, user.loud = 0.0, False
        row = self._one(conn, user, line, at)
        quiet = new or row.connecting or (net.seq == before and not user.loud)  # nobody else sees anything of it
        cost = row.cost + user.spent
        conn.heavy = cost >= _HEAVY
        flood.spend(cost, quiet=quiet)
        return cost

    def _one(self, conn: Connection, user: User, line: bytes, at: int) -> Row:
        was = user.registered
        row = self._one_plain(conn, user, line, at) if conn.plain else self._one_irc(conn, user, line, at)
        if user.registered and not was:
            self._joined.append(user)
        return row

    def _one_irc(self, conn: Connection, user: User, line: bytes, at: int) -> Row:
        net = self._net
        try:
            if line is TOO_LONG:
                raise irc.Oversized
            message = irc.read(line, self._limits.line, self._limits.tags)
        except irc.Oversized:
            net.send(user, f":{net.name} {n.ERR_INPUTTOOLONG} {user.shown} :Input line was too long\r\n".encode())
        except irc.Undecodable:
            net.send(
                user,
                f":{net.name} FAIL {irc.verb_of(line)} INVALID_UTF8 :Your message is not valid UTF-8, and was dropped\r\n".encode(),
            )
        except MalformedMessage as error:
            net.send(user, f":{net.name} {n.ERR_UNKNOWNERROR} {user.shown} * :{error}\r\n".encode())
        else:
            if message.command == "QUIT":
                self._has_read(conn, user)
            return execute(net, user, message, at)
        return REFUSED

    def _has_read(self, conn: Connection, user: User) -> None:
        """Who says goodbye has read what had been written by then; of what was not taken nothing counts."""
        if conn.pending is None:
            user.heard = max(user.heard, conn.cursor if conn.hold else self.output.frontier)

    def _one_plain(self, conn: Connection, user: User, record: bytes, at: int) -> Row:
        say(self._net, user, conn.plain_text(record), at)
        return REFUSED  # a message, a name, or nothing: it counts as one

    def _tidy(self) -> None:
        """What the commands made necessary, but is no work for the time under the lock."""
        self.meters.registered += len(self._joined)
        for user in self._joined:
            nick = safe(user.nick)
            told = {"event": "joined", "address": user.address, "nick": nick}
            log.info("New connection from %s : %s joined", user.address, nick, extra=told)
        self._joined.clear()
        for line in self._audit:
            audit.info("%s", line)
        self._audit.clear()
        if self._rehash_asked:
            self._rehash_asked = False
            self.rehash()
        for conn in self._rewatch:
            self._watch(conn)
        self._rewatch.clear()
        for conn in self._gone:
            self._forget(conn)
        self._gone.clear()

    # Deadlines and ends

    def _sweep(self, now: float) -> None:
        self._swept = now
        self.output.rest()
        self.meters.survey(self._conns.values(), self.output.frontier, now)
        if self._net.stalled or self._told:
            self._tell_of_disk(self._net.stalled)
        deadlines = self._settings.deadlines
        expired = 0
        for conn in list(self._conns.values()):
            if conn.user is not None and conn.user.sasl is not None:
                self._negotiating.append(conn)
            verdict = judge(conn, now, deadlines)
            if verdict.do is Do.PING:
                self._ask(conn, now)
            elif verdict.do is Do.CLOSE:
                self._expire(conn, verdict.why, verdict.cause)
                expired += 1
                if expired >= _MOST_EXPIRED:
                    self._swept = now - _SWEEP_S + _EXPIRE_ON_S
                    break
            elif conn.slowed and floods(conn, now, deadlines.flood, self._limits.recvq_kib << 10):
                log.warning("%s was dropped: Excess Flood", conn.address)
                self._expire(conn, "Excess Flood", "flood")

    def _tell_of_disk(self, stalled: int) -> None:
        """Whose lines or answers wait for a disk that takes nothing is told, once, out of order; when that is over, in order."""
        if stalled:
            for conn in [conn for conn in self._conns.values() if conn not in self._told and _waits(conn, stalled)]:
                self._told.add(conn)
                line = _notice(self._net.name, conn, _STALLED)
                with suppress(Lost):  # the next write finds that out too
                    if not (conn.push_records([plain.reply(line, conn.end)]) if conn.plain else conn.push(conn.encode(line))):
                        conn.moved = time.monotonic()
                        if not conn.hold:
                            conn.hold, conn.cursor = True, self.output.frontier
                        self._watch(conn)
            return
        with self._sequencer.lock:
            for conn in self._told:
                if conn.user is not None:
                    self._net.send(conn.user, _notice(self._net.name, conn, _GOES_ON))
            self._sequencer.settle()
        self._told.clear()

    def _ask(self, conn: Connection, now: float) -> None:
        """Send a PING to whoever has been given everything up to the frontier: the PONG says that they have read it."""
        if not conn.hold and conn.user is not None:
            conn.asked = conn.tested = now
            upto = conn.user.asked = self.output.frontier
            self.output.greet(conn, conn.encode(f"PING :{msgids.encode(upto)}\r\n".encode()))

    def _give_up(self, conn: Connection, why: str, now: float, at: int) -> None:
        """End the session of who took nothing for too long. If they read again before the goodbye is over, they find, behind what
        had begun to leave, the reason; what they missed is in the store.
        """
        user = conn.user
        assert user is not None
        self._disconnect(conn, user, why, at)
        conn.finishing = why
        conn.moved = now
        user.replies.clear()
        user.reply_bytes = 0
        user.until = conn.cursor
        error = f"ERROR :Closing link: ({why})\r\n".encode()
        conn.records.append(plain.reply(error, conn.end) if conn.plain else conn.encode(error))
        if conn.websocket is not None:
            conn.websocket.end(_POLICY, why)
        self._slowed.discard(conn)
        self._delayed.discard(conn)
        self._hold_input(conn, True)

    def _expire(self, conn: Connection, why: str, cause: str) -> None:
        if conn.finishing == why:  # counted, and told as far as that went
            self._lost.append((conn, why))
            return
        self.meters.ended[cause] += 1
        if cause == "handshake":
            self._count_failure(conn, why)
        conn.lines.clear()
        if cause == "stalled" and conn.user is not None and not conn.finishing:
            log.warning(
                "%s was dropped: %s; %s had left %d bytes untaken, and was %d positions behind",
                *(conn.address, why, safe(conn.user.shown), len(conn.pending or b""), self.output.frontier - conn.cursor),
            )
            self._stalled.append((conn, why))
            return
        if conn.state is State.OPEN and conn.pending is None:
            with suppress(Lost):
                conn.push(conn.encode(f"ERROR :Closing link: ({why})\r\n".encode()))
            if conn.websocket is not None:
                conn.websocket.end(_POLICY, why)
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
                    self._turn_away(conn, "Server shutting down", _GOING_AWAY)
                    self._has_read(conn, conn.user)
                    self._hold_input(conn, True)
            self._sequencer.settle()
        self._tidy()

    def _forget(self, conn: Connection) -> None:
        """Close, and let go of everything that knows the connection."""
        if self._conns.get(conn.fd) is not conn:  # closed already; the number may be another's by now
            return
        del self._conns[conn.fd]
        self.closed += 1
        self._poller.unregister(conn.fd)
        if conn.state is not State.OPEN:
            self._door.shaken()
        conn.close()
        self._door.leave(conn.address)
        self._delayed.discard(conn)
        self._slowed.discard(conn)
        self._told.discard(conn)
        self.output.forget(conn)
        if conn.user is not None and conn.user.registered:
            nick = safe(conn.user.nick)
            told = {"event": "closed", "address": conn.address, "nick": nick}
            log.info("Connection closed from %s: %s", conn.address, nick, extra=told)
        conn.user = None  # they know each other: without this only the garbage collector, which runs rarely, would free both

    def _vanished(self, conn: Connection) -> None:
        """`wrap_socket` closes a socket that was reset before it: at once, so that its number can be somebody else's already."""
        del self._conns[conn.fd]
        with suppress(OSError, KeyError, ValueError):  # epoll has noticed by itself
            self._poller.unregister(conn.fd)
        conn.state = State.CLOSED
        self._door.shaken()
        self._door.leave(conn.address)


def _waits(conn: Connection, stalled: int) -> bool:
    """Whether something of who is behind `conn` waits for the disk, and they can be told so now."""
    user = conn.user
    if user is None or not user.registered or conn.pending is not None or conn.state is not State.OPEN:
        return False
    return user.acted > stalled or any(barrier > stalled for barrier, _ in user.replies)


def _notice(server: str, conn: Connection, text: str) -> bytes:
    nick = conn.user.shown if conn.user is not None else "*"
    return f":{server} NOTICE {nick} :*** {text}\r\n".encode()


def _nothing() -> None:
    """Nobody reads the configuration again."""


def _websockets(settings: Settings) -> Callable[[], WebSocket]:
    """What makes the protocol of one WebSocket connection. Where there is no listener for them, nothing is loaded."""
    if not settings.listen.websocket:
        return _no_websocket
    from server.transport.websocket import WebSocket  # noqa: PLC0415 - a seventh of the time that a start takes

    origins = parse_origins(settings.websocket.origins)
    return partial(WebSocket, origins, settings.limits.tags + settings.limits.line)


def _no_websocket() -> WebSocket:
    raise AssertionError("nobody listens for WebSockets")
