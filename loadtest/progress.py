"""A line in the terminal that says how a headless run is doing.

On a terminal it is one line, redrawn twice a second and as long as the window is wide: what matters least goes first. It is gone
before anything else is written: Locust's tables and log go through handlers of `logging`, which clear it first. Elsewhere (a file,
a CI job) it is one line in the log every few seconds.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, TextIO

import gevent

from loadtest.results import time_in_words

logger = logging.getLogger(__name__)

REDRAW: Final = 0.5  # seconds
PLAIN: Final = 5.0
CLEAR: Final = "\r\x1b[K"
RED: Final = "\x1b[31m"
BOLD: Final = "\x1b[1m"
RESET: Final = "\x1b[0m"
BETWEEN: Final = " · "


class Part(NamedTuple):
    """A piece of the line. Those with the highest `rank` are left out first where there is no room."""

    text: str
    rank: int
    style: str = ""


class Source(Protocol):
    """What is needed of the conductor."""

    def live(self) -> dict[str, Any]: ...


def parts_of(live: Mapping[str, Any]) -> list[Part]:
    """What there is to say about a run; nothing where none goes on."""
    if live["state"] == "connecting":
        out = [Part("connecting", 0, BOLD), Part(f"{live['users']:,} of {live['wanted']:,} users", 1)]
        return [*out, Part(f"{live['failed']:,} failed", 1, RED)] if live["failed"] else out
    if live["state"] != "running":
        return []
    return [
        Part("".join(c if c.isprintable() else "?" for c in live["phase"] or "running"), 0, BOLD),
        Part(f"{_minutes(live['left'])} left" if live["left"] is not None else _minutes(live["elapsed"]), 1),
        Part(f"{live['users']:,} users", 5),
        *_rates(live["row"]),
        *_latencies(live["deliver"]),
        *_faults(live),
        Part("valid", 6) if live["health"]["valid"] else Part("generator starved", 2, RED),
    ]


def _rates(row: Mapping[str, Any] | None) -> list[Part]:
    """Of the last second."""
    if row is None or not (row["offered"] or row["due"] or row["delivered"]):
        return []
    sent = f"{row['sent']:,}" if row["sent"] >= 0.95 * row["offered"] else f"{row['sent']:,} of {row['offered']:,}"
    due = "" if row["delivered"] >= 0.95 * row["due"] else f" of {row['due']:,}"
    return [Part(f"{sent} sent/s", 7), Part(f"{row['delivered']:,}{due} delivered/s", 3)]


def _latencies(deliver: Mapping[str, float]) -> list[Part]:
    """Of the last seconds."""
    if not deliver:
        return []
    return [Part(f"p50 {time_in_words(deliver['p50'])}", 8), Part(f"p99 {time_in_words(deliver['p99'])}", 4)]


def _faults(live: Mapping[str, Any]) -> list[Part]:
    totals = live["totals"]
    found = [f"{totals[name]:,} {name}" for name in ("lost", "repeated", "reordered", "foreign") if totals[name]]
    found += [f"{live[name]:,} {name}" for name in ("failed", "dropped") if live[name]]
    return [Part(BETWEEN.join(found), 2, RED)] if found else [Part("0 lost", 6)]


def _minutes(seconds: float) -> str:
    whole = max(round(seconds), 0)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def fit(parts: list[Part], width: int) -> list[Part]:
    """Those that have room in `width` columns; the first is cut where not even it has."""
    left = list(parts)
    while len(left) > 1 and len(BETWEEN.join(p.text for p in left)) > width:
        left.remove(max(left, key=lambda p: p.rank))
    if left and len(left[0].text) > width:
        left[0] = left[0]._replace(text=left[0].text[: max(width - 1, 0)] + "…")
    return left


def draw(parts: list[Part], width: int, colour: bool) -> str:
    """The line for a terminal, without its end; the last column stays free, since some terminals wrap there."""
    shown = fit(parts, max(width - 1, 1))
    return CLEAR + BETWEEN.join(p.style + p.text + RESET if colour and p.style else p.text for p in shown)


class _ClearFirst(logging.Filter):
    """On a handler that writes to the terminal: take the line away before a record is written."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def filter(self, record: logging.LogRecord) -> bool:
        self._stream.write(CLEAR)
        return True


def clear_before_logs(stream: TextIO) -> None:
    """Let everything that is logged to this terminal take the line away first. For each process that shares the terminal."""
    if stream.isatty():
        handlers = {h for name in ("", "locust", "locust.stats_logger") for h in logging.getLogger(name).handlers}
        for handler in handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
                handler.addFilter(_ClearFirst(stream))


class Progress:
    """Tells of one run after another, from `start` to `stop`."""

    def __init__(self, source: Source, stream: TextIO) -> None:
        self._source = source
        self._stream = stream
        self._terminal = stream.isatty()
        self._colour = "NO_COLOR" not in os.environ
        self._greenlet: Any = None

    def start(self, **_: Any) -> None:
        self.stop()
        if logger.isEnabledFor(logging.INFO):
            self._greenlet = gevent.spawn(self._run)

    def stop(self, **_: Any) -> None:
        """Again: nothing."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
            self.tell({"state": "done"})

    def tell(self, live: Mapping[str, Any]) -> None:
        """Draw what is to be said now, or take the line away where nothing is."""
        parts = parts_of(live)
        if self._terminal:
            self._stream.write(draw(parts, self._width(), self._colour))
            self._stream.flush()
        elif parts:
            logger.info("%s", BETWEEN.join(p.text for p in parts))

    def _run(self) -> None:
        while True:
            gevent.sleep(REDRAW if self._terminal else PLAIN)
            self.tell(self._source.live())

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except OSError:  # includes a stream that has no descriptor
            return 80


def install(environment: Any, conductor: Source) -> None:
    """Once, in the process that leads a headless run."""
    progress = Progress(conductor, sys.stderr)
    clear_before_logs(sys.stderr)
    environment.events.test_start.add_listener(progress.start)
    environment.events.test_stop.add_listener(progress.stop)
    environment.events.quitting.add_listener(progress.stop)
