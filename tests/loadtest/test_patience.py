"""How long a run waits for what is under way when it stops."""

from __future__ import annotations

from loadtest.patience import MORE, QUIET, Patience


def test_it_waits_as_long_as_it_is_told_though_nothing_comes() -> None:
    patience = Patience(5.0, 100.0)
    assert [patience.lasts(7, 100.0 + t) for t in (0, 2, 4.9, 5.1)] == [True, True, True, False]


def test_while_receipts_come_it_waits_on() -> None:
    patience = Patience(2.0, 0.0)
    assert all(patience.lasts(n, n * QUIET / 2) for n in range(10))
    assert not patience.lasts(9, 4.5 * QUIET + QUIET)


def test_not_for_ever() -> None:
    patience = Patience(1.0, 0.0)
    waited = next(n for n in range(1000) if not patience.lasts(n, n / 10))
    assert waited == (1.0 + MORE) * 10
