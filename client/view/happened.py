"""What everything but messages leads to: who is where, what rooms are about, how the connection is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from client import events as e
from client.view.buffer import Buffer, Later, Past
from client.view.entry import Entry, Mark
from client.view.presence import Moves, Presence
from client.view.texts import LONGEST_NAME, bounded, name_of
from wire.display import plain
from wire.names import fold, is_room

if TYPE_CHECKING:
    from client.view.view import View

MOST_TYPING = 20
MOST_LATER = 8  # events that wait while a room's history is read
MOST_LISTED = 5000  # rooms of a server
TYPES_FOR = timedelta(seconds=6)  # https://ircv3.net/specs/client-tags/typing
PAUSES_FOR = timedelta(seconds=30)


def told(view: View, event: e.Event) -> list[Entry]:
    """An event that is no more than a line, in the room that it is about."""
    line = view.line(event, getattr(event, "room", ""))
    return [view.keep(line)] if line.text else []


def shown(view: View, event: e.Event) -> list[Entry]:
    """An event that is a line only for front ends that print."""
    line = view.line(event, getattr(event, "room", ""))
    return [line] if line.text else []


def _told_later(view: View, event: e.Joined | e.Parted | e.Topic | e.ModeSet) -> list[Entry]:
    """As `told`; while the room's history is read it waits for that, which is older."""
    buffer = view.find(event.room)
    waits = buffer is not None and not event.replayed and _waits(view, buffer, event)
    return [] if waits else told(view, event)


def _waits(view: View, buffer: Buffer, event: Later) -> bool:
    if buffer.entering is not None and len(buffer.entering) < MOST_LATER:
        buffer.entering.append(event)
        return True
    entered(view, buffer)
    return False


def entered(view: View, buffer: Buffer) -> list[Entry]:
    """Its history has been read: what waited for that."""
    waited, buffer.entering = buffer.entering or [], None
    lines: list[Entry] = []
    for event in waited:
        if isinstance(event, e.Topic | e.ModeSet) or (isinstance(event, e.Joined | e.Parted) and event.own) or _is_kick(event):
            lines += told(view, event)
        else:
            _merge(view, view.line(event).at, event, buffer)
    return lines


def _is_kick(event: e.Event) -> bool:
    return isinstance(event, e.Parted) and event.by != ""


def _answer(view: View, event: e.Info | e.LoggedIn | e.LoginRefused) -> list[Entry]:
    line = view.line(event, view.answers_in())
    return [view.keep(line)] if line.text else []


def _failed(view: View, event: e.Failed) -> list[Entry]:
    """In the room that it is about: servers name that first ("#dev: you are banned"), where the event does not say."""
    room = event.room or event.text.partition(": ")[0]
    known = is_room(room) and view.find(room) is not None
    line = view.line(event, room if known else view.answers_in())
    return [view.keep(line)] if line.text else []


# --- the connection ---


def _registered(view: View, event: e.Registered) -> list[Entry]:
    view.nick, view.online = event.nick, True
    view.resumed = view.resumed or event.again
    view.changed.buffers = True
    for buffer in view.buffers.values():
        _ask_again(buffer)
    return told(view, event)


def _ask_again(buffer: Buffer) -> None:
    """Another connection may give the history that this one did not."""
    if buffer.past in (Past.ASKED, Past.FULL):
        buffer.past = Past.FULL if buffer.entries.dropped else Past.MORE


def _lost(view: View, event: e.Lost) -> list[Entry]:
    view.online = False
    view.changed.buffers = True
    lines: list[Entry] = []
    for buffer in list(view.buffers.values()):
        buffer.joined = False
        buffer.typing.clear()
        _ask_again(buffer)
        lines += entered(view, buffer)
    return [*lines, *told(view, event)]


def _offers(view: View, event: e.Offers) -> list[Entry]:
    view.network, view.features = name_of(event.network), event.features
    view.changed.buffers = True
    return []


def _logged_in(view: View, event: e.LoggedIn) -> list[Entry]:
    view.account = name_of(event.account)
    return _answer(view, event)


def _listed(view: View, event: e.Listed) -> list[Entry]:
    rooms = [room for room in event.rooms if name_of(room.name) == room.name]  # others could not be typed either
    kept = tuple(room._replace(topic=bounded(plain(room.topic))) for room in rooms[:MOST_LISTED])
    view.rooms = e.Listed(kept, event.more or len(rooms) > MOST_LISTED)
    view.changed.buffers = True
    return []


# --- who is where ---


def _joined(view: View, event: e.Joined) -> list[Entry]:
    if event.replayed:
        return []
    buffer = view.buffer(event.room) if event.own else view.find(event.room)
    if buffer is None:
        return shown(view, event)
    if view.spare_members(buffer) > len(buffer.members):
        buffer.members.put(event.nick)
    _members_changed(view, buffer)
    if event.own:
        buffer.joined = True
        buffer.entering = buffer.entering or []
        view.changed.buffers = True
        return _told_later(view, event)
    return _moved(view, event, [buffer], event.room)


def _parted(view: View, event: e.Parted) -> list[Entry]:
    if event.replayed:
        return told(view, event) if event.by else []
    buffer = view.find(event.room)
    if buffer is None:
        return shown(view, event)
    buffer.members.remove(event.nick)
    buffer.typing.pop(fold(event.nick), None)
    if event.own:
        buffer.joined = False
        buffer.members.replace((), ())
        view.changed.buffers = True
    _members_changed(view, buffer)
    if not (event.own or event.by):
        return _moved(view, event, [buffer], event.room)
    return [*entered(view, buffer), *told(view, event)] if event.own else _told_later(view, event)


