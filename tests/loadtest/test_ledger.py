"""The ledger finds each fault, by name, in whatever way the receipts come."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import ledger as ledgers
from loadtest import streams
from loadtest.faults import Gaps, Totals
from loadtest.hearing import REMEMBERED, REMEMBERED_BYTES
from loadtest.histogram import Histogram
from loadtest.ledger import SETTLE, Ledger
from loadtest.member import Member
from loadtest.spreads import LATE, Spreads
from loadtest.stamp import Stamp, compose, lines_of
from loadtest.streams import AHEAD

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
        (line(0).replace(b" 0 1 0 ", b" 0 1 " + b"1" * 5000 + b" "), "garbled"),
        (line(0).replace(b" PRIVMSG ", b" NOTICE "), "garbled"),
        (line(0).replace(b"!u@h", b"!u@" + b"h" * 600), "garbled"),
    ],
)
@pytest.mark.parametrize("after_others", [False, True], ids=["first", "after others"])
def test_what_is_not_this_runs_is_foreign(strange: bytes, reason: str, after_others: bool) -> None:
    book = ledger()
    if after_others:
        book.member(ROOM, ME).receive([line(7)], 2000)
    book.member(ROOM, ME).receive([strange, strange], 2000)
    out = totals(book, 0)
    assert (out.foreign, out.foreign_by) == (2, {reason: 2})


def test_lines_that_are_no_messages_come_back() -> None:
    member = ledger().member(ROOM, ME)
    assert list(member.receive([b"PING :x", line(0), b":a!b@c PRIVMSG #r :hello"], 2000)) == [
        b"PING :x",
        b":a!b@c PRIVMSG #r :hello",
    ]


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


def test_ones_own_without_echo_is_foreign_and_closes_no_spread() -> None:
    book = ledger()
    author, *others = (book.member(ROOM, n) for n in (1, ME, ME + 1))
    others[0].take(data(line(0)), 2000)
    author.take(data(line(0)), 2500)
    author.take(data(line(0)), 2500)
    assert book.spread.count == 0
    others[1].take(data(line(0)), 3000)
    assert book.spread.high == pytest.approx(1000, rel=0.016)
    assert book.intended.count == 2
    out = totals(book, 1)
    assert (out.received, out.lost, out.foreign_by) == (2, 0, {"echo that nobody asked for": 2})


def test_what_a_server_makes_up_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts, rooms and senders that vary from line to line."""
    monkeypatch.setattr(streams, "HEADS", 4)
    monkeypatch.setattr(streams, "STREAMS", 3)
    book = ledger()
    member = book.member(ROOM, ME)
    for n in range(20):
        member.receive([line(n).replace(b"!u@h", b"!u@h%d" % n), line(0, room=f"#r{n}"), line(0, sender=10 + n)], 2000)
    assert (len(book.streams._numbers), len(book.streams.of), len(book.streams.highest)) == (3, 3, 3)
    assert len(book.streams._heads) <= 4
    out = totals(book, 20)
    assert (out.received, out.lost, out.foreign_by) == (20, 0, {"of another room": 20, "of too many senders": 18})


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
    assert book.intended.count == 2 * count
    assert len(book.group("").known) <= REMEMBERED


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


def data(*lines: bytes) -> bytes:
    return b"".join(each + b"\r\n" for each in lines)


