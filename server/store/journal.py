"""The journal: the one thread that writes to the store.

It takes everything that waits, commits it as one group, and then moves the committed end. While it waits for the disk, the next
group gathers: the busier the server, the fewer commits a message costs.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from queue import SimpleQueue

from server.ports import Store, StoreError
from server.sequencer import Batch, Sequencer

log = logging.getLogger("parley.journal")

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
            try:
                self._store.append(batch.events, batch.changes)
            except StoreError as error:
                if not self.failing:
                    log.error("messages cannot be stored, so nobody is shown them until they can: %s", error)
                self.failing = str(error)
                if self._stopping.wait(_RETRY_S):
                    log.error(
                        "stopped with %d events that were never stored, and never seen", len(batch.events) + len(batch.changes)
                    )
                    return False
            else:
                if self.failing:
                    log.warning("messages are stored again")
                    self.failing = ""
                return True
