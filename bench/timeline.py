"""What the timeline of the full-screen client costs while a conversation of 100,000 messages is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from textual.app import App, ComposeResult

from bench.compare import Comparison
from client.tui.timeline import Timeline
from client.view import Buffer, Entry, Mark, Past

_COUNT = 100_000
_ROUNDS = 5
_SIZE = (160, 50)
_START = datetime(2026, 11, 1, tzinfo=UTC)
_TEXT = "a message of the usual length, with a link https://chat.example/some/where in it, so that it is wrapped in most windows"


def measure() -> list[Comparison]:
    """A screen drawn anew after each thing that happens to it; and the whole app while much comes."""
    return asyncio.run(_measure())


async def _measure() -> list[Comparison]:
    timeline = Timeline(_conversation(_COUNT))

    class Alone(App[None]):
        def compose(self) -> ComposeResult:
            yield timeline

    async with Alone().run_test(size=_SIZE) as pilot:
        await pilot.pause()
        screens = Comparison("A screen of the timeline, 160x50, of 100,000 messages", "screen").run(_variants(timeline), 200)
        return [screens, await _flood(timeline)]


async def _flood(timeline: Timeline) -> Comparison:
    """1,000 messages a second, for a second each round: all that the app does about one."""
    result = Comparison("A message, of 1,000 a second, in the running app", "message")
    for _ in range(_ROUNDS):
        for name, rows in (("at the end", 0), ("scrolled back", -200)):
            timeline.show(timeline.buffer)
            timeline.scroll_rows(rows)
            began, count = result.clock(), 0
            until = time.monotonic() + 1
            while time.monotonic() < until and count < 1000:
                for _ in range(10):
                    timeline.buffer.entries.append(_message(timeline.buffer.entries.end))
                    timeline.changed()
                count += 10
                await asyncio.sleep(0.01)
            result.rows.setdefault(name, []).append((result.clock() - began) / count)
    return result


def _variants(timeline: Timeline) -> dict[str, Callable[[], int]]:
    def draw() -> int:
        timeline.redraw()
        timeline.render_lines(timeline.size.region)
        return 1

    def appended(count: int) -> Callable[[], int]:
        def run() -> int:
            for _ in range(count):
                timeline.buffer.entries.append(_message(timeline.buffer.entries.end))
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
