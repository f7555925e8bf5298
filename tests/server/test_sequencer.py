"""Order and visibility, call by call. What comes of it for those who listen is in test_delivery.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from server import sequencer as module
from server.events import Event, Kind
from server.log import Window
from server.sequencer import Batch, Behind, Page, Plan, Sequencer
from server.settings.tree import Settings
from server.state.model import Network, Rank, Room, User
from tests.server.store.building import AT, seqs


class Place:
    """A link: all that is known of it is the worker."""

    def __init__(self, worker: int) -> None:
        self.worker = worker


class Desk:
    """A worker that counts how often it was rung."""

    def __init__(self) -> None:
        self.dirty: set[Room] = set()
        self.rung: set[User] = set()
        self.waiting = False
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1


class Setup:
    """Ann (worker 0) and Bob (worker 1) in #a; positions 1 and 2 are their sessions, 3 and 4 their joins."""

    def __init__(self, *, window: int = 1 << 20, at_once: list[Event] | None = None) -> None:
        self.net = Network(Settings(), seq=0, at=AT)
        self.net.window = Window(window)
        self.sequencer = Sequencer(self.net, commit_now=None if at_once is None else lambda events, _: at_once.extend(events))
        self.desks = [Desk(), Desk()]
        self.sequencer.desks.extend(self.desks)
        self.woken = 0
        self.sequencer.wake_journal = self._wake
        self.ann, self.bob = (self.net.connect(Place(worker), "", "", AT) for worker in (0, 1))
        self.room = self.enter("#a", self.ann)
        self.enter("#a", self.bob)
        self.settle()

    def _wake(self) -> None:
        self.woken += 1

    @contextmanager
    def locked(self) -> Iterator[Sequencer]:
        with self.sequencer.lock:
            yield self.sequencer

    def enter(self, name: str, user: User) -> Room:
        room = self.net.open(name, AT)
        room.enter(user, Rank.NONE, self.net.append(room, Kind.JOIN, user, b"JOIN\r\n", AT).seq)
        return room

    def say(self, user: User, *, room: Room | None = None, skip: bool = False) -> Event:
        return self.net.append(room or self.room, Kind.MESSAGE, user, b"PRIVMSG\r\n", AT, skip=skip)

    def settle(self) -> None:
        with self.locked() as sequencer:
            sequencer.settle()

    def take(self) -> Batch | None:
        with self.locked() as sequencer:
            return sequencer.take()

    def commit(self, batch: Batch | None = None) -> None:
        with self.locked() as sequencer:
            found = batch or sequencer.take()
            assert found is not None
            sequencer.commit(found)

    def plan(self, user: User, cursor: int, upto: int, pages: module.Pages | None = None) -> Plan:
        with self.locked() as sequencer:
            return sequencer.plan(user, cursor, upto, pages or {})


@pytest.fixture
def setup() -> Setup:
    return Setup()


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 3)


def shown(plan: Plan) -> list[object]:
    return [item.seq if isinstance(item, Event) else item for item in plan.items]


# Visibility


def test_nothing_is_committed_until_the_journal_says_so(setup: Setup) -> None:
    assert (setup.sequencer.committed, setup.sequencer.pending(), setup.woken) == (0, 2, 1)
    batch = setup.take()
    assert batch is not None
    assert (seqs(batch.events), batch.rooms, batch.upto) == ([3, 4], {setup.room}, 4)
    assert (setup.sequencer.committed, setup.sequencer.pending()) == (0, 0)
    setup.commit(batch)
    assert setup.sequencer.committed == 4
    assert [desk.dirty for desk in setup.desks] == [{setup.room}, {setup.room}]
    assert [desk.rings for desk in setup.desks] == [1, 1]
    assert setup.take() is None


def test_while_the_journal_writes_it_is_not_woken_and_positions_wait(setup: Setup) -> None:
    batch = setup.take()
    setup.say(setup.ann)
    setup.settle()
    assert setup.woken == 1
    setup.net.connect(Place(0), "", "", AT)
    setup.settle()
    setup.commit(batch)
    assert setup.sequencer.committed == 4, "position 5 is not written"
    setup.commit()
    assert setup.sequencer.committed == 6, "position 6 is a session: nothing to wait for"


def test_positions_without_events_are_nothing_to_wait_for(setup: Setup) -> None:
    setup.commit()
    setup.net.connect(Place(0), "", "", AT)
    setup.settle()
    assert setup.sequencer.committed == setup.net.seq == 5
    setup.say(setup.ann)
    setup.settle()
    setup.net.connect(Place(0), "", "", AT)
    setup.settle()
    assert setup.sequencer.committed == 5


