"""The connection's thread: the only one that touches the TLS socket, the dialect and the driver.

Other threads leave work with `post` and ring a bell (a socket pair that the thread polls beside the TLS socket). Two threads on one
TLS socket is memory-unsafe (CPython issues 137583, 143756).

    dial -> handshake -> greeting -> up --lost--> wait (jittered, doubling) -> dial ...
      '-- the first time, an error ends it: the user has something to correct (a patient connection tries on)
"""

from __future__ import annotations

import contextlib
import queue
import random
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from client.address import PLAIN_PORT, TLS_PORT, Address
from client.dialect import Dialect
from client.errors import Trouble, authority_as_server, explain
from client.events import Closing, Event, Lost, NameRefused, Registered
from client.trust import is_authority
from wire.display import plain

RECORD = 16 * 1024
READS_A_TURN = 64
MOST_UNSENT = 1024 * 1024  # bytes; a peer that makes us answer this much without reading is no server


@dataclass(frozen=True, slots=True)
class Timing:
    """Every wait, in seconds."""

    connect: float = 10.0
    handshake: float = 10.0
    greeting: float = 15.0
    idle: float = 60.0  # without a word from the server, before it is asked for one
    answer: float = 30.0  # for that one
    goodbye: float = 3.0  # for the server to close after our QUIT
    taking: float = 30.0  # for a server that knows no QUIT to read what we sent, and close
    least_delay: float = 1.0
    most_delay: float = 60.0
    steady: float = 20.0  # up for so long, the delay starts over


class Driver(Protocol):
    """Who uses the connection. Everything here is called in the connection's thread."""

    def handle(self, event: Event) -> None:
        """Something happened."""

    def deadline(self) -> float | None:
        """When `tick` is due, on the monotonic clock."""

    def tick(self) -> None:
        """The deadline has come. Only called while the connection is up."""

    def ended(self) -> None:
        """The thread ends; nothing follows."""


class _Stopped(Exception):
    """Somebody called `stop`."""


def wait_for(event: threading.Event) -> None:
    """Wait in the main thread: in short waits, for a signal that comes just before a wait for a lock does not end that wait."""
    while not event.wait(0.5):
        pass


