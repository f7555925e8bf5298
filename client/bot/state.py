"""What a bot remembers: a dictionary that is kept in a JSON file.

A change is written when the handler that made it returns, and before anything that it said leaves: what the bot has promised, it
remembers. Where it said nothing, and another was written less than `PAUSE` seconds ago, it waits for so long.
A file is replaced as a whole: whenever the bot is killed, the file holds what it held before a change or after it, never a part. It
belongs to one process, which locks a file beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

from client import folders

try:
    import fcntl
except ImportError:  # not on Windows: two processes are not told of each other there
    fcntl = None  # type: ignore[assignment]

PAUSE = 0.5  # seconds between two writings
LONGEST_STATE = 16 * 1024 * 1024  # bytes that are read back
MOST_DAMAGED = 100

Log = Callable[[str], None]


def state_folder() -> Path:
    """Where bots keep what they remember; without a home, below the current folder."""
    return folders.state_folder(Path()) / "bots"


class State(MutableMapping[str, Any]):
    """Keys are strings, values what JSON has: None, bool, int, float, str, and lists and dictionaries (keys: strings) of these.

    Lists and dictionaries inside may be changed in place. Without a file it is memory only.
    """

    def __init__(self) -> None:
        self._data: dict[str, Any] = {}
        self._path: Path | None = None
        self._log: Log = lambda text: None
        self._stored = ""  # as it is on disk
        self._touched = False  # it may differ from that
        self._written = float("-inf")
        self._complained = ""
        self._lock: int | None = None  # a descriptor

    def __getitem__(self, key: str) -> Any:
        value = self._data[key]
        self._touched = self._touched or isinstance(value, list | dict)
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        """Raises TypeError for a key that is no string."""
        if not isinstance(key, str):
            raise TypeError(f"the state's keys are strings, not {type(key).__name__}")
        self._data[key] = value
        self._touched = True

    def __delitem__(self, key: str) -> None:
        del self._data[key]
        self._touched = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"State({self._data!r})"

    # --- for who runs the bot ---

    def open(self, path: Path | None, log: Log) -> None:
        """Start with what the file at `path` holds; where it is damaged it is moved aside, and the state is empty."""
        self._data, self._stored, self._touched, self._complained = {}, "", False, ""
        self._written = float("-inf")
        self._path, self._log = path, log
        self.close()
        if path is not None and os.path.exists(path):  # which never raises
            self._read(path)

    def close(self) -> None:
        """Let another process have the file."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def due(self) -> float | None:
        """When `keep` has something to write; a time that has passed, where it has now."""
        return self._written + PAUSE if self._touched and self._path is not None else None

    def keep(self, now: float, *, at_once: bool = False) -> None:
        """Write what changed, unless that was done a moment ago. A failure is logged, and tried again with the next change."""
        due = self.due()
        if due is None or (now < due and not at_once):
            return
        self._touched = False
        try:
            text = json.dumps(self._data, ensure_ascii=False, indent=1, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            self._complain(f"the state cannot be kept, for JSON has no such value ({error})")
            return
        if text == self._stored:
            return
        assert self._path is not None
        try:
            if not self._is_ours(self._path):
                return
            # Always the same name: a bot that is killed again and again leaves one. A lone surrogate is an escape of JSON.
            temporary = self._path.with_name(f".{self._path.name}.new")
            folders.replace(self._path, text.encode("utf-8", "backslashreplace"), temporary)
        except OSError as error:
            why = error.strerror or "it cannot be written"
            self._complain(f"the state cannot be kept in {self._path} ({why}): it will be lost when the bot ends")
            return
        self._stored, self._written, self._complained = text, now, ""

    def _is_ours(self, path: Path) -> bool:
        """Whether no other process has the file, now and until `close`; else it is not kept. Raises OSError."""
        if self._lock is not None or fcntl is None:
            return True
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(lock)
            self._path = None
            self._log(
                f"the state in {path} belongs to another process, so this one keeps none: end that, or give this bot another name"
            )
            return False
        self._lock = lock
        return True

    def _complain(self, sentence: str) -> None:
        if sentence != self._complained:
            self._complained = sentence
            self._log(sentence)

    def _read(self, path: Path) -> None:
        try:
            if not self._is_ours(path):
                return
            with path.open("rb") as file:
                raw = file.read(LONGEST_STATE + 1)
        except OSError as error:
            self._log(f"the state in {path} cannot be read ({error.strerror}): the bot starts without, and keeps none")
            self._path = None
            return
        try:
            if len(raw) > LONGEST_STATE:
                raise ValueError("too long")
            text = raw.decode()
            data = json.loads(text)
            if not isinstance(data, dict):
                raise ValueError("no dictionary")
        except (ValueError, RecursionError):
            self._move_aside(path)
            return
        self._data, self._stored = data, text

    def _move_aside(self, path: Path) -> None:
        """Keeps a damaged file for whoever wants to look into it."""
        names = (path.with_name(f"{path.name}.damaged-{number}") for number in range(1, MOST_DAMAGED))
        other = next((name for name in names if not name.exists()), path.with_name(f"{path.name}.damaged"))
        try:
            path.replace(other)
        except OSError as error:
            self._log(f"the state in {path} is damaged, and cannot be moved aside ({error.strerror}): the bot keeps none")
            self._path = None
            return
        self._log(f"the state in {path} is damaged: it was moved to {other.name}, and the bot starts without")
