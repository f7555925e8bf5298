"""A password that worked is offered to the keyring in the full screen, once, when nobody does anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from client import events as e
from client import known
from client.address import Address
from client.arrival import Visit
from client.firstuse import Trust
from client.keeping import TOLD, Keeping
from client.login import Login
from client.trust import client_context
from client.tui.door import session_for
from tests.client.fake_server import PATIENCE, FakeServer, Waits
from tests.client.tui.desk import Desk, said

A = Address("chat.example", 6697)
QUESTION = "The password of grace at Example worked"


def a_desk(password: str = "s3cret", kept: str | None = "") -> Desk:
    """Somebody who has logged in with a password that was typed."""
    desk = Desk()
    login = Login("grace", password)
    login.succeed()
    known.remember(A, "grace", "grace")
    desk.session.keeping = Keeping(A, lambda: login, kept)
    desk.session.keeping.handle(e.Registered("grace"))
    return desk


async def asked(desk: Desk) -> None:
    await desk.greeted()
    desk.app.main._tick()
    await desk.sees(QUESTION, "F4 keep it  F5 no  Esc another time")


def test_yes_keeps_it(ring: list[tuple[Address, str, str]]) -> None:
    desk = a_desk()

    async def scenario() -> None:
        await asked(desk)
        await desk.keys("f4")
        await desk.sees("the password is in the keyring")

    desk.run(scenario)
    assert ring == [(A, "grace", "s3cret")]
    assert known.load()[0].kept == ("grace",), "for who forgets the server"


def test_a_keyring_that_does_not_take_it(ring: list[tuple[Address, str, str]]) -> None:
    desk = a_desk("refused")

    async def scenario() -> None:
        await asked(desk)
        await desk.keys("f4")
        await desk.sees("it was not kept. It is locked.")

    desk.run(scenario)
    assert len(ring) == 1


@pytest.mark.parametrize(("key", "remembered"), [("f5", True), ("escape", False)])
def test_no_is_what_one_key_says(ring: list[tuple[Address, str, str]], key: str, remembered: bool) -> None:
    desk = a_desk()

    async def scenario() -> None:
        await asked(desk)
        await desk.keys(key)
        await desk.sees_no(QUESTION)
        desk.app.main._tick()
        await desk.settle()
        assert not desk.app.main.offers.open, "it is asked once"

    desk.run(scenario)
    if remembered:
        Waits.until(lambda: any(TOLD in told for told in known.load()[0].told))
        assert a_desk().session.keeping.offer is None  # type: ignore[union-attr]
    else:
        assert a_desk().session.keeping.offer is not None  # type: ignore[union-attr]
    assert ring == []


def test_not_while_somebody_does_something_else() -> None:
    desk = a_desk()

    async def scenario() -> None:
        await desk.greeted()
        await desk.types("half a sentence")
        desk.app.main._tick()
        await desk.settle()
        assert not desk.app.main.offers.open
        await desk.happens(*(said(f"line {n}", second=n) for n in range(90)))
        await desk.keys("pageup")
        desk.app.main.composer.load("")
        desk.app.main._tick()
        await desk.settle()
        assert not desk.app.main.offers.open
        await desk.keys("ctrl+end")
        desk.app.main._tick()
        await desk.sees(QUESTION)

    desk.run(scenario)


@pytest.mark.parametrize("kept", ["s3cret", None])
def test_what_is_kept_or_stands_elsewhere_is_not_offered(kept: str | None) -> None:
    assert a_desk(kept=kept).session.keeping.offer is None  # type: ignore[union-attr]


def test_a_session_of_the_full_screen_makes_the_offer(server: FakeServer, ca: Path) -> None:
    server.caps += " sasl=PLAIN"
    address = Address("localhost", server.port)
    session = session_for(Visit(address, "grace", ["#lobby"], Trust(client_context(ca), "x"), Login("grace", "typed"), ""))
    try:
        session.link.start()
        assert session.keeping is not None
        Waits.until(lambda: session.keeping.offer)  # type: ignore[union-attr]
        assert session.keeping.take() == ("grace", "typed")
    finally:
        session.link.stop()
        assert session.link.join(PATIENCE)
    assert known.load()[0].account == "grace"
