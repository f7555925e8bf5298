"""What the entries of a room's log are, as events: the same for what happens and for what the history brings.

https://ircv3.net/specs/client-tags/reply, https://ircv3.net/specs/client-tags/react,
https://ircv3.net/specs/extensions/message-redaction and, for what is no message, https://ircv3.net/specs/extensions/chathistory
("event-playback"). Tags count with and without `draft/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from client.discretion import is_service, masked
from client.events import (
    Event,
    Gone,
    Joined,
    Kind,
    ModeSet,
    Parted,
    Reacted,
    Redacted,
    Renamed,
    Said,
    Topic,
)
from client.history import LONGEST_NICK, Item, Room
from client.irc.deeds import IDENT
from client.irc.sending import ACTION
from client.irc.session import LONGEST_ID, Session, time_of
from client.irc.support import SIGNS
from wire.message import Message

LONGEST_REACTION = 64  # characters


def tag(message: Message, *names: str) -> str:
    """The value of the first of these client-only tags that is there, with or without `draft/`."""
    for name in names:
        for key in (f"+draft/{name}", f"+{name}"):
            if key in message.tags:
                return message.tags[key]
    return ""


def reply_of(message: Message) -> str:
    """The msgid that a message answers, "" where it answers none or that is out of all measure."""
    msgid = tag(message, "reply")
    return msgid if len(msgid) <= LONGEST_ID else ""


def account_of(message: Message) -> str:
    """Who sent it, by their account. https://ircv3.net/specs/extensions/account-tag"""
    return message.tags.get("account", "")[:LONGEST_NICK]


def said(session: Session, message: Message, *, replayed: bool) -> Said | None:
    """A PRIVMSG or NOTICE; None where it says nothing that is shown."""
    target, text = message.param(0).lstrip(SIGNS), message.param(1)
    nick, kind = message.nick, Kind.NOTICE if message.command == "NOTICE" else Kind.MESSAGE
    if text.startswith("\x01"):
        if kind is Kind.NOTICE or not text.startswith(ACTION):
            return None  # other CTCP requests: nothing that we answer or show
        kind, text = Kind.ACTION, text.removeprefix(ACTION).removesuffix("\x01")
    if not nick or not target:
        return None
    own = IDENT in message.tags or session.is_me(nick) or session.outbox.doubts(nick, target, text, kind)
    if own and is_service(target):
        text = masked(text)
    return Said(
        session.place_of(message, own=own),
        nick,
        text,
        kind,
        time_of(message),
        message.tags.get("msgid", ""),
        own,
        replayed,
        reply_of(message),
        account_of(message),
        "bot" in message.tags,
    )


def reacted(session: Session, message: Message, *, replayed: bool) -> Reacted | None:
    """A TAGMSG with a reaction; None where there is none in it."""
    added, msgid = tag(message, "react"), reply_of(message)
    reaction = (added or tag(message, "unreact"))[:LONGEST_REACTION]
    own = IDENT in message.tags or session.is_me(message.nick)
    room = session.place_of(message, own=own)
    if not (reaction and msgid and message.nick and room):
        return None
    return Reacted(room, msgid, message.nick, reaction, removed=not added, own=own, replayed=replayed)


def redacted(session: Session, message: Message, *, replayed: bool) -> Redacted | None:
    """A REDACT; None where it lacks what it needs."""
    room, msgid = session.place_of(message, own=session.is_me(message.nick)), message.param(1)
    return Redacted(room, msgid, message.nick, message.param(2), replayed) if room and 0 < len(msgid) <= LONGEST_ID else None


def past(session: Session, message: Message, room: Room) -> Item | None:
    """An entry of a room's history; None where it is nothing that we show."""
    event = _past(session, message, room)
    return as_item(event, message) if event is not None else None


def as_item(event: Event, message: Message) -> Item:
    """An event with its place in the log."""
    return Item(event, message.tags.get("msgid", ""), time_of(message), message.tags.get(IDENT))


def is_of_server(message: Message) -> bool:
    """Whether a NOTICE is the server's own word."""
    return "!" not in message.source and not is_service(message.nick)


def _in(room: Room, event: Said | Reacted | Redacted | None) -> Event | None:
    """The other one of a dialogue may have had another nick then, and so may we."""
    return event and replace(event, room=room.name)


def joining_account(message: Message) -> str:
    """Of a JOIN. "`*` if the user is not logged in": https://ircv3.net/specs/extensions/extended-join"""
    account = message.param(1) if len(message.params) > 2 else account_of(message)
    return "" if account == "*" else account[:LONGEST_NICK]


def _past(session: Session, message: Message, room: Room) -> Event | None:
    if message.command == "NOTICE" and is_of_server(message):
        return None
    of_log = _OF_LOG.get(message.command)
    if of_log is not None:
        return _in(room, of_log(session, message, replayed=True))
    make = _PAST.get(message.command)
    return make(session, message, room.name) if make is not None and message.nick else None


def _parted(session: Session, m: Message, room: str) -> Parted:
    return Parted(room, m.nick, m.param(1), session.is_me(m.nick), "", time_of(m), replayed=True)


def _kicked(session: Session, m: Message, room: str) -> Parted:
    return Parted(room, m.param(1)[:LONGEST_NICK], m.param(2), session.is_me(m.param(1)), m.nick, time_of(m), replayed=True)


def _joined(session: Session, m: Message, room: str) -> Joined:
    return Joined(room, m.nick, session.is_me(m.nick), joining_account(m), time_of(m), replayed=True)


_OF_LOG = {"PRIVMSG": said, "NOTICE": said, "TAGMSG": reacted, "REDACT": redacted}
_PAST: dict[str, Callable[[Session, Message, str], Event]] = {
    "JOIN": _joined,
    "PART": _parted,
    "KICK": _kicked,
    "QUIT": lambda _, m, room: Gone(m.nick, (room,), m.param(0), time_of(m), replayed=True),
    "NICK": lambda _, m, room: Renamed(m.nick, m.param(0)[:LONGEST_NICK], (room,), at=time_of(m), replayed=True),
    "TOPIC": lambda _, m, room: Topic(room, m.param(1), m.nick, time_of(m), replayed=True),
    "MODE": lambda _, m, room: ModeSet(room, m.nick, " ".join(m.params[1:]), time_of(m), replayed=True),
}