def _gone(view: View, event: e.Gone) -> list[Entry]:
    if event.replayed:
        return []
    buffers = _with_dialogue(view, event.rooms, event.nick)
    for buffer in buffers:
        buffer.typing.pop(fold(event.nick), None)
        if buffer.members.remove(event.nick):
            _members_changed(view, buffer)
    return _moved(view, event, buffers)


def _renamed(view: View, event: e.Renamed) -> list[Entry]:
    if event.replayed:
        return []
    if event.own:
        view.nick = event.new
    elif (dialogue := view.find(event.old)) is not None:
        _rename_dialogue(view, dialogue, event.new)
    buffers = _with_dialogue(view, event.rooms, event.new)
    for buffer in buffers:
        buffer.typing.pop(fold(event.old), None)
        if (known := buffer.members.remove(event.old)) is not None or event.own:
            buffer.members.put(event.new, known.ranks if known else "", away=known.away if known else False)
            _members_changed(view, buffer)
    if not event.own:
        return _moved(view, event, buffers)
    for buffer in buffers:
        view.keep(view.line(event, buffer.target))
    return shown(view, event)


def _rename_dialogue(view: View, buffer: Buffer, new: str) -> None:
    """It goes on under the new nick, unless there is one already."""
    old = fold(buffer.target)
    if not buffer.is_dialogue or (fold(new) != old and view.find(new) is not None):
        return
    del view.buffers[old]
    view.changed.forget(old)
    buffer.target, buffer.name = new, name_of(new)
    view.buffers[fold(new)] = buffer
    view.changed.buffers = True
    view.touched(buffer)


def _with_dialogue(view: View, rooms: Iterable[str], nick: str) -> list[Buffer]:
    """The buffers of these rooms that there are, and the one with `nick`."""
    found = {id(buffer): buffer for name in (*rooms, nick) if name and (buffer := view.find(name)) is not None}
    return list(found.values())


def _moved(view: View, event: Moves, buffers: list[Buffer], room: str = "") -> list[Entry]:
    """A line in each of these buffers, merged with the one before; a line of its own to print."""
    line = view.line(event, room)
    for buffer in buffers:
        if buffer.entering is None or not _waits(view, buffer, event):
            _merge(view, line.at, event, buffer)
    return [line]


def _merge(view: View, at: datetime, event: Moves, buffer: Buffer) -> None:
    group, entries = buffer.presence, buffer.entries
    last = group is not None and group.number == entries.end - 1 and group.number >= entries.first
    if group is not None and last and not group.full and entries[group.number].at.date() == at.date():
        entries.change(group.number, text=bounded(group.add(event)))
        view.touched(buffer)
    else:
        buffer.presence = Presence(entries.end)
        view.keep(Entry(at, buffer.target, Mark.INFO, bounded(buffer.presence.add(event))))


def _members(view: View, event: e.Members) -> list[Entry]:
    if (buffer := view.find(event.room)) is not None:
        buffer.members.replace(event.names[: view.spare_members(buffer)], event.ranks)
        _members_changed(view, buffer)
    return shown(view, event)


def _ranked(view: View, event: e.Ranked) -> list[Entry]:
    buffer = view.find(event.room)
    if buffer is not None and (known := buffer.members.get(fold(event.nick))) is not None:
        buffer.members.put(event.nick, event.ranks, away=known.away)
        _members_changed(view, buffer)
    return []


def _away(view: View, event: e.Away) -> list[Entry]:
    for buffer in _with_dialogue(view, event.rooms, ""):
        if (member := buffer.members.get(fold(event.nick))) is not None:
            member.away = event.text is not None
            _members_changed(view, buffer)
    return []


def _members_changed(view: View, buffer: Buffer) -> None:
    view.changed.members.add(fold(buffer.target))


# --- rooms ---


def _topic(view: View, event: e.Topic) -> list[Entry]:
    buffer = view.find(event.room)
    if buffer is not None and not event.replayed:
        buffer.topic = bounded(plain(event.text))
        view.changed.buffers = True
    return _told_later(view, event) if event.by and buffer is not None else shown(view, event)


def _typing(view: View, event: e.Typing) -> list[Entry]:
    buffer = view.find(event.room)
    if buffer is None:
        return []
    now, key = view.clock(), fold(event.nick[:LONGEST_NAME])
    buffer.typing = {k: (nick, until) for k, (nick, until) in buffer.typing.items() if until > now and k != key}
    if not event.done and len(buffer.typing) < MOST_TYPING:
        buffer.typing[key] = (name_of(event.nick), now + (TYPES_FOR if event.active else PAUSES_FOR))
    view.changed.typing.add(fold(buffer.target))
    return []


def _invited(view: View, event: e.Invited) -> list[Entry]:
    line = view.keep(view.line(event))
    view.changed.alert(line)
    return [line]


TAKES: dict[type[e.Event], Callable[[View, Any], list[Entry]]] = {
    e.Away: _away,
    e.Failed: _failed,
    e.Info: _answer,
    e.Gone: _gone,
    e.Invited: _invited,
    e.Joined: _joined,
    e.Listed: _listed,
    e.LoggedIn: _logged_in,
    e.LoginRefused: _answer,
    e.Lost: _lost,
    e.Members: _members,
    e.ModeSet: _told_later,
    e.Offers: _offers,
    e.Parted: _parted,
    e.Ranked: _ranked,
    e.Registered: _registered,
    e.Renamed: _renamed,
    e.Topic: _topic,
    e.Typing: _typing,
}
