"""Secrets that outlive the process: a file of random bytes in the data folder, made at the first start, for its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from server.ports import StoreError
from server.store.folder import sync_directory


def read_key(path: Path, size: int) -> bytes:
    """The `size` bytes in the file at `path`. Raises StoreError."""
    try:
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"The key {path} cannot be read ({error.strerror}): check its path, owner and permissions.") from None
    if len(key) != size:
        raise StoreError(f"The key {path} has {len(key)} bytes and not {size}: restore it, or delete it to have a new one made.")
    return key


def lasting_key(path: Path, size: int) -> bytes:
    """The key at `path`, made where there is none. The folder belongs to this process. Raises StoreError."""
    if path.exists():
        return read_key(path, size)
    fresh = path.with_name(path.name + ".new")  # a crash while it is written must not leave half a key behind
    try:
        fresh.unlink(missing_ok=True)
        fd = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(size))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StoreError(f"The key {path} cannot be made ({error.strerror}): check the folder's owner and permissions.") from None
    return read_key(path, size)
