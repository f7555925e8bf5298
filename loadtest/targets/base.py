"""What a comparison knows of a server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class Address(NamedTuple):
    """A server that can be loaded now. `pid` is the process that serves, 0 where it is not known."""

    host: str  # HOST:PORT
    ca: str
    pid: int = 0


class Target(Protocol):
    """One column of a comparison. `notes` are the footnotes: how it was set up, and what it does or lacks that others do not."""

    @property
    def name(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def version(self) -> str:
        """In its own words; "" where it cannot be asked."""
        ...

    def running(self) -> AbstractContextManager[Address]:
        """The server, for one round: started before it and ended after it, where it is ours to start. Raises Refused."""
        ...