@given(st.lists(st.sampled_from([b"", b"a", b"bc"]), max_size=5), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_are_cut_at_either_ending(lines: list[bytes], ending: bytes) -> None:
    assert lines_of(b"".join(each + ending for each in lines)) == [each for each in lines if each]


@given(st.lists(st.integers(0, 30), max_size=40), st.lists(st.integers(1, 6), min_size=1, max_size=40))
def test_records_are_as_good_as_lines(came: list[int], sizes: list[int]) -> None:
    """However receipts are gathered into records, and whoever heard them first, the books and the times are the same."""
    one, other = ledger(), ledger()
    by_line, by_record = one.member(ROOM, ME), [other.member(ROOM, ME + n) for n in range(3)]
    left, now = came, 2000
    for size in sizes * len(came):
        part, left = left[:size], left[size:]
        now += 100
        by_line.receive([line(n) for n in part], now)
        for each in by_record:
            each.take(data(*(line(n) for n in part)), now)
    a, b = totals(one, 31), totals(other, 31)
    assert (b.received, b.lost, b.repeated, b.reordered) == tuple(3 * n for n in (a.received, a.lost, a.repeated, a.reordered))
    assert other.intended.counts == [3 * n for n in one.intended.counts]


def test_a_record_with_something_foreign_counts_each_time() -> None:
    book = ledger()
    members = [book.member(ROOM, n) for n in (ME, ME + 1)]
    for member in members:
        assert list(member.take(data(line(0), line(1, run="000000"), b"PING x"), 2000)) == [b"PING x"]
    assert (book.foreign.total(), book.intended.count) == (2, 2)


def test_records_are_forgotten_by_their_bytes() -> None:
    book = ledger(0)
    member = book.member(ROOM, ME)
    for n in range(3 * REMEMBERED_BYTES // (1 << 20)):
        member.take(data(*(b"NOTICE x :" + b"y" * 100_000 for _ in range(11)), line(n)), 2000)
    assert sum(map(len, book.group("").chunks)) <= REMEMBERED_BYTES
    assert totals(book, 12).lost == 0


def test_a_message_read_again_is_the_same_message() -> None:
    """Other bytes (another time tag), or bytes that were forgotten: found by its sender and number, and its spread is one."""
    book = ledger()
    a, b = book.member(ROOM, ME), book.member(ROOM, ME + 1)
    a.take(data(line(0)), 2000)
    book.group("").forget()
    b.take(data(b"@time=x " + line(0)), 2600)
    assert book.spread.count == 1
    assert book.spread.high == pytest.approx(600, rel=0.016)


# Spread


def test_spread_is_from_the_first_to_the_last_recipient() -> None:
    book = ledger()
    members = [book.member(ROOM, n) for n in range(1, 5)]  # number 1 sends, and is owed nothing
    for n, member in enumerate(members[1:]):
        assert book.spread.count == 0
        member.take(data(line(0)), 2000 + 500 * n)
    assert book.spread.count == 1
    assert book.spread.high == pytest.approx(1000, rel=0.016)
    assert book.incomplete == 0


def test_a_message_that_some_never_had_has_no_spread() -> None:
    book = ledger()
    for n in (ME, ME + 1, ME + 2):
        member = book.member(ROOM, n)
    member.take(data(line(0)), 2000)
    totals(book, 1)
    assert (book.spread.count, book.incomplete) == (0, 1)


def test_one_recipient_is_no_spread() -> None:
    book = ledger()
    book.member(ROOM, ME).take(data(line(0)), 2000)
    totals(book, 1)
    assert (book.spread.count, book.incomplete) == (0, 0)


def test_nobody_waits_for_who_is_gone() -> None:
    book = ledger()
    members = [book.member(ROOM, ME + n) for n in range(4)]
    members[2].gone = True
    members[2].gone = True
    members[3].leave()
    for member in members[:2]:
        member.take(data(line(0)), 2000)
    assert book.spread.count == 1


def test_receipts_are_settled_while_they_come() -> None:
    book = ledger()
    members = [book.member(ROOM, ME + n) for n in range(2)]
    now = 1000
    for n in range(4):
        now += SETTLE
        for member in members[: 2 - n % 2]:
            member.take(data(line(n, at=now)), now + 700)
    assert book.group("").by_due.count > 0
    assert (book.intended.count, book.spread.count) == (6, 2)


def test_spread_over_workers_is_merged() -> None:
    """Three workers with members of one room: the same as if all had been in one."""
    together = Spreads()
    times = {0: (2000, 2300), 1: (2100, 2900), 2: (1900, 1950)}
    for slot, (first, last) in times.items():
        book = Ledger(RUN, lambda n: f"nick{n}", 80, shared=True)
        members = [book.member(ROOM, ME + slot * 10 + n) for n in range(2)]
        members[0].take(data(line(0)), first)
        members[1].take(data(line(0)), last)
        together.add(book.shares())
        assert book.shares() == []
    together.settle(2900 + LATE)
    assert together.histogram.count == 0
    together.settle(2901 + LATE)
    assert together.histogram.count == 1
    assert together.histogram.high == pytest.approx(1000, rel=0.016)


def test_what_one_worker_gave_up_has_no_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    together = Spreads()
    monkeypatch.setattr("loadtest.spreads.KEPT", 2)
    together.add([("#r", 1, 0, 10, 20, 2, True), ("#r", 1, 1, 10, 20, 2, True), ("#r", 1, 2, 10, 20, 1, True)])
    together.add([("#r", 1, 1, 10, 20, 2, False)])
    together.settle(None)
    assert (together.histogram.count, together.incomplete) == (0, 2)  # one was pushed out, one not whole, one heard by one


def test_shares_are_bounded_and_of_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "KEPT", 1)
    book = Ledger(RUN, lambda n: f"nick{n}", 80, shared=True)
    book.member("nick9", ME).take(data(line(0, room="nick9")), 2000)
    assert book.shares() == []
    member = book.member(ROOM, ME)
    member.take(data(line(0), line(1)), 2000)
    book.member(ROOM, ME + 1)
    member.take(data(line(2)), 2000)
    assert book.shares() == [(ROOM, 1, 0, 2000, 2000, 1, True)]
    assert book.incomplete == 1
    book.totals({}, {})
    assert book.shares() == [(ROOM, 1, 2, 2000, 2000, 1, False)]


# Members that come and go


def test_who_comes_late_expects_what_follows_the_first_it_sees() -> None:
    book = ledger()
    book.member(ROOM, ME, late=True).receive([line(5), line(6), line(8)], 2000)
    out = totals(book, 10)
    assert (out.expected, out.received, out.lost) == (5, 3, 2)


def test_who_comes_late_and_sees_nothing_expects_nothing() -> None:
    book = ledger()
    book.member(ROOM, ME, late=True)
    assert totals(book, 10).expected == 0


def test_who_knows_how_far_the_senders_were_expects_what_follows() -> None:
    book = ledger()
    silent = book.member(ROOM, ME, since={1: 4})
    book.member(ROOM, ME + 1, since={1: 4}).receive([line(7)], 2000)
    book.member(ROOM, ME + 2, since={1: 4}).receive([line(3), line(4)], 2000)  # it got more than it was owed
    book.member(ROOM, ME + 3, since={1: 99})
    out = totals(book, 8)
    assert (out.expected, out.received, out.lost) == (4 + 4 + 5, 0 + 1 + 2, 4 + 3 + 3)
    assert book.outstanding({ROOM: {1: 4}}) == []
    assert silent in book.outstanding({ROOM: {1: 5}})


def test_an_older_message_than_the_first_is_late_not_repeated() -> None:
    book = ledger()
    book.member(ROOM, ME, late=True).receive([line(5), line(4), line(2), line(3)], 2000)
    out = totals(book, 6)
    assert (out.expected, out.received, out.lost, out.repeated, out.reordered) == (4, 4, 0, 0, 3)


def test_who_leaves_lost_its_gaps_and_nothing_after() -> None:
    book = ledger()
    member = book.member(ROOM, ME)
    member.receive([line(0), line(1), line(4)], 2000)
    assert book.missing == 2
    member.leave()
    member.leave()
    assert book.missing == 2
    assert list(member.take(data(line(5), b"PING x"), 2000)) == [b"PING x"]  # under way when it left
    out = totals(book, 100)
    assert (out.expected, out.received, out.lost, out.excused) == (5, 3, 2, 0)
    assert out.senders == {"#r 1": {"lost": 2, "repeated": 0, "reordered": 0}}


def test_who_was_put_out_and_may_is_excused() -> None:
    book = ledger()
    member = book.member(ROOM, ME, group="slow")
    member.receive([line(0)], 2000)
    member.gone = True
    assert totals(book, 3).lost == 2
    member.excuse()
    out = totals(book, 3)
    assert (out.expected, out.received, out.lost, out.excused) == (1, 1, 0, 1)


def test_coming_and_going_leaves_nothing_behind() -> None:
    book = ledger()
    for n in range(50):
        member = book.member(ROOM, ME, late=True)
        member.receive([line(2 * n), line(2 * n + 1)], 2000)
        member.leave()
    out = totals(book, 100)
    assert (out.expected, out.received, out.lost) == (100, 100, 0)
    assert book.outstanding({ROOM: {1: 1000}}) == []


def test_what_is_so_far() -> None:
    book = ledger()
    a, b = book.member(ROOM, ME), book.member(ROOM, ME + 1)
    a.receive([line(0), line(3), line(3), line(2), line(0, run="000000")], 2000)
    b.receive([line(0)], 2000)
    out = book.so_far()
    assert (out.received, out.lost, out.repeated, out.reordered, out.foreign) == (4, 1, 1, 1, 1)


# Groups, direct messages, the order of senders


def test_groups_have_times_of_their_own() -> None:
    book = Ledger(RUN, lambda n: f"nick{n}", 80, apart=("rtt",))
    book.member(ROOM, ME, group="healthy").take(data(line(0)), 2000)
    book.member(ROOM, ME + 1, group="slow").take(data(line(0)), 9000)
    book.member(ROOM, ME + 2, group="rtt").take(data(line(0)), 5000)
    assert book.groups == ("healthy", "slow", "rtt")
    assert book.group("healthy").intended.high == pytest.approx(1000, rel=0.016)
    assert book.group("slow").actual.high == pytest.approx(7990, rel=0.016)
    assert book.group("rtt").intended.high == pytest.approx(4000, rel=0.016)
    both = Histogram()
    both.merge(book.group("healthy").intended)
    both.merge(book.group("slow").intended)
    assert book.intended.counts == both.counts
    assert book.spread.high == pytest.approx(7000, rel=0.016)


def test_a_direct_message_is_to_the_room_of_a_nick() -> None:
    book = ledger()
    told: list[tuple[int, int, int, int]] = []
    member = book.member("nick9", ME, heard=lambda *message: told.append(message))
    member.take(data(line(0, room="nick9"), line(0, room="nick9"), line(2, room="nick9")), 2000)
    assert told == [(1, 0, 1000, 1010), (1, 2, 1000, 1010)]
    sent = {"nick9": {1: 3}}
    out = book.totals(sent, sent)
    assert (out.received, out.lost, out.repeated) == (2, 1, 1)


def test_two_that_saw_senders_in_different_orders_disagree() -> None:
    book = ledger()
    members = [book.member(ROOM, ME + n) for n in range(3)]
    first = [line(0, sender=1), line(0, sender=2)]
    then = [line(1, sender=1), line(1, sender=2)]
    members[0].receive(first + then, 2000)
    members[1].receive(first + then, 2000)
    members[2].receive(first + then[::-1], 2000)
    assert book.disagreed == 1
    assert totals(book, 2).disagreed == 1


def test_what_comes_long_after_is_no_disagreement() -> None:
    book = ledger()
    early, late = book.member(ROOM, ME), book.member(ROOM, ME + 1)
    count = REMEMBERED + 10
    for n in range(count):
        early.take(data(line(n)), 2000)
    for n in range(count):
        late.take(data(line(n)), 2000)
    out = totals(book, count)
    assert (out.disagreed, out.lost, out.reordered) == (0, 0, 0)


def test_a_receipt_may_seem_to_come_before_its_message() -> None:
    """What is known of another host's clock is not exact."""
    book = ledger()
    member = book.member(ROOM, ME)
    member.receive([line(0, at=2000), line(1, at=2000), line(2, at=2000 + AHEAD)], 1900)
    out = totals(book, 2)
    assert (out.received, out.lost, out.foreign_by) == (2, 0, {"of another time": 1})
    assert (book.intended.count, book.intended.high, book.actual.high) == (2, 0, 0)


def test_the_clock_of_another_host_is_corrected() -> None:
    book = ledger()
    book.offset = 5000
    book.member(ROOM, ME).take(data(line(0, at=1000)), -3000)
    assert book.intended.high == pytest.approx(1000, rel=0.016)
