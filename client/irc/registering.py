"""Getting an account within a session, which the connections that follow log in to.

https://ircv3.net/specs/extensions/account-registration
"""

from __future__ import annotations

from typing import Final, NamedTuple

from client.events import AccountMade, Failed, Info
from client.irc.accounts import PATIENCE
from client.irc.session import Handler, Session
from client.irc.typed import Typed
from client.login import Login, valid_account
from wire.message import Message
from wire.names import fold

LONGEST_PASSWORD = 400  # bytes, in a REGISTER
_PENDING: Final = "the server has not answered the last /register yet"


class Wanted(NamedTuple):
    """What was asked for: an account, called as we were then or as was said, and its password. Who has not answered by `until` will
    not: another may be asked for.
    """

    nick: str
    password: str
    until: float


class Registering:
    """REGISTER, until the server says that the account is there: at once, or after a VERIFY, which may come on a later connection.

    Only what was asked for here becomes the login: a server that tells of accounts by itself, or of others, is not believed.
    One is asked for at a time, for an answer does not say which password it is about.

    What people type themselves counts too (client/irc/typed.py). NickServ answers in sentences: there RPL_LOGGEDIN with that
    account is the proof, the first one, where nothing else was asked for meanwhile that could lead to it.
    """

    def __init__(self, session: Session, failed: Handler) -> None:
        self._s = session
        self._failed = failed
        self._unverified: Wanted | None = None
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._asked: Wanted | None = None
        self._hoped: Wanted | None = None  # from NickServ

    def handlers(self) -> dict[str, Handler]:
        """What it does with which command."""
        return {"REGISTER": self._on_register, "VERIFY": self._on_verify, "FAIL": self._on_fail}

    def ask(self, password: str) -> None:
        """Asks for an account; the answer is Info or Failed, and AccountMade once it is there."""
        self._hoped = None
        if not _fits(password):
            self._s.tell(Failed(f"a password has at most {LONGEST_PASSWORD} bytes, and no control characters"))
            return
        if self._is_pending:
            self._s.tell(Failed(_PENDING))
            return
        if self._s.registered:
            self._asked = self._wanted(self._s.nick, password)
        self._s.send_if_up("REGISTER", "*", "*", password)

    @property
    def _is_pending(self) -> bool:
        return self._asked is not None and self._is_open(self._asked)

    def _is_open(self, wanted: Wanted) -> bool:
        return self._s.now()[0] < wanted.until

    def _wanted(self, nick: str, password: str) -> Wanted:
        return Wanted(nick, password, self._s.now()[0] + PATIENCE)

    def typed(self, typed: Typed | None) -> None:
        """Somebody said something to a service, or to the server, in their own words."""
        self._hoped = None
        if typed is None or not self._s.registered or not _fits(typed.password):
            return
        wanted = self._wanted(typed.account or self._s.nick, typed.password)
        if not typed.of_service:
            self._asked = self._asked if self._is_pending else wanted
        elif not self._s.account:  # else there are other reasons to be told
            self._hoped = wanted

    def logged_in(self, account: str) -> None:
        """The server says that we are logged in."""
        hoped, self._hoped = self._hoped, None
        if hoped is not None and self._is_open(hoped) and fold(account) == fold(hoped.nick):
            self._adopt(hoped, account)

    def _on_register(self, message: Message) -> None:
        self._s.tell(Info(message.param(-1)))
        asked, self._asked = self._asked, None
        if asked is None:
            return
        if message.param(0).upper() == "SUCCESS":
            self._adopt(asked, message.param(1))
        elif message.param(0).upper() == "VERIFICATION_REQUIRED":
            self._unverified = asked if self._is_asked_for(asked, message.param(1)) else None

    def _on_verify(self, message: Message) -> None:
        self._s.tell(Info(message.param(-1)))
        waits = self._unverified
        if waits is not None and message.param(0).upper() == "SUCCESS" and _names(waits, message.param(1)):
            self._unverified = None
            self._adopt(waits, message.param(1))

    def _on_fail(self, message: Message) -> None:
        if message.param(0).upper() == "REGISTER":
            self._asked = None
        self._failed(message)

    def not_taken(self, command: str) -> None:
        """The server does not take a command."""
        if command.upper() == "REGISTER":
            self._asked = None

    def _is_asked_for(self, wanted: Wanted, account: str) -> bool:
        """Whether it is the account that was asked for. With another one a server would choose whom our password is shown for."""
        if not _names(wanted, account):
            self._s.tell(Failed(f"the server tells of the account {account}, not of {wanted.nick}: it will not be logged in to"))
        return _names(wanted, account)

    def _adopt(self, wanted: Wanted, account: str) -> None:
        """The account is ours: from the next connection on it is logged in to."""
        if not self._is_asked_for(wanted, account) or not self._s.caps.takes_passwords:
            return  # what cannot be logged in to by a password of ours is nothing to come back with
        login = self._s.login = Login(wanted.nick if account == "*" else account, wanted.password)
        login.begun = True
        login.succeed()  # the server has seen to this connection itself
        self._s.tell(AccountMade(login.account))


def _fits(password: str) -> bool:
    return password != "" and password.isprintable() and len(password.encode("utf-8", "replace")) <= LONGEST_PASSWORD


def _names(wanted: Wanted, account: str) -> bool:
    """Whether a server that says `account` ("*": our nick) means what was asked for, however it spells it."""
    return valid_account(wanted.nick) and (account == "*" or fold(account) == fold(wanted.nick))
