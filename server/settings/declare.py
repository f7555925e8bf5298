"""What a setting is: a field with a default, a sentence and bounds; and how it is said that one is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from typing import Final, NamedTuple, TypeVar

from wire.display import safe

WIDTH: Final = 110  # characters of a line in the help and in the example file
_MOST_SAID: Final = 1000  # characters about what is wrong

T = TypeVar("T")


class SettingsError(Exception):
    """A setting is wrong. The text is one sentence: where it was given, the value, and what is allowed.

    Whatever stands in the file, it is one line, and no longer than one reads.
    """

    def __init__(self, text: str) -> None:
        super().__init__(safe(text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]}..."))


def hint(wrong: str, known: Iterable[str]) -> str:
    """ " did you mean …?" for the nearest known name, by the whole name or by its last part."""
    from difflib import get_close_matches  # noqa: PLC0415  (only where something is wrong)

    by_tail: dict[str, str] = {}
    for name in known:
        by_tail.setdefault(name.rpartition(".")[2], name)
        by_tail[name] = name
    near = get_close_matches(wrong, by_tail, n=1) or get_close_matches(wrong.rpartition(".")[2], by_tail, n=1)
    return f"; did you mean {by_tail[near[0]]}?" if near else "."


class Address(NamedTuple):
    """A place to listen at; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """`host:port` or `[v6]:port`; raises ValueError for anything else."""
        match = re.fullmatch(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[^\s:\[\]]+)):(?P<port>[0-9]{1,5})", text.strip())
        if match is None or int(match["port"]) > 65535:
            raise ValueError(text)
        return cls(match["v6"] or match["host"], int(match["port"]))


def setting(
    default: T,
    doc: str,
    *,
    least: float | None = None,
    most: float | None = None,
    pattern: str = r"[^\x00-\x1f\x7f]*",
    secret: bool = False,
) -> T:
    """A field of the tree: its default, its sentence, and what it may be (`least`/`most` for numbers, `pattern` for text)."""
    return field(
        default=default,
        repr=not secret,
        metadata={"doc": doc, "least": least, "most": most, "pattern": pattern, "secret": secret},
    )
