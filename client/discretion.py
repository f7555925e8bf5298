"""What may be a password, and is shown to nobody: what is said to services, and what some commands carry."""

from __future__ import annotations

import re

from wire.names import fold

MASK = "***"
# Commands of IRC servers and, with a slash before them, of people who are used to other clients
_SECRET = {
    *("PASS", "AUTHENTICATE", "REGISTER", "VERIFY", "OPER", "WEBIRC", "VHOST"),
    *("IDENTIFY", "ID", "LOGIN", "AUTH", "GHOST", "RECOVER", "REGAIN", "RELEASE", "SETPASS", "PASSWORD", "PASSWD"),
    *("NS", "CS", "MS", "HS", "OS", "BS", "SASL"),
}
_LAST = {"LOGIN", "CONNECT", "SERVER"}  # what may end with a password, behind an account or a server's address
_SAYING = {"PRIVMSG", "NOTICE", "SQUERY"}
_TO_SOMEBODY = {"MSG", "QUERY", "NOTICE", "REPLY", "SAY", "CTCP"}
_RAW = {"QUOTE", "RAW"}
_ROOM = re.compile(r"^[~&@%+!]*[#&]")  # maybe for those of some ranks there
_PREFIX = re.compile(r"\s*(?:@\S*\s+)?(?::\S*\s+)?")  # tags and source


def is_service(name: str) -> bool:
    """Whether a program of the network answers to this name, or to one of several with commas between them: NickServ, ChanServ and
    the like; and whoever is called by the server that they have to be on, as in `Q@CServe.quakenet.org`: nobody does that for a
    person.
    """
    return any(map(_is_service, name.split(",")))


def _is_service(name: str) -> bool:
    nick, at, server = name.partition("@")
    return fold(nick).endswith("serv") or (nick != "" and at != "" and server != "" and not _ROOM.search(name))


def masked(text: str) -> str:
    """`text` as it may be shown: its first word."""
    words = text.split(None, 1)
    return f"{words[0]} {MASK}" if len(words) > 1 else text.strip()


def discreet(to: str, text: str) -> str:
    """`text`, said to `to`, as it may be shown: what a service gets may be a password."""
    return masked(text) if is_service(to) else text


def masked_line(line: str) -> str:
    """A raw line as it may be shown; what may stand before its command stays."""
    found = _PREFIX.match(line)
    before = found[0].lstrip() if found else ""
    rest = line[found.end() :] if found else line
    words = rest.split(None, 2)
    command = words[0].upper() if words else ""
    if _is_secret(command):
        return before + masked(rest)
    if command in _SAYING and len(words) > 2 and is_service(words[1]):
        return f"{before}{words[0]} {words[1]} {masked(words[2])}"
    return line


def is_secret(typed: str, current: str) -> bool:
    """Whether what was typed (while `current` is in front) may hold a password: then no history keeps it."""
    return any(_is_secret_line(line, current) for line in typed.split("\n"))


def _is_secret_line(line: str, current: str) -> bool:
    words = line.split(None, 2)
    first = words[0] if words else ""
    if first[:1] != "/" or first.startswith("//") or first.lower() == "/me":
        return is_service(current)
    command = first[1:].upper()
    if command in _RAW:
        rest = line.strip()[len(first) :].strip()
        return masked_line(rest) != rest
    if command in _TO_SOMEBODY and len(words) > 1 and is_service(words[1]):
        return True
    if command in _LAST:  # the account, or the server, alone says nothing, and is worth recalling
        return len(words) > 2
    return _is_secret(command) or (command == "REPLY" and is_service(current))


def _is_secret(command: str) -> bool:
    return command in _SECRET or is_service(command)
