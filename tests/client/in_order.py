"""A server that answers in order and keeps its log, line by line: #r, and talk with carol. What is under way either way waits in a
queue, so that a test chooses how far each side has come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from wire.message import Message, parse

ROOM, CAROL = "#r", "carol"
CAPS = "message-tags server-time echo-message batch draft/chathistory"
PAGE = 3


class Entry(NamedTuple):
    """A message of the log."""

    seq: int
    room: str
    nick: str
    text: str

    def line(self, tags: str = "") -> str:
        to = ROOM if self.room == ROOM else CAROL if self.nick == "alice" else "alice"
        at = f"2026-01-01T{self.seq // 3600:02}:{self.seq // 60 % 60:02}:{self.seq % 60:02}.000Z"
        return f"@{tags}msgid=m{self.seq};time={at} :{self.nick}!u@h PRIVMSG {to} :{self.text}"


@dataclass
class Server:
    """`inbox` and `outbox` are of the connection that stands."""

    log: list[Entry] = field(default_factory=list)
    registered: bool = False
    inside: bool = False
    inbox: list[str] = field(default_factory=list)
    outbox: list[str] = field(default_factory=list)

    def of(self, room: str) -> list[Entry]:
        return [entry for entry in self.log if entry.room == room]

    def connect(self) -> None:
        self.registered, self.inside, self.inbox, self.outbox = False, False, [], []

    def post(self, room: str, nick: str, text: str, *, told: bool = True) -> None:
        entry = Entry(len(self.log) + 1, room, nick, text)
        self.log.append(entry)
        if told and (self.inside if room == ROOM else self.registered):
            self.outbox.append(entry.line())

    def kick(self) -> None:
        if self.inside:
            self.inside = False
            self.outbox.append(f":op!u@h KICK {ROOM} alice :out")

    def work(self, lines: int) -> None:
        taken, self.inbox = self.inbox[:lines], self.inbox[lines:]
        for line in taken:
            self.outbox += self._answer(parse(line))

    def _answer(self, m: Message) -> list[str]:
        match m.command, m.params:
            case "CAP", ["LS", *_]:
                return [f":s CAP * LS :{CAPS}"]
            case "CAP", ["REQ", names]:
                return [f":s CAP * ACK :{names}"]
            case "CAP", ["END"]:
                self.registered = True
                return [":s 001 alice :Welcome", f":s 005 alice CHATHISTORY={PAGE} :are supported"]
            case "PING", [token]:
                return [f":s PONG s :{token}"]
            case "JOIN", _ if not self.inside:
                self.inside = True
                return [f":alice!u@h JOIN {ROOM}", f":s 366 alice {ROOM} :End"]
            case "PART", _:
                was, self.inside = self.inside, False
                return [f":alice!u@h PART {ROOM}"] if was else [f":s 442 alice {ROOM} :You are not in it"]
            case "PRIVMSG", [room, text]:
                if room == ROOM and not self.inside:
                    return [f":s 404 alice {ROOM} :You are not in it"]
                self.post(room, "alice", text, told=False)
                return [self.log[-1].line()]
            case "CHATHISTORY", [how, *rest]:
                return self._targets() if how == "TARGETS" else self._page(how, rest[0], rest[1], int(rest[2]))
        return []

    def _targets(self) -> list[str]:
        found = [f"@batch=t :s CHATHISTORY TARGETS {CAROL} 2026-01-01T00:00:00.000Z"] if self.of(CAROL) else []
        return [":s BATCH +t draft/chathistory-targets", *found, ":s BATCH -t"]

    def _page(self, how: str, room: str, ref: str, most: int) -> list[str]:
        if room == ROOM and not self.inside:
            return [f":s FAIL CHATHISTORY INVALID_TARGET {how} {room} :You are not in it"]
        place = int(ref.removeprefix("msgid=m")) if ref.startswith("msgid=") else 0
        log = self.of(room)
        if how == "AFTER":
            found = [entry for entry in log if entry.seq > place][:most]
        else:
            found = [entry for entry in log if how == "LATEST" or entry.seq < place][-most:]
        return [f":s BATCH +b chathistory {room}", *[entry.line("batch=b;") for entry in found], ":s BATCH -b"]
