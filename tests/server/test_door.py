"""How many may come in."""

from __future__ import annotations

import pytest

from server.config import Limits
from server.transport.door import Door, group_of


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("localhost", "localhost"),
        ("no:address", "no:address"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, group: str) -> None:
    assert group_of(address) == group


def test_it_counts() -> None:
    door = Door(Limits(connections=10, connections_per_address=2))
    assert door.total == 0
    assert door.enter("192.0.2.1") == (True, "")
    assert door.enter("192.0.2.2") == (True, "")
    assert door.total == 2
    door.shaken()
    door.leave("192.0.2.1")
    assert door.total == 1


def test_too_many_from_one_address_are_told_so_and_then_dropped() -> None:
    door = Door(Limits(connections=100, connections_per_address=2))
    told = (True, "Too many connections from your address (the limit is 2)")
    answers = [door.enter(f"2001:db8::{i}") for i in range(5)]
    assert answers == [(True, ""), (True, ""), told, told, (False, "")]
    assert door.total == 4, "who is dropped does not count"
    assert door.enter("192.0.2.1") == (True, "")
    for i in range(3):
        door.leave(f"2001:db8::{i}")
    assert door.enter("2001:db8::ffff") == (True, "")


def test_without_limits_an_address_has_none() -> None:
    door = Door(Limits(enabled=False, connections_per_address=1))
    assert {door.enter("192.0.2.1") for _ in range(10)} == {(True, "")}


@pytest.mark.parametrize("enabled", [True, False])
def test_a_full_server_says_so(enabled: bool) -> None:
    door = Door(Limits(enabled=enabled, connections=1))
    assert door.enter("192.0.2.1") == (True, "")
    assert door.enter("192.0.2.2") == (True, "The server is full; try again later")


def test_handshakes_under_way_are_limited() -> None:
    door = Door(Limits(handshakes_pending=2))
    assert [door.enter("192.0.2.1")[0] for _ in range(3)] == [True, True, False]
    door.shaken()
    assert door.enter("192.0.2.1") == (True, "")


def test_who_has_left_leaves_nothing_behind() -> None:
    door = Door(Limits())
    for i in range(100):
        door.enter(f"192.0.2.{i}")
        door.shaken()
        door.leave(f"192.0.2.{i}")
    assert door.total == 0
    assert not door._groups
