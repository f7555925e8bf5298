"""An account that somebody asks for in their own words: `/quote REGISTER ...`, `/msg NickServ REGISTER ...`. Pure.

https://ircv3.net/specs/extensions/account-registration; NickServ takes `REGISTER password [mail]`, that of Anope, Atheme and Ergo
as that of Parley.
"""

from __future__ import annotations

from typing import NamedTuple

from wire.message import MalformedMessage, parse
from wire.names import fold

_SERVICE = "nickserv"
_SAYING = ("PRIVMSG", "SQUERY")
_TO_SERVICE = ("NS", "NICKSERV")


class Typed(NamedTuple):
    """`account`: "" for one called as we are; `of_service`: it was said to NickServ, whose answer is a sentence for people."""

    account: str
    password: str
    of_service: bool


def asked_in(line: str) -> Typed | None:
    """The account that a raw line asks for; None where it asks for none."""
    try:
        message = parse(line)
    except MalformedMessage:
        return None
    if message.command == "REGISTER" and len(message.params) > 2:
        account = message.param(0)
        return Typed("" if account == "*" else account, message.param(2), of_service=False)
    if message.command in _SAYING:
        return asked_of(message.param(0), message.param(1))
    return asked_of(_SERVICE, " ".join(message.params)) if message.command in _TO_SERVICE else None


def asked_of(service: str, text: str) -> Typed | None:
    """The account that is asked for by what is said to a service."""
    words = text.split()
    if fold(service.partition("@")[0]) != _SERVICE or len(words) < 2 or words[0].upper() != "REGISTER":
        return None
    return Typed("", words[1], of_service=True)
