"""Where the client keeps things: https://specifications.freedesktop.org/basedir-spec/latest/

Small JSON files, for their owner's eyes only, replaced in one step. What cannot be read is moved aside, what cannot be written is
not kept: neither stops anybody from chatting.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from client.errors import Trouble

LARGEST = 1024 * 1024  # bytes of a file that we read
NAME = "parley"
NOWHERE = Path("/nonexistent")


def config_folder() -> Path:
    """For what people may want to take along or edit."""
    return _folder("XDG_CONFIG_HOME", ".config", NOWHERE / ".config")


def state_folder(homeless: Path = NOWHERE / ".local/state") -> Path:
    """For what this computer has seen; below `homeless` for who has no home."""
    return _folder("XDG_STATE_HOME", ".local/state", homeless)


def _folder(variable: str, default: str, homeless: Path) -> Path:
    given = os.environ.get(variable, "")
    # "All paths set in these environment variables must be absolute. If an implementation encounters a relative path ... it should
    # consider the path invalid and ignore it."
    if os.path.isabs(given):
        return Path(given) / NAME
    try:
        return Path.home() / default / NAME
    except RuntimeError:  # no $HOME, and nobody of this uid
        return homeless / NAME


def read(path: Path, *, needed: bool = False) -> dict[str, Any]:
    """The object in a JSON file, empty where there is none. A damaged file is moved aside, and that is said.

    Raises Trouble where it is `needed`, there, and cannot be read or is damaged: then nobody may go on as if it were empty.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if needed:
            raise Trouble(f"{path} cannot be read ({error.strerror}): put that right, or remove it.") from None
        data = b""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(data) if len(data) <= LARGEST else None
        if isinstance(found, dict):
            return found
    if needed:
        raise Trouble(f"{path} is damaged: put it right, or remove it, and compare anew whom you trust.")
    _move_aside(path)
    return {}


def _move_aside(path: Path) -> None:
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except OSError:
        print(f"{path} is damaged and was left out: put it right, or remove it.", file=sys.stderr)
    else:
        print(f"{path} is damaged: it is now {aside.name} beside it, and a new one is begun.", file=sys.stderr)


def write(path: Path, content: dict[str, Any]) -> bool:
    """Puts `content` at `path`, whole or not at all, mode 0600; whether that was possible."""
    data = json.dumps(content, indent=1, ensure_ascii=True).encode() + b"\n"
    if len(data) > LARGEST:
        return False
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}~")
    try:
        replace(path, data, temporary)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True


def replace(path: Path, data: bytes, temporary: Path) -> None:
    """Have the file at `path` hold `data`, whole or not at all, by way of `temporary`. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    os.replace(temporary, path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Have the new name on disk too. Some file systems know no such thing."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
