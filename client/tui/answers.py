"""What is done with a message that was chosen: answered, reacted to, taken back, copied."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from client.events import Feature
from client.tui.screens.question import Question
from client.tui.screens.react import React
from client.view import Entry, excerpt

if TYPE_CHECKING:
    from client.tui.screens.main import MainScreen

_NEEDS = {
    "reply": (Feature.REPLIES, "This server knows no answers to a message: name whom you mean."),
    "react": (Feature.REACTIONS, "This server knows no reactions."),
    "redact": (Feature.REDACTION, "On this server nothing can be taken back."),
}


class Answers:
    """Of a main screen."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._replying: Entry | None = None

    def asked(self, action: str, entry: Entry) -> None:
        """Begin it."""
        session = self._screen.workspace.server
        needed, otherwise = _NEEDS.get(action, (None, ""))
        if needed is not None and needed not in session.view.features:
            self._screen.composer.complain(otherwise)
        elif action != "copy" and not entry.msgid:
            self._screen.composer.complain("That message has no id yet: wait until the server has stored it.")
        else:
            _ACTIONS[action](self, entry)

    def take(self, text: str) -> bool:
        """Something was typed; whether it was the answer to a message."""
        entry = self._replying
        if entry is None or (text.startswith("/") and not text.startswith("//")):
            return False
        self.drop()
        chat = self._screen.workspace.server.chat
        chat.say(text[1:] if text.startswith("//") else text, reply_to=entry.msgid)
        return True

    def drop(self) -> None:
        """No answer is being written."""
        self._replying = None
        self._screen.composer.replying(None)

    def _reply(self, entry: Entry) -> None:
        self._replying = entry
        self._screen.composer.replying(entry)
        self._screen.composer.focus_input()

    def _react(self, entry: Entry) -> None:
        session, room = self._screen.workspace.server, self._screen.workspace.front.buffer.target

        def picked(reaction: str | None) -> None:
            if reaction:
                mine = entry.has_reaction_of(session.view.nick, reaction)
                session.actions.react(room, entry.msgid, reaction, remove=mine)

        self._screen.app.push_screen(React(f"{entry.nick}: {excerpt(entry.text)}"), picked)

    def _redact(self, entry: Entry) -> None:
        session, room = self._screen.workspace.server, self._screen.workspace.front.buffer.target

        def answered(yes: bool | None) -> None:
            if yes:
                session.actions.redact(room, entry.msgid)

        question = Question(
            "Take back", f"Take this back for everybody?\n\n{entry.nick}: {excerpt(entry.text)}", yes="Take back", no="Keep"
        )
        self._screen.app.push_screen(question, answered)

    def _copy(self, entry: Entry) -> None:
        self._screen.app.copy_to_clipboard(entry.text)
        self._screen.composer.complain("Copied, if your terminal allows it.")


_ACTIONS: dict[str, Callable[[Answers, Entry], None]] = {
    "reply": Answers._reply,
    "react": Answers._react,
    "redact": Answers._redact,
    "copy": Answers._copy,
}
