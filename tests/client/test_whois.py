"""What a server says of somebody, as sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import events as e
from client.irc import IrcProtocol
from client.irc.whois import SENTENCES, sentence


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("311 me ada ~a host.example * :Ada Lovelace", "ada is ~a@host.example: Ada Lovelace"),
        ("312 me ada s.example :A server", "ada is on s.example (A server)"),
        ("313 me ada :is a server operator", "ada is a server operator"),
        ("317 me ada 5 1795768247 :seconds idle, signon time", "ada said nothing for 5 s, here since 2026-11-27 08:30 UTC"),
        ("317 me ada 7300 :seconds idle", "ada said nothing for 2 h"),
        ("317 me ada x 99999999999 :seconds idle", "ada said nothing for 0 s"),
        ("319 me ada :@#lobby #dev ", "ada is in @#lobby #dev"),
        ("330 me ada grace :is logged in as", "ada is logged in as grace"),
        ("335 me ada :is a bot", "ada is a bot"),
        ("671 me ada :is using a secure connection", "ada is using a secure connection"),
        ("311 me ada", "ada"),
        ("320 me ada :is special", "ada is special"),
    ],
)
def test_an_answer_is_a_sentence(line: str, said: str) -> None:
    assert answer(line) == [e.Info(said)]


def answer(line: str) -> list[e.Event]:
    protocol = IrcProtocol("me", [])
    protocol.connected()
    protocol.receive(b":s 001 me :hi\r\n")
    return protocol.receive(f":s {line}\r\n".encode())


def test_the_end_is_none_and_errors_are_errors() -> None:
    assert answer("318 me ada :End of /WHOIS list") == []
    assert [type(each) for each in answer("481 me :Permission denied")] == [e.Failed]


@given(st.sampled_from(sorted(SENTENCES)), st.lists(st.text(max_size=30), max_size=6))
def test_whatever_a_server_says(command: str, params: list[str]) -> None:
    said = sentence(command, params)
    assert said is None or isinstance(said, str)
