"""Cloaks: what they tell, and what they keep to themselves."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.ports import StoreError
from server.state.cloak import KEY_BYTES, Cloak, plain_host
from server.store.keys import lasting_key, read_key

CLOAK = Cloak(b"k" * KEY_BYTES, "ip")
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
addresses = st.ip_addresses().map(str)


@given(keys, addresses)
def test_a_cloak_is_a_host_name_of_three_parts_and_the_suffix(key: bytes, address: str) -> None:
    cloak = Cloak(key, "ip").of(address)
    assert re.fullmatch(r"[a-z2-7]{8}\.[a-z2-7]{6}\.[a-z2-7]{6}\.ip", cloak)
    assert cloak == Cloak(key, "ip").of(address), "the same each time"
    assert address not in cloak


@given(keys, keys, addresses)
def test_another_key_makes_another_cloak(one: bytes, other: bytes, address: str) -> None:
    assert (Cloak(one, "ip").of(address) == Cloak(other, "ip").of(address)) == (one == other)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_parts_are_shared_by_the_addresses_of_a_range(one: ipaddress.IPv4Address, other: ipaddress.IPv4Address) -> None:
    mine, theirs = CLOAK.of(str(one)).split("."), CLOAK.of(str(other)).split(".")
    for part, width in enumerate((32, 24, 16)):
        assert (mine[part] == theirs[part]) == (int(one) >> (32 - width) == int(other) >> (32 - width))


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        ("2001:db8:1:2:ffff::1", [True, True, True]),
        ("2001:DB8:1:2::1%eth0", [True, True, True]),
        ("2001:db8:1:3::1", [False, True, True]),
        ("2001:db8:2:2::1", [False, False, True]),
        ("2001:db9:1:2::1", [False, False, False]),
    ],
)
def test_ipv6_goes_by_64_48_and_32(other: str, alike: list[bool]) -> None:
    mine, theirs = CLOAK.of("2001:db8:1:2::1").split("."), CLOAK.of(other).split(".")
    assert [a == b for a, b in zip(mine, theirs, strict=True)] == [*alike, True]


def test_ipv4_in_ipv6_is_ipv4() -> None:
    assert CLOAK.of("::ffff:192.0.2.1") == CLOAK.of("192.0.2.1")
    assert CLOAK.of("::c000:201") != CLOAK.of("192.0.2.1")


@pytest.mark.parametrize("odd", ["", "localhost", "1.2.3", "no:address", "@!ä"])
def test_what_is_no_address_has_a_cloak_too(odd: str) -> None:
    assert re.fullmatch(r"[a-z2-7]{8}\.ip", CLOAK.of(odd))


def test_plain_host() -> None:
    assert plain_host("::1") == "0::1"
    assert plain_host("192.0.2.1") == "192.0.2.1"


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "cloak.key"
    (tmp_path / "cloak.key.new").write_bytes(b"half")  # a crash left it
    key = lasting_key(path, KEY_BYTES)
    assert len(key) == KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert lasting_key(path, KEY_BYTES) == key == read_key(path, KEY_BYTES)
    assert [p.name for p in tmp_path.iterdir()] == ["cloak.key"]
    assert lasting_key(tmp_path / "other", KEY_BYTES) != key


def test_a_key_that_cannot_be_had_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"abc")
    with pytest.raises(StoreError, match=r"short has 3 bytes and not 32: restore it"):
        lasting_key(tmp_path / "short", KEY_BYTES)
    with pytest.raises(StoreError, match=r"cannot be read \(No such file"):
        read_key(tmp_path / "none", KEY_BYTES)
    with pytest.raises(StoreError, match=r"cannot be made \(No such file"):
        lasting_key(tmp_path / "no" / "key", KEY_BYTES)
