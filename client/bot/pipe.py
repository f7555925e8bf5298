"""`python -m client.bot pipe`: lines from a shell to a room, and what is said there back to the shell.

    tail -f log | python -m client.bot pipe --room '#ops' --name log
    python -m client.bot pipe --room '#ops' --name ears --from-room | while IFS= read -r line; do ...

Nothing that was read is lost: the input is read no faster than the server stores it, and not at all while the connection is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

from client import events as e
from client.bot.api import Bot
from client.bot.driver import ADDRESS_VARIABLE, LAST_RESORT, Running, start_where_it_says
from client.bot.missed import Missed
from client.errors import Trouble
from client.login import ACCOUNT_VARIABLE, PASSWORD_VARIABLE
from client.pipe import MOST_WAITING, hand_over, open_input, read_line, silence
from client.trust import CA_VARIABLE
from wire.display import safe
from wire.names import fold, is_room


class Bridge:
    """The room's end of it. Lives in the connection's thread."""

    def __init__(self, bot: Bot, out: TextIO | None, *, as_json: bool = False, bots: bool = False, only: bool = False) -> None:
        self.bot = bot
        self.room = bot.rooms[0]
        self.inside = False
        self.failed = ""
        self._out = out
        self._json = as_json
        self._bots = bots
        self._only = only  # nothing is to be done once nobody reads what is said
        self._missed = Missed()

    def hear(self, event: e.Event) -> None:
        """Something happened."""
        self._missed.see(event)
        if isinstance(event, e.Said):
            self._print(event)
        elif isinstance(event, e.Drained):
            self.bot.stop()
        elif isinstance(event, e.Joined | e.Parted):
            self._move(event)
        elif isinstance(event, e.Failed) and not self.inside and event.text.startswith(f"{self.room}: "):
            self._give_up(f"it was not let into {self.room}.")

    def _move(self, event: e.Joined | e.Parted) -> None:
        if event.own and not event.replayed and fold(event.room) == fold(self.room):
            self.inside = isinstance(event, e.Joined)
            if not self.inside:
                self._give_up(f"it was put out of {self.room}.")

    def _give_up(self, sentence: str) -> None:
        self.failed = self.failed or sentence
        self.bot.stop()

    def _print(self, said: e.Said) -> None:
        elsewhere = fold(said.room) != fold(self.room) or said.own or said.kind is e.Kind.NOTICE
        if self._out is None or elsewhere or (said.bot and not self._bots) or self._missed.is_old(said):
            return
        try:
            print(as_json(said) if self._json else as_text(said), file=self._out, flush=True)
        except OSError:
            silence(self._out)
            self._out = None
            if self._only:
                self.bot.stop()


def as_text(said: e.Said) -> str:
    """A message as one line: `nick: text`."""
    return safe(f"{said.nick}: {'/me ' if said.kind is e.Kind.ACTION else ''}{said.text}")


def as_json(said: e.Said) -> str:
    """A message as one line of JSON, in ASCII; what is no message but an action is marked."""
    fields = {
        "time": said.at.isoformat() if said.at else None,
        "room": said.room,
        "nick": said.nick,
        "text": said.text,
        "msgid": said.msgid,
        "account": said.account,
        "action": said.kind is e.Kind.ACTION,
        "bot": said.bot,
    }
    return json.dumps(fields)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m client.bot pipe",
        description="Say each line of the input in a room; with --listen, print what others say there as `nick: text`.",
        epilog="Exit code 0: all is stored; 1: something is not, or there was no connection; 130: interrupted.",
    )
    p.add_argument("--room", required=True, help="the room, such as '#ops'")
    p.add_argument("--name", default="pipe", help="who says it (%(default)s)")
    p.add_argument("--listen", action="store_true", help="print what others say in the room, too")
    p.add_argument("--from-room", action="store_true", help="only print what others say: the input is not read")
    p.add_argument("--json", action="store_true", help="print it as one JSON object a line: time, room, nick, text, msgid, ...")
    p.add_argument("--bots", action="store_true", help="print what other bots say, too: mind two that answer each other for ever")
    p.add_argument("--wait", action="store_true", help="wait for a server that is not there yet")
    p.add_argument("--address", help=f"the server; else ${ADDRESS_VARIABLE}, or {LAST_RESORT}")
    p.add_argument("--ca", metavar="FILE", help=f"the authority to trust; else ${CA_VARIABLE} ...")
    p.add_argument("--account", help=f"log in to this account; else ${ACCOUNT_VARIABLE}, or not at all")
    p.add_argument("--password-file", metavar="FILE", help=f"has its password in the first line; else ${PASSWORD_VARIABLE}")
    return p


def main(argv: Sequence[str]) -> int:
    """Runs the bridge; the exit code."""
    args = parser().parse_args(argv)
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        room = args.room if is_room(args.room) else f"#{args.room}"
        bot = Bot(
            args.name,
            rooms=[room],
            account=args.account,
            password_file=args.password_file,
            burst=math.inf,  # what is read is bounded already
        )
        out = sys.stdout if args.listen or args.from_room else None
        bridge = Bridge(bot, out, as_json=args.json, bots=args.bots, only=args.from_room)
        bot.event(bridge.hear)
        running = start_where_it_says(bot, args.address, args.ca, patient=args.wait)
    except (ValueError, Trouble) as error:
        print(safe(str(error)), file=sys.stderr)
        return 1
    return _carry(bridge, running, None if args.from_room else open_input())


def _carry(bridge: Bridge, running: Running, source: TextIO | None) -> int:
    from client.bot.run import asked_to_stop  # noqa: PLC0415 - it starts this module

    asked = asked_to_stop()
    if source is not None:
        threading.Thread(target=feed, args=(bridge, running, source), name="input", daemon=True).start()
    while not asked.wait(0.1) and not running.connection.over.is_set():
        pass
    running.connection.stop()
    running.connection.join(5)
    if sentence := running.driver.refused or (bridge.failed and f"{bridge.bot.name}: {bridge.failed}"):
        print(safe(sentence), file=sys.stderr)
    if asked.number == signal.SIGINT:
        return 130
    return 1 if running.failed or bridge.failed or running.driver.unsent or running.driver.dialect.backlog else 0


def feed(bridge: Bridge, running: Running, source: TextIO) -> None:
    """Read lines and say them, no faster than they are stored."""
    connection, dialect = running.connection, running.driver.dialect
    while not (connection.ready.wait(0.5) or connection.over.is_set()):
        pass
    while (text := read_line(source)) and not connection.over.is_set():
        line = text.removesuffix("\n").removesuffix("\r")
        if line:
            hand_over(connection, lambda line=line: _say(running, bridge.room, line))  # type: ignore[misc]
        while (dialect.backlog > MOST_WAITING or not dialect.registered) and not connection.over.wait(0.02):
            pass
    connection.post(dialect.drain)


def _say(running: Running, room: str, line: str) -> None:
    running.driver.unsent += not running.driver.bot.say(room, line)
