"""What the switcher finds: conversations, rooms of the server's list, people, commands, and a room by its name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from client.commands import Command
from client.tui.workspace import Place, Workspace
from client.view.texts import name_of
from wire.display import plain
from wire.names import fold, valid_room

MOST_FOUND = 200
MOST_PEOPLE = 500  # of the room in front, who spoke last first
LONGEST_ROOM = 200  # bytes; what the server allows, it says


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Something to go to: a conversation, a room to `join`, somebody to `talk` to, or a `command` to type. `label` and `note` are
    safe to show."""

    label: str
    note: str = ""
    place: Place[Any] | None = None
    join: str = ""
    talk: str = ""
    command: str = ""
    weight: int = 0  # what is heavier comes first


def everything(workspace: Workspace[Any], commands: Mapping[str, Command]) -> list[Found]:
    """All that there is to go to, the most wanted first."""
    titles = {server: workspace.title(server) for server in workspace.servers}
    places = [_place(place, titles) for place in workspace.places() if place.key != workspace.front.key]
    typed = [Found(f"/{name}", command.help, command=name) for name, command in commands.items()]
    return [*sorted(places, key=lambda found: -found.weight), *_listed(workspace), *_people(workspace), *typed]


def _place(place: Place[Any], titles: Mapping[Any, str]) -> Found:
    buffer = place.buffer
    what = f"@{buffer.mentions}" if buffer.mentions else f"{buffer.unread} unread" if buffer.unread else ""
    label = buffer.name or titles[place.server]
    note = f"{what}  {titles[place.server] if len(titles) > 1 and buffer.target else ''}".strip()
    return Found(label, note, place, weight=2 if buffer.mentions else 1 if buffer.unread else 0)


def _listed(workspace: Workspace[Any]) -> list[Found]:
    view = workspace.server.view
    if view.rooms is None:
        return []
    here = {key for key, buffer in view.buffers.items() if buffer.joined}
    rooms = [room for room in view.rooms.rooms if fold(room.name) not in here]
    return [Found(name_of(room.name), f"{room.members} there  {plain(room.topic)}", join=room.name) for room in rooms]


def _people(workspace: Workspace[Any]) -> list[Found]:
    view = workspace.server.view
    others = (nick for nick in islice(view.front.words(), MOST_PEOPLE) if view.find(nick) is None and fold(nick) != fold(view.nick))
    return [Found(name_of(nick), "here: talk in private", talk=nick) for nick in others]


def matching(things: Iterable[Found], typed: str) -> list[Found]:
    """Those that have every part that was typed, in their label first; what begins with it comes before what only has it. A room
    that is none of them may be joined: last of those that have it in their label, but for commands."""
    parts = typed.casefold().split()
    ranked = [(rank, number, found) for number, found in enumerate(things) if (rank := _rank(found, parts)) is not None]
    found = [found for _, _, found in sorted(ranked, key=lambda each: each[:2])[:MOST_FOUND]]
    room = f"#{typed.strip().removeprefix('#')}"
    if not valid_room(room, LONGEST_ROOM) or typed.startswith("/") or any(fold(each.label) == fold(room) for each in found):
        return found
    at = sum(rank < _BY_NOTE and not each.command for rank, _, each in ranked)
    return [*found[:at], Found(name_of(room), "a room that is not listed here", join=room), *found[at:]]


_BY_NOTE = 2


def _rank(found: Found, parts: list[str]) -> int | None:
    label, note = found.label.casefold(), found.note.casefold()
    if all(part in label for part in parts):
        return 0 if not parts or label.lstrip("#/").startswith(parts[0].lstrip("#/")) else 1
    return _BY_NOTE if all(part in label or part in note for part in parts) else None
