"""Settings of who people are: accounts, what others see of an address, and operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.operators import CAPABILITIES
from server.settings.declare import setting


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who people are, and how they prove it."""

    registration: Literal["open", "invitation", "off"] = setting(
        "open", "Who may register: open is anybody, invitation who has a code, off nobody (the operator adds accounts)."
    )
    before_connect: bool = setting(True, "Whether people may register an account before they are welcomed.")
    verification: Literal["none", "operator"] = setting(
        "none", "operator: a new account waits for a code that the operator hands out (python -m server account list shows it)."
    )
    email_required: bool = setting(
        False, "Whether registering takes an e-mail address; it is kept for the operator, nothing is sent."
    )
    required: bool = setting(False, "Whether only people with an account are let in.")
    reserve_nicks: bool = setting(True, "Whether an account's name and nicks, and what looks like them, are for its owner only.")
    rejoin: bool = setting(
        False, "Whether who logs in while connecting is put back into the rooms in which their account is, or was at the end."
    )
    certificate_names: bool = setting(
        True, "Whether a certificate of our authority opens the account that its common name says (python -m certs client)."
    )
    most: int = setting(100_000, "Accounts in all.", least=1, most=10_000_000)
    nicks: int = setting(5, "Nicks that an account may have besides its name.", least=0, most=100)
    certificates: int = setting(10, "Certificates that an account may have.", least=0, most=100)
    tries: int = setting(
        3, "Failed logins and registrations a minute from one address; no limit where limits are off.", least=1, most=1000
    )
    tries_at: int = setting(10, "Failed logins a minute to one account, from all addresses.", least=1, most=1000)
    waiting: int = setting(
        64, "Passwords that may wait to be checked; above it people are told that the server is busy.", least=1, most=100_000
    )
    argon2_memory_kib: int = setting(32_768, "KiB of memory that checking one password takes (Argon2id).", least=8, most=4_194_304)
    argon2_time: int = setting(3, "Passes over that memory.", least=1, most=100)
    scram_iterations: int = setting(
        100_000,
        "Rounds of PBKDF2 in the keys for SCRAM-SHA-256; clients compute as many at each login.",
        least=4096,
        most=10_000_000,
    )


@dataclass(frozen=True, slots=True)
class Cloaks:
    """Host names in place of the addresses of users."""

    enabled: bool = setting(True, "Show others a keyed hash of the address, in parts that bans can go by; off shows the address.")
    suffix: str = setting("ip", "What the host names end with.", pattern=r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,22}[A-Za-z0-9])?")
    key_file: str = setting(
        "",
        "File with the 32 bytes of the key; empty for cloak.key in the data folder, made at the first start (memory store: none).",
    )


_CAPABILITY = "|".join(CAPABILITIES)


@dataclass(frozen=True, slots=True)
class Operator:
    """[operators.NAME]: who OPER NAME makes an operator. All that a table names has to be right."""

    password: str = setting(
        "",
        "The hash of the password, as `python -m server operator hash` prints it.",
        pattern=r"(\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)?",
        secret=True,
    )
    certificates: tuple[str, ...] = setting(
        (), "SHA-256 fingerprints of client certificates, of which one is needed.", pattern=r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}"
    )
    hosts: tuple[str, ...] = setting(
        (), "Addresses, networks or masks of host names, of which one has to fit.", pattern=r"[^\x00-\x20\x7f!@,]{1,255}"
    )
    account: str = setting("", "The account that one has to be logged in to.", pattern=r"[^\x00-\x20\x7f:,]{0,64}")
    operator_class: str = setting("", "The class whose capabilities come with it.", pattern=r"[A-Za-z0-9._-]{0,32}")
    capabilities: tuple[str, ...] = setting((), "Further capabilities.", pattern=_CAPABILITY)


@dataclass(frozen=True, slots=True)
class OperatorClass:
    """[operator_classes.NAME]: capabilities that several operators share."""

    capabilities: tuple[str, ...] = setting((), "What operators of the class may do.", pattern=_CAPABILITY)
