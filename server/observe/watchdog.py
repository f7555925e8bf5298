"""A thread that looks once a second whether the workers turn. Where one does not, the log shows once where each thread stands."""

from __future__ import annotations

import faulthandler
import logging
import tempfile
import threading
import time
from collections.abc import Callable

from server.observe.notify import notify
from server.observe.subject import Subject, examine, silent_for

log = logging.getLogger("parley.watchdog")

_LOOK_S = 1.0


def stacks() -> str:
    """Where each thread of this process stands, its innermost call first."""
    try:
        with tempfile.TemporaryFile() as file:  # faulthandler writes to descriptors only
            faulthandler.dump_traceback(file, all_threads=True)
            file.seek(0)
            return file.read().decode(errors="replace")
    except OSError as error:  # there may be no descriptor left
        return f"(their stacks cannot be written: {error.strerror})"


class Watchdog(threading.Thread):
    """Looks until stopped. `tick` is called with each look (for what else is to be done now and then)."""

    def __init__(self, subject: Subject, *, look_s: float = _LOOK_S, tick: Callable[[], object] = lambda: None) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._subject = subject
        self._look_s = look_s
        self._tick = tick
        self._stuck: set[str] = set()  # those that the log has told of
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Look no more. Idempotent."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Until stopped."""
        while not self._stopping.wait(self._look_s):
            try:
                self.look()
            except Exception:  # what watches must not be what ends
                log.exception("error while looking after the workers")

    def look(self, now: float | None = None) -> None:
        """Once; `now` is monotonic."""
        now = time.monotonic() if now is None else now
        for worker in self._subject.workers:
            self._judge(worker.name, silent_for(worker, now))
        if not self._stuck and not examine(self._subject, now).failed:
            notify("WATCHDOG=1")
        self._tick()

    def _judge(self, name: str, silent: float) -> None:
        if silent <= self._subject.patience:
            if name in self._stuck:
                self._stuck.remove(name)
                log.warning("%s goes on", name)
        elif name not in self._stuck:
            told = {"event": "stuck", "worker": name, "details": stacks()}
            self._stuck.add(name)
            log.critical("%s has been at one turn for %.0f s; where all threads stand:", name, silent, extra=told)
