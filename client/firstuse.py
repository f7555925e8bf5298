"""Trust on first use: whom to believe at a server whose authority nobody here knows. docs/adr/0012-trust-on-first-use.md

    prepare --> Trust                  an authority that is given or known, or a pin: connect with it
            '-> Stranger --accept-->   shown to a person, who compares its fingerprint; stored for this host and port
    connection refused: `explain`      where a pin was broken, what was trusted and what is there now

`assess` decides, without I/O. Everything here runs before the connection, in the thread of who calls it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from client import pins
from client.address import Address
from client.alarm import Alarm
from client.chain import LONGEST_SUBJECT, Certificate, anchor, look, shake
from client.errors import Trouble
from client.pins import Pin
from client.text import at_most
from client.trust import CA_VARIABLE, SYSTEM, client_context, describe, find_ca, pinned_context
from wire.display import safe
from wire.fingerprints import PREFIX, fingerprint, grouped

PATIENCE = 5.0  # seconds for each step of a look at a server that was refused: people wait for what is said about it
MOST_SHOWN = 3  # fingerprints of authorities in a file


class Finding(Enum):
    """What a chain is to us."""

    KNOWN = "known"  # it has the certificate that we trust, or that was demanded
    UNKNOWN = "unknown"
    CHANGED = "changed"  # another one was trusted for this server
    OTHER = "other"  # it has not the certificate that was demanded


@dataclass(frozen=True, slots=True)
class Verdict:
    """`certificate`: what would be trusted. `expected`: the fingerprint that should have been there, "" where any might be."""

    finding: Finding
    certificate: Certificate
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a connection believes: what `client.connection.Connection` takes as `context` and `trusted`; the pin it comes from."""

    context: ssl.SSLContext
    described: str
    pin: Pin | None = None
    kept: bool = True  # False where it should have been stored, and could not be (`client.pins.unkept`)


@dataclass(frozen=True, slots=True)
class Stranger:
    """A server met for the first time. Its chain, name and dates hold; nobody here knows its authority."""

    address: Address
    certificate: Certificate

    @property
    def what(self) -> str:
        """What would be trusted."""
        return "authority" if self.certificate.authority else "certificate"

    def rows(self) -> list[tuple[str, str]]:
        """What to show, as labels and safe values."""
        one = self.certificate
        first, second = grouped(one.fingerprint)
        valid = f"{one.begins:%Y-%m-%d} to {one.ends:%Y-%m-%d}" if one.begins and one.ends else ""
        rows = [("server", str(self.address)), (self.what, at_most(safe(one.subject), LONGEST_SUBJECT)), ("valid", valid)]
        return [(label, value) for label, value in [*rows, ("SHA-256", first), ("", second)] if value]

    def accept(self) -> Trust:
        """A person has compared the fingerprint: trust it from now on. Where it cannot be stored, for this once.

        Raises Trouble, the loud one, where another one was stored meanwhile, by another client: what was compared is not that.
        """
        trust = _pinned(self.address, Pin(self.certificate.der))
        kept = pins.keep(self.address, self.certificate.der)
        if not kept and (other := pins.find(self.address)) is not None and other.certificate != self.certificate.der:
            raise _changed(self.address, _pinned(self.address, other), (self.certificate,))
        return replace(trust, kept=kept)

    def refuse(self) -> Trouble:
        """Nobody said yes: what to tell them."""
        return Trouble(f"{self.address} is not trusted, and nothing was sent to it.", lasting=True)

    def unasked(self) -> Trouble:
        """There is nobody to ask: what to do instead."""
        found = f"{PREFIX}{self.certificate.fingerprint}"
        how = "pass its operator's ca.pem with --ca FILE, or --fingerprint with what its operator says that this has to be"
        signed = "is signed by an authority that" if self.certificate.authority else "is one that"
        return Trouble(f"The certificate of {self.address} {signed} nobody here knows: {how} ({found}).", lasting=True)


