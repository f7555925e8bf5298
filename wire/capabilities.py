"""IRCv3 capabilities that this software knows: one row each. The registry: https://ircv3.net/registry

A set of capabilities is an int with the rows' bits, so asking for one is an `&`. RENDERED are those that change how an event
looks on the wire: connections with the same of them share the same bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


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
    EVENT_PLAYBACK = enum.auto()
    ACCOUNT_NOTIFY = enum.auto()
    ACCOUNT_TAG = enum.auto()
    AWAY_NOTIFY = enum.auto()
    CHGHOST = enum.auto()
    INVITE_NOTIFY = enum.auto()
    SETNAME = enum.auto()
    STANDARD_REPLIES = enum.auto()
    EXTENDED_MONITOR = enum.auto()
    SASL = enum.auto()
    STS = enum.auto()
    ACCOUNT_REGISTRATION = enum.auto()
    EXTENDED_ISUPPORT = enum.auto()
    MESSAGE_REDACTION = enum.auto()
    METADATA = enum.auto()
    METADATA_3 = enum.auto()
    MULTILINE = enum.auto()
    NO_IMPLICIT_NAMES = enum.auto()
    PRE_AWAY = enum.auto()
    READ_MARKER = enum.auto()
    CHANNEL_RENAME = enum.auto()
    RESEND = enum.auto()


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
    "draft/event-playback": Cap.EVENT_PLAYBACK,
    "account-notify": Cap.ACCOUNT_NOTIFY,
    "account-tag": Cap.ACCOUNT_TAG,
    "away-notify": Cap.AWAY_NOTIFY,
    "chghost": Cap.CHGHOST,
    "invite-notify": Cap.INVITE_NOTIFY,
    "setname": Cap.SETNAME,
    "standard-replies": Cap.STANDARD_REPLIES,
    "extended-monitor": Cap.EXTENDED_MONITOR,
    "sasl": Cap.SASL,
    "sts": Cap.STS,
    "draft/account-registration": Cap.ACCOUNT_REGISTRATION,
    "draft/extended-isupport": Cap.EXTENDED_ISUPPORT,
    "draft/message-redaction": Cap.MESSAGE_REDACTION,
    "draft/metadata-2": Cap.METADATA,
    "draft/metadata-3": Cap.METADATA_3,
    "draft/multiline": Cap.MULTILINE,
    "no-implicit-names": Cap.NO_IMPLICIT_NAMES,
    "draft/no-implicit-names": Cap.NO_IMPLICIT_NAMES,
    "draft/pre-away": Cap.PRE_AWAY,
    "draft/read-marker": Cap.READ_MARKER,
    "draft/channel-rename": Cap.CHANNEL_RENAME,
    "parley.chat/resend": Cap.RESEND,  # ours: docs/protocol.md
}

# Those that tell something, and are not for asking: "clients MUST NOT request this capability" (https://ircv3.net/specs/extensions/sts)
TOLD = int(Cap.STS)

RENDERED = int(
    Cap.MESSAGE_TAGS
    | Cap.SERVER_TIME
    | Cap.EXTENDED_JOIN
    | Cap.ACCOUNT_TAG
    | Cap.AWAY_NOTIFY
    | Cap.ACCOUNT_NOTIFY
    | Cap.SETNAME
    | Cap.CHGHOST
    | Cap.INVITE_NOTIFY
    | Cap.MESSAGE_REDACTION
    | Cap.MULTILINE
    | Cap.BATCH
    | Cap.CHANNEL_RENAME
)


def listed(caps: int) -> str:
    """The names of the capabilities in `caps`, as CAP LIST shows them."""
    return " ".join(name for name, cap in NAMES.items() if caps & cap)


def offered(names: Mapping[str, str], version: int) -> str:
    """What CAP LS shows of `names` (to their values, "" for none) to a client that speaks `version`: values from 302 on."""
    return " ".join(f"{name}={value}" if version >= 302 and value else name for name, value in names.items())
