"""Events as sentences, safe to show, for what is no message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from client import events as e
from wire.display import plain, safe

MOST_NAMES = 60  # of a NAMES reply, before "and 940 more"
LONGEST_NAME = 64
LONGEST_TEXT = 16 * 1024  # characters of one entry
MOST_LINES = 200  # of one message
LONGEST_EXCERPT = 40
_MORE = " […]"


def sentence(event: e.Event) -> str:
    """What to say about an event; "" where there is nothing to say."""
    text = _TEXTS.get(type(event))
    return bounded(text(event)) if text else ""


def bounded(text: str) -> str:
    """`text`, cut where it is too long."""
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - len(_MORE)] + _MORE


def said_text(text: str) -> str:
    """A message as it is shown: lines of safe text, neither too many nor too long; a tab is spaces."""
    lines = text[:LONGEST_TEXT].replace("\t", "    ").split("\n")
    shown = "\n".join(plain(line) for line in lines[:MOST_LINES])
    return bounded(shown + _MORE if len(lines) > MOST_LINES or len(text) > LONGEST_TEXT else shown)


def excerpt(text: str) -> str:
    """The first words of a text that is safe already, on one line."""
    line = " ".join(text[: 4 * LONGEST_EXCERPT].split())
    if len(line) <= LONGEST_EXCERPT:
        return line
    head, _, _ = line[:LONGEST_EXCERPT].rpartition(" ")
    return f"{head or line[:LONGEST_EXCERPT]}…"


def name_of(name: str) -> str:
    """A name from elsewhere, fit to be shown."""
    return safe(name[:LONGEST_NAME])


def _reason(text: str) -> str:
    """Why, in parentheses; nothing where no more is said than that somebody quit."""
    return f" ({plain(text)})" if text.strip() not in ("", "Quit:") else ""


def _refused(event: e.NameRefused) -> str:
    why = "is taken" if event.taken else "is not allowed here"
    return f"The name {name_of(event.name)} {why}{_reason(refused_because(event))}: enter another one{hint_at_account(event)}."


def refused_because(event: e.NameRefused) -> str:
    """The server's words about a refused name, where they say more than that it is taken."""
    return "" if "already in use" in event.text.lower() else event.text


def hint_at_account(event: e.NameRefused) -> str:
    """What else may be done about a refused name: it may belong to an account, and that to us."""
    belongs = "account" in event.text.lower() or "log in" in event.text.lower()
    return ", or leave and log in with --account NAME" if event.taken and belongs else ""


def _parted(event: e.Parted) -> str:
    who = "you" if event.own else name_of(event.nick)
    if event.by:
        return (
            f"{who} {'were' if event.own else 'was'} put out of {name_of(event.room)} by {name_of(event.by)}{_reason(event.reason)}"
        )
    return f"{who} left {name_of(event.room)}{_reason(event.reason)}"


def _renamed(event: e.Renamed) -> str:
    return f"you are now {name_of(event.new)}" if event.own else f"{name_of(event.old)} is now {name_of(event.new)}"


def _topic(event: e.Topic) -> str:
    if event.by:
        return f"{name_of(event.by)} set the topic of {name_of(event.room)}: {plain(event.text)}"
    return f"topic of {name_of(event.room)}: {plain(event.text)}" if event.text else f"{name_of(event.room)} has no topic"


def _members(event: e.Members) -> str:
    more = len(event.names) - MOST_NAMES
    names = ", ".join(name_of(name) for name in event.names[:MOST_NAMES])
    return f"in {name_of(event.room)}: {names}" + (f" and {more} more" if more > 0 else "")


def _not_sent(event: e.NotSent) -> str:
    if event.doubtful:
        return f"nobody knows whether this arrived ({plain(event.reason)}): {plain(event.text)}"
    return f"not sent to {name_of(event.room)} ({plain(event.reason)}): {plain(event.text)}"


def _lost(event: e.Lost) -> str:
    if event.reason:
        return f"{plain(event.reason)} Next try in {event.delay:.1f} s"
    return f"Connection lost; next try in {event.delay:.1f} s"


def _registered(event: e.Registered) -> str:
    return f"{'connected again' if event.again else 'connected'} as {name_of(event.nick)}"


_TEXTS: dict[type[e.Event], Callable[[Any], str]] = {
    e.CaughtUp: lambda ev: "" if ev.complete else f"some messages in {name_of(ev.room)} may be missing here",
    e.Closing: lambda ev: f"the server closes the connection{_reason(ev.reason)}",
    e.Failed: lambda ev: plain(ev.text),
    e.Gone: lambda ev: f"{name_of(ev.nick)} is gone{_reason(ev.reason)}",
    e.Info: lambda ev: plain(ev.text),
    e.Invited: lambda ev: f"{name_of(ev.nick)} invites you to {name_of(ev.room)}: /join {name_of(ev.room)}",
    e.Joined: lambda ev: f"{'you' if ev.own else name_of(ev.nick)} joined {name_of(ev.room)}",
    e.LoggedIn: lambda ev: f"logged in as {name_of(ev.account)}" if ev.account else "logged out",
    e.LoginRefused: lambda ev: f"the server refused the login as {name_of(ev.account)}{_reason(ev.reason)}",
    e.Lost: _lost,
    e.Members: _members,
    e.ModeSet: lambda ev: f"{name_of(ev.by)} sets mode {plain(ev.text)} in {name_of(ev.room)}",
    e.NameRefused: _refused,
    e.NotSent: _not_sent,
    e.Parted: _parted,
    e.Registered: _registered,
    e.Renamed: _renamed,
    e.Topic: _topic,
}
