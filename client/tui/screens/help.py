"""All keys and commands, from the tables that they work by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from client.commands import Command
from client.tui.cells import wrap
from client.tui.rows import Row, RowList, Span
from client.tui.screens.dialog import Dialog, box, words

ROOMY = 60  # cells, from which a key and what it does stand in one row
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
    "underscore": "_",
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


def help_rows(keys: Mapping[str, Iterable[BindingType]], commands: Mapping[str, Command], width: int) -> list[Row]:
    """The rows, `width` cells wide: `keys` are groups of bindings by title."""
    rows: list[Row] = []
    for title, bindings in keys.items():
        rows += _table(title, described(bindings), width)
    typed = [(command.usage, command.help) for command in commands.values()]
    return rows + _table("Commands", [*typed, ("//text", "say /text")], width)


def _table(title: str, lines: list[tuple[str, str]], width: int) -> list[Row]:
    column = min(26, max((len(left) for left, _ in lines), default=0))
    rows = [Row([Span(title, "heading")])]
    for left, right in lines:
        if width < ROOMY:
            rows += [Row([Span(left, "key")]), *(Row([Span(f"  {piece.text}")]) for piece in wrap(right, max(width - 2, 10)))]
        elif len(left) > column:
            rows += [Row([Span(left, "key")]), Row([Span(" " * column), Span(f"  {right}")])]
        else:
            rows.append(Row([Span(left.ljust(column), "key"), Span(f"  {right}")]))
    return [*rows, Row([])]


class HelpRows(RowList, can_focus=True):
    """They scroll."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heading", "key"}


class Help(Dialog[None]):
    """Shows them."""

    AUTO_FOCUS = "HelpRows"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1,q", "back", "back")]

    def __init__(self, keys: Mapping[str, Iterable[BindingType]], commands: Mapping[str, Command]) -> None:
        super().__init__()
        self._keys, self._commands = keys, commands

    def compose(self) -> ComposeResult:
        """The list."""
        with box("Keys and commands", id="help"):
            yield HelpRows()
            yield words("↑ ↓ scroll   Esc back", "hint")

    def on_resize(self) -> None:
        """Fill it, as wide as it is."""
        self.query_one(HelpRows).put(help_rows(self._keys, self._commands, min(self.size.width, 72) - 5))
