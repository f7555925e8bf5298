"""A full-screen client on a session without a network: what happens is fed by hand, what is asked for is recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from textual.events import Key
from textual.keys import _character_to_key
from textual.pilot import Pilot

from client import events as e
from client.address import Address
from client.errors import Trouble
from client.tui.app import ParleyApp
from client.tui.inbox import Inbox
from client.tui.session import Session
from client.tui.settings import Settings
from tests.client.fake_server import PATIENCE
from tests.client.tui.screen import FOLDER, compare, screen_text

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ALL = frozenset(e.Feature)
LOOKS = 50  # until a screen that is not as it was before is a failure


class Recorder:
    """A dialect (`client.dialect.Dialect`) that only remembers what it was asked for, as tuples."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.needs_name = self.needs_password = False
        self.nick = "grace"
        self.full = False

    def say(self, room: str, text: str, kind: e.Kind = e.Kind.MESSAGE, *, reply_to: str = "") -> bool:
        self.calls.append(("say", room, text, reply_to) if reply_to else ("say", room, text))
        return not self.full

    def quote(self, line: str) -> str:
        self.calls.append(("quote", line))
        return line

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.calls.append((name, *args, *(f"{key}={value}" for key, value in more.items() if value)))

        return call

    def did(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]


class FakeLink:
    """A connection that is none."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.trouble: Trouble | None = None
        self.started = self.stopped = False

    def start(self) -> None:
        self.started = True

    def post(self, job: Callable[[], None]) -> None:
        job()

    def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.inbox.ended()

    def join(self, timeout: float | None = None) -> bool:
        return True

    def end(self, trouble: Trouble | None = None) -> None:
        """It ends by itself."""
        self.trouble = trouble
        self.inbox.ended()


class Desk:
    """One server, unless more are added, and the app."""

    def __init__(self, *, rooms: str = "#lobby", servers: tuple[str, ...] = ("chat.example",), account: str = "") -> None:
        self.dialects = [Recorder() for _ in servers]
        self.now = 100.0
        self.sessions = [
            Session(
                Address(host, 6697),
                dialect,  # type: ignore[arg-type]
                rooms,
                FakeLink,
                account=account,
                clock=lambda: NOON,
                monotonic=lambda: self.now,
            )
            for host, dialect in zip(servers, self.dialects, strict=True)
        ]
        self.app = ParleyApp(self.sessions, Settings())
        self.app.may_offer = {session.address: False for session in self.sessions}
        self.pilot: Pilot[None]

    @property
    def session(self) -> Session:
        return self.sessions[0]

    @property
    def dialect(self) -> Recorder:
        return self.dialects[0]

    @property
    def link(self) -> FakeLink:
        assert isinstance(self.session.link, FakeLink)
        return self.session.link

    def run(self, scenario: Callable[[], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> None:
        """Run the app, and in it the scenario."""

        async def run() -> None:
            async with self.app.run_test(size=size) as pilot:
                self.pilot = pilot
                await scenario()

        asyncio.run(run())
        assert self.app.writer.flush(PATIENCE)

    async def happens(self, *events: e.Event, server: int = 0) -> None:
        """These events, and time to take them in."""
        for event in events:
            self.sessions[server].inbox.handle(event)
        await self.until(lambda: not self.sessions[server].inbox.unread)
        await self.settle()

    async def until(self, true: Callable[[], object], what: str = "") -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what or 'it'} did not happen:\n" + "\n".join(self.rows()))
            await asyncio.sleep(0.002)

    async def written(self) -> None:
        """Wait until files hold what they are to hold."""
        await self.until(lambda: self.app.writer.flush(0))
        await self.settle()

    async def settle(self) -> None:
        """Wait until nobody has a message to work on: as `Pilot.pause`, which takes 20 ms at least, many times a test."""
        calm, deadline = 0, time.monotonic() + PATIENCE
        while calm < 5 and not self.app._exit and time.monotonic() < deadline:
            await asyncio.sleep(0.0005)
            calm = 0 if self._busy() else calm + 1

    def _busy(self) -> bool:
        pumps = [self.app, *self.app.screen_stack, *self.app.screen.walk_children()] if self.app.is_running else []
        return self.app.typed.busy or self.app.main.timeline.waits or any(pump.message_queue_size for pump in pumps)

    def rows(self) -> list[str]:
        return screen_text(self.app)

    async def sees(self, *texts: str) -> None:
        """Wait until they are on the screen."""
        for text in texts:
            await self.until(partial(self._has, text), text)

    def _has(self, text: str) -> bool:
        return any(text in row for row in self.rows())

    async def sees_no(self, text: str) -> None:
        """Wait until it is not."""
        await self.until(lambda: not self._has(text), f"no {text}")

    async def shows(self, name: str) -> None:
        """Wait until the screen is as in a file of `snapshots`."""
        for _ in range(LOOKS):
            await asyncio.sleep(0.02)
            if as_in_file(name, self.rows()):
                return
        compare(name, self.rows())

    async def keys(self, *keys: str) -> None:
        """Keys, each taken in before the next."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
            await self.settle()

    async def types(self, text: str) -> None:
        """Keys without a pause between them."""
        for character in text:
            key = character if character.isalnum() else _character_to_key(character)
            self.app.post_message(Key(key, character))
        await self.settle()

    async def greeted(self) -> None:
        """Let in, to a room with three others."""
        await self.happens(
            e.Registered("grace"),
            e.Offers("Example", ALL),
            e.Joined("#lobby", "grace", own=True),
            e.Topic("#lobby", "Cursors, logs and tea"),
            e.Members("#lobby", ("ada", "bob", "carol", "grace"), ("@", "+", "", "")),
            e.CaughtUp("#lobby"),
        )


def said(text: str, nick: str = "ada", room: str = "#lobby", second: int = 0, **more: Any) -> e.Said:
    """A message, with an id."""
    at = datetime(2026, 1, 2, 11, second // 60, second % 60, tzinfo=UTC)
    return e.Said(room, nick, text, at=at, msgid=f"m{second}", **more)


def as_in_file(name: str, rows: list[str]) -> bool:
    """Whether these are the rows of a snapshot."""
    file = FOLDER / f"{name}.txt"
    return file.exists() and file.read_text() == "\n".join(rows) + "\n"


def clean_folders(folder: Path, environment: Callable[[str, str], None]) -> None:
    """Nothing of this computer's is read or written."""
    environment("XDG_CONFIG_HOME", str(folder / "config"))
    environment("XDG_STATE_HOME", str(folder / "state"))
