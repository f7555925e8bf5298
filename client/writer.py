"""Work with small files that may wait (for another client's lock, for a disk), in a thread of its own, one after the other.

Neither the thread that draws nor a connection's does it: keys and deadlines would wait too.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

FLUSHING = 5.0  # seconds; twice what `client.locks` waits, and a disk's time

Job = Callable[[], object]


class Writer:
    """A queue of jobs, and a thread as long as there are some. Any thread may leave one; they are done in that order.

    Each bounds its own wait, and has a bounded number of them: nothing here grows by what a server does.
    """

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def leave(self, job: Job) -> None:
        """Has it done, soon."""
        with self._lock:
            self._jobs.append(job)
            if self._thread is None:
                self._start()

    def flush(self, patience: float = FLUSHING) -> bool:
        """Waits until nothing is left to do; False where that takes longer than `patience` (seconds)."""
        deadline = time.monotonic() + patience
        while (thread := self._thread) is not None and time.monotonic() < deadline:
            thread.join(max(0.0, deadline - time.monotonic()))
        return thread is None

    def _start(self) -> None:
        """With the lock held."""
        self._thread = threading.Thread(target=self._work, name="files", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                job()
        except BaseException:
            with self._lock:  # a mistake of ours takes nobody else's work with it
                if self._jobs:
                    self._start()
                else:
                    self._thread = None
            raise

    def _next(self) -> Job | None:
        with self._lock:
            if not self._jobs:
                self._thread = None
                return None
            return self._jobs.popleft()
