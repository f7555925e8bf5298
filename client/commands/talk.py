"""Saying something, and what becomes of what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands.command import Command, cut, usable
from client.emoji import NO_REACTION, reaction_of
from client.events import Kind
from client.view import Entry
from wire.names import fold

if TYPE_CHECKING:
    from client.chat import Chat

MOST_LOOKED_AT = 1000  # messages, for somebody's last


def _msg(chat: Chat, text: str) -> None:
    to, said = cut(text)
    if not usable(chat, to):
        return
    if said:
        chat.say_aside(said, to)
    else:
        chat.switch(to)


def _me(chat: Chat, text: str) -> None:
    chat.say(text, kind=Kind.ACTION)


def last_of(chat: Chat, nick: str) -> Entry | None:
    """The last message of `nick` in front ("": our own) that others can be told of."""
    for entry in reversed(chat.view.front.entries.newest(MOST_LOOKED_AT)):
        of_them = fold(entry.nick) == fold(nick) if nick else entry.own
        if of_them and entry.msgid and entry.spoken and entry.redacted is None:
            return entry
    return None


def _reply(chat: Chat, text: str) -> None:
    if (chosen := chat.chosen()) is not None:
        chat.say(text, reply_to=chosen.msgid)
        return
    nick, said = cut(text)
    if not said:
        chat.complain("It is: /reply nick text")
    elif (entry := last_of(chat, nick)) is None:
        chat.complain(f"There is no message of {nick} here to answer.")
    else:
        chat.say(said, reply_to=entry.msgid)


def _react(chat: Chat, text: str) -> None:
    nick, reaction = cut(text)
    chosen = chat.chosen()
    if chosen is not None:
        reaction = text.strip()
    elif reaction:
        chosen = last_of(chat, nick)
    else:
        reaction, nick = nick, ""
        chosen = _last_of_others(chat)
    if chosen is None:
        chat.complain(f"There is no message of {nick or 'anybody else'} here to react to.")
        return
    if reaction not in chosen.reactions:  # what others have put there, whatever it is, may be put there too, and taken back
        reaction = reaction_of(reaction)
    if not reaction:
        chat.complain(NO_REACTION)
        return
    mine = chosen.has_reaction_of(chat.view.nick, reaction)
    chat.actions.react(chat.view.current, chosen.msgid, reaction, remove=mine)


def _last_of_others(chat: Chat) -> Entry | None:
    entries = reversed(chat.view.front.entries.newest(MOST_LOOKED_AT))
    return next((x for x in entries if x.spoken and x.msgid and not x.own and x.redacted is None), None)


def _redact(chat: Chat, text: str) -> None:
    chosen, reason = chat.chosen(), text.strip()
    if chosen is None:
        nick, rest = cut(text)
        chosen = last_of(chat, nick) if nick else None
        reason = rest if chosen is not None else reason
        chosen = chosen or last_of(chat, "")
    if chosen is None:
        chat.complain("There is no message of yours here to take back.")
    else:
        chat.actions.redact(chat.view.current, chosen.msgid, reason)


COMMANDS = {
    "msg": Command("/msg name [text]", "say something to one person or room; without text, turn to them", 1, _msg),
    "query": Command("/query name [text]", "the same as /msg", 1, _msg),
    "me": Command("/me text", "say what you do", 1, _me),
    "reply": Command("/reply nick text", "answer the last message of somebody", 1, _reply),
    "react": Command("/react [nick] reaction", "put a reaction to the last message (of somebody); again: take it back", 1, _react),
    "redact": Command("/redact [nick] [reason]", "take back your last message (or somebody's, where you may)", 0, _redact),
}
