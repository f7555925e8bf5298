"""What is typed in secret goes to the server that asked for it, nowhere else; and nothing else is taken for a secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from client import events as e
from client.tui.composer import Secret, Typed
from tests.client.tui.desk import Desk, said

GOOD, EVIL = "good.example", "evil.example"


def logs_in(desk: Desk, server: int = 0, account: str = "grace") -> None:
    """Somebody has typed /login there."""
    desk.sessions[server].chat.log_in(account)
    desk.sessions[server].chat._refresh()
    desk.app.main.sync()


def needs(desk: Desk, server: int = 0) -> None:
    """The connection needs another password."""
    posted = desk.sessions[server]._posted
    posted.heard(posted._asks._replace(password=True))
    desk.sessions[server].chat._refresh()


async def on_two_servers(desk: Desk) -> None:
    for number in (0, 1):
        await desk.happens(e.Registered("grace"), e.Joined("#lobby", "grace", own=True), e.CaughtUp("#lobby"), server=number)


def value(desk: Desk) -> str:
    return desk.app.main.query_one(Secret).value


@pytest.mark.parametrize("move", [("ctrl+n", "ctrl+n"), ("alt+2",), ("alt+right", "alt+right")], ids=" ".join)
@pytest.mark.parametrize("asks", [logs_in, needs], ids=["a form", "a connection"])
def test_a_password_typed_for_one_server_never_goes_to_another(move: tuple[str, ...], asks: Callable[[Desk, int], None]) -> None:
    desk = Desk(servers=(GOOD, EVIL))

    async def scenario() -> None:
        await on_two_servers(desk)
        asks(desk, 1)
        asks(desk, 0)
        desk.app.main.sync()
        await desk.sees(f"{GOOD}:6697 asks. ")
        await desk.keys(*"goodpw", *move)
        await desk.sees(f"{EVIL}:6697 asks. ")
        assert value(desk) == ""
        await desk.keys("enter", *"evil", "enter")
        desk.app.main.go(desk.app.workspace.rooms(desk.sessions[0])[0])
        await desk.sees(f"{GOOD}:6697 asks. ")
        assert value(desk) == ""

    desk.run(scenario)
    assert [call[1] for dialect in desk.dialects for call in dialect.did("log_in")] == ["evil"]
    assert desk.dialects[1].did("log_in")


def test_nor_where_the_one_that_asked_goes_away(desk: Desk) -> None:
    desk = Desk(servers=(GOOD, EVIL))

    async def scenario() -> None:
        await on_two_servers(desk)
        needs(desk, 0)
        needs(desk, 1)
        desk.app.main.sync()
        await desk.keys(*"goodpw")
        desk.app._remove(desk.sessions[0])
        await desk.settle()
        assert value(desk) == ""
        await desk.keys("enter")

    desk.run(scenario)
    assert not any(dialect.did("log_in") or dialect.did("say") for dialect in desk.dialects)


def test_where_there_is_one_server_it_is_not_named(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        logs_in(desk)
        await desk.sees("The password of grace: ")
        await desk.sees_no("asks.")

    desk.run(scenario)


def test_another_question_of_the_same_server_begins_anew(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        logs_in(desk, account="ada")
        await desk.keys(*"half")
        logs_in(desk, account="grace")
        await desk.settle()
        assert value(desk) == ""

    desk.run(scenario)


def test_a_secret_for_a_question_that_has_gone_is_not_said(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        logs_in(desk)
        desk.session.chat._form = None  # before the screen has looked
        assert not desk.app.main.centre.take(Typed("s3cret", secret=True))
        await desk.settle()

    desk.run(scenario)
    assert not desk.dialect.did("say")
    assert not desk.dialect.did("log_in")


def test_a_line_that_is_being_typed_does_not_become_a_password(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.types("hello all")
        needs(desk)  # the screen has not looked yet
        await desk.keys("enter")
        await desk.sees("The server did not accept the password")
        assert desk.app.main.composer.text == "hello all", "it stays"
        assert not desk.dialect.did("log_in")
        await desk.keys(*"s3cret", "enter")
        await desk.sees("hello all")
        await desk.keys("enter")

    desk.run(scenario)
    assert [call[1] for call in desk.dialect.did("log_in")] == ["s3cret"]
    assert desk.dialect.did("say") == [("say", "#lobby", "hello all")]


def test_nor_does_a_room_that_is_gone_to(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        logs_in(desk)
        await desk.keys("ctrl+k")
        await desk.types("garden")
        await desk.keys("enter")
        await desk.sees("The password of grace: ")

    desk.run(scenario)
    assert desk.dialect.did("join") == [("join", "#garden")]
    assert not desk.dialect.did("log_in")


def test_nothing_is_offered_while_a_secret_is_asked_for(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("hi", "grace", own=True))
        desk.app.may_offer[desk.session.address] = True
        logs_in(desk)
        desk.app.main._tick()
        assert not desk.app.main.offers.open
        await desk.keys("escape")
        desk.app.main._tick()
        assert desk.app.main.offers.open

    desk.run(scenario)


REFUSED = "The server refused the login as ada (no). Enter the password again, or end the client with /quit."


@pytest.mark.parametrize("size", [(80, 24), (40, 20)])
def test_a_password_that_was_not_accepted_is_asked_for_with_the_reason(size: tuple[int, int]) -> None:
    desk = Desk(account="ada")

    async def scenario() -> None:
        desk.dialect.needs_password = True
        await desk.happens(e.Failed(REFUSED))
        await desk.sees("did not accept the", "try again", "Ctrl+Q quits", "The server refused the", "○ waits for you")
        await desk.keys("escape")
        await desk.sees("did not accept the")
        await desk.keys(*"better", "enter")
        await desk.sees_no("did not accept the")

    desk.run(scenario, size=size)
    assert [call[1] for call in desk.dialect.did("log_in")] == ["better"]


def test_with_other_servers_one_can_go_away_from_it() -> None:
    desk = Desk(servers=(GOOD, EVIL))

    async def scenario() -> None:
        await on_two_servers(desk)
        needs(desk, 0)
        desk.app.main.sync()
        await desk.sees(f"{GOOD}:6697 asks. The server did not accept", "Ctrl+N")

    desk.run(scenario)