def test_a_store_without_a_disk_commits_at_once() -> None:
    written: list[Event] = []
    setup = Setup(at_once=written)
    assert (seqs(written), setup.sequencer.committed, setup.woken) == ([3, 4], 4, 0)
    assert setup.take() is None
    setup.say(setup.bob)
    setup.settle()
    assert (seqs(written), setup.sequencer.committed) == ([3, 4, 5], 5)


def test_only_workers_with_members_or_someone_waiting_are_woken(setup: Setup) -> None:
    setup.commit()
    setup.net.part(setup.room, setup.bob, setup.say(setup.bob).seq)
    setup.settle()
    assert setup.desks[1].rung == {setup.bob}
    for desk in setup.desks:
        desk.dirty.clear()
        desk.rings = 0
    setup.commit()
    assert [desk.rings for desk in setup.desks] == [1, 0]
    setup.desks[1].waiting = True
    setup.say(setup.ann)
    setup.settle()
    setup.commit()
    assert setup.desks[1].rings == 1
    assert not setup.desks[1].dirty


def test_who_has_output_of_their_own_is_rung_for_at_their_worker(setup: Setup) -> None:
    setup.net.send(setup.bob, b"x")
    setup.settle()
    assert [desk.rung for desk in setup.desks] == [set(), {setup.bob}]
    assert [desk.rings for desk in setup.desks] == [0, 1]
    assert not setup.net.rung


def test_what_is_committed_and_over_the_limit_leaves_the_memory() -> None:
    setup = Setup(window=0)
    assert setup.room.log.floor == 2
    setup.commit()
    assert setup.room.log.floor == 4


def test_time_in_the_logs_never_goes_back(setup: Setup) -> None:
    assert [setup.sequencer.clock(at) for at in (5, 3, 6, 6, 1)] == [5, 5, 6, 6, 6]


def test_a_sequencer_alone_wakes_nobody() -> None:
    Sequencer(Network(Settings(), seq=0, at=AT)).wake_journal()


@pytest.mark.parametrize("call", ["settle", "take", "commit", "plan"])
def test_the_lock_must_be_held(setup: Setup, call: str) -> None:
    arguments: dict[str, Sequence[object]] = {"commit": [Batch([], set(), 0)], "plan": [setup.ann, 0, 0, {}]}
    with pytest.raises(AssertionError):
        getattr(setup.sequencer, call)(*arguments.get(call, []))


# Plans


def test_a_member_gets_what_happened_from_their_join_on(setup: Setup) -> None:
    setup.say(setup.ann)
    setup.say(setup.bob)
    plan = setup.plan(setup.bob, 0, 6)
    assert (shown(plan), plan.horizon, plan.waiting) == ([4, 5, 6], 6, False)
    assert shown(setup.plan(setup.ann, 0, 6)) == [3, 4, 5, 6]
    assert shown(setup.plan(setup.ann, 4, 5)) == [5]
    assert shown(setup.plan(setup.ann, 6, 6)) == []


def test_own_events_without_an_echo_are_skipped_with_and_without_replies(setup: Setup) -> None:
    setup.say(setup.ann, skip=True)
    setup.say(setup.bob, skip=True)
    assert shown(setup.plan(setup.ann, 4, 6)) == [6]
    setup.net.send(setup.ann, b"reply")
    assert shown(setup.plan(setup.ann, 4, 6)) == [6, b"reply"]


def test_replies_stand_where_they_were_given(setup: Setup) -> None:
    setup.net.send(setup.ann, b"a")
    setup.say(setup.bob)
    setup.net.send(setup.ann, b"bb")
    setup.net.send(setup.ann, b"ccc")
    setup.say(setup.bob)
    setup.say(setup.bob)
    setup.net.send(setup.ann, b"dddd")
    plan = setup.plan(setup.ann, 2, 6)
    assert (shown(plan), plan.waiting) == ([3, 4, b"a", 5, b"bb", b"ccc", 6], True)
    assert setup.ann.reply_bytes == 4
    plan = setup.plan(setup.ann, 6, 7)
    assert (shown(plan), plan.waiting, setup.ann.reply_bytes) == ([7, b"dddd"], False, 0)


def test_who_left_gets_the_rest_and_nothing_later(setup: Setup) -> None:
    setup.say(setup.ann)
    setup.net.part(setup.room, setup.bob, setup.say(setup.bob).seq)
    setup.say(setup.ann)
    plan = setup.plan(setup.bob, 4, 5)
    assert (shown(plan), plan.waiting, len(setup.bob.spans)) == ([5], True, 1)
    plan = setup.plan(setup.bob, 5, 7)
    assert (shown(plan), plan.waiting, setup.bob.spans) == ([6], False, [])


