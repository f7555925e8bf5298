"""The lists of a room: bans (+b), exceptions from them (+e), people who need no invitation (+I).

Source: https://modern.ircdocs.horse/#ban-channel-mode, #exception-channel-mode, #invite-exception-channel-mode
"""

from __future__ import annotations

from dataclasses import dataclass

from server.commands.bans import normal
from server.commands.table import Context, shown
from server.state.model import Listed, Room
from server.state.ranks import Rank
from wire import numerics as n
from wire.names import fold

_ENTRIES_PER_UNIT = 25  # to show so many costs about as much as one ordinary command


@dataclass(frozen=True, slots=True)
class ListMode:
    """A list: the attribute of Room that holds it, and how it is shown."""

    letter: str
    attribute: str
    entry: str  # the numeric of an entry
    end: str  # that of its end
    name: str
    least: Rank  # to change it
    reader: Rank  # to see it
    mutes: bool = True  # whether `m:` may stand in it

    def of(self, room: Room) -> dict[str, Listed]:
        """The list, by folded mask."""
        found: dict[str, Listed] = getattr(room, self.attribute)
        return found


LISTS = {
    row.letter: row
    for row in (
        ListMode("b", "bans", n.RPL_BANLIST, n.RPL_ENDOFBANLIST, "ban", Rank.HALFOP, Rank.NONE),
        ListMode("e", "exceptions", n.RPL_EXCEPTLIST, n.RPL_ENDOFEXCEPTLIST, "exception", Rank.OP, Rank.HALFOP),
        ListMode("I", "invitations", n.RPL_INVEXLIST, n.RPL_ENDOFINVEXLIST, "invite exception", Rank.OP, Rank.HALFOP, mutes=False),
    )
}


def show_list(context: Context, room: Room, row: ListMode) -> None:
    """Answer with the entries and their end."""
    head = f":{context.net.name} {row.entry} {context.user.nick} {room.name}"
    context.spend(len(row.of(room)) / _ENTRIES_PER_UNIT)
    for mask, by, at, _ in row.of(room).values():
        context.line(f"{head} {mask} {by} {at // 1000}")
    context.numeric(row.end, room.name, f"End of channel {row.name} list")


def change_list(context: Context, room: Room, row: ListMode, given: str, *, adding: bool) -> str:
    """Put a mask on a list or take it off; gives the mask as the room is to see it, "" where nothing was changed."""
    mask = normal(given, mutes=row.mutes)
    if not mask:
        context.numeric(n.ERR_INVALIDMODEPARAM, room.name, row.letter, shown(given), "That is no mask")
        return ""
    entries = row.of(room)
    key = fold(mask)
    if not adding:
        gone = entries.pop(key, None)
        room.verdicts.clear()
        return gone.mask if gone is not None else ""
    if key in entries:
        return ""
    if len(entries) >= context.net.limits.list_entries:
        context.numeric(n.ERR_BANLISTFULL, room.name, mask, f"Channel {row.name} list is full")
        return ""
    room.verdicts.clear()
    entries[key] = Listed(mask, context.user.prefix, context.at, context.net.seq)
    return mask
