"""The server as a whole: the only place that puts the parts together, starts them in order, and stops them in the reverse."""

from __future__ import annotations

import gc
import itertools
import logging
import resource
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from server.commands.audit import tell_operators
from server.observe.http import HttpListener, pages
from server.observe.subject import Subject
from server.observe.watchdog import Watchdog
from server.ports import Store
from server.rehash import merged, put_in_force
from server.sequencer import Sequencer
from server.settings.declare import Address, SettingsError
from server.settings.read import read_whole
from server.settings.tree import Settings
from server.state.cloak import KEY_BYTES, Cloak
from server.state.model import Network
from server.store.journal import Journal
from server.store.keys import lasting_key, read_key
from server.store.memory import MemoryStore
from server.store.retention import Retention
from server.store.sqlite import SqliteStore
from server.transport.acceptor import Acceptor, listen
from server.transport.control import Control
from server.transport.door import Door
from server.transport.guard import Guard
from server.transport.offload import Offload
from server.transport.reload import CertificateWatcher
from server.transport.trim import Trimmer
from server.transport.worker import Worker
from wire.message import truncate

log = logging.getLogger("parley")

_MOTD_LINES = 200
_CLOAKS = 4096  # remembered, 200 bytes each


class SetupError(Exception):
    """The server cannot start as it is set up. The text is one sentence that says what to do."""


