"""How many may come in."""

from __future__ import annotations

import pytest

from server.settings.limits import Limits
from server.state.addresses import group_of
from server.transport.door import Door


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


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def come(door: Door, address: str) -> tuple[bool, str]:
    """Enter, and leave at once."""
    answer = door.enter(address)
    if answer[0]:
        door.shaken()
        door.leave(address)
    return answer


def test_new_connections_of_one_address_come_only_so_fast() -> None:
    clock = Clock()
    door = Door(Limits(connects_per_address=3), clock)
    answers = [come(door, f"2001:db8::{i}") for i in range(8)]
    assert answers[:3] == [(True, "")] * 3
    for taken, why in answers[3:6]:
        assert taken
        assert why.startswith("Too many new connections from your address (the limit is 3 a minute): wait ")
    assert answers[3][1].endswith("wait 20 s")
    assert answers[6:] == [(False, "")] * 2, "and then not a word"
    assert come(door, "192.0.2.1") == (True, "")
    clock.now += 79.9  # three in debt, and one to come in with: four times twenty seconds
    assert come(door, "2001:db8::1")[1].endswith("wait 1 s")
    clock.now += 20.2
    assert come(door, "2001:db8::1") == (True, "")


def test_what_is_remembered_is_limited() -> None:
    clock = Clock()
    door = Door(Limits(connects_per_address=1, addresses=10), clock)
    for i in range(100):
        come(door, f"192.0.2.{i}")
    assert len(door._recent) == 10
    assert come(door, "192.0.2.99")[1] != ""
    assert come(door, "192.0.2.1") == (True, ""), "who was silent longest is forgotten"
    clock.now += 121
    come(door, "192.0.2.200")
    assert list(door._recent) == ["192.0.2.200"], "and so is whoever has nothing to be remembered for"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "2001:db8:1::5%eth0"])
def test_exempt_networks_have_no_limits_per_address(address: str) -> None:
    door = Door(Limits(connections_per_address=1, connects_per_address=1, exempt="127.0.0.0/8, ::1/128,2001:db8:1::/48"))
    assert {door.enter(address) for _ in range(10)} == {(True, "")}


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8:2::5", "odd"])
def test_others_have(address: str) -> None:
    door = Door(Limits(connections_per_address=1, connects_per_address=10, exempt="127.0.0.0/8, ::1/128,2001:db8:1::/48"))
    assert door.enter(address) == (True, "")
    assert door.enter(address)[1] != ""
