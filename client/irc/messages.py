"""Messages, reactions and redactions, as they happen and in the history; typing, and how far we have read.

https://ircv3.net/specs/client-tags/typing and https://ircv3.net/specs/extensions/read-marker
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from client.discretion import is_service
from client.events import Info, Reacted, ReadUpTo, Redacted, Said, Typing
from client.history import Item, Room
from client.irc import entries
from client.irc.batches import Opened
from client.irc.reading import Reader
from client.irc.sending import Sender
from client.irc.session import Handler, Session, as_stamp, stamp
from client.irc.talks import Talks
from client.negotiation import READ_MARKER
from wire.message import Message
from wire.names import fold, is_room

TYPING_EVERY = 3.0  # seconds
MARK_EVERY = 2.0  # seconds
ERROR_WITHIN = 10.0  # seconds, after we said that we type
QUIET_FOR = 60.0
MOST_TYPED = 200  # rooms in which we have said that we type
_TIME: Final = "timestamp="


class Messages:
    """Everything that stands in a room's log and is no coming or going."""

    def __init__(self, session: Session, sender: Sender, reader: Reader, talks: Talks) -> None:
        self._s = session
        self._sender = sender
        self._reader = reader
        self._talks = talks
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._typed: dict[str, float] = {}  # rooms where we have said that we type, and when
        self._hints: dict[str, float] = {}  # and when last, whatever we have said since
        self._marks: dict[str, tuple[str, str]] = {}  # rooms whose marker is to be told: as named, and where it is
        self._marked = -MARK_EVERY  # when the last were told

    def handlers(self) -> dict[str, Handler]:
        """What it does with which command."""
        return {
            "PRIVMSG": self._on_said,
            "NOTICE": self._on_said,
            "TAGMSG": self._on_tags,
            "REDACT": self._on_redact,
            "MARKREAD": self._on_marker,
        }

    # --- received ---

    def replay(self, message: Message, opened: Opened) -> None:
        """A line of a batch of the history: nothing in it changes what is so now."""
        room = opened.page.room if opened.page is not None else self._unasked_for(opened.message.param(2))
        item = entries.past(self._s, message, room) if room is not None else None
        if item is not None and room is not None:
            self._note_time(item)
            self._reader.take(opened.page, item, room)

    def _unasked_for(self, name: str) -> Room | None:
        """Where to show history that we have not asked for: in a room that we are in, or a dialogue. It is not dropped, for servers
        without CHATHISTORY, and some with it, send it to who enters ("joining a channel with InspIRCd's chanhistory mode enabled":
        https://ircv3.net/specs/batches/chathistory), and so do bouncers.
        """
        if not name or is_room(name):
            known = self._s.known(name)
            return known if known is not None and known.joined else None
        return self._s.room(name)

    def _note_time(self, item: Item) -> None:
        if item.at is not None and isinstance(item.event, Said):
            self._s.latest = max(item.at, self._s.latest or item.at)

    def _on_said(self, message: Message) -> None:
        if message.command == "NOTICE" and entries.is_of_server(message):
            self._s.tell(Info(message.param(1)))
            return
        said = entries.said(self._s, message, replayed=False)
        if said is None:
            return
        item = entries.as_item(said, message)
        self._note_time(item)
        self._talks.wait_for(said.room)
        if self._s.room(said.room).live(item):
            self._sender.show(item)
        if said.own:
            if self._s.is_me(said.nick):
                self._s.remember_host(message)
            self._sender.confirm(said, item.ident)

    def _on_tags(self, message: Message) -> None:
        reacted = entries.reacted(self._s, message, replayed=False)
        if reacted is not None:
            self._happened(reacted, message)
        elif (how := message.tags.get("+typing", message.tags.get("+draft/typing", ""))) in ("active", "paused", "done"):
            room = self._s.place_of(message, own=False)
            if room and message.nick and not self._s.is_me(message.nick):
                self._s.tell(Typing(room, message.nick, active=how == "active", done=how == "done"))

    def _on_redact(self, message: Message) -> None:
        redacted = entries.redacted(self._s, message, replayed=False)
        if redacted is not None:
            self._happened(redacted, message)

    def _happened(self, event: Reacted | Redacted, message: Message) -> None:
        item = entries.as_item(event, message)
        if self._s.room(event.room).live(item):
            self._sender.show(item)
        else:
            self._sender.deeds.confirm(event, item.ident)

    def _on_marker(self, message: Message) -> None:
        room, text = self._s.known(message.param(0)), message.param(1)
        if room is None:
            return
        at = stamp(text.removeprefix(_TIME)) if text.startswith(_TIME) else None
        if at is not None and (room.marker is None or at > room.marker):
            room.marker = at
            self._s.tell(ReadUpTo(room.name, at))
        elif text == "*" and room.marker is None:
            self._s.tell(ReadUpTo(room.name, None))

    # --- asked for ---

    def typing(self, room: str, *, done: bool) -> None:
        """Says that we type, at most every 3 seconds, or that we stopped: "done ... the text input field is cleared"."""
        known = self._s.known(room)
        absent = is_room(room) and (known is None or not known.joined)
        if is_service(room) or absent or not (self._s.registered and self._s.takes_tag("typing")):
            return
        key, now = fold(room), self._s.now()[0]
        if done:
            if self._typed.get(key, now + 1) <= now:
                del self._typed[key]
                self._s.send("TAGMSG", room, tags={"+typing": "done"})
        elif now - self._typed.get(key, -TYPING_EVERY) >= TYPING_EVERY and (key in self._typed or len(self._typed) < MOST_TYPED):
            self._typed[key] = self._hints[key] = now
            if len(self._hints) > MOST_TYPED:
                del self._hints[next(iter(self._hints))]
            self._s.send("TAGMSG", room, tags={"+typing": "active"})

    def typed_in_vain(self, room: str) -> bool:
        """An error about a room: whether it only means that nobody there hears of our typing. Then we stay quiet for a while."""
        key, now = fold(room), self._s.now()[0]
        if not max(self._typed.get(key, 0), self._hints.pop(key, 0)) > now - ERROR_WITHIN:
            return False
        self._typed[key] = now + QUIET_FOR
        return True

    def has_said(self, room: str) -> None:
        """A message ends our typing by itself."""
        self._typed.pop(fold(room), None)

    def read_up_to(self, room: str, at: datetime) -> None:
        """Tells the server up to when we have read; never backwards."""
        known = self._s.known(room)
        if known is None or is_service(room) or not self._s.registered or READ_MARKER not in self._s.caps:
            return
        try:
            text = as_stamp(at)
        except OverflowError:
            return
        exact = stamp(text)
        if exact is not None and (known.marker is None or exact > known.marker):
            known.marker = exact
            self._marks[fold(room)] = (room, f"{_TIME}{text}")

    def due(self) -> float | None:
        """When markers are to be told: whoever reads along would else send a line for each that is said."""
        return self._marked + MARK_EVERY if self._marks else None

    def mark(self, *, now: bool = False) -> None:
        """Tells the markers that are due."""
        at = self._s.now()[0]
        if self._marks and (now or at >= self._marked + MARK_EVERY):
            marks, self._marks, self._marked = self._marks, {}, at
            for room, place in marks.values():
                self._s.send("MARKREAD", room, place)
