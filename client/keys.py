"""Passwords in this computer's keyring (https://pypi.org/project/keyring/), for who wants them kept there.

Only in one that encrypts: a backend of priority 1 or more, never a file in clear. A keyring may wait for a person to open it, or
for a service that never answers: each call has a deadline, in a thread of its own, and no failure of it is more than a sentence.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from client.address import Address
from client.pins import key

PATIENCE = 20.0  # seconds; a person may have to type the keyring's own password
LEAST_PRIORITY = 1.0  # "a priority of less than 1 is not recommended": clear text and the like
LONGEST = 1024

Say = Callable[[str], None]


def complain(sentence: str) -> None:
    """Says it on standard error."""
    print(sentence, file=sys.stderr)


def usable(say: Say = complain) -> bool:
    """Whether there is a keyring that a password may be kept in."""
    return _bounded(lambda backend: True, say) is not None


def find(address: Address, account: str, say: Say = complain) -> str | None:
    """The password of `account` at a server; None where there is none, and where the keyring does not give it."""
    found = _bounded(lambda backend: backend.get_password(_service(address), account), say)
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST and found.isprintable() else None


def keep(address: Address, account: str, password: str, say: Say = complain) -> bool:
    """Puts a password there; whether it is."""

    def put(backend: Any) -> bool:
        backend.set_password(_service(address), account, password)
        return True

    return _bounded(put, say) is not None


def forget(address: Address, account: str, say: Say = complain) -> bool:
    """Takes it out; whether it was there."""

    def take_out(backend: Any) -> bool | None:
        if backend.get_password(_service(address), account) is None:
            return None
        backend.delete_password(_service(address), account)
        return True

    return _bounded(take_out, say) is not None


def _service(address: Address) -> str:
    return f"parley {key(address)}"


def _bounded(work: Callable[[Any], Any], say: Say) -> Any:
    """What `work` makes of the keyring; None where there is none, it raises, or it does not answer in time."""
    done: queue.SimpleQueue[tuple[Any, str]] = queue.SimpleQueue()

    def run() -> None:
        try:
            backend = _backend()
            done.put((None if backend is None else work(backend), ""))
        except Exception as error:
            done.put((None, f"The keyring cannot be used ({type(error).__name__}): unlock it, or do without."))

    threading.Thread(target=run, name="keyring", daemon=True).start()
    try:
        result, sentence = done.get(timeout=PATIENCE)
    except queue.Empty:
        result, sentence = None, f"The keyring did not answer within {PATIENCE:g} s: unlock it, or do without."
    if sentence:
        say(sentence)
    return result


def _backend() -> Any:
    """The first that is safe enough, of the one chosen or those that it chains; None where there is none."""
    try:
        import keyring  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        return None
    chosen: Any = keyring.get_keyring()
    return next((one for one in getattr(chosen, "backends", (chosen,)) if _safe_enough(one)), None)


def _safe_enough(backend: Any) -> bool:
    module = type(backend).__module__
    if module in ("keyring.backends.fail", "keyring.backends.null"):
        return False
    try:
        return float(backend.priority) >= LEAST_PRIORITY
    except Exception:
        return False