def test_who_comes_back_misses_what_was_said_in_between(setup: Setup) -> None:
    setup.net.part(setup.room, setup.bob, setup.say(setup.bob).seq)
    setup.say(setup.ann)
    setup.enter("#a", setup.bob)
    setup.say(setup.ann)
    assert shown(setup.plan(setup.bob, 0, 8)) == [4, 5, 7, 8]


def test_a_membership_that_is_not_committed_is_waited_for(setup: Setup) -> None:
    assert setup.plan(setup.bob, 0, 3).waiting
    assert not setup.plan(setup.bob, 3, 4).waiting


def test_several_rooms_come_in_one_order(setup: Setup) -> None:
    other = setup.enter("#b", setup.ann)
    for room in (setup.room, other, other, setup.room):
        setup.say(setup.bob, room=room)
    assert shown(setup.plan(setup.ann, 4, 9)) == [5, 6, 7, 8, 9]


@pytest.mark.usefixtures("_small_pages")
def test_a_page_at_a_time() -> None:
    setup = Setup()
    other = setup.enter("#b", setup.ann)
    for room in (setup.room, setup.room, other, setup.room, setup.room, other):
        setup.say(setup.bob, room=room)
    setup.net.send(setup.ann, b"end")
    got, cursor, turns = [], 2, 0
    while cursor < 11:
        plan = setup.plan(setup.ann, cursor, 11)
        assert len(plan.items) <= 3 + 1
        assert plan.horizon > cursor
        assert not plan.waiting
        got += shown(plan)
        cursor, turns = plan.horizon, turns + 1
    assert got == [3, 4, 5, 6, 7, 8, 9, 10, 11, b"end"]
    assert turns == 3


@pytest.mark.usefixtures("_small_pages")
def test_two_sources_that_are_both_short_can_make_more_than_a_page() -> None:
    setup = Setup()
    other = setup.enter("#b", setup.ann)
    for room in (setup.room, other, setup.room, other):
        setup.say(setup.bob, room=room)
    plan = setup.plan(setup.ann, 5, 9)
    assert (shown(plan), plan.horizon) == ([6, 7, 8], 8)


def test_what_left_the_memory_is_asked_for_and_nothing_is_given_until_it_is_there() -> None:
    setup = Setup(window=0)
    for _ in range(2):
        setup.say(setup.ann)
    setup.settle()
    events = list(setup.room.log.events)
    setup.commit()
    setup.net.send(setup.bob, b"reply")
    missing = Behind("#a", 3, 6, 4)
    plan = setup.plan(setup.bob, 2, 6)
    assert (plan.behind, plan.items, plan.horizon, plan.waiting) == ([missing], [], 2, False)
    assert setup.bob.replies
    plan = setup.plan(setup.bob, 2, 6, {missing: Page(events[-3:], 6)})
    assert (shown(plan), plan.behind) == ([4, 5, 6, b"reply"], [])
    assert not setup.bob.replies


def test_a_part_of_which_nothing_is_kept_is_passed_over() -> None:
    setup = Setup(window=0)
    setup.commit()
    plan = setup.plan(setup.bob, 2, 4, {Behind("#a", 3, 4, 4): Page([], 4)})
    assert (plan.items, plan.horizon) == ([], 4)


# What is for a rank and above


def test_what_is_for_higher_ranks_is_left_out_of_memory_and_pages_alike(setup: Setup) -> None:
    """Bob has no rank: not from memory, not from the store; with the rank he gets it. The author does without one."""
    for least in (Rank.NONE, Rank.VOICE, Rank.OP):
        setup.net.append(setup.room, Kind.MESSAGE, setup.ann, b"PRIVMSG\r\n", AT, least=least)
    setup.settle()
    setup.commit()
    assert shown(setup.plan(setup.bob, 4, 7, {})) == [5]
    assert shown(setup.plan(setup.ann, 4, 7, {})) == [5, 6, 7]
    setup.room.members[setup.bob] = Rank.VOICE
    assert shown(setup.plan(setup.bob, 4, 7, {})) == [5, 6]
    missing = Behind("#a", 4, 7, setup.bob.rooms[setup.room])
    stored = list(setup.room.log.events[2:])
    setup.room.log.floor = 7
    assert setup.plan(setup.bob, 4, 7).behind == [missing]
    assert shown(setup.plan(setup.bob, 4, 7, {missing: Page(stored, 7)})) == [5, 6]
    setup.room.members[setup.bob] = Rank.OP
    assert shown(setup.plan(setup.bob, 4, 7, {missing: Page(stored, 7)})) == [5, 6, 7]
    setup.net.rooms.clear()
    assert shown(setup.plan(setup.bob, 4, 7, {missing: Page(stored, 7)})) == [5], "a room that is gone gives nobody a rank"
