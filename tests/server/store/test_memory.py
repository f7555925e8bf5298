"""The memory store's bound."""

from __future__ import annotations

from server.store.memory import MemoryStore
from tests.server.store.building import AT, event, events, seqs


def test_the_oldest_of_all_rooms_go_first() -> None:
    store = MemoryStore(5)
    store.append([event(1, "#a"), event(2, "#b"), event(3, "#a", closed=True), event(4, "#a"), event(5, "#b")])
    store.append([event(6, "#b"), event(7, "#c")])
    assert seqs(store.after("#a", 0, 10)) == [3, 4]
    assert seqs(store.before("#b", None, 10)) == [5, 6]
    assert seqs(store.after("#c", 0, 10)) == [7]
    assert store.at_time("#a", AT) == store.at_time("#c", AT) == 0
    assert store.last_seq() == 7


def test_a_batch_larger_than_the_store_leaves_its_end() -> None:
    store = MemoryStore(3)
    store.append(events(1, 1000))
    assert seqs(store.after("#room", 0, 10)) == [998, 999, 1000]
    assert not store.redact("#room", 997)
    assert store.redact("#room", 998)


def test_nothing_is_kept_where_nothing_may_be() -> None:
    store = MemoryStore(0)
    store.append(events(1, 10))
    assert store.after("#room", 0, 10) == []
    assert store.last_seq() == 10


def test_rooms_that_are_empty_and_events_that_went_take_no_memory() -> None:
    store = MemoryStore(100)
    for seq in range(1, 5001):
        store.append([event(seq, f"#{seq}" if seq % 2 else "#busy")])
    assert len(store._tracks) == 51
    busy = store._tracks["#busy", False]
    assert len(busy.events) <= 2 * 64 + 50
    assert seqs(store.before("#busy", None, 100)) == list(range(4902, 5001, 2))
    assert seqs(store.after("#busy", 4950, 2)) == [4952, 4954]
    store.close()
