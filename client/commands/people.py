"""Who somebody is, whom we do not want to hear, and who we are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands.command import Command, cut, usable
from wire.names import fold

if TYPE_CHECKING:
    from client.chat import Chat


def _nick(chat: Chat, text: str) -> None:
    if usable(chat, name := cut(text)[0]):
        chat.actions.rename(name)


def _whois(chat: Chat, text: str) -> None:
    if usable(chat, nick := cut(text)[0]):
        chat.actions.send("WHOIS", nick)


def _away(chat: Chat, text: str) -> None:
    chat.actions.send("AWAY", " ".join(text.split()) or "away")


def _back(chat: Chat, text: str) -> None:
    del text
    chat.actions.send("AWAY")


def _ignore(chat: Chat, text: str) -> None:
    nick = cut(text)[0]
    if not nick:
        chat.inform(f"ignored: {', '.join(sorted(chat.view.ignored)) or 'nobody'}")
    elif usable(chat, nick):
        chat.view.ignored.add(fold(nick))
        chat.inform(f"{nick} is ignored; /unignore {nick} ends that")


def _unignore(chat: Chat, text: str) -> None:
    nick = cut(text)[0]
    if fold(nick) in chat.view.ignored:
        chat.view.ignored.discard(fold(nick))
        chat.inform(f"{nick} is heard again")
    else:
        chat.complain(f"{nick} is not ignored.")


COMMANDS = {
    "nick": Command("/nick name", "take another name", 1, _nick),
    "whois": Command("/whois nick", "what the server knows of somebody", 1, _whois),
    "away": Command("/away [text]", "say that you are not there", 0, _away),
    "back": Command("/back", "say that you are there again", 0, _back),
    "ignore": Command("/ignore [nick]", "do not show what somebody says; without a nick, who is ignored", 0, _ignore),
    "unignore": Command("/unignore nick", "show it again", 1, _unignore),
}
