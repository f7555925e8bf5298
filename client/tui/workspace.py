"""Several servers: which conversation is in front, their order, what was typed and not yet sent. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from client.address import Address
from client.view import Buffer, View
from wire.display import safe
from wire.names import fold

MOST_DRAFTS = 200
LONGEST_DRAFT = 16 * 1024


class Server(Protocol):
    """What the workspace needs of a session."""

    address: Address

    @property
    def view(self) -> View:
        """Its conversations."""

    @property
    def name(self) -> str:
        """What it is called, safe to show."""


S = TypeVar("S", bound=Server)


@dataclass(frozen=True, slots=True, eq=False)
class Place(Generic[S]):
    """A conversation on a server. A room or dialogue that is listed has a `number` from 1, which stays with it."""

    server: S
    buffer: Buffer
    number: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """The same for the same conversation, for as long as the server is there."""
        return id(self.server), fold(self.buffer.target)

    @property
    def is_server(self) -> bool:
        """Whether it is what the server itself says."""
        return not self.buffer.target


class Workspace(Generic[S]):
    """Which servers there are (one at least, once it is used), and what is in front."""

    def __init__(self) -> None:
        self.servers: list[S] = []
        self._front: S | None = None
        self._drafts: OrderedDict[tuple[int, str], str] = OrderedDict()
        self._numbers: dict[Buffer, int] = {}

    def add(self, server: S) -> None:
        """One more, at the end; in front if it is the first."""
        self.servers.append(server)
        self._front = self._front or server

    def remove(self, server: S) -> None:
        """One less; the last one stays."""
        if len(self.servers) == 1:
            return
        self.servers.remove(server)
        if self._front is server:
            self._front = self.servers[0]
        for key in [key for key in self._drafts if key[0] == id(server)]:
            del self._drafts[key]

    @property
    def server(self) -> S:
        """The one in front."""
        assert self._front is not None
        return self._front

    def title(self, server: S) -> str:
        """What a server is called here, safe to show: by its address where another one has the same name."""
        alike = [each for each in self.servers if each.name == server.name]
        return server.name if len(alike) < 2 else safe(str(server.address))

    @property
    def front(self) -> Place[S]:
        """What is in front."""
        return Place(self.server, self.server.view.front)

    def places(self) -> list[Place[S]]:
        """All conversations as they are listed: for each server what it says itself, then its rooms and dialogues."""
        return [place for server in self.servers for place in (Place(server, server.view.buffer("")), *self.rooms(server))]

    def rooms(self, *servers: S) -> list[Place[S]]:
        """Of these servers or all: rooms, then dialogues, each by its number, so in the order in which we came to them."""
        numbers = self._numbered()
        return [
            Place(server, buffer, numbers[buffer])
            for server in servers or self.servers
            for buffer in sorted((b for b in server.view.buffers.values() if b.target), key=lambda b: (b.is_dialogue, numbers[b]))
        ]

    def _numbered(self) -> dict[Buffer, int]:
        """A newcomer has the smallest number that is free."""
        here = [buffer for server in self.servers for buffer in server.view.buffers.values() if buffer.target]
        kept = {buffer: self._numbers[buffer] for buffer in here if buffer in self._numbers}
        free = iter(sorted({*range(1, len(here) + 1)} - {*kept.values()}))
        self._numbers = kept | {buffer: next(free) for buffer in here if buffer not in kept}
        return self._numbers

    def show(self, place: Place[S]) -> None:
        """Bring a conversation to the front."""
        self._front = place.server
        place.server.view.switch(place.buffer.target)

    def step(self, by: int) -> None:
        """Bring the next (1) or previous (-1) to the front, around the ends."""
        places = self.places()
        self.show(places[(self._index(places) + by) % len(places)])

    def number(self, number: int) -> bool:
        """Bring room `number` to the front; whether there is one."""
        found = [place for place in self.rooms() if place.number == number]
        if found:
            self.show(found[0])
        return bool(found)

    def next_unread(self) -> bool:
        """Bring the next one to the front that has something unread, those that mean us first; whether there is one."""
        places = self.places()
        here = self._index(places)
        others = places[here + 1 :] + places[:here]
        unread = [p for p in others if p.buffer.mentions] or [p for p in others if p.buffer.unread and not p.buffer.muted]
        if unread:
            self.show(unread[0])
        return bool(unread)

    def elsewhere(self) -> tuple[int, int]:
        """How many messages are unread, and how many of them mean us, in what is not in front."""
        here = self.front.key
        others = [place.buffer for place in self.places() if place.key != here]
        return sum(b.unread for b in others if not b.muted), sum(b.mentions for b in others)

    def _index(self, places: list[Place[S]]) -> int:
        here = self.front.key
        return next(number for number, place in enumerate(places) if place.key == here)

    # --- what was typed and not yet sent ---

    def keep_draft(self, text: str) -> None:
        """Keep what is typed in the conversation in front; of too many, the ones left longest ago go."""
        key = self.front.key
        self._drafts.pop(key, None)
        if text:
            self._drafts[key] = text[:LONGEST_DRAFT]
        while len(self._drafts) > MOST_DRAFTS:
            self._drafts.popitem(last=False)

    @property
    def draft(self) -> str:
        """What was typed in the conversation in front."""
        return self._drafts.get(self.front.key, "")
