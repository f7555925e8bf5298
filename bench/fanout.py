"""What it costs to make the bytes for a room, without writing them: rendered once for all, or for each member."""

from __future__ import annotations

from bench.compare import Comparison
from server.dialects.irc import render
from server.events import Event, Kind
from wire.capabilities import Cap

_MEMBERS = 200
_EVENTS = 10


def measure() -> Comparison:
    """Ten messages to 200 members, with server-time and message-tags."""
    caps = int(Cap.SERVER_TIME | Cap.MESSAGE_TAGS)
    line = b":alice!~a@host PRIVMSG #room :" + b"x" * 64 + b"\r\n"
    events = [Event(seq, seq, 1_700_000_000_000 + seq, "#room", Kind.MESSAGE, line) for seq in range(1, _EVENTS + 1)]

    def shared() -> int:
        data = b"".join([render(event, caps) for event in events])
        given = [data for _ in range(_MEMBERS)]
        return len(given) * _EVENTS

    def each() -> int:
        given = [b"".join([render(event, caps) for event in events]) for _ in range(_MEMBERS)]
        return len(given) * _EVENTS

    return Comparison("Bytes for 10 messages in a room of 200", "delivery").run(
        {"once for everyone (in use)": shared, "for each member": each}, 100
    )
