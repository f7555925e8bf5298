"""The data folder, and that it belongs to one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from server.ports import StoreError

_LOCK = "lock"


class DataFolder:
    """A folder held by this process until `release`. The lock goes with the process, so a kill leaves none behind.

    What is made is for its owner only: 0700 the folder, 0600 the files. What is there already keeps the rights it has.
    """

    def __init__(self, path: Path) -> None:
        """Raises StoreError where the folder cannot be made, written or had."""
        self.path = path.absolute()
        try:
            if not self.path.is_dir():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_directory(self.path.parent)
            self._lock = _lock(self.path / _LOCK)
        except OSError as error:
            raise StoreError(
                f"The data folder {self.path} cannot be used ({error.strerror}): check its path, owner and permissions."
            ) from error

    def make_file(self, name: str) -> Path:
        """The path of `name` in the folder, an empty file where there was none. It is not open: see `_lock` for why."""
        path = self.path / name
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StoreError(f"The file {path} cannot be used ({error.strerror}): check its owner and permissions.") from error
        return path

    def release(self) -> None:
        """Let others have the folder. Idempotent. The lock file stays: deleting it would let two processes lock two files."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _lock(path: Path) -> int:
    """Lock a file of its own, by `flock`: SQLite's locks on its database are lost when any other handle of it is closed.

    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    except BlockingIOError as error:
        holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise StoreError(
            f"The data folder {path.parent} is in use by another parley server (pid {holder}): stop that one, "
            "or give this one a folder of its own."
        ) from error
    except BaseException:
        os.close(fd)
        raise
    return fd
