"""The list at the right: who is in the room in front, by rank."""

from __future__ import annotations

from typing import ClassVar

from client.tui.rows import Row, RowList, Span
from client.view import Buffer, Member
from wire.names import fold

# https://modern.ircdocs.horse/#channel-membership-prefixes
RANKS = {"~": "Founders", "&": "Protected", "@": "Operators", "%": "Half-operators", "+": "Voiced", "": "Members"}
_ORDER = {rank: number for number, rank in enumerate(RANKS)}


def rank_of(member: Member) -> str:
    """The highest rank that has a name."""
    first = member.ranks[:1]
    return first if first in RANKS else ""


def member_rows(buffer: Buffer) -> tuple[list[Row], list[str]]:
    """The rows, and the nick in each ("" for a heading)."""
    groups: dict[str, list[Member]] = {}
    for member in buffer.members.values():
        groups.setdefault(rank_of(member), []).append(member)
    rows: list[Row] = []
    nicks: list[str] = []
    for rank in sorted(groups, key=_ORDER.__getitem__):
        rows.append(Row([Span(f" {RANKS[rank]} {len(groups[rank])}", "heading")]))
        nicks.append("")
        for member in sorted(groups[rank], key=lambda m: fold(m.nick)):
            rows.append(Row([Span(f" {rank or ' '}", "quiet"), Span(member.nick, "away" if member.away else "row")]))
            nicks.append(member.nick)
    return rows, nicks


class Members(RowList):
    """Shows a buffer's members."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"heading", "away", "quiet"}

    def __init__(self) -> None:
        super().__init__(id="members")
        self._nicks: list[str] = []

    def sync(self, buffer: Buffer) -> None:
        """Show who is there now."""
        rows, self._nicks = member_rows(buffer)
        self.put(rows)

    def nick(self, number: int) -> str:
        """Who is in a row; "" for a heading."""
        return self._nicks[number]
