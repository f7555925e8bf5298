"""CAP: asking the server for the capabilities that we use. https://ircv3.net/specs/extensions/capability-negotiation"""

from __future__ import annotations

from client.login import Login
from wire.message import Message

RESEND = "parley.chat/resend"  # docs/protocol.md, "Sending again"
MULTILINE = "draft/multiline"
READ_MARKER = "draft/read-marker"
REDACTION = "draft/message-redaction"
PLAYBACK = "draft/event-playback"
REGISTRATION = "draft/account-registration"
LEAST_BATCH_BYTES = 512  # less is no use
MOST_BATCH_BYTES = 64 * 1024  # of a message of several lines, whatever a server takes
MOST_BATCH_LINES = 1000

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
# What chat does without. A REQ is refused as a whole, so these are asked for apart, few at a time.
EXTRA = (
    ("multi-prefix", "extended-join", "account-tag", "account-notify", "away-notify", "chghost", "setname", "invite-notify"),
    (MULTILINE, READ_MARKER, REDACTION, PLAYBACK, "standard-replies", REGISTRATION),
)


class Negotiation:
    """Keeps only names that we want, so that no list is too long for us."""

    def __init__(self, login: Login | None = None) -> None:
        self._login = login
        self._groups = ((*WANTED, "sasl") if login else WANTED, *EXTRA)
        self._wanted = {name for group in self._groups for name in group}
        self._asked = 0  # REQs that were not answered yet
        self.no_sasl = False  # we want to log in, and the server does not offer it
        self.takes_passwords = False  # SASL PLAIN is there, wanted or not
        self.active: set[str] = set()
        self._offered: set[str] = set()
        self._open = True
        self._values: dict[str, str] = {}

    @property
    def remembered(self) -> int:
        """For how many seconds the server knows a message of ours by its id; 0 where it knows none."""
        return self._number(RESEND, "seconds")

    @property
    def multiline(self) -> tuple[int, int] | None:
        """Bytes and lines of a message of several lines, at most; None where the server knows none such."""
        size, lines = self._number(MULTILINE, "max-bytes"), self._number(MULTILINE, "max-lines") or MOST_BATCH_LINES
        if size < LEAST_BATCH_BYTES or lines < 2 or not {"batch", "message-tags"} <= self.active:
            return None
        return min(size, MOST_BATCH_BYTES), min(lines, MOST_BATCH_LINES)

    @property
    def makes_accounts(self) -> bool:
        """Whether `REGISTER` with a password alone can be enough: ours gives no address for mail."""
        return REGISTRATION in self.active and "email-required" not in self._values.get(REGISTRATION, "").split(",")

    def _number(self, name: str, key: str) -> int:
        value = self._values.get(name, "") if name in self.active else ""
        number = dict(part.partition("=")[::2] for part in value.split(",")).get(key, "")
        return int(number) if number.isascii() and number.isdecimal() and len(number) < 8 else 0

    def __contains__(self, name: str) -> bool:
        return name in self.active

    def handle(self, message: Message) -> list[str]:
        """A CAP message from the server: the lines to answer it with."""
        items = [item.partition("=") for item in message.param(-1).split()]
        names = [name for name, _, value in items if name != "sasl" or not value or "PLAIN" in value.upper().split(",")]
        if message.param(1).upper() in ("LS", "NEW"):
            self._values.update((name, value[:64]) for name, _, value in items if name in self._wanted)
            self.takes_passwords = self.takes_passwords or "sasl" in names
        match message.param(1).upper():
            case "LS":
                self._offered.update(n for n in names if n in self._wanted)
                more = len(message.params) > 3 and message.param(2) == "*"
                return [] if more or not self._open else self._all_offered()
            case "NEW":
                return self._request({n for n in names if n in self._wanted})
            case "ACK" | "NAK" as answer:
                if answer == "ACK":
                    self._acknowledge(names)
                self._asked = max(self._asked - 1, 0)
                return [] if self._asked else self.login_or_end()
            case "DEL":
                self.active.difference_update(names)
                self.takes_passwords = self.takes_passwords and "sasl" not in names
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
        groups = [found for group in self._groups if (found := [name for name in group if name in names])]
        self._asked += len(groups)
        return [f"CAP REQ :{' '.join(group)}" for group in groups]

    def _acknowledge(self, names: list[str]) -> None:
        self.active.difference_update(n[1:] for n in names if n.startswith("-"))
        self.active.update(n for n in names if n in self._wanted)

    def _end(self) -> list[str]:
        was_open, self._open = self._open, False
        return ["CAP END"] if was_open else []
