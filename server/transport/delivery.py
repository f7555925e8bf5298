"""What a worker's connections are given: the output side of a turn.

`collect` runs under the lock and copies out what is due; `deliver` runs without it and writes.

Most deliveries go the short way: a connection that has everything up to the frontier gets what is new in its room as the same
bytes as everyone else (`_write_all`). Those to whom something else is due (their own replies, a room just entered or left, a page
of what they missed) are on `hold`, and are served one by one (`_serve`), in the order of the log.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterable
from itertools import repeat
from operator import itemgetter
from typing import cast

from server.dialects import irc, plain, websocket
from server.events import Event
from server.ports import Store, StoreError
from server.sequencer import Pages, Plan, Sequencer
from server.state.model import Deferred, Room, User
from server.transport.connection import Connection, Lost, State, reason
from server.transport.meters import Output, counting
from server.transport.shelf import Shelf

log = logging.getLogger("parley")

_MOST_READS = 1  # answers read from the store in one turn; one may take ten milliseconds and more
_REST = 2  # times as long as an answer took to read, none is read
_BYTES_PER_UNIT = 16384  # so much read from the store counts as a command
_LOOKED_PER_UNIT = 2000
_FAR = 256  # positions: who is that far behind catches up in turn with others like it
_CATCH_UP_S = 0.002  # of each turn: so long, and a page, do those who are up to date wait for all those who are not

Due = list[tuple[Connection, Plan]]

_DATA = itemgetter(1)


class Slice:
    """What is new in one room, and the connections of this worker that get it.

    `apart` are those who get less than all of it, with their rank: the authors of what they are not to be given again, and where
    something is for higher ranks only, those below.
    """

    __slots__ = ("_authors", "_lines", "_parts", "apart", "audience", "events")

    def __init__(self, audience: dict[int, list[Connection]], events: list[Event], apart: dict[Connection, int]) -> None:
        self.audience = audience
        self.events = events
        self.apart = apart
        self._authors = {event.origin for event in events} if apart else set()
        self._lines: dict[int, list[bytes]] = {}
        self._parts: dict[tuple[int, int, int], tuple[int, bytes]] = {}

    def lines(self, caps: int) -> list[bytes]:
        """Each event as connections of class `caps` see it; rendered once, however many there are."""
        found = self._lines.get(caps)
        if found is None:
            if caps & websocket.RENDER:
                found = [websocket.frames(line, caps) for line in self.lines(caps & ~websocket.RENDER)]
            elif caps:
                found = [irc.render(event, caps) for event in self.events]
            else:
                found = [b"" if event.kind in irc.NEEDS else event.line for event in self.events]
            self._lines[caps] = found
        return found

    def joined(self, caps: int) -> tuple[int, bytes]:
        """All of it, and how many events that is: some have no line for some classes."""
        lines = self.lines(caps)
        return len(lines) - lines.count(b""), lines[0] if len(lines) == 1 else b"".join(lines)

    def part_for(self, conn: Connection) -> tuple[int, bytes]:
        """The same of what one that stands apart gets; those of one class and rank who wrote none of it share the bytes."""
        user = conn.user
        assert user is not None
        rank = self.apart[conn]
        me = user.id if user.id in self._authors else 0
        key = (user.render, rank, me)
        found = self._parts.get(key)
        if found is None:
            pairs = zip(self.lines(user.render), self.events, strict=True)
            given = [line for line, event in pairs if (not event.skip if event.origin == me else rank >= event.least)]
            found = self._parts[key] = len(given) - given.count(b""), b"".join(given)
        return found


class Delivery:
    """The output of one worker. The sequencer touches `dirty`, `rung` and `waiting`, under the lock; all else is the worker's."""

    def __init__(
        self,
        index: int,
        sequencer: Sequencer,
        store: Store,
        *,
        ring: Callable[[], None],
        watch: Callable[[Connection], None],
        meters: Output | None = None,
    ) -> None:
        self.index = index
        self.ring = ring
        self.dirty: set[Room] = set()
        self.rung: set[User] = set()
        self.waiting = False
        self.frontier = sequencer.committed  # everything up to here has been given to all that are not on hold
        self.due: set[Connection] = set()  # has output of its own, or was behind and may go on
        self.lost: list[tuple[Connection, str]] = []  # could not be written to, or have been told everything: to be closed
        self._unsettled: set[Connection] = set()  # wait for the committed end
        self.reading: set[Connection] = set()  # wait for their turn to have an answer read from the store
        self.read_after = 0.0  # when that may be, monotonic: reading has a third of a worker's time
        self._behind: dict[Connection, None] = {}  # far behind, and could be given more now; who has waited longest comes first
        self._sequencer = sequencer
        self._meters = meters or Output()
        self._store = counting(store, self._meters)
        self._shelf = Shelf(sequencer, self._store)
        self._watch = watch

    @property
    def work(self) -> bool:
        """Whether there is something to collect."""
        return bool(
            self.dirty
            or self.rung
            or self.due
            or self.lost
            or self._behind
            or (self.reading and time.monotonic() >= self.read_after)
            or (self._unsettled and self._sequencer.committed > self.frontier)
        )

    def forget(self, conn: Connection) -> None:
        """A connection was closed."""
        self.due.discard(conn)
        self.reading.discard(conn)
        self._unsettled.discard(conn)
        self._behind.pop(conn, None)

    # Under the lock

    def collect(self) -> tuple[list[Slice], Due]:
        """Copy out what is due; the lock is held."""
        since, upto = self.frontier, self._sequencer.committed
        self.frontier = upto
        due, self.due = self.due, set()
        if self.reading and time.monotonic() >= self.read_after:
            due |= self.reading
            self.reading.clear()
        slices = self._slices(since, upto, due) if self.dirty else []
        if self.rung:
            due.update([cast("Connection", user.link) for user in self.rung])
            self.rung.clear()
        if self._unsettled and upto > since:
            due |= self._unsettled
            self._unsettled.clear()
        plans = self._plans(due, since) if due else []
        self.waiting = bool(self._unsettled)
        return slices, plans

    def _plans(self, due: Iterable[Connection], since: int) -> Due:
        plans = []
        reads = 0
        for conn in due:
            if conn.pending is None and conn.state is State.OPEN and conn.user is not None:
                if not conn.hold:
                    conn.hold = True
                    conn.cursor = since
                elif since - conn.cursor > _FAR:  # behind before this turn brought more
                    self._behind.setdefault(conn)
                    continue
                if _reads(conn.user):
                    reads += 1
                    if reads > _MOST_READS or time.monotonic() < self.read_after:  # when those who chat have had their turns
                        self.reading.add(conn)
                        continue
                self._behind.pop(conn, None)  # it has its turn now
                plans.append((conn, self._sequencer.plan(conn.user, conn.cursor, self.frontier, {})))
        return plans

    def _slices(self, since: int, upto: int, due: set[Connection]) -> list[Slice]:
        """What is new in each room that has something new; into `due` go those who get it in another way."""
        slices: list[Slice] = []
        for room in self.dirty:
            audience = cast("dict[int, list[Connection]]", room.audience(self.index))
            if not audience:
                continue
            if room.log.floor > since:  # it left the memory before we got here: everybody reads it from the store
                for group in audience.values():
                    due.update(group)
                continue
            events = room.log.between(since, upto)
            if events:
                slices.append(Slice(audience, events, self._apart(room, events, since)))
                if plain.RENDER in audience:
                    due.update(audience[plain.RENDER])
        self.dirty.clear()
        if len(slices) > 1:  # who is in several of them gets the rooms in the order of the log
            slices.sort(key=_first)
        return slices

    def _apart(self, room: Room, events: list[Event], since: int) -> dict[Connection, int]:
        """The members on this worker who are not given all of `events` (above `since`), and their ranks."""
        users = self._sequencer.net.users
        apart: dict[Connection, int] = {}
        if room.hushed > since:
            least = max(event.least for event in events)
            for user, rank in room.members.items():
                if rank < least and user.link.worker == self.index:
                    apart[cast("Connection", user.link)] = rank
        for origin in {event.origin for event in events if event.skip}:
            author = users.get(origin)
            if author is not None and author.link.worker == self.index and author in room.members:
                apart[cast("Connection", author.link)] = room.members[author]
        return apart

    # Without the lock

    def deliver(self, slices: list[Slice], plans: Due) -> None:
        """Write what was collected."""
        if len(slices) == 1:
            self._deliver_room(slices[0])
        elif slices:
            self._deliver_rooms(slices)
        for conn, plan in plans:
            self._serve(conn, plan)
        if self._behind:
            self._catch_up()

    def _catch_up(self) -> None:
        """Give those who are far behind a page each, in turn, as far as the time goes."""
        until = time.monotonic() + _CATCH_UP_S
        while self._behind:
            conn = next(iter(self._behind))
            del self._behind[conn]
            user = conn.user
            # Who has caught up otherwise gets what is new with all others, and its cursor stands still.
            if not conn.hold or conn.pending is not None or conn.state is not State.OPEN or user is None:
                continue
            with self._sequencer.lock:
                plan = self._sequencer.plan(user, conn.cursor, self.frontier, {})
            self._serve(conn, plan)
            if time.monotonic() >= until:
                return

    def rest(self) -> None:
        """Once in a while: let go of what nobody has used since the last time."""
        self._shelf.rest()

    def greet(self, conn: Connection, data: bytes) -> None:
        """Write something that has no place in any order (a PING)."""
        if not self._write_all(((conn, data),)):
            self._meters.wrote(1, len(data))

    def _deliver_room(self, piece: Slice) -> None:
        apart = [conn for conn in piece.apart if not conn.hold]
        for conn in apart:
            conn.hold = True
        for caps, group in piece.audience.items():
            if caps != plain.RENDER and (share := piece.joined(caps))[1]:
                held = self._write_all(zip(group, repeat(share[1])))
                self._count(share, len(group) - held)
        for conn in apart:
            conn.hold = False
            if not conn.plain and (share := piece.part_for(conn))[1]:
                self._write_all(((conn, share[1]),))
                self._count(share, 1)

    def _deliver_rooms(self, slices: list[Slice]) -> None:
        """Several rooms have something new. Who is in more than one of them gets it in one write."""
        shares: dict[Connection, tuple[int, bytes]] = {}
        twice: set[Connection] = set()
        odd: set[Connection] = set()  # have a share of their own: they are counted one by one
        tally: dict[int, int] = {}  # how many get what a room has, by the number of the share's object; counted once, at the end
        whole: dict[int, tuple[int, bytes]] = {}
        for piece in slices:
            apart = piece.apart
            for caps, group in piece.audience.items():
                if caps == plain.RENDER:
                    continue
                share = piece.joined(caps)
                alike = 0
                for conn in group:
                    if conn.hold:
                        continue
                    if conn not in shares and conn not in apart:
                        shares[conn] = share
                        alike += 1
                        continue
                    mine = piece.part_for(conn) if conn in apart else share
                    if conn in shares:
                        first = shares[conn]
                        if conn not in odd:
                            tally[id(first)] -= 1
                        twice.add(conn)
                        mine = first[0] + mine[0], first[1] + mine[1]
                    shares[conn] = mine
                    odd.add(conn)
                tally[id(share)] = tally.get(id(share), 0) + alike
                whole[id(share)] = share
        # A copy of an event that stands in several rooms (nick, quit) must reach each connection once, and in its place.
        if twice and any(event.id != event.seq for piece in slices for event in piece.events):
            twice = {conn for conn in twice if not conn.hold}
            for conn in twice:
                del shares[conn]
            odd -= twice
            self._serve_apart(twice, min(piece.events[0].seq for piece in slices) - 1)
        for number, times in tally.items():
            self._count(whole[number], times)
        for conn in odd:
            self._count(shares[conn], 1)
        self._write_all(zip(shares, map(_DATA, shares.values()), strict=True))

    def _count(self, share: tuple[int, bytes], times: int) -> None:
        lines, data = share
        if data:
            self._meters.deliveries += lines * times
            self._meters.wrote(lines, len(data), times)

    def _serve_apart(self, conns: Iterable[Connection], since: int) -> None:
        with self._sequencer.lock:
            plans = self._plans(conns, since)
        for conn, plan in plans:
            self._serve(conn, plan)

    def _write_all(self, pairs: Iterable[tuple[Connection, bytes]]) -> int:
        """The hot path: each connection that is up to date gets its bytes. Gives how many are not, and got nothing."""
        held = 0
        for conn, data in pairs:
            if conn.hold:
                held += 1
                continue
            try:
                written = conn.write(data) if data else 0
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                self._fall_behind(conn, memoryview(data))
            except (OSError, ValueError) as error:
                self._lose(conn, reason(error))
            else:
                if written != len(data):
                    self._write_rest(conn, memoryview(data)[written:])
        return held

    def _write_rest(self, conn: Connection, rest: memoryview) -> None:
        """One TLS record took the first part; write the rest."""
        try:
            if not conn.push(rest) and conn.pending is not None:
                self._fall_behind(conn, conn.pending)
        except Lost as lost:
            self._lose(conn, str(lost))

    def _fall_behind(self, conn: Connection, rest: memoryview) -> None:
        """The socket takes no more. All that the connection holds is what was just not written; the rest stays in the logs."""
        conn.pending = rest
        conn.hold = True
        conn.cursor = self.frontier
        conn.moved = time.monotonic()
        self._watch(conn)

    def _lose(self, conn: Connection, why: str) -> None:
        conn.hold = True
        self.lost.append((conn, why))

    def _serve(self, conn: Connection, plan: Plan) -> None:
        """Write what is due to one connection, and settle how it goes on."""
        try:
            if plan.behind:
                plan = self._page_in(conn, plan)
            self._write(conn, plan)
        except StoreError as error:
            log.error("cannot read what %s missed: %s", conn.address, error)
            self._lose(conn, "History cannot be read")
            return
        except Lost as lost:
            self._lose(conn, str(lost))
            return
        conn.cursor = plan.horizon
        user = conn.user
        if user is not None and user.ended and not conn.finishing:
            conn.finishing = user.ended
        if conn.pending is not None:
            conn.moved = time.monotonic()
            self._watch(conn)
        elif plan.more:
            self._behind[conn] = None
        elif plan.waiting:
            self._unsettled.add(conn)
            self.waiting = True
        elif conn.finishing and not conn.lines:
            self._lose(conn, conn.finishing)
        else:
            conn.hold = False

    def _read(self, conn: Connection, item: Deferred) -> bytes:
        """A reply that is read from the store, at the expense of whoever asked for it."""
        began = time.monotonic()
        data = item.run(self._store)
        now = time.monotonic()
        self.read_after = now + _REST * (now - began)
        if conn.flood is not None:
            conn.flood.spend(max(len(data) / _BYTES_PER_UNIT, item.looked / _LOOKED_PER_UNIT), quiet=True)
        return data

    def _page_in(self, conn: Connection, plan: Plan) -> Plan:
        """Read from the store what is not in memory any more, and plan again."""
        assert conn.user is not None
        pages: Pages = {}
        while plan.behind:
            erasures = self._sequencer.erasures
            for part in plan.behind:
                pages[part] = self._shelf.page(part, among=len(plan.behind))
            with self._sequencer.lock:
                if erasures != self._sequencer.erasures:  # what was just read may hold text that is gone since
                    pages.clear()
                plan = self._sequencer.plan(conn.user, conn.cursor, self.frontier, pages)
        return plan

    def _write(self, conn: Connection, plan: Plan) -> None:
        if not plan.items:
            return
        if not conn.plain:
            data = self._rendered(conn, plan)
            if data:
                conn.push(conn.encode(data))
                self._meters.wrote(data.count(b"\n"), len(data))
            return
        records = _plain_records(conn, plan)
        conn.push_records(records)
        self._meters.deliveries += sum(isinstance(item, Event) for item in plan.items)
        for record in records:
            self._meters.wrote(1, len(record))

    def _rendered(self, conn: Connection, plan: Plan) -> bytes:
        user = conn.user
        assert user is not None
        parts: list[bytes] = []
        for item in plan.items:
            if isinstance(item, bytes):
                parts.append(item)
            elif isinstance(item, Event):
                if item.id != conn.last_id:
                    parts.append(irc.render(item, user.render))
                    self._meters.deliveries += parts[-1] != b""
                conn.last_id = item.id
            else:
                parts.append(self._read(conn, item))
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _reads(user: User) -> bool:
    """Whether a reply to `user` has to be read from the store."""
    return any(not isinstance(data, bytes) for _, data in user.replies)


def _first(piece: Slice) -> int:
    return piece.events[0].seq


def _plain_records(conn: Connection, plan: Plan) -> list[bytes]:
    records = []
    for item in plan.items:
        if isinstance(item, Event):
            records.append(plain.render(item, conn.end))
        elif isinstance(item, bytes):
            records.append(plain.reply(item, conn.end))
    return [record for record in records if record]
