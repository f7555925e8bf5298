"""How somebody is called who looks elsewhere: the terminal's bell, and the desktop's notification by OSC 9.

https://iterm2.com/documentation-escape-codes.html (OSC 9). All that is said is who and where; what was said stays here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum

from client.view import Entry
from client.view.texts import name_of
from wire.display import plain

BELL = "\a"
APART = 3.0  # seconds, at least
LONGEST = 60  # characters of a name
_UNSAFE = re.compile(r"[^\w#&+\-.\[\]{}|^`~@' ]")


class Notify(Enum):
    """The choices."""

    BELL = "bell"
    OSC9 = "osc9"
    BOTH = "both"
    NONE = "none"


def call_sign(text: str) -> str:
    """A name, of letters, digits and a few signs only: nothing in it can end or begin a control sequence."""
    return "".join(c for c in _UNSAFE.sub("", plain(text)) if c.isprintable())[:LONGEST]


def call_text(entry: Entry) -> str:
    """What a notification says."""
    who, where = call_sign(entry.nick), call_sign(name_of(entry.room))
    return f"{who} in {where}" if entry.room.startswith("#") else f"{who} writes to you"


def osc9(text: str) -> str:
    """The control sequence."""
    return f"\x1b]9;{call_sign(text)}\x1b\\"


class Notifier:
    """Calls, but not all the time. `write` takes what goes to the terminal; `clock` gives seconds."""

    def __init__(
        self, write: Callable[[str], object], clock: Callable[[], float], how: Notify, environment: Mapping[str, str]
    ) -> None:
        self._write = write
        self._clock = clock
        self.how = how
        # tmux passes OSC 9 on to nobody (unless it was told to, and then in a sequence of its own): its bell it does pass on
        self._in_tmux = bool(environment.get("TMUX")) or environment.get("TERM", "").startswith(("tmux", "screen"))
        self._due = float("-inf")

    def call(self, entry: Entry) -> bool:
        """Somebody meant us; whether that was said aloud."""
        now = self._clock()
        if self.how is Notify.NONE or now < self._due:
            return False
        self._due = now + APART
        rings = self.how is not Notify.OSC9 or self._in_tmux
        shows = self.how in (Notify.OSC9, Notify.BOTH) and not self._in_tmux
        self._write((osc9(call_text(entry)) if shows else "") + (BELL if rings else ""))
        return True
