"""CAP: asking the server for the capabilities that we use. https://ircv3.net/specs/extensions/capability-negotiation"""

from __future__ import annotations

from wire.message import Message

# No labeled-response: an echo with a label comes as a reply, beside the room's log, and would be shown out of its order.
WANTED = (
    "message-tags",
    "server-time",
    "echo-message",
    "batch",
    "cap-notify",
    "draft/chathistory",
    "chathistory",
)


class Negotiation:
    """Keeps only names that we want, so that no list is too long for us."""

    def __init__(self) -> None:
        self.active: set[str] = set()
        self._offered: set[str] = set()
        self._open = True

    def __contains__(self, name: str) -> bool:
        return name in self.active

    def handle(self, message: Message) -> list[str]:
        """A CAP message from the server: the lines to answer it with."""
        names = [item.partition("=")[0] for item in message.param(-1).split()]
        match message.param(1).upper():
            case "LS":
                self._offered.update(n for n in names if n in WANTED)
                more = len(message.params) > 3 and message.param(2) == "*"
                return [] if more or not self._open else self._request(self._offered) or self._end()
            case "NEW":
                return self._request({n for n in names if n in WANTED})
            case "ACK":
                self._acknowledge(names)
                return self._end()
            case "NAK":
                return self._end()
            case "DEL":
                self.active.difference_update(names)
        return []

    def _request(self, names: set[str]) -> list[str]:
        return [f"CAP REQ :{' '.join(n for n in WANTED if n in names)}"] if names else []

    def _acknowledge(self, names: list[str]) -> None:
        self.active.difference_update(n[1:] for n in names if n.startswith("-"))
        self.active.update(n for n in names if n in WANTED)

    def _end(self) -> list[str]:
        was_open, self._open = self._open, False
        return ["CAP END"] if was_open else []
