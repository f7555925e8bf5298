"""What a key sends that Textual does not know, or knows as another."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.keys import Keys

ALT_ENTER = "\x1b\r"


def know_alt_enter() -> None:
    """Most terminals send ESC CR for alt+enter, which Textual takes for enter: for ctrl+j, which breaks a line too, from now on."""
    cast("MutableMapping[str, Any]", ANSI_SEQUENCES_KEYS).setdefault(ALT_ENTER, (Keys.ControlJ,))


def know_alt_digits() -> None:
    """Most terminals send ESC and a digit for alt+digit, which Textual takes for a character of the Mac's keyboard."""
    for digit in "0123456789":
        cast("MutableMapping[str, Any]", ANSI_SEQUENCES_KEYS).pop(f"\x1b{digit}", None)
