"""The command table: a command is a row.

To add one, write a handler and put `@command(...)` above it; a new module is imported in `server/commands/__init__.py`. What
every command needs is checked here, once: registration, the least number of parameters, the answer to a label.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from server.commands.audit import record
from server.dialects.irc import with_tags
from server.state.model import Deferred, Network, Room, User
from wire import numerics as n
from wire.capabilities import Cap
from wire.message import Message, as_line, escape_tag, truncate
from wire.names import is_room

T = TypeVar("T")
Handler = Callable[["Context"], None]

LINES_PER_UNIT = 250  # members, rooms or users looked at for a reply cost about as much as one ordinary command (`Context.spend`)


@dataclass(frozen=True, slots=True)
class Row:
    """One command: what it is called, who does it, what it takes."""

    name: str
    handler: Handler
    least: int  # parameters
    before: bool  # allowed before registration
    cost: float = 1.0  # what flood control counts it as, at the least; `Context.spend` adds what only the handler knows
    connecting: bool = False  # part of connecting, though others see it: flood control's allowance for that pays for it


TABLE: dict[str, Row] = {}
# What looks first at the commands of a client that has a batch open; it says whether it dealt with one.
COLLECTORS: list[Callable[[Context], bool]] = []


def command(
    name: str, least: int = 0, *, before: bool = False, cost: float = 1.0, connecting: bool = False
) -> Callable[[Handler], Handler]:
    """Put a handler into the table as `name`, with at least `least` parameters, `before` registration or only after it."""

    def put(handler: Handler) -> Handler:
        TABLE[name] = Row(name, handler, least, before, cost, connecting)
        return handler

    return put


class Context:
    """One command under way: who gave it, what it says, when; and the ways to answer."""

    __slots__ = ("at", "ident", "looked", "message", "net", "overrode", "params", "user")

    def __init__(self, net: Network, user: User, message: Message, at: int) -> None:
        self.net = net
        self.user = user
        self.message = message
        self.params = message.params
        self.at = at
        self.ident = ""  # what its author calls what is said, in case it has to be sent again (server.commands.resend)
        self.looked = False  # it showed an operator what others do not see, and that is noted
        self.overrode: Room | None = None  # where an operator of the server acts as one of the room, once that is noted

    def param(self, index: int, default: str = "") -> str:
        """The parameter at `index`, or `default`."""
        return self.params[index] if index < len(self.params) else default

    def numeric(self, code: str, *params: str) -> None:
        """Answer with a numeric; its last parameter is the text."""
        middle = "".join(f" {p}" for p in params[:-1])
        self.line(f":{self.net.name} {code} {self.user.shown}{middle} :{params[-1]}")

    def line(self, text: str) -> None:
        """Answer with one line, cut to what a line may hold."""
        self.net.send(self.user, as_line(text, self.net.limits.line))

    def fail(self, code: str, text: str, *context: str) -> None:
        """A standard reply, to a command that failed: https://ircv3.net/specs/extensions/standard-replies"""
        self._standard("FAIL", code, text, context)

    def note(self, code: str, text: str, *context: str) -> None:
        """A standard reply, that only informs."""
        self._standard("NOTE", code, text, context)

    def _standard(self, kind: str, code: str, text: str, context: tuple[str, ...]) -> None:
        middle = "".join(f" {c}" for c in context)
        self.line(f":{self.net.name} {kind} {self.message.command} {code}{middle} :{text}")

    def unknown(self) -> None:
        """Say that there is no such command."""
        self.numeric(n.ERR_UNKNOWNCOMMAND, shown(self.message.command), "Unknown command")

    def spend(self, cost: float) -> None:
        """Count the command as that much more than its row says: what it costs depends on what was asked for."""
        self.user.spent += cost

    def has(self, cap: Cap) -> bool:
        """Whether the user negotiated `cap`."""
        return bool(self.user.caps & cap._value_)  # the `&` of two flags makes a flag, which takes ten times as long

    def may(self, capability: str) -> bool:
        """Whether the user is an operator with that capability (`server.operators.CAPABILITIES`); says so where not."""
        if self.user.operator is None:
            self.numeric(n.ERR_NOPRIVILEGES, "Permission Denied- You're not an IRC operator")
        elif not self.user.can(capability):
            self.numeric(n.ERR_NOPRIVS, capability, "Insufficient oper privileges")
        return self.user.can(capability)

    def sees_hidden(self, what: str) -> bool:
        """Whether the user is an operator who sees what is hidden from others; `what` (a name) is noted, of a command the first.

        Ask it last, where it decides.
        """
        if not self.user.can("see_hidden"):
            return False
        if not self.looked:
            self.looked = True
            record(self, f"{self.message.command} of what is hidden ({what})", aloud=False)
        return True

    def knows(self, room: Room) -> bool:
        """Whether the user may know that `room` exists."""
        return room.visible_to(self.user) or self.sees_hidden(room.name)

    def room(self, name: str) -> Room | None:
        """The room of that name; where there is none that the user may know of, says so and gives None."""
        room = self.net.room(name) if is_room(name) else None
        if room is not None and self.knows(room):
            return room
        self.numeric(n.ERR_NOSUCHCHANNEL, shown(name), "No such channel")
        return None


