"""What is done with a message that was chosen."""

from __future__ import annotations

from typing import Any

import pytest

from client import events as e
from client.tui.keymap import FOR_A_MESSAGE, FOR_ANOTHERS
from client.tui.message_actions import NOT_YOURS, TAKEN_BACK, may_redact
from client.view import Entry, Mark, View
from tests.client.tui.desk import NOON, Desk, said


def test_what_others_said_can_be_taken_back_by_operators_of_the_room(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.happens(said("hm", second=1))
        await desk.keys("alt+up")
        await desk.sees(FOR_ANOTHERS)
        await desk.keys("d")
        await desk.sees(NOT_YOURS)
        await desk.happens(e.Ranked("#lobby", "grace", "@+"))
        await desk.keys("alt+up")
        await desk.sees(FOR_A_MESSAGE)
        await desk.keys("d")
        await desk.sees("Take this back for everybody?", "ada: hm")
        await desk.keys("left", "enter")
        assert desk.dialect.did("redact") == [("redact", "#lobby", "m1", "")]
        await desk.happens(e.Redacted("#lobby", "m1", "grace"))
        await desk.keys("alt+up", "d")
        await desk.sees(TAKEN_BACK)

    desk.run(scenario)
    assert len(desk.dialect.did("redact")) == 1


@pytest.mark.parametrize(
    ("entry", "ranks", "may"),
    [
        ({"own": True}, "", True),
        ({"account": "Grace"}, "", True),  # from another of our devices, or before we came back
        ({"account": "ada"}, "+", False),
        ({}, "%", False),
        ({}, "~", True),
        ({}, "&@", True),
    ],
)
def test_whose_messages_can_be_taken_back(entry: dict[str, Any], ranks: str, *, may: bool) -> None:
    view = View("#lobby", lambda: NOON)
    view.nick, view.account = "Grace", "grace"
    for name in ("#lobby", "ada"):
        view.buffer(name).members.put("grace", ranks)
    asked = Entry(NOON, "#lobby", Mark.MESSAGE, "hm", "ada", **entry)
    assert may_redact(view, view.buffer("#lobby"), asked) is may
    assert may_redact(view, view.buffer("ada"), asked) is (may and bool(entry)), "between two each has their own"
    view.account = ""
    assert may_redact(view, view.buffer("ada"), asked) is entry.get("own", False)


def test_what_did_not_arrive_elsewhere_is_said_in_front_too(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.greeted()
        await desk.types("/msg nobody hi")
        await desk.keys("enter")
        await desk.happens(e.NotSent("nobody", "hi", "No such nick"), e.NotSent("#lobby", "hm", "No"))
        await desk.sees("not sent to nobody (No such nick): hi")
        assert sum("not sent to #lobby" in row for row in desk.rows()) == 1, "once, where it is in front"

    desk.run(scenario)
    assert desk.session.view.buffer("nobody").entries.newest(1)[0].text == "not sent to nobody (No such nick): hi"
