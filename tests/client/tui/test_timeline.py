"""The timeline on a screen, driven by keys and mouse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

from client.tui.canvas import CHOSEN
from client.tui.timeline import Timeline
from client.view import Buffer, Entry, Mark, Past
from tests.client.tui.screen import compare, screen_text

AT = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
SIZE = (60, 12)


def say(buffer: Buffer, text: str, nick: str = "bob", minutes: float = 0, mark: Mark = Mark.MESSAGE, **more: object) -> Entry:
    entry = Entry(AT + timedelta(minutes=minutes), buffer.name, mark, text, nick, **more)  # type: ignore[arg-type]
    buffer.entries.append(entry)
    return entry


def conversation() -> Buffer:
    """Something of everything."""
    buffer = Buffer("#lobby", "#lobby", past=Past.START)
    say(buffer, "welcome: https://chat.example/some/where/far/away/in/the/web is where it is written", msgid="a")
    say(buffer, "and that is that", minutes=1)
    say(buffer, "漢字かな交じり文 🙂 " * 6, "carol", 2)
    say(buffer, "erin joined #lobby", "", 3, Mark.INFO)
    say(buffer, "waves", "dave", 3, Mark.ACTION)
    say(buffer, "the build is green", "robo", 4, Mark.NOTICE, bot=True)
    say(buffer, "I have read it\nall of it", "alice", 5, own=True, reply_to="a", reactions={"👍": ("x", "y"), "❤️": ("z",)})
    say(buffer, "alice: [b]thanks[/b]", "bob", 60 * 24, mention=True)
    say(buffer, "", "bob", 60 * 24 + 1, redacted="carol")
    say(buffer, "no such room", "", 60 * 24 + 1, Mark.ERROR)
    say(buffer, "what was that?", "erin", 60 * 24 + 1, reply_to="zzz")
    buffer.marked = 7
    buffer.waiting = ("this is on its way",)
    return buffer


def many(count: int, past: Past = Past.START) -> Buffer:
    buffer = Buffer("#lobby", "#lobby", past=past)
    for number in range(count):
        say(buffer, f"message {number}", f"user{number % 7}", number / 10)
    return buffer


class Reading(App[None]):
    """A timeline above an input that has the focus. What it told is in `told`."""

    def __init__(self, buffer: Buffer) -> None:
        super().__init__()
        self.told: list[tuple[object, ...]] = []
        self.timeline = Timeline(buffer)

    def compose(self) -> ComposeResult:
        yield self.timeline
        yield Input()

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_timeline_need_older(self, event: Timeline.NeedOlder) -> None:
        self.told.append(("older", event.buffer.entries.first))

    def on_timeline_at_end(self, event: Timeline.AtEnd) -> None:
        self.told.append(("end", event.buffer.entries.end))

    def on_timeline_picked(self, event: Timeline.Picked) -> None:
        self.told.append(("picked", event.entry and event.entry.text))

    def on_timeline_asked(self, event: Timeline.Asked) -> None:
        self.told.append((event.action, event.entry.text))

    def rows(self) -> list[str]:
        return [row[:-1].rstrip() if row[-1:] in ("│", "┃", CHOSEN) else row for row in screen_text(self)[:-3]]


Test = Callable[[Reading, Pilot[None]], Awaitable[None]]


def drive(buffer: Buffer, test: Test, size: tuple[int, int] = SIZE) -> Reading:
    async def run() -> Reading:
        app = Reading(buffer)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await test(app, pilot)
            await pilot.pause()
        return app

    return asyncio.run(run())


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await pilot.pause(0.01)


async def drawn(app: Reading, pilot: Pilot[None]) -> None:
    """What has changed is on the screen."""
    app.timeline.changed()
    await until(pilot, lambda: not app.timeline.waits)
    await pilot.pause()


def test_looks() -> None:
    """Three widths; whatever is said is text."""

    async def test(app: Reading, pilot: Pilot[None]) -> None:
        compare("timeline-110", screen_text(app))
        await pilot.resize_terminal(80, 35)
        await pilot.pause()
        compare("timeline-80", screen_text(app))
        await pilot.resize_terminal(40, 45)
        await pilot.pause()
        compare("timeline-40", screen_text(app))
        app.theme = "textual-light"
        await pilot.pause()
        compare("timeline-40", screen_text(app))
        app.theme = "ansi-dark"
        await pilot.pause()
        compare("timeline-40", screen_text(app))

    drive(conversation(), test, (110, 30))


def test_nothing_and_what_is_known_of_the_past() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        assert "nothing has been said here yet" in app.rows()[-1]
        buffer = app.timeline.buffer
        buffer.past = Past.ASKED
        await drawn(app, pilot)
        assert "older messages are on their way…" in app.rows()[-1]
        buffer.past = Past.FULL
        say(buffer, "hello")
        await drawn(app, pilot)
        assert "more is not kept" in app.rows()[-3]
        app.timeline.show(many(1))
        await pilot.pause()
        assert "the conversation begins here" in app.rows()[-3]

    drive(Buffer("#lobby", "#lobby", past=Past.START), test)


def test_stays_at_the_end_and_tells_so() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        assert app.told == [("end", 20)]
        say(app.timeline.buffer, "one more", minutes=3)
        await drawn(app, pilot)
        assert app.rows()[-1].endswith("one more")
        await drawn(app, pilot)

    assert drive(many(20), test).told == [("end", 20), ("end", 21)]


def test_scrolled_back_it_stays_where_it_is() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        app.timeline.action_page(-1)
        await pilot.pause()
        before = app.rows()
        assert before[-1].endswith("↓")
        for number in range(3):
            say(app.timeline.buffer, "news", minutes=9 + number)
        say(app.timeline.buffer, "erin joined", "", 12, Mark.INFO)
        await drawn(app, pilot)
        assert app.rows()[:-1] == before[:-1]
        assert app.rows()[-1].endswith("↓ 3 new")
        older = [Entry(AT - timedelta(hours=1), "#lobby", Mark.MESSAGE, f"old {n}", "bob") for n in range(1000)]
        app.timeline.buffer.entries.prepend(older)
        await drawn(app, pilot)
        assert app.rows()[:-1] == before[:-1]
        await pilot.click(app.timeline, offset=(SIZE[0] - 4, app.timeline.size.height - 1))
        await pilot.pause()
        assert app.timeline.at_end
        assert app.rows()[-1].endswith("erin joined")
        app.timeline.action_start()
        await pilot.pause()
        assert "old 0" in "".join(app.rows()[:4])

    assert drive(many(60), test).told == [("end", 60), ("end", 64)]


def test_what_is_not_read_can_be_gone_to() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        assert app.rows()[0].endswith("↑ new")
        await pilot.click(app.timeline, offset=(SIZE[0] - 4, 0))
        await pilot.pause()
        assert any(row.strip("─") == " new " for row in app.rows())
        app.timeline.action_end()
        await pilot.pause()
        assert not app.rows()[0].endswith("↑ new")
        app.timeline.buffer.marked = None
        app.timeline.action_marked()
        assert app.timeline.at_end

    buffer = many(60)
    buffer.marked = 20
    drive(buffer, test)


def test_older_ones_are_asked_for_once_a_page() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        buffer = app.timeline.buffer
        assert ("older", 0) not in app.told
        app.timeline.action_start()
        await pilot.pause()
        app.timeline.scroll_rows(-1)
        await pilot.pause()
        assert app.told.count(("older", 0)) == 2  # the second: what was asked for had brought nothing
        buffer.past = Past.ASKED
        app.timeline.scroll_rows(-1)
        await pilot.pause()
        assert app.told.count(("older", 0)) == 2
        buffer.entries.prepend([Entry(AT - timedelta(hours=1), "#lobby", Mark.MESSAGE, f"old {n}", "bob") for n in range(200)])
        buffer.past = Past.MORE
        await drawn(app, pilot)
        assert ("older", -200) not in app.told
        app.timeline.scroll_rows(-180)
        await pilot.pause()
        app.timeline.scroll_rows(-1)
        await pilot.pause()
        assert app.told.count(("older", -200)) == 1

    drive(many(100, Past.MORE), test)


def test_keys_and_wheel_scroll() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        app.timeline.focus()
        await pilot.press("pageup", "shift+up")
        assert app.rows()[-2].endswith("message 49")
        await pilot.press("shift+down")
        await pilot._post_mouse_events([events.MouseScrollUp], app.timeline)
        await pilot.pause()
        assert app.rows()[-2].endswith("message 47")
        await pilot._post_mouse_events([events.MouseScrollDown], app.timeline)
        await pilot.press("pagedown")
        assert app.timeline.at_end
        await pilot.press("ctrl+home")
        assert "message 0" in app.rows()[2]
        await pilot.press("ctrl+end")
        assert app.timeline.at_end

    drive(many(60), test)


def test_a_message_is_chosen_by_keys() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        app.timeline.action_pick(-1)
        await pilot.pause()
        assert app.timeline.has_focus
        await pilot.press("alt+up", "alt+up", "alt+down", "e")
        assert app.query_one(Input).has_focus
        app.timeline.action_pick(-1)
        await pilot.pause()
        await pilot.press("alt+down")
        assert app.query_one(Input).has_focus
        app.timeline.action_pick(-1)
        await pilot.pause()
        await pilot.press("escape")
        assert app.timeline.picked is None
        app.timeline.action_pick(-1)
        await pilot.pause()
        await pilot.press("enter")

    assert [each for each in drive(many(20), test).told if each[0] != "end"] == [
        ("picked", "message 19"),
        ("picked", "message 18"),
        ("picked", "message 17"),
        ("picked", "message 18"),
        ("picked", None),
        ("react", "message 18"),
        ("picked", "message 19"),
        ("picked", None),
        ("picked", "message 19"),
        ("picked", None),
        ("picked", "message 19"),
        ("picked", None),
        ("reply", "message 19"),
    ]


def test_choosing_scrolls_and_steps_over_what_nobody_said() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        for _ in range(16):
            app.timeline.action_pick(-1)
        await pilot.pause()
        assert app.timeline.picked is app.timeline.buffer.entries[4]
        assert any(row.endswith("message 4") for row in app.rows())
        while app.timeline.buffer.entries.first < 15:
            app.timeline.buffer.entries.drop_oldest()
        app.timeline.action_pick(1)
        assert app.timeline.picked is app.timeline.buffer.entries[15]
        app.timeline.action_pick(-1)
        assert app.timeline.picked is app.timeline.buffer.entries[15]

    buffer = many(20)
    say(buffer, "erin joined", "", 3, Mark.INFO)
    drive(buffer, test)


def test_a_change_of_an_entry_is_drawn() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        entry = app.timeline.buffer.entries[18]
        entry.reactions = {"🎉": ("carol",)}
        entry.revision += 1
        await drawn(app, pilot)
        assert app.rows()[-2].endswith("🎉 1")
        entry.redacted, entry.text = "carol", ""
        entry.revision += 1
        await drawn(app, pilot)
        assert "message taken back by carol" in app.rows()[-3]

    drive(many(20), test)


def test_search_goes_from_one_to_the_next() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        assert app.timeline.find("MESSAGE 3")
        await pilot.pause()
        assert any(row.endswith("message 39") for row in app.rows())
        assert app.timeline.find("MESSAGE 3")
        assert app.timeline._canvas.found == 38
        app.timeline.action_pick(-1)
        await pilot.pause()
        app.timeline.action_leave()
        assert app.timeline.find("MESSAGE 3", backwards=False)
        assert app.timeline._canvas.found == 39
        assert not app.timeline.find("nowhere")
        assert app.timeline.find("message 7", backwards=False)
        assert app.timeline._canvas.found == 7
        assert not app.timeline.find("")

    drive(many(60), test)


def test_what_is_chosen_has_a_mark_that_needs_no_colour() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        app.timeline.action_pick(-1)
        app.timeline.action_pick(-1)
        await drawn(app, pilot)
        assert [row.split()[-1] for row in screen_text(app) if CHOSEN in row] == [CHOSEN, CHOSEN], "each of its rows"
        app.timeline.action_leave()
        await drawn(app, pilot)
        assert not any(CHOSEN in row for row in screen_text(app))

    buffer = many(3)
    buffer.entries[1].text = "two\nlines"
    drive(buffer, test)


def test_a_click_picks_and_another_room_has_none_picked() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        await pilot.click(app.timeline, offset=(10, app.timeline.size.height - 1))
        await pilot.pause()
        assert app.focused is app.timeline
        app.timeline.show(Buffer("#other", "#other", past=Past.START))
        await pilot.pause()
        await pilot.click(app.timeline, offset=(10, 2))
        await pilot.click(app.timeline, offset=(10, app.timeline.size.height - 1))

        assert isinstance(app.focused, Input)

    picked = [each for each in drive(many(20), test).told if each[0] == "picked"]
    assert picked == [("picked", "message 19"), ("picked", None)]


def test_what_is_typed_while_a_message_is_chosen_is_not_lost() -> None:
    typed: list[str] = []

    async def test(app: Reading, pilot: Pilot[None]) -> None:
        app.timeline.typed = typed.append
        app.timeline.action_pick(-1)
        await pilot.pause()
        await pilot.press("y")
        assert app.timeline.picked is None
        assert isinstance(app.focused, Input)

    drive(many(20), test)
    assert typed == ["y"]


def test_text_is_selected_with_the_mouse() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        bottom = app.timeline.size.height - 1
        await pilot.mouse_down(app.timeline, offset=(14, bottom - 2))
        await pilot.hover(app.timeline, offset=(15, bottom))
        await pilot.mouse_up(app.timeline, offset=(15, bottom))
        await pilot.pause()
        assert app.screen.get_selected_text() == "two three four five six seven eight nine ten eleven twelve\nsecond l"
        say(app.timeline.buffer, "below", "carol")
        await drawn(app, pilot)
        assert app.screen.get_selected_text() == "two three four five six seven eight nine ten eleven twelve\nsecond l"
        app.screen.clear_selection()
        app.screen.text_select_all()
        assert (app.screen.get_selected_text() or "").endswith("twelve\nsecond line\n12:30 carol below")

    buffer = Buffer("#lobby", "#lobby", past=Past.START)
    say(buffer, "one two three four five six seven eight nine ten eleven twelve\nsecond line")
    drive(buffer, test)


def test_a_flood_is_drawn_at_a_pace() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        screens = 0
        draw = app.timeline._arrange

        def counted() -> None:
            nonlocal screens
            screens += app.timeline._stale
            draw()

        app.timeline._arrange = counted  # type: ignore[method-assign]
        for number in range(1000):
            say(app.timeline.buffer, f"flood {number}", minutes=9)
            app.timeline.changed()
            if number % 50 == 0:
                await pilot.pause()
        await until(pilot, lambda: app.rows()[-1].endswith("flood 999"))
        assert screens < 1000

    drive(many(20), test)


def test_in_a_window_of_no_size_and_a_tiny_one() -> None:
    async def test(app: Reading, pilot: Pilot[None]) -> None:
        await pilot.resize_terminal(10, 5)
        await pilot.pause()
        assert len(app.rows()) == 2
        await pilot.resize_terminal(1, 1)
        await pilot.pause()
        await pilot.resize_terminal(*SIZE)
        await pilot.pause()
        assert app.rows()[-1].endswith("message 19")

    drive(many(20), test)
