"""What `server.ports.Store` promises, for every store."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.events import Erasure, Event, Kind, Record
from server.ports import Store, StoreError
from server.store.memory import MemoryStore
from server.store.sqlite import SqliteStore
from tests.server.store.building import AT, contents, event, events, seqs


def _memory(_: Path) -> Store:
    return MemoryStore(1_000_000)


def _sqlite(directory: Path) -> Store:
    return SqliteStore(directory)


MAKERS: dict[str, Callable[[Path], Store]] = {"memory": _memory, "sqlite": _sqlite}


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(MAKERS[request.param](tmp_path)) as made:
        yield made


def test_a_new_store_is_empty(store: Store) -> None:
    assert store.last_seq() == 0
    assert store.after("#room", 0, 10) == []
    assert store.before("#room", None, 10) == []
    assert store.at_time("#room", AT) == 0
    assert not store.redact("#room", 1)
    assert store.retain(AT) == 0


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    whole = event(
        7, "=a=b", kind=Kind.JOIN, skip=True, closed=True, tags="+reply=1;+x=ä", alt=b":n JOIN #r acc :real\r\n", account="bob"
    )
    whole = dataclasses.replace(whole, least=16, ident="AAAAAAAAAAAAAAAAAAAAAA")
    odd = dataclasses.replace(
        whole, least=1, seq=8, id=7, room="#\N{SNOWMAN}", skip=False, line=b"\x00\xff" + bytes(9000), origin=2**62
    )
    store.append([whole, odd, event(9)])
    for room, expected in ("=a=b", whole), ("#\N{SNOWMAN}", odd), ("#room", event(9)):
        assert contents(store.after(room, 0, 10)) == contents([expected])
        assert contents(store.before(room, None, 10)) == contents([expected])
        (found,) = store.after(room, 0, 10)
        assert type(found.line) is type(found.alt) is bytes
        assert type(found.skip) is type(found.closed) is bool


def test_rooms_do_not_mix_and_order_is_by_position(store: Store) -> None:
    store.append([event(1, "#a"), event(2, "#b"), event(5, "#a")])
    store.append([event(6, "#b"), event(9, "#a")])
    assert seqs(store.after("#a", 0, 10)) == [1, 5, 9]
    assert seqs(store.before("#b", None, 10)) == [2, 6]
    assert store.after("#A", 0, 10) == []


def test_after_gives_the_oldest_above_the_position_and_up_to_the_bound(store: Store) -> None:
    store.append(events(1, 10))
    assert seqs(store.after("#room", 3, 4)) == [4, 5, 6, 7]
    assert seqs(store.after("#room", 3, 100, upto=5)) == [4, 5]
    assert store.after("#room", 3, 100, upto=3) == []
    assert store.after("#room", 10, 100) == []


def test_before_gives_the_newest_below_the_position_ascending(store: Store) -> None:
    store.append(events(1, 10))
    assert seqs(store.before("#room", None, 3)) == [8, 9, 10]
    assert seqs(store.before("#room", 5, 3)) == [2, 3, 4]
    assert seqs(store.before("#room", 3, 100)) == [1, 2]
    assert store.before("#room", 1, 100) == []


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_below_one_gives_anything(store: Store, limit: int) -> None:
    store.append(events(1, 3))
    assert store.after("#room", 0, limit) == []
    assert store.before("#room", None, limit) == []


def test_closed_events_are_for_those_who_were_there(store: Store) -> None:
    store.append([event(seq, closed=seq in (2, 3, 6)) for seq in range(1, 8)])
    assert seqs(store.after("#room", 0, 10)) == [1, 2, 3, 4, 5, 6, 7]
    assert seqs(store.after("#room", 0, 10, seen_from=3)) == [1, 3, 4, 5, 6, 7]
    assert seqs(store.after("#room", 0, 3, seen_from=100)) == [1, 4, 5]
    assert seqs(store.before("#room", None, 10, seen_from=3)) == [1, 3, 4, 5, 6, 7]
    assert seqs(store.before("#room", None, 3, seen_from=100)) == [4, 5, 7]
    assert seqs(store.before("#room", 7, 2, seen_from=6)) == [5, 6]


def test_numbers_that_no_position_can_be_are_bounds_like_any_other(store: Store) -> None:
    store.append([event(1), event(2, closed=True)])
    huge = 2**70
    assert store.after("#room", huge, 10) == []
    assert seqs(store.after("#room", -huge, 10, upto=huge, seen_from=-huge)) == [1, 2]
    assert seqs(store.before("#room", huge, 10, seen_from=huge)) == [1]
    assert store.at_time("#room", huge) == 2
    assert store.at_time("#room", -huge) == 0
    assert not store.redact("#room", huge)
    assert store.retain(-huge) == 0


def test_at_time_is_the_last_before_that_time_in_that_room(store: Store) -> None:
    times = [10, 10, 20, 30, 30, 30, 40]
    store.append([event(100 + i, "#b" if i % 2 else "#a", at=AT + t, closed=i > 3) for i, t in enumerate(times)])
    assert store.at_time("#a", AT + 10) == 0
    assert store.at_time("#a", AT + 11) == 100
    assert store.at_time("#a", AT + 30) == 102
    assert store.at_time("#b", AT + 30) == 101
    assert store.at_time("#b", AT + 31) == 105
    assert store.at_time("#a", AT + 1000) == 106
    assert store.at_time("#c", AT + 1000) == 0


def test_a_clock_that_was_set_back_does_no_harm(store: Store) -> None:
    store.append([event(i + 1, at=AT + t) for i, t in enumerate([0, 10, 500, 510, 20, 30, 40, 50])])
    for t in range(0, 520, 10):
        assert 0 <= store.at_time("#room", AT + t) <= 8
    assert store.retain(AT + 5) == 1
    assert store.retain(AT + 1000) == 7


def test_last_seq_counts_what_is_not_stored(store: Store) -> None:
    store.append(events(1, 3))
    store.append([event(4, stored=False)])
    assert store.last_seq() >= 4
    store.append([event(5), event(6, stored=False)])
    assert store.last_seq() >= 6
    assert seqs(store.after("#room", 0, 10)) == [1, 2, 3, 5]
    store.append([])
    assert store.last_seq() >= 6


def test_redact_takes_text_and_tags_and_leaves_the_position(store: Store) -> None:
    said = event(2, text="secret", tags="+x=secret", alt=b"secret", account="bob", closed=True, skip=True)
    store.append([event(1), said, event(3)])
    seen = store.after("#room", 1, 1)
    assert not store.redact("#other", 2)
    assert not store.redact("#room", 4)
    assert store.redact("#room", 2)
    left = dataclasses.replace(said, kind=Kind.REDACTION, line=b"", tags="", alt=b"")
    assert contents(store.after("#room", 0, 10)) == contents([event(1), left, event(3)])
    assert contents(seen) == contents([said]), "what others hold must not change under their hands"
    assert store.redact("#room", 2), "it is still an event of the room"


def test_redact_finds_open_events_and_events_of_rooms_that_are_both(store: Store) -> None:
    store.append([event(seq, closed=seq % 2 == 0) for seq in range(1, 7)])
    assert store.redact("#room", 3)
    assert store.redact("#room", 4)
    assert [e.seq for e in store.before("#room", None, 10) if not e.line] == [3, 4]


def test_the_newest_events_with_an_id_of_their_authors(store: Store) -> None:
    """ "The newest `limit` events that have an `ident` and happened at `since` (milliseconds) or later, ascending." """
    plain = [event(seq, "#a" if seq % 2 else "#b", at=AT + seq, closed=seq % 3 == 0, account="bob") for seq in range(1, 31)]
    given = [dataclasses.replace(one, ident=f"id{one.seq}" if one.seq % 5 else "") for one in plain]
    store.append(given)
    assert contents(store.sent(AT, 100)) == contents(one for one in given if one.ident)
    assert seqs(store.sent(AT + 20, 100)) == [21, 22, 23, 24, 26, 27, 28, 29]
    assert seqs(store.sent(AT, 3)) == [27, 28, 29]
    assert seqs(store.sent(AT, 0)) == seqs(store.sent(AT + 30, 9)) == []
    store.redact("#a", 29)
    assert [(one.seq, one.ident, one.line) for one in store.sent(AT, 1)] == [(29, "id29", b"")]


def test_retain_deletes_what_is_older_in_all_rooms(store: Store) -> None:
    store.append([event(seq, "#a" if seq % 3 else "#b", at=AT + seq, closed=seq % 2 == 0) for seq in range(1, 2501)])
    assert store.retain(AT + 1) == 0
    assert store.retain(AT + 2101, 2000) == 2000, "no more at once than was said"
    assert store.retain(AT + 2101) == 100
    assert store.retain(AT + 2101) == 0
    assert seqs(store.after("#a", 0, 3)) == [2101, 2102, 2104]
    assert seqs(store.before("#b", None, 1000)) == list(range(2103, 2500, 3))
    assert store.at_time("#b", AT + 2101) == 0
    assert store.retain(AT + 10_000) == 400
    assert store.after("#a", 0, 3) == []
    assert store.last_seq() >= 2500


def test_trim_deletes_the_oldest_of_one_room_in_slices(store: Store) -> None:
    store.append([event(seq, "#a" if seq % 3 else "#b", closed=seq % 2 == 0) for seq in range(1, 31)])
    assert store.trim("#a", 0) == store.trim("#c", 30) == store.trim("#a", 30, 0) == 0
    assert store.trim("#a", 11, 3) == 3
    assert seqs(store.after("#a", 0, 3)) == [5, 7, 8]
    assert store.trim("#a", 11, 100) == 5
    assert store.trim("#a", 11, 100) == 0
    assert seqs(store.after("#a", 0, 100)) == [seq for seq in range(13, 31) if seq % 3]
    assert seqs(store.after("#b", 0, 100)) == list(range(3, 31, 3))
    assert store.trim("#a", 2**70) == 12
    assert store.rooms("", 10) == ["#b"]
    assert store.last_seq() >= 30


def test_what_was_trimmed_is_not_in_the_way_of_what_is_older_later(store: Store) -> None:
    store.append([event(seq, f"#{seq % 2}", at=AT + seq) for seq in range(1, 1001)])
    assert store.trim("#1", 500) == 250
    assert store.retain(AT + 101) == 50
    assert store.trim("#0", 200) == 50
    assert store.retain(AT + 601) == 250
    assert seqs(store.after("#0", 0, 2)) == [602, 604]
    assert seqs(store.after("#1", 0, 2)) == [601, 603]
    assert store.trim("#1", 2000) == 200
    store.append([event(1001, "#1")])
    assert seqs(store.after("#1", 0, 2)) == [1001]
    assert store.retain(AT + 5000) == 201


def test_surplus_is_the_newest_that_is_too_much(store: Store) -> None:
    store.append([event(seq, "#a" if seq % 3 else "#b", closed=seq % 2 == 0) for seq in range(1, 31)])
    assert store.surplus("#b", 10) == store.surplus("#c", 0) == store.surplus("#b", 2**70) == 0
    assert store.surplus("#b", 9) == 3
    assert store.surplus("#b", 1) == 27
    assert store.surplus("#b", 0) == store.surplus("#b", -1) == 30


def test_rooms_are_those_that_have_events(store: Store) -> None:
    assert store.rooms("", 10) == []
    store.append(
        [event(1, "#b"), event(2, "=@a=@b", closed=True), event(3, "#a"), event(4, "#b", closed=True), event(5, "#d", stored=False)]
    )
    assert store.rooms("", 10) == ["#a", "#b", "=@a=@b"]
    assert store.rooms("", 2) == ["#a", "#b"]
    assert store.rooms("#a", 10) == ["#b", "=@a=@b"]
    assert store.rooms("=@a=@b", 10) == store.rooms("", 0) == []


def test_what_is_gone_can_be_given_back_and_scrubbed(store: Store) -> None:
    store.append([event(seq, text="x" * 500) for seq in range(1, 20_001)])
    while store.trim("#room", 19_000):
        pass
    while store.shrink():
        pass
    assert store.scrub()
    assert store.shrink() == 0
    assert seqs(store.after("#room", 0, 2)) == [19_001, 19_002]


def test_close_may_be_called_again(store: Store) -> None:
    store.append(events(1, 2))
    store.close()
    store.close()


def test_readers_in_other_threads_see_all_that_was_appended_and_no_part_of_a_batch(store: Store) -> None:
    appended = 0
    stop = threading.Event()
    failures: list[str] = []

    def read() -> None:
        while not stop.is_set():
            least = appended
            found = seqs(store.before("#room", None, 50))
            if found and (found != list(range(found[0], found[0] + len(found))) or found[-1] % 5):
                failures.append(f"not whole batches in a row: {found}")
            if (found[-1] if found else 0) < least:
                failures.append(f"{least} was appended before, and {found[-1:]} is the last")
            store.at_time("#room", AT)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for batch in range(100):
            store.append(events(batch * 5 + 1, batch * 5 + 5))
            appended = batch * 5 + 5
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert failures == []


# A model: a list of events, and each promise as the one line that says it.


@dataclass
class Model:
    kept: list[Event] = field(default_factory=list)

    def readable(self, room: str, seen_from: int) -> list[Event]:
        return [e for e in self.kept if e.room == room and (not e.closed or e.seq >= seen_from)]

    def after(self, room: str, seq: int, limit: int, upto: int | None, seen_from: int) -> list[Event]:
        return [e for e in self.readable(room, seen_from) if seq < e.seq and (upto is None or e.seq <= upto)][:limit]

    def before(self, room: str, seq: int | None, limit: int, seen_from: int) -> list[Event]:
        found = [e for e in self.readable(room, seen_from) if seq is None or e.seq < seq]
        return found[max(len(found) - limit, 0) :]

    def at_time(self, room: str, at: int) -> int:
        return max((e.seq for e in self.kept if e.room == room and e.at < at), default=0)

    def redact(self, room: str, seq: int) -> bool:
        found = [i for i, e in enumerate(self.kept) if e.room == room and e.seq == seq]
        for i in found:
            self.kept[i] = dataclasses.replace(self.kept[i], kind=Kind.REDACTION, line=b"", tags="", alt=b"")
        return bool(found)

    def retain(self, before: int) -> int:
        return self._drop([e for e in self.kept if e.at < before])

    def trim(self, room: str, upto: int, limit: int) -> int:
        return self._drop([e for e in self.kept if e.room == room and e.seq <= upto][:limit])

    def surplus(self, room: str, keep: int) -> int:
        return max([e.seq for e in self.kept if e.room == room][::-1][keep:], default=0)

    def _drop(self, doomed: list[Event]) -> int:
        self.kept = [e for e in self.kept if e not in doomed]
        return len(doomed)


ROOMS = st.sampled_from(["#a", "#b", "=a=b"])
POSITIONS = st.integers(0, 60)
# seconds since the last one, skipped positions, room, closed, stored, how far back the first copy is
ENTRY = st.tuples(st.integers(0, 2), st.integers(1, 3), ROOMS, st.booleans(), st.integers(0, 9), st.integers(0, 1))
STEP = st.one_of(
    st.tuples(st.just("append"), st.lists(ENTRY, max_size=8)),
    st.tuples(st.just("redact"), ROOMS, POSITIONS),
    st.tuples(st.just("retain"), st.integers(0, 20)),
    st.tuples(st.just("trim"), ROOMS, POSITIONS, st.integers(0, 5)),
)
QUESTION = st.tuples(ROOMS, POSITIONS, st.integers(0, 8), st.none() | POSITIONS, POSITIONS, st.integers(0, 40))


class History:
    """Turns drawn entries into events whose positions and times grow."""

    def __init__(self) -> None:
        self.seq = 0
        self.at = AT

    def batch(self, entries: list[tuple[int, int, str, bool, int, int]]) -> list[Event]:
        return [self._event(*entry) for entry in entries]

    def _event(self, later: int, gap: int, room: str, closed: bool, stored: int, back: int) -> Event:
        self.seq += gap
        self.at += later * 1000
        first = max(self.seq - back, 1)
        return event(self.seq, room, at=self.at, first=first, closed=closed, stored=stored > 0, tags="+t" if closed else "")


@given(st.lists(STEP, max_size=12), st.lists(QUESTION, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_every_store_answers_as_a_list_would(
    steps: list[tuple[object, ...]], questions: list[tuple[str, int, int, int | None, int, int]]
) -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stores = [stack.enter_context(closing(make(directory))) for make in MAKERS.values()]
        model, history = Model(), History()
        for step in steps:
            _take(step, model, history, stores)
        for store in stores:
            assert store.last_seq() >= history.seq
            for room, seq, limit, bound, seen_from, seconds in questions:
                found = store.after(room, seq, limit, upto=bound, seen_from=seen_from)
                assert contents(found) == contents(model.after(room, seq, limit, bound, seen_from))
                found = store.before(room, bound, limit, seen_from=seen_from)
                assert contents(found) == contents(model.before(room, bound, limit, seen_from))
                at = AT + seconds * 1000
                assert store.at_time(room, at) == model.at_time(room, at)
                assert store.surplus(room, limit) == model.surplus(room, limit)
            assert store.rooms("", 9) == sorted({e.room for e in model.kept})


def _take(step: tuple[object, ...], model: Model, history: History, stores: list[Store]) -> None:
    match step:
        case ("append", list(entries)):
            batch = history.batch(entries)
            model.kept += [e for e in batch if e.stored]
            for store in stores:
                store.append(batch)
        case ("redact", str(room), int(seq)):
            expected = model.redact(room, seq)
            assert [store.redact(room, seq) for store in stores] == [expected] * len(stores)
        case ("retain", int(seconds)):
            gone = model.retain(AT + seconds * 1000)
            assert [store.retain(AT + seconds * 1000) for store in stores] == [gone] * len(stores)
        case ("trim", str(room), int(upto), int(limit)):
            gone = model.trim(room, upto, limit)
            assert [store.trim(room, upto, limit) for store in stores] == [gone] * len(stores)


# Records and erasures


def test_the_newest_record_of_a_key_counts_and_an_empty_one_takes_it_away(store: Store) -> None:
    store.append([], [Record(1, "account", "ada", "1"), Record(2, "room", "ada", "2"), Record(3, "account", "bob", "3")])
    store.append([event(4)], [Record(5, "account", "ada", "5"), Record(6, "account", "bob", "")])
    assert list(store.records()) == [Record(2, "room", "ada", "2"), Record(5, "account", "ada", "5")]
    assert seqs(store.after("#room", 0, 10)) == [4]
    assert store.last_seq() == 6


def test_records_are_there_after_the_store_was_closed(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.append([], [Record(7, "ban", "*!*@bad", '{"by":"\N{SNOWMAN}"}')])
    with closing(SqliteStore(tmp_path)) as store:
        assert list(store.records()) == [Record(7, "ban", "*!*@bad", '{"by":"\N{SNOWMAN}"}')]
        assert store.last_seq() >= 7


def test_an_erasure_takes_the_text_of_an_older_event_and_of_one_in_the_same_append(store: Store) -> None:
    store.append([event(1), event(2)])
    store.append([event(3), event(4)], [Erasure("#room", 2), Erasure("#room", 3), Erasure("#other", 1), Erasure("#room", 99)])
    found = store.after("#room", 0, 10)
    assert [(each.seq, each.kind == Kind.REDACTION, each.line == b"") for each in found] == [
        (1, False, False),
        (2, True, True),
        (3, True, True),
        (4, False, False),
    ]


def test_a_refused_append_keeps_no_record(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        store.append([event(1)], [Record(2, "a", "b", "old")])
        with pytest.raises(StoreError):
            store.append([event(1)], [Record(3, "a", "b", "new")])  # the position is taken
        assert list(store.records()) == [Record(2, "a", "b", "old")]