def _nothing(context: Context) -> None:
    """What was refused has had its answer."""


REFUSED = Row("", _nothing, 0, before=True)  # stands for lines that are no command; they count as one all the same


_UNFIT = re.compile(r"[\x00-\x20\x7f]")  # the value of a tag may hold line ends


def shown(word: str) -> str:
    """What a client sent, fit to stand in the middle of a reply."""
    return truncate(_UNFIT.sub("_", word), 64).lstrip(":") or "*"


# "This specification depends on the batch capability which MUST be negotiated to use labeled responses."
_LABELS = int(Cap.LABELED_RESPONSE | Cap.BATCH)


def execute(net: Network, user: User, message: Message, at: int) -> Row:
    """Carry out one command at time `at` (milliseconds). The state lock is held. Gives its row, REFUSED where none fitted."""
    label = ""
    if message.tags and user.caps & _LABELS == _LABELS:
        label = message.tags.get("label", "")[:64]
    if not label:
        return _dispatch(net, user, message, at)
    return answered(net, user, label, lambda: _dispatch(net, user, message, at))


def answered(net: Network, user: User, label: str, act: Callable[[], T]) -> T:
    """Do `act`, and tie its replies to `label` where there is one; an answer that waits for slow work is tied then.

    A command whose answer comes with a later one takes the label over by emptying `user.label`. Within an answer another one may
    be given, to an earlier command that had waited for it.
    """
    if not label:
        return act()
    outer, user.label = user.label, label
    before = len(user.replies)
    done = act()
    taken, user.label = not user.label, outer
    if user.job is None and not taken:
        _answer(net, user, label, before)
    return done


def _dispatch(net: Network, user: User, message: Message, at: int) -> Row:
    context = Context(net, user, message, at)
    if (user.batch is not None or "batch" in message.tags) and any(collect(context) for collect in COLLECTORS):
        return TABLE.get(message.command, REFUSED)
    row = TABLE.get(message.command)
    if row is None:
        if user.registered:
            context.unknown()
        else:
            context.numeric(n.ERR_NOTREGISTERED, "You have not registered")
    elif not (user.registered or row.before):
        context.numeric(n.ERR_NOTREGISTERED, "You have not registered")
    elif len(message.params) < row.least:
        context.numeric(n.ERR_NEEDMOREPARAMS, row.name, "Not enough parameters")
    else:
        row.handler(context)
        return row
    return REFUSED


def _answer(net: Network, user: User, label: str, before: int) -> None:
    """Tie the replies from `before` on to `label`: https://ircv3.net/specs/extensions/labeled-response"""
    tag = "label=" + escape_tag(label)
    others = [reply for reply in user.replies[before:] if _is_tied(reply[1])]
    replies = [reply for reply in user.replies[before:] if not _is_tied(reply[1])]
    if len(replies) == 1 and not isinstance(replies[0][1], bytes):
        replies[0][1].label = tag
        return
    if not replies:
        net.send(user, f"@{tag} :{net.name} ACK\r\n".encode())
        return
    seq = replies[-1][0]
    lines: list[bytes] = []
    behind: list[Deferred] = []  # what comes unasked with a JOIN is no part of its answer
    for _, data in replies:
        if isinstance(data, bytes):
            lines += data.splitlines(keepends=True)
        else:
            behind.append(data)
    user.replies[before:] = others
    user.reply_bytes -= sum(map(len, lines))
    _tie(net, user, tag, seq, lines)
    user.replies += [(seq, data) for data in behind]


def _is_tied(reply: bytes | Deferred) -> bool:
    """Whether a reply has the label of another command already."""
    return reply.startswith(b"@label=") if isinstance(reply, bytes) else bool(reply.label)


def _tie(net: Network, user: User, tag: str, seq: int, lines: list[bytes]) -> None:
    """One line with the tag, or a batch of several."""
    if len(lines) == 1 or _is_batch(lines):
        _put(user, seq, with_tags(lines[0], tag) + b"".join(lines[1:]))
        return
    batch = f"{len(user.replies)}l{seq:x}"
    # what is in a batch of its own stays there: only its beginning and its end are in this one
    inner = b"".join(line if _batched(line) else with_tags(line, f"batch={batch}") for line in lines)
    opened = f"@{tag} :{net.name} BATCH +{batch} labeled-response\r\n".encode()
    _put(user, seq, opened + inner + f":{net.name} BATCH -{batch}\r\n".encode())


def _batched(line: bytes) -> bool:
    """Whether a line is in a batch already."""
    tags = line.partition(b" ")[0] if line[:1] == b"@" else b""
    return tags.startswith(b"@batch=") or b";batch=" in tags


def _is_batch(lines: list[bytes]) -> bool:
    """Whether all lines are one batch, which then needs none around it."""
    body = lines[0].partition(b" ")[2] if lines[0][:1] == b"@" else lines[0]
    words = body.split()
    return len(words) > 2 and words[1] == b"BATCH" and lines[-1].split()[-2:] == [b"BATCH", b"-" + words[2][1:]]


def _put(user: User, seq: int, data: bytes) -> None:
    user.replies.append((seq, data))
    user.reply_bytes += len(data)
