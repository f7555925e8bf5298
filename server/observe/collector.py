"""The metrics: one table, read when somebody asks. Nothing is counted here, and no lock is taken.

Names follow https://prometheus.io/docs/practices/naming/; `docs/operations.md` lists them all (a test compares).
"""

from __future__ import annotations

import platform
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from server.commands.server_info import VERSION
from server.events import Kind
from server.histogram import Histogram
from server.observe.subject import Subject, examine, silent_for, writing_for
from server.transport.meters import FAILURES, Meters

Number = float | int
Samples = Iterable[tuple[tuple[str, ...], Number]]

CAUSES = ("handshake", "registration", "ping", "stalled", "flood", "endless", "banned", "internal")
REFUSALS = ("handshakes", "full", "address")


class Row(NamedTuple):
    """A metric: its name without the suffixes of its kind, its labels, what it says, and where it is read from."""

    name: str
    labels: tuple[str, ...]
    doc: str
    read: Callable[[Subject], Samples]


class HistogramRow(NamedTuple):
    """The same of a histogram."""

    name: str
    labels: tuple[str, ...]
    doc: str
    read: Callable[[Subject], Iterable[tuple[tuple[str, ...], Histogram]]]


def _per_worker(read: Callable[[Meters], Number]) -> Callable[[Subject], Samples]:
    return lambda subject: [((str(worker.index),), read(worker.meters)) for worker in subject.workers]


def _histogram_per_worker(read: Callable[[Meters], Histogram]) -> Callable[[Subject], list[tuple[tuple[str, ...], Histogram]]]:
    return lambda subject: [((str(worker.index),), read(worker.meters)) for worker in subject.workers]


def _one(read: Callable[[Subject], Number]) -> Callable[[Subject], Samples]:
    return lambda subject: [((), read(subject))]


def _words(known: Iterable[str], counters: Iterable[Counter[str]]) -> Samples:
    """All that is counted under words, those that have not happened yet as 0: what is not there cannot be seen to rise."""
    total: Counter[str] = Counter(dict.fromkeys(known, 0))
    for counter in counters:
        total.update(dict(counter))
    return [((word,), count) for word, count in total.items()]


def _build(subject: Subject) -> Samples:
    del subject
    return [((VERSION, platform.python_version(), ssl.OPENSSL_VERSION), 1)]


def _events(subject: Subject) -> Samples:
    return [((kind.name.lower(),), subject.sequencer.shown[kind]) for kind in Kind]


def _store_errors(subject: Subject) -> Samples:
    yield ("write",), subject.journal.refused if subject.journal is not None else 0
    yield ("read",), sum(worker.meters.output.read_errors for worker in subject.workers)


_WORKER = ("worker",)

COUNTERS = (
    Row("parley_accepted", _WORKER, "Connections that were accepted and not dropped at once.", _per_worker(lambda m: m.adopted)),
    Row(
        "parley_refused",
        ("cause",),
        "Connections that were turned away: too many handshakes under way, server full, too many from one address.",
        lambda s: _words(REFUSALS, [s.door.refused]),
    ),
    Row(
        "parley_handshake_failures",
        ("reason",),
        "TLS (and WebSocket) handshakes that came to nothing.",
        lambda s: _words(FAILURES, [worker.meters.failed for worker in s.workers]),
    ),
    Row("parley_registrations", _WORKER, "People who were welcomed.", _per_worker(lambda m: m.registered)),
    Row("parley_received_lines", _WORKER, "Lines that clients sent.", _per_worker(lambda m: m.lines_in)),
    Row("parley_received_bytes", _WORKER, "Bytes that clients sent, without TLS.", _per_worker(lambda m: m.read)),
    Row("parley_events", ("kind",), "Events of rooms and conversations that were committed; messages among them.", _events),
    Row("parley_deliveries", _WORKER, "Events times those who were given them.", _per_worker(lambda m: m.output.deliveries)),
    Row("parley_sent_bytes", _WORKER, "Bytes that were written to clients, without TLS.", _per_worker(lambda m: m.output.bytes)),
    Row(
        "parley_evictions",
        ("cause",),
        "Connections that the server ended by itself.",
        lambda s: _words(CAUSES, [worker.meters.ended for worker in s.workers]),
    ),
    Row("parley_store_errors", ("operation",), "Attempts to write to the store, or read from it, that failed.", _store_errors),
)

