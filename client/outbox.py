"""Messages on their way: a message is done when the server echoed it, for then it is stored.

    queued --release--> in flight --confirm (echo)--> done
                            |  \\--settle (a PONG without an echo before it)--> NotSent
                            |
                        lost (connection) --> doubtful --confirm (found in the history)--> done
                            ^                     |
                            '--- queued again <---'-- retry

What was queued again is doubtful again when the connection breaks before it left: only its id keeps it from being stored twice, and
the server may have forgotten that by the next time. Where it waits that long for its turn it is reported, not sent (`overdue`).

Doubtful messages are queued again where the server knows them by their ids, and stores none twice (`parley.chat/resend`); where it
does not, once the history has been read and they were not in it: then they never arrived.

An error names a room, not what it is about: with echoes it says why a message failed, not that one did (`blame`).

At most `window` are in flight, so a peer that slows us down (flood control) is never pushed: its echoes set the pace.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, takewhile

from client.events import Kind
from wire.names import fold

FULL = "too much is waiting to be sent: try again later"
MOST_SHOWN = 20  # of a room's texts that wait
LONGEST_SHOWN = 4096  # characters of each
MOST_NICKS = 16  # that one message may have been stored under: a server that renames us for ever is not to fill our memory


def new_id() -> str:
    """An id that nobody else has or can guess: 128 bits."""
    return secrets.token_urlsafe(16)


@dataclass(slots=True, eq=False)
class Outgoing:
    """One message. `number` counts in the order of release; `nicks` are those (folded) that the server may have stored it under.

    `by` is the account ("": none) that it left under with its id, None where it left without; `since` is when it left first.
    `maybe`: it may be stored already, so that nothing but its id keeps it from being stored twice. `weight` is how many messages it
    takes at most, `batched` whether it left as a message of several lines. `why` is what an error said that may mean it, `answered`
    whether the server has shown what became of it: then no error of before meant it.
    """

    room: str
    text: str
    kind: Kind
    number: int = 0
    nicks: tuple[str, ...] = ()
    ident: str = field(default_factory=new_id)
    by: str | None = None
    since: tuple[float, ...] = ()
    maybe: bool = False
    reply_to: str = ""
    weight: int = 1
    batched: bool = False
    why: str = ""
    answered: bool = False


class Outbox:
    """The messages that are not done. All in order, for each room."""

    WINDOW = 8

    def __init__(self, limit: int = 2000) -> None:
        self._limit = limit
        self._queue: deque[Outgoing] = deque()
        self._flying: list[Outgoing] = []
        self._doubtful: list[Outgoing] = []
        self.released = 0
        self._changed: dict[str, str] = {}  # rooms (folded -> as written) of which something was put, or is done

    def __len__(self) -> int:
        return len(self._queue) + len(self._flying) + len(self._doubtful)

    @property
    def in_flight(self) -> int:
        """How many await their echo."""
        return len(self._flying)

    @property
    def full(self) -> bool:
        """Whether the window is: nothing more leaves before an answer."""
        return len(self._flying) >= self.WINDOW

    def fits(self, count: int) -> bool:
        """Whether `count` more may be queued."""
        return sum(item.weight for kept in (self._queue, self._flying, self._doubtful) for item in kept) + count <= self._limit

    def put(self, room: str, text: str, kind: Kind, *, reply_to: str = "", weight: int = 1) -> None:
        """Queue a message."""
        self._queue.append(self._touch(Outgoing(room, text, kind, reply_to=reply_to, weight=weight)))

    def _touch(self, item: Outgoing) -> Outgoing:
        self._changed[fold(item.room)] = item.room
        return item

    def changes(self) -> list[tuple[str, tuple[str, ...]]]:
        """Rooms where something was queued or is done since the last call, and the texts that wait there, in order."""
        changed, self._changed = self._changed, {}
        return [(room, self.texts(room)) for room in changed.values()]

    def texts(self, room: str) -> tuple[str, ...]:
        """What waits for a room, the first of it, cut where it is very long."""
        left = sorted((*self._doubtful, *self._flying), key=lambda item: item.number)
        there = (item.text[:LONGEST_SHOWN] for item in (*left, *self._queue) if fold(item.room) == fold(room))
        return tuple(islice(there, MOST_SHOWN))

    def release(
        self,
        ready: Callable[[str], bool],
        *nicks: str,
        by: str | None = None,
        now: tuple[float, ...] = (),
        cut: Callable[[Outgoing], list[str]] | None = None,
    ) -> list[Outgoing]:
        """The messages to send now: those whose room is ready, as many as the window takes. `nicks` are ours, as far as we know.

        `cut` gives the texts of the messages that one takes; the further ones are queued behind the first.
        """
        names = tuple(fold(nick) for nick in nicks)
        out: list[Outgoing] = []
        waiting: deque[Outgoing] = deque()
        while self._queue and not self.full:
            item = self._queue.popleft()
            if not ready(item.room):
                waiting.append(item)
                continue
            if cut is not None:
                self._cut(item, cut(item))
            self.released += 1
            item.number = self.released
            item.nicks += tuple(name for name in names if name not in item.nicks)
            item.by, item.since, item.why = by, item.since or now, ""
            self._flying.append(item)
            out.append(item)
        self._queue.extendleft(reversed(waiting))
        return out

    def _cut(self, item: Outgoing, texts: list[str]) -> None:
        if texts != [item.text]:
            self._touch(item)
        item.text, item.weight = texts[0], 1
        self._queue.extendleft(Outgoing(item.room, text, item.kind) for text in reversed(texts[1:]))

    def renamed(self, nick: str) -> None:
        """We are called `nick` now: what is in flight may have been stored before that or after."""
        for item in self._flying:
            item.nicks = (*item.nicks, fold(nick))[-MOST_NICKS:]

    def confirm(self, nick: str, room: str, text: str, kind: Kind, known: Callable[[Outgoing], bool]) -> None:
        """An echo, or a message of ours found in the history: the message that it belongs to is done.

        Not those that the server knows by their ids: two may say the same, and others may have our name by now.
        """
        for kept in (self._flying, self._doubtful):
            for item in self._alike(kept, nick, room, text, kind):
                if not known(item):
                    self._answer(kept, item)
                    return
                item.maybe = True  # this may have been it, and no later reading shows it again

    def take(self, ident: str) -> Outgoing | None:
        """The message of this id, which is done or refused now."""
        for kept in (self._flying, self._doubtful):
            for item in kept:
                if item.ident == ident:
                    return self._answer(kept, item)
        return None

    def _answer(self, kept: list[Outgoing], item: Outgoing) -> Outgoing:
        kept.remove(self._touch(item))
        item.answered = True
        return item

    def doubts(self, nick: str, room: str, text: str, kind: Kind) -> bool:
        """Whether this is a message of which nobody knew whether it arrived: it left under a nick that we may not have now."""
        return bool(self._alike(self._doubtful, nick, room, text, kind))

    @staticmethod
    def _alike(kept: list[Outgoing], nick: str, room: str, text: str, kind: Kind) -> list[Outgoing]:
        key = (fold(room), text, kind)
        return [i for i in kept if (fold(i.room), i.text, i.kind) == key and fold(nick) in i.nicks]

    def blame(self, room: str, why: str) -> Outgoing | None:
        """An error about this room: the message in flight that it means, if it means one, for errors come in order."""
        item = next((item for item in self._flying if fold(item.room) == fold(room) and not item.why), None)
        if item is not None:
            item.why = why or "the server refused it"
        return item

    def fail_batch(self) -> Outgoing | None:
        """An error about a message of several lines: the one that it means, which is refused now."""
        item = next((item for item in self._flying if item.batched), None)
        return self._answer(self._flying, item) if item is not None else None

    def settle(self, upto: int) -> list[Outgoing]:
        """The peer has dealt with everything released up to `upto`: what of it is still in flight is returned, and forgotten."""
        out = [self._touch(item) for item in self._flying if item.number <= upto]
        self._flying = [item for item in self._flying if item.number > upto]
        return out

    def lost(self) -> None:
        """The connection broke: what was in flight may have arrived or not, nor is more known of what was to leave again."""
        again = self._again()
        for _ in again:
            self._queue.popleft()
        self._doubtful += self._flying + again
        self._flying = []

    def _again(self) -> list[Outgoing]:
        """What is queued and has left before; it stands first."""
        return list(takewhile(lambda item: item.number, self._queue))

    def all_known(self, room: str, known: Callable[[Outgoing], bool]) -> bool:
        """Whether the server knows all doubtful messages to this room by their ids."""
        return all(known(item) for item in self._doubtful if fold(item.room) == fold(room))

    def doubtful_rooms(self) -> list[str]:
        """Rooms with messages of which nobody knows whether they arrived."""
        return list(dict.fromkeys(item.room for item in self._doubtful))

    def retry(self, room: str, *, read: bool) -> None:
        """What is doubtful is queued again, first: it never arrived (who has `read` the history knows), or its id is known."""
        again = self._drop(self._doubtful, room)
        for item in again:
            item.maybe = item.maybe or not read
        self._queue.extendleft(reversed(again))

    def overdue(self, known: Callable[[Outgoing], bool]) -> list[Outgoing]:
        """What was queued again for its id alone, and the server may not know any more: it is returned, and forgotten."""
        out = [item for item in self._again() if item.maybe and not known(item)]
        for item in out:
            self._queue.remove(self._touch(item))
        return out

    def give_up(self, room: str) -> tuple[list[Outgoing], list[Outgoing]]:
        """Forget a room's messages: (those that never arrived, those that may have)."""
        queued = list(self._queue)
        dropped = self._drop(queued, room)
        self._queue = deque(queued)
        never, maybe = ([item for item in dropped if item.maybe is which] for which in (False, True))
        return never, maybe + self._drop(self._doubtful, room)

    def _drop(self, kept: list[Outgoing], room: str) -> list[Outgoing]:
        out = [self._touch(item) for item in kept if fold(item.room) == fold(room)]
        kept[:] = [item for item in kept if fold(item.room) != fold(room)]
        return out
