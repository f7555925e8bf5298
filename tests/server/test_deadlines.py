"""What the clock says about a connection, state by state."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from server.log import RoomLog
from server.settings.network import Deadlines
from server.state.model import Room, User
from server.transport.connection import Connection, State
from server.transport.deadlines import Do, Verdict, floods, judge

LIMITS = Deadlines(handshake=10, registration=30, ping=90, pong=60, stall=120, ghost=5)
START = 1000.0
NOTHING = Verdict(Do.NOTHING)


@pytest.fixture
def conn() -> Iterator[Connection]:
    with socket.socket() as sock:
        yield Connection(sock, "192.0.2.1", 0, START, is_plain=False, refused="")


@pytest.fixture
def registered(conn: Connection) -> Connection:
    conn.state = State.OPEN
    conn.user = User(1, conn, "", "", 0)
    conn.user.registered = True
    return conn


@pytest.mark.parametrize("state", [State.ACCEPTED, State.HANDSHAKE])
def test_a_handshake_takes_no_longer_than_that(conn: Connection, state: State) -> None:
    conn.state = state
    assert judge(conn, START + 10, LIMITS) == NOTHING
    assert judge(conn, START + 10.1, LIMITS) == (Do.CLOSE, "TLS handshake timed out", "handshake")


@pytest.mark.parametrize("has_user", [True, False])
def test_registration(conn: Connection, has_user: bool) -> None:
    conn.state = State.OPEN
    conn.user = User(1, conn, "", "", 0) if has_user else None
    conn.heard = START + 29
    assert judge(conn, START + 30, LIMITS) == NOTHING
    assert judge(conn, START + 30.1, LIMITS) == (Do.CLOSE, "Registration timed out", "registration")


def test_silence_is_asked_about_and_then_ended(registered: Connection) -> None:
    registered.heard = START + 50
    assert judge(registered, START + 140, LIMITS) == NOTHING
    assert judge(registered, START + 140.1, LIMITS) == (Do.PING, "", "")
    registered.asked = START + 141
    assert judge(registered, START + 201, LIMITS) == NOTHING
    assert judge(registered, START + 201.9, LIMITS) == (Do.CLOSE, "Ping timeout: 151 seconds", "ping")


def test_who_has_an_account_and_rooms_is_asked_even_while_talking(registered: Connection) -> None:
    """The answer tells how far they have read."""
    assert registered.user is not None
    registered.heard = START + 80
    registered.user.rooms[Room("#a", RoomLog("#a", 0), 0)] = 1
    assert judge(registered, START + 91, LIMITS) == NOTHING
    registered.user.account = "Ann"
    assert judge(registered, START + 91, LIMITS).do is Do.PING
    registered.tested = START + 91
    assert judge(registered, START + 92, LIMITS) == NOTHING


def test_whose_nick_is_wanted_has_less_time_to_answer(registered: Connection) -> None:
    registered.asked, registered.urgent = START + 10, True
    assert judge(registered, START + 15, LIMITS) == NOTHING
    assert judge(registered, START + 15.1, LIMITS) == (Do.CLOSE, "Ping timeout: 15 seconds", "ping")
    registered.held = True
    assert judge(registered, START + 99, LIMITS) == NOTHING, "we do not listen, so it may have answered"
    registered.held = False
    registered.pending = memoryview(b"x")
    registered.moved = START + 90
    assert judge(registered, START + 95, LIMITS) == NOTHING, "the PING stands behind what it is still taking"
    assert judge(registered, START + 95.1, LIMITS).do is Do.CLOSE


def test_the_plain_dialect_has_no_ping(registered: Connection) -> None:
    registered.plain = True
    assert judge(registered, START + 1e6, LIMITS) == NOTHING


@pytest.mark.parametrize("is_plain", [True, False])
def test_who_reads_nothing_is_dropped(registered: Connection, is_plain: bool) -> None:
    registered.plain = is_plain
    registered.pending = memoryview(b"x")
    registered.moved = START + 500
    assert judge(registered, START + 620, LIMITS) == NOTHING, "slow is allowed, and is not asked either"
    assert judge(registered, START + 620.1, LIMITS) == (Do.CLOSE, "No data taken for 120 seconds", "stalled")


def test_who_goes_has_less_time_to_read(registered: Connection) -> None:
    registered.pending = memoryview(b"x")
    registered.finishing = "Client quit"
    assert judge(registered, START + 5, LIMITS) == NOTHING
    assert judge(registered, START + 5.1, LIMITS).do is Do.CLOSE


def test_who_is_behind_with_much_for_long_floods(registered: Connection) -> None:
    registered.lines.extend([b"x" * 10] * 100)  # 1200 bytes, with their ends
    assert not floods(registered, START + 999, 60, 1199), "flood control holds nothing back"
    registered.slowed = START
    assert not floods(registered, START + 60, 60, 1199), "not for long enough"
    assert floods(registered, START + 60.1, 60, 1199)
    assert not floods(registered, START + 60.1, 60, 1200), "not enough of it"
