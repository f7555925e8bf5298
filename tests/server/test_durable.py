"""What waits to be put on disk besides events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.events import Erasure, Record
from server.sequencer import Sequencer
from server.settings.limits import Limits
from server.settings.tree import Settings
from server.state.durable import Kept, Waiting
from server.state.model import Network


def test_the_newest_value_counts_and_is_made_once() -> None:
    made = []
    kept = Kept()
    assert not kept
    kept.put(1, "room", "#a", lambda: made.append(1) or {"x": 1})  # type: ignore[func-returns-value]
    kept.put(2, "room", "#b", {"y": 2})
    kept.put(3, "room", "#a", lambda: made.append(2) or {"x": 3})  # type: ignore[func-returns-value]
    kept.put(4, "room", "#b", None)
    kept.erase(Erasure("#a", 1))
    assert kept
    assert list(kept) == [Record(3, "room", "#a", '{"x":3}'), Record(4, "room", "#b", ""), Erasure("#a", 1)]
    assert made == [2]
    kept.clear()
    assert not kept
    assert list(kept) == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.none() | st.text(max_size=9)), max_size=30))
def test_what_is_taken_is_the_last_of_each_and_its_size_is_known(puts: list[tuple[str, str, str | None]]) -> None:
    waiting, last = Waiting(), dict[tuple[str, str], Record]()
    for seq, (kind, key, text) in enumerate(puts, 1):
        kept = Kept()
        kept.put(seq, kind, key, None if text is None else {"t": text})
        waiting.add(kept)
        (record,) = list(kept)
        assert isinstance(record, Record)
        last.pop((kind, key), None)
        last[kind, key] = record
        assert waiting.size == sum(len(each.key) + len(each.value) for each in last.values())
    assert bool(waiting) == bool(puts)
    assert waiting.take() == list(last.values())
    assert (waiting.take(), waiting.size, bool(waiting)) == ([], 0, False)


def test_records_that_wait_for_the_disk_hold_commands_up_as_events_do() -> None:
    sequencer = Sequencer(Network(Settings(), seq=0, at=1))
    with sequencer.lock:
        for number in range(100):
            sequencer.net.keep("metadata", f"@{number}", {"text": "x" * 1024})
            sequencer.net.keep("metadata", "@same", {"text": "x" * 1024})
            sequencer.settle()
        assert 200 < sequencer.pending() < 230, "a hundred KiB and one, as events of half a KiB"
        batch = sequencer.take()
        assert batch is not None
        assert len(batch.changes) == 101
        assert sequencer.pending() == 0


class _Nowhere:
    worker = 0


def test_of_many_who_write_to_somebody_who_does_not_read_only_so_many_wait() -> None:
    net = Network(Settings(limits=Limits(unread=8)), seq=0, at=1)
    deaf, *others = [net.connect(_Nowhere(), "", "", 1) for _ in range(12)]
    taken = []
    for other in others:
        log = net.conversation(other, deaf)
        if not net.takes_no_more(deaf, log):
            net.append_private(log, 1, other, deaf, b":a PRIVMSG b :c\r\n", 1)  # type: ignore[arg-type]
            taken.append(other)
    assert taken == others[:8]
    assert len(deaf.spans) == 8
    assert not net.takes_no_more(deaf, net.conversation(others[0], deaf)), "who waits already may go on"
