"""The account and the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands.command import Command

if TYPE_CHECKING:
    from client.chat import Chat


def _register(chat: Chat, text: str) -> None:
    if text:
        chat.complain("/register takes nothing after it: it asks for the password, without showing it.")
    else:
        chat.register()


def _quote(chat: Chat, text: str) -> None:
    if sent := chat.actions.quote(text.strip()):
        chat.inform(f"sent: {sent}")


def _quit(chat: Chat, text: str) -> None:
    chat.leave(text.strip())


COMMANDS = {
    "register": Command("/register", "get an account called as you are: asks for a password", 0, _register),
    "quote": Command("/quote line", "send a line of IRC as it is", 1, _quote),
    "quit": Command("/quit [reason]", "say goodbye", 0, _quit),
}
