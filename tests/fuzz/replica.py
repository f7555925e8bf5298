"""A room as a client knows it: made of nothing but the MODE, JOIN, PART, KICK, NICK and QUIT lines that it was given."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.commands.modes import FLAGS
from server.state.model import Room
from server.state.ranks import letters
from wire.message import Message
from wire.names import fold

_LISTS, _RANKS = "beI", "qaohv"


@dataclass
class Replica:
    """`ranks` of the members, by folded nick; flags; lists by folded mask; key and limit, "" for none."""

    ranks: dict[str, set[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    lists: dict[str, set[str]] = field(default_factory=lambda: {letter: set() for letter in _LISTS})
    key: str = ""
    limit: str = ""

    @classmethod
    def of(cls, room: Room) -> Replica:
        """The room as it is."""
        return cls(
            {user.key: set(letters(rank)) for user, rank in room.members.items()},
            {letter for letter, flag in FLAGS.items() if getattr(room, flag.attribute)},
            {"b": set(room.bans), "e": set(room.exceptions), "I": set(room.invitations)},
            room.password,
            str(room.limit or ""),
        )

    def hear(self, message: Message) -> None:
        """One line of what members are given. Raises AssertionError where it makes no sense."""
        nick = fold(message.nick)
        match message.command:
            case "JOIN":
                assert nick not in self.ranks, "somebody joins who is there"
                self.ranks[nick] = set()
            case "PART" | "QUIT":
                assert self.ranks.pop(nick, None) is not None, "somebody leaves who is not there"
            case "KICK":
                assert self.ranks.pop(fold(message.params[1]), None) is not None, "somebody is put out who is not there"
            case "NICK":
                self.ranks[fold(message.params[0])] = self.ranks.pop(nick)
            case "MODE":
                self.mode(message.params[1], message.params[2:])

    def mode(self, changes: str, params: list[str]) -> None:
        """`+o-v alice bob`: each change is one, and each parameter belongs to one."""
        adding = True
        left = list(params)
        assert changes[:1] in "+-"
        for letter in changes:
            if letter in "+-":
                adding = letter == "+"
            elif letter in _RANKS:
                self._put(self.ranks[fold(left.pop(0))], letter, adding)
            elif letter in _LISTS:
                self._put(self.lists[letter], fold(left.pop(0)), adding)
            elif letter == "k":
                key = left.pop(0)
                self.key = key if adding else ""
            elif letter == "l":
                self.limit = left.pop(0) if adding else ""
            else:
                self._put(self.flags, letter, adding)
        assert not left, f"parameters of nothing: {left}"

    @staticmethod
    def _put(found: set[str], item: str, adding: bool) -> None:
        assert (item in found) != adding, f"no change: {item}"
        if adding:
            found.add(item)
        else:
            found.remove(item)
