"""What the timeline of the full-screen client costs while a conversation of 100,000 messages is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from textual.app import App, ComposeResult

from bench.compare import Comparison
from client.tui.timeline import Timeline
from client.view import Buffer, Entry, Mark, Past

_COUNT = 100_000
_SIZE = (160, 50)
_START = datetime(2026, 11, 1, tzinfo=UTC)
_TEXT = "a message of the usual length, with a link https://chat.example/some/where in it, so that it is wrapped in most windows"


def measure() -> Comparison:
    """A screen drawn anew after each thing that happens to it."""
    return asyncio.run(_measure())


async def _measure() -> Comparison:
    timeline = Timeline(_conversation(_COUNT))

    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield timeline

    async with Alone().run_test(size=_SIZE) as pilot:
        await pilot.pause()
        return Comparison("A screen of the timeline, 160x50, of 100,000 messages", "screen").run(_variants(timeline), 200)


def _variants(timeline: Timeline) -> dict[str, Callable[[], int]]:
    def draw() -> int:
        timeline.changed()
        timeline.render_lines(timeline.size.region)
        return 1

    def appended(count: int) -> Callable[[], int]:
        def run() -> int:
            for _ in range(count):
                timeline.buffer.entries.append(_message(timeline.buffer.entries.end))
                timeline.changed()
            return draw()

        return run

    def scrolled(rows: int) -> Callable[[], int]:
        def run() -> int:
            timeline.scroll_rows(rows)
            return draw()

        return run

    def opened() -> int:
        timeline.show(timeline.buffer)
        return draw()

    def reacted() -> int:
        entry = timeline.buffer.entries[timeline.buffer.entries.end - 3]
        entry.reactions = {"+1": ("bob",) * (entry.revision % 9 + 1)}
        entry.revision += 1
        return draw()

    return {
        "nothing has changed": draw,
        "17 messages have come (1,000 a second)": appended(17),
        "a reaction has come": reacted,
        "scrolled by 3 rows": scrolled(-3),
        "scrolled by a page": scrolled(-49),
        "the conversation has been opened": opened,
    }


def _conversation(count: int) -> Buffer:
    buffer = Buffer("#lobby", "#lobby", past=Past.START)
    for number in range(count):
        buffer.entries.append(_message(number))
    return buffer


def _message(number: int) -> Entry:
    at = _START + timedelta(seconds=number * 7)
    return Entry(at, "#lobby", Mark.MESSAGE, f"{_TEXT} {number}", f"user{number // 3 % 40}", msgid=f"m{number}")