def assess(chain: tuple[Certificate, ...], known: Pin | None, demanded: str = "") -> Verdict:
    """What `chain` is to us, who trust `known` for its server; `demanded`: the fingerprint that it must have in it, or "".

    What is demanded does not outweigh what is known: a link may come from anybody.
    """
    expected = known.fingerprint if known is not None else demanded
    found = next((one for one in chain if expected and one.fingerprint == expected), None)
    if known is not None and (known.by_system or found is None or demanded not in ("", expected)):
        return Verdict(Finding.CHANGED, found or anchor(chain), expected)
    if found is None:
        return Verdict(Finding.OTHER if demanded else Finding.UNKNOWN, anchor(chain), expected)
    return Verdict(Finding.KNOWN, found, expected)


def prepare(address: Address, ca: str | None = None, demanded: str = "") -> Trust | Stranger:
    """Whom to believe at `address`: the authority in the file `ca` or $PARLEY_CA, else the pin; without either, whom we find there.

    `demanded`: a fingerprint of an invitation or of --fingerprint, in place of the question. Where there is a file too, that one of
    its authorities has to vouch. Raises Trouble. It may take two short connections to the server, the first time.
    """
    if ca is not None or os.environ.get(CA_VARIABLE):
        return _given(ca, demanded)
    pin = pins.find(address)
    if demanded and (pin is None or pin.fingerprint != demanded):
        return _demanded(address, pin, demanded)
    return _first(address) if pin is None else _pinned(address, pin)


def explainer(address: Address, trust: Trust) -> Callable[[Trouble, bool], Trouble]:
    """`explain`, for a connection."""
    return lambda trouble, again: explain(trouble, address, trust, again=again)


def explain(trouble: Trouble, address: Address, trust: Trust, *, again: bool = False) -> Trouble:
    """What to say about a refused connection: loudly where a pin was broken, or where others had vouched for the server before
    (`again`), with what is there now. It looks once more.
    """
    if not trouble.stranger or (trust.pin is None and not again):
        return trouble
    try:
        chain = look(address, PATIENCE)
    except Trouble:
        chain = ()
    return _changed(address, trust, chain)


def _given(ca: str | None, demanded: str) -> Trust:
    """A file says it; all that is said has to hold."""
    file = find_ca(ca)
    context = client_context(file)
    if not demanded:
        return Trust(context, describe(file))
    found = next((one for one in context.get_ca_certs(binary_form=True) if fingerprint(one) == demanded), None)
    if found is None:
        which = f"{safe(str(file))} ({'--ca' if ca else f'${CA_VARIABLE}'})"
        sentence = f"The invitation or --fingerprint names another authority than {which} holds: leave out the one that is wrong."
        raise Trouble(sentence, lasting=True)
    return Trust(pinned_context(found), describe(file))


def _first(address: Address) -> Trust | Stranger:
    """Nothing is known about this server."""
    local = find_ca(None)
    for ca in dict.fromkeys((local, None)):
        context = client_context(ca)
        trouble = shake(address, context, describe(ca))
        if trouble is None:
            return Trust(context, describe(ca)) if ca else _by_system(address, context)
        if not trouble.stranger:
            raise trouble
    offered = assess(look(address), None).certificate
    _check(address, offered)
    return Stranger(address, offered)


def _by_system(address: Address, context: ssl.SSLContext) -> Trust:
    """This computer's authorities vouch for it. Where another client stored somebody else meanwhile, that one has to."""
    kept = pins.keep(address, b"")
    other = None if kept else pins.find(address)
    return Trust(context, SYSTEM, Pin(b""), kept=kept) if other is None else _pinned(address, other)


def _demanded(address: Address, pin: Pin | None, demanded: str) -> Trust:
    """`demanded` is not whom we trust."""
    if pin is not None:
        raise _contradicted(address, _pinned(address, pin), demanded)
    verdict = assess(look(address), None, demanded)
    if verdict.finding is not Finding.KNOWN:
        raise _other(address, verdict)
    _check(address, verdict.certificate)
    return Stranger(address, verdict.certificate).accept()


