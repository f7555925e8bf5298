"""Passwords: Argon2id for those that are sent to us, SCRAM keys for those that are not. Slow on purpose: work for the pool.

Sources: RFC 9106 (Argon2), RFC 7677 (SCRAM-SHA-256), and for how much it should cost
https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

from __future__ import annotations

import functools
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.settings.people import Accounts
from wire.sasl import Keys, derive, prepared

_SALT = 16  # bytes


@dataclass(frozen=True, slots=True)
class Secret:
    """What is kept of a password: its Argon2id hash in the PHC form, and SCRAM keys."""

    hash: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password is right; `renewed` where it is, and was kept with other costs than the settings ask for now."""

    right: bool
    renewed: Secret | None = None


@functools.cache
def _hasher(memory_kib: int, time: int) -> PasswordHasher:
    return PasswordHasher(time_cost=time, memory_cost=memory_kib, parallelism=1)


@functools.cache
def _hash_of_nobody(memory_kib: int, time: int) -> str:
    return _hasher(memory_kib, time).hash(secrets.token_hex(16))


def make(password: str, costs: Accounts) -> Secret:
    """What to keep of a new password. Takes tens of milliseconds."""
    hasher = _hasher(costs.argon2_memory_kib, costs.argon2_time)
    keys = derive(password, secrets.token_bytes(_SALT), costs.scram_iterations)
    return Secret(hasher.hash(prepared(password)), keys)


def check(password: str, kept: Secret | None, costs: Accounts) -> Verdict:
    """Whether `password` is the one that `kept` is of. Nobody's password (None) takes as long to check, and is never right."""
    memory, time = costs.argon2_memory_kib, costs.argon2_time
    hasher = _hasher(memory, time)
    try:
        hasher.verify(kept.hash if kept is not None else _hash_of_nobody(memory, time), prepared(password))
    except (VerificationError, InvalidHashError):
        return Verdict(False)
    if kept is None:
        return Verdict(False)
    stale = hasher.check_needs_rehash(kept.hash) or kept.keys.iterations != costs.scram_iterations
    return Verdict(True, make(password, costs) if stale else None)


def hash_of(password: str, costs: Accounts) -> str:
    """The Argon2id hash of an operator's password, as it stands in the settings."""
    return _hasher(costs.argon2_memory_kib, costs.argon2_time).hash(password)


def matches(known: str, password: str) -> bool:
    """Whether `known` is the hash of `password`; it costs what the hash says."""
    try:
        return PasswordHasher().verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
