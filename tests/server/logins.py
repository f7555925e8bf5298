"""What tests say to log in."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

from tests.server.harness import Client
from wire.message import parse
from wire.sasl import chunks


def encoded(message: bytes) -> list[str]:
    """The AUTHENTICATE lines for a message."""
    return [f"AUTHENTICATE {chunk}" for chunk in chunks(message)]


def plain(name: str, password: str, authzid: str = "") -> list[str]:
    """A whole SASL PLAIN exchange from the client's side."""
    return ["AUTHENTICATE PLAIN", *encoded(f"{authzid}\0{name}\0{password}".encode())]


def answers(lines: list[str]) -> list[str]:
    """The commands of what came."""
    return [parse(line).command for line in lines]


def offered(client: Client) -> list[str]:
    """What CAP LS 302 shows, a word a capability."""
    return " ".join(parse(line).params[-1] for line in client.ask("CAP LS 302")).split()


def register(client: Client, password: str = "sesame", email: str = "*") -> None:
    """Register the nick of `client` as an account, and so log in."""
    lines = client.ask(f"REGISTER * {email} {password}")
    assert answers(lines) == ["REGISTER", "900"], lines


def log_in(client: Client, name: str, password: str = "sesame") -> None:
    """Log in by SASL PLAIN, at whatever time."""
    lines = client.ask(*plain(name, password))
    assert answers(lines) == ["AUTHENTICATE", "900", "903"], lines


def scram(client: Client, name: str, password: str, meanwhile: Callable[[], object] = lambda: None) -> list[str]:
    """Log in by SCRAM-SHA-256; what came last. `meanwhile` is called when all is proved, before the client says its last word."""
    client.ask("AUTHENTICATE SCRAM-SHA-256")
    bare = f"n={name},r=rOprNGfwEbeRWgbNEkqO"
    challenge = _said(client.ask(*encoded(f"n,,{bare}".encode())))
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    key = _mac(salted, "Client Key")
    last = f"c=biws,r={fields['r']}"
    signed = f"{bare},{challenge},{last}"
    proof = bytes(a ^ b for a, b in zip(key, _mac(hashlib.sha256(key).digest(), signed), strict=True))
    lines = client.ask(*encoded(f"{last},p={base64.b64encode(proof).decode()}".encode()))
    if answers(lines) != ["AUTHENTICATE"]:
        return lines
    assert _said(lines) == "v=" + base64.b64encode(_mac(_mac(salted, "Server Key"), signed)).decode()
    meanwhile()
    return client.ask("AUTHENTICATE +")


def challenge_for(client: Client, name: str) -> dict[str, str]:
    """What SCRAM asks whoever says to be `name`; the exchange is aborted."""
    client.ask("AUTHENTICATE SCRAM-SHA-256")
    said = _said(client.ask(*encoded(f"n,,n={name},r=abc".encode())))
    client.ask("AUTHENTICATE *")
    return dict(field.split("=", 1) for field in said.split(","))


def _said(lines: list[str]) -> str:
    assert len(lines) == 1, lines
    return base64.b64decode(parse(lines[0]).params[0]).decode()


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