GAUGES = (
    Row("parley_build_info", ("version", "python", "openssl"), "Always 1.", _build),
    Row(
        "parley_connections",
        _WORKER,
        "Connections that are open.",
        lambda s: [((str(worker.index),), worker.connections) for worker in s.workers],
    ),
    Row("parley_handshaking", (), "Connections that have not finished their handshake.", _one(lambda s: s.door.shaking)),
    Row("parley_users", (), "Sessions, those that are not registered yet included.", _one(lambda s: len(s.sequencer.net.users))),
    Row("parley_rooms", (), "Rooms that somebody is in, or that are registered.", _one(lambda s: len(s.sequencer.net.rooms))),
    Row("parley_connections_behind", _WORKER, "Connections that do not take what is due to them.", _per_worker(lambda m: m.behind)),
    Row(
        "parley_slowest_cursor_positions",
        _WORKER,
        "Positions, over all rooms, between the slowest connection and those who keep up.",
        _per_worker(lambda m: m.lag),
    ),
    Row(
        "parley_slowest_cursor_stalled_seconds",
        _WORKER,
        "Seconds since the most stubborn of those behind took anything.",
        _per_worker(lambda m: m.stalled),
    ),
    Row(
        "parley_worker_silent_seconds",
        _WORKER,
        "Seconds since the worker began a turn; it begins one a second at least.",
        lambda s: [((str(worker.index),), silent_for(worker, time.monotonic())) for worker in s.workers],
    ),
    Row("parley_uncommitted_events", (), "Events that wait for the journal.", _one(lambda s: s.sequencer.pending())),
    Row("parley_window_bytes", (), "Memory that the newest events take.", _one(lambda s: s.sequencer.net.window.size)),
    Row(
        "parley_store_failing",
        (),
        "1 while the store refuses messages: nothing is shown, nothing is lost.",
        _one(lambda s: int(s.journal is not None and bool(s.journal.failing))),
    ),
    Row(
        "parley_store_writing_seconds",
        (),
        "Seconds that the commit under way has taken, 0 where there is none.",
        _one(lambda s: writing_for(s.journal, time.monotonic())),
    ),
    Row(
        "parley_certificate_not_after_timestamp_seconds",
        (),
        "When the certificate in force ends; days left: (this - time()) / 86400.",
        _one(lambda s: s.certificates.expires.timestamp()),
    ),
    Row(
        "parley_certificate_reload_failed",
        (),
        "1 while the certificate files hold something that cannot be used.",
        _one(lambda s: int(bool(s.certificates.complaint))),
    ),
    Row("parley_ready", (), "1 where /readyz says yes.", _one(lambda s: int(not examine(s).unready))),
)

HISTOGRAMS = (
    HistogramRow(
        "parley_handshake_seconds",
        _WORKER,
        "From the accept to the end of the TLS handshake; its count is that of the handshakes that succeeded.",
        _histogram_per_worker(lambda m: m.handshake),
    ),
    HistogramRow(
        "parley_event_loop_lag_seconds",
        _WORKER,
        "What one turn of the worker took: how long who becomes ready meanwhile waits, at the most.",
        _histogram_per_worker(lambda m: m.turn),
    ),
    HistogramRow(
        "parley_write_lines",
        _WORKER,
        "Lines in one write: how far deliveries are coalesced. A write with the news of several rooms counts once.",
        _histogram_per_worker(lambda m: m.output.lines),
    ),
    HistogramRow(
        "parley_store_commit_seconds",
        (),
        "What a commit took.",
        lambda s: [((), s.journal.commit)] if s.journal is not None else [],
    ),
    HistogramRow(
        "parley_store_commit_events",
        (),
        "Events in a commit.",
        lambda s: [((), s.journal.batch)] if s.journal is not None else [],
    ),
)


class ServerCollector(Collector):
    """For a registry of Prometheus's client library."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def collect(self) -> Iterator[Metric]:
        """All metrics, as they are now."""
        for row in COUNTERS:
            counter = CounterMetricFamily(row.name, row.doc, labels=row.labels)
            for labels, value in row.read(self._subject):
                counter.add_metric(labels, value)
            yield counter
        for row in GAUGES:
            gauge = GaugeMetricFamily(row.name, row.doc, labels=row.labels)
            for labels, value in row.read(self._subject):
                gauge.add_metric(labels, value)
            yield gauge
        for line in HISTOGRAMS:
            family = HistogramMetricFamily(line.name, line.doc, labels=line.labels)
            for labels, histogram in line.read(self._subject):
                family.add_metric(labels, buckets=_buckets(histogram), sum_value=histogram.sum)
            yield family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [f"{bound:g}" for bound in histogram.bounds] + ["+Inf"]
    return list(zip(bounds, map(float, accumulate(histogram.counts)), strict=True))
