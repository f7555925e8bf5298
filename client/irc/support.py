"""What a server says of itself in RPL_ISUPPORT. https://modern.ircdocs.horse/#rplisupport-005"""

from __future__ import annotations

import re
from collections.abc import Iterator

from client.history import LONGEST_NICK
from wire.message import truncate

NEXT_PAGE = 1000  # messages of history in one answer that we ask for, at most
LONGEST_NETWORK = 64  # bytes
LONGEST_VALUE = 300  # characters
MOST_RANKS = 16

_RANKS = re.compile(r"\(([A-Za-z]*)\)([!-/:-@\[-`{-~]*)")
SIGNS = "~&@%+"  # that no nick begins with, nor a room's name
_ESCAPE = re.compile(r"\\x([0-9A-Fa-f]{2})")
_PREFIX = f"(qaohv){SIGNS}"
_MODES = "beIq,k,l,imnpst"


class Support:
    """The tokens that matter to us; what is no use is as if it had not been said."""

    def __init__(self) -> None:
        self.page_limit = NEXT_PAGE
        self.network = ""
        self.ranks: dict[str, str] = {}  # mode -> sign, highest first
        self._lists = self._always = self._set_only = ""  # modes with a parameter
        self._denied: frozenset[str] = frozenset()
        self._allowed: frozenset[str] = frozenset()
        self._take("PREFIX", _PREFIX)
        self._take("CHANMODES", _MODES)

    @property
    def signs(self) -> str:
        """All signs of ranks, highest first."""
        return "".join(self.ranks.values())

    def take(self, tokens: list[str]) -> None:
        """The tokens of a 005."""
        for token in tokens:
            key, _, value = token.partition("=")
            self._take(key, value[:LONGEST_VALUE])

    def _take(self, key: str, value: str) -> None:
        match key:
            case "CHATHISTORY" | "draft/CHATHISTORY":
                if value.isascii() and value.isdecimal() and len(value) < 8:
                    self.page_limit = min(int(value) or NEXT_PAGE, NEXT_PAGE)
            case "NETWORK":
                self.network = truncate(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), value), LONGEST_NETWORK)
            case "PREFIX":
                found = _RANKS.fullmatch(value or "()")
                if found and len(found[1]) == len(found[2]) <= MOST_RANKS:
                    self.ranks = dict(zip(found[1], found[2], strict=True))
            case "CHANMODES":
                self._lists, self._always, self._set_only = [*value.split(","), "", "", ""][:3]
            case "CLIENTTAGDENY":
                self._deny(value.split(","))

    def _deny(self, names: list[str]) -> None:
        """ "a comma-separated list of client-only tags ... `*` ... and exempted by a leading `-`" (message-tags)"""
        self._denied = frozenset(name for name in names if name and name[0] != "-")
        self._allowed = frozenset(name[1:] for name in names if name[:1] == "-")

    def takes_tag(self, name: str) -> bool:
        """Whether the server passes on the client-only tag `+name`."""
        return name not in self._denied and ("*" not in self._denied or name in self._allowed)

    def changes(self, modes: str, params: list[str]) -> Iterator[tuple[bool, str, str]]:
        """Each change of a MODE: whether it is set, the mode, its parameter ("" where it has none)."""
        rest, add = iter(params), True
        for mode in modes:
            if mode in "+-":
                add = mode == "+"
                continue
            takes = mode in self.ranks or mode in self._lists or mode in self._always or (add and mode in self._set_only)
            yield add, mode, next(rest, "") if takes else ""

    def with_rank(self, ranks: str, mode: str, *, add: bool) -> str:
        """`ranks` with that of a mode, or without it, highest first."""
        sign = self.ranks[mode]
        return "".join(s for s in self.ranks.values() if (s in ranks and s != sign) or (add and s == sign))

    def rank_and_nick(self, entry: str) -> tuple[str, str]:
        """An entry of a NAMES reply: the ranks, and the nick."""
        nick = entry.lstrip(self.signs + SIGNS)
        ranks = entry[: len(entry) - len(nick)]
        return "".join(s for s in self.signs if s in ranks), nick.partition("!")[0][:LONGEST_NICK]
