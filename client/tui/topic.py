"""The line at the top: where we are, what it is about, how many are there, whether the connection stands."""

from __future__ import annotations

from typing import ClassVar

from client.tui.lines import OneLine
from client.tui.rooms import connection_mark, outside
from client.tui.rows import Row, Span
from client.tui.session import Session
from client.tui.workspace import Workspace


def _state(session: Session) -> str:
    if session.ended:
        return "ended"
    if session.view.online:
        return ""
    if session.wants_name or session.wants_password:
        return "waits for you"
    return "connection lost" if session.lost else "connecting"


def topic_row(session: Session, title: str = "") -> Row:
    """What the line says; `title` names the server, where there are several."""
    buffer = session.view.front
    left = [Span(" "), Span(buffer.name or title or session.name, "name")]
    if title and buffer.target:
        left.append(Span(f"  {title}", "quiet"))
    if buffer.joined and not buffer.is_dialogue:
        left.append(Span(f"  {len(buffer.members)} here", "quiet"))
    elif session.view.online and outside(session.view, buffer):
        left.append(Span("  not joined", "quiet"))
    if buffer.topic:
        left += [Span("  "), Span(buffer.topic, "about")]
    state = _state(session)
    right = [Span("  "), connection_mark(session), Span(f" {state or session.view.nick} ", "broken" if state else "quiet")]
    return Row(left, right)


class TopicLine(OneLine):
    """Shows it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"name", "about", "quiet", "up", "broken"}

    def __init__(self) -> None:
        super().__init__(id="topic")

    def sync(self, workspace: Workspace[Session]) -> None:
        """Show what is so now."""
        session = workspace.server
        self.put(topic_row(session, workspace.title(session) if len(workspace.servers) > 1 else ""))
