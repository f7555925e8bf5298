"""What we say: through the outbox, as a line, or as several in a batch where the server knows such. See client/outbox.py.

https://ircv3.net/specs/extensions/multiline and https://ircv3.net/specs/client-tags/reply
"""

from __future__ import annotations

from typing import Final

from client.discretion import MASK, is_service, masked
from client.events import Drained, Kind, NotSent, Reacted, Redacted, Said, Sending
from client.history import Item
from client.irc.deeds import IDENT, REPLY, Deeds
from client.irc.session import LONGEST_ID, NOT_CONNECTED, Session
from client.negotiation import RESEND
from client.outbox import Outgoing
from client.text import batches_of, lines_of, pieces_of, room_for_text, split, tidy
from wire.names import fold

ACTION: Final = "\x01ACTION "
KNOWN_FOR = 0.9  # of the time for which the server says that it knows a message by its id
BROKE: Final = "the connection broke on the way"
MOST_TOLD = 200  # rooms


def verb_of(kind: Kind) -> str:
    """The command that says it."""
    return "NOTICE" if kind is Kind.NOTICE else "PRIVMSG"


def body_of(text: str, kind: Kind) -> str:
    """The text as it goes on the wire."""
    return f"{ACTION}{text}\x01" if kind is Kind.ACTION else text


