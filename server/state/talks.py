"""Private conversations: who they are between, their logs, and with whom each party has talked.

A *party* is an account where there is one ("@alice", folded), else a session ("34", its id). So a conversation between accounts is
the same one after a reconnect and a restart, and one with somebody without an account ends, for them, with their session. Two
names are never the same party: an account's starts with "@", which no session's does.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

from server.log import RoomLog
from wire.names import fold


class Someone(Protocol):
    """A session, as far as it matters here."""

    id: int
    account: str
    nick: str


def party(user: Someone) -> str:
    """Who `user` is in private conversations."""
    return "@" + fold(user.account) if user.account else str(user.id)


def is_account(who: str) -> bool:
    """Whether the party `who` is an account."""
    return who[:1] == "@"


def conversation_key(one: str, other: str) -> str:
    """The key of the log of what two parties say to each other."""
    low, high = sorted((one, other))
    return f"={low}={high}"


class Talks:
    """The logs whose newest part is in memory, at most `most_logs`; and for each party the last `most_peers` it has talked to."""

    def __init__(self, most_logs: int, most_peers: int) -> None:
        self._most_logs = most_logs
        self._most_peers = most_peers
        self.logs: OrderedDict[str, RoomLog] = OrderedDict()
        self._peers: dict[str, OrderedDict[str, str]] = {}  # party to peers and their last known nicks; the newest contact last

    def log(self, key: str, floor: int) -> RoomLog:
        """The log of a conversation; a new one begins above the position `floor`, what is older is in the store."""
        log = self.logs.get(key)
        if log is None:
            log = self.logs[key] = RoomLog(key, floor)
            if len(self.logs) > self._most_logs:
                self.logs.popitem(last=False)  # whoever is still owed part of it holds the log itself
        else:
            self.logs.move_to_end(key)
        return log

    def meet(self, who: str, peer: str, nick: str) -> tuple[bool, str]:
        """`who` has talked to `peer`, now called `nick`: whether that is news, and the peer that is forgotten for it ("": none)."""
        peers = self._peers.get(who)
        if peers is None:
            peers = self._peers[who] = OrderedDict()
        if peers.get(peer) == nick:
            peers.move_to_end(peer)
            return False, ""
        peers[peer] = nick
        peers.move_to_end(peer)
        return True, peers.popitem(last=False)[0] if len(peers) > self._most_peers else ""

    def peers(self, who: str) -> list[tuple[str, str]]:
        """Whom `who` has talked to, with their last known nicks; the newest contact first."""
        return list(reversed(self._peers.get(who, {}).items()))

    def called(self, who: str, name: str) -> str:
        """The peer of `who` that goes by `name`, now that nobody here does: an account, else the last of that nick; "": none."""
        key = fold(name)
        peers = self._peers.get(who, OrderedDict())
        if "@" + key in peers:
            return "@" + key
        return next((peer for peer, nick in reversed(peers.items()) if fold(nick) == key), "")

    def forget(self, who: str) -> list[str]:
        """The party is gone for good: a session that has ended, an account that was deleted. Gives its peers."""
        peers = list(self._peers.pop(who, ()))
        for peer in peers:
            self.logs.pop(conversation_key(who, peer), None)
        return peers
