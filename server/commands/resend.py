"""Lines with an id of the client's choice (`parley.chat/id`): sent again after a reconnect, they are stored once.

The tag has no `+`: such tags are for the server, while those with one are passed on to everybody, and who knows an id of somebody
without an account could ask for what was said under it. It stands on PRIVMSG, NOTICE, TAGMSG, and on the opening of a batch of
several lines; what is not stored needs none. The author's copy, a reply of its own, has the id on it.

Sources: docs/protocol.md ("Sending again"), https://ircv3.net/specs/extensions/message-tags (vendor tags, client-only tags)
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from server.commands.capabilities import offer
from server.commands.table import Context, shown
from server.dialects.irc import render_tagged, with_tags
from server.ports import Store, StoreError
from server.state.model import Network, User
from server.state.resends import Sent, bare
from wire import msgids
from wire.capabilities import Cap
from wire.message import as_line

log = logging.getLogger("parley")

TAG = "parley.chat/id"
_IDENT = re.compile(r"[A-Za-z0-9_-]{22,64}")  # from 128 bits in base64url on; a UUID fits


def _value(net: Network, user: User) -> str | None:
    del user
    resends = net.settings.resend
    return f"seconds={resends.seconds},lines={resends.lines}" if resends.seconds else None


offer("parley.chat/resend", value=_value)


def taken(context: Context) -> bool:
    """Look at the id of what is to be said, if it has one, and put it into `context.ident`. Whether that settles the command:
    it was stored before, or the id is no good.
    """
    ident = context.message.tags.get(TAG)
    if ident is None or not context.has(Cap.RESEND):
        return False
    target = context.params[0]
    if not _IDENT.fullmatch(ident):
        context.fail("ID_INVALID", "An id has 22 to 64 letters, digits, - and _, made at random", shown(ident))
        return True
    if "," in target:
        context.fail("ID_INVALID", "An id is for one target", shown(ident))
        return True
    sent = context.net.resends.find(context.user.account, ident, context.at)
    if sent is None:
        context.ident = ident
        return False
    if not _same(context.net, sent.target, target):
        context.fail("ID_REUSED", "Something else was sent under this id, to another target", shown(ident))
        return True
    again = Again(context.net.name, context.message.command, sent, context.user.caps)
    context.net.send(context.user, again)
    return True


def marked(line: bytes, ident: str) -> bytes:
    """The author's copy of what was sent under an id, with it."""
    return with_tags(line, f"{TAG}={ident}")


def _same(net: Network, before: str, target: str) -> bool:
    """Whether what was sent to `before` may be sent again to `target`: the room may have got another name meanwhile."""
    now = bare(target)
    return before in ("", now) or any(renamed.old == before for renamed in net.renames.before(now))


@dataclass(slots=True)
class Again:
    """The answer to what was stored before: the author's copy of it once more, as read from the store, outside the lock."""

    server: str
    verb: str
    sent: Sent
    caps: int
    label: str = ""
    looked: int = 1

    @property
    def cost(self) -> int:
        """Most often one line."""
        return 1024

    def run(self, store: Store) -> bytes:
        """The echo; where there is none (no echo-message, redacted, past its time in the store), the id and that it was stored."""
        sent = self.sent
        echo = self._echo(store) if self.caps & Cap.ECHO_MESSAGE else b""
        if not echo:
            what = f"{sent.ident} {msgids.encode(sent.seq)} :This is stored already"
            echo = as_line(f":{self.server} NOTE {self.verb} ALREADY_STORED {what}")
        else:
            echo = marked(echo, sent.ident)
        return with_tags(echo, self.label) if self.label else echo

    def _echo(self, store: Store) -> bytes:
        try:
            found = store.after(self.sent.room, self.sent.seq - 1, 1, upto=self.sent.seq)
        except StoreError as error:
            log.error("what was sent again cannot be read: %s", error)
            return b""
        return render_tagged(found[0], self.caps, "") if found else b""
