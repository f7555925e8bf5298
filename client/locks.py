"""One at a time, among all clients of this computer that change the same small file: read, change and write are one step.

By flock(2) on a file beside it, which ends with the process that held it; where there is none, by a file that only one can make.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # no Unix
    fcntl = None  # type: ignore[assignment]

PATIENCE = 2.0  # seconds; nobody holds it for longer than it takes to write a small file
STALE = 10.0  # seconds, after which a file that only one can make was left behind by somebody who is gone
PAUSE = 0.01


@contextlib.contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Holds the lock of the file at `path`; gives whether we do: False where somebody else has it for too long.

    Where no lock can be made (a folder that is read only, a file system without locks) there is none, and that is no obstacle.
    """
    lock = path.with_name(f".{path.name}.lock")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _flocked(lock) if fcntl is not None else _made(lock) as ours:
        yield ours


@contextlib.contextmanager
def _flocked(lock: Path) -> Iterator[bool]:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        descriptor = None
    if descriptor is None:
        yield True
        return
    try:
        yield _soon(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB))
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _made(lock: Path) -> Iterator[bool]:
    made: list[int] = []

    def make() -> None:
        with contextlib.suppress(OSError):
            if time.time() - lock.stat().st_mtime > STALE:
                lock.unlink()
        try:
            made.append(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise BlockingIOError from None

    ours = _soon(make)
    try:
        yield ours
    finally:
        for descriptor in made:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                lock.unlink()


def _soon(take: Callable[[], None]) -> bool:
    """Whether it could be taken within the time that there is; also where there is no such thing as a lock."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            take()
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(PAUSE)
        except OSError:
            return True
        else:
            return True
