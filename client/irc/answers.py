"""The server's answers that are shown as they are, errors, and standard replies.

https://modern.ircdocs.horse/#numerics and https://ircv3.net/specs/extensions/standard-replies
"""

from __future__ import annotations

from typing import Final

from client.events import Closing, Failed, Info
from client.irc.messages import Messages
from client.irc.reading import Reader
from client.irc.sending import Sender
from client.irc.session import Handler, Session
from client.irc.whois import sentence
from wire import numerics as n
from wire.message import Message
from wire.names import fold, is_room

_MESSAGE_ERRORS: Final = {
    n.ERR_NOSUCHNICK,
    n.ERR_NOSUCHCHANNEL,
    n.ERR_CANNOTSENDTOCHAN,
    n.ERR_TOOMANYTARGETS,
    n.ERR_NORECIPIENT,
    n.ERR_NOTEXTTOSEND,
    n.ERR_INPUTTOOLONG,
}
_NOT_HEARD: Final = {
    n.ERR_NOSUCHNICK,
    n.ERR_NOSUCHCHANNEL,
    n.ERR_CANNOTSENDTOCHAN,
    n.ERR_NEEDREGGEDNICK,
    n.ERR_CANNOTSENDTOUSER,
}
_QUIET: Final = {
    "002",
    "003",
    "004",
    "221",
    "250",
    "251",
    "252",
    "253",
    "254",
    "255",
    "265",
    "266",
    "329",
    "333",
    "375",
    "376",
    "422",
}


class Answers:
    """What no other part has a use for."""

    def __init__(self, session: Session, sender: Sender, reader: Reader, messages: Messages) -> None:
        self._s = session
        self._messages = messages
        self._sender = sender
        self._reader = reader

    def handlers(self) -> dict[str, Handler]:
        """What it does with which command."""
        return {"ERROR": self._on_closing, "FAIL": self._on_fail, "NOTE": self._on_note, "WARN": self._on_note}

    def numeric(self, message: Message) -> None:
        """A numeric that nobody else takes."""
        if message.command in _QUIET:
            return
        known = sentence(message.command, message.params[1:])
        if known is not None:
            if known:
                self._s.tell(Info(known))
        elif message.command >= "400":
            self.error(message)
        else:
            self._s.tell(Info(" ".join(message.params[1:])))

    def error(self, message: Message) -> None:
        """Something did not work: maybe a message of ours, or entering a room.

        Of a room it may be about our typing, a reaction, or a command there, and not about the message that is in flight: only its
        echo, or the PONG without one, says. Without echoes it is believed: who cannot be reached gets no message either.
        """
        s, reason, of_deed = self._s, message.param(-1), self._sender.deeds.may_be_meant(message)
        of_join = self._waits_for(message.param(1))
        blamed = s.outbox.blame(message.param(1), reason) if message.command in _MESSAGE_ERRORS else None
        if blamed is None:
            self._otherwise(message, of_deed=of_deed, of_join=of_join)
        elif "echo-message" in s.caps:
            s.barrier(lambda: self._otherwise(message, of_deed=of_deed, of_join=of_join) if blamed.answered else None)
        else:
            s.outbox.take(blamed.ident)
            self._sender.not_sent(blamed, reason)

    def _otherwise(self, message: Message, *, of_deed: bool, of_join: bool) -> None:
        """An error that is about no message. When it came we had asked to be let in (`of_join`), or not: not what we ask since."""
        about, reason = message.param(1), message.param(-1)
        if of_join and self._waits_for(about):
            self.shut_out(about, reason)
        elif message.command in _NOT_HEARD and not of_deed and self._messages.typed_in_vain(about):
            return
        else:
            text = ": ".join(dict.fromkeys(p for p in (*message.params[1:-1], reason) if p))
            self._s.tell(Failed(text, self._place(message)))

    def _waits_for(self, room: str) -> bool:
        """Whether we have asked to be let into this room."""
        known = self._s.known(room)
        return known is not None and self._s.enters(known)

    def shut_out(self, room: str, reason: str) -> None:
        """A room that we will not get into."""
        self._s.wanted.pop(fold(room), None)
        self._s.tell(Failed(f"{room}: {reason}"))
        self._sender.give_up(room, reason)
        self._reader.shut_out(room)

    def _on_fail(self, message: Message) -> None:
        command, code = message.param(0).upper(), message.param(1)
        if command == "CHATHISTORY":
            self._reader.failed(message)
            return
        if command in ("TAGMSG", "REDACT") and self._sender.deeds.refused(message):
            return
        if code == "NICKNAME_RESERVED":
            return  # it stands beside a numeric that says so
        refused = self._s.outbox.take(message.param(2)) if code.startswith("ID_") else None
        if command == "BATCH" and refused is None:
            refused = self._s.outbox.fail_batch()
        if refused is not None:
            self._sender.not_sent(refused, message.param(-1))
        else:
            self._s.tell(Failed(message.param(-1), self._place(message)))

    def _place(self, message: Message) -> str:
        """The room of ours that an error names, "" where it names none."""
        rooms = (self._s.known(name) for name in message.params[1:-1] if is_room(name))
        return next((room.name for room in rooms if room is not None and room.joined), "")

    def _on_note(self, message: Message) -> None:
        ident = message.param(2)
        if message.param(1) == "ALREADY_STORED" and (self._s.outbox.take(ident) or self._sender.deeds.stored(ident)):
            return
        self._s.tell(Info(message.param(-1)))

    def _on_closing(self, message: Message) -> None:
        self._s.tell(Closing(message.param(-1)))
