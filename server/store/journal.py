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
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

from server.histogram import Histogram
from server.ports import Damaged, Store, StoreError
from server.sequencer import Batch, Sequencer

log = logging.getLogger("parley.journal")

_COMMIT_S = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_EVENTS = (1, 4, 16, 64, 256, 1024, 4096)
_TELL_S = 2.0  # of refusals, after which people are told that what they send waits
_RETRY_S = 0.5  # between attempts to write what the store refused (disk full): nothing is dropped, and nobody sees it before


class Chore:
    """Something small that is to be done with the store between two commits, and what came of it."""

    def __init__(self, work: Callable[[], int]) -> None:
        self._work = work
        self._over = threading.Event()
        self._found: int | StoreError = 0

    def run(self) -> None:
        """Do it."""
        try:
            self._found = self._work()
        except StoreError as error:
            self._found = error
        except BaseException:
            self._found = StoreError("The server is stopping.")
            raise
        finally:
            self._over.set()

    def give_up(self) -> None:
        """There will be nobody to do it."""
        self._found = StoreError("The server is stopping.")
        self._over.set()

    def result(self) -> int:
        """What `work` gave, once it is done. Raises StoreError."""
        self._over.wait()
        if isinstance(self._found, StoreError):
            raise self._found
        return self._found


class Journal(threading.Thread):
    """Start it after the workers, stop it after them: what they appended is still committed."""

    def __init__(self, sequencer: Sequencer, store: Store) -> None:
        super().__init__(name="journal", daemon=True)
        self._sequencer = sequencer
        self._store = store
        self._bell: SimpleQueue[bool] = SimpleQueue()  # in C: a put and a get cost less than a Condition's two locks
        self._awake = False  # under the sequencer's lock
        self._stopping = threading.Event()
        self._chores: deque[Chore] = deque()
        self._closed = False  # nobody does chores any more
        self.damaged = False  # the store cannot be trusted any more, which is why the server stopped
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

    def do(self, work: Callable[[], int]) -> int:
        """Have this thread, the one that writes, do `work` between two commits; waits for it, from another thread.

        Raises StoreError, also where the journal ends before it got to it.
        """
        chore = Chore(work)
        self._chores.append(chore)
        self._bell.put(True)
        if self._closed:
            self._give_up_chores()
        return chore.result()

    def _do_chore(self) -> None:
        if self._chores:
            self._chores.popleft().run()

    def _give_up_chores(self) -> None:
        while True:
            try:
                self._chores.popleft().give_up()
            except IndexError:
                return

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
        finally:
            self._closed = True
            self._give_up_chores()

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
                self._do_chore()
                continue
            if not self._write(batch):
                return
            with sequencer.lock:
                sequencer.commit(batch)
            self._do_chore()

    def _write(self, batch: Batch) -> bool:
        """Write `batch`, however long the store refuses; False where the server stops before it could."""
        since = time.monotonic()
        while True:
            began = self.began = time.monotonic()
            try:
                self._store.append(batch.events, batch.changes)
            except Damaged as error:
                self.failing, self.damaged = str(error), True
                self.refused += 1
                log.critical("the server ends, rather than show what it cannot store: %s", error)
                os.kill(os.getpid(), signal.SIGTERM)
                return False
            except StoreError as error:
                self.began = 0.0
                self.refused += 1
                if not self.failing:
                    log.error("messages cannot be stored, so nobody is shown them until they can: %s", error)
                self.failing = str(error)
                if time.monotonic() - since >= _TELL_S:
                    self._stall(stalled=True)
                self._do_chore()  # it may be what makes room
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
                    self._stall(stalled=False)
                return True

    def _stall(self, *, stalled: bool) -> None:
        """Let the workers know that nothing is committed for now, or that it is again; they look once a second."""
        with self._sequencer.lock:
            self._sequencer.net.stalled = max(self._sequencer.committed, 1) if stalled else 0
