"""What makes a room registered: whose it is, and which accounts have a rank in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.state.ranks import Rank
from wire.names import fold


@dataclass(slots=True)
class Registration:
    """Accounts stand here as they are shown; `access` has them by their folded names, with the rank that they are given."""

    founder: str
    at: int  # milliseconds
    successor: str = ""
    since: int = 0  # the position from which on the log of that name is theirs: what stands before it was said in another room
    access: dict[str, tuple[str, Rank]] = field(default_factory=dict)

    def rank_of(self, account: str) -> Rank:
        """The rank that `account` ("" for none) is given on joining. A founder or a protected member is an operator too."""
        if not account:
            return Rank.NONE
        key = fold(account)
        rank = self.access.get(key, ("", Rank.NONE))[1]
        if key == fold(self.founder):
            rank |= Rank.FOUNDER
        return rank | Rank.OP if rank >= Rank.PROTECTED else rank
