"""What messages lead to, and what becomes of them: reactions, redactions, what has been read, the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from client import events as e
from client.view.buffer import Buffer, Past
from client.view.entry import Entry, Mark
from client.view.happened import entered, told
from client.view.pending import LONGEST_ID
from client.view.texts import bounded, excerpt, name_of, said_text
from client.view.times import local
from wire.display import plain
from wire.names import fold

if TYPE_CHECKING:
    from client.view.view import View

MOST_REACTIONS = 20  # different ones to one message
MOST_REACTING = 100  # people with one
MOST_PENDING = 10_000  # reactions and redactions that wait for their messages, of all buffers together
MOST_WAITING = 100  # texts of ours that are shown while they are not stored yet

_MARKS = {e.Kind.MESSAGE: Mark.MESSAGE, e.Kind.NOTICE: Mark.NOTICE, e.Kind.ACTION: Mark.ACTION}


def _entry(view: View, said: e.Said) -> Entry:
    text = said_text(said.text)
    return Entry(
        local(said.at, view.clock()),
        said.room,
        _MARKS[said.kind],
        text,
        name_of(said.nick),
        said.own,
        said.msgid if len(said.msgid) <= LONGEST_ID else "",
        mention=not said.own and (view.means_us(text) or _answers_us(view, said)),
        account=name_of(said.account),
        bot=said.bot,
        replayed=said.replayed,
        reply_to=said.reply_to if len(said.reply_to) <= LONGEST_ID else "",
    )


def _answers_us(view: View, said: e.Said) -> bool:
    buffer = view.find(said.room)
    number = buffer.entries.find(said.reply_to) if buffer is not None else None
    return buffer is not None and number is not None and buffer.entries[number].own


def _is_here(buffer: Buffer, entry: Entry) -> bool:
    """Whether we have this message. A server whose ids start over gives old ids to new words: these are other messages."""
    number = buffer.entries.find(entry.msgid)
    if number is None:
        return False
    known = buffer.entries[number]
    return fold(known.nick) == fold(entry.nick) and (known.text == entry.text or known.redacted is not None)


def _said(view: View, said: e.Said) -> list[Entry]:
    buffer, entry = view.buffer(said.room), _entry(view, said)
    if _is_here(buffer, entry):
        return []
    before = entered(view, buffer) if _is_after(said, buffer) else []
    if not said.own:
        buffer.spoke(said.nick)
        if buffer.typing.pop(fold(said.nick), None):
            view.changed.typing.add(fold(buffer.target))
    view.keep(entry)
    number = buffer.entries.end - 1
    _late(view, buffer, [entry.msgid])
    after_break = buffer.caught_up or (buffer.is_dialogue and view.resumed)
    if _is_news(buffer, entry, after_break):
        buffer.count(entry, number)
        view.changed.buffers = True
        unseen = buffer is not view.front or not view.attended
        if buffer.means_us(entry) and unseen and not buffer.muted and (after_break or not entry.replayed):
            view.changed.alert(entry)
    return [*before, entry]


def _is_after(said: e.Said, buffer: Buffer) -> bool:
    """Whether it was said after we came in, of which nothing is shown yet."""
    came = buffer.entering[0].at if buffer.entering else None
    return not said.replayed or (came is not None and said.at is not None and said.at > came)


def _is_news(buffer: Buffer, entry: Entry, after_break: bool) -> bool:
    if entry.own:
        return False
    if entry.replayed and buffer.marker is not None:
        return entry.at > buffer.marker
    return after_break or not entry.replayed


# --- reactions and redactions ---


def _about(view: View, event: e.Reacted | e.Redacted, *, older: bool = False) -> tuple[Buffer, int] | None:
    """The message that it is about; None where it has to wait for that."""
    buffer = view.find(event.room)
    if buffer is None:
        return None
    number = buffer.entries.find(event.msgid)
    if number is None:
        if view.waiting_changes < MOST_PENDING:
            buffer.pending.put(replace(event, room=buffer.target), older=older)
        return None
    view.touched(buffer)
    return buffer, number


def _reacted(view: View, event: e.Reacted, *, older: bool = False) -> list[Entry]:
    found = _about(view, event, older=older)
    if found is None:
        return []
    buffer, number = found
    entry, nick, reaction = buffer.entries[number], name_of(event.nick), name_of(event.reaction)
    before = entry.reactions.get(reaction, ())
    if not reaction or entry.redacted is not None or (nick in before) is not event.removed:
        return []
    after = tuple(n for n in before if n != nick) if event.removed else (*before, nick)
    if len(after) > MOST_REACTING or (not before and len(entry.reactions) >= MOST_REACTIONS):
        return []
    others = {each: who for each, who in entry.reactions.items() if each != reaction or after}
    buffer.entries.change(number, reactions={**others, reaction: after} if after else others)
    who = "you" if event.own else nick
    what = f"{who} took back {reaction}" if event.removed else f"{who} reacted with {reaction}"
    return _row(view, buffer, event.replayed, f"{what} to {_named(entry)}")


def _redacted(view: View, event: e.Redacted, *, older: bool = False) -> list[Entry]:
    found = _about(view, event, older=older)
    if found is None:
        return []
    buffer, number = found
    entry = buffer.entries[number]
    if entry.redacted is not None:
        return []
    by = name_of(event.by)
    why = f" ({bounded(plain(event.reason))})" if event.reason else ""
    who = "you" if fold(event.by) == fold(view.nick) else by
    what = f": {excerpt(entry.text)}" if fold(event.by) == fold(entry.nick) else f" {_named(entry)}"
    row = _row(view, buffer, event.replayed, f"{who} took back{what}{why}")
    buffer.entries.change(number, text="", reactions={}, redacted=by + why)
    return row


def _named(entry: Entry) -> str:
    return f"{entry.nick}: {excerpt(entry.text)}" if entry.nick else excerpt(entry.text)


def _row(view: View, buffer: Buffer, replayed: bool, text: str) -> list[Entry]:
    """A line for front ends that print, about something that happens now."""
    return [] if replayed else [Entry(view.clock(), buffer.target, Mark.INFO, bounded(text))]


def _late(view: View, buffer: Buffer, msgids: list[str]) -> None:
    """What waited for these messages happens to them now."""
    for msgid in msgids:
        for event in buffer.pending.take(msgid):
            _reacted(view, event) if isinstance(event, e.Reacted) else _redacted(view, event)


# --- the history, and what has been read of it ---


def _older(view: View, event: e.Older) -> list[Entry]:
    buffer = view.find(event.room)
    if buffer is None:
        return []
    page = _page(view, buffer, event.events)
    fits = buffer.entries.prepend(page)
    for each in event.events:
        if isinstance(each, e.Reacted) and not view.ignores(each):
            _reacted(view, each, older=True)
        elif isinstance(each, e.Redacted):
            _redacted(view, each, older=True)
    _late(view, buffer, [entry.msgid for entry in page])
    buffer.past = Past.START if event.start else Past.MORE
    if event.failed or not fits:
        buffer.past = Past.FULL
    view.touched(buffer)
    view.bound()
    why = bounded(plain(event.failed))
    return [view.keep(Entry(view.clock(), buffer.target, Mark.ERROR, f"no older messages: {why}"))] if why else []


def _page(view: View, buffer: Buffer, events: tuple[e.Event, ...]) -> list[Entry]:
    """The entries of a page: messages that are not here yet, and what else is shown at its time."""
    page: list[Entry] = []
    seen: set[str] = set()
    for event in events:
        entry = None
        if isinstance(event, e.Said):
            entry = _entry(view, event)
            if view.ignores(event) or _is_here(buffer, entry) or entry.msgid in seen:
                continue
            seen.add(entry.msgid or " ")
        elif isinstance(event, e.ModeSet) or (isinstance(event, e.Parted | e.Topic) and event.by):
            entry = view.line(event)
        if entry is not None:
            entry.room, entry.replayed = buffer.target, True
            page.append(entry)
    return page


def _read_up_to(view: View, event: e.ReadUpTo) -> list[Entry]:
    buffer = view.find(event.room)
    if buffer is None or event.at is None:
        return []
    at = local(event.at, view.clock())
    if buffer.marker is None or at > buffer.marker:
        buffer.recount(at)
        view.changed.buffers = True
    return []


def _caught_up(view: View, event: e.CaughtUp) -> list[Entry]:
    buffer = view.find(event.room)
    if buffer is not None:
        buffer.caught_up = True
        return [*entered(view, buffer), *told(view, event)]
    return told(view, event)


def _sending(view: View, event: e.Sending) -> list[Entry]:
    buffer = view.buffer(event.room) if event.texts else view.find(event.room)
    if buffer is None:
        return []  # a room that was closed meanwhile does not come back for that
    buffer.waiting = tuple(said_text(text) for text in event.texts[:MOST_WAITING])
    view.touched(buffer)
    return []


TAKES: dict[type[e.Event], Callable[[View, Any], list[Entry]]] = {
    e.CaughtUp: _caught_up,
    e.Older: _older,
    e.Reacted: _reacted,
    e.ReadUpTo: _read_up_to,
    e.Redacted: _redacted,
    e.Said: _said,
    e.Sending: _sending,
}
