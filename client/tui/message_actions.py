"""What is done with a message that was chosen: answered, reacted to, taken back, copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from client.events import Feature
from client.tui.screens.question import Question
from client.tui.screens.react import React
from client.view import Buffer, Entry, View, excerpt
from wire.names import fold

if TYPE_CHECKING:
    from client.tui.centre import Centre

_NEEDS = {
    "reply": (Feature.REPLIES, "This server knows no answers to a message: name whom you mean."),
    "react": (Feature.REACTIONS, "This server knows no reactions."),
    "redact": (Feature.REDACTION, "On this server nothing can be taken back."),
}
_ABOVE_ALL = frozenset("~&@")  # ranks that may take back what others said: the server's moderation, as IRC servers have it
NOT_YOURS = "Only your own messages can be taken back."
TAKEN_BACK = "That message has been taken back already."


def may_redact(view: View, buffer: Buffer, entry: Entry) -> bool:
    """Whether the server may be expected to take a message back for us: it is ours, or we are an operator of the room."""
    ours = entry.own or (entry.account != "" and fold(entry.account) == fold(view.account))
    member = buffer.members.get(fold(view.nick)) if not buffer.is_dialogue else None
    return ours or (member is not None and not _ABOVE_ALL.isdisjoint(member.ranks))


class MessageActions:
    """Of the middle of the main screen."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._replying: Entry | None = None

    def asked(self, action: str, entry: Entry) -> None:
        """Begin it."""
        session = self._centre.workspace.server
        needed, otherwise = _NEEDS.get(action, (None, ""))
        if needed is not None and needed not in session.view.features:
            self._centre.composer.complain(otherwise)
        elif action != "copy" and not entry.msgid:
            self._centre.composer.complain("That message has no id yet: wait until the server has stored it.")
        else:
            _ACTIONS[action](self, entry)

    def redacts(self, entry: Entry) -> bool:
        """Whether it can be taken back."""
        view, buffer = self._centre.workspace.server.view, self._centre.workspace.front.buffer
        return Feature.REDACTION in view.features and entry.redacted is None and may_redact(view, buffer, entry)

    def take(self, text: str) -> bool:
        """Something was typed; whether it was the answer to a message."""
        entry = self._replying
        if entry is None or (text.startswith("/") and not text.startswith("//")):
            return False
        self.drop()
        chat = self._centre.workspace.server.chat
        chat.say(text[1:] if text.startswith("//") else text, reply_to=entry.msgid)
        return True

    def drop(self) -> None:
        """No answer is being written."""
        self._replying = None
        self._centre.composer.replying(None)

    def _reply(self, entry: Entry) -> None:
        self._replying = entry
        self._centre.composer.replying(entry)
        self._centre.composer.focus_input()

    def _react(self, entry: Entry) -> None:
        session, room = self._centre.workspace.server, self._centre.workspace.front.buffer.target

        def picked(reaction: str | None) -> None:
            if reaction:
                mine = entry.has_reaction_of(session.view.nick, reaction)
                session.actions.react(room, entry.msgid, reaction, remove=mine)

        self._centre.app.push_screen(React(f"{entry.nick}: {excerpt(entry.text)}"), picked)

    def _redact(self, entry: Entry) -> None:
        session, buffer = self._centre.workspace.server, self._centre.workspace.front.buffer
        if not self.redacts(entry):
            self._centre.composer.complain(NOT_YOURS if entry.redacted is None else TAKEN_BACK)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                session.actions.redact(buffer.target, entry.msgid)

        question = Question(
            "Take back", f"Take this back for everybody?\n\n{entry.nick}: {excerpt(entry.text)}", yes="Take back", no="Keep"
        )
        self._centre.app.push_screen(question, answered)

    def _copy(self, entry: Entry) -> None:
        self._centre.app.copy_to_clipboard(entry.text)
        self._centre.composer.complain("Copied, if your terminal allows it.")


_ACTIONS: dict[str, Callable[[MessageActions, Entry], None]] = {
    "reply": MessageActions._reply,
    "react": MessageActions._react,
    "redact": MessageActions._redact,
    "copy": MessageActions._copy,
}
