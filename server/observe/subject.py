"""What of a running server the monitoring looks at, and how it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from server.sequencer import Sequencer
from server.store.journal import Journal
from server.transport.acceptor import Acceptor
from server.transport.door import Door
from server.transport.reload import CertificateWatcher
from server.transport.worker import Worker


@dataclass(frozen=True, slots=True)
class Subject:
    """The parts of a server. All of it is read without a lock, by any thread: numbers are a moment old."""

    workers: Sequence[Worker]
    sequencer: Sequencer
    journal: Journal | None  # None: the store keeps nothing, and takes everything at once
    door: Door
    acceptor: Acceptor
    certificates: CertificateWatcher
    patience: float  # seconds: the setting deadlines.stuck
    stopping: Callable[[], bool]


@dataclass(slots=True)
class Report:
    """How a server is: `failed` is what only a new start mends, `degraded` what somebody has to see to, `unready` why nobody should
    be sent here now. A sentence each.
    """

    failed: list[str] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """ok, degraded or failed."""
        return "failed" if self.failed else "degraded" if self.degraded else "ok"


def silent_for(worker: Worker, now: float) -> float:
    """Seconds since `worker` last began a turn; it begins one a second at least."""
    return now - worker.meters.turned if worker.meters.turned else 0.0


def writing_for(journal: Journal | None, now: float) -> float:
    """Seconds that the attempt to write which is under way has taken, 0 where there is none."""
    began = journal.began if journal is not None else 0.0
    return max(0.0, now - began) if began else 0.0


def examine(subject: Subject, now: float | None = None, date: datetime | None = None) -> Report:
    """How the server is; `now` is monotonic."""
    now = time.monotonic() if now is None else now
    report = Report()
    if subject.stopping():
        report.unready.append("The server is stopping.")
        return report
    _threads(subject, now, report)
    _storage(subject, now, report)
    left = subject.certificates.expires - (date or datetime.now(UTC))
    if left.total_seconds() <= 0:
        report.degraded.append("The certificate has expired.")
        report.unready.append("The certificate has expired.")
    if subject.certificates.complaint:
        report.degraded.append(f"The new certificate is not in use: {subject.certificates.complaint}")
    return report


def _threads(subject: Subject, now: float, report: Report) -> None:
    threads = [*subject.workers, subject.acceptor, *([subject.journal] if subject.journal is not None else [])]
    report.failed += [f"The thread {thread.name} is not running." for thread in threads if not thread.is_alive()]
    for worker in subject.workers:
        silent = silent_for(worker, now)
        if worker.is_alive() and silent > subject.patience:
            report.failed.append(f"The thread {worker.name} has been at one turn for {silent:.0f} s.")
    report.unready += report.failed


def _storage(subject: Subject, now: float, report: Report) -> None:
    journal = subject.journal
    if journal is None:
        return
    if journal.failing:
        report.degraded.append(f"Messages are not stored, and so not shown: {journal.failing}")
    elif (waits := writing_for(journal, now)) > subject.patience:
        report.degraded.append(f"The disk has not answered for {waits:.0f} s.")
    else:
        return
    report.unready.append(report.degraded[-1])
