"""Masks: they fit what they say, in few steps; and whoever is banned by one is kept out.

Input: a mask, a text, a mask of a ban of the server, each on a line of its own.
"""

from __future__ import annotations

from server.commands.bans import normal as normal_mask
from server.operators import network_of
from server.state import bans
from server.state.bans import KINDS, KLINE, Ban, Bans, Subject
from tests.fuzz.cut import words
from wire.masks import complete, matches
from wire.names import fold


class Counted(str):
    """A text that counts the characters of it that are looked at."""

    __slots__ = ("steps",)

    def find(self, sub: str, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        last = len(self) if end is None else end
        at = super().find(sub, start, last)
        self.count((last if at < 0 else at + len(sub)) - start + 1)
        return at

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        self.count(1)
        return super().__getitem__(key)

    def __iter__(self):  # type: ignore[no-untyped-def]
        for c in super().__iter__():
            self.count(1)
            yield c

    def count(self, steps: int) -> None:  # type: ignore[override]
        self.steps = getattr(self, "steps", 0) + steps


def fits(mask: str, text: str) -> bool:
    """What a mask means, said as plainly as possible: all places of it that one may have come to."""
    here = {0}
    for c in [*text, ""]:
        for at in sorted(here):
            while at < len(mask) and mask[at] == "*":
                at += 1
                here.add(at)
        if not c:
            return len(mask) in here
        here = {at + (mask[at] != "*") for at in here if at < len(mask) and mask[at] in ("*", "?", c)}
    raise AssertionError


def target(data: bytes) -> None:
    mask, text, banned = (word[:300] for word in words(data, 3))
    counted = Counted(text)
    assert matches(mask, counted) == fits(mask, text), "it fits, and it does not"
    assert getattr(counted, "steps", 0) <= 2 * (len(text) + len(mask)) + 2, "too many steps"
    full = complete(mask)
    assert complete(full) == full
    assert "!" in full
    assert "@" in full
    try:
        mask.encode()
        banned.encode()
    except UnicodeEncodeError:  # no line that was read holds such
        return
    kept = normal_mask(mask)
    assert len(kept.encode()) <= 150
    assert not set(kept) & set(" ,"), "an entry of a list is several words"
    assert kept[:1] != ":"
    _bans(banned, text)


def _bans(given: str, text: str) -> None:
    seconds = bans.duration(given)
    assert seconds is None or seconds >= 0
    user, _, host = text.partition("@")
    who = Subject(user, (host,), "192.0.2.77", text)
    for kind in KINDS:
        mask = bans.normal(kind, given)
        if mask is None:
            continue
        assert bans.normal(kind, mask) == mask, "the plainest form has a plainer one"
        bans.too_wide(kind, mask)
        book = Bans()
        book.put(Ban(kind, mask, "", "", 0, 0))
        found = book.of(who, 1) is not None
        if kind == KLINE and network_of(mask.rpartition("@")[2]) is None:
            by_user, _, by_host = mask.rpartition("@")
            names = {fold(user), fold(user).removeprefix("~")}
            hosts = {fold(host), who.address}
            assert found == (any(fits(by_user, name) for name in names) and any(fits(by_host, each) for each in hosts))
