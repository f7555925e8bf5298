"""What the store forgets by itself: by age, by number, by room.

This thread finds out what is to go, with reads that disturb nobody; the journal, the one thread that writes, deletes it in slices
between its commits (`Journal.do`). So a commit waits for one slice at the most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from server.ports import Store, StoreError
from server.settings.storage import RoomRetention
from server.settings.tree import Settings
from wire.display import safe
from wire.masks import matches
from wire.names import fold

log = logging.getLogger("parley.retention")

_DAY_MS = 86_400_000
_FIRST_S = 15.0  # after the start, when everybody comes back, there is other work
_LOOK_S = 5.0  # between two looks at whether what was erased can be taken out of the WAL
_PAUSES = 4  # times what a slice took is waited for before the next: at most a fifth of the disk's time
_ROOMS = 256  # keys read at once

Do = Callable[[Callable[[], int]], int]


class Rule(NamedTuple):
    """What of a room is kept: so many milliseconds, and so many of the newest events; 0: no bound."""

    age: int
    events: int

    def __bool__(self) -> bool:
        return bool(self.age or self.events)


class Rules:
    """The settings, as rules. A room has the first table that names it, else what holds for all."""

    def __init__(self, settings: Settings) -> None:
        self._tables = [([fold(mask) for mask in table.rooms], _rule(table)) for table in settings.retention_rooms.values()]
        self.general = Rule(int(settings.retention.days * _DAY_MS), settings.retention.events)
        every = [self.general, *(rule for _, rule in self._tables)]
        self.longest = max(rule.age for rule in every) if all(rule.age for rule in every) else 0  # nothing at all is older
        self.by_room = any(rule.events or rule.age != self.longest for rule in every)

    def of(self, room: str) -> Rule:
        """What holds for the room, or the private conversation, of that key."""
        for masks, rule in self._tables:
            if any(matches(mask, room) for mask in masks):
                return rule
        return self.general


def _rule(table: RoomRetention) -> Rule:
    return Rule(int(table.days * _DAY_MS), table.events)


class Retention(threading.Thread):
    """Has the store forget what the settings say, every `retention.every_s` seconds, until stopped.

    `settings` gives those that are in force; `do` carries out what writes.
    """

    def __init__(self, store: Store, settings: Callable[[], Settings], do: Do) -> None:
        super().__init__(name="retention", daemon=True)
        self._store = store
        self._settings = settings
        self._do = do
        self._stopping = threading.Event()
        self.deleted = 0  # events, since the start

    def stop(self) -> None:
        """End after the slice under way. Idempotent. Call it while the journal still runs."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Until stopped."""
        due = time.monotonic() + _FIRST_S
        trouble = ""
        while not self._stopping.wait(_LOOK_S):
            try:
                if time.monotonic() >= due:
                    due = time.monotonic() + self._settings().retention.every_s
                    self.sweep(time.time_ns() // 1_000_000)
                self._do(self._scrub)
                trouble = ""
            except StoreError as error:
                if str(error) != trouble and not self._stopping.is_set():
                    trouble = str(error)
                    log.error("old messages are not deleted: %s", error)

    def sweep(self, at: int) -> int:
        """Delete what is too much at the time `at` (milliseconds); gives how many events went. Raises StoreError."""
        rules, store = Rules(self._settings()), self._store
        gone = 0
        if rules.longest:
            gone += self._repeat(lambda: store.retain(at - rules.longest))
        if rules.by_room:
            gone += sum(self._room(room, rules.of(room), at) for room in self._rooms())
        if gone:
            log.info("deleted %d events that the settings of retention keep no longer", gone)
        self.deleted += gone
        self._repeat(store.shrink)
        return gone

    def _rooms(self) -> Iterator[str]:
        room = ""
        while found := self._store.rooms(room, _ROOMS):
            yield from found
            room = found[-1]

    def _room(self, room: str, rule: Rule, at: int) -> int:
        if not rule or self._stopping.is_set():
            return 0
        store = self._store
        upto = store.at_time(room, at - rule.age) if rule.age else 0
        if rule.events:
            upto = max(upto, store.surplus(room, rule.events))
        gone = self._repeat(lambda: store.trim(room, upto)) if upto else 0
        if gone:
            log.debug("deleted %d events of %s", gone, safe(room))
        return gone

    def _repeat(self, work: Callable[[], int]) -> int:
        """Have `work` done until it finds nothing more to do; the sum of what it did."""
        total = 0
        while True:
            began = time.monotonic()
            done = self._do(work)
            total += done
            if not done or self._stopping.wait(_PAUSES * (time.monotonic() - began)):
                return total

    def _scrub(self) -> int:
        return int(self._store.scrub())
