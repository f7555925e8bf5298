"""Metadata: what accounts, sessions and rooms say about themselves, and who wants to know of which key. Plain data.

Source: https://ircv3.net/specs/extensions/metadata
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Generic, TypeVar

S = TypeVar("S")
RECORD = "metadata"  # what is on record: of an account (its party the key) and of a registered room (its key)

# "Key names are restricted to the ranges a-z, 0-9, and _./-"
_KEY = re.compile(r"[a-z0-9_./-]{1,64}")


def valid_key(key: str) -> bool:
    """Whether `key` may be a key; at most 64 characters."""
    return _KEY.fullmatch(key) is not None


class Metadata(Generic[S]):
    """Values by owner (a party of `server.state.talks`, or a room's key) and key, and the subscribers (sessions) of each key."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, str]] = {}
        self._subscribers: dict[str, dict[S, None]] = {}

    def of(self, owner: str) -> Mapping[str, str]:
        """All that `owner` says."""
        return self._of.get(owner, {})

    def put(self, owner: str, key: str, value: str | None) -> None:
        """Set a value, or take it away (None)."""
        values = {k: v for k, v in self.of(owner).items() if k != key}
        if value is not None:
            values[key] = value
        self.replace(owner, values)

    def replace(self, owner: str, values: Mapping[str, str]) -> None:
        """Put `values` in the place of all that there were."""
        if values:
            self._of[owner] = dict(values)
        else:
            self._of.pop(owner, None)

    def subscribe(self, key: str, who: S) -> None:
        """`who` is to be told of `key`."""
        self._subscribers.setdefault(key, {})[who] = None

    def unsubscribe(self, key: str, who: S) -> None:
        """And no more."""
        subscribers = self._subscribers.get(key, {})
        subscribers.pop(who, None)
        if not subscribers:
            self._subscribers.pop(key, None)

    def subscribers(self, key: str) -> Collection[S]:
        """Who is to be told of `key`, in the order in which they asked. Not to be kept: it changes with the next subscription."""
        return self._subscribers.get(key, {}).keys()
