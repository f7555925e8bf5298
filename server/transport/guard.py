"""The guard: it ends connections whose TLS keeps a worker busy for ever.

OpenSSL carries out a peer's KeyUpdates (RFC 8446 4.6.3) and refused renegotiations inside one `SSL_read`, as many as come, and the
`ssl` module can neither limit them nor see them. A peer that sends them as fast as they are carried out would keep the worker, and
with it everybody else whom that worker serves. So this thread looks at what each worker attends to. Where it is the same
connection in the same turn, look after look, while the worker uses CPU time (by the clock alone, a busy machine would look the
same), the kernel is told that the connection is over, and that ends the read.

Looks need the GIL, and `SSL_read` goes on without it. So a worker that takes long over our own code, or over the collection of
garbage, is not seen again and again in one place: it takes several looks to be sure.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger("parley.guard")

_LOOK_S = 0.02  # between two looks: 30 to 70 µs of CPU time each; who keeps a worker busy is not to be felt for more than 50 ms
_ALERT_LOOK_S = 0.01  # the same, once somebody had to be ended: they may come again
_ALERT_S = 60.0  # from then on
_AGAIN_S = 0.003  # where there is a suspicion
_BUSY_S = 0.002  # of CPU time between two looks that say the same: everything that a turn may read takes half as much
_SURE = 4  # such looks
_SURE_SHAKING = 2  # during the handshake, where there is better evidence
_MOST_SHAKING = 16384  # bytes that a peer sends in a handshake; more are records of a byte or so, each for two system calls
_SHAKING_S = 0.5  # of CPU time that one step of a handshake may take: a signature of a long RSA key takes tens of milliseconds


class Peer(Protocol):
    """A connection, as the guard sees it."""

    @property
    def sock(self) -> socket.socket:
        """Its socket, with TLS on it or not."""

    @property
    def address(self) -> str:
        """Where it came from."""

    @property
    def shaking(self) -> bool:
        """Whether its TLS handshake is not over yet."""


class Attendant(Protocol):
    """A worker, as the guard sees it."""

    @property
    def ident(self) -> int | None:
        """Of its thread."""

    @property
    def turn(self) -> int:
        """One more each time that it attends to what is ready."""

    @property
    def attending(self) -> Peer | None:
        """Whose socket it reads now."""


@dataclass(slots=True)
class _Suspect:
    """What the last looks at one worker saw."""

    peer: Peer | None = None
    turn: int = 0
    began: float = 0.0  # seconds of the worker's CPU time, at the first of these looks
    used: float = 0.0  # and at the last one that counted
    looks: int = 0  # that saw the same, and the worker busy


class Guard(threading.Thread):
    """Looks until stopped. `stop` is idempotent."""

    def __init__(self, workers: Sequence[Attendant]) -> None:
        super().__init__(name="guard", daemon=True)
        self._workers = workers
        self._suspects = [_Suspect() for _ in workers]
        self._over = threading.Event()
        self._alert_until = 0.0  # monotonic

    def stop(self) -> None:
        self._over.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Look at all workers, again and again."""
        wait = _LOOK_S
        while not self._over.wait(wait):
            wait = _LOOK_S if time.monotonic() >= self._alert_until else _ALERT_LOOK_S
            for suspect, worker in zip(self._suspects, self._workers, strict=True):
                try:
                    if worker.attending is None:
                        suspect.peer = None
                    elif self._look(suspect, worker):
                        wait = _AGAIN_S
                except Exception:  # what guards must not be what ends
                    log.exception("error while looking at what a worker attends to")

    def _look(self, suspect: _Suspect, worker: Attendant) -> bool:
        """Whether to look again soon."""
        peer, turn = worker.attending, worker.turn
        if peer is None or worker.ident is None:
            return False
        try:
            used = time.clock_gettime(time.pthread_getcpuclockid(worker.ident))
        except OSError:  # the thread has ended
            return False
        if suspect.peer is not peer or suspect.turn != turn:
            suspect.peer, suspect.turn, suspect.looks = peer, turn, 0
            suspect.began = suspect.used = used
        elif used - suspect.used >= _BUSY_S:
            suspect.used = used
            suspect.looks += 1
            enough = suspect.looks >= (_SURE_SHAKING if peer.shaking else _SURE) and self._is_odd(peer, used - suspect.began)
            if enough and worker.attending is peer and worker.turn == turn:
                suspect.peer = None
                self._alert_until = time.monotonic() + _ALERT_S
                self._end(peer)
                return False
        return True

    @staticmethod
    def _is_odd(peer: Peer, used: float) -> bool:
        """Whether what the worker does for `peer` is no handshake that may take `used` seconds of CPU time."""
        return not peer.shaking or used >= _SHAKING_S or _received(peer.sock) > _MOST_SHAKING

    @staticmethod
    def _end(peer: Peer) -> None:
        """The one thing that another thread does to a worker's socket: `shutdown`, below TLS, of which OpenSSL knows nothing."""
        with suppress(OSError):
            socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)
            log.warning("%s was dropped: its TLS messages (KeyUpdate, renegotiation) kept a worker busy", peer.address)


def _received(sock: socket.socket) -> int:
    """Bytes that have come on a connection so far, 0 where the system does not tell (Linux does: tcp(7), TCP_INFO)."""
    with suppress(OSError, AttributeError, struct.error):
        info = socket.socket.getsockopt(sock, socket.IPPROTO_TCP, socket.TCP_INFO, 136)
        return int(struct.unpack_from("=Q", info, 128)[0])  # tcpi_bytes_received
    return 0
