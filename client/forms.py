"""Passwords that a chat asks for, pure: each is typed without being shown."""

from __future__ import annotations

from typing import Protocol

from client.dialect import Actions
from wire.display import safe


class Form(Protocol):
    """A question, or several."""

    @property
    def prompt(self) -> str:
        """The question, safe to show."""

    def typed(self, text: str) -> Form | None:
        """The next question; None after the last, and after an empty answer: then `finish` gets that."""

    def finish(self, text: str, actions: Actions) -> str:
        """Does what was asked for; a sentence where that is nothing."""


class NewPassword:
    """A password being chosen: typed twice."""

    def __init__(self, first: str | None = None) -> None:
        self._first = first

    @property
    def prompt(self) -> str:
        """The question."""
        return "A password for your account: " if self._first is None else "The same again: "

    def typed(self, text: str) -> NewPassword | None:
        """The same again."""
        return NewPassword(text) if text and self._first is None else None

    def finish(self, text: str, actions: Actions) -> str:
        """Asks for an account."""
        if text and text == self._first:
            actions.register(text)
            return ""
        return "no account was asked for: " + ("that was nothing" if not text else "the two were not the same")


class OldPassword:
    """The password of an account that there is."""

    def __init__(self, account: str) -> None:
        self._account = account

    @property
    def prompt(self) -> str:
        """The question."""
        return f"The password of {safe(self._account)}: "

    def typed(self, text: str) -> None:
        """That was all."""

    def finish(self, text: str, actions: Actions) -> str:
        """Logs in."""
        if not text or not text.isprintable():
            return "not logged in: " + ("that was nothing" if not text else "a password has no control characters")
        actions.log_in(text, self._account)
        return ""
