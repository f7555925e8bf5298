"""Typing, driven by keystrokes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

from client.tui.completion import Words
from client.tui.composer import HOW_TO_QUIT, Composer, Typed
from client.tui.keys import know_alt_enter
from client.tui.typed import LARGEST, TOO_LONG
from client.view import Entry, Mark
from tests.client.tui.screen import compare, screen_text

WORDS = Words(names=["bobby", "bob", "carol"], rooms=["#lobby", "#lounge"], commands=["join", "me", "msg"])
ENTRY = Entry(datetime(2026, 11, 27, 12, 30, tzinfo=UTC), "#lobby", Mark.MESSAGE, "shall we?\nor not", "bob")


class Typing(App[None]):
    """A composer below nothing. What it told is in `told`."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str | Typed] = []
        self.composer = Composer(self.told.append, lambda: WORDS, lambda text: "secret" in text, placeholder="Say something")

    def compose(self) -> ComposeResult:
        yield Static("above", markup=False)
        yield self.composer

    def on_mount(self) -> None:
        self.query_one(Static).styles.height = "1fr"
        self.composer.focus_input()

    def on_composer_changed(self, event: Composer.Changed) -> None:
        self.told.append(event.text)

    def on_composer_reply_dropped(self) -> None:
        self.told.append("reply dropped")

    def on_composer_interrupted(self) -> None:
        self.told.append("interrupted")

    def on_composer_escaped(self) -> None:
        self.told.append("escaped")

    @property
    def sent(self) -> list[Typed]:
        return [each for each in self.told if isinstance(each, Typed)]

    def rows(self) -> list[str]:
        return [row for row in screen_text(self) if row.strip()]


def drive(test: Callable[[Typing, Pilot[None]], Awaitable[None]], width: int = 60) -> Typing:
    async def run() -> Typing:
        app = Typing()
        async with app.run_test(size=(width, 16)) as pilot:
            await pilot.pause()
            await test(app, pilot)
            await pilot.pause()
        return app

    return asyncio.run(run())


async def write(pilot: Pilot[None], text: str) -> None:
    """As if typed: a key takes Pilot a twentieth of a second."""
    focused = pilot.app.focused
    if isinstance(focused, TextArea):
        focused.insert(text)
    else:
        assert isinstance(focused, Input)
        focused.insert_text_at_cursor(text)
    await pilot.pause()


async def paste(app: Typing, pilot: Pilot[None], text: str) -> None:
    app.composer.area.post_message(events.Paste(text))
    await pilot.pause()


def test_enter_sends_and_others_break_the_line() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await pilot.press("enter", "a", "alt+enter", "b", "ctrl+j", "c", "shift+enter", "d")
        assert app.composer.text == "a\nb\nc\nd"
        await pilot.press("enter")
        assert app.composer.text == ""

    assert drive(test).sent == [("a\nb\nc\nd", False)]


def test_grows_to_six_lines() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        assert app.composer.area.size.height == 1
        await write(pilot, "1\n2\n3")
        assert app.composer.area.size.height == 3
        await write(pilot, "\n4\n5\n6\n7\n8")
        assert app.composer.area.size.height == 6
        assert app.rows()[-1].strip() == "8"

    drive(test)


def test_what_was_typed_comes_back() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        for text in ("one", "two\nlines", "my secret"):
            await write(pilot, text)
            await pilot.press("enter")
        await write(pilot, "now")
        await pilot.press("up")
        assert app.composer.text == "two\nlines"
        await pilot.press("up", "up")
        assert app.composer.text == "one"
        await pilot.press("up")
        assert app.composer.text == "one"
        await pilot.press("down", "down")
        assert app.composer.text == "now"
        await pilot.press("down")
        assert app.composer.text == "now"

    assert "now" not in [text for text, _ in drive(test).sent]


def test_typing_is_told_and_a_draft_is_not() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        app.composer.load("a draft")
        await pilot.pause()
        assert app.told == []
        await pilot.press("x")
        await pilot.press("ctrl+a", "ctrl+k")
        assert app.composer.text == ""

    assert drive(test).told == ["a draftx", ""]


def test_a_paste_of_several_lines_is_one_text() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await write(pilot, "see ")
        await paste(app, pilot, "one\r\ntwo\x1b]52;c;x\x07\n")
        await pilot.press("enter")

    assert drive(test).sent == [("see one\ntwo]52;c;x", False)]


def test_a_long_paste_is_talked_about_and_one_too_long_refused() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await paste(app, pilot, "line\n" * 12)
        assert app.rows()[-1].strip() == "Enter sends 12 lines as one message"
        await paste(app, pilot, "x" * LARGEST)
        assert app.composer.text.count("\n") == 11
        assert " ".join(row.strip() for row in app.rows()[-2:]) == TOO_LONG
        app.composer.load("y" * (LARGEST + 1))
        await pilot.press("enter")
        assert len(app.composer.text) == LARGEST + 1
        assert " ".join(row.strip() for row in app.rows()[-2:]) == TOO_LONG

    assert drive(test).sent == []


def test_one_that_fits_is_completed_at_once() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await write(pilot, "car")
        await pilot.press("tab")
        assert app.composer.text == "carol: "
        await write(pilot, "in #lob")
        await pilot.press("tab")
        assert app.composer.text == "carol: in #lobby "
        await pilot.press("tab")
        assert app.composer.text == "carol: in #lobby "

    drive(test)


