"""A bounded pool for slow arithmetic (password hashes): as many threads as cores, and a few at the most, all there from the start:
whoever hands in work holds the state lock, and must not wait for a thread to start.

The work touches no state and no socket; the result goes to the worker that asked.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger("parley")

_ENOUGH = 8  # threads; each may take tens of MiB for the password that it checks

Work = Callable[[], Any]
Deliver = Callable[[Any], None]  # called with the result, in a thread of the pool; must not wait


class Failed:
    """The result of work that raised."""


class Offload:
    """At most `threads` pieces of work at a time and `waiting` more that wait. From any thread."""

    def __init__(self, waiting: int, threads: int | None = None) -> None:
        self._most_waiting = waiting
        self._most_threads = threads or min(os.cpu_count() or 1, _ENOUGH)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Work, Deliver]] = deque()
        self._running = 0
        self._threads: list[threading.Thread] = []
        self._stopping = False

    def submit(self, work: Work, deliver: Deliver) -> bool:
        """Have `work` done and its result delivered; False where too much waits already."""
        with self._changed:
            ahead = len(self._waiting) + self._running
            if self._stopping or not self._threads or ahead >= len(self._threads) + self._most_waiting:
                return False
            self._waiting.append((work, deliver))
            self._changed.notify()
            return True

    def start(self) -> None:
        """Make the threads, as many as are to be had; before it, nothing is taken. Once."""
        for number in range(self._most_threads):
            thread = threading.Thread(target=self._run, name=f"offload-{number}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # "can't start new thread": the limit of the container is reached
                log.warning("only %d of %d threads could be started to check passwords", number, self._most_threads)
                return
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish what is under way, drop what waits, end the threads. Idempotent."""
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if self._stopping:
                    return
                work, deliver = self._waiting.popleft()
                self._running += 1
            result = _done(work)
            with self._changed:
                self._running -= 1
            deliver(result)


def _done(work: Work) -> Any:
    try:
        return work()
    except Exception:  # a bug, or no memory for a hash: one person's command fails, the thread goes on
        log.exception("error in work that was done apart")
        return Failed()
