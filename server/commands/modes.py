"""MODE, of rooms: a mode is a row. Those of users are in `user_modes`.

Source: https://modern.ircdocs.horse/#mode-message
"""

from __future__ import annotations

from dataclasses import dataclass

from server.commands.audit import acts_as_operator
from server.commands.changes import Change, parts, rerank
from server.commands.lists import LISTS, ListMode, change_list, show_list
from server.commands.rooms import show
from server.commands.table import Context, command, shown
from server.commands.user_modes import user_mode
from server.events import Kind
from server.state.model import Room, User
from server.state.ranks import LETTERS, Rank, may_act_on, may_give
from server.state.registry import remember
from wire import numerics as n
from wire.names import is_room


@dataclass(frozen=True, slots=True)
class Flag:
    """A room mode without a parameter: the attribute of Room that it sets, and the rank that it takes."""

    attribute: str
    least: Rank = Rank.OP


FLAGS = {
    "C": Flag("no_ctcp"),
    "M": Flag("account_speaks"),
    "R": Flag("account_only"),
    "i": Flag("invite_only"),
    "m": Flag("moderated"),
    "n": Flag("no_external"),
    "s": Flag("secret"),
    "t": Flag("topic_locked"),
}
REGISTERED = "r"  # shown, and set by registration only
# CHANMODES in ISUPPORT: lists, always with a parameter, with one when set, without.
TYPES = ("".join(LISTS), "k", "l", "".join(sorted([*FLAGS, REGISTERED])))
_MOST_CHANGES = 20  # MODES in ISUPPORT


@command("MODE", 1)
def mode(context: Context) -> None:
    if is_room(context.params[0]):
        _room_mode(context)
    else:
        user_mode(context)


def described(room: Room, *, secrets: bool) -> str:
    """The modes of a room as RPL_CHANNELMODEIS shows them; the key only where `secrets`."""
    found = [letter for letter, flag in FLAGS.items() if getattr(room, flag.attribute)]
    letters = "".join(sorted([*found, REGISTERED] if room.registered else found))
    params = ""
    if room.password:
        letters += "k"
        params += f" {room.password}" if secrets else " *"
    if room.limit:
        letters += "l"
        params += f" {room.limit}"
    return f"+{letters}{params}"


def _room_mode(context: Context) -> None:
    net, user = context.net, context.user
    room = context.room(context.params[0])
    if room is None:
        return
    if len(context.params) == 1:
        context.line(f":{net.name} {n.RPL_CHANNELMODEIS} {user.nick} {room.name} {described(room, secrets=user in room.members)}")
        context.line(f":{net.name} {n.RPL_CREATIONTIME} {user.nick} {room.name} {room.created // 1000}")
        return
    changes = Changes(context, room)
    changes.read(context.params[1], context.params[2:])
    if changes.made:
        changes.announce()
        remember(net, room)


