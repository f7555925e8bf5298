"""A dialect as the user interface's thread may use it: each call is work left for the connection's thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from client.dialect import Dialect
from client.discretion import discreet
from client.events import Event, Failed, Info, Kind, NotSent
from client.outbox import FULL
from client.tui.inbox import Asks

ENDED = "the connection has ended"
_REFUSED = Failed(ENDED)


class Posted:
    """The `Actions` of a dialect, and what it wants from us as far as that has been heard of. Nothing here waits.

    `post` is `Connection.post`; `report` takes events that an action causes here, in the connection's thread. `refuse` takes those
    of actions for which there is no connection any more, in the caller's thread.
    """

    def __init__(
        self,
        dialect: Dialect,
        post: Callable[[Callable[[], None]], None],
        report: Callable[[Event], None],
        refuse: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self._dialect = dialect
        self._leave = post
        self._report = report
        self._refuse = refuse
        self._asks = Asks()
        self._ended = False

    def end(self) -> None:
        """The connection's thread has ended: nothing that is asked for happens any more, and that is said."""
        self._ended = True

    def _post(self, job: Callable[[], None], refusal: Event | None = None) -> None:
        """Leave work; `refusal` is what is said of it where there is nobody to do it."""
        if not self._ended:
            self._leave(job)
        elif refusal is not None:
            self._refuse(refusal)

    # --- what is known ---

    def heard(self, asks: Asks) -> None:
        """What the dialect wanted when the event that is taken now happened."""
        self._asks = asks

    @property
    def nick(self) -> str:
        """Our name, as the server has it."""
        return self._asks.nick

    @property
    def needs_name(self) -> bool:
        """Whether another name has to be chosen."""
        return self._asks.name

    @property
    def needs_password(self) -> bool:
        """Whether another password has to be given."""
        return self._asks.password

    # --- actions ---

    def say(self, room: str, text: str, kind: Kind = Kind.MESSAGE, *, reply_to: str = "") -> bool:
        """Always True: what is not taken is reported as NotSent, without passwords."""
        shown = discreet(room, text)

        def say() -> None:
            if not self._dialect.say(room, text, kind, reply_to=reply_to):
                self._report(NotSent(room, shown, FULL))

        self._post(say, NotSent(room, shown, ENDED))
        return True

    def react(self, room: str, msgid: str, reaction: str, *, remove: bool = False) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.react(room, msgid, reaction, remove=remove), _REFUSED)

    def redact(self, room: str, msgid: str, reason: str = "") -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.redact(room, msgid, reason), _REFUSED)

    def typing(self, room: str, *, done: bool = False) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.typing(room, done=done))

    def read_up_to(self, room: str, at: datetime) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.read_up_to(room, at))

    def older(self, room: str) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.older(room))

    def list_rooms(self, pattern: str = "") -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.list_rooms(pattern))

    def send(self, command: str, *params: str) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.send(command, *params), _REFUSED)

    def rename(self, name: str) -> None:
        """See `Actions`."""
        self._asks = self._asks._replace(name=False)
        self._post(lambda: self._dialect.rename(name), _REFUSED)

    def log_in(self, password: str, account: str = "") -> None:
        """See `Actions`."""
        self._asks = self._asks._replace(password=False)
        self._post(lambda: self._dialect.log_in(password, account), _REFUSED)

    def register(self, password: str) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.register(password), _REFUSED)

    def quote(self, line: str) -> str:
        """Always "": how it may be shown comes as Info."""

        def quote() -> None:
            if sent := self._dialect.quote(line):
                self._report(Info(f"sent: {sent}"))

        self._post(quote, _REFUSED)
        return ""

    def join(self, room: str) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.join(room), _REFUSED)

    def part(self, room: str, reason: str = "") -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.part(room, reason), _REFUSED)

    def forget(self, room: str) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.forget(room))

    def names(self, room: str) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.names(room), _REFUSED)

    def topic(self, room: str, text: str | None = None) -> None:
        """See `Actions`."""
        self._post(lambda: self._dialect.topic(room, text), _REFUSED)

    def quit(self, reason: str = "") -> bool:
        """Says goodbye; `Connection.stop` ends it."""
        self._post(lambda: _forget(self._dialect.quit(reason)))
        return True


def _forget(result: object) -> None:
    del result
