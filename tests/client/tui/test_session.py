"""Events on their way from a connection's thread; what is asked for on its way back."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from textual.events import Key

from client import events as e
from client.aside import MOST, Asides
from client.errors import Trouble
from client.events import COST_OF_ONE
from client.outbox import FULL
from client.tui.inbox import Asks, Inbox
from client.tui.posted import ENDED, Posted
from client.tui.session import MOST_A_TURN, Session
from tests.client.fake_server import PATIENCE, Waits
from tests.client.tui.desk import NOON, Desk, Recorder, said


def inbox(most: int = 10) -> Inbox:
    return Inbox(Recorder(), most)  # type: ignore[arg-type]


def test_one_ring_until_it_was_looked() -> None:
    box, rings = inbox(), list[int]()
    box.handle(e.Info("before anybody listens"))
    box.attach(lambda: rings.append(box.unread))
    box.handle(e.Info("one"))
    box.handle(e.Info("two"))
    assert rings == [1]
    assert [event for event, _ in box.take(2)] == [e.Info("before anybody listens"), e.Info("one")]
    box.handle(e.Info("three"))
    assert rings == [1], "there was still something, and whoever takes comes back for it"
    assert len(box.take(10)) == 2
    box.handle(e.Info("four"))
    assert rings == [1, 1]
    assert box.take(0) == []


def test_what_the_dialect_wanted_goes_along() -> None:
    dialect = Recorder()
    box = Inbox(dialect)  # type: ignore[arg-type]
    dialect.needs_name = True
    box.handle(e.NameRefused("grace", taken=True))
    dialect.needs_name = False
    box.handle(e.Registered("hopper"))
    assert [asks for _, asks in box.take(2)] == [Asks(name=True, nick="grace"), Asks(nick="grace")]


def test_who_brings_too_much_waits() -> None:
    box, done = inbox(2), threading.Event()

    def bring() -> None:
        for number in range(5):
            box.handle(e.Info(f"{number}"))
        done.set()

    thread = threading.Thread(target=bring)
    thread.start()
    Waits.until(lambda: box.unread == 2, "full")
    taken = list[str]()
    while len(taken) < 5:
        taken += [event.text for event, _ in box.take(1) if isinstance(event, e.Info)]
        assert box.unread <= 2
    assert done.wait(PATIENCE)
    thread.join(PATIENCE)
    assert taken == ["0", "1", "2", "3", "4"]


def _holds(box: Inbox, unread: int) -> bool:
    return box.unread == unread


def test_who_brings_too_large_ones_waits_too() -> None:
    """The last one is let in whatever its size: it is here already."""
    box = Inbox(Recorder(), 100, 5000)  # type: ignore[arg-type]
    sizes = (9000, 4000, 4000, 1)

    def bring() -> None:
        for size in sizes:
            box.handle(e.Info(size * "x"))

    thread = threading.Thread(target=bring, daemon=True)
    thread.start()
    taken = list[int]()
    for unread, few in ((1, 1), (2, 1), (2, 2)):
        Waits.until(partial(_holds, box, unread), "as many as have place")
        assert 0 < box._bytes < 5000 + 9000 + COST_OF_ONE
        taken += [len(event.text) for event, _ in box.take(few) if isinstance(event, e.Info)]
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert (taken, box._bytes) == (list(sizes), 0)


@pytest.mark.parametrize(
    ("event", "least"),
    [
        (e.Said("#dev", "ada", "x" * 1000), 1000),
        (e.Said("#dev", "ada", "é" * 1000), 4000),
        (e.Members("#dev", ("ada" * 10,) * 1000, ("",) * 1000), 30_000),
        (e.Older("#dev", (e.Said("#dev", "ada", "x" * 1000),) * 10), 10_000),
        (e.Listed((e.Listing("#dev", 3, "x" * 1000),) * 10), 10_000),
        (e.Closing(""), 100),
    ],
)
def test_what_an_event_costs(event: e.Event, least: int) -> None:
    """About: never less than its texts, and not many times what it has beside them."""
    assert least < e.cost(event) < 8 * least + 4000


def test_nobody_waits_at_a_closed_one() -> None:
    box = inbox(1)
    box.handle(e.Info("first"))
    thread = threading.Thread(target=lambda: box.handle(e.Info("second")))
    thread.start()
    box.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    box.handle(e.Info("third"))
    assert box.unread == 0


def test_the_end_comes_after_everything_else() -> None:
    box, rings = inbox(), list[int]()
    box.handle(e.Info("last words"))
    box.ended()
    box.attach(lambda: rings.append(1))
    assert rings == [1]
    assert not box.over
    box.take(5)
    assert box.over


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("react", ("#lobby", "m1", "👍")),
        ("redact", ("#lobby", "m1", "oops")),
        ("typing", ("#lobby",)),
        ("read_up_to", ("#lobby", NOON)),
        ("older", ("#lobby",)),
        ("list_rooms", ("*dev*",)),
        ("send", ("KICK", "#lobby", "bob")),
        ("rename", ("hopper",)),
        ("log_in", ("s3cret", "grace")),
        ("register", ("s3cret",)),
        ("join", ("#dev",)),
        ("part", ("#dev", "bye")),
        ("forget", ("#dev",)),
        ("names", ("#dev",)),
        ("topic", ("#dev", "tea")),
        ("quit", ("bye",)),
    ],
)
def test_actions_are_left_for_the_other_thread(name: str, arguments: tuple[Any, ...]) -> None:
    dialect, jobs = Recorder(), list[Any]()
    posted = Posted(dialect, jobs.append, lambda event: None)  # type: ignore[arg-type]
    getattr(posted, name)(*arguments)
    assert dialect.calls == [], "nothing happens in the caller's thread"
    for job in jobs:
        job()
    assert dialect.calls == [(name, *arguments)]


def test_what_was_not_taken_is_reported() -> None:
    dialect, said_back = Recorder(), list[e.Event]()
    posted = Posted(dialect, lambda job: job(), said_back.append)  # type: ignore[arg-type]
    assert posted.say("#lobby", "one")
    dialect.full = True
    assert posted.say("#lobby", "two", e.Kind.ACTION, reply_to="m1")
    assert posted.quote("VERSION") == ""
    assert said_back == [e.NotSent("#lobby", "two", FULL), e.Info("sent: VERSION")]


def test_what_is_wanted_is_given_once() -> None:
    posted = Posted(Recorder(), lambda job: job(), lambda event: None)  # type: ignore[arg-type]
    posted.heard(Asks(name=True, password=True, nick="grace"))
    assert (posted.needs_name, posted.needs_password, posted.nick) == (True, True, "grace")
    posted.rename("hopper")
    posted.log_in("s3cret")
    assert (posted.needs_name, posted.needs_password) == (False, False)


def test_a_turn_takes_some() -> None:
    session = Desk().session
    for number in range(50):
        session.inbox.handle(said(f"{number}", second=number))
    assert session.turn(most=30)
    assert session.inbox.unread == 20
    for number in range(50, 80):
        session.inbox.handle(said(f"{number}", second=number))
    assert session.turn(longest=-1.0)
    assert session.inbox.unread == 30, "when the time is over, a slice was taken all the same"
    assert not session.turn()
    assert [entry.text for entry in session.view.front.entries if entry.spoken] == [f"{n}" for n in range(80)]


def test_of_many_that_wait_a_turn_takes_few() -> None:
    """Whatever the clock says: the keys have their turn in between."""
    desk = Desk()
    session = desk.session
    waiting = 20_000
    session.inbox = Inbox(desk.dialect, waiting, waiting * COST_OF_ONE * 2)  # type: ignore[arg-type]
    for _ in range(waiting):
        session.inbox.handle(e.Typing("#dev", "bob"))
    turns = 0
    while session.turn():
        turns += 1
        assert session.inbox.unread == waiting - turns * MOST_A_TURN
    assert turns == waiting // MOST_A_TURN - 1


def test_a_key_is_taken_in_while_they_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    seen = list[tuple[int, str]]()  # at each turn: what waited, and what had been typed

    async def scenario() -> None:
        await desk.greeted()
        turn = desk.session.turn

        def counted(*_: float) -> bool:
            seen.append((desk.session.inbox.unread, desk.app.main.composer.text))
            if len(seen) == 1:
                desk.app.post_message(Key("x", "x"))
            return turn()

        monkeypatch.setattr(desk.session, "turn", counted)
        for number in range(10_000):
            desk.session.inbox.handle(e.Typing("#lobby", f"n{number}"))
        await desk.until(lambda: not desk.session.inbox.unread)

    desk.run(scenario)
    waited = [unread for unread, _ in seen]
    assert all(before - after <= MOST_A_TURN for before, after in pairwise(waited))
    assert next(unread for unread, typed in seen if typed) > MOST_A_TURN, "it did not wait for the last of them"


def test_retries_are_counted_down() -> None:
    desk = Desk()
    session = desk.session
    assert session.retry_in() is None
    session.inbox.handle(e.Lost(5.0, "it broke"))
    session.turn()
    assert session.retry_in() == 5
    desk.now += 60
    assert session.retry_in() == 0
    session.inbox.handle(e.Registered("grace", again=True))
    session.turn()
    assert session.retry_in() is None


def test_its_end() -> None:
    desk = Desk()
    session = desk.session
    assert session.trouble is None
    desk.link.end(Trouble("Nothing listens there."))
    assert not session.turn()
    assert session.ended
    assert str(session.trouble) == "Nothing listens there."
    assert [entry.text for entry in session.view.front.entries] == ["Nothing listens there."]
    assert session.view.front.target == ""


def test_reading_is_told_once() -> None:
    desk = Desk()
    session = desk.session
    session.inbox.handle(said("hi", second=1))
    session.turn()
    session.read()
    session.read()
    session.report_read()
    session.report_read()
    assert desk.dialect.did("read_up_to") == [("read_up_to", "#lobby", NOON - timedelta(minutes=59, seconds=59))]


def test_typing_is_told_where_that_is_known() -> None:
    desk = Desk()
    session = desk.session
    session.typing("hi")
    assert desk.dialect.calls == [], "this server does not know it"
    session.inbox.handle(e.Offers("", frozenset({e.Feature.TYPING})))
    session.turn()
    for text in ("h", "", "/msg bob psst", "/register"):
        session.typing(text)
    assert desk.dialect.calls == [("typing", "#lobby"), ("typing", "#lobby", "done=True")]
    session.view.switch("NickServ")
    session.typing("identify")
    assert len(desk.dialect.calls) == 2


def test_when_the_connection_has_ended_nothing_is_swallowed() -> None:
    desk = Desk()
    session = desk.session
    session.inbox.handle(e.Registered("grace"))
    session.inbox.handle(e.Joined("#lobby", "grace", own=True))
    session.inbox.handle(e.CaughtUp("#lobby"))
    session.inbox.handle(e.Sending("#lobby", ("on its way",)))
    session.inbox.ended()
    session.turn()
    assert session.ended
    session.chat.typed("and this")
    session.chat.typed("/join #foo")
    session.actions.typing("#lobby")
    rows = [entry.text for buffer in session.view.buffers.values() for entry in buffer.entries.newest(20)]
    for text in ("on its way", "and this"):
        assert any(row.startswith("n") and text in row for row in rows), rows
    assert any("the connection has ended" in row for row in rows), rows
    assert session.view.buffers["#lobby"].waiting == ()
    assert not desk.dialect.did("say") + desk.dialect.did("join")


def front_texts(session: Session) -> list[str]:
    return [entry.text for entry in session.view.front.entries.newest(20)]


@pytest.mark.parametrize("to", ["NickServ", "bob,NickServ", "Q@services.example"])
@pytest.mark.parametrize("said", ["IDENTIFY hunter2", "IDENTIFY\nhunter2 now"])
def test_a_password_for_a_service_is_never_shown_where_it_was_not_sent(to: str, said: str) -> None:
    reports = list[e.Event]()
    dialect = Recorder()
    dialect.full = True
    posted = Posted(dialect, lambda job: job(), reports.append, reports.append)  # type: ignore[arg-type]
    posted.say(to, said)
    posted.end()
    posted.say(to, said)
    assert reports == [e.NotSent(to, "IDENTIFY ***", FULL), e.NotSent(to, "IDENTIFY ***", ENDED)]
    assert dialect.did("say") == [("say", to, said)], "the service gets it"


def test_after_the_end_it_is_shown_neither_there_nor_in_front() -> None:
    desk = Desk()

    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(e.Sending("NickServ", ("IDENTIFY hunter2",)))
        desk.link.end()
        await desk.until(lambda: desk.session.ended)
        await desk.types("/msg NickServ IDENTIFY hunter2")
        await desk.keys("enter")
        await desk.sees("not sent to NickServ (the connection has ended): IDENTIFY ***")
        desk.app.main.move(lambda: desk.session.view.switch("NickServ"))
        await desk.sees("not sent to NickServ (the connection has ended): IDENTIFY ***")

    desk.run(scenario, size=(160, 24))
    texts = [entry.text for buffer in desk.session.view.buffers.values() for entry in buffer.entries.newest(50)]
    assert texts
    assert not any("hunter2" in text for text in texts)


def test_what_was_for_somebody_who_is_not_in_front_and_does_not_arrive_is_said_in_front() -> None:
    session = Desk().session
    for event in (e.Registered("grace"), e.Joined("#lobby", "grace", own=True), e.Sending("bob", ("on its way",))):
        session.inbox.handle(event)
    session.inbox.ended()
    session.turn()
    session.chat.typed("/msg bob hi")
    assert front_texts(session)[-2:] == [
        "bob: nobody knows whether this arrived (the connection has ended): on its way",
        "not sent to bob (the connection has ended): hi",
    ]


def test_what_was_said_to_somebody_who_is_not_in_front_is_told_there_once_it_is_stored() -> None:
    session = Desk().session

    def happens(*events: e.Event) -> None:
        for event in events:
            session.inbox.handle(event)
        session.turn()

    happens(e.Registered("grace"), e.Joined("#lobby", "grace", own=True))
    session.chat.typed("/msg bob hi\nand more")
    session.chat.typed("/msg NickServ IDENTIFY hunter2")
    session.chat.typed("/msg nobody hi")
    session.chat.typed("/msg #dev hello")
    before = front_texts(session)
    happens(said("from another device", "grace", "carol", own=True), said("hi", "bob", "bob", second=1))
    assert front_texts(session) == before, "not yet"
    happens(
        said("IDENTIFY ***", "grace", "nickserv", own=True, second=2),
        e.NotSent("nobody", "hi", "no such nick"),
        said("hi", "grace", "nobody", own=True, second=3),
        said("hi", "grace", "Bob", own=True, second=4),
        said("and more", "grace", "bob", own=True, second=5),
    )
    assert front_texts(session)[len(before) :] == [
        "to NickServ: IDENTIFY ***",
        "not sent to nobody (no such nick): hi",
        "to bob: hi and more",
    ]
    session.view.switch("#dev")
    happens(said("hello", "grace", "#dev", own=True, second=6))
    assert not any(text.startswith("to #dev") for text in front_texts(session)), "there it is seen itself"
    session.chat.typed("/msg #dev again")
    happens(said("again", "grace", "#dev", own=True, second=7))
    assert not any(text.startswith("to #dev") for text in front_texts(session))


def test_of_many_the_newest_are_told() -> None:
    asides = Asides()
    for number in range(MOST + 1):
        asides.said(f"n{number}", "hi \x1b[2J")
    assert asides.happened(said("hi", "grace", "n0", own=True), "") == ""
    assert asides.happened(said("hi", "grace", "n1", own=True), "") == "to n1: hi \\x1b[2J"
    assert asides.happened(said("hi", "grace", "n1", own=True), "") == ""
