"""How long each state of a connection may last. All on the monotonic clock, in seconds."""

from __future__ import annotations

import enum
from typing import NamedTuple

from server.settings.network import Deadlines
from server.transport.connection import Connection, State

_GOODBYE_S = 5.0  # for what is still to be written to a connection that is being closed


class Do(enum.Enum):
    """What to do about a connection now."""

    NOTHING = enum.auto()
    PING = enum.auto()
    CLOSE = enum.auto()


class Verdict(NamedTuple):
    """What to do, and what to say about it; the cause is the word that it is counted under."""

    do: Do
    why: str = ""
    cause: str = ""


_NOTHING = Verdict(Do.NOTHING)
_PING = Verdict(Do.PING)


def judge(conn: Connection, now: float, limits: Deadlines) -> Verdict:
    """What the clock says about `conn`."""
    if conn.state in (State.ACCEPTED, State.HANDSHAKE, State.UPGRADE):
        late = now - conn.accepted > limits.handshake
        which = "WebSocket" if conn.state is State.UPGRADE else "TLS"
        return Verdict(Do.CLOSE, f"{which} handshake timed out", "handshake") if late else _NOTHING
    if conn.pending is not None and now - conn.moved > (_GOODBYE_S if conn.finishing else limits.stall):
        return Verdict(Do.CLOSE, f"No data taken for {limits.stall:g} seconds", "stalled")
    user = conn.user
    if user is None or not user.registered:
        late = now - conn.accepted > limits.registration
        return Verdict(Do.CLOSE, "Registration timed out", "registration") if late else _NOTHING
    if conn.plain:
        return _NOTHING
    return _judge_silence(conn, now, limits)


def floods(conn: Connection, now: float, patience: float, most: int) -> bool:
    """Whether `conn` sends faster than it may for good: for `patience` seconds flood control has held back something of it, and
    more than `most` bytes still wait. Whoever pasted a long text, once, is through by then.
    """
    if not conn.slowed or now - conn.slowed <= patience:
        return False
    return sum(map(len, conn.lines)) + 2 * len(conn.lines) > most  # with their line ends


def _judge_silence(conn: Connection, now: float, limits: Deadlines) -> Verdict:
    if conn.held or (conn.pending is not None and not conn.urgent):
        return _NOTHING  # it is reading, if slowly: a PING would come behind all that; or it is us who do not listen
    if conn.asked:
        patience = limits.ghost if conn.urgent else limits.pong
        late = now - max(conn.asked, conn.moved) > patience  # it cannot answer what it has not read yet
        return Verdict(Do.CLOSE, f"Ping timeout: {int(now - conn.heard)} seconds", "ping") if late else _NOTHING
    since = conn.heard
    if conn.user is not None and conn.user.account and conn.user.rooms:  # how far it has read is asked of talkative ones too
        since = min(since, conn.tested)
    return _PING if now - since > limits.ping else _NOTHING
