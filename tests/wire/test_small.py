"""Message ids, capabilities, numerics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import msgids, numerics
from wire.capabilities import NAMES, RENDERED, Cap, listed, offered

seqs = st.integers(0, (1 << 48) - 1)


@given(seqs, seqs)
def test_a_msgid_is_a_position_and_sorts_as_positions_do(one: int, other: int) -> None:
    assert msgids.decode(msgids.encode(one)) == one
    assert len(msgids.encode(one)) == 14
    assert (msgids.encode(one) < msgids.encode(other)) == (one < other)


@given(st.text() | st.text("0123456789abcdefABCDEF", min_size=13, max_size=15))
def test_any_text_can_be_asked_for_its_position(text: str) -> None:
    found = msgids.decode(text)
    assert found is None or msgids.encode(found) == text


@pytest.mark.parametrize("msgid", ["", "0" * 13, "0" * 15, "0000000000000G", "000000000000A0", "0" * 14 + "\n", "٠" * 14])
def test_no_msgids(msgid: str) -> None:
    assert msgids.decode(msgid) is None


def test_a_msgid_of_another_shard_is_none_of_ours() -> None:
    assert msgids.encode(255, 1) == "010000000000ff"
    assert msgids.decode("010000000000ff") is None


def test_every_capability_has_a_name() -> None:
    assert set(NAMES.values()) == set(Cap)
    assert listed(0) == ""
    assert listed(~0) == " ".join(NAMES)
    assert listed(Cap.BATCH | Cap.ECHO_MESSAGE) == "echo-message batch"
    assert RENDERED & Cap.ECHO_MESSAGE == 0  # it decides who gets an event, not what it looks like


def test_values_are_shown_from_version_302_on() -> None:
    names = {"message-tags": "", "batch": "x=1", "sasl": "PLAIN"}
    assert offered(names, 302) == "message-tags batch=x=1 sasl=PLAIN"
    assert offered(names, 301) == "message-tags batch sasl"


def test_numerics_are_three_digits_each_for_one_thing_only() -> None:
    codes = {name: code for name, code in vars(numerics).items() if name.startswith(("RPL_", "ERR_"))}
    assert len(codes) == len(set(codes.values()))
    for name, code in codes.items():
        assert len(code) == 3
        assert code.isdigit()
        wrong = 400 <= int(code) < 600 or code in {"696", "723", "734", "902", "904", "905", "906", "907"}
        assert name.startswith("ERR_") == wrong, name
