"""CHATHISTORY: the log, read from an older position.

Source: https://ircv3.net/specs/extensions/chathistory
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from server.commands.table import Context, command, shown
from server.dialects.irc import render_tagged, with_tags
from server.events import Event, Kind
from server.ports import Store, StoreError
from wire import msgids
from wire.capabilities import Cap
from wire.display import safe
from wire.message import as_line

log = logging.getLogger("parley")

# Without event-playback (which comes with the rest of IRCv3) a client is given what people said, not who came and went.
_SAID = (Kind.MESSAGE, Kind.NOTICE)
_PAGE = 512
_EVENTS_PER_UNIT = 100  # so many cost as much to read and to render as an ordinary command does


@dataclass(slots=True)
class Read:
    """A request that has been granted: what to read, and how to show it. Run outside the lock."""

    server: str
    target: str  # as the client wrote it
    room: str
    kind: str  # LATEST, BEFORE, AFTER
    seq: int  # the reference; 0: none
    upto: int  # nothing newer: that comes by itself, behind this
    limit: int
    seen_from: int
    caps: int
    batch: str
    label: str = ""

    @property
    def cost(self) -> int:
        """As many lines of the ordinary length as were asked for."""
        return 64 + self.limit * 512

    def run(self, store: Store) -> bytes:
        """The batch, oldest first, or what there is instead of it."""
        try:
            events = self._forward(store) if self.kind == "AFTER" else self._backward(store)
        except StoreError as error:
            log.error("the history of %s cannot be read: %s", safe(self.target), error)
            failure = f":{self.server} FAIL CHATHISTORY MESSAGE_ERROR {self.kind} {self.target} :Messages could not be retrieved"
            return with_tags(as_line(failure), self.label) if self.label else as_line(failure)
        in_batch = bool(self.caps & Cap.BATCH)
        tag = f"batch={self.batch}" if in_batch else ""
        lines = [render_tagged(event, self.caps, tag) for event in events]
        if not in_batch:
            return b"".join(lines)
        head = f":{self.server} BATCH +{self.batch} chathistory {self.target}\r\n".encode()
        if self.label:
            head = with_tags(head, self.label)
        return head + b"".join(lines) + f":{self.server} BATCH -{self.batch}\r\n".encode()

    def _forward(self, store: Store) -> list[Event]:
        found: list[Event] = []
        at = self.seq
        while len(found) < self.limit:
            page = store.after(self.room, at, _PAGE, upto=self.upto, seen_from=self.seen_from)
            found += [event for event in page if event.kind in _SAID]
            if len(page) < _PAGE:
                break
            at = page[-1].seq
        return found[: self.limit]

    def _backward(self, store: Store) -> list[Event]:
        """The newest first, a page at a time: LATEST stops at the reference, BEFORE starts from it."""
        found: list[Event] = []
        end = min(self.seq, self.upto + 1) if self.kind == "BEFORE" else self.upto + 1
        stop = self.seq if self.kind == "LATEST" else 0
        while len(found) < self.limit:
            page = store.before(self.room, end, _PAGE, seen_from=self.seen_from)
            found[:0] = [event for event in page if event.kind in _SAID and event.seq > stop]
            if len(page) < _PAGE or page[0].seq <= stop:
                break
            end = page[0].seq
        return found[-self.limit :]


@command("CHATHISTORY", cost=2)
def chathistory(context: Context) -> None:
    if not context.has(Cap.CHATHISTORY):
        context.fail("NEED_CAPABILITY", "Negotiate draft/chathistory first", "draft/chathistory")
        return
    params = context.params
    if len(params) < 4:
        context.fail("NEED_MORE_PARAMS", "Give a subcommand, a target, a reference and a limit", *_words(params[:1]))
        return
    kind = params[0].upper()
    if kind not in _REFERENCE:
        context.fail("INVALID_PARAMS", "This server knows LATEST, BEFORE and AFTER", *_words(params[:1]))
        return
    seq = _REFERENCE[kind](params[2])
    limit = params[3]
    if params[2][:10] == "timestamp=":
        context.fail("INVALID_MSGREFTYPE", "This server finds messages by msgid only", kind, *_words(params[1:2]))
        return
    if seq is None or not (limit.isascii() and limit.isdigit()):
        text = "The reference is msgid=ID (or * for LATEST), the limit a whole number"
        context.fail("INVALID_PARAMS", text, kind, *_words(params[1:4]))
        return
    _grant(context, kind, params[1], seq, min(int(limit[:9]), context.net.limits.history))


def _words(params: list[str]) -> list[str]:
    return [shown(p) for p in params]


def _msgid(word: str) -> int | None:
    return msgids.decode(word[6:]) if word[:6] == "msgid=" else None


def _msgid_or_star(word: str) -> int | None:
    return 0 if word == "*" else _msgid(word)


_REFERENCE: dict[str, Callable[[str], int | None]] = {"LATEST": _msgid_or_star, "BEFORE": _msgid, "AFTER": _msgid}


def _grant(context: Context, kind: str, target: str, seq: int, limit: int) -> None:
    net, user = context.net, context.user
    found = _log_of(context, target)
    if found is None:
        context.fail("INVALID_TARGET", "There is no history of that for you", kind, shown(target))
        return
    room, seen_from = found
    context.spend(limit / _EVENTS_PER_UNIT)
    batch = f"h{net.seq:x}n{len(user.replies)}"
    net.send(user, Read(net.name, target, room, kind, seq, net.seq, limit, seen_from, user.caps, batch))


def _log_of(context: Context, target: str) -> tuple[str, int] | None:
    """The key of the log that `target` names, and the position from which the user has seen all of it; None: not for them."""
    net, user = context.net, context.user
    room = net.room(target)
    if room is not None and user in room.members:
        return room.key, user.rooms[room]
    other = net.find(target)
    if other is not None:
        low, high = sorted((user.id, other.id))
        return f"={low}={high}", 0
    return None
