"""The line at the bottom: who types, a connection that is lost, what is new, which keys help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from client.tui.lines import OneLine
from client.tui.rows import Row, Span
from client.tui.session import Session
from wire.display import plain

HINTS = "F1 help  ^K go to  ^Q quit"
HINT = "F1 help"  # where there is no room for them: under so many columns, or beside what is wrong
ROOMY = 60


def who_types(nicks: Sequence[str]) -> str:
    """A sentence; "" where nobody does."""
    match list(nicks):
        case []:
            return ""
        case [one]:
            return f"{one} is typing …"
        case [one, two]:
            return f"{one} and {two} are typing …"
        case [one, two, *more]:
            return f"{one}, {two} and {len(more)} more are typing …"
    raise AssertionError


def connection_trouble(session: Session) -> str:
    """What is wrong with the connection; "" where nothing is."""
    if session.ended:
        return "" if session.leaving else _ended(session)
    if session.leaving:
        return "saying goodbye …"
    seconds = session.retry_in()
    if seconds is None:
        return ""
    why = f": {plain(session.lost.reason)}" if session.lost is not None and session.lost.reason else ""
    return f"{session.name} lost: next try in {seconds} s{why}" if seconds else f"connecting to {session.name} …{why}"


def _ended(session: Session) -> str:
    if session.trouble is not None and session.trouble.stranger:
        return f"{session.name}: NOT WHOM YOU TRUSTED, and not tried again"
    return f"the connection to {session.name} has ended"


def status_row(session: Session, *, width: int = 80, elsewhere: tuple[int, int] = (0, 0)) -> Row:
    """What the line says; `elsewhere` counts what is unread, and what means us, in other rooms."""
    trouble = connection_trouble(session)
    left = Span(f" {trouble}", "broken") if trouble else Span(f" {who_types(session.view.typists(session.view.front))}", "types")
    unread, mentions = elsewhere
    roomy = width >= ROOMY
    right = []
    if mentions:
        right.append(Span(f" @{mentions}{' elsewhere' if roomy else ''} ", "mention"))
    elif unread:
        right.append(Span(f" {unread} unread elsewhere " if roomy else f" {unread} ", "quiet"))
    right.append(Span(f" {HINTS if roomy and not trouble else HINT} ", "quiet"))
    return Row([left], right)


class StatusLine(OneLine):
    """Shows it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"broken", "types", "mention", "quiet"}

    def __init__(self) -> None:
        super().__init__(id="status")
