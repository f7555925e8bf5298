"""The book of accounts: who they are, and which names are theirs. Plain data and its rules, under the state lock.

A name belongs to an account if it looks like the account's name or like one of its further nicks (`wire.confusables`): so nobody
registers a name that could be taken for another's, and a nick has one owner at most.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from wire.confusables import skeleton
from wire.names import fold
from wire.sasl import Keys


@dataclass(frozen=True, slots=True)
class Account:
    """One account. Immutable: what changes is another one, put in its place.

    `hash` is an Argon2id hash, "" where no password opens the account (a certificate does); `code` is what VERIFY has to give, ""
    for an account that is verified.
    """

    name: str
    created: int  # milliseconds
    hash: str = ""
    keys: Keys | None = None
    fingerprints: tuple[str, ...] = ()  # SHA-256 of certificates, hex
    nicks: tuple[str, ...] = ()  # that are its own besides its name
    email: str = ""
    code: str = ""

    @property
    def key(self) -> str:
        return fold(self.name)

    def as_record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        keys = self.keys
        return {
            "name": self.name,
            "created": self.created,
            "hash": self.hash,
            "scram": [keys.salt.hex(), keys.iterations, keys.stored.hex(), keys.server.hex()] if keys else None,
            "fingerprints": list(self.fingerprints),
            "nicks": list(self.nicks),
            "email": self.email,
            "code": self.code,
        }

    @classmethod
    def from_record(cls, value: dict[str, Any]) -> Account:
        """The reverse of `as_record`."""
        scram = value["scram"]
        keys = Keys(bytes.fromhex(scram[0]), scram[1], bytes.fromhex(scram[2]), bytes.fromhex(scram[3])) if scram else None
        lists = {"fingerprints": tuple(value["fingerprints"]), "nicks": tuple(value["nicks"])}
        return cls(value["name"], value["created"], value["hash"], keys, email=value["email"], code=value["code"], **lists)


@dataclass(frozen=True, slots=True)
class Invitation:
    """A code that lets `uses` more people register until `expires` (milliseconds)."""

    code: str
    uses: int
    expires: int

    def used(self) -> Invitation | None:
        """What is left of it after one more use, None where it is used up."""
        return replace(self, uses=self.uses - 1) if self.uses > 1 else None


class Throttle:
    """Counts tries by key, `most` a minute each; remembers the newest `size` keys."""

    def __init__(self, most: int, size: int = 10_000) -> None:
        self._most = most
        self._size = size
        self._tries: OrderedDict[str, list[int]] = OrderedDict()

    def wait(self, key: str, at: int) -> int:
        """Seconds until `key` may try again, 0 for now."""
        tries = self._tries.get(key, ())
        recent = [then for then in tries if at - then < _MINUTE]
        return 0 if len(recent) < self._most else max(1, (recent[-self._most] + _MINUTE - at + 999) // 1000)

    def note(self, key: str, at: int) -> None:
        """`key` tries."""
        recent = [then for then in self._tries.pop(key, ()) if at - then < _MINUTE]
        self._tries[key] = [*recent, at][-self._most :]
        if len(self._tries) > self._size:
            self._tries.popitem(last=False)

    def forgive(self, key: str) -> None:
        """The last try of `key` was none: it was right."""
        tries = self._tries.get(key)
        if tries:
            tries.pop()


_MINUTE = 60_000  # milliseconds


@dataclass(slots=True)
class Book:
    """All accounts, by whatever they are looked up by, and the invitations."""

    accounts: dict[str, Account] = field(default_factory=dict)  # by folded name
    invitations: dict[str, Invitation] = field(default_factory=dict)
    secret: bytes = b""  # of this server: what names that do not exist are answered from
    _owners: dict[str, str] = field(default_factory=dict)  # of names, by skeleton
    _bearers: dict[str, str] = field(default_factory=dict)  # of certificates, by fingerprint

    def get(self, name: str) -> Account | None:
        """The account of that name."""
        return self.accounts.get(fold(name))

    def owner(self, nick: str) -> Account | None:
        """The account that `nick` belongs to, be it for its looks."""
        return self.accounts.get(self._owners.get(skeleton(nick), ""))

    def bearer(self, fingerprint: str) -> Account | None:
        """The account that the certificate of that fingerprint opens."""
        return self.accounts.get(self._bearers.get(fingerprint, ""))

    def put(self, account: Account) -> None:
        """Add an account, or put it in the place of its earlier self."""
        self.drop(account.name)
        self.accounts[account.key] = account
        for name in (account.name, *account.nicks):
            self._owners[skeleton(name)] = account.key
        for fingerprint in account.fingerprints:
            self._bearers[fingerprint] = account.key

    def drop(self, name: str) -> None:
        """Forget an account, if it is there."""
        gone = self.accounts.pop(fold(name), None)
        if gone is not None:
            for nick in (gone.name, *gone.nicks):
                self._owners.pop(skeleton(nick), None)
            for fingerprint in gone.fingerprints:
                self._bearers.pop(fingerprint, None)
