"""CAP: asking the server for the capabilities that we use. https://ircv3.net/specs/extensions/capability-negotiation"""

from __future__ import annotations

from client.login import Login
from wire.message import Message

ACCOUNTS = "draft/account-registration"  # only looked for: REGISTER works without asking for it
RESEND = "parley.chat/resend"  # docs/protocol.md, "Sending again"

# No labeled-response: an echo with a label comes as a reply, beside the room's log, and would be shown out of its order.
WANTED = (
    "message-tags",
    "server-time",
    "echo-message",
    "batch",
    "cap-notify",
    "draft/chathistory",
    "chathistory",
    RESEND,
)


class Negotiation:
    """Keeps only names that we want, so that no list is too long for us."""

    def __init__(self, login: Login | None = None) -> None:
        self._login = login
        self._wanted = (*WANTED, "sasl") if login else WANTED
        self.offers_accounts = False  # for a password alone: `/register` gives no address for mail
        self.no_sasl = False  # we want to log in, and the server does not offer it
        self.active: set[str] = set()
        self._offered: set[str] = set()
        self._open = True
        self._values: dict[str, str] = {}

    @property
    def remembered(self) -> int:
        """For how many seconds the server knows a message of ours by its id; 0 where it knows none."""
        value = self._values.get(RESEND, "") if RESEND in self.active else ""
        seconds = dict(part.partition("=")[::2] for part in value.split(",")).get("seconds", "")
        return int(seconds) if seconds.isascii() and seconds.isdecimal() and len(seconds) < 8 else 0

    def __contains__(self, name: str) -> bool:
        return name in self.active

    def handle(self, message: Message) -> list[str]:
        """A CAP message from the server: the lines to answer it with."""
        items = [item.partition("=") for item in message.param(-1).split()]
        names = [name for name, _, value in items if name != "sasl" or not value or "PLAIN" in value.upper().split(",")]
        if message.param(1).upper() in ("LS", "NEW"):
            self.offers_accounts |= any(name == ACCOUNTS and "email-required" not in value.split(",") for name, _, value in items)
            self._values.update((name, value[:64]) for name, _, value in items if name in self._wanted)
        match message.param(1).upper():
            case "LS":
                self._offered.update(n for n in names if n in self._wanted)
                more = len(message.params) > 3 and message.param(2) == "*"
                return [] if more or not self._open else self._all_offered()
            case "NEW":
                return self._request({n for n in names if n in self._wanted})
            case "ACK":
                self._acknowledge(names)
                return self.login_or_end()
            case "NAK":
                return self.login_or_end()
            case "DEL":
                self.active.difference_update(names)
        return []

    def _all_offered(self) -> list[str]:
        self.no_sasl = self._login is not None and "sasl" not in self._offered
        return [] if self.no_sasl else self._request(self._offered) or self._end()

    def login_or_end(self) -> list[str]:
        """What comes next: logging in, if that is wanted, keeps the negotiation open until it is done."""
        login = self._login if self._open else None
        if login is None or login.done:
            return self._end()
        if "sasl" not in self.active:
            self.no_sasl = True
            return []
        return [] if login.begun else login.begin()

    def _request(self, names: set[str]) -> list[str]:
        return [f"CAP REQ :{' '.join(n for n in self._wanted if n in names)}"] if names else []

    def _acknowledge(self, names: list[str]) -> None:
        self.active.difference_update(n[1:] for n in names if n.startswith("-"))
        self.active.update(n for n in names if n in self._wanted)

    def _end(self) -> list[str]:
        was_open, self._open = self._open, False
        return ["CAP END"] if was_open else []