class Sender:
    """Puts messages in the outbox, and sends them when their room is ready."""

    def __init__(self, session: Session) -> None:
        self._s = session
        self.deeds = Deeds(session, self._ready)
        self._told: dict[str, tuple[str, ...]] = {}  # rooms with texts that wait, as they were last reported
        self._draining = False
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._asked_drain = False
        self._batches = 0

    def say(self, room: str, text: str, kind: Kind, reply_to: str) -> bool:
        """Queues `text`; False where too much waits already."""
        if is_service(room):
            self._say_to_service(room, text, kind)
            return True
        text = tidy(text)
        size = self._size(room, kind)
        weight = sum(len(split(line, size)) for line in lines_of(text))
        if not self._s.outbox.fits(weight):
            return False
        if weight:
            self._s.outbox.put(room, text, kind, reply_to=reply_to, weight=weight)
        self.pump()
        return True

    def _say_to_service(self, name: str, text: str, kind: Kind) -> None:
        """Once, and not from the outbox: what may be a password is not kept, and its echo may be masked by the server."""
        for number, line in enumerate(lines_of(text)):
            shown = MASK if number else masked(line)  # a further line may be the password alone
            if not self._s.registered:
                self._s.tell(NotSent(name, shown, NOT_CONNECTED))
            elif len(line.encode()) > room_for_text(self._s.source, "PRIVMSG", name):
                self._s.tell(NotSent(name, shown, "it is too long for one message"))
            else:
                self._s.send(verb_of(kind), name, body_of(line, kind))
                if "echo-message" not in self._s.caps:
                    self._s.tell(Said(name, self._s.nick, shown, kind, own=True))

    def _size(self, room: str, kind: Kind) -> int:
        size = room_for_text(self._s.source, verb_of(kind), room)
        return size - (len(ACTION) + 1 if kind is Kind.ACTION else 0)

    def _cut(self, item: Outgoing) -> list[str]:
        """The texts of the messages that one takes: what may be stored already stays as it is."""
        size, most = self._size(item.room, item.kind), self._s.caps.multiline
        if item.maybe or ("\n" not in item.text and len(item.text.encode()) <= size):
            return [item.text]
        if most is None or item.kind is Kind.ACTION:
            return [piece for line in lines_of(item.text) for piece in split(line, size)]
        return batches_of(item.text, size, *most)

    def _can_repeat(self, item: Outgoing) -> bool:
        return self.knows(item) and (not item.batched or self._s.caps.multiline is not None)

    # --- to the server ---

    def pump(self) -> None:
        """Sends what may leave now."""
        s = self._s
        echo = "echo-message" in s.caps
        for item in s.outbox.overdue(self._can_repeat):
            self.not_sent(item, BROKE, doubtful=True)
        nicks = [s.nick, s.asked_nick] if s.asked_nick else [s.nick]
        by = s.account if RESEND in s.caps else None
        released = s.outbox.release(self._ready, *nicks, by=by, now=s.now(), cut=self._cut)
        for item in released:
            self._leave(item)
            if not echo:
                s.tell(Said(item.room, s.nick, item.text, item.kind, own=True, reply_to=item.reply_to))
        if released and (s.outbox.full or not echo):
            s.barrier()
        self.deeds.pump()
        if self._draining and s.registered and not self.backlog and not self._asked_drain:
            self._asked_drain = True
            s.barrier(self._drained)

    @property
    def backlog(self) -> int:
        """How much waits to be sent or confirmed."""
        return len(self._s.outbox) + len(self.deeds)

    def _ready(self, room: str) -> bool:
        known = self._s.known(room)
        if fold(room) in self._s.wanted and (known is None or not known.joined):
            return False
        return self._s.registered and (known is None or not (known.syncing or known.closing))

    def _leave(self, item: Outgoing) -> None:
        tags = {}
        if item.by is not None:
            tags[IDENT] = item.ident
        if item.reply_to and len(item.reply_to.encode()) <= LONGEST_ID and self._s.takes_tag(REPLY):
            tags[f"+{REPLY}"] = item.reply_to
        verb, size = verb_of(item.kind), self._size(item.room, item.kind)
        long = len(item.text.encode()) > size and self._s.caps.multiline is not None
        item.batched = item.kind is not Kind.ACTION and ("\n" in item.text or long)
        if not item.batched:
            self._s.send(verb, item.room, body_of(item.text, item.kind), tags=tags)
            return
        self._batches += 1
        ref = f"m{self._batches}"
        self._s.send("BATCH", f"+{ref}", "draft/multiline", item.room, tags=tags)
        for piece in pieces_of(item.text, size):
            self._s.send(
                verb, item.room, piece.text, tags={"batch": ref} | ({"draft/multiline-concat": ""} if piece.joined else {})
            )
        self._s.send("BATCH", f"-{ref}")

    # --- what became of it ---

    def knows(self, item: Outgoing) -> bool:
        """Whether the server knows this message by its id, if it has ever stored it."""
        remembered = self._s.caps.remembered
        if not remembered or item.by != self._s.account:
            return False
        return max(b - a for a, b in zip(item.since, self._s.now(), strict=True)) < remembered * KNOWN_FOR

    def show(self, item: Item) -> None:
        """Reports an entry of a log."""
        self._s.tell(item.event)
        self.found(item)

    def found(self, item: Item) -> None:
        """An entry of a log, shown or not: what is ours in it, and the history brought, is no longer on its way."""
        if isinstance(item.event, Reacted | Redacted):
            self.deeds.confirm(item.event, item.ident)
        if isinstance(item.event, Said) and item.event.own and item.event.replayed:
            self.confirm(item.event, item.ident)

    def confirm(self, said: Said, ident: str | None) -> None:
        """A message of ours was shown by the server."""
        if ident is not None:
            self._s.outbox.take(ident)
        else:
            self._s.outbox.confirm(said.nick, said.room, said.text, said.kind, self.knows)

    def settle(self, mark: int) -> None:
        """The server has dealt with everything released up to `mark`."""
        late = self._s.outbox.settle(mark)
        if "echo-message" in self._s.caps:
            for item in late:
                self.not_sent(item, item.why or "the server did not confirm it")

    def not_sent(self, item: Outgoing, reason: str, *, doubtful: bool = False) -> None:
        """Reports a message that is given up."""
        self._s.tell(NotSent(item.room, item.text, reason, doubtful))

    def give_up(self, room: str, reason: str) -> None:
        """Reports all messages that wait for a room."""
        never, doubtful = self._s.outbox.give_up(room)
        for item in never:
            self.not_sent(item, reason)
        for item in doubtful:
            self.not_sent(item, BROKE, doubtful=True)
        self.deeds.give_up(room, reason)

    def lost(self) -> None:
        """The connection is gone."""
        self._s.outbox.lost()
        self.deeds.lost()

    def drain(self) -> None:
        """Has Drained reported when the outbox is empty and the server has answered a PING after that."""
        self._draining = True
        self.pump()

    def _drained(self) -> None:
        self._asked_drain = False
        if not self.backlog:
            self._draining = False
            self._s.tell(Drained())

    def report(self) -> None:
        """Tells what waits, of rooms where that has changed."""
        for room, texts in self._s.outbox.changes():
            if self._told.get(fold(room), ()) == texts:
                continue
            self._told.pop(fold(room), None)
            if texts and len(self._told) < MOST_TOLD:
                self._told[fold(room)] = texts
            self._s.tell(Sending(room, texts))
