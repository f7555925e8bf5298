"""BATCH from clients: messages of several lines, collected until they are whole.

A client has one batch open at a time, of bounded lines and bytes, for a bounded time. What is wrong with it is said once; what
comes of it afterwards is ignored.

Sources: https://ircv3.net/specs/extensions/multiline, https://ircv3.net/specs/extensions/client-batch
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from server.commands.capabilities import offer
from server.commands.messages import say_long
from server.commands.table import COLLECTORS, Context, answered, command, shown
from server.dialects.multiline import BATCH, CONCAT
from server.events import Kind
from server.state.model import Network, User
from wire.capabilities import Cap
from wire.message import Message
from wire.names import fold

_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")
_KINDS = {"PRIVMSG": Kind.MESSAGE, "NOTICE": Kind.NOTICE}


def _limits(net: Network, user: User) -> str:
    del user
    return f"max-bytes={net.limits.multiline_bytes},max-lines={net.limits.multiline_lines}"


offer("draft/multiline", value=_limits)


@dataclass(slots=True)
class Open:
    """A batch that a client is sending."""

    ref: str
    target: str
    at: int
    opening: Message
    label: str = ""
    verb: str = ""
    size: int = 0
    failed: bool = False
    parts: list[str] = field(default_factory=list)  # each with its mark (server.dialects.multiline) in front


@command("BATCH")
def batch(context: Context) -> None:
    word = context.param(0)
    opened = context.user.batch
    if opened is not None and context.at - opened.at > context.net.limits.multiline_s * 1000:
        _fail(context, opened, "TIMEOUT", "The batch was left open for too long", opened.ref)
    if word[:1] == "+":
        _open(context, word[1:])
    elif word[:1] == "-" and opened is not None and opened.ref == word[1:]:
        _close(context, opened)
    else:
        context.fail("MULTILINE_INVALID", "There is no such batch")


def _open(context: Context, ref: str) -> None:
    user, sort = context.user, context.param(1)
    if not _REFERENCE.fullmatch(ref):
        context.fail("INVALID_REFTAG", "A reference is of letters, digits and hyphens", shown(ref))
    elif sort != BATCH or not context.has(Cap.MULTILINE):
        user.batch = Open(ref, "", context.at, context.message, failed=True)
        context.fail("UNKNOWN_TYPE", "This server takes no such batches from you", ref, shown(sort))
    elif "batch" in context.message.tags or not context.param(2) or "," in context.param(2):
        user.batch = Open(ref, "", context.at, context.message, failed=True)
        context.fail("MULTILINE_INVALID", "A multiline batch has one target, and stands in no other")
    else:
        if user.batch is not None and not user.batch.failed:
            _fail(context, user.batch, "MULTILINE_INVALID", "The batch before this one was not closed")
        user.batch = Open(ref, context.param(2), context.at, context.message, user.label)
        user.label = ""  # the answer comes with the end of the batch


def _collect(context: Context) -> bool:
    """While a batch is open, or with a `batch` tag: take what belongs to it. Whether the command was dealt with."""
    user, message = context.user, context.message
    opened, ref = user.batch, message.tags.get("batch")
    if message.command == "BATCH" or (ref is None and message.command not in _KINDS):
        return False  # clients answer PING at any time
    if opened is None or (ref is not None and ref != opened.ref and opened.failed):
        if ref is not None and message.command in _KINDS:
            context.net.send(user, f":{context.net.name} FAIL BATCH MULTILINE_INVALID :There is no such batch\r\n".encode())
            return True
        return False
    if opened.failed:
        return ref is not None
    if context.at - opened.at > context.net.limits.multiline_s * 1000:
        _fail(context, opened, "TIMEOUT", "The batch was left open for too long", opened.ref)
    elif ref != opened.ref or message.command not in _KINDS:
        _fail(context, opened, "MULTILINE_INVALID", "While a batch is open, nothing else may be said")
    else:
        _add(context, opened)
    return True


COLLECTORS.append(_collect)


def _add(context: Context, opened: Open) -> None:
    """One line more."""
    limits, message = context.net.limits, context.message
    target, text, on = message.param(0), message.param(1), CONCAT in message.tags
    opened.verb = opened.verb or message.command
    opened.size += len(text.encode()) + (0 if on or not opened.parts else 1)
    if fold(target) != fold(opened.target):
        text = "Every line of a batch has its target"
        _fail(context, opened, "MULTILINE_INVALID_TARGET", text, shown(opened.target), shown(target))
    elif message.command != opened.verb or (on and not (text and opened.parts)):
        _fail(context, opened, "MULTILINE_INVALID", "Lines are all PRIVMSG or all NOTICE, and a blank one goes on with none")
    elif len(opened.parts) >= limits.multiline_lines:
        _fail(context, opened, "MULTILINE_MAX_LINES", "Too many lines", str(limits.multiline_lines))
    elif opened.size > limits.multiline_bytes:
        _fail(context, opened, "MULTILINE_MAX_BYTES", "Too many bytes", str(limits.multiline_bytes))
    else:
        opened.parts.append(("\r" if on else "\n") + text)


def _fail(context: Context, opened: Open, code: str, text: str, *more: str) -> None:
    """Say what is wrong with a batch, once; its label is answered by that."""
    opened.failed = True
    opened.parts.clear()
    middle = "".join(f" {word}" for word in more)
    line = f":{context.net.name} FAIL BATCH {code}{middle} :{text}\r\n".encode()
    answered(context.net, context.user, opened.label, lambda: context.net.send(context.user, line))
    opened.label = ""


def _close(context: Context, opened: Open) -> None:
    context.user.batch = None
    if opened.failed:
        return
    if not any(part[1:] for part in opened.parts):
        _fail(context, opened, "MULTILINE_INVALID", "A message has at least one line that is not blank")
        return
    text = "".join(opened.parts)[1:]
    said = Message(opened.verb, [opened.target, text], "", opened.opening.tags)
    inner = Context(context.net, context.user, said, context.at)
    answered(context.net, context.user, opened.label, lambda: say_long(inner, _KINDS[opened.verb]))
