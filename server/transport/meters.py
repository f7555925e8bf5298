"""What the threads of the server count. Each object has one thread that writes it; others read at any time, without a lock, and
get numbers that are a moment old. `server.observe.collector` makes metrics of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from server.histogram import Histogram
from server.ports import Store, StoreError

if TYPE_CHECKING:
    from server.transport.connection import Connection

_TURN_S = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_HANDSHAKE_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_LINES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Output:
    """What a worker has written."""

    __slots__ = ("bytes", "deliveries", "lines", "read_errors")

    def __init__(self) -> None:
        self.deliveries = 0  # events of rooms and conversations times those who were given them
        self.bytes = 0  # before TLS
        self.lines = Histogram(_LINES)  # in one write
        self.read_errors = 0  # of the store

    def wrote(self, lines: int, size: int, times: int = 1) -> None:
        """`times` writes of `lines` lines and `size` bytes each."""
        self.lines.add(lines, times)
        self.bytes += size * times


class _CountedReads:
    """A store whose refusals are counted."""

    def __init__(self, store: Store, meters: Output) -> None:
        self._store = store
        self._meters = meters

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def counted(*given: Any, **more: Any) -> Any:
            try:
                return method(*given, **more)
            except StoreError:
                self._meters.read_errors += 1
                raise

        return counted


def counting(store: Store, meters: Output) -> Store:
    """`store`, with each StoreError counted in `meters`. Only the thread that owns those may call it."""
    return cast("Store", _CountedReads(store, meters))


class Meters:
    """One worker's counts since its start."""

    __slots__ = (
        *("adopted", "behind", "ended", "failed", "handshake", "lag", "lines_in", "output"),
        *("read", "registered", "stalled", "turn", "turned"),
    )

    def __init__(self) -> None:
        self.adopted = 0  # connections that came to this worker
        self.handshake = Histogram(_HANDSHAKE_S)  # seconds from the accept to the end of the TLS handshake
        self.failed: Counter[str] = Counter()  # handshakes, by reason, a word of `reason_of_failure`
        self.registered = 0  # people that were welcomed
        self.ended: Counter[str] = Counter()  # connections that the server ended, by cause, a word of `Verdict.cause` mostly
        self.lines_in = 0
        self.read = 0  # bytes, after TLS
        self.output = Output()
        self.turn = Histogram(_TURN_S)  # seconds
        self.turned = 0.0  # when the last turn began, monotonic; 0: none has
        # As the last sweep saw it
        self.behind = 0  # connections that do not take what is due to them
        self.lag = 0  # positions between the slowest cursor and what all others have
        self.stalled = 0.0  # seconds since the most stubborn of them took anything

    def survey(self, conns: Iterable[Connection], frontier: int, now: float) -> None:
        """Look for the slowest among `conns`; `frontier` is how far those who keep up have been given everything."""
        behind, slowest, since = 0, frontier, now
        for conn in conns:
            if conn.pending is not None:
                behind += 1
                slowest = min(slowest, conn.cursor)
                since = min(since, conn.moved)
        self.behind, self.lag, self.stalled = behind, frontier - slowest, now - since


_REASONS = (  # of failed handshakes: a part of the sentence, and the word for it
    ("WebSocket handshake timed out", "timeout"),
    ("WebSocket", "websocket"),
    ("timed out", "timeout"),
    ("no TLS", "no_tls"),
    ("certificate", "certificate"),
    ("unknown ca", "certificate"),
    ("unsupported protocol", "protocol"),
    ("version", "protocol"),
    ("no shared cipher", "cipher"),
    ("no suitable key share", "cipher"),
    ("no shared group", "cipher"),
    ("reset", "closed"),
    ("eof", "closed"),
    ("Broken pipe", "closed"),
    ("closed", "closed"),
)
FAILURES = ("timeout", "no_tls", "certificate", "protocol", "cipher", "websocket", "closed", "other")


def reason_of_failure(why: str) -> str:
    """The word of `FAILURES` under which a failed handshake is counted; peers must not be able to make more of them."""
    if not why:
        return "closed"
    return next((word for part, word in _REASONS if part in why), "other")
