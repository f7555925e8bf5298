"""Bots from files: TOML scripts, and Python files that make a `Bot`. Every mistake is one sentence that names the file."""

from __future__ import annotations

import runpy
import sys
import traceback
from pathlib import Path

from client.bot.api import Bot
from client.bot.script import ScriptError, load
from client.bot.scripted import scripted

_reading = False


def reading() -> bool:
    """Whether a Python file is being read for its bots: then nothing in it is to be run."""
    return _reading


def load_bots(path: Path) -> list[Bot]:
    """The bots that the file at `path` describes or makes. Raises ScriptError."""
    return _python(path) if path.suffix == ".py" else [scripted(script) for script in load(path)]


def _python(path: Path) -> list[Bot]:
    global _reading  # noqa: PLW0603 - the file's own code asks for it
    if not path.is_file():
        raise ScriptError(f"{path}: there is no such file.")
    _reading = True
    if str(path.parent.resolve()) not in sys.path:
        sys.path.append(str(path.parent.resolve()))  # it may have modules beside it
    try:
        names = runpy.run_path(str(path))
    except (Exception, SystemExit) as error:
        raise ScriptError(f"{path}{_line(error, path)}: {type(error).__name__}: {error}") from error
    finally:
        _reading = False
    bots = list({id(value): value for value in names.values() if isinstance(value, Bot)}.values())
    if not bots:
        raise ScriptError(f"{path}: a bot's file has a Bot at its top level: bot = Bot(...).")
    return bots


def _line(error: BaseException, path: Path) -> str:
    """Where in the file it went wrong."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
