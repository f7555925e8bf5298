"""Passwords in this computer's keyring (https://github.com/jaraco/keyring), for who wants them kept there.

Only in one that encrypts: a backend of priority 1 or more, never a file in clear. A keyring may wait for a person to open it, or
for a service that never answers: each call has a deadline, in a thread of its own, and no failure of it is more than a sentence.
"""

from __future__ import annotations

import contextlib
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
    return _bounded(say, lambda backend: True) is not None


def find(address: Address, account: str, say: Say = complain) -> str | None:
    """The password of `account` at a server; None where there is none, and where the keyring does not give it."""
    found = _bounded(say, lambda backend: backend.get_password(service(address), account))
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST and found.isprintable() else None


def keep(address: Address, account: str, password: str, say: Say = complain) -> bool:
    """Puts a password there; whether it is. Where the keyring takes too long, it is as it was before."""
    name, before = service(address), list[str | None]()

    def open_it(backend: Any) -> bool:
        before.append(backend.get_password(name, account))  # here a person may be asked
        return True

    def put(backend: Any) -> bool:
        backend.set_password(name, account, password)
        return True

    def undo(backend: Any) -> None:
        if before[0] is None:
            backend.delete_password(name, account)
        else:
            backend.set_password(name, account, before[0])

    return _bounded(say, open_it, put, undo=undo) is not None


def forget(address: Address, account: str, say: Say = complain) -> bool:
    """Takes it out; whether it was there."""

    def take_out(backend: Any) -> bool | None:
        if backend.get_password(service(address), account) is None:
            return None
        backend.delete_password(service(address), account)
        return True

    return _bounded(say, take_out) is not None


def service(address: Address) -> str:
    """What a server's passwords stand under in the keyring."""
    return f"parley {key(address)}"


class _Errand:
    """Steps with a keyring, in a thread: none is begun after the deadline, and a last one that ended after it is undone."""

    def __init__(self, steps: tuple[Callable[[Any], Any], ...], undo: Callable[[Any], object]) -> None:
        self._steps = steps
        self._undo = undo
        self._lock = threading.Lock()
        self._late = False
        self._done: queue.SimpleQueue[tuple[Any, str]] = queue.SimpleQueue()

    def run(self) -> None:
        """In a thread of its own."""
        try:
            backend = _backend()
            result = None
            for step in self._steps if backend is not None else ():
                if self._late:
                    return
                result = step(backend)
            if not self._tell(result):
                self._undo(backend)
        except Exception as error:
            self._tell(None, f"The keyring cannot be used ({type(error).__name__}): unlock it, or do without.")

    def _tell(self, result: Any, sentence: str = "") -> bool:
        """Whether there was still somebody to be told."""
        with self._lock:
            if not self._late:
                self._done.put((result, sentence))
            return not self._late

    def outcome(self) -> tuple[Any, str]:
        """What came of it in time, with a sentence where it did not work."""
        with contextlib.suppress(queue.Empty):
            return self._done.get(timeout=PATIENCE)
        with self._lock:
            with contextlib.suppress(queue.Empty):
                return self._done.get_nowait()
            self._late = True
        return None, f"The keyring did not answer within {PATIENCE:g} s: unlock it, or do without."


def _bounded(say: Say, *steps: Callable[[Any], Any], undo: Callable[[Any], object] = lambda backend: None) -> Any:
    """What the last of `steps` makes of the keyring; None where there is none, one raises, or it does not answer in time."""
    errand = _Errand(steps, undo)
    threading.Thread(target=errand.run, name="keyring", daemon=True).start()
    result, sentence = errand.outcome()
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
