"""Reactions, and the taking back of messages: on their way until the server has dealt with them, over any number of connections.

    waiting --the room is ready--> sent --echo, or the PONG behind it--> done
       ^                             |
       '-------- connection lost ----'

What was under way when a connection broke is sent again once the history of the room has been read, unless that shows it. It may
be, for a reaction is put in a set, and has an id where the server knows such (`parley.chat/resend`); what is taken back already
is an error that says so, which is what was wanted.

https://ircv3.net/specs/client-tags/react and https://ircv3.net/specs/extensions/message-redaction
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from client.events import Event, Failed, Reacted, Redacted
from client.irc.session import LONGEST_ID, NOT_CONNECTED, Session
from client.negotiation import REDACTION, RESEND
from client.outbox import FULL, new_id
from wire import numerics as n
from wire.message import Message
from wire.names import fold

IDENT: Final = "parley.chat/id"
REPLY: Final = "draft/reply"
MOST_DEEDS = 100
_UNSENDABLE: Final = "this cannot be sent: the server has named the room, or the message, as none can be"
_GONE: Final = "UNKNOWN_MSGID"
_OF_ALL: Final = (n.ERR_NOSUCHNICK, n.ERR_NOSUCHCHANNEL)  # errors that a redaction has, too


@dataclass(slots=True, eq=False)
class Deed:
    """A reaction, or without one a redaction. `times` counts how often it was sent, `sent` whether it was over this connection."""

    room: str
    msgid: str
    reaction: str = ""
    removed: bool = False
    reason: str = ""
    ident: str = field(default_factory=new_id)
    times: int = 0
    sent: bool = False

    @property
    def tag(self) -> str:
        """The client-only tag of a reaction."""
        return "draft/unreact" if self.removed else "draft/react"

    def done_by(self, nick: str) -> Event:
        """What it comes to."""
        if not self.reaction:
            return Redacted(self.room, self.msgid, nick, self.reason)
        return Reacted(self.room, self.msgid, nick, self.reaction, removed=self.removed, own=True)

    def is_done_in(self, event: Reacted | Redacted) -> bool:
        """Whether the server shows it in `event`. Whoever takes a message back: it is."""
        if (fold(event.room), event.msgid) != (fold(self.room), self.msgid):
            return False
        if isinstance(event, Redacted):
            return not self.reaction
        return event.own and (event.reaction, event.removed) == (self.reaction, self.removed)


class Deeds:
    """Those that are not done, in order. `ready` says whether a room is entered, and its history read."""

    def __init__(self, session: Session, ready: Callable[[str], bool]) -> None:
        self._s = session
        self._ready = ready
        self._waiting: list[Deed] = []

    def __len__(self) -> int:
        return len(self._waiting)

    # --- asked for ---

    def react(self, room: str, msgid: str, reaction: str, *, remove: bool) -> None:
        """Puts a reaction to a message, or takes it back."""
        reaction = reaction.encode("utf-8", "replace").decode().replace("\0", "")
        fits = msgid and reaction and max(len(msgid.encode()), len(reaction.encode())) <= LONGEST_ID
        self._put(Deed(room, msgid, reaction, remove), "" if fits else "that cannot be a reaction to this message")

    def redact(self, room: str, msgid: str, reason: str) -> None:
        """Takes a message back."""
        fits = 0 < len(msgid) <= LONGEST_ID
        why = "" if fits else "this message has no id by which it could be taken back"
        self._put(Deed(room, msgid, reason=" ".join(reason.split())), why)

    def _put(self, deed: Deed, why_not: str) -> None:
        full = FULL if len(self) >= MOST_DEEDS else ""
        if not self._s.registered:
            self._s.tell(Failed(NOT_CONNECTED))
        elif cannot := self._cannot(deed) or why_not or full:
            self._s.tell(Failed(cannot, deed.room))
        else:
            self._waiting.append(deed)
            self.pump()

    def _cannot(self, deed: Deed) -> str:
        """Why this server takes none such, "" where it does."""
        if not deed.reaction:
            return "" if REDACTION in self._s.caps else "this server takes no message back"
        takes = self._s.takes_tag(deed.tag) and self._s.takes_tag(REPLY)
        return "" if takes else "this server passes on no reactions"

    # --- to the server ---

    def pump(self) -> None:
        """Sends what may leave now. Of a message several things happen in the order in which they were asked for."""
        leaving = [deed for deed in self._waiting if not deed.sent and self._ready(deed.room)]
        for deed in leaving:
            cannot = self._cannot(deed)  # another server than before, or one that was changed
            if cannot or not self._leave(deed):
                self._waiting.remove(deed)
                self._s.tell(Failed(cannot or _UNSENDABLE, deed.room))
        if leaving:
            self._s.barrier(lambda: self._settle(leaving))

    def _leave(self, deed: Deed) -> bool:
        """Sends it; whether there is a line for that."""
        deed.sent, deed.times = True, deed.times + 1
        if not deed.reaction:
            return self._s.send("REDACT", deed.room, deed.msgid, *([deed.reason] if deed.reason else []))
        ident = {IDENT: deed.ident} if RESEND in self._s.caps else {}
        sent = self._s.send("TAGMSG", deed.room, tags={**ident, f"+{deed.tag}": deed.reaction, f"+{REPLY}": deed.msgid})
        if sent and "echo-message" not in self._s.caps and deed.times == 1:
            self._s.tell(deed.done_by(self._s.nick))
        return sent

    # --- what became of it ---

    def _settle(self, deeds: list[Deed]) -> None:
        """The server has dealt with these: what it did not like, it has said."""
        self._waiting = [deed for deed in self._waiting if deed not in deeds]

    def confirm(self, event: Reacted | Redacted, ident: str | None) -> None:
        """The server shows what happened, now or in its history."""
        self._first(lambda deed: deed.ident == ident if ident is not None else deed.is_done_in(event))

    def stored(self, ident: str) -> bool:
        """The server has had it already under this id; whether it is one of ours."""
        return self._done(self._first(lambda deed: deed.ident == ident))

    def refused(self, message: Message) -> bool:
        """A FAIL about one of them; whether it only says that what was sent again had been done before."""
        about = message.params[2:-1]
        of_redaction = message.param(0).upper() == "REDACT"
        deed = self._first(lambda each: (each.msgid in about and not each.reaction) if of_redaction else each.ident in about)
        return deed is not None and deed.times > 1 and message.param(1) == _GONE and self._done(deed)

    def may_be_meant(self, message: Message) -> bool:
        """Whether an error about a room may be about one of them. Which one it does not say, nor that it is not about our typing:
        so none is dropped for it; what was refused is forgotten with its PONG.
        """
        room, of_all = fold(message.param(1)), message.command in _OF_ALL
        return any(deed.sent and fold(deed.room) == room and (of_all or deed.reaction != "") for deed in self._waiting)

    def _done(self, deed: Deed | None) -> bool:
        if deed is not None:
            self._s.tell(deed.done_by(self._s.nick))
        return deed is not None

    def _first(self, fits: Callable[[Deed], bool]) -> Deed | None:
        """The first that fits, which is done or refused now."""
        deed = next(filter(fits, self._waiting), None)
        if deed is not None:
            self._waiting.remove(deed)
        return deed

    def lost(self) -> None:
        """The connection broke: nothing is known of what was under way."""
        for deed in self._waiting:
            deed.sent = False

    def give_up(self, room: str, reason: str) -> None:
        """Reports what waits for a room that we are not in."""
        for deed in [each for each in self._waiting if fold(each.room) == fold(room)]:
            self._waiting.remove(deed)
            what = f"your reaction {deed.reaction} was not sent" if deed.reaction else "the message was not taken back"
            self._s.tell(Failed(f"{what}: {reason}", room))
