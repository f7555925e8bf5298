"""One room or dialogue (or, named "", what the server says), as it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from client.view.scroll import Scroll


class Past(Enum):
    """What is known of what lies before the oldest entry."""

    MORE = "more"  # there may be more
    ASKED = "asked"  # a page has been asked for
    START = "start"  # nothing
    FULL = "full"  # no more is kept


@dataclass(slots=True)
class Member:
    """Somebody in a room. `ranks` such as "@+", highest first."""

    nick: str
    ranks: str = ""
    away: bool = False


@dataclass(slots=True, eq=False)
class Buffer:
    """All that is shown of one conversation. `name` is safe to show, `target` is what it is called on the wire."""

    name: str
    target: str
    entries: Scroll = field(default_factory=Scroll)
    topic: str = ""
    joined: bool = False
    unread: int = 0  # messages of others that we have not read
    mentions: int = 0  # of these, the ones that mean us; in a dialogue all do
    marker: datetime | None = None  # read up to then, on whatever device
    marked: int | None = None  # the first that was unread when the buffer came to the front, by number
    past: Past = Past.MORE
    members: dict[str, Member] = field(default_factory=dict)  # folded nick -> member
    typing: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # folded nick -> nick, and until when
    waiting: tuple[str, ...] = ()  # what we said and is not stored yet
    muted: bool = False

    @property
    def is_dialogue(self) -> bool:
        """Whether it is between one other and us."""
        return bool(self.target) and self.target[0] != "#"
