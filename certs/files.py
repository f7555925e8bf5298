"""Files that appear whole or not at all, with the mode that they should have, and folders that are swapped in one step.

Every writer holds `locked`: the file names below `DIR` then have one writer, and what an interrupted one left can go.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from certs.errors import CertsError

PUBLIC = 0o444
SECRET = 0o400
VERSIONS = "versions"
LOCK_SECONDS = 30.0


@dataclass(frozen=True)
class Owner:
    """Who shall own a leaf's files: numeric user and group; group -1 leaves the group alone."""

    uid: int
    gid: int = -1


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes `folder` if need be and keeps other processes and threads out of it until the end of the block.

    Raises CertsError when another holder does not finish within LOCK_SECONDS, OSError when the folder cannot be written.
    """
    make_folder(folder, 0o755)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def make_folder(folder: Path, mode: int) -> None:
    """Makes `folder` and its parents; an existing one keeps its mode. Raises OSError (EEXIST when a file is in the way)."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode, exist_ok=True)
    folder.chmod(mode)  # mkdir's mode goes through the umask
    sync(folder.parent)


def write(path: Path, data: bytes, mode: int, owner: Owner | None = None) -> None:
    """Puts `data` at `path` in one step and on disk, replacing what was there. The secret is never readable by others: its
    mode is set when the file is created, before the first byte. Raises OSError."""
    sweep(path)
    temporary = _beside(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)  # the umask may have taken readers of a public file away
            if owner:
                os.fchown(descriptor, owner.uid, owner.gid)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink()
        raise
    sync(path.parent)


def rewrite(path: Path, data: bytes, mode: int) -> None:
    """`write`, and the file stays whose it is. Raises OSError."""
    write(path, data, mode, _owner_of(path))


def publish(link: Path, files: Mapping[str, tuple[bytes, int]], owner: Owner | None, now: datetime) -> None:
    """Makes `link` a symbolic link to a new folder with `files` (name: content and mode), in one step.

    A reader sees the old files or the new ones. The folder before this one stays, for readers that resolved the link just
    now; older ones go. Raises OSError; the link then still leads where it did.
    """
    versions = link.parent / VERSIONS
    make_folder(link.parent, 0o755)
    make_folder(versions, 0o755)
    before = current(link)
    fresh = versions / f"{link.name}-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    make_folder(fresh, 0o755)
    for name, (data, mode) in files.items():
        write(fresh / name, data, mode, owner or _owner_of(link / name))
    _point(link, fresh)
    _prune(versions, link.name, keep={fresh.name, before.name if before else ""})


def current(link: Path) -> Path | None:
    """The folder that `link` leads to, None while there is none."""
    return link.parent / os.readlink(link) if link.is_symlink() else None


def sweep(path: Path) -> None:
    """Removes what an interrupted writer of `path` left beside it."""
    for leftover in path.parent.glob(f".{path.name}.*~"):
        leftover.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Puts the entries of `folder` on disk: a rename survives a power cut only after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}~")


def _wait_for(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CertsError(
                    f"Another `certs` command is still at work in {folder}; wait for it to end, then try again."
                ) from None
            time.sleep(0.02)


def _owner_of(path: Path) -> Owner | None:
    # A renewal by root must not take the key away from the server that runs as someone else.
    if os.geteuid() != 0 or not path.exists():
        return None
    found = path.stat()
    return Owner(found.st_uid, found.st_gid)


def _point(link: Path, target: Path) -> None:
    sweep(link)
    temporary = _beside(link)
    # Relative, so that the folder can be moved, or mounted elsewhere in a container.
    temporary.symlink_to(os.path.relpath(target, link.parent))
    try:
        os.replace(temporary, link)
    except OSError:
        temporary.unlink()
        raise
    sync(link.parent)


def _prune(versions: Path, name: str, keep: set[str]) -> None:
    for entry in versions.iterdir():
        if entry.name.rsplit("-", 2)[0] == name and entry.name not in keep:
            shutil.rmtree(entry)
