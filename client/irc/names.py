"""What we are called: asking for a name, what to do where it is taken, and getting it back."""

from __future__ import annotations

from client.events import Closing, NameRefused
from client.irc.session import Session
from wire import numerics as n
from wire.message import Message
from wire.names import fold, nick_from

MOST_ALTERNATIVES = 3


class Names:
    """`fallback`: take `name_` where the name is taken, even the first time, and the name itself as soon as it is free."""

    def __init__(self, session: Session, *, fallback: bool) -> None:
        self._s = session
        self._fallback = fallback
        self.needed = False  # another name has to be chosen
        self.reset()

    def reset(self) -> None:
        """What each connection starts with."""
        self._waits = False  # the name was refused before we were logged in
        self._alternatives = 0
        self.gave_up = False

    def greet(self) -> None:
        """NICK and USER."""
        s = self._s
        s.nick = s.wanted_name
        s.send("NICK", s.wanted_name)
        s.send("USER", nick_from(s.wanted_name, 10).lower(), "0", "*", s.wanted_name)

    def rename(self, name: str) -> None:
        """Asks for `name`, now or with the next greeting."""
        self._s.wanted_name = name
        self._alternatives = 0
        if self._s.registered:
            self._ask(name)
        elif self.needed:
            self.needed = False
            self._s.nick = name

    def refused(self, message: Message) -> bool:
        """The server will not have us under this name; False where that answers a wish of the user's."""
        s, taken = self._s, message.command != n.ERR_ERRONEUSNICKNAME
        if s.registered:
            s.asked_nick = ""
            regaining = self._alternatives and fold(message.param(1)) == fold(s.wanted_name)
            if not regaining:
                s.wanted_name = s.nick
            return bool(regaining)
        if taken and s.login is not None and not s.login.done:
            self._waits = True  # it may be ours once we are logged in
        elif taken and (s.before or self._fallback):
            self._alternative()
        else:
            self.needed = True
            s.tell(NameRefused(s.wanted_name, taken, message.param(-1) if len(message.params) > 2 else ""))
        return True

    def logged_in(self) -> None:
        """Asks again for what was refused before that."""
        if self._waits and not self._s.registered:
            self._waits = False
            self._s.send("NICK", self._s.wanted_name)

    def _alternative(self) -> None:
        """Our own old connection may still have the name: be `name_` until it is free."""
        s = self._s
        self._alternatives += 1
        if self._alternatives > MOST_ALTERNATIVES:
            s.tell(Closing(f"the name {s.wanted_name} is taken"))
            self.gave_up = True
            return
        s.nick = s.wanted_name + "_" * self._alternatives
        s.send("NICK", s.nick)

    def regain(self) -> None:
        """A try to get our own name."""
        if self._s.registered and self._alternatives and not self._s.is_me(self._s.wanted_name):
            self._ask(self._s.wanted_name)

    def _ask(self, name: str) -> None:
        self._s.asked_nick = name
        self._s.send("NICK", name)

    def freed(self, nick: str) -> None:
        """Somebody gave a name up."""
        if fold(nick) == fold(self._s.wanted_name):
            self.regain()

    def is_now(self, nick: str) -> None:
        """The server calls us `nick` from now on."""
        s = self._s
        s.nick = nick
        s.asked_nick = ""
        s.outbox.renamed(nick)
        if s.is_me(s.wanted_name) or not self._alternatives:
            s.wanted_name, self._alternatives = nick, 0
