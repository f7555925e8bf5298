"""A session on a server where everyone needs an account, from its first line to its welcome (A19, A21).

Input: lines that one client sends, in which `{PLAIN}` stands for a PLAIN message with ann's password and `{FINAL}` for what proves
it in the SCRAM exchange under way, both in base64. `!` lets time pass. The very first line says how the server is set up: with `o`
an operator has to confirm accounts, with `p` there is a password for the server, with `c` the client has shown ann's certificate.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from server.commands.sasl import expire
from server.settings.limits import Limits
from server.settings.people import Accounts
from server.settings.tree import Settings
from server.state.accounts import Account
from server.state.model import Certificate
from tests.fuzz import invariants
from tests.fuzz.world import AT, PASSWORD, SECRET, Person, World
from wire.message import parse
from wire.sasl import CHUNK

_LINES = 60
_PRINT = "ab" * 32
_PLAIN = base64.b64encode(f"\0ann\0{PASSWORD}".encode())
_SALTED = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SECRET.keys.salt, SECRET.keys.iterations)
# What the server says to somebody who was not welcomed.
_EARLY = {
    "CAP",
    "AUTHENTICATE",
    "FAIL",
    "NOTE",
    "REGISTER",
    "VERIFY",
    "PONG",
    "PING",
    "ERROR",
    "ACK",
    "BATCH",
    "METADATA",
    "NOTICE",
}


def target(data: bytes) -> None:
    head, *lines = data.split(b"\n")
    world = _server(head)
    person = world.connect()
    guard = _Guard(world, person)
    if b"c" in head:
        person.user.certificate = Certificate(_PRINT, "ann")
        guard.proved = True
    for line in lines[:_LINES]:
        if line[:1] == b"!":
            world.at += 1000 * (sum(line[1:4]) + 1)
            expire(world.net, person.user, world.at)  # as the worker's sweep does
            continue
        guard.say(line)
        if person.user.ended:
            break


def _server(head: bytes) -> World:
    verification = "operator" if b"o" in head else "none"
    accounts = Accounts(required=True, argon2_memory_kib=8, argon2_time=1, scram_iterations=4096, verification=verification)  # type: ignore[arg-type]
    limits = Limits(enabled=b"l" in head)
    world = World(Settings(accounts=accounts, limits=limits, password="gate" if b"p" in head else ""))
    world.net.book.put(Account("ann", AT, SECRET.hash, SECRET.keys, (_PRINT,)))
    world.net.book.put(Account("waits", AT, SECRET.hash, SECRET.keys, code="a-code-that-nobody-knows"))
    bob = world.member("bob")
    world.line(bob, b"JOIN #a")
    world.read_all()
    return world


class _Guard:
    """Watches one session, and knows whether it has proved anything."""

    def __init__(self, world: World, person: Person) -> None:
        self.world = world
        self.person = person
        self.proved = False
        self._bare = self._challenge = ""

    def say(self, line: bytes) -> None:
        """One line of theirs."""
        world, user = self.world, self.person.user
        registered, members = user.registered, set(world.net.rooms["#a"].members)
        raw = self._filled(line)
        world.line(self.person, raw)
        early = not registered
        if early:
            assert set(world.net.rooms["#a"].members) == members or user.registered, "somebody is in a room who was not welcomed"
            assert user.registered or not world.net.appended, "somebody is heard who was not welcomed"
        self._check(raw)
        for data in world.read_all()[self.person]:
            for body in invariants.check_output(data, world.net.limits):
                self._hear(body, early=early and not user.registered)

    def _check(self, raw: bytes) -> None:
        user, net = self.person.user, self.world.net
        if user.account == "ann":
            assert self.proved, f"logged in without a proof, by {raw!r}"
        if user.registered:
            assert user.account or user.ended, "somebody was let in without an account"
        assert user.account != "waits", "an account that was not verified is open"
        if user.account:
            account = net.book.get(user.account)
            assert account is not None
            assert not account.code
        exchange = user.sasl
        if exchange is not None:
            assert exchange.chunks._size <= 4 * CHUNK
            assert exchange.until > self.world.at, "an exchange goes on for too long"
        invariants.check(net)

    def _filled(self, line: bytes) -> bytes:
        """`line` with the proofs that it asks for in their places."""
        if b"{PLAIN}" in line:
            self.proved = True
        if b"{FINAL}" in line:
            self.proved = True
        if b"pencil" in line.lower():  # by NickServ, or as the password of an account of their own
            self.proved = True
        return line.replace(b"{PLAIN}", _PLAIN).replace(b"{FINAL}", self._final(line))

    def _final(self, line: bytes) -> bytes:
        del line
        exchange = self.person.user.sasl
        if exchange is None or exchange.scram is None or not exchange.scram._sent:
            return b"{FINAL}"
        scram = exchange.scram
        without = f"c={base64.b64encode(scram._gs2).decode()},r={scram._nonce}"
        signed = f"{scram._bare},{scram._sent},{without}".encode()
        key = _mac(_SALTED, b"Client Key")
        proof = bytes(a ^ b for a, b in zip(key, _mac(hashlib.sha256(key).digest(), signed), strict=True))
        return base64.b64encode(f"{without},p={base64.b64encode(proof).decode()}".encode())

    def _hear(self, body: bytes, *, early: bool) -> None:
        message = parse(body.decode())
        if early and not message.command.isdecimal():
            assert message.command in _EARLY, f"told {body!r} before the welcome"
        if early and message.command.isdecimal():
            assert message.command not in ("001", "332", "353", "352", "311", "322"), f"told {body!r} before the welcome"


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
