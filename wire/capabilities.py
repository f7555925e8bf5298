"""IRCv3 capabilities that this software knows: one row each.

A set of capabilities is an int with the rows' bits, so asking for one is an `&`. RENDERED are those that change how an event
looks on the wire: connections with the same of them share the same bytes.
"""

from __future__ import annotations

import enum


class Cap(enum.IntFlag):
    """The bits. Their values are never stored: reorder at will."""

    MESSAGE_TAGS = enum.auto()
    SERVER_TIME = enum.auto()
    ECHO_MESSAGE = enum.auto()
    BATCH = enum.auto()
    LABELED_RESPONSE = enum.auto()
    MULTI_PREFIX = enum.auto()
    USERHOST_IN_NAMES = enum.auto()
    EXTENDED_JOIN = enum.auto()
    CAP_NOTIFY = enum.auto()
    CHATHISTORY = enum.auto()


NAMES: dict[str, Cap] = {
    "message-tags": Cap.MESSAGE_TAGS,
    "server-time": Cap.SERVER_TIME,
    "echo-message": Cap.ECHO_MESSAGE,
    "batch": Cap.BATCH,
    "labeled-response": Cap.LABELED_RESPONSE,
    "multi-prefix": Cap.MULTI_PREFIX,
    "userhost-in-names": Cap.USERHOST_IN_NAMES,
    "extended-join": Cap.EXTENDED_JOIN,
    "cap-notify": Cap.CAP_NOTIFY,
    "draft/chathistory": Cap.CHATHISTORY,
}

# What `CAP LS 302` shows behind the name (`name=value`), where there is something to show.
VALUES: dict[Cap, str] = {}

RENDERED = int(Cap.MESSAGE_TAGS | Cap.SERVER_TIME | Cap.EXTENDED_JOIN)


def listed(caps: int) -> str:
    """The names of the capabilities in `caps`, as CAP LIST shows them."""
    return " ".join(name for name, cap in NAMES.items() if caps & cap)


def offered(version: int) -> str:
    """What CAP LS shows to a client that speaks `version` (values from 302 on)."""
    return " ".join(f"{n}={VALUES[c]}" if version >= 302 and c in VALUES else n for n, c in NAMES.items())