class Server:
    """A running chat server. `start` makes it listen; `stop` is idempotent and leaves no thread behind.

    `reread` gives the settings as they are now, for `reload`; `rehash` has the main thread call that, from any thread. `tick` is
    called about once a second while it runs.

    Raises SetupError, StoreError, TlsSetupError or ListenError from the constructor; nothing is left open then.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: int | None = None,
        reread: Callable[[], Settings] | None = None,
        rehash: Callable[[], None] | None = None,
        tick: Callable[[], object] = lambda: None,
    ) -> None:
        _check_password(settings)
        if settings.accounts.required and settings.listen.plain:
            raise SetupError("the plain dialect has no way to log in: add --plain-listen off, or let people in without an account")
        self.settings = settings
        self._reread = reread
        _raise_descriptor_limit(settings.limits.connections)
        self.certificates = CertificateWatcher(settings.tls.certs, settings.tls.profile, asking=bool(settings.listen.certified))
        motd = _motd(settings.motd)
        self.addresses: list[tuple[str, Address]] = []  # what was bound: dialect and address
        bound = self._listen()
        listeners = [pair for pair in bound if pair[1] != "http"]
        monitored = [sock for sock, dialect in bound if dialect == "http"]
        try:
            self._store = _open_store(settings)
        except BaseException:
            for sock, _ in bound:
                sock.close()
            raise
        at = time.time_ns() // 1_000_000 if now is None else now
        # A store that forgets cannot tell which positions were given before the restart: the clock can, up to 64 a millisecond.
        first = at * 64 if settings.store.kind == "memory" else self._store.last_seq()
        net = Network(settings, seq=first, at=at)
        net.motd = motd
        net.archive = self._store
        try:
            net.load(self._store.records())
            net.resends.load(self._store.sent(at - net.resends.window, net.resends.total))
            net.book.secret = _secret(settings)
            if settings.cloak.enabled:
                # Three hashes for each of a wave of connections, under the lock, would be felt; most come from where others did.
                net.host_of = lru_cache(_CLOAKS)(Cloak(_cloak_key(settings), settings.cloak.suffix).of)
        except BaseException:
            self._store.close()
            for sock, _ in bound:
                sock.close()
            raise
        on_disk = settings.store.kind != "memory"
        self.sequencer = Sequencer(net, commit_now=None if on_disk else self._store.append)
        self._journal = Journal(self.sequencer, self._store) if on_disk else None
        do = self._journal.do if self._journal is not None else _at_once
        self._retention = Retention(self._store, lambda: net.settings, do)
        self._door = Door(settings.limits)
        self._offload = Offload(settings.accounts.waiting)
        self._workers = [self._worker(index) for index in range(settings.workers.count)]
        for worker in self._workers:
            worker.rehash = rehash or worker.rehash
        self.sequencer.desks.extend(worker.output for worker in self._workers)
        self._guard = Guard(self._workers)
        self._next = itertools.cycle(self._workers)
        self._acceptor = Acceptor(listeners, self._door, self._hand)
        self._control = _control(settings, self.sequencer)
        self._stopped = False
        self.subject = Subject(
            workers=self._workers,
            sequencer=self.sequencer,
            journal=self._journal,
            door=self._door,
            acceptor=self._acceptor,
            certificates=self.certificates,
            patience=settings.deadlines.stuck,
            stopping=lambda: self._stopped,
        )
        self._http = HttpListener(monitored, pages(self.subject), public=settings.listen.http_public) if monitored else None
        self._watchdog = Watchdog(self.subject, tick=partial(_tick, Trimmer(self._workers), tick))

    def _listen(self) -> list[tuple[socket.socket, str]]:
        listeners: list[tuple[socket.socket, str]] = []
        listen_at = self.settings.listen
        dialects = {
            "irc": listen_at.irc,
            "plain": listen_at.plain,
            "certified": listen_at.certified,
            "websocket": listen_at.websocket,
            "http": listen_at.http,
        }
        wanted = [(dialect, address) for dialect, addresses in dialects.items() for address in addresses]
        try:
            for dialect, address in wanted:
                sock = listen(address, self.settings.workers.backlog)
                listeners.append((sock, dialect))
                self.addresses.append((dialect, Address(address.host, sock.getsockname()[1])))
        except BaseException:
            for sock, _ in listeners:
                sock.close()
            raise
        return listeners

    def _worker(self, index: int) -> Worker:
        return Worker(index, self.settings, self.sequencer, self._store, self._door, self._context, self._offload)

    def _context(self, dialect: str) -> ssl.SSLContext:
        certificates = self.certificates
        return certificates.certified if dialect == "certified" else certificates.context

    def _hand(self, sock: socket.socket, address: str, dialect: str, refused: str) -> None:
        next(self._next).adopt(sock, address, dialect, refused)

    def start(self) -> None:
        """Start all threads; when it returns, clients can connect."""
        if not self.settings.limits.enabled:
            log.warning(
                "limits are off: no flood control, no limit per address, no rates of joins and the like"
                " (for load tests and conformance runs only)"
            )
        if self._journal is not None:
            self._journal.start()
        self._retention.start()
        self._offload.start()
        for worker in self._workers:
            worker.start()
        self._guard.start()
        self._acceptor.start()
        if self._control is not None:
            self._control.start()
        self._watchdog.start()
        if self._http is not None:
            self._http.start()
        for dialect, address in self.addresses:
            log.info("listening for %s on %s", dialect, address)
        # What exists now lives as long as the process: no collection needs to look at it again. Connections make no cycles to
        # speak of, so collections may be rare: at the default they took a tenth of the time of a wave of connections.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    def reload(self) -> None:
        """Read certificates, settings and message of the day again, because somebody asked (SIGHUP, REHASH). Main thread only.

        Where anything is wrong with the new settings the old ones stay, all of them. Log and operators are told how it went.
        """
        self.certificates.check(asked=True)
        try:
            wanted = self._reread() if self._reread is not None else self.settings
            settings, report = merged(self.settings, wanted)
            _check_password(settings)
            motd = _motd(settings.motd)
        except (SettingsError, SetupError) as error:
            self._tell_operators(f"The configuration was not read again, the old one stays: {error}")
            log.error("the configuration was not read again, the old one stays: %s", error)
            return
        self.settings = settings
        with self.sequencer.lock:
            put_in_force(self.sequencer.net, settings, motd)
            self.sequencer.settle()
        self._tell_operators(report)
        log.info("%s", report)

    def _tell_operators(self, text: str) -> None:
        with self.sequencer.lock:
            tell_operators(self.sequencer.net, text)
            self.sequencer.settle()

    def stop(self, grace: float | None = None) -> None:
        """Accept no more, tell everyone, deliver what is due within `grace` seconds (default: the setting), commit, close."""
        if self._stopped:
            return
        self._stopped = True
        grace = self.settings.deadlines.drain if grace is None else grace
        if self._control is not None:
            self._control.stop()
        self._watchdog.stop()
        self._acceptor.stop()
        for worker in self._workers:
            worker.stop(grace)
        for worker in self._workers:
            if worker.is_alive():
                worker.join()
        self._guard.stop()
        self._retention.stop()
        self._offload.stop()
        for worker in self._workers:
            worker.release()
        if self._journal is not None:
            self._journal.stop()
        if self._http is not None:
            self._http.stop()
        self._store.close()
        gc.unfreeze()

    @property
    def damaged(self) -> bool:
        """Whether it stopped because the store cannot be trusted any more."""
        return self._journal is not None and self._journal.damaged

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._door.total


def _tick(trimmer: Trimmer, tick: Callable[[], object]) -> None:
    """What the watchdog does besides looking."""
    trimmer.look()
    tick()


def _open_store(settings: Settings) -> Store:
    if settings.store.kind == "memory":
        return MemoryStore(settings.store.memory_events)
    return SqliteStore(settings.store.data, settings.store.synchronous, damaged=settings.store.damaged)


def _at_once(work: Callable[[], int]) -> int:
    """There is no journal for which it would have to wait."""
    return work()


def _control(settings: Settings, sequencer: Sequencer) -> Control | None:
    """What the operator's command line talks to; a server that keeps nothing has it only where there is a folder for it."""
    data = settings.store.data
    if settings.store.kind == "memory" and not data.is_dir():
        return None
    try:
        return Control(data, sequencer)
    except OSError as error:
        log.warning("no control socket in %s (%s): `account` commands work only while the server is stopped", data, error)
        return None


