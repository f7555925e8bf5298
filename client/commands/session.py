"""The account and the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands.command import Command, cut, usable

if TYPE_CHECKING:
    from client.chat import Chat


def _register(chat: Chat, text: str) -> None:
    if text:
        chat.complain("/register takes nothing after it: it asks for the password, without showing it.")
    else:
        chat.register()


def _login(chat: Chat, text: str) -> None:
    account, more = cut(text)
    if more:
        chat.complain("/login takes an account and nothing after it: it asks for the password, without showing it.")
    elif usable(chat, account or chat.view.nick):
        chat.log_in(account or chat.view.nick)


def _quote(chat: Chat, text: str) -> None:
    if sent := chat.actions.quote(text.strip()):
        chat.inform(f"sent: {sent}")


def _quit(chat: Chat, text: str) -> None:
    chat.leave(text.strip())


COMMANDS = {
    "register": Command("/register", "get an account called as you are: asks for a password", 0, _register),
    "login": Command("/login [account]", "log in to an account that you have: asks for its password", 0, _login),
    "quote": Command("/quote line", "send a line of IRC as it is", 1, _quote),
    "quit": Command("/quit [reason]", "say goodbye", 0, _quit),
}
