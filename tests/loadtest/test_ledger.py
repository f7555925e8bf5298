"""The ledger finds each fault, by name, in whatever way the receipts come."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.ledger import REMEMBERED, Gaps, Ledger, Member, Stamp, Totals, compose

RUN = "abc123"
ROOM = "#r"
ME = 9


def ledger(size: int = 80) -> Ledger:
    return Ledger(RUN, lambda n: f"nick{n}", size)


def line(
    sequence: int, *, sender: int = 1, room: str = ROOM, run: str = RUN, nick: str = "", size: int = 80, at: int = 1000
) -> bytes:
    stamp = Stamp(run, 0, sender, sequence, at, at + 10)
    return f":{nick or f'nick{sender}'}!u@h {compose(room, stamp, size)}".encode()


def totals(book: Ledger, count: int) -> Totals:
    sent = {ROOM: {1: count}}
    return book.totals(sent, sent)


def after(sequences: list[int], count: int) -> Totals:
    """What the ledger says when one of `count` messages came in this order."""
    book = ledger()
    book.member(ROOM, ME).receive([line(n) for n in sequences], 2000)
    return totals(book, count)


def test_all_in_order_is_no_fault() -> None:
    out = after([0, 1, 2, 3], 4)
    assert (out.sent, out.expected, out.received) == (4, 4, 4)
    assert (out.lost, out.repeated, out.reordered, out.foreign, out.senders) == (0, 0, 0, 0, {})


@pytest.mark.parametrize("came", [[1, 2, 3], [0, 2, 3], [0, 1, 2]], ids=["first", "middle", "last"])
def test_a_dropped_receipt_is_lost(came: list[int]) -> None:
    out = after(came, 4)
    assert (out.lost, out.repeated, out.reordered, out.foreign) == (1, 0, 0, 0)
    assert out.senders == {"#r 1": {"lost": 1, "repeated": 0, "reordered": 0}}


def test_a_member_that_gets_nothing_has_lost_everything() -> None:
    assert after([], 4).lost == 4


def test_a_repeated_receipt_is_repeated() -> None:
    out = after([0, 1, 1, 2, 0], 3)
    assert (out.lost, out.repeated, out.reordered, out.received) == (0, 2, 0, 3)


def test_a_receipt_that_comes_after_a_later_one_is_reordered() -> None:
    out = after([0, 2, 3, 1], 4)
    assert (out.lost, out.repeated, out.reordered) == (0, 0, 1)


def test_a_late_receipt_that_is_repeated_counts_as_both() -> None:
    out = after([0, 2, 1, 1], 3)
    assert (out.lost, out.repeated, out.reordered) == (0, 1, 1)


@given(st.integers(1, 40), st.randoms(use_true_random=False))
def test_any_mixture_is_told_apart(count: int, chance: random.Random) -> None:
    """Drop, repeat and shuffle at random: the three counts are those of the definition."""
    came = [n for n in range(count) if chance.random() > 0.2]
    came += [n for n in came if chance.random() < 0.2]
    if chance.random() < 0.7:
        chance.shuffle(came)
    seen: set[int] = set()
    repeated = reordered = 0
    for n in came:
        repeated += n in seen
        reordered += n not in seen and any(later > n for later in seen)
        seen.add(n)
    out = after(came, count)
    assert (out.lost, out.repeated, out.reordered) == (count - len(seen), repeated, reordered)
    assert out.received == len(seen)


@pytest.mark.parametrize(
    ("strange", "reason"),
    [
        (line(0, run="000000"), "of another run"),
        (line(0, nick="mallory"), "under another name"),
        (line(0, room="#elsewhere"), "of another room"),
        (line(0)[:-3], "of another text"),
        (line(0)[:-1] + b"y", "of another text"),
        (line(0, at=10**9), "of another time"),
        (line(0).replace(b" 0 1 0 ", b" 0 1 zero "), "garbled"),
        (line(0).replace(b" PRIVMSG ", b" NOTICE "), "garbled"),
    ],
)
def test_what_is_not_this_runs_is_foreign(strange: bytes, reason: str) -> None:
    book = ledger()
    book.member(ROOM, ME).receive([strange, strange], 2000)
    out = totals(book, 0)
    assert (out.foreign, out.foreign_by) == (2, {reason: 2})


def test_lines_that_are_no_messages_come_back() -> None:
    member = ledger().member(ROOM, ME)
    assert member.receive([b"PING :x", line(0), b":a!b@c PRIVMSG #r :hello"], 2000) == [b"PING :x", b":a!b@c PRIVMSG #r :hello"]


def test_tags_in_front_change_nothing() -> None:
    book = ledger()
    book.member(ROOM, ME).receive([b"@time=2026-01-01T00:00:00Z;msgid=1 " + line(0)], 2000)
    assert totals(book, 1).received == 1


def test_an_author_is_owed_its_own_only_with_echo() -> None:
    book = ledger()
    book.member(ROOM, 1)
    assert totals(book, 5).expected == 0
    book.member(ROOM, 1, echo=True)
    assert totals(book, 5).lost == 5


def test_latency_is_kept_from_both_times() -> None:
    book = ledger()
    book.member(ROOM, ME).receive([line(0, at=1000), line(1, at=1500)], 2000)
    assert (book.intended.count, book.actual.count) == (2, 2)
    assert book.intended.high == pytest.approx(1000, rel=0.016)
    assert book.actual.high == pytest.approx(990, rel=0.016)


def test_a_repeated_receipt_has_no_latency() -> None:
    book = ledger()
    book.member(ROOM, ME).receive([line(0), line(0)], 2000)
    assert book.intended.count == 1


def test_waiting_ends_when_all_is_in_or_the_connection_is_gone() -> None:
    book = ledger()
    here = book.member(ROOM, ME)
    gone = book.member(ROOM, ME + 1)
    sent = {ROOM: {1: 1}}
    assert book.outstanding(sent) == [here, gone]
    gone.gone = True
    assert book.outstanding(sent) == [here]
    here.receive([line(0)], 2000)
    assert book.outstanding(sent) == []


def test_it_forgets_lines_but_not_what_was_counted() -> None:
    book = ledger()
    members: list[Member] = [book.member(ROOM, n) for n in (ME, ME + 1)]
    count = REMEMBERED * 2 + 10
    for n in range(count):
        members[0].receive([line(n)], 2000)
    for n in range(count):
        members[1].receive([line(n)], 2000)
    out = totals(book, count)
    assert (out.received, out.lost, out.repeated) == (2 * count, 0, 0)
    assert len(book.known) <= REMEMBERED


def test_totals_of_workers_add_up() -> None:
    a = after([0, 2], 3)
    b = after([0, 0, 1, 2], 3)
    a.add(Totals.from_dict(b.to_dict()))
    assert (a.sent, a.expected, a.received, a.lost, a.repeated) == (6, 6, 5, 1, 1)
    assert a.senders == {"#r 1": {"lost": 1, "repeated": 1, "reordered": 0}}


def test_gaps_split_and_count() -> None:
    gaps = Gaps()
    gaps.open(2, 6)
    assert gaps.fill(4)
    assert not gaps.fill(4)
    assert (gaps.below(100), gaps.below(4)) == (3, 2)
