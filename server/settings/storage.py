"""Settings of what is kept: messages, how long, and what is remembered of lines that may come again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server.settings.declare import setting

DATA = Path("var/data")  # below the working directory; `make run` makes it


@dataclass(frozen=True, slots=True)
class Store:
    """Where messages are kept."""

    kind: Literal["sqlite", "memory"] = setting(
        "sqlite", "sqlite keeps messages on disk before anyone sees them; memory forgets at exit."
    )
    data: Path = setting(  # noqa: RUF009
        DATA, "Directory for the database; it belongs to one server process at a time."
    )
    synchronous: Literal["FULL", "NORMAL"] = setting(
        "FULL", "FULL survives a power cut with everything that was seen; NORMAL survives a kill only, and is faster."
    )
    memory_events: int = setting(
        100_000,
        "Events that the memory store keeps over all rooms; the oldest go first, and a reader who is further behind misses them.",
        least=1000,
        most=100_000_000,
    )
    damaged: Literal["refuse", "aside"] = setting(
        "refuse",
        "What to do at the start with a database that is damaged: refuse to start, or move it aside and begin with an empty one,"
        " without its accounts, registered rooms and bans too.",
    )
    window_mib: int = setting(
        64, "MiB of the newest events held in memory over all rooms; older ones are read from the store.", least=1, most=65536
    )


@dataclass(frozen=True, slots=True)
class Retention:
    """How long messages are kept. What is older, or more, is deleted from the store for good."""

    days: float = setting(0.0, "Days that messages and other events are kept, 0 for ever.", least=0, most=36_500)
    events: int = setting(
        0,
        "Events (messages, joins and the like) kept of each room and private conversation, the newest ones; 0 for all.",
        least=0,
        most=10**9,
    )
    every_s: float = setting(300.0, "Seconds between looks at what is to be deleted.", least=1, most=86_400)


@dataclass(frozen=True, slots=True)
class RoomRetention:
    """[retention_rooms.NAME]: what holds for some rooms instead."""

    rooms: tuple[str, ...] = setting(
        (), "Names or masks of rooms; =* stands for private conversations.", pattern=r"[#=*?][^\x00-\x20\x7f,]{0,199}"
    )
    days: float = setting(0.0, "As in [retention].", least=0, most=36_500)
    events: int = setting(0, "As in [retention].", least=0, most=10**9)


@dataclass(frozen=True, slots=True)
class Resend:
    """What is remembered of lines that clients gave an id (parley.chat/resend), so that one sent again is stored once."""

    seconds: int = setting(600, "Seconds for which the id of a line is remembered; 0 offers no ids.", least=0, most=86_400)
    lines: int = setting(
        256, "Ids that are remembered for an account, or a session without one, the newest.", least=16, most=10_000
    )
    total: int = setting(100_000, "Ids that are remembered over all; some 500 bytes of memory each.", least=16, most=10_000_000)
