"""Passwords that are kept as Argon2id hashes (https://www.rfc-editor.org/rfc/rfc9106)."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """The hash to keep in place of `password`. Takes some ten milliseconds and 64 MiB."""
    return _HASHER.hash(password)


def verified(known: str, password: str) -> bool:
    """Whether `password` is the one that `known` is the hash of. Takes as long as making it."""
    try:
        return _HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
