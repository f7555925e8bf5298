"""What may be a password, and is shown to nobody: what is said to services, and what some commands carry."""

from __future__ import annotations

from wire.names import fold

MASK = "***"
_SECRET = {"PASS", "AUTHENTICATE", "REGISTER", "IDENTIFY", "OPER", "VERIFY", "NS", "NICKSERV"}
_SAYING = {"PRIVMSG", "NOTICE"}


def is_service(name: str) -> bool:
    """Whether a program of the network answers to this name: NickServ, ChanServ and the like, also as `NickServ@host`."""
    return fold(name).partition("@")[0].endswith("serv")


def masked(text: str) -> str:
    """`text` as it may be shown: its first word."""
    verb, space, _ = text.strip().partition(" ")
    return f"{verb} {MASK}" if space else verb


def masked_line(line: str) -> str:
    """A raw line as it may be shown."""
    words = line.split(None, 2)
    command = words[0].upper() if words else ""
    if command in _SECRET:
        return masked(line)
    if command in _SAYING and len(words) > 2 and is_service(words[1]):
        return f"{words[0]} {words[1]} {masked(words[2])}"
    return line


def is_secret(typed: str, current: str) -> bool:
    """Whether a typed line (while `current` is in front) may hold a password: then no history keeps it."""
    words = typed.split(None, 2)
    command = words[0].lower() if words else ""
    if command in ("/msg", "/query"):
        return len(words) > 1 and is_service(words[1])
    if command == "/quote":
        rest = typed.strip()[len(command) :].strip()
        return masked_line(rest) != rest
    said = command[:1] != "/" or command.startswith("//") or command in ("/me", "/reply")
    if command == "/login":
        return len(words) > 2
    return command == "/register" or (is_service(current) and said)
