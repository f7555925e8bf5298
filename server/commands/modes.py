"""MODE, of rooms: a mode is a row. Those of users are in `user_modes`.

Source: https://modern.ircdocs.horse/#mode-message
"""

from __future__ import annotations

from dataclasses import dataclass

from server.commands.audit import acts_as_operator
from server.commands.rooms import show
from server.commands.table import Context, command, shown
from server.commands.user_modes import user_mode
from server.events import Kind
from server.state.model import Listed, Rank, Room
from wire import numerics as n
from wire.masks import complete
from wire.message import truncate
from wire.names import fold, is_room


@dataclass(frozen=True, slots=True)
class Flag:
    """A room mode without a parameter: the attribute of Room that it sets."""

    attribute: str


FLAGS = {
    "i": Flag("invite_only"),
    "m": Flag("moderated"),
    "n": Flag("no_external"),
    "s": Flag("secret"),
    "t": Flag("topic_locked"),
}
RANKS = {"o": Rank.OP, "v": Rank.VOICE}
_MOST_CHANGES = 20  # MODES in ISUPPORT


@command("MODE", 1)
def mode(context: Context) -> None:
    if is_room(context.params[0]):
        _room_mode(context)
    else:
        user_mode(context)


def described(room: Room, *, secrets: bool) -> str:
    """The modes of a room as RPL_CHANNELMODEIS shows them; the key only where `secrets`."""
    letters = "".join(letter for letter, flag in sorted(FLAGS.items()) if getattr(room, flag.attribute))
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
    changes.announce()


Change = tuple[bool, str, str]  # whether it is set, the letter, the parameter or ""


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
        if letter == "b":
            self._ban(adding)
        elif letter not in FLAGS and letter not in RANKS and letter not in "kl":
            self.context.numeric(n.ERR_UNKNOWNMODE, shown(letter), "is unknown mode char to me")
        elif self._permitted():
            if letter in FLAGS:
                self._flag(letter, adding)
            elif letter in RANKS:
                self._rank(letter, adding)
            elif letter == "k":
                self._key(adding)
            else:
                self._limit(adding)

    def _permitted(self) -> bool:
        if self.room.members.get(self.context.user, Rank.NONE) & Rank.OP:
            return True
        if acts_as_operator(self.context, self.room, f"MODE {shown(self.context.params[1])}"):  # the letters: a key is a secret
            return True
        if not self._refused:
            self._refused = True
            self.context.numeric(n.ERR_CHANOPRIVSNEEDED, self.room.name, "You're not channel operator")
        return False

    def _next(self) -> str:
        return self.params.pop(0) if self.params else ""

    def _need(self, letter: str) -> str:
        word = self._next()
        if not word:
            text = f"Mode {letter} needs a parameter"
            self.context.numeric(n.ERR_INVALIDMODEPARAM, self.room.name, letter, "*", text)
        return word

    def _flag(self, letter: str, adding: bool) -> None:
        attribute = FLAGS[letter].attribute
        if getattr(self.room, attribute) != adding:
            setattr(self.room, attribute, adding)
            self.made.append((adding, letter, ""))

    def _rank(self, letter: str, adding: bool) -> None:
        nick = self._need(letter)
        if not nick:
            return
        target = self.context.net.find(nick)
        if target is None:
            self.context.numeric(n.ERR_NOSUCHNICK, shown(nick), "No such nick/channel")
        elif target not in self.room.members:
            self.context.numeric(n.ERR_USERNOTINCHANNEL, target.nick, self.room.name, "They aren't on that channel")
        else:
            before = self.room.members[target]
            after = before | RANKS[letter] if adding else before & ~RANKS[letter]
            if after != before:
                self.room.members[target] = Rank(after)
                self.made.append((adding, letter, target.nick))

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

    def _ban(self, adding: bool) -> None:
        given = self._next()
        if not given:
            self._list_bans()
            return
        if not self._permitted():
            return
        mask = truncate(complete(given), 150)
        if " " in mask or "," in mask or mask[0] == ":":
            self.context.numeric(n.ERR_INVALIDMODEPARAM, self.room.name, "b", shown(given), "That is no mask")
            return
        key = fold(mask)
        if not adding:
            if (gone := self.room.bans.pop(key, None)) is not None:
                self.made.append((False, "b", gone.mask))
        elif key in self.room.bans:
            return
        elif len(self.room.bans) >= self.context.net.limits.list_entries:
            self.context.numeric(n.ERR_BANLISTFULL, self.room.name, mask, "Channel ban list is full")
        else:
            self.room.bans[key] = Listed(mask, self.context.user.prefix, self.context.at)
            self.made.append((True, "b", mask))

    def _list_bans(self) -> None:
        net, nick, name = self.context.net, self.context.user.nick, self.room.name
        for mask, by, at in self.room.bans.values():
            self.context.line(f":{net.name} {n.RPL_BANLIST} {nick} {name} {mask} {by} {at // 1000}")
        self.context.numeric(n.RPL_ENDOFBANLIST, name, "End of channel ban list")

    def announce(self) -> None:
        """Show the room what was changed, on as many lines as that takes.

        A change of +i or +k makes the room closed from that event on.
        """
        head = f"MODE {self.room.name} "
        spare = self.context.net.limits.line - len(f":{self.context.user.prefix} {head}\r\n".encode())
        part: list[Change] = []
        for change in self.made:
            if part and len(written([*part, change]).encode()) > spare:
                show(self.context, self.room, Kind.MODE, head + written(part))
                part = []
            part.append(change)
        if part:
            show(self.context, self.room, Kind.MODE, head + written(part))


def written(changes: list[Change]) -> str:
    """Changes as MODE shows them: `+o-v alice bob`."""
    letters, params, sign = "", "", ""
    for adding, letter, param in changes:
        now = "+" if adding else "-"
        letters += (now if now != sign else "") + letter
        params += f" {param}" if param else ""
        sign = now
    return letters + params
