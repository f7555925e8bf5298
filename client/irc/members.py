"""Who is in which room, with which ranks; what they do there that is no message. Only what happens now comes here.

https://modern.ircdocs.horse/ and https://ircv3.net/specs/extensions/ (multi-prefix, extended-join, away-notify, account-notify,
chghost, invite-notify)
"""

from __future__ import annotations

from client.events import (
    Away,
    Event,
    Gone,
    Info,
    Invited,
    Joined,
    Members,
    ModeSet,
    Parted,
    Ranked,
    Renamed,
    Topic,
)
from client.history import LONGEST_NICK, Room
from client.irc import entries
from client.irc.names import Names
from client.irc.reading import Reader
from client.irc.sending import Sender
from client.irc.session import Handler, Session, time_of
from wire import numerics as n
from wire.message import Message, truncate
from wire.names import fold, is_room

MOST_CHANGES = 50  # of ranks, in one MODE


class Roster:
    """Joins, parts and all else that changes who is where and as what."""

    def __init__(self, session: Session, sender: Sender, reader: Reader, names: Names) -> None:
        self._s = session
        self._sender = sender
        self._reader = reader
        self._names = names

    def handlers(self) -> dict[str, Handler]:
        """What it does with which command."""
        return {
            "ACCOUNT": self._on_account,
            "AWAY": self._on_away,
            "CHGHOST": self._on_host,
            "INVITE": self._on_invite,
            "JOIN": self._on_join,
            "KICK": self._on_kick,
            "MODE": self._on_mode,
            "NICK": self._on_nick,
            "PART": self._on_part,
            "QUIT": self._on_quit,
            "TOPIC": self._on_topic,
            n.RPL_NOTOPIC: self._on_no_topic,
            n.RPL_TOPIC: self._on_topic_reply,
            n.RPL_NAMREPLY: self._on_names,
            n.RPL_ENDOFNAMES: self._on_names_end,
        }

    def _happened(self, event: Event, message: Message, *rooms: Room) -> None:
        self._s.tell(event)
        item = entries.as_item(event, message)
        for room in rooms:
            room.passed(item)

    # --- coming and going ---

    def _on_join(self, message: Message) -> None:
        nick, name = message.nick, message.param(0)
        if not nick or not is_room(name):
            return
        room, own = self._s.room(name), self._s.is_me(nick)
        if not self._s.crowded:
            room.add(nick)
        account, bot = entries.joining_account(message), "bot" in message.tags
        if not (own and room.closing):  # it would open what was closed: our PART is on its way
            self._happened(Joined(room.name, nick, own, account, time_of(message), bot=bot), message, room)
        if own and not room.joined:
            self._entered(room, name, message)

    def _entered(self, room: Room, name: str, message: Message) -> None:
        s = self._s
        room.joined = True
        room.entry = message.tags.get("msgid", "")
        s.latest = s.latest or time_of(message)
        s.remember_host(message)
        if fold(name) in s.rooms and not room.leaving:
            s.wanted[fold(name)] = name
        self._answer_goes_on(room)
        self._reader.start(room, f"msgid={room.last}" if room.last else "")

    def _answer_goes_on(self, room: Room) -> None:
        """Where we did not ask for this very room (the server forwards us, or puts us in), no PONG awaited yet ends its answer."""
        if room.entering or not self._s.has_history:
            return
        room.entering = True

        def over() -> None:
            room.entering = False

        self._s.barrier(over)

    def _on_part(self, message: Message) -> None:
        self._left(message, message.nick, message.param(1), "")

    def _on_kick(self, message: Message) -> None:
        self._left(message, message.param(1)[:LONGEST_NICK], message.param(2), message.nick)

    def _left(self, message: Message, nick: str, reason: str, by: str) -> None:
        room, own = self._s.known(message.param(0)), self._s.is_me(nick)
        if room is None or not (room.remove(nick) or own):
            return
        self._happened(Parted(room.name, nick, reason, own, by, time_of(message)), message, room)
        if own:
            room.cut()
            self._s.wanted.pop(fold(room.name), None)
            self._sender.give_up(room.name, "you are no longer in the room")
            self._reader.shut_out(room.name)

    def _on_quit(self, message: Message) -> None:
        rooms = [room for room in self._s.rooms.values() if room.remove(message.nick)]
        if rooms:
            names = tuple(room.name for room in rooms)
            self._happened(Gone(message.nick, names, message.param(0), time_of(message)), message, *rooms)
        self._names.freed(message.nick)

    def _on_nick(self, message: Message) -> None:
        old, new = message.nick, truncate(message.param(0), LONGEST_NICK)
        if not old or not new:
            return
        own = self._s.is_me(old)
        rooms = [room for room in self._s.rooms.values() if room.rename(old, new)]
        if own:
            self._names.is_now(new)
        if own or rooms:
            names = tuple(room.name for room in rooms)
            self._happened(Renamed(old, new, names, own, time_of(message)), message, *rooms)
        if not own:
            self._names.freed(old)

    # --- who is there ---

    def _on_names(self, message: Message) -> None:
        room = self._s.known(message.param(2))
        if room is None:
            return
        if not room.listing:
            room.listing, room.members, room.ranks = True, {}, {}
        for entry in [] if self._s.crowded else message.param(3).split():
            ranks, nick = self._s.support.rank_and_nick(entry)
            room.add(nick, ranks)

    def _on_names_end(self, message: Message) -> None:
        room = self._s.known(message.param(1))
        if room is not None and room.listing:
            room.listing = False
            keys = sorted(room.members)
            ranks = tuple(room.ranks.get(key, "") for key in keys)
            self._s.tell(Members(room.name, tuple(room.members[key] for key in keys), ranks))

    def _on_away(self, message: Message) -> None:
        rooms = tuple(room.name for room in self._s.rooms.values() if fold(message.nick) in room.members)
        if rooms:
            self._s.tell(Away(message.nick, rooms, message.param(0) or None))

    def _on_account(self, message: Message) -> None:
        if self._s.is_me(message.nick):
            account = message.param(0)
            self._s.account = "" if account == "*" else account

    def _on_host(self, message: Message) -> None:
        if self._s.is_me(message.nick) and len(message.params) > 1:
            self._s.user_host = f"{message.param(0)}@{message.param(1)}"[: LONGEST_NICK * 4]

    # --- what a room is like ---

    def _on_topic(self, message: Message) -> None:
        room = self._s.known(message.param(0))
        event = Topic(message.param(0), message.param(1), message.nick, time_of(message))
        self._happened(event, message, *([room] if room else []))

    def _on_topic_reply(self, message: Message) -> None:
        self._s.tell(Topic(message.param(1), message.param(2)))

    def _on_no_topic(self, message: Message) -> None:
        self._s.tell(Topic(message.param(1), ""))

    def _on_mode(self, message: Message) -> None:
        if not is_room(message.param(0)):
            return
        room, text = self._s.known(message.param(0)), " ".join(message.params[1:])
        if room is not None and room.closing:
            return  # as our own JOIN, it would open what was closed
        name = room.name if room else message.param(0)
        self._happened(ModeSet(name, message.nick, text, time_of(message)), message, *([room] if room else []))
        if room is not None:
            self._rank(room, message)

    def _rank(self, room: Room, message: Message) -> None:
        support, changed = self._s.support, {}
        for add, mode, who in support.changes(message.param(1)[: MOST_CHANGES * 2], message.params[2:]):
            key = fold(who)
            if mode in support.ranks and key in room.members:
                room.rank(who, support.with_rank(room.ranks.get(key, ""), mode, add=add))
                changed[key] = room.members[key]
        self._s.tell(*[Ranked(room.name, nick, room.ranks.get(key, "")) for key, nick in changed.items()])

    def _on_invite(self, message: Message) -> None:
        whom, room = message.param(0), message.param(1)
        if self._s.is_me(whom):
            self._s.tell(Invited(room, message.nick))
        else:
            self._s.tell(Info(f"{message.nick} invites {whom} to {room}"))