class Connection:
    """Keeps `dialect` connected to `address`, and resumes.

    `patient` keeps trying even where the first try failed (bots, which may be started before their server). All others give up at
    once on a server that is suddenly vouched for by somebody else: what `explain_stranger` (`client.firstuse.explainer`) says about
    that, given whether we have been in before, is their `trouble`. An expired certificate and the like is waited for.
    """

    def __init__(
        self,
        address: Address,
        context: ssl.SSLContext,
        dialect: Dialect,
        driver: Driver,
        *,
        trusted: str = "",
        patient: bool = False,
        timing: Timing | None = None,
        explain_stranger: Callable[[Trouble, bool], Trouble] = lambda trouble, again: trouble,
        chance: random.Random | None = None,
    ) -> None:
        self._address = address
        self._context = context
        self._dialect = dialect
        self._driver = driver
        self._trusted = trusted
        self._patient = patient
        self._explain_stranger = explain_stranger
        self._timing = timing or Timing()
        self._chance = chance or random.Random()
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"connection to {address}", daemon=True)
        self._stopping = False
        self._greeted = False  # at least once
        self._goodbye = ""
        self._answers_goodbye = True
        self._unsent: list[bytes] = []
        self._said_all = False  # we ended this connection, with nothing left to write
        self._clean = False  # ... and the peer closed its side after that
        self.trouble: Trouble | None = None
        self.ready = threading.Event()  # greeted, another name wanted, or ended
        self.over = threading.Event()

    # --- for every thread ---

    @property
    def dialect(self) -> Dialect:
        """What is kept connected. Other threads read its properties, and leave everything else with `post`."""
        return self._dialect

    def start(self) -> None:
        """Start connecting."""
        self._thread.start()

    def post(self, job: Callable[[], None]) -> None:
        """Have `job` run in the connection's thread, soon; dropped once that has ended."""
        self._jobs.put(job)
        with contextlib.suppress(OSError):  # full: it rings already; closed: over
            self._ringer.send(b"!")

    def stop(self) -> None:
        """Say goodbye and end, in `Timing.goodbye` and `Timing.taking` seconds at most. Again: no change."""
        self.post(self._stop)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread's end; whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- the connection's thread ---

    def _run(self) -> None:
        try:
            self._keep_connected()
        except _Stopped:
            pass
        finally:
            self.over.set()
            self.ready.set()
            self._ringer.close()
            self._bell.close()
            self._driver.ended()

    def _keep_connected(self) -> None:
        failures = 0
        while True:
            self._await_answer()
            began = time.monotonic()
            reason = self._one_connection()
            if self._stopping:
                return
            if self._asks():
                self.ready.set()
                continue
            if self.trouble is not None:
                return
            failures = 0 if self._greeted and time.monotonic() - began > self._timing.steady else failures
            delay = self._delay(failures)
            failures += 1
            self._driver.handle(Lost(delay, reason))
            self._wait(None, 0, time.monotonic() + delay, until_deadline=True)

    def _delay(self, failures: int) -> float:
        """Doubling, and between half of it and all of it, so that a server's clients do not come back all at once."""
        whole: float = min(self._timing.least_delay * 2 ** min(failures, 20), self._timing.most_delay)
        return whole * self._chance.uniform(0.5, 1.0)

    def _one_connection(self) -> str:
        """Connect and serve until the connection is lost; returns why, and sets `trouble` where it is not to be tried again."""
        self._goodbye = ""
        self._said_all = self._clean = False
        up = False
        try:
            with self._dial() as raw, self._secured(raw) as sock:
                up = True
                self._serve(sock)
        except (OSError, Trouble) as error:
            trouble = explain(error, self._address, self._trusted)
            lasting = trouble.lasting and not self._greeted
            if trouble.stranger and not self._patient:
                lasting, trouble = True, self._explain_stranger(trouble, self._greeted)
            if trouble.final or lasting or not (self._patient or self._greeted):
                self.trouble = trouble
            broke = up and self._greeted and not isinstance(error, Trouble)
            return "" if broke else str(trouble)
        finally:
            self._dialect.disconnected(clean=self._clean)
            self._deliver(self._dialect.events())
        return ""

    def _dial(self) -> socket.socket:
        """A TCP connection to the first of the host's addresses that takes it. Raises OSError."""
        failed: OSError = OSError("no address")
        deadline = time.monotonic() + self._timing.connect
        for family, kind, number, _, place in socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, number)
            try:
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    sock.connect(place)
                self._wait(sock, selectors.EVENT_WRITE, deadline)
                if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError(error, "connect")  # gives the subclass that fits
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                failed = error
                sock.close()
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise failed

    @contextlib.contextmanager
    def _secured(self, raw: socket.socket) -> Iterator[ssl.SSLSocket]:
        """TLS on `raw`, verified; closed properly at the end, so that the peer can tell it from a cut."""
        host = self._address.host
        with self._context.wrap_socket(
            raw, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
        ) as sock:
            deadline = time.monotonic() + self._timing.handshake
            while (direction := _attempt(sock.do_handshake)) is not None:
                self._wait(sock, direction, deadline)
            if is_authority(sock.getpeercert(binary_form=True) or b""):
                raise authority_as_server(self._address)
            try:
                yield sock
            finally:
                with contextlib.suppress(OSError, ValueError):
                    self._close(sock)

    def _close(self, sock: ssl.SSLSocket) -> None:
        """Say that this is the end and, where we wanted it, wait until the peer has read everything.

        Closing with something unread in our own buffer would reset the connection, and lose what the peer has not read yet.
        """
        with contextlib.suppress(ssl.SSLError):
            sock.unwrap()
        if not self._stopping:
            return
        sock.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + (self._timing.goodbye if self._answers_goodbye else self._timing.taking)
        while True:
            self._wait(sock, selectors.EVENT_READ, deadline)
            with contextlib.suppress(BlockingIOError):
                if not socket.socket.recv(sock, RECORD):  # below TLS, which reads no more once it met a message after our goodbye
                    self._clean = self._said_all
                    return

    def _serve(self, sock: ssl.SSLSocket) -> None:
        """Carry bytes until the connection ends: returns where that is what we want, raises OSError or Trouble where not."""
        self._unsent = []
        self._dialect.connected()
        now = time.monotonic()
        greeting, heard, asked = now + self._timing.greeting, now, False
        leave: float | None = None
        while not self._asks():
            if (refusal := self._dialect.refusal) is not None:
                raise Trouble(plain(refusal.sentence), final=refusal.final)
            direction = selectors.EVENT_READ | self._exchange(sock)
            now = time.monotonic()
            if self._stopping and leave is None:
                leave = now + self._timing.goodbye
            if leave is not None and not (self._answers_goodbye or self._unsent):
                self._said_all = True
                return
            silence = heard + self._timing.idle + (self._timing.answer if asked else 0)
            due = self._driver.deadline() if self._dialect.registered else greeting
            more = None if self._unsent else self._dialect.due()
            wake = now if sock.pending() else min(d for d in (silence, due, more, leave) if d is not None)
            self._wait(sock, direction, wake, quiet=True)
            if self._read(sock):
                heard, asked = time.monotonic(), False
            now = time.monotonic()
            if leave is not None and now >= leave:
                return
            if not self._dialect.registered and now >= greeting:
                where = f"{self._address} did not finish its greeting in time"
                raise Trouble(f"{where}: check the port (Parley's are {TLS_PORT}, and {PLAIN_PORT} with --plain).")
            asked = self._check_silence(now, silence, asked)
            if now >= silence and not asked:  # a dialect that cannot ask: look again later, not at once
                heard = now
            if self._dialect.registered and (due := self._driver.deadline()) is not None and now >= due:
                self._driver.tick()

    def _check_silence(self, now: float, silence: float, asked: bool) -> bool:
        """Ask a silent peer for a sign of life, and give up on one that has been asked; whether it is being asked."""
        if now < silence or not self._dialect.registered:
            return asked
        if asked:
            raise TimeoutError("the server fell silent")
        return self._dialect.keepalive()

    def _read(self, sock: ssl.SSLSocket) -> bool:
        """Read what is there, a record at a time; whether there was something."""
        for turn in range(READS_A_TURN):
            try:
                data = sock.recv(RECORD)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return turn > 0
            except (OSError, ssl.SSLError) as error:
                self._end_of_stream(error)
            if not data:
                self._end_of_stream(None)
            self._deliver(self._dialect.receive(data))
        return True

    def _end_of_stream(self, error: OSError | None) -> None:
        if self._stopping:
            raise _Stopped
        if self._goodbye and not self._greeted:
            raise Trouble(f"{self._address} refused the connection: {plain(self._goodbye)}")
        raise error or ConnectionResetError("the server closed the connection")

    def _exchange(self, sock: ssl.SSLSocket) -> int:
        """Deliver what happened and send what waits, until neither leads to more; the direction to wait for, as in `_flush`."""
        self._deliver(self._dialect.events())
        direction = self._flush(sock)
        while events := self._dialect.events():
            self._deliver(events)
            direction = self._flush(sock)
        return direction

    def _flush(self, sock: ssl.SSLSocket) -> int:
        """Send what waits; the direction to wait for where it does not all leave."""
        self._unsent += self._dialect.take()
        if sum(map(len, self._unsent)) > MOST_UNSENT:
            raise Trouble(f"{self._address} does not read what it asks for.")
        while self._unsent:
            try:
                sent = sock.send(self._unsent[0])  # one item, one record (up to 16 KiB): the plain dialect counts on it
            except ssl.SSLWantReadError:
                return 0
            except ssl.SSLWantWriteError:
                return selectors.EVENT_WRITE
            except OSError:
                if self._read(sock):  # the server may have said why it closed
                    continue
                raise
            rest = self._unsent[0][sent:]
            self._unsent[:1] = [rest] if rest else []
            if not rest:
                self._dialect.sent()
        return 0

    def _deliver(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Closing):
                self._goodbye = event.reason
                if self._stopping:
                    continue  # it answers our own goodbye
            elif isinstance(event, Registered):
                self._greeted = True
            self._driver.handle(event)
            if isinstance(event, Registered | NameRefused):
                self.ready.set()

    # --- waiting ---

    def _asks(self) -> bool:
        """Whether somebody has to give another name or password first."""
        return self._dialect.needs_name or self._dialect.needs_password

    def _await_answer(self) -> None:
        while self._asks():
            self._wait(None, 0, None)

    def _wait(
        self,
        sock: socket.socket | None,
        direction: int,
        deadline: float | None,
        *,
        quiet: bool = False,
        until_deadline: bool = False,
    ) -> None:
        """Until `sock` is ready (in `direction`), somebody rang (not with `until_deadline`), or the deadline.

        Jobs left meanwhile are run. A missed deadline raises TimeoutError if a socket was waited for, unless `quiet`.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            if sock is not None:
                selector.register(sock, direction)
            while True:
                timeout = None if deadline is None else max(deadline - time.monotonic(), 0)
                ready = {key.fileobj for key, _ in selector.select(timeout)}
                if self._bell in ready:
                    self._run_jobs()
                if sock in ready or (quiet and ready):
                    return
                if sock is None and ready and not until_deadline:
                    return
                if not ready:
                    if sock is not None and not quiet:
                        raise TimeoutError("no answer in time")
                    return

    def _run_jobs(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._bell.recv(4096):
                pass
        with contextlib.suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()()
        self._deliver(self._dialect.events())
        if self._stopping and not self._dialect.registered:
            raise _Stopped

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._answers_goodbye = self._dialect.quit()


def _attempt(step: Callable[[], None]) -> int | None:
    """Do a step of a handshake; the direction to wait for before doing it again, None when it is done."""
    try:
        step()
    except ssl.SSLWantReadError:
        return selectors.EVENT_READ
    except ssl.SSLWantWriteError:
        return selectors.EVENT_WRITE
    return None
