"""The book of accounts, the throttle and the pool, each on its own."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.state.accounts import Account, Book, Throttle
from server.transport.offload import Failed, Offload
from wire.confusables import skeleton
from wire.names import fold
from wire.sasl import Keys

NAMES = st.sampled_from(["alice", "Alice", "a1ice", "bob", "b0b", "carol", "dave"])
KEYS = st.one_of(st.none(), st.builds(Keys, st.binary(), st.integers(1, 10), st.binary(), st.binary()))
ACCOUNTS = st.builds(
    Account,
    NAMES,
    st.integers(0, 1 << 50),
    st.text(),
    KEYS,
    st.lists(st.sampled_from(["f1", "f2", "f3"]), unique=True).map(tuple),
    st.lists(st.sampled_from(["erin", "frank"]), unique=True).map(tuple),
    st.text(),
    st.text(),
)


@given(ACCOUNTS)
def test_a_record_is_the_account(account: Account) -> None:
    assert Account.from_record(account.as_record()) == account


@given(st.lists(st.tuples(st.booleans(), ACCOUNTS), max_size=12))
def test_the_book_finds_who_is_in_it_and_nobody_else(steps: list[tuple[bool, Account]]) -> None:
    """As the commands use it: no name, nick or certificate is given to a second account."""
    book = Book()
    for adds, account in steps:
        if not adds:
            book.drop(account.name)
            continue
        names = {skeleton(name) for name in (account.name, *account.nicks)}
        others = [other for other in book.accounts.values() if other.key != account.key]
        if any(skeleton(name) in names for other in others for name in (other.name, *other.nicks)):
            continue
        if any(set(account.fingerprints) & set(other.fingerprints) for other in others):
            continue
        book.put(account)
    for key, account in book.accounts.items():
        assert book.get(account.name.upper()) is account
        assert key == fold(account.name)
        assert all(book.owner(name) is account for name in (account.name, *account.nicks))
        assert all(book.bearer(each) is account for each in account.fingerprints)
    assert set(book._owners) == {skeleton(n) for a in book.accounts.values() for n in (a.name, *a.nicks)}
    assert set(book._bearers) == {each for account in book.accounts.values() for each in account.fingerprints}


def test_tries_are_counted_by_the_minute() -> None:
    throttle = Throttle(3)
    for at in (0, 1000, 2000):
        assert throttle.wait("a", at) == 0
        throttle.note("a", at)
    assert throttle.wait("a", 2000) == 58
    assert throttle.wait("a", 59_999) == 1
    assert throttle.wait("a", 60_000) == 0
    assert throttle.wait("b", 2000) == 0
    throttle.forgive("a")
    throttle.forgive("nobody")
    assert throttle.wait("a", 3000) == 0


def test_the_throttle_remembers_only_so_many() -> None:
    throttle = Throttle(1, size=2)
    for key in "abc":
        throttle.note(key, 0)
    assert [throttle.wait(key, 1) for key in "abc"] == [0, 60, 60]


@given(st.lists(st.integers(0, 10_000), max_size=60))
def test_no_minute_has_more_tries_than_allowed(gaps: list[int]) -> None:
    throttle, at, tried = Throttle(3), 0, []
    for gap in gaps:
        at += gap
        wait = throttle.wait("a", at)
        assert throttle.wait("a", at + 1000 * wait) == 0
        if not wait:
            throttle.note("a", at)
            tried.append(at)
    assert all(later - first >= 60_000 for first, later in zip(tried, tried[3:], strict=False))


# The pool


def test_work_is_done_and_what_is_too_much_refused() -> None:
    pool = Offload(waiting=1, threads=1)
    assert not pool.submit(lambda: 0, print), "there is no thread yet"
    pool.start()
    go, results = threading.Event(), []
    done = threading.Semaphore(0)

    def deliver(result: object) -> None:
        results.append(result)
        done.release()

    assert pool.submit(lambda: go.wait(60) and 1, deliver)
    assert pool.submit(lambda: 2, deliver)
    assert not pool.submit(lambda: 3, deliver)
    go.set()
    assert done.acquire(timeout=60)
    assert done.acquire(timeout=60)
    assert results == [1, 2]
    pool.stop()
    pool.stop()
    assert not pool.submit(lambda: 4, deliver)
    assert not any(thread.is_alive() for thread in pool._threads)


def test_work_that_raises_is_no_end(caplog: pytest.LogCaptureFixture) -> None:
    pool = Offload(waiting=2, threads=1)
    pool.start()
    results: list[object] = []
    done = threading.Semaphore(0)

    def deliver(result: object) -> None:
        results.append(result)
        done.release()

    assert pool.submit(lambda: 1 // 0, deliver)
    assert pool.submit(lambda: "fine", deliver)
    for _ in range(2):
        assert done.acquire(timeout=60)
    assert isinstance(results[0], Failed)
    assert results[1] == "fine"
    assert "ZeroDivisionError" in caplog.text
    pool.stop()


def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """A28: "can't start new thread": the work is refused, and nothing else happens."""

    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pool = Offload(waiting=2, threads=2)
    monkeypatch.setattr(threading.Thread, "start", none_left)
    pool.start()
    assert not pool.submit(lambda: 1, print)
    pool.stop()
