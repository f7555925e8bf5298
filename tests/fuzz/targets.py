"""The targets there are, and where each is. A target is loaded by name, so that Atheris can instrument what it imports."""

from __future__ import annotations

import importlib
from collections.abc import Callable

Target = Callable[[bytes], None]

TARGETS = (
    "wire",  # lines and messages
    "tags",
    "text",  # what is shown, names, times, message ids
    "masks",  # wildcards, bans
    "sasl",  # the calculators
    "login",  # a session before its welcome
    "modes",
    "commands",  # everything that somebody may say
    "plain",
    "websocket",
    "screen",  # what it does to the full screen: rows and cells
    "client",  # what a server may do to ours: protocol, view, rows on a terminal
    "config",
)


def load(name: str) -> Target:
    """The target of that name."""
    found: Target = importlib.import_module(f"tests.fuzz.target_{name}").target
    return found
