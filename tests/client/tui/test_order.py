"""Keys that come in a burst: each goes where it would have gone, had its turn been waited for."""

from __future__ import annotations

import asyncio

import pytest
from textual.events import Key

from client import events as e
from client.tui import order
from client.tui.keys import know_alt
from tests.client.tui.desk import Desk, said


def burst(desk: Desk, *words: str) -> None:
    """All of it in one read: names of keys as they are, other words letter by letter."""
    for word in words:
        if len(word) > 1 and (word in ("enter", "escape", "f4", "up", "down") or "+" in word):
            desk.app.post_message(Key(word, None))
            continue
        for character in word:
            desk.app.post_message(Key("space" if character == " " else character, character))


def say(desk: Desk) -> list[tuple[object, ...]]:
    return desk.dialect.did("say")


async def two_rooms(desk: Desk) -> None:
    await desk.greeted()
    await desk.happens(e.Joined("#dev", "grace", own=True), e.CaughtUp("#dev"), said("one", second=1))
    await desk.keys("alt+1")


def test_what_is_typed_behind_a_dialog_is_not_for_it(desk: Desk) -> None:
    async def scenario() -> None:
        await two_rooms(desk)
        burst(desk, "ctrl+k", "dev", "enter", "hello dev", "enter")
        await desk.settle()
        assert say(desk) == [("say", "#dev", "hello dev")]
        assert desk.app.screen is desk.app.main

    desk.run(scenario)


@pytest.mark.parametrize("opened", ["ctrl+k", "ctrl+f", "f1", "alt+s"])
def test_enter_twice_ends_one_dialog(desk: Desk, opened: str) -> None:
    know_alt("s")

    async def scenario() -> None:
        await two_rooms(desk)
        burst(desk, opened, "enter", "enter", "escape", "escape", "escape", "x")
        await desk.settle()
        assert desk.app.screen is desk.app.main
        assert desk.app.main.composer.text == "x"

    desk.run(scenario)


def test_a_message_is_chosen_and_answered(desk: Desk) -> None:
    async def scenario() -> None:
        await two_rooms(desk)
        await desk.happens(said("a question", second=2))
        burst(desk, "alt+up", "r", "an answer", "enter")
        await desk.settle()
        assert say(desk) == [("say", "#lobby", "an answer", "m2")]
        burst(desk, "alt+up", "e", "tada", "enter", "on", "enter")
        await desk.settle()
        assert desk.dialect.did("react") == [("react", "#lobby", "m2", "🎉")]
        assert say(desk)[1:] == [("say", "#lobby", "on")]

    desk.run(scenario)


def test_text_around_a_password_is_said_and_it_is_not(desk: Desk) -> None:
    async def scenario() -> None:
        await two_rooms(desk)
        for number in range(6):
            burst(desk, "/register", "enter", f"p{number}", "enter", f"p{number}", "enter", f"text {number}", "enter")
        await desk.settle()
        assert [call[1] for call in desk.dialect.did("register")] == [f"p{number}" for number in range(6)]
        assert say(desk) == [("say", "#lobby", f"text {number}") for number in range(6)]

    desk.run(scenario)


def test_an_account_by_the_offer(desk: Desk) -> None:
    desk.app.may_offer[desk.session.address] = True

    async def scenario() -> None:
        await two_rooms(desk)
        await desk.happens(e.Said("#lobby", "grace", "hello", own=True))
        desk.app.main._tick()
        await desk.sees("F4 make one")
        burst(desk, "f4", "pw", "enter", "pw", "enter", "enter", "and on", "enter")
        await desk.settle()
        assert desk.dialect.did("register") == [("register", "pw")]
        assert say(desk) == [("say", "#lobby", "and on")]

    desk.run(scenario)


def test_what_hangs_does_not_hold_the_keys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "PATIENCE_S", 0.01)

    async def scenario() -> None:
        await two_rooms(desk)
        free = asyncio.Event()
        desk.app.main.call_later(free.wait)  # the screen does nothing any more
        burst(desk, "ctrl+n", "x")
        await desk.until(lambda: desk.app.main.composer.text == "x")
        free.set()

    desk.run(scenario)
