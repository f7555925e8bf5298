"""Getting in: capabilities, logging in, being welcomed, entering the rooms; and what this server offers.

https://modern.ircdocs.horse/#connection-registration, https://ircv3.net/specs/extensions/capability-negotiation
"""

from __future__ import annotations

from typing import Final

from client.dialect import Refusal
from client.events import Failed, Feature, Info, LoggedIn, Offers, Registered
from client.irc.accounts import Trial
from client.irc.answers import Answers
from client.irc.deeds import REPLY
from client.irc.names import Names
from client.irc.sending import Sender
from client.irc.session import Handler, Session
from client.irc.talks import Talks
from client.login import MOST_TRIES
from client.negotiation import READ_MARKER, REDACTION, RESEND
from wire import numerics as n
from wire.message import Message, truncate
from wire.names import fold

_NO_SASL: Final = "The server offers no login with a password (SASL PLAIN): connect without --account."


class Greeting:
    """From the first line of a connection to its rooms."""

    def __init__(self, session: Session, sender: Sender, names: Names, talks: Talks, answers: Answers, trial: Trial) -> None:
        self._s = session
        self._sender = sender
        self._names = names
        self._talks = talks
        self._answers = answers
        self._trial = trial
        self.needs_password = session.login is not None and not session.login.password
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._offers: Offers | None = None  # as last told

    def handlers(self) -> dict[str, Handler]:
        """What it does with which command."""
        failed, refused = self._on_sasl_failed, self._on_name_refused
        return {
            "AUTHENTICATE": self._on_authenticate,
            "CAP": self._on_cap,
            n.RPL_WELCOME: self._on_welcome,
            n.RPL_ISUPPORT: self._on_isupport,
            n.RPL_VISIBLEHOST: self._on_visible_host,
            n.RPL_LOGGEDOUT: self._on_logged_out,
            n.ERR_NICKLOCKED: failed,
            n.RPL_SASLSUCCESS: self._on_sasl_end,
            n.ERR_SASLFAIL: failed,
            n.ERR_SASLTOOLONG: failed,
            n.ERR_SASLABORTED: failed,
            n.ERR_SASLALREADY: self._on_sasl_end,
            n.RPL_SASLMECHS: failed,
            n.ERR_ERRONEUSNICKNAME: refused,
            n.ERR_NICKNAMEINUSE: refused,
            "436": refused,  # a collision, on networks of several servers
            "437": refused,  # kept for its owner for a while
        }

    def begin(self) -> None:
        """Greets the server."""
        self._s.out.append("CAP LS 302")
        self._names.greet()

    # --- capabilities, and what they are good for ---

    def _on_cap(self, message: Message) -> None:
        self._s.out += self._s.caps.handle(message)
        if message.param(1).upper() in ("NAK", "DEL") and "sasl" in message.param(-1).split():
            self._trial.withdrawn()
        if self._s.caps.no_sasl and self._s.refusal is None:
            self._refuse_login(_NO_SASL)
        if self._offers is not None:
            self._tell_offers()

    def _on_isupport(self, message: Message) -> None:
        self._s.support.take(message.params[1:])
        if self._offers is not None:
            self._tell_offers()

    def _tell_offers(self) -> None:
        s, caps = self._s, self._s.caps
        there = {
            Feature.HISTORY: s.has_history,
            Feature.TYPING: s.takes_tag("typing"),
            Feature.REACTIONS: s.takes_tag("draft/react") and s.takes_tag(REPLY),
            Feature.REPLIES: s.takes_tag(REPLY),
            Feature.REDACTION: REDACTION in caps,
            Feature.READ_MARKER: READ_MARKER in caps,
            Feature.MULTILINE: caps.multiline is not None,
            Feature.REGISTRATION: caps.makes_accounts,
            Feature.RESEND: RESEND in caps,
        }
        offers = Offers(s.support.network, frozenset(feature for feature, found in there.items() if found))
        if offers != self._offers:
            self._offers = offers
            s.tell(offers)

    # --- logging in ---

    def log_in(self, password: str) -> None:
        """Tries this password with the next greeting."""
        if self._s.login is not None and self.needs_password:
            self._s.login.password = password
            self.needs_password = False

    def _refuse_login(self, why: str, *, password: bool = False) -> None:
        """Ends this connection, and all further ones, unless another `password` may help, or the same a little later."""
        s = self._s
        if s.login is None or s.refusal is not None or self.needs_password:
            return
        s.login.failures += 1
        if password and s.login.asks and not s.before:
            self.needs_password = True
            enter = "After that, enter" if "wait" in why.lower() else "Enter"
            s.tell(Failed(f"{why} {enter} the password again, or end the client with /quit."))
        else:
            s.refusal = Refusal(why, final=not (password and s.before and s.login.failures < MOST_TRIES))

    def _on_authenticate(self, message: Message) -> None:
        login = self._s.login
        if message.param(0) != "+":
            return
        if self._trial.under_way:
            self._trial.challenged()
        elif login is not None and login.begun and not login.done:
            self._s.out += login.answer()

    def not_taken(self, command: str) -> bool:
        """The server does not take a command: whether that ends the greeting, for it is the login."""
        login = self._s.login
        ends = command.upper() == "AUTHENTICATE" and not self._s.registered and login is not None and login.begun and not login.done
        if ends:
            self._refuse_login(_NO_SASL)
        return ends

    def logged_in(self, message: Message) -> None:
        """RPL_LOGGEDIN."""
        self._s.account = message.param(2)
        self._s.tell(LoggedIn(message.param(2)))

    def _on_logged_out(self, message: Message) -> None:
        del message
        self._s.account = ""
        self._s.tell(LoggedIn(""))

    def _on_sasl_end(self, message: Message) -> None:
        login = self._s.login
        if self._trial.ended(message) or login is None or login.done or not login.begun:
            return
        login.succeed()
        self._names.logged_in()
        self._s.out += self._s.caps.login_or_end()

    def _on_sasl_failed(self, message: Message) -> None:
        login = self._s.login
        if self._trial.ended(message):
            return
        if login is None or login.done or self._s.registered:
            self._answers.error(message)
        elif message.command == n.RPL_SASLMECHS:
            self._refuse_login(f"The server takes no password here (it offers {message.param(1)}): connect without --account.")
        else:
            why = message.param(-1)
            wrong = ": the account name or the password is wrong" if "authentication failed" in why.lower() else ""
            self._refuse_login(f"The server refused the login as {login.account} ({why}){wrong}.", password=True)

    def _on_visible_host(self, message: Message) -> None:
        self._s.tell(Info(f"your host name here is {message.param(1)}"))

    def _on_name_refused(self, message: Message) -> None:
        if not self._names.refused(message):
            self._answers.error(message)

    # --- welcome ---

    def _on_welcome(self, message: Message) -> None:
        s = self._s
        if s.registered:
            return
        if s.login is not None and not s.login.done:
            self._refuse_login(_NO_SASL)
            return
        s.registered = True
        s.nick = truncate(message.param(0), 64) or s.nick
        if s.is_me(s.wanted_name):
            s.wanted_name = s.nick
        s.tell(Registered(s.nick, s.before))
        s.before = True
        if s.modes:
            s.send("MODE", s.nick, s.modes)  # before all else: who is in a room sees from the first what we are
        for room in list(s.wanted.values()):
            self.ask_in(room)
        self._talks.welcome()
        s.barrier(self._supported)  # ISUPPORT follows: only then is it known how long a page of history is

    def _supported(self) -> None:
        self._tell_offers()
        self._talks.resume()

    def ask_in(self, name: str) -> None:
        """Asks to be let into a room: who is not in by the answer to a PING was not let in."""
        self._s.send("JOIN", name)
        room = self._s.room(name)
        room.leaving = False
        room.entering = room.entering or not room.joined  # else nothing comes of it, and a page of the history may be on its way

        def answered() -> None:
            room.entering = False
            if not room.joined and fold(room.name) in self._s.wanted:
                self._answers.shut_out(room.name, "the server did not let you in")

        self._s.barrier(answered)
