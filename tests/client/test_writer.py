"""Work with files in a thread of its own."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from client.writer import Writer
from tests.client.fake_server import PATIENCE, Waits


def nobody_works() -> bool:
    return not [each for each in threading.enumerate() if each.name == "files"]


def test_work_is_done_in_order_and_not_here() -> None:
    writer, done, here = Writer(), list[int](), threading.get_ident()
    threads = set[int]()

    def note(number: int) -> None:
        done.append(number)
        threads.add(threading.get_ident())

    assert writer.flush(0), "nothing to do"
    for number in range(200):
        writer.leave(partial(note, number))
    assert writer.flush(PATIENCE)
    assert done == list(range(200))
    assert here not in threads
    writer.leave(lambda: done.append(-1))
    assert writer.flush(PATIENCE)
    assert done[-1] == -1
    Waits.until(nobody_works, "it ends with its work")


def test_who_leaves_work_waits_for_none_of_it() -> None:
    writer, go, done = Writer(), threading.Event(), list[str]()
    writer.leave(lambda: done.append("one" if go.wait(PATIENCE) else "late"))
    writer.leave(lambda: done.append("two"))
    assert not writer.flush(0.01)
    assert done == []
    go.set()
    assert writer.flush(PATIENCE)
    assert done == ["one", "two"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_takes_nobody_elses_work_with_it() -> None:
    writer, go, done = Writer(), threading.Event(), list[str]()

    def mistake() -> None:
        go.wait(PATIENCE)
        raise KeyError

    writer.leave(mistake)
    writer.leave(lambda: done.append("the next"))
    writer.leave(mistake)
    go.set()
    assert writer.flush(PATIENCE)
    assert done == ["the next"]
    Waits.until(nobody_works, "what it raised is said by then")