def _check(address: Address, offered: Certificate) -> None:
    """Nobody is asked to trust what would not be enough: whoever sends a chain has to have the keys to it. Raises Trouble."""
    trouble = shake(address, pinned_context(offered.der), "the authority that comes with it")
    if trouble is None:
        return
    if trouble.stranger:
        sentence = (
            f"The certificate of {address} is not signed by the authority that comes with it: its operator has to put that right."
        )
        raise Trouble(sentence, lasting=True)
    raise trouble


def _pinned(address: Address, pin: Pin) -> Trust:
    if pin.by_system:
        return Trust(client_context(None), describe(None), pin)
    since = f" since {pin.since}" if pin.since else ""
    return Trust(pinned_context(pin.certificate), f"whom you trusted for {address}{since}", pin)


def _other(address: Address, verdict: Verdict) -> Trouble:
    return Alarm(
        f"{address} is not the server of this invitation, and nothing was sent to it.",
        [("expected", verdict.expected), ("found", verdict.certificate.fingerprint)],
        "Either the invitation is old or wrong, or somebody is in between. Ask the operator for a new one.",
    )


def _contradicted(address: Address, trust: Trust, demanded: str) -> Trouble:
    """What to say where a link or an option names another authority than a pin: whether the server itself is as it was."""
    trouble = shake(address, trust.context, trust.described)
    if trouble is None:
        return _at_odds(address, trust, demanded)
    return _changed(address, trust, look(address)) if trouble.stranger else trouble


def _at_odds(address: Address, trust: Trust, demanded: str) -> Trouble:
    """The server is as it was, and a link or an option says something else."""
    head = f"The invitation or --fingerprint names another authority for {address} than the one you trust: nothing was sent to it."
    return Alarm(
        head,
        [*_trusted(trust), ("named", demanded)],
        "An invitation may come from anybody. Only if the server's operator says that this one is theirs, forget the old one, and"
        " come again:",
        f"python -m client --forget {safe(str(address))}",
    )


def _changed(address: Address, trust: Trust, chain: tuple[Certificate, ...]) -> Trouble:
    """`chain`: what the server sends now, empty where it cannot be seen any more."""
    then = _trusted(trust)
    head = f"THE CERTIFICATE OF {address} IS NOT FROM WHOM YOU TRUSTED FOR IT, and nothing was sent to it."
    compare = (
        "Either its operator made a new authority, or somebody is in between and wants your password. Compare the new SHA-256"
        " with the operator, by another way than this server. Only if it is the same"
    )
    compared = [*then, ("now", _shown(chain, {digits for _, digits in then}))]
    if trust.pin is None:
        return Alarm(head, compared, f"{compare}, get the new ca.pem from the operator, and start again with that.")
    return Alarm(
        head, compared, f"{compare}, forget the old one, and come again:", f"python -m client --forget {safe(str(address))}"
    )


def _trusted(trust: Trust) -> list[tuple[str, str]]:
    """Whom we trust, as labels with fingerprints, or with words where those are too many."""
    since = f"trusted since {trust.pin.since}" if trust.pin is not None and trust.pin.since else "trusted"
    if trust.pin is not None:
        return [(since, trust.pin.fingerprint or SYSTEM)]
    given = [fingerprint(one) for one in trust.context.get_ca_certs(binary_form=True)]
    return [(since, one) for one in given] if 0 < len(given) <= MOST_SHOWN else [(since, safe(trust.described))]


def _shown(chain: tuple[Certificate, ...], trusted: set[str]) -> str:
    """The fingerprint of what would have to be trusted now. Whoever has no key to an authority can send its certificate all the
    same: then the server's own is the one that says something."""
    if not chain:
        return "it cannot be seen any more"
    found = next((one for one in (anchor(chain), chain[0]) if one.fingerprint not in trusted), None)
    return found.fingerprint if found is not None else "the same once more: another one was there a moment before"
