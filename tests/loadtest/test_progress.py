"""The line in the terminal: what is in it, that it fits, and that it never stays in the way."""

from __future__ import annotations

import io
import logging
import os
import pty
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import progress
from loadtest.progress import BETWEEN, CLEAR, Part, Progress, clear_before_logs, draw, fit, parts_of
from tests.loadtest.lives import live, row


def text(live: dict[str, Any]) -> str:
    return BETWEEN.join(p.text for p in parts_of(live))


def test_a_good_run() -> None:
    assert text(live()) == (
        "steady · 1:18 left · 200 users · 1,000 sent/s · 19,000 delivered/s · p50 2.1 ms · p99 12 ms · 0 lost · valid"
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"row": row(9, sent=400)}, "400 of 1,000 sent/s"),
        ({"row": row(9, delivered=9)}, "9 of 19,000 delivered/s"),
        ({"totals": live()["totals"] | {"lost": 3, "foreign": 1}}, "3 lost · 1 foreign"),
        ({"failed": 2, "dropped": 1}, "2 failed · 1 dropped"),
        ({"health": {"valid": False, "why": ["x"]}}, "generator starved"),
        ({"left": None, "elapsed": 3_700.0}, "steady · 1:01:40 · "),
        ({"phase": ""}, "running · "),
        ({"phase": "a\x1b[2Jb\r"}, "a?[2Jb? · "),
        ({"state": "connecting", "users": 150}, "connecting · 150 of 200 users"),
        ({"state": "connecting", "users": 150, "failed": 7}, "connecting · 150 of 200 users · 7 failed"),
    ],
)
def test_what_is_not_as_it_should_be_is_said(changed: dict[str, Any], expected: str) -> None:
    assert expected in text(live(**changed))


def test_what_is_not_there_is_left_out() -> None:
    assert text(live(row=None, deliver={})) == "steady · 1:18 left · 200 users · 0 lost · valid"
    assert (
        text(live(row=row(1, offered=0, sent=0, due=0, delivered=0), deliver={}))
        == "steady · 1:18 left · 200 users · 0 lost · valid"
    )


@pytest.mark.parametrize("state", ["idle", "draining", "done", "refused"])
def test_there_is_no_line_but_while_a_run_goes_on(state: str) -> None:
    assert parts_of({"state": state}) == []


@given(st.lists(st.builds(Part, st.text(max_size=30), st.integers(0, 9)), min_size=1), st.integers(1, 200))
def test_the_line_is_never_longer_than_the_window(parts: list[Part], width: int) -> None:
    assert len(BETWEEN.join(p.text for p in fit(parts, width))) <= width


def test_the_faults_stay_longest() -> None:
    parts = parts_of(live(totals=live()["totals"] | {"lost": 3}))
    assert [p.text for p in fit(parts, 30)] == ["steady", "1:18 left", "3 lost"]
    assert fit(parts, 4)[0].text == "ste…"
    assert draw([], 80, colour=True) == CLEAR


def test_colour_only_where_it_is_wanted() -> None:
    assert draw([Part("3 lost", 0, progress.RED)], 80, colour=True) == f"{CLEAR}{progress.RED}3 lost{progress.RESET}"
    assert draw([Part("3 lost", 0, progress.RED)], 80, colour=False) == f"{CLEAR}3 lost"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Source:
    """Says what it is told to say, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def live(self) -> dict[str, Any]:
        self.asked += 1
        return live()


@pytest.fixture
def logged() -> Iterator[None]:
    """The log is as Locust has it."""
    logger = logging.getLogger("loadtest.progress")
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(logging.NOTSET)


def let_it_ask(source: Source, times: int) -> None:
    while source.asked < times:
        gevent.sleep(0)


@pytest.mark.usefixtures("logged")
def test_on_a_terminal_the_line_is_redrawn_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REDRAW", 0.001)
    source, terminal = Source(), Terminal()
    line = Progress(source, terminal)
    line.start()
    let_it_ask(source, 2)
    gevent.sleep(0)
    line.stop()
    line.stop()
    drawn = terminal.getvalue().split(CLEAR)
    assert drawn[0] == ""
    assert drawn[1].startswith(f"{progress.BOLD}steady{progress.RESET} · 1:18 left")
    assert drawn[-1] == ""
    assert "\n" not in terminal.getvalue()


@pytest.mark.usefixtures("logged")
def test_elsewhere_it_is_a_line_in_the_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(progress, "PLAIN", 0.001)
    source, file = Source(), io.StringIO()
    line = Progress(source, file)
    line.start()
    line.start()  # the next run, without an end of the one before
    let_it_ask(source, 1)
    gevent.sleep(0)
    line.stop()
    assert file.getvalue() == ""
    assert caplog.messages[0] == text(live())


def test_who_wants_less_log_gets_no_line() -> None:
    logging.getLogger("loadtest.progress").setLevel(logging.WARNING)
    terminal = Terminal()
    line = Progress(Source(), terminal)
    line.start()
    line.stop()
    assert terminal.getvalue() == ""
    logging.getLogger("loadtest.progress").setLevel(logging.NOTSET)


def test_whatever_is_logged_takes_the_line_away_first() -> None:
    terminal = Terminal()
    other = io.StringIO()
    handlers: list[logging.Handler] = [logging.StreamHandler(terminal), logging.StreamHandler(other)]
    for handler in handlers:
        logging.getLogger("locust").addHandler(handler)
    clear_before_logs(terminal)
    logging.getLogger("locust").warning("hello")
    for handler in handlers:
        logging.getLogger("locust").removeHandler(handler)
    assert terminal.getvalue() == f"{CLEAR}hello\n"
    assert other.getvalue() == "hello\n"
    clear_before_logs(io.StringIO())  # no terminal: nothing to do


def test_the_width_is_that_of_the_window() -> None:
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb"), os.fdopen(follower, "w") as terminal:
        assert Progress(Source(), terminal)._width() == 80  # a window without a size
    assert Progress(Source(), io.StringIO())._width() == 80


class Hook:
    def __init__(self) -> None:
        self.listeners: list[Any] = []

    def add_listener(self, listener: Any) -> None:
        self.listeners.append(listener)


def test_it_goes_by_locusts_events() -> None:
    events = SimpleNamespace(test_start=Hook(), test_stop=Hook(), quitting=Hook())
    progress.install(SimpleNamespace(events=events), Source())
    for hook in (events.test_stop, events.quitting):  # before any start: nothing
        hook.listeners[0](environment=None)
    assert len(events.test_start.listeners) == 1
