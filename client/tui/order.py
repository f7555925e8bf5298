"""Keys, one after the other.

Textual gives a key to the widget that has the focus, and most of what a key leads to (a dialog that opens or closes, the focus
that moves, Enter in an input) happens some messages later. Keys that come in a burst, as they do over a slow link, would go to the
widget that had the focus at the first of them: a message would be typed into a dialog, half a password into the room. So a key is
given only once all that the one before has led to has happened. Letters that are typed into a text need no such wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from textual.app import App
from textual.events import Event, Key
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

ROUNDS = 8  # at most, through all whom a key may concern
QUIET = 2  # rounds in which the focus stays: a message that leads to another (Enter to "submitted") takes one more
LOOK_S = 0.02  # between two looks whether a widget that is to answer is gone
PATIENCE_S = 1.0  # for one of them: whatever hangs, keys go on
MOST_WAITING = 100_000  # keys; nobody types ahead more than that


class InOrder:
    """Gives events to `handle`, each once the one before has been dealt with. In `texts` letters lead to nothing but themselves."""

    def __init__(
        self,
        app: App[Any],
        handle: Callable[[Event], Awaitable[None]],
        failed: Callable[[Exception], None],
        texts: tuple[type[Widget], ...] = (),
    ) -> None:
        self._app = app
        self._texts = texts
        self._handle = handle
        self._failed = failed
        self._waiting: deque[Event] = deque(maxlen=MOST_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._in_text = False  # what was given last was a letter of a text

    @property
    def busy(self) -> bool:
        """Whether something that was typed has not been dealt with."""
        return self._task is not None

    def put(self, event: Event) -> None:
        """Take it, in its turn."""
        self._waiting.append(event)
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                event = self._waiting.popleft()
                # Before it, not after the last one: then nothing is held up where there is no key, and people are slow.
                if not (self._in_text and self._is_letter(event)):
                    await self._settled()
                self._in_text = self._is_letter(event)
                await self._handle(event)
        except Exception as error:
            self._failed(error)
        finally:
            self._task = None

    def _is_letter(self, event: Event) -> bool:
        """Whether it does nothing but stand in the text behind the one before."""
        focused = self._where()[1]
        return isinstance(event, Key) and event.is_printable and isinstance(focused, self._texts) and focused.display

    async def _settled(self) -> None:
        """Wait until all that is under way has happened, and has moved the focus where it belongs."""
        quiet = 0
        for _ in range(ROUNDS):
            before = self._where()
            for pump in list(self._concerned()):
                await self._through(pump)
            quiet = quiet + 1 if self._where() == before else 0
            if quiet == QUIET:
                return

    def _where(self) -> tuple[Screen[Any] | None, Widget | None]:
        return (self._app.screen, self._app.focused) if self._app.screen_stack else (None, None)

    def _concerned(self) -> Iterator[MessagePump]:
        """Who has the focus, who has it inside, and the app."""
        screen, focused = self._where()
        if focused is not None:
            yield from focused.ancestors_with_self
        elif screen is not None:
            yield screen
            yield self._app

    async def _through(self, pump: MessagePump) -> None:
        """Wait until `pump` has dealt with all that it has been given."""
        loop = asyncio.get_running_loop()
        done, until = loop.create_future(), loop.time() + PATIENCE_S

        def pass_by() -> None:
            if not done.done():
                done.set_result(None)

        if not pump.is_running or not pump.call_later(pass_by):
            return
        while not done.done() and pump.is_running and loop.time() < until:
            await asyncio.wait([done], timeout=LOOK_S)
        done.cancel()
