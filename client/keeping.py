"""A password that worked, until somebody has decided whether this computer's keyring is to keep it. Shared by the front ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from client import events as e
from client import known, passwords
from client.address import Address
from client.login import Login
from wire.names import fold

TOLD = "keyring"  # among what was asked once (`client.known.tell`), before an account: somebody said no; alone, of all accounts
KEPT = "the password is in the keyring"
NOT_KEPT = "it was not kept."


class Offer(NamedTuple):
    """What may be kept."""

    account: str
    password: str


class Keeping:
    """Follows the connection's events, in its thread; what is offered can be read in any.

    `login`: the login as it is now. `kept`: the password that need not be offered, for it is in the keyring; "" for none; None: the
    one that the connection began with is not to be offered, for it stands elsewhere, or there is no keyring.
    """

    def __init__(self, address: Address, login: Callable[[], Login | None], kept: str | None) -> None:
        self._address = address
        self._login = login
        self._kept = kept
        self._ready: Callable[[], None] = lambda: None
        self._made: Offer | None = None  # what was offered last: once is enough, however often a connection is lost
        self.offer: Offer | None = None

    def when_ready(self, ready: Callable[[], None]) -> None:
        """What to call once there is an offer, in whatever thread."""
        self._ready = ready

    def handle(self, event: e.Event) -> None:
        """Sees whether there is something to offer after that."""
        login = self._login()
        if login is None or not login.done:
            return
        offer = Offer(login.account, login.password)
        if isinstance(event, e.Registered) and self._kept not in (None, login.password):
            self._make(offer)
        elif isinstance(event, e.AccountMade) and self._kept != login.password:
            # Nobody has looked for a keyring yet, and that may take a while
            threading.Thread(target=self._look, args=(offer,), name="looking for a keyring", daemon=True).start()

    def _look(self, offer: Offer) -> None:
        if passwords.usable(lambda sentence: None):
            self._make(offer)

    def _make(self, offer: Offer) -> None:
        found = known.find(self._address)
        told = found.told if found is not None else ()
        if offer != self._made and not {TOLD, _told(offer.account)}.intersection(told):
            self._made = self.offer = offer
            self._ready()

    def take(self) -> Offer | None:
        """The offer, which is there no more: it lapses, unless it goes to `keep`."""
        offer, self.offer = self.offer, None
        return offer

    def keep(self, offer: Offer, told: Callable[[str], None]) -> None:
        """Somebody said yes. `told` gets what came of it, in a thread of its own: a keyring may wait for a person."""

        def keep() -> None:
            said: list[str] = []
            if passwords.keep(self._address, offer.account, offer.password, said.append):
                self._kept = offer.password
                known.keeps(self._address, offer.account)
                told(KEPT)
            else:
                told(" ".join([NOT_KEPT, *said]))

        threading.Thread(target=keep, name="keeping the password", daemon=True).start()

    def decline(self, offer: Offer) -> None:
        """Somebody said no, which is remembered of this account."""
        known.tell(self._address, _told(offer.account))


def _told(account: str) -> str:
    return f"{TOLD} {fold(account)}"
