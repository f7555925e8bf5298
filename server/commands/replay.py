"""What was missed, for clients that cannot ask: those without draft/chathistory are given it behind their JOIN.

A session that is logged in gets what was said since its account was last in the room; "servers SHOULD NOT" do so unasked for those
that negotiated draft/chathistory (https://ircv3.net/specs/extensions/chathistory), and they are left to ask.

Where an account was last in each of its rooms is a record of its own, kept when it comes and when it goes. What is not known
exactly is taken from the safe side, so a line may come twice and none is left out: a connection that broke counts from what it is
known to have read, and one that was there when the server was killed from the last seconds before that. What was written before our
PING has been read when the PONG comes, and what was written before a goodbye (QUIT, or that of TLS) when that comes. That somebody
sends a command, or a PING of their own, says nothing about what they have read.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from server.commands.history import joined
from server.commands.history_read import SAID, Candidate
from server.dialects import plain
from server.dialects.irc import render_tagged, stamp
from server.events import Event
from server.ports import Store, StoreError
from server.state.model import Network, Room, User, leaving, loads
from wire.capabilities import Cap
from wire.display import safe
from wire.message import as_line
from wire.names import fold

log = logging.getLogger("parley")

# Where an account is in a room, as one number: HERE while a session of it is in it, or was when the server was killed; a position
# from when it left, by PART or KICK or by logging out; the negative of one from when the session ended that was still in it.
HERE = 0
_RECORD = "left"
_PAGE = 256
_LEAST_PAGES = 20  # looked through at the least: a room in which people only come and go must not keep the worker busy
_EVENTS_PER_UNIT = 100  # so many cost as much to read and to render as an ordinary command does
_UNSURE_MS = 5000  # what was said in so long before a kill may not have reached everybody


@dataclass(slots=True)
class Replay:
    """What was said in a room behind `since` and up to `upto`, the newest `limit` messages of it. Run outside the lock."""

    server: str
    since: int
    upto: int
    limit: int
    of: Candidate
    caps: int
    batch: str
    unsure: bool = False  # since the server was killed: begin somewhat earlier
    label: str = ""  # never: it stands behind the labelled answer
    looked: int = 0

    @property
    def cost(self) -> int:
        """Not known before it is read; most often little was missed, and nothing else of this connection is read meanwhile."""
        return 512

    def run(self, store: Store) -> bytes:
        """The lines, oldest first: in a batch, between notices where the client sees no times, or just so."""
        try:
            events = self._missed(store)
        except StoreError as error:
            log.error("what was missed in %s cannot be read: %s", safe(self.of.name), error)
            return self._notice("What was said here before cannot be read now")
        if not events:
            return b""
        lines = [render_tagged(event, self.caps, self._tag) for event in events[-self.limit :]]
        return b"".join([self._head(events), *lines, self._foot()])

    @property
    def _tag(self) -> str:
        return f"batch={self.batch}" if self.caps & Cap.BATCH else ""

    def _missed(self, store: Store) -> list[Event]:
        """The newest, ascending; one more than `limit` where there are more."""
        since = self.since
        if self.unsure and (last := store.before(self.of.key, since + 1, 1)):
            since = min(since, store.at_time(self.of.key, last[0].at - _UNSURE_MS))
        found: list[Event] = []
        end = self.upto + 1
        for _ in range(_LEAST_PAGES + self.limit // 64):
            page = store.before(self.of.key, end, _PAGE, seen_from=self.of.seen_from)
            self.looked += len(page)
            found[:0] = [event for event in page if event.kind in SAID and event.seq > since and self.of.shows(event)]
            if len(found) > self.limit or len(page) < _PAGE or page[0].seq <= since:
                break
            end = page[0].seq
        return found[-self.limit - 1 :]

    def _head(self, events: list[Event]) -> bytes:
        if self.caps & Cap.BATCH:
            return f":{self.server} BATCH +{self.batch} chathistory {self.of.name}\r\n".encode()
        more = "more than " if len(events) > self.limit else ""
        if more or not self.caps & Cap.SERVER_TIME:
            shown = events[-self.limit :]
            return self._notice(f"Said here since {stamp(shown[0].at)}, {more}{len(shown)} lines:")
        return b""

    def _foot(self) -> bytes:
        if self.caps & Cap.BATCH:
            return f":{self.server} BATCH -{self.batch}\r\n".encode()
        return b"" if self.caps & Cap.SERVER_TIME else self._notice("That was said before you came")

    def _notice(self, text: str) -> bytes:
        return as_line(f":{self.server} NOTICE {self.of.name} :*** {text}")


def missed(net: Network, user: User, room: Room) -> None:
    """Give `user`, who has just entered `room`, what they missed, if they have no way to ask for it."""
    if not user.caps & Cap.CHATHISTORY and user.render != plain.RENDER:
        _give(net, user, room)
    note(net, user, (room,), HERE)


def _give(net: Network, user: User, room: Room) -> None:
    known = _last_here(net, user, room)
    limit = net.limits.replay if known is not None else net.limits.replay_newcomers
    if not limit:
        return
    user.spent += limit / _EVENTS_PER_UNIT
    since, unsure = known or (0, False)
    batch = f"r{net.seq:x}n{len(user.replies)}"
    net.send(user, Replay(net.name, since, net.seq, limit, joined(room, user), user.caps, batch, unsure))


def forget(net: Network, account: str) -> None:
    """The account is gone: so is the knowledge of where it was."""
    if net.left.pop(fold(account), None) is not None:
        net.keep(_RECORD, fold(account), None)


def _last_here(net: Network, user: User, room: Room) -> tuple[int, bool] | None:
    """The position from which what is said in `room` is new to the account, and whether it is unsure; None: never was here."""
    if not user.account:
        return None
    # A session of theirs that is still here may be one that broke, and is not missed yet.
    others = net.sessions.get(fold(user.account), ())
    still = [session.heard for session in others if session is not user and room in session.rooms]
    if still:
        return min(still), False
    seq = _noted(net, net.left.get(fold(user.account), {}), room.key)
    if seq is None:
        return None
    return (net.first, True) if seq == HERE else (abs(seq), False)


def _noted(net: Network, left: dict[str, int], key: str) -> int | None:
    """What is noted of a room, under its name or under an earlier one."""
    if key in left:
        return left[key]
    for earlier in net.renames.before(key):
        if (seq := left.get(earlier.old)) is not None:
            return min(abs(seq), earlier.seq)
    return None


def note(net: Network, user: User, rooms: Collection[Room], seq: int) -> None:
    """Keep where the account of `user` is in `rooms`: HERE, or a position as said there. While another session of it is in a room,
    it is there.

    Of the rooms it ever was in, as many as one user may be in are remembered.
    """
    if not (user.account and rooms):
        return
    account = fold(user.account)
    others = [other for other in net.sessions.get(account, ()) if other is not user]
    news = {room.key: HERE if any(room in other.rooms for other in others) else seq for room in rooms}
    left = net.left.setdefault(account, {})
    if all(left.get(key) == where for key, where in news.items()):
        return
    for key, where in news.items():
        left.pop(key, None)
        left[key] = where
    while len(left) > net.limits.rooms_per_user:
        del left[next(iter(left))]
    net.keep(_RECORD, account, left)


@leaving
def _left(net: Network, user: User, rooms: Collection[Room], seq: int, *, ended: bool) -> None:
    note(net, user, rooms, -seq if ended else seq)


def followed(net: Network, account: str) -> list[str]:
    """The keys of the rooms that `account` is in, or was when its session ended; where it went first, first."""
    return [key for key, where in net.left.get(fold(account), {}).items() if where <= HERE]


def renamed(net: Network, room: Room, before: str) -> None:
    """A room has got another key than `before`: the accounts that are in it are in no room of the old one."""
    for user in room.members:
        if not user.account:
            continue
        left = net.left.get(fold(user.account), {})
        if left.pop(before, None) is not None:
            left.pop(room.key, None)  # of an earlier room of that name
            note(net, user, (room,), HERE)


@loads(_RECORD)
def _load(net: Network, account: str, rooms: dict[str, Any]) -> None:
    net.left[account] = {str(key): int(seq) for key, seq in rooms.items()}
