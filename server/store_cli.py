"""`python -m server backup | restore | export | check`: the operator's way to the store, with the server running or not.

Only `restore` writes to a data folder, and only to one that no server has.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from server.account_cli import Parser
from server.ports import StoreError
from server.settings.declare import SettingsError
from server.settings.read import load
from server.store.backup import back_up, database_in, restore
from server.store.check import check
from server.store.export import export
from server.store.opening import examine
from server.store.reading import Reading
from wire.names import fold


def _parser() -> argparse.ArgumentParser:
    made = Parser(
        prog="python -m server",
        description="The store of a Parley server, running or not. Give the --config and --data that the server has.",
        allow_abbrev=False,
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True, dest="do")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        one.add_argument("--data", metavar="DIR", help="the data folder of the server")
        one.add_argument("--config", metavar="FILE", help="its TOML file, where that names the folder")
        return one

    one = command("backup", "write messages, accounts and keys to one file, also while the server runs")
    one.add_argument("file", metavar="FILE", type=Path)
    one.add_argument("--force", action="store_true", help="replace FILE where it is there already")
    one = command("restore", "put a backup into a data folder of which no server is running")
    one.add_argument("file", metavar="FILE", type=Path)
    one.add_argument("--force", action="store_true", help="move what is there into a folder beside it")
    one = command("export", "write a room's messages as lines of JSON, the oldest first")
    one.add_argument("room", metavar="ROOM", help="a room's name; =@ada=@bob for a private conversation of two accounts")
    one.add_argument("--since", metavar="TIME", type=_time, help="from then on, such as 2026-11-22 or 2026-11-22T19:26:00Z (UTC)")
    one.add_argument("--until", metavar="TIME", type=_time, help="what happened before then")
    one.add_argument("--output", metavar="FILE", type=Path, help="where to write it (default: standard output)")
    one = command("check", "look whether a database is whole, every page of it; the exit code is 1 where it is not")
    one.add_argument("file", metavar="FILE", type=Path, nargs="?", help="a backup to look at instead of the database in --data")
    one.add_argument("--json", action="store_true", help="one line of JSON instead of sentences")
    return made


def _time(text: str) -> int:
    """Milliseconds since 1970; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-22 or 2026-11-22T19:26:00Z") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def main(argv: Sequence[str]) -> int:
    """Carry out one command; the exit code: 0 for done, 1 with one sentence for a mistake or a fault."""
    try:
        given = _parser().parse_args(list(argv))
        places = [word for name in ("config", "data") if getattr(given, name) for word in (f"--{name}", getattr(given, name))]
        return _DO[given.do](given, load(places).store.data)
    except (SettingsError, StoreError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `export ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("parley: stopped before it was done.", file=sys.stderr)
        return 1


def _backup(given: argparse.Namespace, data: Path) -> int:
    print(back_up(data, given.file, force=given.force))
    return 0


def _restore(given: argparse.Namespace, data: Path) -> int:
    print("\n".join(restore(given.file, data, force=given.force)))
    return 0


def _export(given: argparse.Namespace, data: Path) -> int:
    path = database_in(data)
    examine(path)
    with closing(Reading(path)) as store:
        room = fold(given.room)
        if not store.before(room, None, 1):
            raise StoreError(f"Nothing is kept of {given.room} in {data}: check the name, and quote its # for the shell.")
        _write(export(store, room, given.since, given.until), given.output)
    return 0


def _write(lines: Iterable[str], output: Path | None) -> None:
    def to(file: IO[str]) -> None:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()

    if output is None:
        to(sys.stdout)
        return
    try:
        with open(os.open(output, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
            to(file)
    except OSError as error:
        raise StoreError(f"{output} cannot be written ({error.strerror}): check its folder, and how much room there is.") from None


def _check(given: argparse.Namespace, data: Path) -> int:
    path = given.file if given.file is not None else database_in(data)
    if not path.is_file():
        raise StoreError(f"There is no file {path}: give the name of a backup, or the --data of the server.")
    found = check(path)
    print(found.as_json() if given.json else "\n".join(found.sentences()))
    return 1 if found.complaints else 0


_DO: dict[str, Callable[[argparse.Namespace, Path], int]] = {
    "backup": _backup,
    "restore": _restore,
    "export": _export,
    "check": _check,
}
