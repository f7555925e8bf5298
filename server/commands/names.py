"""Which nick a session may take: free, not reserved, not somebody's who is logged in elsewhere."""

from __future__ import annotations

from server.state.accounts import Account
from server.state.model import Network, User
from wire.confusables import skeleton
from wire.names import fold

# Names that a person could take for the server's or a service's, by what they look like.
RESERVED = frozenset(
    map(skeleton, ("server", "nickserv", "chanserv", "operserv", "memoserv", "hostserv", "botserv", "histserv", "anonymous"))
)


def reserved_for(net: Network, nick: str, user: User | None) -> Account | None:
    """The account that `nick` is kept for, where that is not the account of `user`."""
    if not net.settings.accounts.reserve_nicks:
        return None
    owner = net.book.owner(nick)
    if owner is None or owner.code or (user is not None and fold(user.account) == owner.key):
        return None
    return owner


def same_account(one: User, other: User) -> bool:
    """Whether both are logged in, and to the same account."""
    return one.account != "" and fold(one.account) == fold(other.account)


def taken(net: Network, user: User, nick: str) -> str:
    """Why `user` cannot have `nick`, "" where they can."""
    holder = net.nicks.get(fold(nick))
    if holder is not None and holder is not user:
        return "Nickname is already in use"
    owner = reserved_for(net, nick, user)
    if owner is not None:
        return f"Nickname belongs to the account {owner.name}, or looks like it: log in first"
    return ""


def may_become_theirs(net: Network, user: User, nick: str) -> bool:
    """Whether logging in, for which a session that negotiates still has time, could give `user` a nick that is taken."""
    if user.registered or not user.negotiating:
        return False
    holder = net.nicks.get(fold(nick))
    return holder is None or holder is user or holder.account != ""
