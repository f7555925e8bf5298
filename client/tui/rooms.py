"""The list at the left: servers, their rooms and dialogues, what is unread there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from client.tui.cells import cell_len, shown
from client.tui.rows import Row, RowList, Span
from client.tui.session import Session
from client.tui.workspace import Place, Workspace
from client.view import Buffer, View

MOST_SHOWN = 99  # unread
COUNT = 5  # cells


def outside(view: View, buffer: Buffer) -> bool:
    """Whether we are not in a room. The plain dialect has one room, and tells of none: there we are in it."""
    tells = bool(view.features) or any(each.joined for each in view.buffers.values())
    return tells and bool(buffer.target) and not buffer.is_dialogue and not buffer.joined


def _count(number: int) -> str:
    return f"{number}" if number <= MOST_SHOWN else f"{MOST_SHOWN}+"


def _unread(buffer: Buffer) -> list[Span]:
    if buffer.mentions:
        return [Span(f" @{_count(buffer.mentions)} ", "mention")]
    if buffer.unread:
        return [Span(f" {_count(buffer.unread)} ", "quiet" if buffer.muted else "unread")]
    return [Span(" ")]


def connection_mark(session: Session) -> Span:
    """A sign for the state of a connection."""
    if session.ended:
        return Span("✕", "broken")
    return Span("●", "up") if session.view.online else Span("○", "broken" if session.lost else "quiet")


def _heading(place: Place[Session], title: str, front: bool) -> Row:
    name = Span(f" {title}", "heading")
    return Row([Span(" "), connection_mark(place.server), name], _unread(place.buffer), "front" if front else "row")


def _room(place: Place[Session], front: bool) -> Row:
    buffer = place.buffer
    calls = buffer.unread and not buffer.muted
    look = "calls" if calls else "quiet" if outside(place.server.view, buffer) else "row"
    label = Span(f"{place.number:>2} " if place.number < 10 else "   ", "quiet")
    return Row([label, Span(buffer.name, look)], _unread(buffer), "front" if front else "row")


def room_rows(workspace: Workspace[Session]) -> tuple[list[Row], list[Place[Session]], int]:
    """The rows, the conversation in each, and the number of the one in front."""
    rows, here = [], workspace.front.key
    places = workspace.places()
    for place in places:
        front = place.key == here
        if place.is_server:
            rows.append(_heading(place, workspace.title(place.server), front))
        else:
            rows.append(_room(place, front))
    keys = [place.key for place in places]
    return rows, places, keys.index(here) if here in keys else 0


def width_for(rows: Sequence[Row]) -> int:
    """Cells for the longest name and a count beside it, whether there is one now or not: what is read must not move for it."""
    return max(
        sum(cell_len(shown(text)) for text, _ in row.left) + (1 if row.left[-1].look == "heading" else COUNT) for row in rows
    )


class Rooms(RowList):
    """Shows a workspace."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"front", "heading", "mention", "unread", "quiet", "calls", "up", "broken"}

    def __init__(self, workspace: Workspace[Session]) -> None:
        super().__init__(id="rooms")
        self._workspace = workspace
        self._places: list[Place[Session]] = []
        self._front: tuple[int, str] | None = None

    def sync(self) -> None:
        """Show what there is now."""
        rows, self._places, front = room_rows(self._workspace)
        self.put(rows)
        self.styles.width = width_for(rows)  # within the bounds of the style sheet
        if self._front != self._workspace.front.key:
            self._front = self._workspace.front.key
            self.bring(front)

    def place(self, number: int) -> Place[Session]:
        """The conversation in a row."""
        return self._places[number]
