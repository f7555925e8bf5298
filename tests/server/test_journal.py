"""The journal: one commit for all that waits; nothing is shown before it is written; nothing is swallowed."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from server.events import Change, Event, Kind
from server.ports import StoreError
from server.sequencer import Sequencer
from server.settings.tree import Settings
from server.state.model import Network, Rank, Room, User
from server.store import journal as module
from server.store.journal import Journal
from server.store.memory import MemoryStore
from tests.server.store.building import AT, seqs

WAIT_S = 60.0


class Held(MemoryStore):
    """A store whose `append` waits until it may go on, and refuses as often as it is told to."""

    def __init__(self) -> None:
        super().__init__(1000)
        self.may = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.groups: list[list[int]] = []
        self.refusals = 0
        self.bug = False

    def append(self, events: Sequence[Event], changes: Sequence[Change] = ()) -> None:
        self.entered.release()
        assert self.may.acquire(timeout=WAIT_S)
        if self.bug:
            raise RuntimeError("a bug")
        if self.refusals:
            self.refusals -= 1
            raise StoreError("The disk is full.")
        self.groups.append(seqs(events))
        super().append(events, changes)

    def open(self) -> None:
        """From now on it waits for nobody."""
        for _ in range(1000):
            self.may.release()


class Nowhere:
    worker = 0


class Desk:
    """A worker that only notes that it was rung."""

    def __init__(self) -> None:
        self.dirty: set[Room] = set()
        self.rung: set[User] = set()
        self.waiting = False
        self.rings = threading.Semaphore(0)

    def ring(self) -> None:
        self.rings.release()


class Setup:
    def __init__(self) -> None:
        self.store = Held()
        self.net = Network(Settings(), seq=0, at=AT)
        self.sequencer = Sequencer(self.net)
        self.desk = Desk()
        self.sequencer.desks.append(self.desk)
        self.journal = Journal(self.sequencer, self.store)
        self.user = self.net.connect(Nowhere(), "", "", AT)
        self.room = self.net.open("#room", AT)
        self.room.enter(self.user, Rank.OP, 1)

    def say(self, times: int = 1) -> None:
        with self.sequencer.lock:
            for _ in range(times):
                self.net.append(self.room, Kind.MESSAGE, self.user, b":x PRIVMSG #room :y\r\n", AT)
            self.sequencer.settle()

    def shown(self) -> int:
        with self.sequencer.lock:
            return self.sequencer.committed

    def rung(self) -> bool:
        return self.desk.rings.acquire(timeout=WAIT_S)


@pytest.fixture
def setup() -> Iterator[Setup]:
    made = Setup()
    yield made
    made.store.open()
    made.journal.stop()
    assert not made.journal.is_alive()


def test_nothing_is_shown_before_it_is_written(setup: Setup) -> None:
    setup.journal.start()
    setup.say()
    assert setup.store.entered.acquire(timeout=WAIT_S)
    assert setup.shown() == 0
    assert not setup.desk.rings.acquire(blocking=False)
    setup.store.may.release()
    assert setup.rung()
    assert setup.shown() == 2
    assert setup.desk.dirty == {setup.room}


def test_what_gathers_during_a_commit_is_the_next_group(setup: Setup) -> None:
    setup.journal.start()
    setup.say()
    assert setup.store.entered.acquire(timeout=WAIT_S)
    for _ in range(3):
        setup.say(2)
    assert setup.sequencer.pending() == 6
    setup.store.may.release()
    assert setup.rung()
    assert setup.store.entered.acquire(timeout=WAIT_S)
    assert setup.shown() == 2, "the second group is not written yet"
    setup.store.may.release()
    assert setup.rung()
    assert setup.store.groups == [[2], [3, 4, 5, 6, 7, 8]]
    assert setup.shown() == 8


def test_it_sleeps_and_is_woken_again(setup: Setup) -> None:
    setup.store.open()
    setup.journal.start()
    for count in range(1, 20):
        setup.say()
        assert setup.rung()
        assert setup.shown() == count + 1
    assert setup.store.groups == [[seq] for seq in range(2, 21)]


def test_what_was_said_before_it_started_is_one_group(setup: Setup) -> None:
    setup.store.open()
    setup.say()
    setup.say()
    setup.journal.start()
    assert setup.rung()
    assert setup.store.groups == [[2, 3]]


def test_stop_commits_what_waits(setup: Setup) -> None:
    setup.journal.start()
    setup.say()
    assert setup.store.entered.acquire(timeout=WAIT_S)
    setup.say(5)
    stopper = threading.Thread(target=setup.journal.stop)
    stopper.start()
    setup.store.open()
    stopper.join(WAIT_S)
    assert not stopper.is_alive()
    assert setup.shown() == 7
    assert setup.store.groups == [[2], [3, 4, 5, 6, 7]]


def test_stop_is_idempotent_and_needs_no_start(setup: Setup) -> None:
    setup.journal.stop()
    setup.journal.start()
    setup.journal.stop()
    setup.journal.stop()
    assert not setup.journal.is_alive()


def test_what_the_store_refuses_is_tried_again_and_then_shown_in_order(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_RETRY_S", 0.001)
    caplog.set_level(logging.WARNING, "parley.journal")
    setup.store.refusals = 3
    setup.journal.start()
    setup.say()
    for _ in range(2):
        assert setup.store.entered.acquire(timeout=WAIT_S)
        setup.store.may.release()
    assert setup.store.entered.acquire(timeout=WAIT_S)
    assert setup.journal.failing == "The disk is full."
    assert setup.shown() == 0
    setup.say(2)
    setup.store.open()
    assert setup.rung()
    while setup.shown() < 4:
        assert setup.rung()
    assert setup.store.groups == [[2], [3, 4]]
    assert not setup.journal.failing
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "messages cannot be stored, so nobody is shown them until they can: The disk is full.",
        "messages are stored again",
    ]


# Chores


def test_a_chore_is_done_by_the_journal_when_there_is_nothing_else(setup: Setup) -> None:
    setup.store.open()
    setup.journal.start()
    done: list[str] = []

    def work() -> int:
        done.append(threading.current_thread().name)
        return 7

    assert setup.journal.do(work) == 7
    assert done == ["journal"]


def test_a_chore_stands_between_two_commits(setup: Setup) -> None:
    setup.journal.start()
    order: list[object] = setup.store.groups  # type: ignore[assignment]
    setup.say()
    assert setup.store.entered.acquire(timeout=WAIT_S)

    def work() -> int:
        order.append("chore")
        return 0

    threads = [threading.Thread(target=setup.journal.do, args=(work,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(setup.journal._chores) < 2:
        assert threads[0].is_alive()
    setup.say(2)
    setup.store.open()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert order == [[2], "chore", [3, 4], "chore"]


def test_a_chore_that_fails_tells_who_asked_for_it_and_nobody_else(setup: Setup) -> None:
    def fail() -> int:
        raise StoreError("The disk is full.")

    setup.store.open()
    setup.journal.start()
    with pytest.raises(StoreError, match="full"):
        setup.journal.do(fail)
    setup.say()
    assert setup.rung()
    assert not setup.journal.failing


def test_while_the_store_refuses_chores_are_done_which_may_make_room(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_S", 0.001)

    def make_room() -> int:
        setup.store.refusals = 0
        return 1

    setup.store.refusals = 10**6
    setup.store.open()
    setup.journal.start()
    setup.say()
    while not setup.journal.failing:
        assert setup.store.entered.acquire(timeout=WAIT_S)
        setup.store.may.release()
    asked = threading.Thread(target=setup.journal.do, args=(make_room,))
    asked.start()
    while not setup.rung():
        setup.store.may.release()
    asked.join(WAIT_S)
    assert setup.store.groups == [[2]]


def test_a_journal_that_has_ended_does_no_chores(setup: Setup) -> None:
    setup.store.open()
    setup.journal.start()
    setup.journal.stop()
    with pytest.raises(StoreError, match="stopping"):
        setup.journal.do(lambda: 1)


def test_stop_while_the_store_refuses_shows_nothing(setup: Setup, caplog: pytest.LogCaptureFixture) -> None:
    setup.store.refusals = 1000
    setup.store.open()
    setup.journal.start()
    setup.say(3)
    assert setup.store.entered.acquire(timeout=WAIT_S)
    setup.journal.stop()
    assert not setup.journal.is_alive()
    assert setup.shown() == 0
    assert "stopped with 3 events that were never stored, and never seen" in caplog.text


def test_without_a_journal_there_is_no_server(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[tuple[int, int]] = []
    kill: Callable[[int, int], None] = lambda pid, number: killed.append((pid, number))  # noqa: E731
    monkeypatch.setattr(os, "kill", kill)
    setup.store.bug = True
    setup.store.open()
    setup.say()
    with pytest.raises(RuntimeError, match="a bug"):
        setup.journal.run()  # in this thread, which then has the exception
    assert killed == [(os.getpid(), signal.SIGTERM)]
    assert setup.shown() == 0
    assert "the journal failed" in caplog.text
