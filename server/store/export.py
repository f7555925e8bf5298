"""A room's messages as lines of JSON, the oldest first; beside a running server too."""

from __future__ import annotations

import json
from collections.abc import Iterator

from server.dialects.irc import stamp
from server.events import Event
from server.store.reading import Reading
from wire import msgids
from wire.message import MalformedMessage, parse

_PAGE = 1000


def export(store: Reading, room: str, since: int | None = None, until: int | None = None) -> Iterator[str]:
    """What happened in `room` (its key) at `since` (milliseconds) or later and before `until`; what was redacted is left out."""
    after = store.at_time(room, since) if since is not None else -1
    upto = store.at_time(room, until) if until is not None else None
    while page := store.after(room, after, _PAGE, upto=upto):
        yield from (line for event in page if (line := as_json(event)))
        after = page[-1].seq


def as_json(event: Event) -> str:
    """One event, "" where nothing is left of it."""
    lines = event.line.removesuffix(b"\r\n").split(b"\r\n")  # a message of several lines has several
    try:
        said = [parse(line.decode(errors="replace")) for line in lines if line]
    except MalformedMessage:
        return ""
    if not said:
        return ""
    first = said[0]
    spoken = first.command in ("PRIVMSG", "NOTICE")
    row = {
        "time": stamp(event.at),
        "msgid": msgids.encode(event.id),
        "nick": first.nick,
        "account": event.account or None,
        "command": first.command,
        "params": first.params[:1] if spoken else first.params,
        "text": "\n".join(message.param(-1) for message in said) if spoken else None,
    }
    return json.dumps(row, ensure_ascii=False)