class Changes:
    """The changes that one MODE command brings about, collected so that the room sees them on one line."""

    def __init__(self, context: Context, room: Room) -> None:
        self.context = context
        self.room = room
        self.params: list[str] = []
        self.made: list[Change] = []
        self._refused = False

    def read(self, letters: str, params: list[str]) -> None:
        """Carry out `letters` (`+o-v`) with their parameters."""
        self.params = list(params)
        adding = True
        count = 0
        for letter in letters:
            if letter in "+-":
                adding = letter == "+"
                continue
            count += 1
            if count > _MOST_CHANGES:
                return
            self._one(letter, adding)

    def _one(self, letter: str, adding: bool) -> None:
        if letter in LISTS:
            self._list(LISTS[letter], adding)
        elif letter in LETTERS:
            self._rank(letter, adding)
        elif letter == REGISTERED:
            self._refuse("The server sets that: PRIVMSG ChanServ :REGISTER, or DROP")
        elif letter not in FLAGS and letter not in "kl":
            self.context.numeric(n.ERR_UNKNOWNMODE, shown(letter), "is unknown mode char to me")
        elif not self._permitted(FLAGS[letter].least if letter in FLAGS else Rank.OP):
            return
        elif letter in FLAGS:
            self._flag(letter, adding)
        elif letter == "k":
            self._key(adding)
        else:
            self._limit(adding)

    @property
    def _mine(self) -> Rank:
        return self.room.rank_of(self.context.user)

    def _permitted(self, least: Rank) -> bool:
        if self._mine >= least:
            return True
        if acts_as_operator(self.context, self.room, self._deed):
            return True
        self._refuse("You're not channel operator")
        return False

    @property
    def _deed(self) -> str:
        return f"MODE {shown(self.context.params[1])}"  # the letters: a key is a secret

    def _refuse(self, why: str) -> None:
        if not self._refused:
            self._refused = True
            self.context.numeric(n.ERR_CHANOPRIVSNEEDED, self.room.name, why)

    def _next(self) -> str:
        return self.params.pop(0) if self.params else ""

    def _need(self, letter: str) -> str:
        word = self._next()
        if not word:
            self._missing(letter)
        return word

    def _missing(self, letter: str) -> None:
        self.context.numeric(n.ERR_INVALIDMODEPARAM, self.room.name, letter, "*", f"Mode {letter} needs a parameter")

    def _flag(self, letter: str, adding: bool) -> None:
        attribute = FLAGS[letter].attribute
        if getattr(self.room, attribute) != adding:
            setattr(self.room, attribute, adding)
            self.made.append((adding, letter, ""))

    def _rank(self, letter: str, adding: bool) -> None:
        if not self._permitted(Rank.VOICE):  # who is nothing here is told so, and not which nicks there are
            return
        nick = self._next()
        target = self.context.net.find(nick) if nick else None
        if not nick:
            self._missing(letter)
        elif target is None:
            self.context.numeric(n.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
        elif target not in self.room.members:
            self.context.numeric(n.ERR_USERNOTINCHANNEL, target.nick, self.room.name, "They aren't on that channel")
        elif self._may_rank(letter, target, adding):
            before = self.room.members[target]
            after = before | LETTERS[letter] if adding else before & ~LETTERS[letter]
            self.made += rerank(self.room, target, Rank(after))

    def _may_rank(self, letter: str, target: User, adding: bool) -> bool:
        if target is self.context.user and not adding:
            return True  # anyone may lay down what they have
        gives = may_give(self._mine, LETTERS[letter])
        if gives and (adding or may_act_on(self._mine, self.room.members[target])):
            return True
        if acts_as_operator(self.context, self.room, self._deed):
            return True
        self._refuse("They have a higher rank than you" if gives else "Your rank does not give or take that one")
        return False

    def _key(self, adding: bool) -> None:
        key = self._next()
        if adding:
            if not key or not key.isascii() or not key.isprintable() or any(c in " ,:" for c in key) or len(key) > 32:
                self.context.numeric(n.ERR_INVALIDKEY, self.room.name, "Key is not well-formed")
                return
            self.room.password = key
            self.made.append((True, "k", key))
        elif self.room.password:
            self.room.password = ""
            self.made.append((False, "k", "*"))

    def _limit(self, adding: bool) -> None:
        if not adding:
            if self.room.limit:
                self.room.limit = 0
                self.made.append((False, "l", ""))
            return
        word = self._need("l")
        if word and not (word.isascii() and word.isdigit() and 0 < int(word[:9]) < 10**8):
            self.context.numeric(n.ERR_INVALIDMODEPARAM, self.room.name, "l", shown(word), "The limit is a whole number above 0")
        elif word:
            self.room.limit = int(word[:9])
            self.made.append((True, "l", str(self.room.limit)))

    def _list(self, row: ListMode, adding: bool) -> None:
        given = self._next()
        if not given:
            if self._permitted(row.reader):
                show_list(self.context, self.room, row)
        elif self._permitted(row.least) and (mask := change_list(self.context, self.room, row, given, adding=adding)):
            self.made.append((adding, row.letter, mask))

    def announce(self) -> None:
        """Show the room what was changed, on as many lines as that takes.

        A change of +i or +k makes the room closed from that event on.
        """
        head = f"MODE {self.room.name} "
        spare = self.context.net.limits.line - len(f":{self.context.user.prefix} {head}\r\n".encode())
        for part in parts(self.made, spare):
            show(self.context, self.room, Kind.MODE, head + part)
