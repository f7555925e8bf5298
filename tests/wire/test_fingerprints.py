"""Fingerprints as people and links write them."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.fingerprints import PREFIX, fingerprint, grouped, parse_fingerprint


@given(st.binary(max_size=50))
def test_every_way_to_write_one(certificate: bytes) -> None:
    digits = fingerprint(certificate)
    assert digits == hashlib.sha256(certificate).hexdigest()
    colons = ":".join(re.findall("..", digits)).upper()
    ways = (digits, PREFIX + digits, f"SHA256:{colons}", f" SHA-256 {digits} ", " ".join(grouped(digits)), f"SHA256={colons}")
    assert {parse_fingerprint(way) for way in ways} == {digits}


def test_two_lines_of_eight_groups() -> None:
    assert [len(line.split()) for line in grouped("0123456789abcdef" * 4)] == [8, 8]
    assert grouped("") == ["", ""]


@given(st.text(max_size=300))
def test_anything_else_is_a_sentence(text: str) -> None:
    try:
        said = f"{parse_fingerprint(text)}."
    except ValueError as error:
        said = str(error)
    assert said.isprintable()
    assert said.endswith(".")


@pytest.mark.parametrize("text", ["", "sha256:", "ab" * 31, "ab" * 33, "sha1:" + "ab" * 20, "sha512:" + "ab" * 32, "gg" * 32])
def test_no_fingerprints(text: str) -> None:
    with pytest.raises(ValueError, match="is no fingerprint"):
        parse_fingerprint(text)
