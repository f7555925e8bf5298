"""Names that look alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.confusables import skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "Alice"),
        ("alice", "a1ice"),
        ("alice", "aIice"),
        ("bob", "b0b"),
        ("maria", "rnaria"),
        ("wanda", "vvanda"),
        ("a_b", "a-b"),
        ("NickServ", "N1ck5erv"),
        ("a{b}", "a[b]"),
    ],
)
def test_alike(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alicia"), ("alice", "alice_"), ("bob", "rob"), ("ann", "anne")])
def test_not_alike(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@given(st.text(st.sampled_from("aAlI1o0rnvVm_-")))
def test_what_it_makes_looks_like_itself_however_the_case_is(name: str) -> None:
    assert skeleton(name) == skeleton(name.upper()) == skeleton(name.lower())