def _check_password(settings: Settings) -> None:
    if settings.password and settings.listen.plain:
        raise SetupError("the plain dialect has no way to give the password: add --plain-listen off, or take the password away")


def _cloak_key(settings: Settings) -> bytes:
    """The key that cloaks are made with. What lives as long as the process only has one that does too. Raises StoreError."""
    if settings.cloak.key_file:
        return read_key(Path(settings.cloak.key_file).expanduser(), KEY_BYTES)
    if settings.store.kind == "memory":
        return secrets.token_bytes(KEY_BYTES)
    return lasting_key(settings.store.data / "cloak.key", KEY_BYTES)


def _secret(settings: Settings) -> bytes:
    """What names that have no account are answered from, alike after each start. Raises StoreError."""
    if settings.store.kind == "memory":
        return secrets.token_bytes(KEY_BYTES)
    return lasting_key(settings.store.data / "accounts.key", KEY_BYTES)


def _motd(path: str) -> list[str]:
    if not path:
        return []
    try:
        text = read_whole(Path(path).expanduser()).decode(errors="replace")
    except OSError as error:
        raise SetupError(f"cannot read the message of the day {path}: {error.strerror}; correct the setting motd") from None
    return [truncate(line.replace("\0", ""), 400) for line in text.splitlines()[:_MOTD_LINES]]


def _raise_descriptor_limit(connections: int) -> None:
    """As many descriptors as connections and a few more; a server that may have fewer says how many that makes."""
    needed = connections + 128
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed or soft == resource.RLIM_INFINITY:
        return
    for wanted in (needed, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
        except (ValueError, OSError):
            continue
        break
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft < needed:
        log.warning("only %d files may be open (ulimit -n), so about %d connections fit", soft, soft - 128)
