"""The journal: the one thread that writes to the store.

It takes everything that waits, commits it as one group, and then moves the committed end. While it waits for the disk, the next
group gathers: the busier the server, the fewer commits a message costs.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from queue import SimpleQueue

from server.histogram import Histogram
from server.ports import Store, StoreError
from server.sequencer import Batch, Sequencer

log = logging.getLogger("parley.journal")

_COMMIT_S = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_EVENTS = (1, 4, 16, 64, 256, 1024, 4096)
_RETRY_S = 0.5  # between attempts to write what the store refused (disk full): nothing is dropped, and nobody sees it before


class Journal(threading.Thread):
    """Start it after the workers, stop it after them: what they appended is still committed."""

    def __init__(self, sequencer: Sequencer, store: Store) -> None:
        super().__init__(name="journal", daemon=True)
        self._sequencer = sequencer
        self._store = store
        self._bell: SimpleQueue[bool] = SimpleQueue()  # in C: a put and a get cost less than a Condition's two locks
        self._awake = False  # under the sequencer's lock
        self._stopping = threading.Event()
        self.failing = ""  # why the store refuses, "" while it does not
        # For the metrics; written by this thread only
        self.commit = Histogram(_COMMIT_S)  # seconds until the store had taken a batch
        self.batch = Histogram(_EVENTS)  # events in one commit
        self.refused = 0  # attempts to write that came to nothing
        self.began = 0.0  # when the attempt under way began, monotonic; 0: there is none
        sequencer.wake_journal = self._wake

    def _wake(self) -> None:
        if not self._awake:
            self._awake = True
            self._bell.put(True)

    def stop(self) -> None:
        """Commit what is there, then end. Idempotent."""
        self._stopping.set()
        self._bell.put(True)
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Until stopped: commit, show, wait."""
        try:
            self._run()
        except Exception:  # without a journal nothing is ever shown again: better no server than one that swallows messages
            log.critical("the journal failed; the server ends, and nothing that anyone saw is lost", exc_info=True)
            os.kill(os.getpid(), signal.SIGTERM)
            raise

    def _run(self) -> None:
        sequencer = self._sequencer
        batch: Batch | None = None
        while True:
            if batch is None and not self._stopping.is_set():
                self._bell.get()
            with sequencer.lock:
                batch = sequencer.take()
                if batch is None:
                    self._awake = False
            if batch is None:
                if self._stopping.is_set():
                    return
                continue
            if not self._write(batch):
                return
            with sequencer.lock:
                sequencer.commit(batch)

    def _write(self, batch: Batch) -> bool:
        """Write `batch`, however long the store refuses; False where the server stops before it could."""
        while True:
            began = self.began = time.monotonic()
            try:
                self._store.append(batch.events, batch.changes)
            except StoreError as error:
                self.began = 0.0
                self.refused += 1
                if not self.failing:
                    log.error("messages cannot be stored, so nobody is shown them until they can: %s", error)
                self.failing = str(error)
                if self._stopping.wait(_RETRY_S):
                    log.error(
                        "stopped with %d events that were never stored, and never seen", len(batch.events) + len(batch.changes)
                    )
                    return False
            else:
                self.began = 0.0
                self.commit.add(time.monotonic() - began)
                self.batch.add(len(batch.events))
                if self.failing:
                    log.warning("messages are stored again")
                    self.failing = ""
                return True