def test_of_several_one_is_chosen() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await pilot.press("b", "tab")
        assert app.composer.text == "bob"
        compare("composer-popup", screen_text(app))
        await pilot.press("tab", "shift+tab", "down", "enter")
        assert app.composer.text == "bob: "
        assert not app.composer.popup.is_open
        await pilot.press("enter")

    assert drive(test).sent == [("bob: ", False)]


def test_what_is_offered_follows_the_typing() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await pilot.press("slash", "tab")
        assert [choice.label for choice in app.composer.popup._choices] == ["/join", "/me", "/msg"]
        await pilot.press("m")
        assert [choice.label for choice in app.composer.popup._choices] == ["/me", "/msg"]
        await pilot.press("escape")
        assert not app.composer.popup.is_open
        await pilot.press("tab")
        assert app.composer.popup.is_open
        await pilot.press("home")
        assert not app.composer.popup.is_open

    assert "escaped" not in drive(test).told


def test_emoji_by_mouse() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await write(pilot, ":smi")
        await pilot.press("tab")
        assert app.composer.popup.size.height <= 8
        await pilot.click(app.composer.popup, offset=(3, 1))
        await pilot.pause()
        assert app.composer.text == "😏"

    drive(test)


def test_the_wheel_and_the_keys_go_through_a_long_list() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await write(pilot, ":s")
        await pilot.press("tab", *["down"] * 9)
        first = app.rows()[-9]
        assert "sake" not in first
        await pilot.press("up")
        popup = app.composer.popup
        chosen = popup.chosen
        for kind in (events.MouseScrollDown, events.MouseScrollUp):
            await pilot._post_mouse_events([kind], popup)
        assert popup.chosen == chosen

    drive(test)


def test_a_secret_is_masked_kept_nowhere_and_not_completed() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await write(pilot, "draft")
        app.composer.ask_secret("Password for bob:")
        await pilot.pause()
        assert app.composer.asks_secret
        await write(pilot, "hunter2")
        assert "hunter2" not in "\n".join(app.rows())
        assert app.composer.text == "draft"
        assert app.rows()[-1].strip().startswith("Password for bob: (hidden; ")
        await pilot.press("enter")
        await write(pilot, "again")
        await pilot.press("escape")
        app.composer.ask_secret(None)
        await pilot.press("up")
        assert app.composer.text == "draft"

    app = drive(test)
    assert app.sent == [("hunter2", True), ("", True)]
    assert app.told == ["draft", ("hunter2", True), ("", True)]


def test_ctrl_c_clears_what_is_typed_and_up_brings_it_back() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await write(pilot, "never mind")
        await pilot.press("ctrl+c")
        assert app.composer.text == ""
        await write(pilot, "my secret")
        await pilot.press("ctrl+c", "up")
        assert app.composer.text == "never mind"
        await pilot.press("shift+home", "ctrl+c")
        assert app.clipboard == "never mind"
        assert app.composer.text == "never mind", "what was selected is copied, as everywhere"
        await pilot.press("ctrl+c")
        assert app.composer.text == ""

    assert drive(test).sent == []


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+d"])
def test_with_nothing_typed_it_is_said_how_to_quit(key: str) -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await pilot.press(key)
        assert app.rows()[-1].strip() == HOW_TO_QUIT
        await pilot.press("x", "backspace", key)
        assert app.rows()[-1].strip() == HOW_TO_QUIT
        app.composer._calm()
        assert HOW_TO_QUIT not in app.rows()[-1]
        await pilot.press(key)
        assert "interrupted" not in app.told
        await pilot.press(key)

    assert drive(test).told[-1] == "interrupted"


def test_ctrl_c_leaves_a_secret() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        app.composer.ask_secret("Password:")
        app.composer.focus_input()
        await write(pilot, "hunter2")
        await pilot.press("ctrl+c")
        assert app.rows()[-1].strip() == HOW_TO_QUIT

    assert drive(test).sent == [("", True)]


def test_ctrl_d_deletes_and_undo_is_as_in_readline() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        await write(pilot, "abc")
        await pilot.press("home", "ctrl+d")
        assert app.composer.text == "bc"
        await pilot.press("ctrl+underscore")
        assert app.composer.text == "abc"

    drive(test)


def test_a_reply_is_shown_and_dropped_by_escape() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        app.composer.replying(ENTRY)
        await pilot.pause()
        assert app.rows()[-1].strip() == "replying to bob: shall we? or not · Esc ends it"
        await pilot.press("escape")
        assert "replying" not in app.rows()[-1]
        await pilot.press("escape")

    assert drive(test).told == ["reply dropped", "escaped"]


def test_a_reply_is_cut_to_the_width() -> None:
    async def test(app: Typing, pilot: Pilot[None]) -> None:
        app.composer.replying(ENTRY)
        await pilot.pause()
        assert app.rows()[-1].strip() == "replying to bob: sh… · Esc ends it"

    drive(test, 36)


def test_keys_of_the_conversation_are_left_to_it() -> None:
    passed: list[str] = []

    class Listening(Typing):
        BINDINGS = [("pageup", "pass('pageup')"), ("shift+up", "pass('shift+up')"), ("alt+up", "pass('alt+up')")]  # noqa: RUF012

        def action_pass(self, key: str) -> None:
            passed.append(key)

    async def run() -> None:
        async with Listening().run_test(size=(60, 16)) as pilot:
            await pilot.press("x", "pageup", "shift+up", "alt+up")

    asyncio.run(run())
    assert passed == ["pageup", "shift+up", "alt+up"]


def test_alt_enter_breaks_the_line_in_terminals_too() -> None:
    know_alt_enter()
    keys = [event.key for event in XTermParser().feed("\x1b\r") if isinstance(event, events.Key)]
    assert keys == ["ctrl+j"]
