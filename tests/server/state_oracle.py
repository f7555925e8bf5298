"""What the server's state should be, in dicts and lists: who is here, who is in which room with which rank, what is allowed, and
the lines that are due to each session, in the one order in which they are due.

It knows nothing of positions, cursors, pages and logs: that these come to the same is what test_state_machine.py is about.
"""

from __future__ import annotations

from dataclasses import dataclass, field

HOST = "host.example"
ORDER = "vho"  # voice, half-operator, operator: the lowest first
LIST_ENTRIES = 3
FLAGS = "imnst"
LISTS = {"b": "h", "e": "o", "I": "o"}  # to the rank that it takes to change them


def fold(name: str) -> str:
    return name.lower()


@dataclass(eq=False)
class Session:
    """One connection. `due` is a line (or the lines of a page of history) and the position that has to be committed before it."""

    who: str
    nick: str = ""
    echo: bool = False
    history: bool = False
    registered: bool = False
    invited: dict[Room, tuple[bool, int]] = field(default_factory=dict)  # by somebody who may; when
    due: list[tuple[str | list[str], int]] = field(default_factory=list)
    got: int = 0
    lost: bool = False
    ended: bool = False

    @property
    def prefix(self) -> str:
        return f"{self.nick}!~u@{HOST}"


@dataclass(eq=False)
class Room:
    """One room, from its first member to its last."""

    name: str
    members: dict[Session, set[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=lambda: set("nt"))
    lists: dict[str, dict[str, int]] = field(default_factory=lambda: {letter: {} for letter in LISTS})  # to when it was set
    key: str = ""
    limit: int = 0
    topic: str = ""

    def level(self, session: Session) -> int:
        """0 for nothing, 3 for an operator."""
        return max((ORDER.index(letter) + 1 for letter in self.members.get(session, ())), default=0)

    def fits(self, letter: str, session: Session, since: int = -1) -> bool:
        """Whether an entry of a list fits: they are all `nick!*@*`."""
        masks = [mask for mask, when in self.lists[letter].items() if when > since]
        return "*!*@*" in masks or f"{fold(session.nick)}!*@*" in masks

    def banned(self, session: Session, since: int = -1) -> bool:
        return self.fits("b", session, since) and not self.fits("e", session)

    def mute(self, session: Session) -> bool:
        """Whether they may not speak."""
        if session not in self.members and "n" in self.flags:
            return True
        return not self.level(session) and ("m" in self.flags or self.banned(session))


@dataclass(eq=False)
class Said:
    """One message in a room's history."""

    line: str
    closed: bool
    step: int


@dataclass
class Oracle:
    """All of it. `step` counts commands."""

    sessions: list[Session] = field(default_factory=list)
    rooms: dict[str, Room] = field(default_factory=dict)
    said: dict[str, list[Said]] = field(default_factory=dict)  # by room name, whoever was in it
    joined: dict[tuple[Room, Session], int] = field(default_factory=dict)
    step: int = 0
    news: list[tuple[Session, str | list[str], bool]] = field(default_factory=list)  # of this command; whether it is an event

    # Who hears what

    def tell(self, session: Session, line: str | list[str], *, event: bool = False) -> None:
        self.news.append((session, line, event))

    def show(self, rooms: list[Room], line: str, *, but: Session | None = None) -> None:
        """All members hear it once."""
        for session in dict.fromkeys(session for room in rooms for session in room.members):
            if session is not but:
                self.tell(session, line, event=True)

    def of(self, session: Session) -> list[Room]:
        return [room for room in self.rooms.values() if session in room.members]

    def holder(self, nick: str) -> Session | None:
        return next((s for s in self.sessions if fold(s.nick) == fold(nick) and s.nick), None)

    # Commands

    def nick(self, session: Session, nick: str) -> None:
        holder = self.holder(nick)
        if holder not in (None, session):
            return
        if not session.registered:
            session.nick, session.registered = nick, True
            return
        held = any(room.lists["b"] and not room.level(session) and room.banned(session) for room in self.of(session))
        if nick == session.nick or held:
            return
        line = f":{session.prefix} NICK {nick}"
        self.show(self.of(session), line, but=session)
        self.tell(session, line)
        session.nick = nick

    def join(self, session: Session, name: str, key: str) -> None:
        room = self.rooms.get(name)
        if room is not None and (session in room.members or not self.lets_in(room, session, key)):
            return
        if room is None:
            room = self.rooms[name] = Room(name)
        session.invited.pop(room, None)
        room.members[session] = set() if room.members else {"o"}
        self.joined[room, session] = self.step
        self.show([room], f":{session.prefix} JOIN {name}")

    def lets_in(self, room: Room, session: Session, key: str) -> bool:
        if room.key and room.key != key:
            return False
        by_right, when = session.invited.get(room, (False, 0))
        if by_right and not room.banned(session, when):
            return True
        if "i" in room.flags and not room.fits("I", session):
            return False
        return not room.banned(session) and not (room.limit and len(room.members) >= room.limit)

    def part(self, session: Session, name: str, reason: str) -> None:
        room = self.rooms.get(name)
        if room is not None and session in room.members:
            self.show([room], f":{session.prefix} PART {name} :{reason}")
            self.leave(room, session)

    def leave(self, room: Room, session: Session) -> None:
        del room.members[session]
        if not room.members:
            del self.rooms[room.name]

    def kick(self, session: Session, name: str, nick: str, reason: str) -> None:
        room, victim = self.rooms.get(name), self.holder(nick)
        if room is None or room.level(session) < 2 or victim not in room.members or victim is None:
            return
        if victim is session or self.outranks(room, session, victim):
            self.show([room], f":{session.prefix} KICK {name} {victim.nick} :{reason}")
            self.leave(room, victim)

    @staticmethod
    def outranks(room: Room, session: Session, other: Session) -> bool:
        """Higher, or both operators."""
        mine, theirs = room.level(session), room.level(other)
        return mine >= 2 and (mine > theirs or mine == theirs == 3)

    def invite(self, session: Session, name: str, nick: str) -> None:
        room, guest = self.rooms.get(name), self.holder(nick)
        if room is None or guest is None or not guest.registered or session not in room.members or guest in room.members:
            return
        level = room.level(session)
        if "i" in room.flags and level < 2:
            return
        standing = {r: inv for r, inv in guest.invited.items() if self.rooms.get(r.name) is r}
        before = standing.pop(room, None)
        standing[room] = before if before is not None and before[0] and level < 2 else (level >= 2, self.step)
        guest.invited = dict(list(standing.items())[-LIST_ENTRIES:])
        self.tell(guest, f":{session.prefix} INVITE {guest.nick} {name}")

    def topic(self, session: Session, name: str, text: str) -> None:
        room = self.rooms.get(name)
        if room is not None and session in room.members and ("t" not in room.flags or room.level(session) >= 2):
            room.topic = text
            self.show([room], f":{session.prefix} TOPIC {name} :{text}")

    def quit(self, session: Session, reason: str) -> None:
        rooms = self.of(session)
        for room in rooms:
            self.leave(room, session)
        self.show(rooms, f":{session.prefix} QUIT :{reason}")
        self.sessions.remove(session)
        session.ended = True

    def say(self, session: Session, name: str, text: str) -> None:
        room = self.rooms.get(name)
        if room is None or room.mute(session):
            return
        line = f":{session.prefix} PRIVMSG {name} :{text}"
        self.said.setdefault(name, []).append(Said(line, bool("i" in room.flags or room.key), self.step))
        self.show([room], line, but=None if session.echo else session)
        if session.echo and session not in room.members:
            self.tell(session, line)

    def whisper(self, session: Session, nick: str, text: str) -> None:
        other = self.holder(nick)
        if other is None or not other.registered:
            return
        line = f":{session.prefix} PRIVMSG {other.nick} :{text}"
        self.tell(other, line, event=True)
        if session.echo:
            self.tell(session, line)

    def ask_history(self, session: Session, name: str, seen: str) -> None:
        """What was said in a room behind the line `seen`, as far as it is for them."""
        room = self.rooms.get(name)
        if room is None or session not in room.members or not session.history:
            return
        lines = self.said[name]
        at = next(index for index, said in enumerate(lines) if said.line == seen)
        since = self.joined[room, session]
        self.tell(session, [said.line for said in lines[at + 1 :] if not said.closed or said.step >= since])

    # Modes, one at a time

    def mode(self, session: Session, name: str, sign: str, letter: str, param: str) -> None:
        room = self.rooms.get(name)
        if room is None or (session not in room.members and "s" in room.flags):
            return
        told = self.changed(room, session, sign == "+", letter, param)
        if told is not None:
            self.show([room], f":{session.prefix} MODE {name} {sign}{letter}{told}")

    def changed(self, room: Room, session: Session, adding: bool, letter: str, param: str) -> str | None:
        """What MODE shows behind the letter, None where nothing changes."""
        level = room.level(session)
        if letter in ORDER:
            return self.rank(room, session, adding, letter, param)
        if letter in LISTS:
            return self.entry(room, adding, letter, param) if level > ORDER.index(LISTS[letter]) else None
        if level < 3:
            return None
        if letter in FLAGS:
            if (letter in room.flags) == adding:
                return None
            room.flags ^= {letter}
            return ""
        if letter == "k":
            if not adding and not room.key:
                return None
            room.key = param if adding else ""
            return f" {param}" if adding else " *"
        if not adding and not room.limit:
            return None
        room.limit = int(param) if adding else 0
        return f" {param}" if adding else ""

    def rank(self, room: Room, session: Session, adding: bool, letter: str, nick: str) -> str | None:
        target = self.holder(nick)
        level = room.level(session)
        if target is None or target not in room.members or not level:
            return None
        gives = level >= (2 if letter == "v" else 3) and (adding or self.outranks(room, session, target))
        ranks = room.members[target]
        if not (gives or (target is session and not adding)) or (letter in ranks) == adding:
            return None
        ranks ^= {letter}
        return f" {target.nick}"

    def entry(self, room: Room, adding: bool, letter: str, mask: str) -> str | None:
        entries = room.lists[letter]
        if (mask in entries) == adding or (adding and len(entries) >= LIST_ENTRIES):
            return None
        if adding:
            entries[mask] = self.step
        else:
            del entries[mask]
        return f" {mask}"
