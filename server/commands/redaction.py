"""REDACT: the text of a message goes for good, from memory and from the store, and those who can take it in are told.

An author may redact within a configured time, whoever has the rank of operator or above in a room at any time. Most often the
message is still in memory; else it is looked up in the store, outside the lock, and the user's next command waits for that.

Source: https://ircv3.net/specs/extensions/message-redaction
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from server.commands.capabilities import offer
from server.commands.history import created, log_of
from server.commands.history_read import Candidate
from server.commands.jobs import later
from server.commands.table import Context, command, shown
from server.dialects.irc import render_tagged
from server.events import Event, Kind
from server.log import RoomLog
from server.ports import StoreError
from server.state.model import Rank
from wire import msgids
from wire.capabilities import Cap
from wire.message import as_line, truncate
from wire.names import fold

log = logging.getLogger("parley")

# "the message to be redacted, which MUST be a PRIVMSG, NOTICE, or TAGMSG"
_REDACTABLE = frozenset({Kind.MESSAGE, Kind.NOTICE, Kind.TAGMSG})

offer("draft/message-redaction")


@command("REDACT", 2)
def redact(context: Context) -> None:
    target, msgid = context.params[:2]
    if not context.has(Cap.MESSAGE_REDACTION):
        context.fail("NEED_CAPABILITY", "Negotiate draft/message-redaction first", "draft/message-redaction")
        return
    found = log_of(context.net, context.user, target)
    if found is None:
        context.fail("INVALID_TARGET", "You cannot delete messages from there", shown(target))
        return
    request = Request(context, found, msgid, msgids.decode(msgid) or 0)
    held = request.held()
    if not request.seq:
        request.decide(None)
    elif request.seq > held.floor:
        request.decide(next(iter(held.between(request.seq - 1, request.seq)), None))
    else:
        # What it comes to happens when the message has been found: at the time that is then, or time in the log would go back.
        later(
            context,
            request.look_up,
            lambda context, event: replace(request, context=context).resume(event),
            lambda context: replace(request, context=context).decide(None),
        )


@dataclass(slots=True)
class Request:
    """One REDACT: what of which log, by whom and why."""

    context: Context
    found: Candidate
    msgid: str
    seq: int  # 0 where the id is none of ours

    def held(self) -> RoomLog:
        """The part of the log that is in memory; an empty one where there is none."""
        room = self.context.net.rooms.get(self.found.key)
        if room is not None:
            return room.log
        return self.context.net.talks.logs.get(self.found.key) or RoomLog(self.found.key, self.context.net.seq)

    def look_up(self) -> Event | None:
        """The message as it is in the store; outside the lock."""
        archive = self.context.net.archive
        assert archive is not None
        try:
            page = archive.after(self.found.key, self.seq - 1, 1, upto=self.seq, seen_from=self.found.seen_from)
        except StoreError as error:
            log.error("a message that is to be redacted cannot be read: %s", error)
            return None
        return page[0] if page else None

    def resume(self, event: Event | None) -> None:
        """Go on when the message has been looked up; meanwhile the user may have been put out of the room, or the room be gone."""
        still = log_of(self.context.net, self.context.user, self.found.name)
        self.decide(event if still is not None and still.key == self.found.key else None)

    def decide(self, event: Event | None) -> None:
        """Carry it out on `event`, or say why not."""
        user, found = self.context.user, self.found
        if event is None or event.kind not in _REDACTABLE or not event.line or not found.shows(event):
            self._fail("UNKNOWN_MSGID", "This message does not exist or is too old")
            return
        room = self.context.net.rooms.get(found.key)
        if room is None or room.members.get(user, Rank.NONE) < Rank.OP:
            window = self.context.net.limits.redact_s
            if not self._wrote(event):
                self._fail("REDACT_FORBIDDEN", "You are not authorised to delete this message")
                return
            if window and self.context.at - event.at > window * 1000:
                self._fail("REDACT_WINDOW_EXPIRED", "You can no longer delete this message", str(window))
                return
        self._carry_out(event)

    def _fail(self, code: str, text: str, *more: str) -> None:
        self.context.fail(code, text, shown(self.found.name), shown(self.msgid), *more)

    def _wrote(self, event: Event) -> bool:
        """Whether it is the user's own: of this session, or of the account, unless that was another's then."""
        user = self.context.user
        same = event.account != "" and fold(event.account) == fold(user.account)
        return event.origin == user.id or (same and event.at >= created(self.context.net, user))

    def _carry_out(self, event: Event) -> None:
        """Who has not got the message yet gets nothing of it; the REDACT stands behind it in the log."""
        context, net = self.context, self.context.net
        self.held().replace(replace(event, line=b"", alt=b"", tags=""))  # not changed: others may be rendering it
        net.erase(self.found.key, event.seq)
        _announce(context, self.found, self.msgid, truncate(context.param(2), net.limits.kick), Rank(event.least))


def _announce(context: Context, found: Candidate, msgid: str, reason: str, least: Rank) -> None:
    """Put the REDACT into the log, for those who were given the message; its author's own copy is a reply."""
    net, user = context.net, context.user
    room, other = net.rooms.get(found.key), net.find(found.name)
    name = other.nick if other is not None else found.name
    line = as_line(f":{user.prefix} REDACT {name} {msgid}{' :' + reason if reason else ''}", net.limits.line)
    if room is not None:
        event = net.append(room, Kind.REDACTION, user, line, context.at, skip=True, least=least)
    else:
        peer = other if other is not user else None  # who talks to themselves has the reply
        event = net.append_private(net.talks.log(found.key, net.seq), Kind.REDACTION, user, peer, line, context.at)
    net.send(user, render_tagged(event, user.render, ""))
