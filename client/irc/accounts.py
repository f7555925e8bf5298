"""Logging in to an account that there is, within a session: SASL after the greeting.

"at any time": https://ircv3.net/specs/extensions/sasl-3.2
"""

from __future__ import annotations

from typing import Final

from client.events import AccountMade, Failed, LoginRefused
from client.irc.session import NOT_CONNECTED, Session
from client.login import Login
from wire import numerics as n
from wire.message import Message

PATIENCE = 60.0  # seconds, for an answer: the services of a network may be slow
_NO_PASSWORDS: Final = "This server offers no login with a password (SASL PLAIN)."
_ANOTHER_MAY_DO: Final = {n.ERR_SASLFAIL, n.ERR_SASLTOOLONG}  # passwords
_PENDING: Final = "the server has not answered the last /login yet"
_UNASKED: Final = "the server says that the login worked, but has not asked for the password: that is not counted on"


class Trial:
    """One login at a time, until the server has answered. The password leaves once; if that works, it is for each greeting too."""

    def __init__(self, session: Session) -> None:
        self._s = session
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._login: Login | None = None
        self._answered = False
        self._until = 0.0

    def ask(self, account: str, password: str) -> None:
        """Begins it; what comes of it is AccountMade, LoginRefused or Failed."""
        s = self._s
        if not s.registered or not s.caps.takes_passwords:
            s.tell(Failed(_NO_PASSWORDS if s.registered else NOT_CONNECTED))
        elif self.under_way:
            s.tell(Failed(_PENDING))
        else:
            self._login, self._answered = Login(account, password), False
            self._until = s.now()[0] + PATIENCE
            if "sasl" not in s.caps:
                s.send("CAP", "REQ", "sasl")
            s.out += self._login.begin()

    @property
    def under_way(self) -> bool:
        """Whether an answer is awaited."""
        return self._login is not None and self._s.now()[0] < self._until

    def challenged(self) -> None:
        """AUTHENTICATE +."""
        if self._login is not None and not self._answered:
            self._answered = True
            self._s.out += self._login.answer()

    def ended(self, message: Message) -> bool:
        """A numeric that ends a login: whether it was this one."""
        there, login, answered = self.under_way, self._login, self._answered
        self.reset()
        if login is None or not there:
            return False
        if message.command != n.RPL_SASLSUCCESS:
            refused = message.command in _ANOTHER_MAY_DO
            self._s.tell(LoginRefused(login.account, message.param(-1)) if refused else Failed(message.param(-1)))
        elif not answered:
            self._s.tell(Failed(_UNASKED))
        else:
            login.succeed()
            self._s.login = login
            self._s.tell(AccountMade(login.account))
        return True

    def withdrawn(self) -> None:
        """The server will not have SASL used, or not any more."""
        if self.under_way:
            self._s.tell(Failed(_NO_PASSWORDS))
        self.reset()

    def not_taken(self, command: str) -> None:
        """The server does not take a command."""
        if command.upper() == "AUTHENTICATE":
            self.reset()
