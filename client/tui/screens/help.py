"""All keys and commands, from the tables that they work by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from client.commands import Command
from client.tui.rows import Row, RowList, Span
from client.tui.screens.dialog import Dialog, box, words

_NAMES = {
    "pageup": "page up",
    "pagedown": "page down",
    "escape": "Esc",
    "enter": "Enter",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "tab": "Tab",
    "home": "Home",
    "end": "End",
}


def key_name(key: str) -> str:
    """A key of a binding as people write it: "ctrl+k" is Ctrl+K."""
    *modifiers, last = key.split("+")
    name = _NAMES.get(last) or (last.upper() if len(last) == 1 or last.startswith("f") else last)
    return "+".join([*(modifier.capitalize() for modifier in modifiers), name])


def described(bindings: Iterable[BindingType]) -> list[tuple[str, str]]:
    """Keys and what they do, in order; those that do the same (but for a number) together."""
    found: dict[str, list[str]] = {}
    for binding in bindings:
        assert isinstance(binding, Binding)
        if binding.description:
            found.setdefault(binding.description, []).extend(key_name(key) for key in binding.key.split(","))
    return [(_together(keys), what) for what, keys in found.items()]


def _together(keys: list[str]) -> str:
    return f"{keys[0]} … {keys[-1].rpartition('+')[2]}" if len(keys) > 4 else ", ".join(keys)


def help_rows(keys: Mapping[str, Iterable[BindingType]], commands: Mapping[str, Command]) -> list[Row]:
    """The rows: `keys` are groups of bindings by title."""
    rows: list[Row] = []
    for title, bindings in keys.items():
        rows += _table(title, described(bindings))
    rows += _table("Commands", [(command.usage, command.help) for command in commands.values()] + [("//text", "say /text")])
    return rows


def _table(title: str, lines: list[tuple[str, str]]) -> list[Row]:
    width = min(26, max((len(left) for left, _ in lines), default=0))
    rows = [Row([Span(left.ljust(width), "key"), Span(f"  {right}")]) for left, right in lines]
    return [Row([Span(title, "heading")]), *rows, Row([])]


class HelpRows(RowList, can_focus=True):
    """They scroll."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heading", "key"}


class Help(Dialog[None]):
    """Shows them."""

    AUTO_FOCUS = "HelpRows"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1,q", "back", "back")]

    def __init__(self, keys: Mapping[str, Iterable[BindingType]], commands: Mapping[str, Command]) -> None:
        super().__init__()
        self._rows = help_rows(keys, commands)

    def compose(self) -> ComposeResult:
        """The list."""
        with box("Keys and commands", id="help"):
            yield HelpRows()
            yield words("↑ ↓ scroll   Esc back", "hint")

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one(HelpRows).put(self._rows)
