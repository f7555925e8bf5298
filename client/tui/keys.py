"""What a key sends that Textual does not know, or knows as another."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any, NamedTuple, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.keys import Keys

ALT_ENTER = "\x1b\r"


def know_alt_enter() -> None:
    """Most terminals send ESC CR for alt+enter, which Textual takes for enter: for ctrl+j, which breaks a line too, from now on."""
    cast("MutableMapping[str, Any]", ANSI_SEQUENCES_KEYS).setdefault(ALT_ENTER, (Keys.ControlJ,))


class _Key(NamedTuple):
    """A key, as Textual's table has it."""

    value: str


def know_alt(keys: Iterable[str]) -> None:
    """Terminals send ESC and the character for alt+character. Textual waits 0.1 s for more, and takes some digits for what a Mac's
    keyboard has there (alt+2 for ™)."""
    for key in keys:
        cast("MutableMapping[str, Any]", ANSI_SEQUENCES_KEYS)[f"\x1b{key}"] = (_Key(f"alt+{key}"),)
