"""Changes of a room's modes, as MODE shows them, and those that the server makes itself: ranks that are kept for an account."""

from __future__ import annotations

from collections.abc import Iterator

from server.events import Kind
from server.state.model import Network, Rank, Room, User
from server.state.ranks import ROWS
from wire.message import as_line

Change = tuple[bool, str, str]  # whether it is set, the letter, the parameter or ""
CHANSERV = "ChanServ"


def set_by_server(net: Network, room: Room, changes: list[Change], at: int) -> None:
    """Show the room changes that the server has made, in ChanServ's name."""
    head = f":{CHANSERV}!{CHANSERV}@{net.name} MODE {room.name} "
    for part in parts(changes, net.limits.line - len(head.encode()) - 2):
        net.append(room, Kind.MODE, None, as_line(head + part, net.limits.line), at)


def parts(changes: list[Change], spare: int) -> Iterator[str]:
    """Changes as MODE shows them, as many together as fit in `spare` bytes."""
    part: list[Change] = []
    for change in changes:
        if part and len(written([*part, change]).encode()) > spare:
            yield written(part)
            part = []
        part.append(change)
    if part:
        yield written(part)


def written(changes: list[Change]) -> str:
    """Changes as MODE shows them: `+o-v alice bob`."""
    letters, params, sign = "", "", ""
    for adding, letter, param in changes:
        now = "+" if adding else "-"
        letters += (now if now != sign else "") + letter
        params += f" {param}" if param else ""
        sign = now
    return letters + params


def rerank(room: Room, user: User, rank: Rank) -> list[Change]:
    """Give a member another rank; the changes that this is."""
    before = room.members[user]
    room.members[user] = rank
    return [(bool(rank & each), letter, user.nick) for letter, _, each in ROWS if (before ^ rank) & each]


def raise_to_kept(user: User, room: Room) -> list[Change]:
    """Give a member the rank that is kept for their account; the changes that this is, for the room to see."""
    if room.registration is None:
        return []
    return rerank(room, user, room.members[user] | room.registration.rank_of(user.account))
